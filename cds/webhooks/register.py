"""The register of webhooks: their stream in memory, level with the log, and their secrets beside it.

Every process has its own; a change goes into the log where it stands, or is decided anew. This module must not know
who may change what, nor how anybody is called.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from cds.live_contest import Circumstances, Contended, UnreadableEvent
from eventstore.store import Append, Event, EventStore, NewEvent
from projections.webhooks import Registrations
from schemas.webhooks import WEBHOOKS, Cursor, Webhook

PAGE_EVENTS = 1_000
ATTEMPTS_MAX = 8

SECRETS = "webhook-secrets"
CURSORS = "webhook-cursors"
"""The kinds under which secrets (by webhook and name) and cursors (by webhook and contest) are kept."""

SEPARATOR = "/"

_decoder = msgspec.json.Decoder(Webhook)
_cursor_decoder = msgspec.json.Decoder(Cursor)


class Change(msgspec.Struct, frozen=True):
    """A webhook after a change; None for one that is deleted."""

    id: str
    webhook: Webhook | None


Read = TypeVar("Read")

Decide = Callable[[Registrations], Change | None]


class SharedReading(Generic[Read]):
    """Something that many want to read at the same time: one reading serves all who asked before it began."""

    def __init__(self, read: Callable[[], Awaitable[Read]], name: str) -> None:
        """`name` is that of the task that reads."""
        self._read = read
        self._name = name
        self._reading = asyncio.Lock()
        self._next: asyncio.Task[Read] | None = None

    async def now(self) -> Read:
        """What there is at this moment, or later. Raises what reading raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._begin(), name=self._name)
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)

    async def _begin(self) -> Read:
        async with self._reading:
            self._next = None  # whoever comes from here on may know of something that this reading does not see
            return await self._read()


class Register:
    """All webhooks in memory."""

    def __init__(self, store: EventStore) -> None:
        """Nothing has been read yet."""
        self.state = Registrations()
        self._store = store
        self._reading = asyncio.Lock()
        self._looks = SharedReading(self.catch_up, "look at the webhooks")
        self._secrets = SharedReading(self._read_secrets, "read the secrets of webhooks")
        self._cursors = SharedReading(self._read_cursors, "read the cursors of webhooks")

    async def catch_up(self) -> None:
        """Read what the stream holds beyond our position. Raises StoreUnavailable and UnreadableEvent."""
        async with self._reading:
            while page := await self._store.read(WEBHOOKS, self.state.position, PAGE_EVENTS):
                for event in page:
                    self.state.apply(event.position, event.id, _decoded(event))

    async def fresh(self) -> None:
        """Come back when everything is known that any process had written before this call; one look serves many."""
        if self._store.alone:
            return
        await self._looks.now()

    async def transact(self, decide: Decide, *, actor: str, cause: str, circumstances: Circumstances) -> None:
        """Decide on what is so now, and append; anew when somebody else wrote first.

        Raises what `decide` and the store raise, and Contended after ATTEMPTS_MAX tries.
        """
        for _ in range(ATTEMPTS_MAX):
            await self.catch_up()
            change = decide(self.state)
            if change is None:
                return
            data = None if change.webhook is None else msgspec.json.encode(change.webhook)
            append = Append(
                stream=WEBHOOKS,
                expected_position=self.state.position,
                events=[NewEvent(type=WEBHOOKS, id=change.id, data=data)],
                actor=actor,
                cause=cause,
                batch_id=circumstances.batch_id(),
                recorded_at_us=circumstances.now_us(),
            )
            if await self._store.append(append) is not None:
                await self.catch_up()
                return
        raise Contended(f"the webhooks were written by others {ATTEMPTS_MAX} times in a row")

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


def _heard(reading: asyncio.Task[Read]) -> None:
    """Whoever waited has been told; when all of them have left, nobody has to be."""
    if not reading.cancelled():
        reading.exception()


def _id(webhook_id: str, name: str) -> str:
    return f"{webhook_id}{SEPARATOR}{name}"


def _decoded(event: Event) -> Webhook | None:
    """Raises UnreadableEvent for an event that this program cannot read; a newer one may have written it."""
    try:
        return None if event.data is None else _decoder.decode(event.data)
    except msgspec.DecodeError as error:
        raise UnreadableEvent(f"{event.stream} {event.position}: {event.type} {event.id}: {error}") from error
