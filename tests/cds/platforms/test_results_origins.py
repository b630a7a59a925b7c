"""Whose the objects of an imported contest are (pure): ids that are taken here, contests that came from archives."""

from typing import cast

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.commands.platform_objects import Known
from cds.commands.synced_contests import decide_sync
from cds.commands.synced_departures import FailedObject
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import Account, ContestObject, Judgement, Person, PersonRole, Problem, Submission, Team
from schemas.times import format_time
from tests.cds.platforms.adapters.contest_answers import PROBLEM, party, row, submission
from tests.cds.platforms.adapters.conversations import NOW_MS
from tests.cds.platforms.contest_with_records import ContestWithRecords
from tests.cds.platforms.imported_results import decided, judgements, left_over, made, public, put, told

LATER_MS = NOW_MS + 60_000
BO = party(members=[{"handle": "bo"}])
BOTH = party(teamId=7, teamName="Both", members=[{"handle": "anna"}, {"handle": "bo"}])
OURS = Team(id="cf-bo", name="Not the same bo", label="bo")


# --- What is of an id that is taken here.


def test_submissions_of_a_team_whose_id_is_taken_stay_away() -> None:
    """They are a stranger's; and nobody gets a role in the team that people here have made."""
    state = ContestWithRecords()
    put(state, "teams", OURS)
    for now_ms in (NOW_MS, LATER_MS):
        decision = decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)), now_ms=now_ms)
        assert left_over(decision) == [("teams", "cf-bo"), ("persons", "cf-bo"), ("submissions", "2")]
        assert "refers to teams cf-bo, which was made here" in decision.left_over[-1].reason
    assert [*state.objects["submissions"]] == [*judgements(state)] == ["1"]
    assert [*state.objects["persons"]] == ["cf-anna"]
    assert state.objects["teams"]["cf-bo"] == OURS


def test_whoever_is_in_another_team_too_comes_without_the_role_in_the_one_that_is_taken() -> None:
    state = ContestWithRecords()
    put(state, "teams", OURS)
    decision = decided(state, submission(2, BO), rows=(row(BOTH), row(BO)))
    assert left_over(decision) == [("teams", "cf-bo"), ("submissions", "2")]
    (role,) = cast("Person", state.objects["persons"]["cf-bo"]).roles
    assert role.team_id == "cf-t7"


def test_submissions_to_a_problem_whose_id_is_taken_stay_away() -> None:
    state = ContestWithRecords()
    ours = Problem(id="9003A", label="Z", name="Ours", ordinal=9, test_data_count=0)
    put(state, "problems", ours)
    assert left_over(decided(state, submission(1), rows=(row(),))) == [("problems", "9003A"), ("submissions", "1")]
    assert not state.objects["submissions"]
    assert state.objects["problems"]["9003A"] == ours


def test_a_submission_that_the_platform_gives_to_a_team_whose_id_is_taken_stays_as_it_was() -> None:
    """With its judgements: its row has failed."""
    state = ContestWithRecords()
    decided(state, submission(1), submission(2), rows=(row(),))
    put(state, "teams", OURS)
    decision = decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)), now_ms=LATER_MS)
    assert ("submissions", "2") in left_over(decision)
    assert cast("Submission", state.objects["submissions"]["2"]).team_id == "cf-anna"
    assert judgements(state) == {"1": ("AC", None), "2": ("AC", None)}


@pytest.mark.parametrize("known_id", ["cf-bo", None])
def test_who_is_in_a_team_whose_row_failed_and_whose_id_is_taken_has_no_role_twice(known_id: str | None) -> None:
    """However often that is imported."""
    state = ContestWithRecords()
    role = PersonRole(type="contestant", team_id="cf-bo")
    put(state, "teams", OURS)
    put(state, "persons", Person(id="cf-bo", name="bo", roles=[role]))
    failed = (FailedObject(type="teams", id=known_id),)
    for now_ms in (NOW_MS, LATER_MS, LATER_MS + 1):
        decided(state, submission(1), submission(2, BO), rows=(row(),), failed=failed, now_ms=now_ms)
        assert cast("Person", state.objects["persons"]["cf-bo"]).roles == [role]


def test_a_team_that_is_left_over_has_results_of_the_platform_no_more() -> None:
    state = ContestWithRecords()
    decided(state, submission(1), submission(2, BO), rows=(row(), row(BO)))
    put(state, "accounts", Account(id="bo", username="bo", type="team", team_id="cf-bo"))
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert left_over(decision) == [("teams", "cf-bo")]
    assert cast("Team", state.objects["teams"]["cf-bo"]).ext is None


# --- A contest from an archive.


