"""Shadows: the contests of second systems, each in a stream of its own beside that of the contest it is compared with.

No route lists a shadow and no feed shows it; it is there for comparisons alone. What is in memory is brought level with
the log whenever somebody asks, since any process may have written it. This module must not know what is compared.
"""

from collections import OrderedDict

from cds.commands.decision import Refused
from cds.live_contest import LiveContest
from eventstore.limits import is_stream_name
from eventstore.store import EventStore
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


class Shadows:
    """The second systems of all contests, opened when asked for."""

    def __init__(self, store: EventStore, tokens: TokenMaker) -> None:
        """Nothing has been read yet."""
        self._store = store
        self._tokens = tokens
        self._open: OrderedDict[str, LiveContest] = OrderedDict()

    async def names(self, contest_id: str) -> list[str]:
        """The names of the second systems of a contest, in order. Raises what the store raises."""
        begin = f"{SHADOW_PREFIX}{contest_id}/"
        rests = (stream.removeprefix(begin) for stream in await self._store.heads() if stream.startswith(begin))
        return sorted(name for name in rests if is_identifier(name))

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
            return None
        shadow = self._open.setdefault(stream, shadow)
        self._open.move_to_end(stream)
        if len(self._open) > SHADOWS_OPEN_MAX:
            self._open.popitem(last=False)
        return shadow
