"""Single objects: what is filled in, what is repaired, what is left out and what is refused."""

import pytest

from cds.dialects.known import JUDGEMENT_TYPES, LANGUAGES, known_language
from cds.dialects.repairs import COERCERS_SPECIAL, FILLS, LEGACY, NEVER_LEFT_OUT, NULLS_WRITTEN, RULES
from cds.dialects.results import SourceRefused
from schemas.object_types import OBJECT_TYPES
from tests.cds.dialects.feeds import (
    CONTEST,
    CPP,
    JUDGEMENT,
    PROBLEM,
    STATE,
    SUBMISSION,
    TEAM,
    Outcome,
    Plain,
    line,
    translated,
    typical,
)

RUN: Plain = {"id": "r1", "judgement_id": "j1", "ordinal": 1, "judgement_type_id": "AC", "time": STATE["started"]}


def with_object(type_name: str, data: Plain) -> Outcome:
    return translated(typical((type_name, data)))


def without(data: Plain, *names: str) -> Plain:
    return {name: value for name, value in data.items() if name not in names}


FILLED: list[tuple[str, Plain, str, object]] = [
    ("teams", without(TEAM, "label"), "label", "t1"),
    ("problems", without(PROBLEM, "label"), "label", "p1"),
    ("problems", without(PROBLEM, "test_data_count"), "test_data_count", 0),
    ("languages", {"id": "java", "name": "Java"}, "entry_point_required", True),
    ("languages", {"id": "java", "name": "Java"}, "entry_point_name", "Main class"),
    ("languages", {"id": "python3.win", "name": "Python"}, "entry_point_name", "Main file"),
    ("languages", {"id": "kotlin1.9", "name": "Kotlin"}, "extensions", ["kt"]),
    ("languages", {"id": "cpp17", "name": "C++"}, "entry_point_required", False),
    ("languages", {"id": "brainf", "name": "B"}, "entry_point_required", False),
    ("languages", {"id": "brainf", "name": "B"}, "extensions", []),
    ("languages", {"id": "brainf", "name": "B", "entry_point_required": True}, "entry_point_name", "Main file"),
    ("judgement-types", {"id": "CE", "name": "CE", "solved": False}, "penalty", False),
    ("judgement-types", {"id": "TLE", "name": "TLE", "solved": False}, "penalty", True),
    ("judgement-types", {"id": "OK", "name": "Fine", "solved": True}, "penalty", False),
    ("judgement-types", {"id": "TLE"}, "solved", False),
    ("judgement-types", {"id": "TLE"}, "name", "Time Limit Exceeded"),
    ("organizations", {"id": "o", "formal_name": "University"}, "name", "University"),
    ("teams", {"id": "t2", "label": "2", "display_name": "Shown"}, "name", "Shown"),
    ("persons", {"id": "x", "name": "X"}, "roles", [{"type": "other"}]),
    ("persons", {"id": "x", "name": "X", "roles": []}, "roles", [{"type": "other"}]),
    (
        "commentary",
        {"id": "k", "message": "!", "time": CONTEST["start_time"], "contest_time": "0:00:00"},
        "tags",
        [],
    ),
]


@pytest.mark.parametrize(("type_name", "data", "name", "expected"), FILLED)
def test_what_is_absent_and_demanded_is_filled_in_with_a_warning(
    type_name: str, data: Plain, name: str, expected: object
) -> None:
    outcome = with_object(type_name, data)
    identifier = str(data["id"])
    assert outcome.plain(type_name, identifier)[name] == expected
    assert any(f"{type_name}/{identifier} {name}: " in warning for warning in outcome.warnings)


def test_scoreboard_type_absent_is_pass_fail() -> None:
    outcome = translated([line("contest", without(CONTEST, "scoreboard_type"), "c1"), line("state", STATE)])
    assert outcome.plain("contest")["scoreboard_type"] == "pass-fail"
    assert outcome.warnings == ["event-feed.ndjson:1 contest scoreboard_type: is absent, filled with pass-fail"]


def test_submission_without_files_and_entry_point_has_them_empty_without_a_word() -> None:
    outcome = with_object("submissions", without(SUBMISSION, "files"))
    kept = outcome.plain("submissions", "s1")
    assert (kept["files"], kept["entry_point"]) == ([], None)
    assert outcome.warnings == []


