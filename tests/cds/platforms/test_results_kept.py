"""What a deep import leaves as it is (pure): what people here have made, what failed, and nearly everything at once."""

from typing import cast

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.commands.platform_objects import Known
from cds.commands.synced_departures import FailedObject, Implausible
from cds.commands.synced_results import decide_results
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import Account, ContestObject, Judgement, Language, Person, PersonRole, Problem, Submission, Team
from schemas.times import format_time
from tests.cds.platforms.adapters.contest_answers import party, row, submission
from tests.cds.platforms.adapters.conversations import NOW_MS
from tests.cds.platforms.contest_with_records import ContestWithRecords
from tests.cds.platforms.imported_results import decided, judgements, left_over, made, public, put, told
from tests.platform_servers.server import Row

LATER_MS = NOW_MS + 60_000
BO = party(members=[{"handle": "bo"}])
SCORED: Row = {"type": "CF"}


def by_hand(identifier: str, team_id: str = "cf-anna", problem_id: str = "9003A") -> Submission:
    """A submission that was made here."""
    return Submission(
        id=identifier,
        language_id="python-3",
        problem_id=problem_id,
        team_id=team_id,
        time=format_time(NOW_MS),
        contest_time="1:00:00.000",
        files=[],
    )


def judged_by_hand(identifier: str, submission_id: str, judgement_type_id: str = "WA") -> Judgement:
    """A judgement that was given here."""
    return Judgement(
        id=identifier,
        submission_id=submission_id,
        judgement_type_id=judgement_type_id,
        start_time=format_time(NOW_MS),
        end_time=format_time(NOW_MS),
    )


# --- What people here have made.


def test_what_was_made_here_stays_whatever_its_id_looks_like() -> None:
    state = ContestWithRecords()
    decided(state, submission(1), rows=(row(),))
    added: tuple[tuple[str, ContestObject], ...] = (
        ("problems", Problem(id="77", label="Z", name="Ours", ordinal=9, test_data_count=0)),
        ("teams", Team(id="cf-ours", name="Ours", label="ours")),
        ("persons", Person(id="cf-ours", name="Ours", roles=[PersonRole(type="contestant", team_id="cf-ours")])),
        ("submissions", by_hand("2")),
        ("judgements", judged_by_hand("2", "2")),
        ("judgements", msgspec.structs.replace(judged_by_hand("1-7", "1"), current=False)),
    )
    for type_name, instance in added:
        put(state, type_name, instance)
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert (public(decision), left_over(decision)) == ([], [])
    decided(state, submission(1, verdict="SKIPPED"), rows=(row(),), now_ms=LATER_MS)
    for type_name, instance in added:
        assert state.objects[type_name][object_key(OBJECT_TYPES[type_name], instance)] == instance


@pytest.mark.parametrize(
    ("type_name", "ours"),
    [
        ("submissions", by_hand("2")),
        ("teams", Team(id="cf-bo", name="Not the same bo", label="bo", group_ids=["official"])),
        ("languages", Language(id="python-3", name="Our Python", entry_point_required=False, extensions=["py"])),
    ],
)
def test_an_id_that_was_taken_here_stays_ours_and_counts_as_failed(type_name: str, ours: Submission | Team) -> None:
    state = ContestWithRecords()
    decided(state, rows=(row(),))
    put(state, type_name, ours)
    said = (submission(1), submission(2, BO))
    for now_ms in (LATER_MS, LATER_MS + 1):
        decision = decided(state, *said, rows=(row(), row(BO)), now_ms=now_ms)
        with_it = [("persons", "cf-bo"), ("submissions", "2")] if type_name == "teams" else []
        assert left_over(decision) == [(type_name, ours.id), *with_it]
        assert state.objects[type_name][ours.id] == ours
    assert "1" in state.objects["submissions"]
    assert ("2" in judgements(state)) == (type_name == "languages")


