"""Every dialect line of "Formats met in the wild" (real-clients), one named test each."""

from typing import cast

import msgspec
import pytest

from cds.dialects.feed import FeedTranslator
from cds.dialects.json_values import JsonValue
from cds.dialects.results import SourceRefused
from schemas.objects import State
from tests.cds.dialects.feeds import (
    CLARIFICATION,
    CONTEST,
    JUDGEMENT,
    STATE,
    SUBMISSION,
    TEAM,
    TYPICAL,
    Outcome,
    Plain,
    line,
    translated,
    typical,
)


def with_contest(**properties: object) -> Outcome:
    contest = {name: value for name, value in {**CONTEST, **properties}.items() if value != "ABSENT"}
    return translated([{"type": "contest", "id": None, "data": contest}])


def test_todays_form_needs_no_warning() -> None:
    outcome = translated(typical(("judgements", JUDGEMENT)))
    assert outcome.warnings == []
    assert [change.type for change in outcome.changes] == [*(name for name, _ in TYPICAL), "judgements"]


def test_op_dialect_of_2020_03() -> None:
    """The id of a notification counts events there; create, update and delete say what happens."""
    events = [
        {"type": name, "id": f"pc2-{number}", "op": "create", "data": data}
        for number, (name, data) in enumerate(TYPICAL)
    ]
    events.append({"type": "teams", "id": "pc2-90", "op": "create", "data": {**TEAM, "id": "t2"}})
    events.append({"type": "teams", "id": "pc2-91", "op": "update", "data": {**TEAM, "name": "Renamed"}})
    events.append({"type": "teams", "id": "pc2-92", "op": "delete", "data": {"id": "t2"}})
    outcome = translated(events)
    assert outcome.warnings == []
    assert outcome.plain("teams", "t1")["name"] == "Renamed"
    assert list(outcome.translator.objects["teams"]) == ["t1"]
    assert outcome.changes[-1] == msgspec.structs.replace(outcome.changes[-1], type="teams", id="t2", instance=None)


@pytest.mark.parametrize("name", ["contest", "contests"])
def test_contests_and_contest_as_type_name(name: str) -> None:
    outcome = translated([{"type": name, "id": "c1", "data": CONTEST}])
    assert outcome.translator.contest is not None
    assert outcome.translator.spoken_of == {"contest"}


def test_missing_id_on_singletons() -> None:
    outcome = translated([{"type": "contest", "data": CONTEST}, {"type": "state", "data": STATE}])
    assert outcome.warnings == []
    assert outcome.plain("contest")["id"] == "c1"


def test_contest_without_id_in_its_data_takes_that_of_the_notification() -> None:
    contest = {name: value for name, value in CONTEST.items() if name != "id"}
    outcome = translated([{"type": "contest", "id": "c7", "data": contest}])
    assert outcome.plain("contest")["id"] == "c7"
    assert "contest id: is absent, filled with 'c7'" in outcome.warnings[0]


def test_identical_lines_sent_again_are_counted_and_dropped() -> None:
    outcome = translated(typical(*TYPICAL))
    assert outcome.translator.repeated_lines == len(TYPICAL)
    assert len(outcome.changes) == len(TYPICAL)
    assert outcome.warnings == []


def test_contest_object_changed_many_times_start_time_and_duration_included() -> None:
    starts = [None, "2024-01-01T11:00:00.000+01:00", "2024-01-01T10:00:00.000+01:00"]
    lines = [
        line("contest", {**CONTEST, "start_time": start, "duration": f"{4 + n}:00:00"}, "c1")
        for n in range(6)
        for start in starts
    ]
    outcome = translated(lines)
    assert len(outcome.history("contest")) == len(lines)


def test_contest_that_becomes_another_one_is_refused() -> None:
    with pytest.raises(SourceRefused, match=r"event-feed\.ndjson:2: contest id is 'c2' after 'c1'"):
        translated([line("contest", CONTEST, "c1"), line("contest", {**CONTEST, "id": "c2"}, "c2")])


def test_judgement_without_verdict_first_then_updated_many_times() -> None:
    verdicts: list[Plain] = [
        {},
        {"judgement_type_id": "WA", "end_time": "2024-01-01T10:11:00.000+01:00"},
        {"judgement_type_id": "AC", "end_time": "2024-01-01T10:12:00.000+01:00"},
        {"judgement_type_id": "AC", "end_time": "2024-01-01T10:13:00.000+01:00"},
    ]
    outcome = translated(typical(*(("judgements", {**JUDGEMENT, **verdict}) for verdict in verdicts)))
    assert len(outcome.history("judgements", "j1")) == 4
    assert outcome.plain("judgements", "j1")["end_time"] == "2024-01-01T10:13:00.000+01:00"


