"""Stretches of time that do not count: checked and given the contest time at which the clock stood.

This module must not know who asks for them.
"""

from collections.abc import Sequence

import msgspec

from cds.commands.contest_moments import read_time, written
from cds.commands.decision import Refused
from projections.timeline import moment_ms
from schemas.objects import Contest, RemovedInterval
from schemas.times import format_relative_time, parse_relative_time_ms

NOW = "now"
"""What may be written in place of the present moment."""

PROPERTY = "removed_intervals"
INTERVALS_MAX = 100


class IntervalWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A removed interval as it is asked for: TIME or `now`, `end` null while it runs.

    `contest_time` may be left out; it is computed, and one that says otherwise is refused.
    """

    start: str
    end: str | None = None
    contest_time: str | None = None


def as_wanted(interval: RemovedInterval) -> IntervalWanted:
    """An interval that there is, as somebody asks for it to stay; its contest time is computed anew."""
    return IntervalWanted(start=interval.start, end=interval.end)


def checked_intervals(
    contest: Contest, started_ms: int, wanted: Sequence[IntervalWanted], now_ms: int
) -> list[RemovedInterval]:
    """The intervals with their contest times. They are in order, do not overlap, and lie in the contest.

    None begins in the future; one may be known to end there. Raises Refused.
    """
    if len(wanted) > INTERVALS_MAX:
        raise Refused(f"there are more than {INTERVALS_MAX} removed intervals", PROPERTY)
    duration_ms = parse_relative_time_ms(contest.duration)
    checked: list[RemovedInterval] = []
    free_ms: int | None = started_ms
    removed_ms = 0
    for each in wanted:
        start, start_ms = _moment(contest, each.start, now_ms)
        end, end_ms = (None, None) if each.end is None else _moment(contest, each.end, now_ms)
        contest_time_ms = start_ms - started_ms - removed_ms
        _refuse_misplaced(start_ms, end_ms, free_ms, now_ms)
        if contest_time_ms > duration_ms:
            raise Refused(f"a removed interval begins after the end of the contest: {start}", PROPERTY)
        _refuse_other_contest_time(each, contest_time_ms)
        checked.append(RemovedInterval(start=start, end=end, contest_time=format_relative_time(contest_time_ms)))
        free_ms = end_ms
        removed_ms += 0 if end_ms is None else end_ms - start_ms
    return checked


def cut_off(contest: Contest, intervals: Sequence[RemovedInterval], ended_ms: int) -> list[RemovedInterval]:
    """The intervals of a contest that is ended at this moment: none goes on behind it. Raises Refused."""
    kept = []
    for interval in intervals:
        end_ms = moment_ms(interval.end)
        if (moment_ms(interval.start) or 0) > ended_ms:
            raise Refused(f"a removed interval begins after that, at {interval.start}", "ended", ground="conflict")
        late = end_ms is None or end_ms > ended_ms
        kept.append(msgspec.structs.replace(interval, end=written(contest, ended_ms)) if late else interval)
    return kept


def _moment(contest: Contest, text: str, now_ms: int) -> tuple[str, int]:
    return (written(contest, now_ms), now_ms) if text == NOW else read_time(PROPERTY, text)


def _refuse_misplaced(start_ms: int, end_ms: int | None, free_ms: int | None, now_ms: int) -> None:
    if free_ms is None:
        raise Refused("only the last removed interval may be open", PROPERTY)
    if start_ms < free_ms:
        raise Refused("removed intervals lie behind the start, in order, and do not overlap", PROPERTY)
    if end_ms is not None and end_ms < start_ms:
        raise Refused("a removed interval ends before it starts", PROPERTY)
    if start_ms > now_ms:
        raise Refused("a removed interval may not begin in the future", PROPERTY)


def _refuse_other_contest_time(wanted: IntervalWanted, contest_time_ms: int) -> None:
    if wanted.contest_time is None:
        return
    try:
        given_ms = parse_relative_time_ms(wanted.contest_time)
    except ValueError:
        raise Refused(f"contest_time is not a relative time: {wanted.contest_time!r}", PROPERTY) from None
    if given_ms != contest_time_ms:
        computed = format_relative_time(contest_time_ms)
        raise Refused(f"the contest time of the interval is {computed}, not {wanted.contest_time}", PROPERTY)
