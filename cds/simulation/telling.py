"""A settled contest told as changes, in the order in which a real contest server would make them.

Configuration first; then submissions as they come, each judgement without verdict, its runs one by one and its
verdict; clarifications, commentary and awards where they belong; `end_of_updates` last. A change never names an
object that does not stand yet. This module must not know chance: everything is settled in the world.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import accumulate

import msgspec

from cds.simulation.attempts import Attempt
from cds.simulation.award_keeping import AwardKeeper
from cds.simulation.catalogue import VERDICTS
from cds.simulation.comments import comment_on_arrival, comment_on_verdict
from cds.simulation.judging import Judging, run_end_ms
from cds.simulation.live_objects import (
    EMPTY_STATE,
    judging_score,
    make_judgement,
    make_pending_judgement,
    make_run,
    make_submission,
    replaced_judgement,
)
from cds.simulation.standings import Outcome, Standings
from cds.simulation.world import BEFORE_START_MS, World
from schemas.object_types import SINGLETON_ID, TYPE_OF_STRUCTURE, object_key
from schemas.objects import Commentary, ContestObject

_AWARDS_MS = -BEFORE_START_MS // 2
_COMMENT_AFTER_MS = 9_000


class SimulatedChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change at a moment: the object as it stands afterwards, None when it is gone.

    `moment_ms` is contest time, negative before the start; `id` is empty for objects that exist once.
    """

    moment_ms: int
    type: str
    id: str
    instance: ContestObject | None


Step = Callable[[int], Iterator[SimulatedChange]]


def tell(world: World, *, with_runs: bool = True) -> Iterator[SimulatedChange]:
    """All changes up to the moment at which the world stops, ascending in time."""
    return _Teller(world, with_runs=with_runs).changes()


