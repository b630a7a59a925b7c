"""References and deletions of feeds: what comes too early waits, what never comes is left out."""

from cds.dialects.feed import FeedTranslator
from tests.cds.dialects.feeds import (
    ACCEPTED,
    CLARIFICATION,
    CONTEST,
    JUDGEMENT,
    STATE,
    SUBMISSION,
    TEAM,
    TYPICAL,
    Plain,
    line,
    translated,
    typical,
)


def test_op_dialect_deletes_without_data_by_the_id_of_the_notification() -> None:
    outcome = translated(typical(("teams", {**TEAM, "id": "t2"}), {"type": "teams", "id": "t2", "op": "delete"}))
    assert "t2" not in outcome.translator.objects["teams"]


def test_organizations_and_groups_deleted_with_data_null() -> None:
    outcome = translated(
        typical(
            ("organizations", {"id": "o1", "name": "One"}),
            ("groups", {"id": "g1", "name": "Group"}),
            {"type": "organizations", "id": "o1", "data": None},
            {"type": "groups", "id": "g1", "data": None},
        )
    )
    assert outcome.translator.objects["organizations"] == {}
    assert [change.instance for change in outcome.changes[-2:]] == [None, None]


def test_deletion_waits_until_nothing_names_the_object() -> None:
    outcome = translated(
        typical(
            ("organizations", {"id": "o1", "name": "One"}),
            ("teams", {**TEAM, "organization_id": "o1"}),
            {"type": "organizations", "id": "o1", "data": None},
            ("teams", TEAM),
        )
    )
    assert outcome.changes[-1].type == "organizations"
    assert outcome.changes[-1].instance is None
    assert outcome.warnings == []


def test_deletion_of_what_is_named_to_the_end_is_left_out_with_a_warning() -> None:
    outcome = translated(typical({"type": "teams", "id": "t1", "data": None}))
    assert "t1" in outcome.translator.objects["teams"]
    assert outcome.warnings == ["event-feed.ndjson:9 teams/t1: is deleted while others name it, kept"]


def test_deleted_object_that_is_said_again_stays() -> None:
    outcome = translated(typical({"type": "teams", "id": "t1", "data": None}, ("teams", {**TEAM, "name": "New"})))
    assert outcome.plain("teams", "t1")["name"] == "New"
    assert outcome.warnings == []


def test_deletion_of_what_never_was_says_nothing_new() -> None:
    outcome = translated(typical({"type": "teams", "id": "t9", "data": None}))
    assert outcome.translator.repeated_lines == 1


def test_events_out_of_order_wait_for_what_they_name() -> None:
    outcome = translated([line(name, data) for name, data in reversed([*TYPICAL, ("judgements", JUDGEMENT)])])
    assert outcome.warnings == []
    assert {change.type for change in outcome.changes} == {name for name, _ in TYPICAL} | {"judgements"}
    assert outcome.changes[0].type == "contest"


def test_clarification_reply_before_its_question_waits() -> None:
    reply = {**CLARIFICATION, "id": "r1", "reply_to_id": "q1"}
    outcome = translated(typical(("clarifications", reply), ("clarifications", CLARIFICATION)))
    assert [change.id for change in outcome.changes[-2:]] == ["q1", "r1"]
    assert outcome.warnings == []


def test_judgement_of_a_submission_that_never_came_is_dropped() -> None:
    outcome = translated(typical(("judgements", {**JUDGEMENT, "submission_id": "s9"})))
    assert outcome.translator.objects["judgements"] == {}
    assert outcome.warnings == [
        "event-feed.ndjson:9 judgements/j1 submission_id: names submissions/s9, which never came: left out"
    ]


def test_judgement_types_absent_are_filled_from_the_known_table() -> None:
    lines = [
        each
        for each in typical(("judgements", {**JUDGEMENT, "judgement_type_id": "CE"}))
        if each["type"] != "judgement-types"
    ]
    for at_once in (True, False):
        outcome = translated(lines, FeedTranslator(known_types_at_once=at_once))
        filled = outcome.plain("judgement-types", "CE")
        assert (filled["name"], filled["penalty"], filled["solved"]) == ("Compile Error", False, False)
        assert list(outcome.translator.objects["judgement-types"]) == ["CE"]
        assert any("judgement-types/CE: is named and absent" in warning for warning in outcome.warnings)


def test_judgement_type_that_nobody_knows_leaves_the_judgement_pending() -> None:
    judged = {**JUDGEMENT, "judgement_type_id": "XYZ", "end_time": "2024-01-01T10:11:00.000+01:00"}
    outcome = translated(typical(("judgements", judged)))
    kept = outcome.plain("judgements", "j1")
    assert (kept["judgement_type_id"], kept["end_time"]) == (None, None)
    assert "names judgement-types/XYZ, which never came: the reference is left out" in outcome.warnings[0]


def test_optional_references_that_lead_nowhere_leave_their_property() -> None:
    award: Plain = {"id": "winner", "citation": "Winner", "team_ids": ["t1", "t9"]}
    commentary = {"id": "k1", "message": "!", "time": CONTEST["start_time"], "contest_time": "0:00:00", "tags": []}
    outcome = translated(
        typical(
            ("teams", {**TEAM, "organization_id": "o9", "group_ids": ["g9"]}),
            ("awards", award),
            ("commentary", {**commentary, "submission_ids": ["s1", "s9"]}),
            ("submissions", {**SUBMISSION, "account_id": "a9"}),
        )
    )
    assert outcome.plain("teams", "t1")["organization_id"] is None
    assert outcome.plain("teams", "t1")["group_ids"] == []
    assert outcome.plain("awards", "winner")["team_ids"] == ["t1"]
    assert outcome.plain("commentary", "k1")["submission_ids"] == ["s1"]
    assert len(outcome.warnings) == 5


