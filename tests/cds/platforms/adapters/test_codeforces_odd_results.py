"""Results of Codeforces that are odd: what makes no sense fails alone, and what cannot be shown is called otherwise.

And what a table says of its own rule: penalty, first tests, ranks while a contest goes on.
"""

from typing import cast

import pytest

from cds.platforms.adapters import codeforces_results
from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.adapters.codeforces_results import ContestResults
from cds.platforms.questions import FailedRow
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.objects import JudgementType, Person
from tests.cds.platforms.adapters.contest_answers import (
    ANNA,
    NUMBER,
    PROBLEM,
    START_S,
    judgements,
    pages,
    party,
    results,
    row,
    standings,
    submission,
    teams,
)
from tests.cds.platforms.adapters.conversations import NOW_MS, carried_out
from tests.platform_servers.server import JsonValue, Row

BO = party(members=[{"handle": "bo"}])
SECOND: Row = {**PROBLEM, "index": "B", "name": "Sample Product"}


def result(solved_s: int | None, rejected: int = 0, points: float = 1.0) -> Row:
    """What a row says of one problem; `solved_s`: None where it is not solved."""
    if solved_s is None:
        return {"points": 0.0, "rejectedAttemptCount": rejected, "type": "FINAL"}
    return {
        "points": points,
        "rejectedAttemptCount": rejected,
        "type": "FINAL",
        "bestSubmissionTimeSeconds": solved_s,
    }


def of_problems(
    problems: tuple[Row, ...], *submissions: Row, rows: tuple[Row, ...] = (), contest: Row | None = None
) -> ContestResults:
    """What a contest with these problems comes to."""
    answers = (standings(*rows, contest=contest, problems=problems), *pages(*submissions))
    return carried_out(contest_results(NUMBER, NOW_MS), *answers)


def told(failed: list[FailedRow]) -> list[tuple[str | None, str | None]]:
    """Types and ids of what failed."""
    return [(each.type, each.id) for each in failed]


# --- Names.


@pytest.mark.parametrize("name", ["", " ", "\u202e", "evil\u0000", "x" * 1_001])
def test_who_has_a_name_that_cannot_be_shown_is_called_by_the_handle(name: str) -> None:
    """Whether alone or in a team; nothing raises where all rows have been taken."""
    alone = party(members=[{"handle": "anna", "name": name}])
    pair = party(teamId=7, teamName=name, members=[{"handle": "bo", "name": name}, {"handle": "cy"}])
    found = results(submission(1, alone), submission(2, pair), rows=(row(alone), row(pair, rank=2)))
    assert found.failed == []
    persons = found.objects()["persons"]
    assert [cast("Person", each).name for each in persons.values()] == ["anna", "bo", "cy"]
    assert [each.name for each in teams(found).values()] == ["anna", "bo, cy"]


def test_a_team_without_name_and_members_is_called_by_its_number() -> None:
    (team,) = teams(results(rows=(row(party(teamId=5, members=[])),))).values()
    assert (team.id, team.name) == ("cf-t5", "Team 5")


@pytest.mark.parametrize("handle", [" ", "an\u0000na", "x" * 1_001])
def test_a_handle_that_cannot_be_shown_makes_its_rows_fail_alone(handle: str) -> None:
    nobody = party(teamId=7, teamName="Named", members=[{"handle": handle}])
    found = results(submission(1), submission(2, nobody), rows=(row(), row(nobody, rank=2)))
    assert told(found.failed) == [("teams", None), ("submissions", "2")]
    assert [*teams(found)] == ["cf-anna"]
    assert [*found.objects()["persons"]] == ["cf-anna"]


# --- Numbers.


@pytest.mark.parametrize("rank", [-1, 1 << 31, 10**30, 1.5, "first"])
def test_a_rank_that_is_none_makes_its_row_fail_alone(rank: JsonValue) -> None:
    """The party stands there all the same when it has submitted something, without what the row would tell."""
    found = results(submission(1), rows=(row(rank=rank), row(BO, rank=2)))
    assert told(found.failed) == [("teams", "cf-anna")]
    assert {each.id: each.ext for each in teams(found).values()} == {
        "cf-bo": TeamExtension(sync=SyncedTeam(rank=2, points=1, penalty=5)),
        "cf-anna": None,
    }


