"""Simulated contests look like real ones: rates within sane bounds, everything that the demo and the tests need."""

from collections import Counter
from typing import Any, get_args

import msgspec
import pytest

from cds.simulation.catalogue import COUNTRIES
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import PHASES, Phase, SimulationParameters
from schemas.objects import (
    Account,
    Clarification,
    Commentary,
    Judgement,
    Organization,
    Person,
    Problem,
    Submission,
    Team,
)
from schemas.times import parse_relative_time_ms

LARGE = SimulationParameters(seed=21, teams=150, submissions=6000)


@pytest.fixture(scope="module")
def large_contest() -> SimulatedContest:
    return simulate(LARGE)


def verdicts_of(contest: SimulatedContest) -> Counter[str | None]:
    return Counter(j.judgement_type_id for j in contest.objects["judgements"] if isinstance(j, Judgement))


def test_verdicts_come_at_realistic_rates(default_contest: SimulatedContest) -> None:
    verdicts = verdicts_of(default_contest)
    judged = verdicts.total()
    assert 0.3 < verdicts["AC"] / judged < 0.65
    assert 0.15 < verdicts["WA"] / judged < 0.5
    assert 0.03 < verdicts["TLE"] / judged < 0.25
    assert 0.005 < verdicts["CE"] / judged < 0.08


def test_teams_differ_and_problems_differ(default_contest: SimulatedContest) -> None:
    """Counted from the objects: nobody solves everything at once, nearly everybody solves something."""
    submissions = {s.id: s for s in default_contest.objects["submissions"] if isinstance(s, Submission)}
    solved = {
        (submissions[j.submission_id].team_id, submissions[j.submission_id].problem_id)
        for j in default_contest.objects["judgements"]
        if isinstance(j, Judgement) and j.judgement_type_id == "AC" and j.current is not False
    }
    by_team = Counter(team_id for team_id, _ in solved)
    by_problem = Counter(problem_id for _, problem_id in solved)
    assert 3 < len(solved) / default_contest.parameters.teams < 9
    assert max(by_team.values()) - min(by_team.values()) >= 4
    assert max(by_problem.values()) > 3 * min(by_problem.values())


def test_submissions_come_all_the_time(default_contest: SimulatedContest) -> None:
    by_hour = Counter(
        parse_relative_time_ms(s.contest_time) // 3_600_000
        for s in default_contest.objects["submissions"]
        if isinstance(s, Submission)
    )
    assert set(by_hour) == {0, 1, 2, 3, 4}
    assert min(by_hour.values()) > 30


@pytest.mark.parametrize("wanted", [0, 1, 7, 300, 5000])
@pytest.mark.parametrize("teams", [1, 12])
def test_the_number_of_submissions_is_the_one_asked_for(wanted: int, teams: int) -> None:
    contest = simulate(SimulationParameters(seed=3, teams=teams, submissions=wanted, sources=False, logos=False))
    assert len(contest.objects["submissions"]) == wanted


@pytest.mark.parametrize("wanted", [0, 1, 2, 9, 100])
def test_the_number_of_clarifications_is_the_one_asked_for(wanted: int) -> None:
    contest = simulate(SimulationParameters(seed=3, clarifications=wanted, commentary=wanted, logos=False))
    assert len(contest.objects["clarifications"]) == wanted
    assert len(contest.objects["commentary"]) == wanted


def test_entry_points_are_those_of_the_language(contest: SimulatedContest) -> None:
    """C and C++ have none, written out as null (JSON Format, "Submissions")."""
    for submission in contest.objects["submissions"]:
        if isinstance(submission, Submission):
            expected = {"c": None, "cpp": None, "java": "Main", "kotlin": "MainKt", "python3": "solution.py"}
            assert submission.entry_point == expected[submission.language_id]


def test_all_languages_are_used(large_contest: SimulatedContest) -> None:
    used = Counter(s.language_id for s in large_contest.objects["submissions"] if isinstance(s, Submission))
    assert set(used) == {"c", "cpp", "java", "kotlin", "python3"}
    assert used.most_common(1)[0][0] == "cpp"


def test_verdicts_are_corrected(large_contest: SimulatedContest) -> None:
    of_submission: dict[str, list[Judgement]] = {}
    for judgement in large_contest.objects["judgements"]:
        if isinstance(judgement, Judgement):
            of_submission.setdefault(judgement.submission_id, []).append(judgement)
    corrected = [judgements for judgements in of_submission.values() if len(judgements) > 1]
    assert 5 < len(corrected) < 100
    for judgements in corrected:
        assert [j.current for j in judgements] == [False, True]
        assert judgements[0].judgement_type_id != judgements[1].judgement_type_id
    assert {len(judgements) for judgements in of_submission.values()} == {1, 2}


def test_the_default_contest_has_a_rejudgement(default_contest: SimulatedContest) -> None:
    replaced = [j for j in default_contest.objects["judgements"] if isinstance(j, Judgement) and j.current is False]
    assert replaced
    assert all(j.judgement_type_id is not None for j in replaced)


def test_clarifications_go_in_every_direction(default_contest: SimulatedContest) -> None:
    all_of_them = [c for c in default_contest.objects["clarifications"] if isinstance(c, Clarification)]
    answered = {c.reply_to_id for c in all_of_them}
    kinds = Counter(
        "question" if c.from_team_id else "private" if c.to_team_ids else "group" if c.to_group_ids else "broadcast"
        for c in all_of_them
    )
    assert set(kinds) == {"question", "private", "group", "broadcast"}
    assert all(c.id in answered for c in all_of_them if c.from_team_id)
    assert all(c.to_team_ids is None and c.to_group_ids is None for c in all_of_them if c.from_team_id)
    assert any(c.reply_to_id and not c.to_team_ids and not c.to_group_ids for c in all_of_them)


