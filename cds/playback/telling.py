"""How a history is told again: every change cut into what happened at one moment each, with that moment.

A judgement that a source tells of with its verdict alone has begun before, and a state that says all at once came
about bit by bit. What no TIME in it is new tells of no moment of its own. This module must not know in which order
things will be told.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from cds.commands.contest_moments import STATE_MOMENTS
from cds.commands.decision import ObjectChange
from cds.playback.replacements import Replacement
from cds.playback.source_times import SourceTimes
from schemas.objects import ContestObject, Judgement, State

END_OF_UPDATES = "end_of_updates"

BEFORE_A_VERDICT: Mapping[str, None] = {
    "judgement_type_id": None,
    "simplified_judgement_type_id": None,
    "score": None,
    "end_time": None,
    "max_run_time": None,
}
"""What a judgement has not got while it is under way."""

NOTHING_REPLACED: Mapping[str, Replacement] = {}


class Told(msgspec.Struct, frozen=True):
    """A change with the moment at which it happened, None where it has none of its own.

    `ends_updates`: nothing may follow it. `gives_way`: it goes before what else happens at its moment.
    """

    change: ObjectChange
    moment_ms: int | None
    ends_updates: bool = False
    gives_way: bool = False


def told(
    change: ObjectChange,
    before: ContestObject | None,
    times: SourceTimes,
    replaced: Mapping[str, Replacement] = NOTHING_REPLACED,
) -> Iterator[Told]:
    """The parts of a change to an object that was `before`, in order; the last one is the change itself.

    `replaced` says of judgements how they stood among others (see `replacements`).
    """
    if isinstance(change.instance, State):
        yield from _told_of_state(change, before if isinstance(before, State) else State(), times)
    elif change.instance is None or change.type == "contest":
        yield Told(change, None)
    elif isinstance(change.instance, Judgement) and before is None and change.instance.end_time is not None:
        yield from _told_of_judgement(change, change.instance, times, replaced.get(change.id))
    else:
        yield Told(change, _new_moment_ms(change, before, times))


def _told_of_judgement(
    change: ObjectChange, judgement: Judgement, times: SourceTimes, replacement: Replacement | None
) -> Iterator[Told]:
    """A judgement that is told with its verdict: its beginning, the verdict, and the one that took its place."""
    moments_ms = times.moments_ms(change.type, judgement)
    verdict = judgement if replacement is None else msgspec.structs.replace(judgement, current=replacement.current)
    begun = msgspec.structs.replace(verdict, **BEFORE_A_VERDICT)
    if replacement is not None and replacement.replaces:
        begun = msgspec.structs.replace(begun, current=False)
    yield Told(ObjectChange(change.type, change.id, begun), moments_ms["start_time"])
    yield Told(ObjectChange(change.type, change.id, verdict), moments_ms["end_time"])
    if replacement is not None and replacement.gives_way_ms is not None:
        yield Told(change, replacement.gives_way_ms, gives_way=True)


def _new_moment_ms(change: ObjectChange, before: ContestObject | None, times: SourceTimes) -> int | None:
    """The latest of the moments of an object that it did not have before."""
    if change.instance is None:
        return None
    known_ms = {} if before is None else times.moments_ms(change.type, before)
    moments_ms = times.moments_ms(change.type, change.instance)
    return max((moment_ms for name, moment_ms in moments_ms.items() if moment_ms != known_ms.get(name)), default=None)


class _New(NamedTuple):
    """Something that is new in a state, in order of time, then as things come."""

    moment_ms: int
    order: int
    what: str
    place: int = 0


def _told_of_state(change: ObjectChange, before: State, times: SourceTimes) -> Iterator[Told]:
    """The state without anything that is new in it, if that is another one, then what is new in order of time."""
    after = change.instance
    if not isinstance(after, State):
        return
    news = sorted(_news(before, after, times))
    # Whatever its time is, nothing follows the end of updates.
    news.sort(key=_ends_updates)
    present: State | None = None if not news else before
    for count in range(len(news) + 1):
        lacking = {(each.what, each.place) for each in news[count:]}
        version = _without(after, before, lacking) if lacking else after
        if version != present:
            latest = news[count - 1] if count else None
            yield Told(
                ObjectChange(change.type, change.id, version),
                None if latest is None else latest.moment_ms,
                ends_updates=latest is not None and _ends_updates(latest),
            )
        present = version


def _news(before: State, after: State, times: SourceTimes) -> Iterator[_New]:
    for order, name in enumerate(STATE_MOMENTS):
        time = getattr(after, name)
        if isinstance(time, str) and time != getattr(before, name):
            yield _New(times.moment_ms(time), order, name)
    known = before.removed_intervals or []
    for place, interval in enumerate(after.removed_intervals or ()):
        old = known[place] if place < len(known) else None
        if old is None or old.start != interval.start:
            yield _New(times.moment_ms(interval.start), len(STATE_MOMENTS), "start", place)
        if interval.end is not None and (old is None or old.end != interval.end):
            yield _New(times.moment_ms(interval.end), len(STATE_MOMENTS) + 1, "end", place)


def _ends_updates(new: _New) -> bool:
    return new.what == END_OF_UPDATES


def _without(after: State, before: State, lacking: set[tuple[str, int]]) -> State:
    """A state as it was while this had not come."""
    values: dict[str, object] = {
        name: None if getattr(before, name) is UNSET else getattr(before, name)
        for name in STATE_MOMENTS
        if (name, 0) in lacking
    }
    if after.removed_intervals:
        intervals = [
            msgspec.structs.replace(interval, end=None) if ("end", place) in lacking else interval
            for place, interval in enumerate(after.removed_intervals)
            if ("start", place) not in lacking
        ]
        values["removed_intervals"] = intervals or before.removed_intervals
    return msgspec.structs.replace(after, **values)
