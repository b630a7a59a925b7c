"""What brings a contest and its results level with its platform (pure).

New, changed, unchanged, taken back, added here: verdicts that change are new judgements, what people here have added
stays, and nothing shows through the freeze.
"""

from collections.abc import Mapping
from typing import cast

import msgspec
import pytest

from cds.commands.decision import ObjectChange, Refused
from cds.commands.synced_contests import decide_sync
from cds.commands.synced_results import decide_results
from cds.platforms.deep_import import platform_results
from projections.audience import Audience
from projections.scoreboard import Board
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import Award, ContestObject, Group, Judgement, JudgementType, Problem, State, Team
from schemas.records import PLATFORM_OBJECTS
from schemas.times import format_time
from tests.cds.platforms.adapters.contest_answers import (
    ANNA,
    START_S,
    party,
    results,
    row,
    submission,
)
from tests.cds.platforms.adapters.conversations import NOW_MS
from tests.cds.platforms.contest_with_records import ContestWithRecords
from tests.platform_servers.server import Row

LATER_MS = NOW_MS + 60_000
BO = party(members=[{"handle": "bo"}])


def told(state: ContestWithRecords, changes: list[ObjectChange]) -> ContestWithRecords:
    """The state after changes."""
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


def imported(
    state: ContestWithRecords,
    *submissions: Row,
    rows: tuple[Row, ...] = (),
    contest: Row | None = None,
    now_ms: int = NOW_MS,
) -> list[ObjectChange]:
    """Import what the platform says by now; the changes that it took."""
    said = platform_results(results(*submissions, rows=rows, contest=contest, now_ms=now_ms))
    changes = decide_results(state, said, state.known, now_ms).changes
    told(state, changes)
    return [change for change in changes if change.type != PLATFORM_OBJECTS]


def judgements(state: ContestWithRecords) -> dict[str, tuple[str | None, bool | None]]:
    """Type and whether it counts, by id."""
    found = cast("Mapping[str, Judgement]", state.objects["judgements"])
    return {each.id: (each.judgement_type_id, each.current) for each in found.values()}


def team(state: ContestWithRecords, team_id: str = "cf-anna") -> Team:
    """A team as it stands."""
    return cast("Team", state.objects["teams"][team_id])


def test_the_same_again_adds_nothing() -> None:
    state = ContestWithRecords()
    said = (submission(1), submission(2, BO, verdict="WRONG_ANSWER"), submission(3, verdict=None))
    assert imported(state, *said, rows=(row(), row(BO, rank=2, points=0.0)))
    assert imported(state, *said, rows=(row(), row(BO, rank=2, points=0.0)), now_ms=LATER_MS) == []


def test_what_is_named_comes_before_what_names_it_and_first_what_happened_first() -> None:
    changes = imported(
        ContestWithRecords(), submission(9, relativeTimeSeconds=50), submission(4, relativeTimeSeconds=60)
    )
    types = [*dict.fromkeys(change.type for change in changes)]
    assert [name for name in types if name not in ("contest", "x-settings")] == [
        "judgement-types",
        "languages",
        "problems",
        "groups",
        "teams",
        "persons",
        "state",
        "submissions",
        "judgements",
    ]
    assert [change.id for change in changes if change.type == "submissions"] == ["9", "4"]


def test_a_plain_contest_can_be_deepened_and_a_deep_one_synced() -> None:
    """The sync of all contests leaves results, and the board that was chosen, alone."""
    said = platform_results(results(submission(1), rows=(row(),)))
    state = told(ContestWithRecords(), decide_sync(ContestWithRecords(), said.contest, said.state, NOW_MS).changes)
    assert [*state.objects["teams"]] == []
    decision = decide_results(state, said, state.known, NOW_MS)
    assert not decision.new
    told(state, decision.changes)
    assert state.contest is not None
    assert state.contest.main_scoreboard_group_id == "official"
    assert decide_sync(state, said.contest, said.state, LATER_MS).changes == []
    assert [*state.objects["submissions"]] == ["1"]


