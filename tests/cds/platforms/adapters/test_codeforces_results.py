"""The results of one contest of Codeforces: the samples in golden form, and every oddity that the platform knows."""

from collections.abc import Mapping
from typing import cast

import pytest

from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.adapters.codeforces_results import ContestResults
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.identifiers import is_identifier
from schemas.objects import (
    Judgement,
    JudgementType,
    Language,
    Person,
    PersonRole,
    Problem,
    Submission,
    Team,
)
from tests.cds.platforms.adapters.contest_answers import (
    START_S,
    judgements,
    objects_of,
    party,
    results,
    row,
    submission,
    teams,
)
from tests.cds.platforms.adapters.conversations import NOW_MS, carried_out, carried_out_and_noted, shared
from tests.cds.platforms.adapters.test_codeforces import envelope
from tests.platform_servers.server import Row

# --- The samples, in golden form.


@pytest.fixture
def sample() -> ContestResults:
    """The contest of the samples."""
    found, asked = carried_out_and_noted(
        contest_results(9001, NOW_MS),
        shared("spec/upstream-samples/codeforces_contest_standings.json"),
        shared("spec/upstream-samples/codeforces_contest_status.json"),
        envelope([]),
    )
    assert [(question.path, question.query) for question in asked] == [
        ("/api/contest.standings", (("contestId", "9001"),)),
        ("/api/contest.status", (("contestId", "9001"), ("from", "1"), ("count", "10000"))),
        ("/api/contest.status", (("contestId", "9001"), ("from", "8"), ("count", "10000"))),
    ]
    return found


def test_the_problems_of_the_samples(sample: ContestResults) -> None:
    found = objects_of(sample)["problems"]
    assert [*found] == ["9001A", "9001B", "9001C1", "9001C2"]
    assert found["9001C1"] == Problem(
        id="9001C1", label="C1", name="Sample Game (easy version)", ordinal=2, test_data_count=0, max_score=750
    )


def test_the_parties_of_the_samples(sample: ContestResults) -> None:
    found = objects_of(sample)
    assert [*found["teams"].values()] == [
        Team(
            id="cf-sample_anna",
            name="sample_anna",
            label="sample_anna",
            group_ids=["official"],
            ext=TeamExtension(sync=SyncedTeam(rank=1, points=2212, penalty=0)),
        ),
        Team(
            id="cf-t55001",
            name="Two Samples",
            label="55001",
            group_ids=["official"],
            ext=TeamExtension(sync=SyncedTeam(rank=2, points=486, penalty=0)),
        ),
    ]
    roles = [PersonRole(type="contestant", team_id="cf-t55001")]
    assert found["persons"] == {
        "cf-sample_anna": Person(
            id="cf-sample_anna",
            name="sample_anna",
            roles=[PersonRole(type="contestant", team_id="cf-sample_anna")],
        ),
        "cf-sample_bo": Person(id="cf-sample_bo", name="sample_bo", roles=roles),
        "cf-sample_cy": Person(id="cf-sample_cy", name="sample_cy", roles=roles),
    }


def test_the_submissions_of_the_samples(sample: ContestResults) -> None:
    found = objects_of(sample)
    assert [*found["submissions"]] == [str(330_000_000 + number) for number in range(1, 8)]
    assert found["submissions"]["330000002"] == Submission(
        id="330000002",
        language_id="java-21",
        problem_id="9001A",
        team_id="cf-t55001",
        time="2026-09-21T14:22:00.000Z",
        contest_time="0:07:00.000",
        entry_point=None,
        files=[],
    )
    assert found["languages"]["cpp20-gcc-13-64"] == Language(
        id="cpp20-gcc-13-64",
        name="C++20 (GCC 13-64)",
        entry_point_required=False,
        extensions=["cc", "cpp", "cxx", "c++", "C"],
    )


def test_the_judgements_of_the_samples(sample: ContestResults) -> None:
    """What a submission brought its party is its score; what was challenged or rejected brought nothing."""
    found = judgements(sample)
    assert [(each.id, each.judgement_type_id, each.score) for each in found.values()] == [
        ("330000001", "AC", 490),
        ("330000002", "AC", 486),
        ("330000003", "WA", 0),
        ("330000004", "AC", 922),
        ("330000005", "RE", 0),
        ("330000006", "AC", 700),
        ("330000007", None, None),
    ]
    assert found["330000001"] == Judgement(
        id="330000001",
        submission_id="330000001",
        judgement_type_id="AC",
        score=490,
        start_time="2026-09-21T14:20:00.000Z",
        end_time="2026-09-21T14:20:00.000Z",
        max_run_time=0.046,
    )
    pending = found["330000007"]
    assert (pending.end_time, pending.max_run_time) == (None, None)


