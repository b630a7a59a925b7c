"""What a contest object and its state say about time: start, freeze, embargo, removed intervals.

All relative times are contest time in milliseconds. This module must not know the clock: whether something has
happened is what the state object says.
"""

import msgspec
from msgspec import UNSET, UnsetType

from schemas.objects import Contest, RemovedInterval, State
from schemas.records import ORDINARY_PACE_PERMILLE
from schemas.times import parse_relative_time_ms, parse_time_ms


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The derived times of one contest at one position of its log.

    `freeze_ms` is the contest time at which the freeze begins (None: no freeze); `embargo_ms` is the same while
    verdicts from then on are hidden, None once thawed. A submission exactly at the freeze counts as frozen
    (requirements A24). A contest that ended its updates without ever having been frozen hides nothing.
    `freeze_announced`: there is an embargo, and the state says that the freeze has begun or that
    the contest is over. `duration_ms` is None without a contest object. `pace_permille` is how many milliseconds of
    contest time pass in a second: more than 1000 for a contest that is played again at higher speed.
    """

    start_ms: int | None = None
    duration_ms: int | None = None
    freeze_ms: int | None = None
    embargo_ms: int | None = None
    started: bool = False
    freeze_announced: bool = False
    removed: tuple[tuple[int, int | None, int], ...] = ()
    pace_permille: int = ORDINARY_PACE_PERMILLE

    def contest_time_ms(self, time_ms: int) -> int:
        """Contest time of a moment; inside a removed interval it stands still, afterwards it is shifted back.

        Without a known start the contest time is 0.
        """
        if self.start_ms is None:
            return 0
        removed_ms = 0
        for start_ms, end_ms, contest_time_ms in self.removed:
            if time_ms < start_ms:
                break
            if end_ms is None or time_ms < end_ms:
                return contest_time_ms
            removed_ms += end_ms - start_ms
        return (time_ms - self.start_ms - removed_ms) * self.pace_permille // ORDINARY_PACE_PERMILLE

    def within_contest(self, contest_time_ms: int) -> bool:
        """Whether a contest time lies in the contest: at or after the start and before the end."""
        return contest_time_ms >= 0 and (self.duration_ms is None or contest_time_ms < self.duration_ms)

    def counts(self, contest_time_ms: int, *, official: bool | None) -> bool:
        """Whether a submission of a team counts; see `submission_counts`."""
        return submission_counts(contest_time_ms, self.duration_ms, official=official)

    def embargoed(self, contest_time_ms: int) -> bool:
        """Whether what was submitted at this contest time is hidden from those behind the freeze."""
        return self.embargo_ms is not None and contest_time_ms >= self.embargo_ms


def submission_counts(contest_time_ms: int, duration_ms: int | None, *, official: bool | None) -> bool:
    """Whether a submission of a team counts, given what is said of that (`ext.cms.official`, None: nothing).

    Not before the start, and before the end; one that is official also after it, since somebody had more time, and one
    that is not never.
    """
    if contest_time_ms < 0 or official is False:
        return False
    return official is True or duration_ms is None or contest_time_ms < duration_ms


def timeline_of(contest: Contest | None, state: State | None, pace_permille: int = ORDINARY_PACE_PERMILLE) -> Timeline:
    """The timeline that follows from the two objects, and from the pace at which the contest goes on."""
    if contest is None:
        return Timeline()
    started = moment_ms(state.started) if state else None
    frozen = moment_ms(state.frozen) if state else None
    thawed = moment_ms(state.thawed) if state else None
    ended = moment_ms(state.ended) if state else None
    start_ms = started if started is not None else moment_ms(contest.start_time)
    removed = tuple(_interval_ms(interval) for interval in (state.removed_intervals or ())) if state else ()
    duration_ms = parse_relative_time_ms(contest.duration)
    clock = Timeline(start_ms=start_ms, duration_ms=duration_ms, removed=removed, pace_permille=pace_permille)
    freeze_ms = _freeze_ms(contest, duration_ms, frozen, clock)
    # Updates end after thaw, or without a freeze having been (JSON Format, "Contest state").
    never_frozen = frozen is None and state is not None and bool(state.end_of_updates)
    embargo_ms = freeze_ms if thawed is None and not never_frozen else None
    return Timeline(
        start_ms=start_ms,
        duration_ms=duration_ms,
        freeze_ms=freeze_ms,
        embargo_ms=embargo_ms,
        started=started is not None,
        freeze_announced=embargo_ms is not None and (frozen is not None or ended is not None),
        removed=removed,
        pace_permille=pace_permille,
    )


def moment_ms(text: str | UnsetType | None) -> int | None:
    """Milliseconds of a TIME that may be null."""
    return None if text is None or text is UNSET else parse_time_ms(text)


def _freeze_ms(contest: Contest, duration_ms: int, frozen_ms: int | None, clock: Timeline) -> int | None:
    """The earlier of the configured freeze and one that was forced by hand."""
    candidates_ms = []
    freeze_duration_ms = parse_relative_time_ms(contest.scoreboard_freeze_duration or "0:00:00")
    if freeze_duration_ms > 0:
        candidates_ms.append(duration_ms - freeze_duration_ms)
    if frozen_ms is not None and clock.start_ms is not None:
        candidates_ms.append(clock.contest_time_ms(frozen_ms))
    return min(candidates_ms, default=None)


def _interval_ms(interval: RemovedInterval) -> tuple[int, int | None, int]:
    return (
        parse_time_ms(interval.start),
        moment_ms(interval.end),
        parse_relative_time_ms(interval.contest_time),
    )