def test_penalty_of_a_judgement_type_stays_absent_in_a_score_contest() -> None:
    contest = {**without(CONTEST, "penalty_time"), "scoreboard_type": "score"}
    lines = [line("contest", contest, "c1"), line("judgement-types", {"id": "CE", "name": "CE", "solved": False})]
    outcome = translated([*lines, line("state", STATE)])
    assert outcome.plain("judgement-types", "CE")["penalty"] is None
    assert outcome.warnings == []


REPAIRED: list[tuple[str, Plain, str, object, object]] = [
    ("problems", PROBLEM, "rgb", "3cb44b", "#3cb44b"),
    ("problems", PROBLEM, "rgb", "#3cb44b1", None),
    ("problems", PROBLEM, "uuid", "none", None),
    ("problems", PROBLEM, "ordinal", "3", 3),
    ("problems", PROBLEM, "time_limit", "2.5", 2.5),
    ("problems", PROBLEM, "time_limit", 1.23456, 1.235),
    ("problems", PROBLEM, "time_limit", -1, None),
    ("problems", PROBLEM, "label", 7, "7"),
    ("teams", TEAM, "primary_rgb", "abc", "#abc"),
    ("teams", TEAM, "icpc_id", 12345, "12345"),
    ("teams", TEAM, "location", {"x": 1, "y": 2, "rotation": -90}, {"x": 1, "y": 2, "rotation": 270}),
    ("teams", TEAM, "location", {"x": 1}, None),
    ("teams", TEAM, "location", {"x": 1, "y": 2, "rotation": 0, "z": 5}, {"x": 1, "y": 2, "rotation": 0}),
    ("teams", TEAM, "group_ids", ["g1", "g1"], ["g1"]),
    ("organizations", {"id": "o", "name": "O"}, "country", "deu", "DEU"),
    ("organizations", {"id": "o", "name": "O"}, "country", "Germany", None),
    ("organizations", {"id": "o", "name": "O"}, "country_subdivision", "ENG", None),
    ("organizations", {"id": "o", "name": "O"}, "location", {"latitude": 99, "longitude": 0}, None),
    ("judgements", JUDGEMENT, "max_run_time", 0.03951, 0.04),
    ("judgements", JUDGEMENT, "end_time", "yesterday", None),
    ("judgements", JUDGEMENT, "current", "false", False),
    ("languages", CPP, "extensions", ["cpp", "cpp"], ["cpp"]),
    ("submissions", SUBMISSION, "entry_point", "main.cpp", None),
    ("submissions", SUBMISSION, "entry_point", 5, None),
    (
        "persons",
        {"id": "x", "name": "X"},
        "roles",
        [{"type": "boss"}, {"type": "coach"}],
        [{"type": "other"}, {"type": "other"}],
    ),
    ("persons", {"id": "x", "name": "X", "roles": [{"type": "staff"}]}, "sex", "M", None),
]


@pytest.mark.parametrize(("type_name", "data", "name", "value", "expected"), REPAIRED)
def test_unfit_optional_value_is_repaired_or_left_out_with_a_warning(
    type_name: str, data: Plain, name: str, value: object, expected: object
) -> None:
    outcome = translated(
        typical(("groups", {"id": "g1", "name": "G"}), {"type": type_name, "data": {**data, name: value}})
    )
    assert outcome.plain(type_name, str(data["id"]))[name] == expected
    assert any(f"{type_name}/{data['id']} {name}" in warning for warning in outcome.warnings)


def test_contest_paused_and_started_at_once_is_started() -> None:
    paused = {**CONTEST, "countdown_pause_time": "0:10:00"}
    outcome = translated([line("contest", paused, "c1"), line("state", STATE)])
    assert outcome.plain("contest")["countdown_pause_time"] is None
    assert len(outcome.warnings) == 1


def test_hyphens_in_the_name_of_a_property_are_read_with_a_warning() -> None:
    contest = {**CONTEST, "scoreboard-freeze-duration": "1:00:00"}
    outcome = translated([line("contest", contest, "c1"), line("state", STATE)])
    assert outcome.plain("contest")["scoreboard_freeze_duration"] == "1:00:00.000"
    assert len(outcome.warnings) == 1