def test_the_recorded_standings_are_read() -> None:
    """A table of the real platform, and one in which whatever is unknown is null."""
    found = carried_out(
        contest_results(1474, NOW_MS), shared("data/platforms/codeforces/contest.standings-1474.json"), envelope([])
    )
    assert teams(found)["cf-tiger2005"].ext == TeamExtension(sync=SyncedTeam(rank=36, points=4126, penalty=0))
    bare = b'{"status":"OK","result":%b}' % shared("data/platforms/codeforces/tle-contest_standings.json")
    assert teams(carried_out(contest_results(1, NOW_MS), bare, envelope([])))["cf-tourist"].name == "tourist"


def test_a_contest_of_the_gym_is_found_there() -> None:
    gym = shared("spec/upstream-samples/codeforces_contest_standings.json").replace(b'"id": 9001', b'"id": 100001')
    extension = carried_out(contest_results(100001, NOW_MS), gym, envelope([])).contest.contest.ext
    assert extension is not None
    assert extension.sync is not None
    assert extension.sync.url == "https://codeforces.com/gym/100001"


# --- Parties.


def test_only_who_takes_part_is_there() -> None:
    """Practice, virtual contests and managers are left out; out of competition is a group of its own."""
    kinds = ("CONTESTANT", "OUT_OF_COMPETITION", "PRACTICE", "VIRTUAL", "MANAGER")
    found = results(
        *(
            submission(number, party(members=[{"handle": f"h{number}"}], participantType=kind))
            for number, kind in enumerate(kinds, 1)
        )
    )
    assert {team.id: team.group_ids for team in teams(found).values()} == {
        "cf-h1": ["official"],
        "cf-h2": ["unofficial"],
    }
    assert [*found.objects()["submissions"]] == ["1", "2"]
    assert found.failed == []


def test_the_main_board_is_that_of_the_official_ones_where_there_are_any() -> None:
    outside = party(participantType="OUT_OF_COMPETITION")
    assert results(submission(1, outside)).main_group_id is None
    assert results(submission(1, outside), submission(2)).main_group_id == "official"
    both = teams(results(submission(1, outside), submission(2)))
    assert both["cf-anna"].group_ids == ["official"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"members": [{"handle": "an.na_-1"}]}, "cf-an.na_-1"),
        ({"members": [{"handle": "anna."}]}, "cf-anna.-c4d23c35"),
        ({"members": [{"handle": "t55001"}]}, "cf-t55001-35a7626c"),
        ({"teamId": 55001, "teamName": "Three"}, "cf-t55001"),
        ({"teamId": None, "teamName": "Lone Wolf"}, "cf-anna"),
    ],
)
def test_the_id_of_a_team(changes: Row, expected: str) -> None:
    """A handle that ends in a dot is no ID, and one that looks like the number of a team must not be taken for it."""
    (team_id,) = teams(results(submission(1, party(**changes))))
    assert is_identifier(team_id)
    assert team_id == expected


def test_ghosts_are_teams_by_their_names() -> None:
    """They have results from elsewhere: no handles, perhaps, and no submissions."""
    ghost = party(members=[], ghost=True, teamName="SPb SU: Old Team")
    found = results(rows=(row(ghost, rank=3, points=8.0, penalty=900), row(party(members=[], ghost=True))))
    (team,) = teams(found).values()
    assert (team.name, is_identifier(team.id)) == ("SPb SU: Old Team", True)
    assert team.ext == TeamExtension(sync=SyncedTeam(rank=3, points=8, penalty=900))
    assert [each.reason for each in found.failed] == ["a party without a team, a name and members"]
    assert found.objects()["persons"] == {}


def test_who_is_in_two_teams_is_one_person_with_two_roles() -> None:
    pair = party(teamId=7, teamName="Pair", members=[{"handle": "anna", "name": "Anna Sample"}, {"handle": "bo"}])
    found = objects_of(results(submission(1), submission(2, pair)))["persons"]
    assert found["cf-anna"] == Person(
        id="cf-anna",
        name="anna",
        roles=[
            PersonRole(type="contestant", team_id="cf-anna"),
            PersonRole(type="contestant", team_id="cf-t7"),
        ],
    )