@pytest.mark.parametrize("number", [-1, 1 << 53, 10**30])
def test_a_team_with_a_number_that_is_none_fails(number: int) -> None:
    found = results(submission(1), submission(2, party(teamId=number)), rows=(row(), row(party(teamId=number))))
    assert told(found.failed) == [("teams", None), ("submissions", "2")]


# --- Problems and rows.


@pytest.mark.parametrize("name", [None, "", "\u200b", "\u0007", "x" * 1_001])
def test_a_problem_whose_name_cannot_be_shown_is_called_by_its_index(name: str | None) -> None:
    found = of_problems((PROBLEM, {**SECOND, "name": name}), submission(1))
    assert found.failed == []
    assert [(each["id"], each["name"]) for each in shown(found, "problems")] == [
        ("9003A", "Sample Sum"),
        ("9003B", "B"),
    ]


def shown(found: ContestResults, type_name: str) -> list[dict[str, object]]:
    """Objects as their properties."""
    return [
        {name: getattr(each, name) for name in each.__struct_fields__} for each in found.objects()[type_name].values()
    ]


@pytest.mark.parametrize(
    ("broken", "identifier"),
    [
        ({**SECOND, "points": "many"}, "9003B"),
        ({**SECOND, "index": "x" * 30}, f"9003{'x' * 30}"),
        ({**SECOND, "index": ""}, None),
        ({"name": "No index"}, None),
        (PROBLEM, "9003A"),
    ],
)
def test_a_problem_that_makes_no_sense_fails_alone_and_keeps_its_column(broken: Row, identifier: str | None) -> None:
    third: Row = {**PROBLEM, "index": "C", "name": "Sample Quotient"}
    found = of_problems(
        (PROBLEM, broken, third),
        submission(1),
        submission(2, problem=third, relativeTimeSeconds=200),
        rows=(row(problemResults=[result(100, points=450), result(None), result(200, points=900)]),),
        contest={"type": "CF"},
    )
    assert told(found.failed) == [("problems", identifier)]
    assert [(each["id"], each["ordinal"]) for each in shown(found, "problems")] == [("9003A", 0), ("9003C", 2)]
    assert [each.score for each in judgements(found).values()] == [450, 900]


@pytest.mark.parametrize("told_results", [0, 1, 3])
def test_a_row_with_other_results_than_problems_fails(told_results: int) -> None:
    """They are told by their places alone, so one too few would give the others' points to the wrong problems."""
    crooked = row(problemResults=[result(100, points=500)] * told_results)
    good = row(BO, problemResults=[result(100, points=450), result(None)])
    found = of_problems(
        (PROBLEM, SECOND), submission(1), submission(2, BO), rows=(crooked, good), contest={"type": "CF"}
    )
    assert told(found.failed) == [("teams", "cf-anna")]
    assert {each.id: each.score for each in judgements(found).values()} == {"1": None, "2": 450}


def test_a_submission_that_fails_makes_nobody_a_team_and_nothing_a_language() -> None:
    unknown = submission(3, BO, verdict="SPLENDID", programmingLanguage="Splendid 3")
    found = results(submission(1), submission(2, BO, problem={"index": "Z"}), unknown)
    assert told(found.failed) == [("submissions", "2"), ("submissions", "3")]
    assert [*teams(found)] == ["cf-anna"]
    assert [*found.objects()["languages"]] == ["python-3"]


def test_what_failed_and_came_well_another_time_has_not_failed() -> None:
    """While pages are read a submission can come twice, and be judged in between."""
    found = results(submission(1), submission(2, verdict="SPLENDID"), submission(2))
    assert found.failed == []
    assert [*found.objects()["submissions"]] == ["1", "2"]


# --- First tests.


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("WRONG_ANSWER", "WA1"),
        ("TIME_LIMIT_EXCEEDED", "TLE1"),
        ("RUNTIME_ERROR", "RTE1"),
        ("MEMORY_LIMIT_EXCEEDED", "MLE1"),
        ("IDLENESS_LIMIT_EXCEEDED", "ILE1"),
        ("PRESENTATION_ERROR", "PE1"),
        ("SECURITY_VIOLATED", "SV1"),
        ("COMPILATION_ERROR", "CE"),
        ("CHALLENGED", "RE"),
        ("SKIPPED", "CS"),
        ("TESTING", None),
        ("OK", "AC"),
    ],
)
def test_what_fails_on_the_first_test_is_told_apart_where_there_is_penalty(verdict: str, expected: str | None) -> None:
    none_passed = submission(verdict=verdict, passedTestCount=0)
    found = results(none_passed)
    assert judgements(found)["1"].judgement_type_id == expected
    assert expected is None or expected in found.objects()["judgement-types"]
    usual = (expected or "").removesuffix("1") or None
    assert judgements(results(none_passed, contest={"type": "CF"}))["1"].judgement_type_id == usual
    for passed in ({"passedTestCount": 1}, {"passedTestCount": None}):
        assert judgements(results({**none_passed, **passed}))["1"].judgement_type_id == usual