class _Teller:
    """Goes through the contest once. What comes next stands in a queue by moment, and by order of entry inside one."""

    def __init__(self, world: World, *, with_runs: bool) -> None:
        self._world = world
        self._with_runs = with_runs
        self._standings = Standings(
            world.parameters.scoreboard_type,
            world.attempts,
            [row.official for row in world.teams],
            [row.site_id for row in world.teams],
        )
        self._awards = AwardKeeper(world, self._standings)
        self._queue: list[tuple[int, int, Step]] = []
        self._entered = 0
        self._comments = 0
        self._state = EMPTY_STATE
        self._first_judgings = {j.attempt.number: j for j in world.judgings if j.corrects is None}
        self._corrections = {j.corrects: j for j in world.judgings if j.corrects is not None}
        self._runs_before = [0, *accumulate(judging.runs for judging in world.judgings)]

    def changes(self) -> Iterator[SimulatedChange]:
        """Configuration, then whatever the queue brings."""
        yield from self._setup()
        self._enter_script()
        until_ms = self._world.until_ms
        while self._queue and self._queue[0][0] <= until_ms:
            moment_ms, _, step = heapq.heappop(self._queue)
            yield from step(moment_ms)

    def _enter(self, moment_ms: int, step: Step) -> None:
        self._entered += 1
        heapq.heappush(self._queue, (moment_ms, self._entered, step))

    def _setup(self) -> Iterator[SimulatedChange]:
        """Configuration in the order of table one; the contest names its main group once that stands."""
        contest = self._world.contest
        complete = contest.main_scoreboard_group_id is None
        moment_ms = -BEFORE_START_MS
        for type_name, instances in self._world.configuration.items():
            for instance in instances:
                first = instance is contest and not complete
                shown = msgspec.structs.replace(contest, main_scoreboard_group_id=None) if first else instance
                yield _change(moment_ms, shown)
                moment_ms += 1
            if type_name == "groups" and not complete:
                yield _change(moment_ms, contest)
        yield _change(moment_ms, EMPTY_STATE)
        for award in self._awards.initial():
            yield _change(_AWARDS_MS, award)

    def _enter_script(self) -> None:
        """What does not hang on anything else. Changes of state come first at their moment: the freeze, say."""
        milestones = self._world.milestones
        for moment_ms, property in (
            (0, "started"),
            (milestones.frozen_ms, "frozen"),
            (milestones.ended_ms, "ended"),
            (milestones.finalized_ms, "finalized"),
            (milestones.thawed_ms, "thawed"),
            (milestones.end_of_updates_ms, "end_of_updates"),
        ):
            if moment_ms is not None:
                self._enter(moment_ms, self._change_state(property))
        for moment_ms, clarification in self._world.clarifications:
            self._enter(moment_ms, _telling(clarification))
        self._enter_attempt(0)

    def _enter_attempt(self, index: int) -> None:
        """Only the next submission waits in the queue, so that it stays short in a contest of any size."""
        if index < len(self._world.attempts):
            attempt = self._world.attempts[index]
            self._enter(attempt.contest_time_ms, lambda moment_ms: self._submit(moment_ms, index, attempt))

    def _change_state(self, property: str) -> Step:
        def step(moment_ms: int) -> Iterator[SimulatedChange]:
            self._state = msgspec.structs.replace(self._state, **{property: self._world.moments.time(moment_ms)})
            yield _change(moment_ms, self._state)

        return step

    def _submit(self, moment_ms: int, index: int, attempt: Attempt) -> Iterator[SimulatedChange]:
        yield _change(moment_ms, make_submission(self._world, attempt))
        if attempt.number in self._world.commented and self._hidden(attempt):
            self._enter_comment(moment_ms, lambda at, number: comment_on_arrival(self._world, attempt, number, at))
        self._enter_judging(self._first_judgings[attempt.number])
        self._enter_attempt(index + 1)

    def _enter_judging(self, judging: Judging) -> None:
        self._enter(judging.start_ms, lambda moment_ms: self._start(moment_ms, judging))

    def _start(self, moment_ms: int, judging: Judging) -> Iterator[SimulatedChange]:
        yield _change(moment_ms, make_pending_judgement(self._world, judging))
        if self._with_runs and judging.runs:
            self._enter_run(judging, 1)
        else:
            self._enter(judging.end_ms, lambda at: self._finish(at, judging))

    def _enter_run(self, judging: Judging, ordinal: int) -> None:
        ends_ms = run_end_ms(judging, self._world.problems[judging.attempt.problem], ordinal)
        self._enter(ends_ms, lambda moment_ms: self._run(moment_ms, judging, ordinal))

    def _run(self, moment_ms: int, judging: Judging, ordinal: int) -> Iterator[SimulatedChange]:
        number = self._runs_before[judging.number - 1] + ordinal
        yield _change(moment_ms, make_run(self._world, judging, number, ordinal))
        if ordinal < judging.runs:
            self._enter_run(judging, ordinal + 1)
        else:
            self._enter(judging.end_ms, lambda at: self._finish(at, judging))

    def _finish(self, moment_ms: int, judging: Judging) -> Iterator[SimulatedChange]:
        """The verdict. A judgement that is replaced stops counting first: never do two count for one submission."""
        world, attempt = self._world, judging.attempt
        if judging.corrects is not None:
            yield _change(moment_ms, replaced_judgement(world, world.judgings[judging.corrects - 1]))
        yield _change(moment_ms, make_judgement(world, judging))
        if judging.corrected:
            self._enter_judging(self._corrections[judging.number])
        outcome = Outcome(verdict_id=judging.verdict_id, score=judging_score(world, judging))
        row_changed = self._standings.judge(attempt, outcome)
        for award in self._awards.after_verdict(attempt.team, attempt.problem, row_changed=row_changed):
            yield _change(moment_ms, award)
        if attempt.number in world.commented and not self._hidden(attempt) and not judging.corrected:
            self._comment_on_verdict(moment_ms, judging)

    def _comment_on_verdict(self, moment_ms: int, judging: Judging) -> None:
        world, attempt = self._world, judging.attempt
        solved = VERDICTS[judging.verdict_id].solved
        team_id = world.teams[attempt.team].team.id
        honours = self._awards.honours(team_id, world.problems[attempt.problem].problem.id) if solved else []
        self._enter_comment(
            moment_ms,
            lambda at, number: comment_on_verdict(world, attempt, number, at, solved=solved, honours=honours),
        )

    def _enter_comment(self, moment_ms: int, make: Callable[[int, int], Commentary]) -> None:
        def step(at: int) -> Iterator[SimulatedChange]:
            # Numbered when told, so that the numbers ascend whatever came in between.
            self._comments += 1
            yield _change(at, make(at, self._comments))

        self._enter(moment_ms + _COMMENT_AFTER_MS, step)

    def _hidden(self, attempt: Attempt) -> bool:
        frozen_ms = self._world.milestones.frozen_ms
        return frozen_ms is not None and attempt.contest_time_ms >= frozen_ms


def _telling(instance: ContestObject) -> Step:
    return lambda moment_ms: iter((_change(moment_ms, instance),))


def _change(moment_ms: int, instance: ContestObject) -> SimulatedChange:
    row = TYPE_OF_STRUCTURE[type(instance)]
    key = SINGLETON_ID if row.singleton else object_key(row, instance)
    return SimulatedChange(moment_ms=moment_ms, type=row.name, id=key, instance=instance)
