"""Awards stay current: at many moments they equal what a slow, obvious reading of the rules gives."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from cds.simulation.contest import SimulatedContest
from cds.simulation.contest_setup import GUEST_GROUP_ID
from cds.simulation.standings import Outcome, Standings
from schemas.objects import Award, Contest, ContestObject, Group, Judgement, JudgementType, Submission, Team
from schemas.times import parse_relative_time_ms
from tests.cds.simulation.conftest import contest_of
from tests.cds.simulation.test_laws import Standing

MOMENTS = 60
"""Moments of each contest at which its awards are recomputed."""

Kind = TypeVar("Kind", bound=ContestObject)

SHAPES_WITH_AWARDS = ["default", "score", "simplified", "crowded", "bare", "running-frozen", "finished-frozen"]


class Row:
    """One team on a scoreboard, counted from all judgements anew."""

    def __init__(self, team_id: str, cells: list[tuple[float, int, int]]) -> None:
        self.team_id = team_id
        self.scored = bool(cells)
        self.key = (-sum(c[0] for c in cells), sum(c[1] for c in cells), max((c[2] for c in cells), default=0))


def every(kind: type[Kind], standing: Standing) -> Iterator[Kind]:
    return (instance for of_type in standing.values() for instance in of_type.values() if isinstance(instance, kind))


def counting_judgements(standing: Standing) -> dict[str, Judgement]:
    return {
        j.submission_id: j
        for j in standing["judgements"].values()
        if isinstance(j, Judgement) and j.current is not False and j.judgement_type_id not in (None, "JE")
    }


def cells_of(standing: Standing, team_id: str) -> list[tuple[float, int, int]]:
    contest = standing["contest"][""]
    assert isinstance(contest, Contest)
    judged = counting_judgements(standing)
    cells: list[tuple[float, int, int]] = []
    for problem_id in standing["problems"]:
        tries = [
            s
            for s in standing["submissions"].values()
            if isinstance(s, Submission) and (s.team_id, s.problem_id) == (team_id, problem_id) and s.id in judged
        ]
        if contest.scoreboard_type == "score":
            best = max((judged[s.id].score or 0 for s in tries), default=0)
            if best:
                first = next(s for s in tries if judged[s.id].score == best)
                cells.append((best, 0, parse_relative_time_ms(first.contest_time)))
            continue
        verdicts = [standing["judgement-types"][judged[s.id].judgement_type_id or ""] for s in tries]
        solved = next((at for at, v in enumerate(verdicts) if isinstance(v, JudgementType) and v.solved), None)
        if solved is not None:
            minute = parse_relative_time_ms(tries[solved].contest_time) // 60_000
            penalties = sum(isinstance(v, JudgementType) and v.penalty is True for v in verdicts[:solved])
            cells.append((1, minute + 20 * penalties, minute))
    return cells


def ranks(rows: list[Row]) -> dict[str, int]:
    return {row.team_id: 1 + sum(other.key < row.key for other in rows) for row in rows if row.scored}


def expected_awards(standing: Standing) -> dict[str, set[str]]:
    teams = list(every(Team, standing))
    rows = {t.id: Row(t.id, cells_of(standing, t.id)) for t in teams}
    official = {t.id for t in teams if GUEST_GROUP_ID not in (t.group_ids or [])}
    ranked = ranks([rows[team_id] for team_id in official])
    places = min(4, max(1, len(official) // 12))
    awards = {"winner": {team_id for team_id, rank in ranked.items() if rank == 1}}
    for above, medal in enumerate(("gold-medal", "silver-medal", "bronze-medal")):
        within = range(above * places + 1, (above + 1) * places + 1)
        awards[medal] = {team_id for team_id, rank in ranked.items() if rank in within}
    for group in every(Group, standing):
        if group.type == "site":
            members = [rows[t.id] for t in teams if group.id in (t.group_ids or [])]
            awards[f"group-winner-{group.id}"] = {team_id for team_id, rank in ranks(members).items() if rank == 1}
    judged = counting_judgements(standing)
    for problem_id in standing["problems"]:
        awards[f"first-to-solve-{problem_id}"] = set()
        for s in every(Submission, standing):
            if s.problem_id != problem_id or s.team_id not in official:
                continue
            if s.id not in judged:
                break
            if judged[s.id].judgement_type_id == "AC":
                awards[f"first-to-solve-{problem_id}"] = {s.team_id}
                break
    return awards


@pytest.mark.parametrize("shape", SHAPES_WITH_AWARDS)
def test_awards_are_what_the_rules_say(shape: str) -> None:
    contest = contest_of(shape)
    looked = 0
    for standing in snapshots(contest):
        awards = {a.id: set(a.team_ids or ()) for a in every(Award, standing)}
        assert awards == expected_awards(standing)
        looked += 1
    assert looked >= MOMENTS // 2


def snapshots(contest: SimulatedContest) -> Iterator[Standing]:
    """The contest after all changes of a moment, at moments spread over the time from the start to the end."""
    moments = sorted({change.moment_ms for change in contest.timeline() if change.moment_ms >= 0})
    chosen = {moments[(at + 1) * (len(moments) - 1) // MOMENTS] for at in range(MOMENTS)}
    standing: Standing = {}
    last_ms: int | None = None
    for change in contest.timeline():
        if last_ms is not None and change.moment_ms != last_ms and last_ms in chosen:
            yield standing
        last_ms = change.moment_ms
        of_type = standing.setdefault(change.type, {})
        assert change.instance is not None
        of_type[change.id] = change.instance
    yield standing


def test_awards_move(default_contest: SimulatedContest) -> None:
    """A demo in which nothing moves would show nothing."""
    leaders = [
        tuple(change.instance.team_ids or ())
        for change in default_contest.timeline()
        if isinstance(change.instance, Award) and change.id == "winner"
    ]
    assert leaders[0] == ()
    assert len(set(leaders)) > 3


def test_a_first_solver_is_undecided_while_an_earlier_submission_is_pending() -> None:
    contest = contest_of("default")
    tried = contest.world.attempts[0].problem
    first, second, *_ = (attempt for attempt in contest.world.attempts if attempt.problem == tried)
    standings = Standings("pass-fail", [first, second], [True] * 60, [None] * 60)
    standings.judge(second, Outcome(verdict_id="AC", score=1))
    assert standings.first_solver(first.problem) is None
    standings.judge(first, Outcome(verdict_id="JE", score=0))
    assert standings.first_solver(first.problem) is None
    standings.judge(first, Outcome(verdict_id="WA", score=0))
    assert standings.first_solver(first.problem) == second.team
    standings.judge(first, Outcome(verdict_id="AC", score=1))
    assert standings.first_solver(first.problem) == first.team