def test_a_submission_that_is_challenged_later_has_another_judgement() -> None:
    state = ContestWithRecords()
    imported(state, submission(1))
    imported(state, submission(1, verdict="CHALLENGED"), now_ms=LATER_MS)
    assert judgements(state) == {"1": ("AC", False), "1-2": ("RE", None)}
    second = cast("Judgement", state.objects["judgements"]["1-2"])
    assert (second.start_time, second.end_time) == (format_time(LATER_MS), format_time(LATER_MS))
    assert imported(state, submission(1, verdict="CHALLENGED"), now_ms=LATER_MS + 1) == []
    imported(state, submission(1), now_ms=LATER_MS + 2)
    assert judgements(state) == {"1": ("AC", False), "1-2": ("RE", False), "1-3": ("AC", None)}


def test_what_stops_to_count_is_told_before_what_counts_instead() -> None:
    state = ContestWithRecords()
    imported(state, submission(1))
    changes = imported(state, submission(1, verdict="SKIPPED"), now_ms=LATER_MS)
    assert [change.id for change in changes] == ["1", "1-2"]


def test_a_judgement_that_was_under_way_comes_to_its_end() -> None:
    state = ContestWithRecords()
    imported(state, submission(1, verdict="TESTING"))
    assert judgements(state) == {"1": (None, None)}
    imported(state, submission(1), now_ms=LATER_MS)
    assert judgements(state) == {"1": ("AC", None)}
    assert cast("Judgement", state.objects["judgements"]["1"]).end_time == format_time(LATER_MS)


def test_while_the_platform_judges_again_its_last_word_stands() -> None:
    state = ContestWithRecords()
    imported(state, submission(1))
    assert imported(state, submission(1, verdict="TESTING"), now_ms=LATER_MS) == []
    imported(state, submission(1, verdict="WRONG_ANSWER"), now_ms=LATER_MS)
    assert judgements(state) == {"1": ("AC", False), "1-2": ("WA", None)}


def test_what_the_platform_no_longer_has_goes() -> None:
    """A party that was disqualified goes with its submissions and their judgements."""
    state = ContestWithRecords()
    imported(state, submission(1), submission(2, BO), submission(3))
    imported(state, submission(1), submission(2, BO, verdict="CHALLENGED"), submission(3), now_ms=LATER_MS)
    imported(state, submission(1), now_ms=LATER_MS)
    assert [*state.objects["teams"]] == ["cf-anna"]
    assert [*state.objects["persons"]] == ["cf-anna"]
    assert [*state.objects["submissions"]] == ["1"]
    assert judgements(state) == {"1": ("AC", None)}


def test_awards_let_go_of_a_team_that_is_no_more() -> None:
    state = ContestWithRecords()
    imported(state, submission(1), submission(2, BO))
    award = Award(id="winner", citation="Winner", team_ids=["cf-bo", "cf-anna"])
    told(state, [ObjectChange("awards", award.id, award)])
    imported(state, submission(1), now_ms=LATER_MS)
    assert state.objects["awards"] == {"winner": msgspec.structs.replace(award, team_ids=["cf-anna"])}


def test_what_people_have_added_stays() -> None:
    """Colours of problems, groups of teams, and whole objects: the platform speaks of none of them."""
    state = ContestWithRecords()
    said = (submission(1),)
    imported(state, *said)
    problem = cast("Problem", state.objects["problems"]["9003A"])
    added: list[tuple[str, ContestObject]] = [
        ("groups", Group(id="students", name="Students")),
        ("teams", msgspec.structs.replace(team(state), group_ids=["official", "students"], icpc_id="17")),
        ("teams", Team(id="guests", name="Guests", label="7")),
        ("problems", msgspec.structs.replace(problem, rgb="#ff0000", color="red", name="Renamed here")),
        ("judgement-types", JudgementType(id="NO", name="No", solved=False, penalty=True)),
        (
            "judgements",
            Judgement(
                id="by-hand", submission_id="1", judgement_type_id="NO", start_time=format_time(NOW_MS), current=False
            ),
        ),
    ]
    told(state, [ObjectChange(name, object_key(OBJECT_TYPES[name], each), each) for name, each in added])
    changes = imported(state, *said, now_ms=LATER_MS)
    assert [(change.type, change.id) for change in changes] == [("problems", "9003A")]
    assert state.objects["problems"]["9003A"] == msgspec.structs.replace(problem, rgb="#ff0000", color="red")
    assert team(state).group_ids == ["official", "students"]
    assert "guests" in state.objects["teams"]