def test_private_answers_go_to_who_asked(large_contest: SimulatedContest) -> None:
    by_id = {c.id: c for c in large_contest.objects["clarifications"] if isinstance(c, Clarification)}
    for answer in by_id.values():
        if answer.reply_to_id is not None:
            question = by_id[answer.reply_to_id]
            assert answer.time > question.time
            assert answer.problem_id == question.problem_id
            assert answer.to_team_ids in (None, [question.from_team_id])


def test_comments_know_nothing_of_the_freeze(large_contest: SimulatedContest) -> None:
    submissions = {s.id: s for s in large_contest.objects["submissions"] if isinstance(s, Submission)}
    frozen_ms = large_contest.parameters.freeze_start_ms
    assert frozen_ms is not None
    hidden = 0
    for comment in large_contest.objects["commentary"]:
        assert isinstance(comment, Commentary)
        assert comment.submission_ids is not None
        (submission_id,) = comment.submission_ids
        submission = submissions[submission_id]
        assert f"{{teams:{submission.team_id}}}" in comment.message
        assert f"{{problems:{submission.problem_id}}}" in comment.message
        if parse_relative_time_ms(submission.contest_time) >= frozen_ms:
            hidden += 1
            assert comment.tags == ["submission"]
        else:
            assert {"accepted", "rejected"} & set(comment.tags)
    assert hidden > 0


def test_accounts_of_every_role(contest: SimulatedContest) -> None:
    accounts = [a for a in contest.objects["accounts"] if isinstance(a, Account)]
    assert set(contest.passwords) == {a.id for a in accounts}
    if not contest.parameters.accounts:
        assert not accounts
        return
    assert {a.type for a in accounts} == {"admin", "judge", "staff", "analyst", "proxy", "team"}
    assert sum(a.type == "team" for a in accounts) == contest.parameters.teams
    assert len(set(contest.passwords.values())) == len(accounts)
    assert len({a.username for a in accounts}) == len(accounts)
    assert all(len(password) == 16 for password in contest.passwords.values())


def test_people_and_places_look_right(default_contest: SimulatedContest) -> None:
    teams = [t for t in default_contest.objects["teams"] if isinstance(t, Team)]
    persons = [p for p in default_contest.objects["persons"] if isinstance(p, Person)]
    roles = Counter(role.type for person in persons for role in person.roles)
    assert roles["contestant"] == 3 * len(teams)
    assert roles["coach"] == len(teams)
    assert roles["staff"] > 3
    assert len({(t.location.x, t.location.y) for t in teams if t.location}) == len(teams)
    assert len({t.label for t in teams}) == len(teams)
    assert len({t.name for t in teams}) == len(teams)
    countries = {o.country for o in default_contest.objects["organizations"] if isinstance(o, Organization)}
    assert countries <= {code for code, _, _ in COUNTRIES}
    assert len(countries) > 10


def test_guests_stand_outside_the_main_scoreboard(default_contest: SimulatedContest) -> None:
    assert default_contest.world.contest.main_scoreboard_group_id == "official"
    groups = Counter(tuple(t.group_ids or ())[-1] for t in default_contest.objects["teams"] if isinstance(t, Team))
    assert groups == {"official": 57, "guests": 3}


def test_problems_can_be_told_apart(contest: SimulatedContest) -> None:
    problems = [p for p in contest.objects["problems"] if isinstance(p, Problem)]
    assert [p.ordinal for p in problems] == list(range(len(problems)))
    assert len({p.label for p in problems}) == len({p.name for p in problems}) == len(problems)
    assert [p.label for p in problems][:3] == ["A", "B", "C"][: len(problems)]
    assert [p.label for p in problems][26:29] == ["AA", "AB", "AC"][: max(0, len(problems) - 26)]
    assert all(p.rgb and p.color for p in problems)


def test_average_runs_follow_the_parameter() -> None:
    contest = simulate(SimulationParameters(seed=5, problems=60, runs_per_judgement=30, sources=False, logos=False))
    counts = [p.test_data_count for p in contest.objects["problems"] if isinstance(p, Problem)]
    assert 27 < sum(counts) / len(counts) < 33
    assert len(set(counts)) > 5


def test_large_contests_never_run_out_of_names() -> None:
    parameters = SimulationParameters(
        seed=1,
        teams=4000,
        problems=200,
        submissions=10,
        organizations=3000,
        sources=False,
        logos=False,
        statements=False,
    )
    contest = simulate(parameters)
    assert len({t.name for t in contest.objects["teams"] if isinstance(t, Team)}) == 4000
    assert len({p.id for p in contest.objects["problems"] if isinstance(p, Problem)}) == 200


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("teams", 0),
        ("problems", 0),
        ("submissions", -1),
        ("runs_per_judgement", 100_000),
        ("contest_id", "-no"),
        ("contest_id", "a" * 37),
        ("freeze_s", 5 * 3600),
        ("phase", "tomorrow"),
        ("scoreboard_type", "golf"),
        ("start_time", "noon"),
        ("seed", -1),
    ],
)
def test_parameters_out_of_bounds_are_refused_by_name(parameter: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{parameter}: ") as refused:
        SimulationParameters(**{parameter: value})
    assert "\n" not in str(refused.value)


def test_a_phase_behind_a_freeze_needs_one() -> None:
    with pytest.raises(ValueError, match=r"^phase: "):
        SimulationParameters(phase="running-frozen", freeze_s=0)


def test_every_phase_is_explained() -> None:
    assert set(PHASES) == set(get_args(Phase))


def test_parameters_survive_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(LARGE), type=SimulationParameters) == LARGE