# --- Submissions and judgements.


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("OK", "AC"),
        ("WRONG_ANSWER", "WA"),
        ("TIME_LIMIT_EXCEEDED", "TLE"),
        ("RUNTIME_ERROR", "RTE"),
        ("COMPILATION_ERROR", "CE"),
        ("MEMORY_LIMIT_EXCEEDED", "MLE"),
        ("IDLENESS_LIMIT_EXCEEDED", "ILE"),
        ("PRESENTATION_ERROR", "PE"),
        ("SECURITY_VIOLATED", "SV"),
        ("CHALLENGED", "RE"),
        ("REJECTED", "RE"),
        ("PARTIAL", "RE"),
        ("CRASHED", "JE"),
        ("FAILED", "JE"),
        ("INPUT_PREPARATION_CRASHED", "JE"),
        ("SKIPPED", "CS"),
        ("TESTING", None),
        (None, None),
    ],
)
def test_verdicts_become_judgement_types(verdict: str | None, expected: str | None) -> None:
    found = results(submission(verdict=verdict))
    assert judgements(found)["1"].judgement_type_id == expected
    assert expected is None or expected in found.objects()["judgement-types"]


def test_judgement_types_say_what_costs_penalty_where_there_is_one() -> None:
    types = cast("Mapping[str, JudgementType]", results().objects()["judgement-types"])
    on_first_test = {each.id for each in types.values() if each.name.endswith(" on the first test")}
    assert on_first_test == {"WA1", "TLE1", "RTE1", "MLE1", "ILE1", "PE1", "SV1"}
    assert {each.id for each in types.values() if each.penalty is False} == {"AC", "CE", "JE", "CS"} | on_first_test
    scored = results(contest={"type": "CF"}).objects()["judgement-types"]
    assert {cast("JudgementType", each).penalty for each in scored.values()} == {None}
    assert not on_first_test & {*scored}


@pytest.mark.parametrize(
    ("relative_s", "made_s", "expected"),
    [
        (100, START_S + 130, "0:01:40.000"),
        (2_147_483_647, START_S + 130, "0:02:10.000"),
        (None, START_S, "0:00:00.000"),
        (2_147_483_647, START_S - 1, None),
        (2_147_483_647, START_S + 18_001, None),
    ],
)
def test_the_contest_time_of_a_submission(relative_s: int | None, made_s: int, expected: str | None) -> None:
    """What the platform says; where it says that it knows none, what follows from the start, within the contest."""
    found = results(submission(relativeTimeSeconds=relative_s, creationTimeSeconds=made_s)).objects()["submissions"]
    assert [cast("Submission", each).contest_time for each in found.values()] == (
        [] if expected is None else [expected]
    )


def test_points_of_a_submission_are_its_score() -> None:
    """Contests of the type IOI say of every submission what it brought."""
    found = results(submission(verdict="PARTIAL", points=37.5), contest={"type": "IOI"})
    assert (judgements(found)["1"].judgement_type_id, judgements(found)["1"].score) == ("RE", 37.5)
    assert judgements(results(submission(verdict="PARTIAL", points=37.5)))["1"].score is None


def test_what_those_out_of_competition_have_reached_is_not_known() -> None:
    """Anonymous callers are shown no such rows; nothing is made up."""
    outside = party(participantType="OUT_OF_COMPETITION")
    assert judgements(results(submission(1, outside), contest={"type": "CF"}))["1"].score is None


def test_of_two_accepted_submissions_the_one_that_counts_has_the_points() -> None:
    best: Row = {"points": 450.0, "rejectedAttemptCount": 1, "type": "FINAL", "bestSubmissionTimeSeconds": 200}
    found = results(
        submission(1),
        submission(2, relativeTimeSeconds=200),
        rows=(row(problemResults=[best]),),
        contest={"type": "CF"},
    )
    assert [each.score for each in judgements(found).values()] == [0, 450]


@pytest.mark.parametrize(
    ("compiler", "identifier", "extensions"),
    [
        ("C++17 (GCC 7-32)", "cpp17-gcc-7-32", ["cc", "cpp", "cxx", "c++", "C"]),
        ("GNU C11", "gnu-c11", ["c"]),
        ("C# 13", "csharp-13", ["cs"]),
        ("Node.js", "node-js", ["js"]),
        ("JavaScript", "javascript", ["js"]),
        ("PyPy 3-64", "pypy-3-64", ["py"]),
        ("Java 21", "java-21", ["java"]),
        ("Kotlin 1.9", "kotlin-1-9", ["kt"]),
        ("Delphi", "delphi", ["pas"]),
        ("D", "d", ["d"]),
        ("Secret_171", "secret-171", []),
    ],
)
def test_a_compiler_is_a_language(compiler: str, identifier: str, extensions: list[str]) -> None:
    (language,) = results(submission(programmingLanguage=compiler)).objects()["languages"].values()
    assert language == Language(id=identifier, name=compiler, entry_point_required=False, extensions=extensions)


def test_a_long_or_foreign_name_of_a_compiler_is_an_id_all_the_same() -> None:
    for compiler in ("x" * 60, "Русский язык"):
        (identifier,) = results(submission(programmingLanguage=compiler)).objects()["languages"]
        assert is_identifier(identifier)