REFUSED: list[tuple[str, Plain, str, object]] = [
    ("contest", CONTEST, "duration", None),
    ("contest", CONTEST, "duration", "-1:00:00"),
    ("contest", CONTEST, "duration", 300),
    ("contest", CONTEST, "start_time", "soon"),
    ("contest", CONTEST, "scoreboard_freeze_duration", "x"),
    ("contest", CONTEST, "scoreboard_type", "golf"),
    ("state", STATE, "frozen", "garbage"),
    ("state", STATE, "removed_intervals", [{"start": "x"}]),
    ("problems", PROBLEM, "ordinal", None),
    ("problems", PROBLEM, "ordinal", "first"),
    ("problems", PROBLEM, "test_data_count", -1),
    ("problems", PROBLEM, "name", ["x"]),
    ("teams", TEAM, "name", None),
    ("teams", TEAM, "hidden", "perhaps"),
    ("submissions", SUBMISSION, "time", "2024-13-01T00:00:00Z"),
    ("submissions", SUBMISSION, "time", "0001-01-01T00:00:00.000+14:00"),
    ("submissions", SUBMISSION, "contest_time", None),
    ("submissions", SUBMISSION, "team_id", {"id": "t1"}),
    ("judgements", JUDGEMENT, "judgement_type_id", 1.5),
    ("judgements", JUDGEMENT, "current", "maybe"),
    ("judgements", JUDGEMENT, "valid", "maybe"),
    ("judgements", JUDGEMENT, "start_time", None),
    ("judgements", JUDGEMENT, "score", -5),
    ("runs", RUN, "ordinal", None),
    ("accounts", {"id": "a", "username": "u", "type": "team"}, "password", ["x"]),
]


@pytest.mark.parametrize(("type_name", "data", "name", "value"), REFUSED)
def test_unfit_value_that_decides_something_is_refused(type_name: str, data: Plain, name: str, value: object) -> None:
    with pytest.raises(SourceRefused) as refused:
        translated(typical({"type": type_name, "data": {**data, name: value}}))
    assert str(refused.value).startswith(f"event-feed.ndjson:9: {type_name}")
    assert name in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "identifier", ["a/b", "a\\b", "a?b", "a#b", "a%b", "a b", "a\nb", "a\0", ".", "..", "", "x" * 256, "a\u00a0b"]
)
def test_id_that_is_not_safe_in_a_url_is_refused(identifier: str) -> None:
    with pytest.raises(SourceRefused, match="teams id is "):
        with_object("teams", {**TEAM, "id": identifier})


@pytest.mark.parametrize("identifier", ["-x", ".x", "x.", "x" * 37, "x" * 255, "ä", "a+b", "a@b"])
def test_id_that_breaks_the_rule_and_is_safe_is_kept_with_a_warning(identifier: str) -> None:
    outcome = with_object("teams", {**TEAM, "id": identifier})
    assert identifier in outcome.translator.objects["teams"]
    assert any("breaks the rule for ids, kept" in warning for warning in outcome.warnings)


def test_known_languages_and_their_variants() -> None:
    assert known_language("cpp17") is LANGUAGES["cpp"]
    assert known_language("c.gnu.win") is LANGUAGES["c"]
    assert known_language("c++") is LANGUAGES["c++"]
    assert known_language("python3.11") is LANGUAGES["python3"]
    assert known_language("clojure") is None
    assert known_language("javascript") is LANGUAGES["javascript"]


def test_judgement_types_that_solve_never_bring_a_penalty() -> None:
    assert not [name for name, known in JUDGEMENT_TYPES.items() if known.solved and known.penalty]
    assert [name for name, known in JUDGEMENT_TYPES.items() if known.solved] == ["AC", "APE"]


def test_tables_name_types_and_properties_that_exist() -> None:
    for table in (COERCERS_SPECIAL, FILLS):
        for type_name, entries in table.items():
            assert set(entries) <= set(OBJECT_TYPES[type_name].properties)
    for type_name, names in {**NEVER_LEFT_OUT, **NULLS_WRITTEN}.items():
        assert set(names) <= set(OBJECT_TYPES[type_name].properties)
    for type_name, legacy in LEGACY.items():
        assert not set(legacy) & set(OBJECT_TYPES[type_name].properties)
    assert set(RULES) <= set(OBJECT_TYPES)