def test_what_was_made_here_does_not_go_with_what_the_platform_had_under_its_id() -> None:
    state = ContestWithRecords()
    ours = Team(id="cf-bo", name="Not the same bo", label="bo")
    put(state, "teams", ours)
    assert left_over(decided(state, submission(1), rows=(row(), row(BO)))) == [("teams", "cf-bo"), ("persons", "cf-bo")]
    assert left_over(decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)) == []
    assert state.objects["teams"]["cf-bo"] == ours


def test_what_says_just_what_the_platform_says_is_the_platforms() -> None:
    """So it is in a contest that came from an archive: it has the objects, and nobody knows who made them."""
    source, state = ContestWithRecords(), ContestWithRecords()
    decided(source, submission(1), submission(2, BO), rows=(row(), row(BO)))
    decided(source, submission(1, verdict="SKIPPED"), submission(2, BO), rows=(row(), row(BO)), now_ms=LATER_MS)
    made(state, ObjectChange("contest", "", source.contest))
    for type_name, members in source.objects.items():
        if type_name != "contest":
            made(state, *(ObjectChange(type_name, identifier, each) for identifier, each in members.items()))
    said = (submission(1, verdict="CHALLENGED"),)
    decision = decided(state, *said, submission(2, BO), rows=(row(rank=2), row(BO)), now_ms=LATER_MS)
    assert left_over(decision) == []
    assert judgements(state) == {"1": ("AC", False), "1-2": ("CS", False), "1-3": ("RE", None), "2": ("AC", None)}
    decided(state, *said, rows=(row(rank=2),), now_ms=LATER_MS)
    assert [*state.objects["teams"]] == ["cf-anna"]


@pytest.mark.parametrize("identifier", ["by-hand", "7"])
def test_a_judgement_by_hand_that_came_from_an_archive_is_ours(identifier: str) -> None:
    """The platform's are called as their submission is."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)))
    put(state, "judgements", msgspec.structs.replace(judged_by_hand(identifier, "2"), current=False))
    state.known = Known()
    decision = decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)), now_ms=LATER_MS)
    assert (public(decision), left_over(decision)) == ([], [])
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert left_over(decision) == [("submissions", "2")]
    assert judgements(state)[identifier] == ("WA", False)


def test_what_is_referred_to_here_stays_counts_as_failed_and_the_rest_comes() -> None:
    """It goes when nothing refers to it any more."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)))
    account = Account(id="bo", username="bo", type="team", team_id="cf-bo", person_id="cf-bo")
    put(state, "accounts", account)
    for now_ms in (LATER_MS, LATER_MS + 1):
        decision = decided(state, submission(1), submission(3), rows=(row(),), now_ms=now_ms)
        assert left_over(decision) == [("teams", "cf-bo"), ("persons", "cf-bo")]
        assert "accounts bo refers to it" in decision.left_over[0].reason
    assert [*state.objects["teams"]] == [*state.objects["persons"]] == ["cf-anna", "cf-bo"]
    assert [*state.objects["submissions"]] == ["1", "3"]
    made(state, ObjectChange("accounts", "bo", None))
    assert left_over(decided(state, submission(1), submission(3), rows=(row(),), now_ms=LATER_MS)) == []
    assert [*state.objects["teams"]] == [*state.objects["persons"]] == ["cf-anna"]