def test_negative_contest_times_before_the_start() -> None:
    outcome = translated(typical(("clarifications", {**CLARIFICATION, "contest_time": "-17:15:20.190"})))
    assert outcome.plain("clarifications", "q1")["contest_time"] == "-17:15:20.190"
    assert outcome.warnings == []


def test_zero_padded_relative_times() -> None:
    outcome = translated(typical(("submissions", {**SUBMISSION, "contest_time": "04:58:19.287"})))
    assert outcome.plain("submissions", "s1")["contest_time"] == "4:58:19.287"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2024-01-01T10:00:00.023+02", "2024-01-01T10:00:00.023+02:00"),
        ("2024-01-01T10:00:00-05", "2024-01-01T10:00:00.000-05:00"),
        ("2024-01-01T10:00:00.123456Z", "2024-01-01T10:00:00.123Z"),
    ],
)
def test_zones_without_minutes_and_other_spellings_of_times(written: str, kept: str) -> None:
    outcome = translated(typical(("submissions", {**SUBMISSION, "time": written})))
    assert outcome.plain("submissions", "s1")["time"] == kept
    assert outcome.warnings == []


@pytest.mark.parametrize("penalty", [20, 20.0, "20", "0:20:00", "0:20:00.000", "00:20:00"])
def test_penalty_time_in_all_forms(penalty: object) -> None:
    outcome = with_contest(penalty_time=penalty)
    assert outcome.plain("contest")["penalty_time"] == "0:20:00.000"
    assert not any("penalty_time" in warning for warning in outcome.warnings)


def test_penalty_time_absent_in_a_pass_fail_contest_is_twenty_minutes() -> None:
    outcome = with_contest(penalty_time="ABSENT")
    assert outcome.plain("contest")["penalty_time"] == "0:20:00.000"
    assert outcome.warnings[0] == "event-feed.ndjson:1 contest penalty_time: is absent, filled with 20 minutes"


def test_penalty_time_absent_in_a_score_contest_stays_absent() -> None:
    outcome = with_contest(penalty_time="ABSENT", scoreboard_type="score")
    assert "penalty_time" not in msgspec.json.decode(msgspec.json.encode(outcome.instance("contest")))


@pytest.mark.parametrize("penalty", [-1, "-0:20:00", "soon", True, 1.5, [20]])
def test_penalty_time_that_is_none_is_refused(penalty: object) -> None:
    with pytest.raises(SourceRefused, match="contest penalty_time"):
        with_contest(penalty_time=penalty)


def test_state_ended_far_in_the_future() -> None:
    outcome = translated(typical(("state", {**STATE, "ended": "2069-07-22T00:45:07.066-07"})))
    assert outcome.plain("state")["ended"] == "2069-07-22T00:45:07.066-07:00"


def test_submission_pending_for_ever_after_finalization() -> None:
    ended = {**STATE, "ended": "2024-01-01T15:00:00.000+01:00", "finalized": "2024-01-01T16:00:00.000+01:00"}
    outcome = translated(typical(("judgements", JUDGEMENT), ("state", ended)))
    assert outcome.plain("judgements", "j1")["judgement_type_id"] is None
    assert outcome.warnings == []


def test_no_state_at_all_is_filled_as_started_when_there_are_submissions() -> None:
    outcome = translated([line(name, data) for name, data in TYPICAL if name != "state"])
    assert outcome.instance("state") == State(
        started="2024-01-01T10:00:00.000+01:00",
        frozen=None,
        ended=None,
        thawed=None,
        finalized=None,
        end_of_updates=None,
    )
    assert outcome.warnings == ["event-feed.ndjson state: is absent, filled in as started"]
    assert "state" not in outcome.translator.spoken_of


def test_no_state_and_no_problems_and_no_groups() -> None:
    outcome = translated([line("contest", CONTEST, "c1")])
    assert outcome.plain("state")["started"] is None
    assert outcome.warnings == ["event-feed.ndjson state: is absent, filled in as not started"]


