"""What a feed leaves open and we settle: live judgements, hidden teams."""

from cds.dialects.feed import FeedTranslator
from schemas.objects import Judgement
from tests.cds.dialects.feeds import (
    CONTEST,
    JUDGEMENT,
    PROBLEM,
    STATE,
    SUBMISSION,
    TEAM,
    Plain,
    line,
    translated,
    typical,
)


def test_judgement_with_valid_false_is_not_current() -> None:
    outcome = translated(
        typical(("judgements", {**JUDGEMENT, "valid": False}), ("judgements", {**JUDGEMENT, "id": "j2"}))
    )
    assert outcome.plain("judgements", "j1")["current"] is False
    assert outcome.plain("judgements", "j2")["current"] is None
    assert outcome.warnings == []


def test_two_live_judgements_latest_start_wins() -> None:
    later = {**JUDGEMENT, "id": "j2", "start_time": "2024-01-01T10:30:00.000+01:00"}
    for judgements in ([JUDGEMENT, later], [later, JUDGEMENT]):
        outcome = translated(typical(*(("judgements", judgement) for judgement in judgements)))
        assert outcome.plain("judgements", "j1")["current"] is False
        assert outcome.plain("judgements", "j2")["current"] is None
        assert len(outcome.warnings) == 1
        assert "judgements/j1 current: is current beside a judgement" in outcome.warnings[0]


def test_rejudging_that_sends_the_new_judgement_first_needs_no_warning() -> None:
    later = {**JUDGEMENT, "id": "j2", "start_time": "2024-01-01T10:30:00.000+01:00"}
    outcome = translated(
        typical(("judgements", JUDGEMENT), ("judgements", later), ("judgements", {**JUDGEMENT, "current": False}))
    )
    assert outcome.warnings == []
    assert outcome.translator.repeated_lines == 1


def test_overruled_judgement_comes_back_when_the_other_is_withdrawn_or_deleted() -> None:
    later = {**JUDGEMENT, "id": "j2", "start_time": "2024-01-01T10:30:00.000+01:00"}
    for withdrawal in (("judgements", {**later, "current": False}), line("judgements", None, "j2")):
        outcome = translated(typical(("judgements", JUDGEMENT), ("judgements", later), withdrawal))
        judgement = outcome.instance("judgements", "j1")
        assert isinstance(judgement, Judgement)
        assert judgement.current is not False
        assert outcome.warnings == []


def test_hidden_team_puts_all_others_into_a_main_scoreboard_group() -> None:
    hidden = {**TEAM, "id": "t2", "hidden": True}
    late = {**TEAM, "id": "t3", "hidden": False}
    outcome = translated(typical(("teams", hidden), ("teams", late)))
    assert outcome.plain("contest")["main_scoreboard_group_id"] == "participants"
    assert [outcome.plain("teams", each)["group_ids"] for each in ("t1", "t2", "t3")] == [
        ["participants"],
        None,
        ["participants"],
    ]
    assert len(outcome.warnings) == 1
    assert "groups" in outcome.translator.spoken_of


def test_team_is_hidden_through_all_of_its_groups() -> None:
    groups: list[tuple[str, Plain | None]] = [
        ("groups", {"id": "g1", "name": "Jury", "hidden": True}),
        ("groups", {"id": "g2", "name": "All"}),
    ]
    outcome = translated(
        typical(
            *groups,
            ("teams", {**TEAM, "id": "t2", "group_ids": ["g1"]}),
            ("teams", {**TEAM, "id": "t3", "group_ids": ["g1", "g2"]}),
        )
    )
    assert outcome.plain("teams", "t2")["group_ids"] == ["g1"]
    assert outcome.plain("teams", "t3")["group_ids"] == ["g1", "g2", "participants"]


def test_group_that_becomes_hidden_later_hides_its_teams() -> None:
    group: Plain = {"id": "g1", "name": "Jury"}
    outcome = translated(
        typical(
            ("groups", group),
            ("teams", {**TEAM, "id": "t2", "group_ids": ["g1"]}),
            ("groups", {**group, "hidden": True}),
        )
    )
    assert outcome.plain("contest")["main_scoreboard_group_id"] == "participants"
    assert outcome.plain("teams", "t2")["group_ids"] == ["g1"]
    assert outcome.plain("teams", "t1")["group_ids"] == ["participants"]


def test_group_of_participants_takes_a_free_id() -> None:
    taken = frozenset({"participants", "participants-2"})
    outcome = translated(
        typical(("teams", {**TEAM, "id": "t2", "hidden": True})), FeedTranslator(group_ids_taken=taken)
    )
    assert outcome.plain("contest")["main_scoreboard_group_id"] == "participants-3"


def test_hidden_team_changes_nothing_where_the_contest_names_a_main_group() -> None:
    contest = {**CONTEST, "main_scoreboard_group_id": "g1"}
    outcome = translated(
        [
            line("contest", contest, "c1"),
            line("groups", {"id": "g1", "name": "G"}),
            line("teams", {**TEAM, "hidden": True}),
            line("state", STATE),
        ]
    )
    assert list(outcome.translator.objects["groups"]) == ["g1"]
    assert outcome.warnings == []


def test_contest_line_repeated_after_a_hidden_team_is_a_repetition() -> None:
    outcome = translated(typical(("teams", {**TEAM, "id": "t2", "hidden": True}), ("contest", CONTEST)))
    assert outcome.translator.repeated_lines == 1


def test_judgement_that_moves_to_another_submission_frees_the_one_it_overruled() -> None:
    later: Plain = {**JUDGEMENT, "id": "j2", "start_time": "2024-01-01T10:30:00.000+01:00"}
    outcome = translated(
        typical(
            ("submissions", {**SUBMISSION, "id": "s2"}),
            ("judgements", JUDGEMENT),
            ("judgements", later),
            ("judgements", {**later, "submission_id": "s2"}),
        )
    )
    assert outcome.plain("judgements", "j1")["current"] is None
    assert outcome.plain("judgements", "j2")["current"] is None
    assert outcome.warnings == []


def test_contest_that_names_its_main_group_later_keeps_it() -> None:
    outcome = translated(
        typical(
            ("groups", {"id": "g1", "name": "G"}),
            ("teams", {**TEAM, "id": "t2", "hidden": True}),
            ("contest", {**CONTEST, "main_scoreboard_group_id": "g1"}),
        )
    )
    assert outcome.plain("contest")["main_scoreboard_group_id"] == "g1"


def test_team_that_is_hidden_no_longer_joins_the_others() -> None:
    team: Plain = {**TEAM, "id": "t2"}
    outcome = translated(typical(("teams", {**team, "hidden": True}), ("teams", {**team, "hidden": False})))
    assert outcome.plain("teams", "t2")["group_ids"] == ["participants"]


def test_a_judgement_with_more_points_than_the_problem_brings_is_kept_and_told_of() -> None:
    """It is the source's word, and nothing of it is cut off."""
    outcome = translated(
        typical(
            ("contest", {**CONTEST, "scoreboard_type": "score", "penalty_time": None}),
            ("problems", {**PROBLEM, "max_score": 100}),
            ("judgements", {**JUDGEMENT, "score": 150}),
            ("judgements", {**JUDGEMENT, "id": "j2", "score": 100, "current": False}),
        )
    )
    assert outcome.plain("judgements", "j1")["score"] == 150
    assert [str(warning) for warning in outcome.warnings if "score" in str(warning)] == [
        "event-feed.ndjson:11 judgements/j1 score: is 150, more than the 100 that the problem brings"
    ]