def penalty_of_first_tests(found: ContestResults) -> bool | None:
    """Whether these cost penalty."""
    types = cast("dict[str, JudgementType]", found.objects()["judgement-types"])
    return types["WA1"].penalty


@pytest.mark.parametrize(("rejected", "expected"), [(1, False), (2, True), (3, False)])
def test_whether_first_tests_cost_penalty_is_what_the_table_says(rejected: int, expected: bool) -> None:
    """In rounds of the platform they do not, a mirror may count them as it likes. What is not understood says no."""
    attempts = (
        submission(1, verdict="WRONG_ANSWER", passedTestCount=0, relativeTimeSeconds=60),
        submission(2, verdict="WRONG_ANSWER", relativeTimeSeconds=70),
        submission(3, relativeTimeSeconds=600),
        submission(4, verdict="WRONG_ANSWER", passedTestCount=0, relativeTimeSeconds=700),
    )
    told_row = row(penalty=10 + 20 * rejected, problemResults=[result(600, rejected)])
    found = results(*attempts, rows=(told_row,))
    assert found.failed == []
    assert penalty_of_first_tests(found) is expected
    assert penalty_of_first_tests(results(*attempts, rows=({**told_row, "penalty": 11 + 20 * rejected},))) is False


# --- Penalty.


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([], "0:10:00.000"),
        ([(10, 600, 0)], "0:10:00.000"),
        ([(30, 600, 1)], "0:20:00.000"),
        ([(50, 600, 2), (1, 61, 0)], "0:20:00.000"),
        ([(30, 600, 1), (None, 600, 0)], "0:20:00.000"),
        ([(0, None, 9), (15, 600, 1)], "0:05:00.000"),
        # Rows that do not agree, that no whole number of minutes explains, or none that anybody would use.
        ([(30, 600, 1), (20, 600, 1)], "0:10:00.000"),
        ([(35, 600, 2), (30, 600, 1)], "0:10:00.000"),
        ([(30, 600, 1), (7, 60, 0)], "0:10:00.000"),
        ([(10, 600, 1)], "0:10:00.000"),
        ([(100_000, 600, 1)], "0:10:00.000"),
    ],
)
def test_the_penalty_of_a_rejected_attempt_is_what_all_rows_say(
    table: list[tuple[int | None, int | None, int]], expected: str
) -> None:
    """Each row of the table: its penalty, when its problem was solved, and how often it was not."""
    rows = [
        row(party(members=[{"handle": f"h{number}"}]), penalty=penalty, problemResults=[result(solved_s, rejected)])
        for number, (penalty, solved_s, rejected) in enumerate(table)
    ]
    assert results(rows=tuple(rows)).contest.contest.penalty_time == expected


def test_a_contest_without_penalty_gets_none() -> None:
    table = (row(penalty=30, problemResults=[result(600, 1)]),)
    assert results(rows=table, contest={"type": "CF"}).contest.contest.penalty_time is None


# --- Ranks while a contest goes on.


@pytest.mark.parametrize(
    ("phase", "limit", "expected"),
    [("CODING", 2, [1, 2]), ("CODING", 1, [None, None]), ("SYSTEM_TEST", 1, [None, None]), ("FINISHED", 1, [1, 2])],
)
def test_ranks_of_many_are_told_when_the_contest_is_finished(
    phase: str, limit: int, expected: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every solved problem would move everybody behind; points and penalty change with one's own results alone."""
    monkeypatch.setattr(codeforces_results, "RANKED_LIVE_TEAMS_MAX", limit)
    now_ms = NOW_MS if phase != "CODING" else (START_S + 1_000) * 1_000
    found = results(rows=(row(ANNA), row(BO, rank=2)), contest={"phase": phase}, now_ms=now_ms)
    assert [each.ext for each in teams(found).values()] == [
        TeamExtension(sync=SyncedTeam(rank=rank, points=1, penalty=5)) for rank in expected
    ]