def test_what_people_have_made_of_the_main_board_stays() -> None:
    state = ContestWithRecords()
    imported(state, submission(1))
    assert state.contest is not None
    told(state, [ObjectChange("contest", "", msgspec.structs.replace(state.contest, main_scoreboard_group_id=None))])
    assert imported(state, submission(1), now_ms=LATER_MS) == []


def test_a_contest_that_has_ended_its_updates_is_left_as_it_is() -> None:
    state = ContestWithRecords()
    imported(state, submission(1))
    assert state.state is not None
    ended = msgspec.structs.replace(state.state, end_of_updates=format_time(NOW_MS))
    told(state, [ObjectChange("state", "", ended)])
    with pytest.raises(Refused, match="ended its updates"):
        imported(state, submission(1, verdict="CHALLENGED"), now_ms=LATER_MS)


# --- The platform's own results, and the freeze.


def behind_freeze(state: ContestWithRecords) -> bool:
    """Whether what has been submitted since the freeze is hidden."""
    return state.timeline.freeze_announced


FROZEN: Row = {"freezeDurationSeconds": 3_600, "phase": "CODING", "frozen": True}
IN_FREEZE_MS = (START_S + 16_000) * 1_000


def test_the_platforms_own_results_come_and_change() -> None:
    state = ContestWithRecords()
    imported(state, submission(1), rows=(row(),))
    assert team(state).ext == TeamExtension(sync=SyncedTeam(rank=1, points=1, penalty=5))
    changes = imported(state, submission(1), rows=(row(rank=2),), now_ms=LATER_MS)
    assert [(change.type, change.id) for change in changes] == [("teams", "cf-anna")]
    assert team(state).ext == TeamExtension(sync=SyncedTeam(rank=2, points=1, penalty=5))


def test_behind_the_freeze_the_platforms_own_results_stay_as_they_were() -> None:
    """From the freeze to the thaw a rank, or a number of points, would tell of verdicts that are hidden."""
    state = ContestWithRecords()
    before: Row = {"freezeDurationSeconds": 3_600, "phase": "CODING", "frozen": False}
    imported(state, submission(1), rows=(row(),), contest=before, now_ms=(START_S + 10_000) * 1_000)
    known = team(state).ext
    assert known is not None
    late = submission(2, BO, creationTimeSeconds=START_S + 15_000, relativeTimeSeconds=15_000)
    shown = Board(state, frozen=True).scoreboard(None, problems_visible=True)
    imported(state, submission(1), late, rows=(row(rank=2), row(BO)), contest=FROZEN, now_ms=IN_FREEZE_MS)
    assert behind_freeze(state)
    assert (team(state).ext, team(state, "cf-bo").ext) == (known, None)
    assert b'"rank":2,"points"' not in shown + Board(state, frozen=True).scoreboard(None, problems_visible=True)
    final: Row = {"freezeDurationSeconds": 3_600, "phase": "FINISHED", "frozen": False}
    changes = imported(state, submission(1), late, rows=(row(rank=2), row(BO)), contest=final, now_ms=NOW_MS)
    assert not behind_freeze(state)
    types = [change.type for change in changes]
    assert types.index("teams") > types.index("state")
    assert team(state).ext == TeamExtension(sync=SyncedTeam(rank=2, points=1, penalty=5))


def test_verdicts_in_the_freeze_change_nothing_that_the_public_sees() -> None:
    """Whatever the platform says meanwhile of ranks and points, and however it judges."""

    def shown(verdict: str, rank: int) -> list[tuple[str, object]]:
        state = ContestWithRecords()
        before: Row = {"freezeDurationSeconds": 3_600, "phase": "CODING", "frozen": False}
        imported(state, submission(1), rows=(row(),), contest=before, now_ms=(START_S + 10_000) * 1_000)
        late = submission(2, BO, creationTimeSeconds=START_S + 15_000, relativeTimeSeconds=15_000, verdict=verdict)
        imported(state, submission(1), late, rows=(row(rank=rank), row(BO)), contest=FROZEN, now_ms=IN_FREEZE_MS)
        everything = Audience.of_state("public", state).shown
        return [*everything.items(), ("scoreboard", Board(state, frozen=True).scoreboard(None))]

    before_thaw = shown("OK", 1)
    assert dict(before_thaw)["teams"]
    assert before_thaw == shown("WRONG_ANSWER", 2) == shown("CHALLENGED", 3)