def test_submissions_before_the_start_and_after_the_end() -> None:
    early = {**SUBMISSION, "id": "s2", "contest_time": "-0:05:00.000", "time": "2024-01-01T09:55:00.000+01:00"}
    late = {**SUBMISSION, "id": "s3", "contest_time": "5:00:07.840", "time": "2024-01-01T15:00:07.840+01:00"}
    outcome = translated(typical(("submissions", early), ("submissions", late)))
    assert sorted(outcome.translator.objects["submissions"]) == ["s1", "s2", "s3"]
    assert outcome.warnings == []


@pytest.mark.parametrize("teams", [{"team_id": "t1"}, {"team_ids": ["t1"]}])
def test_person_role_with_team_instead_of_roles(teams: Plain) -> None:
    person = {"id": "x", "name": "X", "role": "contestant", "title": "Captain", **teams}
    outcome = translated(typical(("persons", person)))
    assert outcome.plain("persons", "x")["roles"] == [{"type": "contestant", "title": "Captain", "team_id": "t1"}]
    assert outcome.warnings == []


def test_coach_of_two_teams_has_two_roles() -> None:
    person: Plain = {"id": "x", "name": "X", "role": "coach", "team_ids": ["t1", "t2"]}
    outcome = translated(typical(("teams", {**TEAM, "id": "t2"}), ("persons", person)))
    roles = outcome.plain("persons", "x")["roles"]
    assert roles == [{"type": "coach", "team_id": "t1"}, {"type": "coach", "team_id": "t2"}]


def test_group_id_instead_of_group_ids() -> None:
    outcome = translated(typical(("groups", {"id": "g1", "name": "G"}), ("teams", {**TEAM, "group_id": "g1"})))
    assert outcome.plain("teams", "t1")["group_ids"] == ["g1"]
    assert outcome.warnings == []


def test_to_team_id_instead_of_to_team_ids() -> None:
    outcome = translated(typical(("clarifications", {**CLARIFICATION, "to_team_id": "t1"})))
    assert outcome.plain("clarifications", "q1")["to_team_ids"] == ["t1"]


def test_clarification_from_a_team_and_to_teams_keeps_the_sender() -> None:
    directed = {**CLARIFICATION, "from_team_id": "t1", "to_team_ids": ["t1"], "to_group_ids": ["g1"]}
    outcome = translated(typical(("groups", {"id": "g1", "name": "G"}), ("clarifications", directed)))
    kept = outcome.plain("clarifications", "q1")
    assert (kept["from_team_id"], kept["to_team_ids"], kept["to_group_ids"]) == ("t1", None, None)
    assert len(outcome.warnings) == 2


def test_unknown_type_is_dropped_with_a_warning() -> None:
    outcome = translated(typical({"type": "map-info", "data": {"table_width": 3.3}}))
    assert outcome.warnings == ["event-feed.ndjson:9 map-info: is a type outside the specification, dropped"]
    assert "map-info" not in outcome.translator.spoken_of


def test_whole_collection_replaced_by_an_array_without_id() -> None:
    outcome = translated(
        typical(
            {"type": "groups", "id": None, "data": [{"id": "g1", "name": "One"}, {"id": "g2", "name": "Two"}]},
            {"type": "groups", "id": None, "data": [{"id": "g2", "name": "Two"}, {"id": "g3", "name": "Three"}]},
        )
    )
    assert sorted(outcome.translator.objects["groups"]) == ["g2", "g3"]


def test_numbers_as_ids_become_text() -> None:
    team = {**TEAM, "id": 5}
    submission = {**SUBMISSION, "team_id": 5}
    outcome = translated(
        [
            *typical(),
            {"type": "teams", "id": 5, "data": team},
            {"type": "submissions", "id": "s1", "data": submission},
        ]
    )
    assert outcome.plain("submissions", "s1")["team_id"] == "5"
    assert outcome.warnings == ["event-feed.ndjson:9 teams/5 id: is a number, read as text"]


def test_removed_properties_are_left_out_without_a_word() -> None:
    judgement = {**JUDGEMENT, "start_contest_time": "0:10:01", "end_contest_time": "0:10:05"}
    run = {"id": "r1", "judgement_id": "j1", "ordinal": 1, "judgement_type_id": "AC", "time": CONTEST["start_time"]}
    outcome = translated(typical(("judgements", judgement), ("runs", {**run, "contest_time": "0:10:02"})))
    assert outcome.warnings == []


