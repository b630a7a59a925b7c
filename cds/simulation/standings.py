"""Who leads at this moment: just enough scoring to keep the awards of a simulated contest current.

The rules are those of json-format-facts (JSON Format, "Scoreboard"; CCS requirements, "Scoring Data Generation").
This module must not know times on the wall, nor what tells of the awards.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Literal

import msgspec

from cds.simulation.attempts import Attempt
from cds.simulation.catalogue import JUDGING_ERROR_ID, VERDICTS
from cds.simulation.contest_setup import MAX_SCORE, PENALTY_TIME_MS

_MINUTE_MS = 60_000

Key = tuple[int, int, int, int]
"""What a scoreboard sorts by, smaller is better; the index of the team comes last and only makes keys differ."""


class Cell(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one team has reached on one problem: a score, and the two times by which its row is compared."""

    score: int
    penalty_min: int
    time: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The verdict that counts for a submission at this moment."""

    verdict_id: str
    score: int


class Standings:
    """Rows and first solvers, kept current one verdict at a time."""

    def __init__(
        self,
        scoreboard_type: Literal["pass-fail", "score"],
        attempts: Sequence[Attempt],
        eligible: Sequence[bool],
        group_of: Sequence[str | None],
    ) -> None:
        """`eligible` says of each team whether the main scoreboard shows it, `group_of` in which site it sits."""
        self._by_minutes = scoreboard_type == "pass-fail"
        self._eligible = eligible
        self._group_of = group_of
        self._outcomes: dict[int, Outcome] = {}
        self._tries: dict[tuple[int, int], list[Attempt]] = {}
        self._queues: dict[int, list[Attempt]] = {}
        for attempt in attempts:
            self._tries.setdefault((attempt.team, attempt.problem), []).append(attempt)
            if eligible[attempt.team]:
                self._queues.setdefault(attempt.problem, []).append(attempt)
        self._cells: dict[int, dict[int, Cell]] = {}
        self._keys: dict[int, Key] = {}
        self._main: list[Key] = []
        self._groups: dict[str, list[Key]] = {}
        self._settled: dict[int, int] = {}

    def judge(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Let a verdict count. True when the row of the team changed by it."""
        corrected = attempt.number in self._outcomes
        self._outcomes[attempt.number] = outcome
        if corrected:
            self._unsettle(attempt)
        cells = self._cells.setdefault(attempt.team, {})
        before = cells.get(attempt.problem)
        if not corrected and self._changes_nothing(before, outcome):
            return False
        after = self._cell(self._tries[attempt.team, attempt.problem])
        if after == before:
            return False
        if after is None:
            del cells[attempt.problem]
        else:
            cells[attempt.problem] = after
        self._place(attempt.team, cells)
        return True

    def ranked(self, group_id: str | None, last_rank: int) -> list[tuple[int, int]]:
        """Rank and index of the teams that have scored, down to a rank, of a group or of the main scoreboard."""
        keys = self._main if group_id is None else self._groups.get(group_id, [])
        ranked: list[tuple[int, int]] = []
        rank = 0
        for place, key in enumerate(keys, start=1):
            if place == 1 or key[:3] != keys[place - 2][:3]:
                rank = place
            if rank > last_rank:
                break
            ranked.append((rank, key[3]))
        return ranked

    def first_solver(self, problem: int) -> int | None:
        """The team that solved a problem first, None while an earlier submission may still turn out to be it."""
        queue = self._queues.get(problem, [])
        settled = self._settled.get(problem, 0)
        while settled < len(queue):
            outcome = self._outcomes.get(queue[settled].number)
            if outcome is None or outcome.verdict_id == JUDGING_ERROR_ID:
                break
            if VERDICTS[outcome.verdict_id].solved:
                self._settled[problem] = settled
                return queue[settled].team
            settled += 1
        self._settled[problem] = settled
        return None

    def _changes_nothing(self, before: Cell | None, outcome: Outcome) -> bool:
        """Whether a new verdict surely leaves its cell alone; spares large contests most of the counting."""
        if before is None:
            return outcome.score == 0
        # An earlier rejection that comes late adds penalty to a solved cell, but takes nothing from a score.
        return not self._by_minutes and outcome.score < before.score

    def _unsettle(self, attempt: Attempt) -> None:
        """Look again for the first solver from a submission on whose verdict was changed."""
        queue = self._queues.get(attempt.problem, [])
        place = bisect_left(queue, attempt.number, key=lambda queued: queued.number)
        self._settled[attempt.problem] = min(place, self._settled.get(attempt.problem, 0))

    def _place(self, team: int, cells: dict[int, Cell]) -> None:
        """Move a team to where its cells put it; a team without score stands nowhere."""
        scopes = [self._main] if self._eligible[team] else []
        group_id = self._group_of[team]
        if group_id is not None:
            scopes.append(self._groups.setdefault(group_id, []))
        old = self._keys.pop(team, None)
        if old is not None:
            for scope in scopes:
                del scope[bisect_left(scope, old)]
        if not cells:
            return
        score = sum(cell.score for cell in cells.values())
        penalty_min = sum(cell.penalty_min for cell in cells.values())
        last = max(cell.time for cell in cells.values())
        key = self._keys[team] = (-score, penalty_min, last, team)
        for scope in scopes:
            insort(scope, key)

    def _cell(self, tries: Sequence[Attempt]) -> Cell | None:
        return self._solved_cell(tries) if self._by_minutes else self._scored_cell(tries)

    def _solved_cell(self, tries: Sequence[Attempt]) -> Cell | None:
        """The first accepted try, and the penalty of those before it."""
        rejected = 0
        for attempt in tries:
            outcome = self._outcomes.get(attempt.number)
            if outcome is None:
                continue
            verdict = VERDICTS[outcome.verdict_id]
            if verdict.solved:
                minute = attempt.contest_time_ms // _MINUTE_MS
                return Cell(score=1, penalty_min=minute + rejected * PENALTY_TIME_MS // _MINUTE_MS, time=minute)
            rejected += verdict.penalty
        return None

    def _scored_cell(self, tries: Sequence[Attempt]) -> Cell | None:
        """The best score, and the time at which it was reached."""
        best: Cell | None = None
        for attempt in tries:
            outcome = self._outcomes.get(attempt.number)
            if outcome is not None and outcome.score > (best.score if best else 0):
                best = Cell(score=outcome.score, penalty_min=0, time=attempt.contest_time_ms)
                if best.score == MAX_SCORE:
                    break
        return best