def test_a_contest_that_this_server_runs_keeps_its_times_and_gets_the_results() -> None:
    state = ContestWithRecords()
    imported(state, submission(1), contest={"phase": "CODING"}, now_ms=(START_S + 1_000) * 1_000)
    settings = msgspec.structs.replace(state.settings, clock=True)
    told(state, [ObjectChange("x-settings", "", settings)])
    assert state.settings.clock
    changes = imported(state, submission(1), submission(2), now_ms=NOW_MS)
    assert {change.type for change in changes} == {"contest", "submissions", "judgements"}
    assert state.state is not None
    assert (state.state.started is not None, state.state.ended) == (True, None)


def test_a_freeze_that_begins_in_the_past_takes_the_results_that_tell_of_it() -> None:
    """They were told before there was a freeze; with what counted before it they could stay as they were."""
    state = ContestWithRecords()
    before: Row = {"freezeDurationSeconds": 0, "phase": "CODING", "frozen": False}
    late = submission(2, BO, creationTimeSeconds=START_S + 15_000, relativeTimeSeconds=15_000)
    said = (submission(1), late)
    imported(state, *said, rows=(row(rank=2), row(BO)), contest=before, now_ms=(START_S + 15_500) * 1_000)
    assert team(state, "cf-bo").ext is not None
    for moment_ms in (IN_FREEZE_MS, IN_FREEZE_MS + 1_000):
        imported(state, *said, rows=(row(rank=2), row(BO)), contest=FROZEN, now_ms=moment_ms)
        assert behind_freeze(state)
        assert (team(state).ext, team(state, "cf-bo").ext) == (None, None)
    final: Row = {"freezeDurationSeconds": 3_600, "phase": "FINISHED", "frozen": False}
    imported(state, *said, rows=(row(rank=2), row(BO)), contest=final, now_ms=NOW_MS)
    assert team(state, "cf-bo").ext == TeamExtension(sync=SyncedTeam(rank=1, points=1, penalty=5))


# --- The board.


def test_rows_have_the_platforms_own_results_beside_ours() -> None:
    state = ContestWithRecords()
    outside = party(participantType="OUT_OF_COMPETITION", members=[{"handle": "guest"}])
    imported(state, submission(1), submission(2, outside), rows=(row(rank=4, points=1.0, penalty=1),))
    board = Board(state, frozen=False)
    decoded = msgspec.json.decode(board.scoreboard(None, problems_visible=True))
    assert [(shown["team_id"], shown["rank"], shown["ext"]) for shown in decoded["rows"]] == [
        ("cf-anna", 1, {"sync": {"rank": 4, "points": 1, "penalty": 1}})
    ]
    everybody = msgspec.json.decode(board.scoreboard("unofficial", problems_visible=True))
    assert [("ext" in shown, shown["team_id"]) for shown in everybody["rows"]] == [(False, "cf-guest")]


def test_rows_follow_the_platforms_results() -> None:
    state = ContestWithRecords()
    imported(state, submission(1), rows=(row(),))
    board = Board(state, frozen=False)
    board.scoreboard(None, problems_visible=True)
    said = platform_results(results(submission(1), rows=(row(rank=9),)))
    for change in decide_results(state, said, state.known, LATER_MS).changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
        board.note((change.type, change.id))
    assert b'"ext":{"sync":{"rank":9,' in board.scoreboard(None, problems_visible=True)
    assert board.scoreboard(None, problems_visible=True) == Board(state, frozen=False).scoreboard(
        None, problems_visible=True
    )


def test_state_is_that_of_the_platform() -> None:
    """Deepening says no more of the state than the sync does."""
    state = ContestWithRecords()
    imported(state, submission(1, ANNA))
    assert state.state == State(
        started=format_time(START_S * 1_000),
        frozen=None,
        ended=format_time((START_S + 18_000) * 1_000),
        thawed=None,
        finalized=format_time((START_S + 18_000) * 1_000),
        end_of_updates=None,
    )