def test_unknown_properties_are_left_out_with_a_warning() -> None:
    outcome = translated(typical(("teams", {**TEAM, "nickname": "x"})))
    assert outcome.warnings == ["event-feed.ndjson:9 teams/t1 nickname: is not known to the format, left out"]


def test_end_of_updates_comes_last_whatever_its_place() -> None:
    ended = {**STATE, "ended": "2024-01-01T15:00:00.000+01:00", "end_of_updates": "2024-01-01T16:00:00.000+01:00"}
    outcome = translated(typical(("state", ended), ("judgements", JUDGEMENT)))
    assert outcome.changes[-1].type == "state"
    assert outcome.plain("state")["end_of_updates"] == "2024-01-01T16:00:00.000+01:00"


def test_feed_without_a_contest_is_refused() -> None:
    with pytest.raises(SourceRefused, match=r"^event-feed\.ndjson: there is no contest"):
        translated([line("teams", TEAM)])


def test_contest_under_another_id() -> None:
    outcome = translated(typical(("contest", CONTEST)), FeedTranslator(contest_id="other"))
    assert outcome.plain("contest")["id"] == "other"
    assert outcome.translator.repeated_lines == 1


def test_passwords_are_kept_apart_and_go_with_their_account() -> None:
    account = {"id": "a1", "username": "u", "type": "judge"}
    outcome = translated(
        typical(
            ("accounts", {**account, "password": "secret"}),
            ("accounts", {**account, "id": "a2", "password": "x"}),
            {"type": "accounts", "id": "a2", "data": None},
        )
    )
    assert outcome.translator.passwords == {"a1": "secret"}
    assert "secret" not in str(outcome.plain("accounts", "a1"))


@pytest.mark.parametrize(
    ("notification", "words"),
    [
        (["teams"], "is not a notification but"),
        ({"id": "t1", "data": TEAM}, "has no type"),
        ({"type": "teams", "id": "t1"}, "teams/t1 has no data"),
        ({"type": "teams", "id": None, "data": None}, "has data that is no object"),
        ({"type": "teams", "id": "t1", "data": 5}, "teams/t1 has data that is no object"),
        ({"type": "teams", "id": "t1", "data": [TEAM]}, "teams/t1 has data that is no object"),
        ({"type": "teams", "id": None, "data": [5]}, "has a member that is no object"),
        ({"type": "teams", "id": "t1", "op": "upsert", "data": TEAM}, "unknown op 'upsert'"),
        ({"type": "teams", "op": "delete"}, "deletes something without an id"),
        ({"type": "teams", "id": "a/b", "data": {**TEAM, "id": "a/b"}}, "must not hold '/'"),
        ({"type": "teams", "id": {}, "data": TEAM}, "teams id is not an id"),
        ({"type": "teams", "data": {"name": "x"}}, "teams id is missing"),
        ({"type": "submissions", "id": "s2", "data": {"id": "s2"}}, "submissions/s2"),
    ],
)
def test_line_that_cannot_be_understood_is_refused_with_its_number(notification: object, words: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        translated([*typical(), notification])
    assert str(refused.value).startswith("event-feed.ndjson:9: ")
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_id_beside_the_data_that_differs_is_warned_of() -> None:
    outcome = translated(typical({"type": "teams", "id": "t8", "data": {**TEAM, "id": "t9"}}))
    assert outcome.warnings == ["event-feed.ndjson:9 teams/t9 id: is 't8' outside the data, which counts"]


def test_end_of_updates_that_is_taken_back_does_not_end_anything() -> None:
    ended = {**STATE, "end_of_updates": "2024-01-01T16:00:00.000+01:00"}
    outcome = translated(typical(("state", ended), ("state", STATE)))
    assert outcome.plain("state")["end_of_updates"] is None
    assert outcome.translator.repeated_lines == 0


def test_line_that_says_only_the_end_of_updates_is_no_repetition() -> None:
    outcome = translated(typical(("state", {**STATE, "end_of_updates": "2024-01-01T16:00:00.000+01:00"})))
    assert outcome.translator.repeated_lines == 0
    assert [change.type for change in outcome.changes].count("state") == 2


def test_feed_can_be_followed_line_by_line() -> None:
    """Each line gives its changes at once; nothing is kept back but what waits."""
    translator = FeedTranslator(file="live")
    counts = [len(translator.translate(number, cast("JsonValue", each))) for number, each in enumerate(typical(), 1)]
    assert counts == [1] * len(TYPICAL)
    assert translator.finish() == []