def test_clarification_to_a_team_that_never_came_does_not_become_a_broadcast() -> None:
    outcome = translated(typical(("clarifications", {**CLARIFICATION, "to_team_ids": ["t9"]})))
    assert outcome.translator.objects["clarifications"] == {}
    assert len(outcome.warnings) == 1


def test_organization_that_comes_late_is_added_to_its_team() -> None:
    outcome = translated(
        typical(("teams", {**TEAM, "organization_id": "o1"}), ("organizations", {"id": "o1", "name": "O"}))
    )
    assert outcome.plain("teams", "t1")["organization_id"] == "o1"
    assert outcome.warnings == []


def test_main_scoreboard_group_that_comes_later_is_set_by_a_second_change() -> None:
    contest = {**CONTEST, "main_scoreboard_group_id": "g1"}
    outcome = translated(
        [line("contest", contest, "c1"), line("groups", {"id": "g1", "name": "G"}), line("state", STATE)]
    )
    assert [change.type for change in outcome.changes] == ["contest", "groups", "contest", "state"]
    assert outcome.plain("contest")["main_scoreboard_group_id"] == "g1"
    assert outcome.warnings == []


def test_deletion_of_contest_or_state_is_ignored() -> None:
    outcome = translated(typical({"type": "contest", "id": None, "data": None}, {"type": "state", "data": None}))
    assert len(outcome.warnings) == 2
    assert outcome.plain("state")["started"] is not None


def test_simplified_judgement_types_may_name_themselves_and_each_other() -> None:
    wrong = {"id": "WA", "name": "Wrong", "penalty": True, "solved": False, "simplified_judgement_type_id": "RE"}
    rejected = {"id": "RE", "name": "No", "penalty": True, "solved": False, "simplified_judgement_type_id": "RE"}
    outcome = translated(
        [
            line("contest", CONTEST, "c1"),
            line("judgement-types", wrong),
            line("judgement-types", rejected),
            line("judgement-types", {**ACCEPTED, "simplified_judgement_type_id": "AC"}),
            line("state", STATE),
        ]
    )
    assert outcome.plain("judgement-types", "WA")["simplified_judgement_type_id"] == "RE"
    assert outcome.plain("judgement-types", "RE")["simplified_judgement_type_id"] == "RE"
    assert outcome.warnings == []


def test_replies_in_a_circle_are_all_kept() -> None:
    first = {**CLARIFICATION, "id": "q1", "reply_to_id": "q2"}
    second = {**CLARIFICATION, "id": "q2", "reply_to_id": "q1"}
    outcome = translated(typical(("clarifications", first), ("clarifications", second)))
    assert sorted(outcome.translator.objects["clarifications"]) == ["q1", "q2"]


def test_long_chain_of_replies_in_reverse_order() -> None:
    chain = [
        ("clarifications", {**CLARIFICATION, "id": f"q{n}", "reply_to_id": f"q{n - 1}"}) for n in range(3000, 0, -1)
    ]
    outcome = translated(typical(*chain, ("clarifications", {**CLARIFICATION, "id": "q0"})))
    assert len(outcome.translator.objects["clarifications"]) == 3001
    assert outcome.warnings == []


def test_line_that_waits_is_no_repetition() -> None:
    outcome = translated(typical(("judgements", {**JUDGEMENT, "submission_id": "s9"})))
    assert outcome.translator.repeated_lines == 0


def test_team_account_without_its_team_is_left_out_and_others_lose_the_reference() -> None:
    account: Plain = {"id": "a1", "username": "u", "type": "team", "team_id": "t9"}
    outcome = translated(typical(("accounts", account), ("accounts", {**account, "id": "a2", "type": "judge"})))
    assert list(outcome.translator.objects["accounts"]) == ["a2"]
    assert outcome.plain("accounts", "a2")["team_id"] is None
    assert len(outcome.warnings) == 2


def test_person_keeps_the_roles_whose_teams_came_and_goes_without_any() -> None:
    lost: Plain = {"type": "contestant", "team_id": "t9"}
    kept: Plain = {"type": "coach", "team_id": "t1"}
    outcome = translated(
        typical(
            ("persons", {"id": "x", "name": "X", "roles": [lost, kept]}),
            ("persons", {"id": "y", "name": "Y", "roles": [lost]}),
        )
    )
    assert list(outcome.translator.objects["persons"]) == ["x"]
    assert outcome.plain("persons", "x")["roles"] == [kept]
    assert len(outcome.warnings) == 2


def test_judgement_types_filled_into_a_score_contest_have_no_penalty() -> None:
    contest = {name: value for name, value in CONTEST.items() if name != "penalty_time"}
    lines = [line("contest", {**contest, "scoreboard_type": "score"}, "c1")]
    lines += [
        each
        for each in typical(("judgements", {**JUDGEMENT, "judgement_type_id": "WA"}))
        if each["type"] not in ("contest", "judgement-types")
    ]
    outcome = translated(lines)
    assert outcome.plain("judgement-types", "WA")["penalty"] is None


def test_team_that_is_deleted_and_never_was_waited_for_leaves_others_alone() -> None:
    """A deletion of what still waits takes back what was said of it."""
    waiting = {**JUDGEMENT, "submission_id": "s9"}
    outcome = translated(typical(("judgements", waiting), line("judgements", None, "j1")))
    assert outcome.translator.objects["judgements"] == {}
    assert outcome.warnings == []