def test_what_stays_keeps_what_it_refers_to() -> None:
    """A judgement by hand of a submission that is no more: submission, verdicts, team."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)))
    put(state, "judgements", msgspec.structs.replace(judged_by_hand("by-hand", "2"), current=False))
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert left_over(decision) == [("submissions", "2")]
    assert (public(decision), judgements(state)) == (
        [("persons", "cf-bo")],
        {"1": ("AC", None), "2": ("AC", None), "by-hand": ("WA", False)},
    )
    assert "cf-bo" in state.objects["teams"]


# --- Judgements given here.


def rejudged() -> ContestWithRecords:
    """A contest in which somebody here has judged a submission anew, as the server writes it."""
    state = ContestWithRecords()
    decided(state, submission(1))
    own = cast("Judgement", state.objects["judgements"]["1"])
    put(state, "judgements", msgspec.structs.replace(own, current=False), judged_by_hand("here", "1"))
    assert judgements(state) == {"1": ("AC", False), "here": ("WA", None)}
    return state


def test_a_judgement_given_here_counts_until_the_platform_changes_its_mind() -> None:
    state = rejudged()
    assert public(decided(state, submission(1), now_ms=LATER_MS)) == []
    decision = decided(state, submission(1, verdict="CHALLENGED"), now_ms=LATER_MS)
    assert public(decision) == [("judgements", "here"), ("judgements", "1-2")]
    assert judgements(state) == {"1": ("AC", False), "here": ("WA", False), "1-2": ("RE", None)}


def test_a_judgement_given_here_while_the_platform_judges_gives_way_to_the_verdict() -> None:
    state = ContestWithRecords()
    decided(state, submission(1, verdict="TESTING"))
    own = cast("Judgement", state.objects["judgements"]["1"])
    put(state, "judgements", msgspec.structs.replace(own, current=False), judged_by_hand("here", "1"))
    decided(state, submission(1), now_ms=LATER_MS)
    assert judgements(state) == {"1": ("AC", None), "here": ("WA", False)}


def test_a_new_judgement_takes_no_id_that_was_taken_here() -> None:
    state = rejudged()
    put(state, "judgements", msgspec.structs.replace(judged_by_hand("1-2", "1"), current=False))
    decided(state, submission(1, verdict="CHALLENGED"), now_ms=LATER_MS)
    assert judgements(state)["1-3"] == ("RE", None)
    decided(state, submission(1, verdict="SKIPPED"), now_ms=LATER_MS)
    assert [each for each, (_, current) in judgements(state).items() if current is not False] == ["1-4"]


# --- What failed.


@pytest.mark.parametrize("known_id", ["2", None])
def test_a_submission_that_failed_stays_as_it_is(known_id: str | None) -> None:
    """With its verdicts, and with its team, of which nothing else is told."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO))
    decided(state, submission(1), submission(2, BO, verdict="CHALLENGED"), now_ms=LATER_MS)
    failed = (FailedObject(type="submissions", id=known_id),)
    decision = decided(state, submission(1), failed=failed, now_ms=LATER_MS)
    assert (public(decision), left_over(decision)) == ([("persons", "cf-bo")], [])
    assert judgements(state) == {"1": ("AC", None), "2": ("AC", False), "2-2": ("RE", None)}


