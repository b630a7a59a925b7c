"""Shadows: the contests of second systems, each in a stream of its own beside that of the contest it is compared with.

No route lists a shadow and no feed shows it; it is there for comparisons alone. What is in memory is brought level with
the log whenever somebody asks, since any process may have written it. A shadow ends with its contest, or when somebody
takes it away: then everything in it is deleted, and the stream may be used again. This module must not know what is
compared.
"""

from collections import OrderedDict
from collections.abc import Iterable

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.reconcile import decide_emptying
from cds.committing import ATTEMPTS_MAX, Contended
from cds.importing import encoded_events, fold_stream
from cds.live_contest import LiveContest
from cds.upstream.options import source_stream
from cds.upstream.status import kept_statuses
from eventstore.limits import is_stream_name
from eventstore.store import Append, EventStore
from projections.tokens import TokenMaker
from schemas.identifiers import is_identifier

SHADOW_PREFIX = "shadow:"

SHADOWS_OPEN_MAX = 16
"""Shadows that are held in memory; of more, those that were not asked for longest are read again when they are."""


def shadow_stream(contest_id: str, name: str) -> str:
    """The stream of the second system of that name. Raises Refused for what is no name."""
    if not is_identifier(name):
        raise Refused(
            f"{name[:60]!r} is no name of a second system: 1 to 36 of the characters a-z A-Z 0-9 _ . -, "
            "not beginning with - or ., not ending with ."
        )
    stream = f"{SHADOW_PREFIX}{contest_id}/{name}"
    if not is_stream_name(stream):
        raise Refused(f"the contest id {contest_id[:60]!r} is too long to have a second system")
    return stream


def shadows_among(streams: Iterable[str]) -> list[tuple[str, str]]:
    """The contests and names of all second systems of which there is a stream, in order; some may have ended."""
    rests = (stream.removeprefix(SHADOW_PREFIX) for stream in streams if stream.startswith(SHADOW_PREFIX))
    found = (rest.rpartition("/") for rest in rests)
    return sorted((contest_id, name) for contest_id, _, name in found if is_identifier(name))


async def end_shadow(
    store: EventStore, contest_id: str, name: str, *, actor: str, cause: str, circumstances: Circumstances
) -> int:
    """Delete everything in a second system; says how many events that took, 0 where there was nothing (any more).

    Raises Refused for what is no name, Contended, and what the store raises.
    """
    stream = shadow_stream(contest_id, name)
    for _ in range(ATTEMPTS_MAX):
        state = await fold_stream(store, stream)
        events = encoded_events(decide_emptying(state))
        if not events:
            return 0
        head = await store.append(
            Append(
                stream=stream,
                expected_position=state.position,
                events=events,
                actor=actor,
                cause=cause,
                batch_id=circumstances.batch_id(),
                recorded_at_us=circumstances.now_us(),
            )
        )
        if head is not None:
            return len(events)
    raise Contended(f"{stream} was written by others {ATTEMPTS_MAX} times in a row")


async def address_of(store: EventStore, contest_id: str, name: str) -> str | None:
    """The address of the contest on the second system itself, None where it was not followed.

    Raises what the store raises.
    """
    statuses = await kept_statuses(store, source_stream(contest_id, name), now_us=0)
    return next((status.url for status in statuses if status.shadow == name), None)


class Shadows:
    """The second systems of all contests, opened when asked for."""

    def __init__(self, store: EventStore, tokens: TokenMaker) -> None:
        """Nothing has been read yet."""
        self._store = store
        self._tokens = tokens
        self._open: OrderedDict[str, LiveContest] = OrderedDict()

    async def names(self, contest_id: str) -> list[str]:
        """The names of the second systems of a contest, in order. Raises what the store raises."""
        streams = await self._store.heads()
        named = [name for of_contest, name in shadows_among(streams) if of_contest == contest_id]
        return [name for name in named if await self.found(contest_id, name) is not None]

    async def end(self, contest_id: str, *, actor: str, circumstances: Circumstances) -> None:
        """Delete everything in the second systems of a contest that is gone. Raises what `end_shadow` raises."""
        for name in await self.names(contest_id):
            await end_shadow(
                self._store, contest_id, name, actor=actor, cause="the contest is gone", circumstances=circumstances
            )

    async def found(self, contest_id: str, name: str) -> LiveContest | None:
        """A second system as the log has it now, None when there is none of that name.

        Raises what the store raises, and UnreadableEvent.
        """
        if not is_identifier(name):
            return None
        stream = shadow_stream(contest_id, name)
        shadow = self._open.get(stream)
        if shadow is None:
            shadow = LiveContest(contest_id, self._store, self._tokens, stream=stream, eager_roles=())
        await shadow.catch_up()
        if not shadow.exists:
            self._open.pop(stream, None)
            return None
        shadow = self._open.setdefault(stream, shadow)
        self._open.move_to_end(stream)
        if len(self._open) > SHADOWS_OPEN_MAX:
            self._open.popitem(last=False)
        return shadow
