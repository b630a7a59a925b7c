"""Objects as they are when they happen again: the same, but for the id of the contest and every TIME.

Contest times, duration, freeze and penalty are as they were, so that the scoreboard is. This module must not know when
anything is appended.
"""

from collections.abc import Callable

import msgspec

from cds.commands.contest_moments import lasting_ms
from cds.commands.decision import ObjectChange
from cds.playback.pacing import Pacing
from cds.playback.source_times import SourceTimes
from projections.timeline import timeline_of
from schemas.extensions import AnalysisMode, ContestExtension
from schemas.objects import Account, Contest, ContestObject, RemovedInterval, State
from schemas.times import format_time, parse_time_ms, zone_of


class Again:
    """Makes the changes of a source those of its replay."""

    def __init__(self, contest_id: str, times: SourceTimes, pacing: Pacing, start_ms: int) -> None:
        """`start_ms` is when the start comes again, in milliseconds since the epoch."""
        self._contest_id = contest_id
        self._times = times
        self._pacing = pacing
        self._start_ms = start_ms
        self._particulars: dict[str, Callable[[ContestObject], ContestObject]] = {
            "contest": self._contest,
            "state": self._state,
            "accounts": self._account,
        }

    def happening_ms(self, moment_ms: int) -> int:
        """When what happened at a moment happens again, in milliseconds since the epoch."""
        return self._start_ms + self._pacing.after_ms(moment_ms)

    def change(self, change: ObjectChange) -> ObjectChange:
        """A change as it happens again."""
        if change.instance is None:
            return change
        particular = self._particulars.get(change.type)
        instance = particular(change.instance) if particular else self._timed(change.type, change.instance)
        return ObjectChange(change.type, change.id, instance)

    def _timed(self, type_name: str, instance: ContestObject) -> ContestObject:
        moments_ms = self._times.moments_ms(type_name, instance)
        if not moments_ms:
            return instance
        written = {
            name: format_time(self.happening_ms(moment_ms), zone_of(getattr(instance, name)))
            for name, moment_ms in moments_ms.items()
        }
        return msgspec.structs.replace(instance, **written)

    def _contest(self, instance: ContestObject) -> ContestObject:
        """Whatever start was planned before, it is the one that it came to be."""
        if not isinstance(instance, Contest):
            return instance
        start_time = instance.start_time and (self._times.contest.start_time or instance.start_time)
        thaw_time = instance.scoreboard_thaw_time
        return msgspec.structs.replace(
            instance,
            id=self._contest_id,
            start_time=start_time and self._time(start_time),
            scoreboard_thaw_time=thaw_time and self._time(thaw_time),
            ext=instance.ext and self._analysed(instance.ext),
        )

    def _analysed(self, extension: ContestExtension) -> ContestExtension:
        """What CMS knows of a contest, with the analysis at its distance from the end."""
        analysis = None if extension.cms is None else extension.cms.analysis
        if extension.cms is None or analysis is None:
            return extension
        again = AnalysisMode(start=self._time(analysis.start), stop=self._time(analysis.stop))
        return msgspec.structs.replace(extension, cms=msgspec.structs.replace(extension.cms, analysis=again))

    def _account(self, instance: ContestObject) -> ContestObject:
        """An account whose own time begins at the contest time at which it did."""
        extension = instance.ext if isinstance(instance, Account) else None
        participation = None if extension is None else extension.cms
        if extension is None or participation is None or participation.starting_time is None:
            return instance
        begun = msgspec.structs.replace(participation, starting_time=self._time(participation.starting_time))
        return msgspec.structs.replace(instance, ext=msgspec.structs.replace(extension, cms=begun))

    def _state(self, instance: ContestObject) -> ContestObject:
        if not isinstance(instance, State):
            return instance
        happened = self._timed("state", instance)
        if not isinstance(happened, State):
            return happened
        if instance.removed_intervals:
            intervals = [*map(self._interval, instance.removed_intervals)]
            happened = msgspec.structs.replace(happened, removed_intervals=intervals)
        return self._frozen_no_later(happened, instance)

    def _frozen_no_later(self, happened: State, instance: State) -> State:
        """The state, in which a freeze by hand begins at a contest time that is no later than it was.

        Its TIME says which that is, and a millisecond of today is much contest time at high speed: what was hidden
        must not be shown. A freeze at the planned time begins then, whatever its TIME says.
        """
        contest = self._contest(self._times.contest)
        frozen_ms = self._times.freeze_ms(instance)
        if not isinstance(happened.frozen, str) or frozen_ms is None or not isinstance(contest, Contest):
            return happened
        comes_to_ms = timeline_of(contest, happened, self._pacing.pace_permille).freeze_ms
        if comes_to_ms is None or comes_to_ms <= frozen_ms:
            return happened
        earlier_ms = parse_time_ms(happened.frozen) - lasting_ms(comes_to_ms - frozen_ms, self._pacing.pace_permille)
        return msgspec.structs.replace(happened, frozen=format_time(earlier_ms, zone_of(happened.frozen)))

    def _interval(self, interval: RemovedInterval) -> RemovedInterval:
        """An interval that is no longer than it would be exactly: no contest time behind it comes too early."""
        start_ms = self.happening_ms(self._times.moment_ms(interval.start))
        start = format_time(start_ms, zone_of(interval.start))
        if interval.end is None:
            return msgspec.structs.replace(interval, start=start)
        end_ms = self._start_ms + self._pacing.whole_after_ms(self._times.moment_ms(interval.end))
        end = format_time(max(start_ms, end_ms), zone_of(interval.end))
        return msgspec.structs.replace(interval, start=start, end=end)

    def _time(self, time: str) -> str:
        return format_time(self.happening_ms(self._times.moment_ms(time)), zone_of(time))