def test_a_submission_with_a_verdict_that_nobody_knows_stays_as_it_is() -> None:
    """As the adapter tells of it."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)))
    decision = decided(
        state, submission(1), submission(2, BO, verdict="SPLENDID"), rows=(row(), row(BO)), now_ms=LATER_MS
    )
    assert public(decision) == []
    assert judgements(state) == {"1": ("AC", None), "2": ("AC", None)}


@pytest.mark.parametrize("known_id", ["cf-bo", None])
def test_a_team_whose_row_failed_stays_with_its_results_and_persons(known_id: str | None) -> None:
    state = ContestWithRecords()
    decided(state, submission(1), rows=(row(), row(BO)))
    failed = (FailedObject(type="teams", id=known_id),)
    assert public(decided(state, submission(1), rows=(row(),), failed=failed, now_ms=LATER_MS)) == []
    # It has submitted, so it is told of after all, but not what it has come to.
    decided(state, submission(1), submission(2, BO), rows=(row(),), failed=failed, now_ms=LATER_MS)
    expected = TeamExtension(sync=SyncedTeam(rank=1, points=1, penalty=5))
    assert cast("Team", state.objects["teams"]["cf-bo"]).ext == expected


def test_whoever_is_in_a_team_that_failed_stays_in_it() -> None:
    """Also who is in another one that did not."""
    state = ContestWithRecords()
    together = party(teamId=7, teamName="Together", members=[{"handle": "anna"}, {"handle": "bo"}])
    decided(state, submission(1), rows=(row(), row(together)))
    failed = (FailedObject(type="teams", id="cf-t7"),)
    assert public(decided(state, submission(1), rows=(row(),), failed=failed, now_ms=LATER_MS)) == []
    assert public(decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)) == [
        ("persons", "cf-anna"),
        ("persons", "cf-bo"),
        ("teams", "cf-t7"),
    ]


@pytest.mark.parametrize("known_id", ["cf-anna", None])
def test_scores_of_a_team_whose_row_failed_stay(known_id: str | None) -> None:
    state = ContestWithRecords()
    solved: Row = {"points": 1480.0, "bestSubmissionTimeSeconds": 100}
    decided(state, submission(1), rows=(row(problemResults=[solved]),), contest=SCORED)
    assert cast("Judgement", state.objects["judgements"]["1"]).score == 1480
    failed = (FailedObject(type="teams", id=known_id),)
    decision = decided(state, submission(1), contest=SCORED, failed=failed, now_ms=LATER_MS)
    assert public(decision) == []


# --- What would take too much away.


def crowd(count: int, begin: int = 0) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """So many parties, each with its row and a submission."""
    parties = [party(members=[{"handle": f"h{number}"}]) for number in range(begin, begin + count)]
    submissions = tuple(submission(1 + begin + place, each) for place, each in enumerate(parties))
    return submissions, tuple(row(each) for each in parties)


def refused(state: ContestWithRecords, submissions: tuple[Row, ...], rows: tuple[Row, ...]) -> str:
    """Why an answer is taken for a broken one; nothing has changed."""
    position = state.position
    with pytest.raises(Implausible) as refusal:
        decided(state, *submissions, rows=rows, now_ms=LATER_MS)
    assert state.position == position
    return str(refusal.value)


def test_nothing_where_there_was_something_is_taken_for_a_broken_answer() -> None:
    state = ContestWithRecords()
    decided(state, submission(1), rows=(row(),))
    assert refused(state, (), (row(),)) == "no submissions any more, of 1"
    said = told((submission(1),), (row(),))
    for name in ("problems", "teams", "submissions"):
        lacking = msgspec.structs.replace(said, objects={**said.objects, name: {}})
        with pytest.raises(Implausible, match=f"no {name} any more"):
            decide_results(state, lacking, state.known, LATER_MS)


def test_a_great_part_less_is_taken_for_a_broken_answer() -> None:
    """More than ten, and more than a tenth."""
    state, (submissions, rows) = ContestWithRecords(), crowd(120)
    decided(state, *submissions, rows=rows)
    assert refused(state, submissions[:107], rows) == "13 submissions fewer, of 120"
    assert refused(state, submissions[:107], rows[:107]) == "13 teams fewer, of 120"
    decided(state, *submissions[:108], rows=rows[:108], now_ms=LATER_MS)
    assert len(state.objects["teams"]) == len(state.objects["submissions"]) == 108


def test_what_failed_is_not_among_what_would_go() -> None:
    """Many verdicts of a new kind at once break no answer."""
    state, (submissions, rows) = ContestWithRecords(), crowd(40)
    decided(state, *submissions, rows=rows)
    failed = tuple(FailedObject(type="submissions", id=str(each["id"])) for each in submissions[20:])
    assert public(decided(state, *submissions[:20], rows=rows, failed=failed, now_ms=LATER_MS)) == []
    assert len(state.objects["submissions"]) == 40


def test_ten_may_go_from_a_small_contest() -> None:
    state, (submissions, rows) = ContestWithRecords(), crowd(12)
    decided(state, *submissions, rows=rows)
    assert refused(state, submissions[:1], rows[:1]) == "11 teams fewer, of 12"
    decided(state, *submissions[:2], rows=rows[:2], now_ms=LATER_MS)
    assert len(state.objects["teams"]) == 2


def test_all_teams_may_be_renamed_at_once() -> None:
    """Handles change; whose submissions they are says the platform."""
    state, (submissions, rows) = ContestWithRecords(), crowd(30)
    decided(state, *submissions, rows=rows)
    renamed, others = crowd(30, begin=50)
    moved = tuple({**each, "id": submissions[place]["id"]} for place, each in enumerate(renamed))
    decided(state, *moved, rows=others, now_ms=LATER_MS)
    assert [*state.objects["teams"]] == [f"cf-h{number}" for number in range(50, 80)]
