"""Moments of a stream as a command is asked for them: by a token, a time, or a contest time.

The stream is looked at in the log alone, so no contest has to be in memory. This module must not know what is done with
a moment.
"""

import msgspec

from cds.commands.decision import Refused
from cds.decoding import decoded
from cds.past.reading import bring_level, events_of_types_between
from cds.past.states import Moment
from cds.past.told import Told
from eventstore.store import EventStore, Head
from projections.contest import SETTINGS, ContestState
from projections.past_moments import (
    AskedContestTime,
    AskedTime,
    AskedToken,
    RecordedTimes,
    asked_moment,
    latest_moment_ms,
)
from projections.timeline import Timeline
from projections.tokens import CHAIN_BYTES, Place, TokenMaker, TokenRefused
from projections.told_times import Marks

NO_TYPES = 0
"""A token of a feed that is limited to any types will do."""

NOTHING_KNOWN = (
    "nothing was known of the contest yet: what happened counts from when it was recorded here, so only tokens lead "
    "into the past of a contest that was imported when it was over"
)

TIMELINE_TYPES = frozenset({"contest", "state", SETTINGS})
"""What decides which moment has which contest time."""


class TimeAsked(msgspec.Struct, frozen=True):
    """A time in milliseconds since the epoch, and by what it counts: None: by when events were recorded."""

    time_ms: int
    told: Marks | None = None


async def timeline_now(store: EventStore, stream: str, head: Head) -> Timeline:
    """The times of a contest as they are known at the end of its stream. Raises what the store raises."""
    state = ContestState()
    async for event in events_of_types_between(store, stream, 0, head.position, TIMELINE_TYPES):
        state.apply(event.position, event.type, event.id, decoded(event))
    return state.timeline


async def time_asked(store: EventStore, stream: str, head: Head, text: str, now_ms: int) -> TimeAsked:
    """The time that a TIME or a contest time stands for. Raises Refused, and as the store does."""
    try:
        asked = asked_moment(text)
        if isinstance(asked, AskedTime):
            return TimeAsked(asked.time_ms)
        found_ms = None
        if isinstance(asked, AskedContestTime):
            found_ms = latest_moment_ms(await timeline_now(store, stream, head), asked.contest_time_ms)
    except ValueError as refused:
        raise Refused(f"{text!r}: {refused}") from None
    if isinstance(asked, AskedToken):
        raise Refused(f"{text!r} is neither a time nor a contest time")
    told = await Told(store, stream).times(head.position)
    return TimeAsked(now_ms if found_ms is None else found_ms, None if told is None else told.everything)


async def moment_asked(
    store: EventStore, stream: str, text: str, *, now_ms: int, tokens: TokenMaker, view: str
) -> Moment:
    """The moment of a stream that a text asks for; a token has to be of that view.

    Raises Refused for what is no moment, is still to come or was before the first event; and what the store raises.
    """
    head = await store.head(stream)
    try:
        asked = asked_moment(text)
        if isinstance(asked, AskedToken):
            place = tokens.read(asked.token, view, NO_TYPES)
            await _check(store, stream, place)
            return Moment(place.position, place.index)
    except (ValueError, TokenRefused) as refused:
        raise Refused(f"{text!r}: {str(refused).replace('since_token', 'the token', 1)}") from None
    found = await time_asked(store, stream, head, text, now_ms)
    if found.time_ms > (now_ms if found.told is None else found.told.reaching_ms(now_ms)):
        raise Refused(f"{text!r} is still to come")
    position = await _last_position(store, stream, head, found)
    if not position:
        raise Refused(f"{NOTHING_KNOWN} (at {text!r})")
    return Moment(position)


async def _last_position(store: EventStore, stream: str, head: Head, asked: TimeAsked) -> int:
    """The last position that counts for a time, 0 for none."""
    if asked.told is not None:
        return asked.told.last_position(asked.time_ms, head.position)
    times = RecordedTimes()
    await bring_level(times, store, stream, head.position)
    return times.last_position(asked.time_ms)


async def _check(store: EventStore, stream: str, place: Place) -> None:
    """Raises TokenRefused for a token of another log."""
    events = await store.past.read_at(stream, [place.position])
    if [event.chain[:CHAIN_BYTES] for event in events] != [place.chain_bits]:
        raise TokenRefused("the token is not of this log")
