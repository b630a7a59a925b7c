"""The register of webhooks: their stream in memory, level with the log, and their secrets beside it.

Every process has its own; a change goes into the log where it stands, or is decided anew. This module must not know
who may change what, nor how anybody is called.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from cds.circumstances import Circumstances
from cds.ledgers import Ledger
from cds.shared_reading import SharedReading
from eventstore.store import EventStore, NewEvent
from projections.webhooks import Registrations
from schemas.webhooks import WEBHOOKS, Cursor, Webhook

SECRETS = "webhook-secrets"
CURSORS = "webhook-cursors"
"""The kinds under which secrets (by webhook and name) and cursors (by webhook and contest) are kept."""

SEPARATOR = "/"

_cursor_decoder = msgspec.json.Decoder(Cursor)


class Change(msgspec.Struct, frozen=True):
    """A webhook after a change; None for one that is deleted."""

    id: str
    webhook: Webhook | None


Decide = Callable[[Registrations], Change | None]


class Register:
    """All webhooks in memory."""

    def __init__(self, store: EventStore) -> None:
        """Nothing has been read yet."""
        self._store = store
        self._ledger = Ledger(store, WEBHOOKS, Registrations, "the webhooks")
        self._secrets = SharedReading(self._read_secrets, "read the secrets of webhooks")
        self._cursors = SharedReading(self._read_cursors, "read the cursors of webhooks")

    @property
    def state(self) -> Registrations:
        """All registrations, as far as they have been read."""
        return self._ledger.state

    async def catch_up(self) -> None:
        """Read what the stream holds beyond our position. Raises StoreUnavailable and UnreadableEvent."""
        await self._ledger.catch_up()

    async def fresh(self) -> None:
        """Come back when everything is known that any process had written before this call; one look serves many."""
        await self._ledger.fresh()

    async def transact(self, decide: Decide, *, actor: str, cause: str, circumstances: Circumstances) -> None:
        """Decide on what is so now, and append; anew when somebody else wrote first: see `Ledger.transact`."""

        def events(state: Registrations) -> Sequence[NewEvent]:
            change = decide(state)
            if change is None:
                return ()
            data = None if change.webhook is None else msgspec.json.encode(change.webhook)
            return (NewEvent(type=WEBHOOKS, id=change.id, data=data),)

        await self._ledger.transact(events, actor=actor, cause=cause, circumstances=circumstances)

    async def keep_secret(self, webhook_id: str, name: str, secret: str) -> None:
        """Keep a secret; to be done before the webhook names it."""
        await self._store.keep(SECRETS, {_id(webhook_id, name): secret.encode()})

    async def erase_secret(self, webhook_id: str, name: str) -> None:
        """Erase a secret that no webhook names."""
        await self._store.keep(SECRETS, {_id(webhook_id, name): None})

    async def secrets(self) -> Mapping[str, str]:
        """All secrets, by `Webhook.secret_id`; those who ask together are given the same."""
        return await self._secrets.now()

    async def cursors(self, webhook_id: str) -> Mapping[str, Cursor]:
        """How far a webhook has been told, by contest; those who ask together cost one reading of all."""
        return (await self._cursors.now()).get(webhook_id, {})

    async def keep_cursor(self, webhook_id: str, contest_id: str, cursor: Cursor) -> None:
        """Keep how far a webhook has been told of a contest; durable when this returns."""
        await self._store.keep(CURSORS, {_id(webhook_id, contest_id): msgspec.json.encode(cursor)})

    async def erase_deleted(self, webhook_ids: Iterable[str]) -> None:
        """Erase everything that is kept of webhooks that are deleted."""
        gone = frozenset(webhook_ids)
        for kind in (SECRETS, CURSORS) if gone else ():
            kept = await self._store.kept(kind)
            found = [identifier for identifier in kept if identifier.partition(SEPARATOR)[0] in gone]
            if found:
                await self._store.keep(kind, dict.fromkeys(found))

    async def _read_secrets(self) -> dict[str, str]:
        return {identifier: data.decode() for identifier, data in (await self._store.kept(SECRETS)).items()}

    async def _read_cursors(self) -> dict[str, dict[str, Cursor]]:
        found: dict[str, dict[str, Cursor]] = {}
        for identifier, data in (await self._store.kept(CURSORS)).items():
            webhook_id, _, contest_id = identifier.partition(SEPARATOR)
            found.setdefault(webhook_id, {})[contest_id] = _cursor_decoder.decode(data)
        return found


def _id(webhook_id: str, name: str) -> str:
    return f"{webhook_id}{SEPARATOR}{name}"