def from_an_archive(source: ContestWithRecords) -> ContestWithRecords:
    """The same contest, of which nobody knows who made what."""
    state = ContestWithRecords()
    made(state, ObjectChange("contest", "", source.contest))
    for type_name, members in source.objects.items():
        if type_name != "contest":
            made(state, *(ObjectChange(type_name, identifier, each) for identifier, each in members.items()))
    assert state.known.records == 0
    return state


def archived() -> ContestWithRecords:
    """A contest of three submissions, from an archive."""
    source = ContestWithRecords()
    decided(source, submission(1), submission(2, BO), submission(3, BOTH), rows=(row(), row(BO), row(BOTH)))
    return from_an_archive(source)


def test_what_has_changed_since_a_contest_was_archived_is_brought_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle, the names of a team and of a problem, a verdict, and one submission less."""
    state, fresh = archived(), ContestWithRecords()
    monkeypatch.setitem(PROBLEM, "name", "Renamed")
    bob = party(members=[{"handle": "bob"}])
    both = party(teamId=7, teamName="Renamed too", members=[{"handle": "anna"}, {"handle": "bob"}])
    said = submission(2, bob, verdict="CHALLENGED"), submission(3, both)
    rows = row(rank=3), row(bob), row(both)
    decision = decided(state, *said, rows=rows, now_ms=LATER_MS)
    assert left_over(decision) == []
    assert decision.adopted > 0
    decided(fresh, *said, rows=rows, now_ms=LATER_MS)
    for type_name in ("problems", "teams", "persons", "submissions"):
        assert state.objects[type_name] == fresh.objects[type_name]
    assert judgements(state) == {"2": ("AC", False), "2-2": ("RE", None), "3": ("AC", None)}
    assert decided(state, *said, rows=rows, now_ms=LATER_MS).adopted == 0


def test_what_does_not_look_as_the_platforms_objects_do_is_not_adopted() -> None:
    """A team without its results and groups, a submission that was judged later, whatever their ids."""
    state = archived()
    ours = Team(id="cf-ours", name="Ours", label="ours")
    by_hand = Submission(
        id="4",
        language_id="python-3",
        problem_id="9003A",
        team_id="cf-anna",
        time=format_time(NOW_MS),
        contest_time="1:00:00.000",
        files=[],
    )
    judged = Judgement(
        id="4", submission_id="4", judgement_type_id="WA", start_time=format_time(NOW_MS + 7), end_time=None
    )
    problem = Problem(id="77", label="Z", name="Ours", ordinal=9, test_data_count=0)
    person = Person(id="cf-ours", name="Ours", roles=[PersonRole(type="contestant", team_id="cf-ours")])
    added: tuple[tuple[str, ContestObject], ...] = (
        ("teams", ours),
        ("persons", person),
        ("problems", problem),
        ("submissions", by_hand),
        ("judgements", judged),
    )
    for type_name, instance in added:
        put(state, type_name, instance)
    said = submission(1), submission(2, BO, verdict="CHALLENGED"), submission(3, BOTH)
    assert left_over(decided(state, *said, rows=(row(), row(BO), row(BOTH)), now_ms=LATER_MS)) == []
    for type_name, instance in added:
        assert state.objects[type_name][object_key(OBJECT_TYPES[type_name], instance)] == instance


def test_a_contest_that_was_merely_listed_holds_nothing_to_adopt() -> None:
    """What is in it people here have made."""
    state, said = ContestWithRecords(), told((submission(1),), (row(),))
    made(state, *decide_sync(state, said.contest, said.state, NOW_MS).changes)
    ours = Problem(id="9003A", label="A", name="Ours", ordinal=0, test_data_count=0)
    put(state, "problems", ours)
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert (left_over(decision)[0], decision.adopted) == (("problems", "9003A"), 0)
    assert state.objects["problems"]["9003A"] == ours


def test_nothing_is_adopted_where_it_is_known_what_the_platform_has_brought() -> None:
    state = ContestWithRecords()
    decided(state, submission(1), rows=(row(),))
    put(state, "teams", msgspec.structs.replace(OURS, group_ids=["official"]))
    decision = decided(state, submission(1), rows=(row(),), now_ms=LATER_MS)
    assert (public(decision), decision.adopted) == ([], 0)


# --- What a package says of it.


def test_a_package_tells_which_objects_are_the_platforms_as_far_as_they_are_there() -> None:
    state = ContestWithRecords()
    assert Known().told(state) is None
    decided(state, submission(1), submission(2), rows=(row(),))
    put(state, "teams", OURS)
    made(state, ObjectChange("judgements", "2", None), ObjectChange("submissions", "2", None))
    said = state.known.told(state)
    assert said is not None
    assert (said.came["teams"], said.came["submissions"], said.came["judgements"]) == (("cf-anna",), ("1",), ("1",))
