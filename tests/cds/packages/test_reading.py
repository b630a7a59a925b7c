"""Packages and recorded feeds that can be read: every form, and what comes of it."""

from pathlib import Path

import orjson
import pytest

from cds.packages.contents import ContestContents, SourceRefused
from cds.packages.reading import read_contest
from schemas.objects import Contest, Problem
from tests.cds.dialects.feeds import CLARIFICATION, CONTEST, JUDGEMENT, PROBLEM, STATE, TEAM, TYPICAL, typical
from tests.cds.packages.packages import Content, as_archive, as_directory, as_feed, read, small

YAML_CONTEST = """\
id: 45
name: 2024
start_time: 2024-01-01T10:00:00+01
duration: 5:00:00
scoreboard_freeze_duration: 1:00:00
scoreboard_type: pass-fail
penalty_time: 20
"""
YAML_PROBLEMS = """\
- id: 1
  label: A
  name: yes
  ordinal: 0
  rgb: "#ff0000"
  time_limit: 2.5
  test_data_count: 3
- {id: p2, label: B, name: Second, ordinal: 1, test_data_count: 0}
"""
YAML_ACCOUNTS = """\
- id: a1
  username: team1
  password: 0123
  type: team
  team_id: t1
- id: a2
  username: judge
  password: $argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA
  type: judge
"""


def contest_of(contents: ContestContents) -> Contest:
    contest = contents.final["contest"][""]
    assert isinstance(contest, Contest)
    return contest


def test_directory_archive_and_archive_with_a_top_directory_tell_the_same(tmp_path: Path) -> None:
    directory = read(as_directory(tmp_path / "c1", small()))
    flat = read(as_archive(tmp_path / "flat.zip", small()))
    nested = read(as_archive(tmp_path / "nested.zip", {**small(), "__MACOSX/x": b"x"} and small(), top="c1/"))
    assert directory.changes == flat.changes == nested.changes
    assert directory.warnings == flat.warnings == nested.warnings == []
    assert directory.contest_id == "c1"


def test_resource_forks_beside_the_top_directory_do_not_matter(tmp_path: Path) -> None:
    files = {f"c1/{path}": content for path, content in small().items()}
    assert read(as_archive(tmp_path / "a.zip", {**files, "__MACOSX/c1/._x": b"x"})).contest_id == "c1"


def test_archive_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert read(as_archive(tmp_path / "package", small())).contest_id == "c1"


def test_feed_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_bytes(b"\n" + as_feed() + b"\n\n")
    contents = read(feed)
    assert len(contents.changes) == len(TYPICAL)
    assert contents.spoken_of == {name for name, _ in TYPICAL}


def test_feed_as_one_json_array(tmp_path: Path) -> None:
    feed = tmp_path / "feed.json"
    feed.write_bytes(orjson.dumps(typical(("clarifications", CLARIFICATION)), option=orjson.OPT_INDENT_2))
    contents = read(feed)
    assert contents.changes[-1].type == "clarifications"


def test_directory_with_a_feed_alone_is_read_as_feed(tmp_path: Path) -> None:
    source = as_directory(tmp_path / "c1", {"event-feed.ndjson": as_feed(), "scoreboard.json": {"rows": []}})
    assert len(read(source).changes) == len(TYPICAL)
    archive = as_archive(tmp_path / "feed.zip", {"event-feed.ndjson": as_feed()})
    assert read(archive).changes == read(source).changes


@pytest.mark.parametrize("top", ["", "c1/"])
def test_files_at_the_top_that_nobody_reads_are_warned_of(tmp_path: Path, top: str) -> None:
    """In a directory and in an archive; what is deeper, hidden, for people or derived is none of them."""
    passed_over: dict[str, Content] = {
        "scoreboard.json": {"rows": []},
        "access.json": {},
        "README": b"read me",
        "readme.txt": b"read me",
        "notes.MD": b"read me",
        ".hidden": b"",
        "teams/t1/photo.txt": b"",
    }
    files = {**small(), **passed_over, "clarification.json": [], "Teams.json": [], "notes.txt": b""}
    directory = read(as_directory(tmp_path / "c1", files))
    archive = read(as_archive(tmp_path / "c1.zip", files, top=top))
    words = "is not read: a contest package has no file of this name"
    assert [str(warning) for warning in directory.warnings] == [
        f"{name}: {words}" for name in ("Teams.json", "clarification.json", "notes.txt")
    ]
    assert archive.warnings == directory.warnings
    with pytest.raises(SourceRefused, match=r"^Teams\.json: is not read: .* \(and 2 more warnings\)$"):
        read_contest(tmp_path / "c1", strict=True)


def test_collections_beside_a_feed_without_a_contest_file_are_warned_of(tmp_path: Path) -> None:
    files: dict[str, Content] = {"event-feed.ndjson": as_feed(), "teams.json": [], "api.json": {"version": "draft"}}
    assert [str(warning) for warning in read(as_directory(tmp_path / "c1", files)).warnings] == [
        "teams.json: is not read: without a contest.json or contest.yaml the event feed alone counts"
    ]


def test_yaml_scalars_become_what_the_property_is(tmp_path: Path) -> None:
    files = small()
    for name in ("contest.json", "problems.json", "submissions.json", "judgements.json"):
        del files[name]
    files |= {"contest.yaml": YAML_CONTEST, "problems.yaml": YAML_PROBLEMS, "accounts.yaml": YAML_ACCOUNTS}
    contents = read(as_directory(tmp_path / "c1", files))
    contest = contest_of(contents)
    assert (contest.id, contest.name, contest.start_time) == ("45", "2024", "2024-01-01T10:00:00.000+01:00")
    assert (contest.duration, contest.penalty_time) == ("5:00:00.000", "0:20:00.000")
    problem = contents.final["problems"]["1"]
    assert isinstance(problem, Problem)
    assert (problem.name, problem.ordinal, problem.time_limit, problem.test_data_count) == ("yes", 0, 2.5, 3)
    assert contents.passwords == {"a1": "0123", "a2": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"}
    assert contents.warnings == []


def test_warnings_name_file_line_object_and_property(tmp_path: Path) -> None:
    teams = b'[\n  {"id": "t1", "name": "Team"}\n]'
    contents = read(as_directory(tmp_path / "c1", {**small(), "teams.json": teams}))
    assert [str(warning) for warning in contents.warnings] == [
        "teams.json:2 teams/t1 label: is absent, filled with the id"
    ]


def test_yaml_where_it_is_not_allowed_and_beside_json_is_not_read(tmp_path: Path) -> None:
    files = {**small(), "teams.yaml": "[]", "contest.yaml": "id: other"}
    contents = read(as_directory(tmp_path / "c1", files))
    assert [warning.file for warning in contents.warnings] == ["contest.yaml", "teams.yaml"]
    assert contents.contest_id == "c1"


def test_contest_without_id_takes_the_name_of_its_directory(tmp_path: Path) -> None:
    contest = {name: value for name, value in CONTEST.items() if name != "id"}
    contents = read(as_directory(tmp_path / "finals", {**small(), "contest.json": contest}))
    assert contents.contest_id == "finals"
    assert "is absent, filled with 'finals'" in str(contents.warnings[0])


def test_contest_under_another_id(tmp_path: Path) -> None:
    contents = read(as_directory(tmp_path / "c1", small()), contest_id="other")
    assert contents.contest_id == contest_of(contents).id == "other"


def test_forward_references_inside_a_package(tmp_path: Path) -> None:
    """The main group is set by a second change; replies come after their questions."""
    reply = {**CLARIFICATION, "id": "r1", "reply_to_id": "q1"}
    files = {
        **small(),
        "contest.json": {**CONTEST, "main_scoreboard_group_id": "g1"},
        "groups.json": [{"id": "g1", "name": "G"}],
        "clarifications.json": [reply, CLARIFICATION],
    }
    contents = read(as_directory(tmp_path / "c1", files))
    assert [change.type for change in contents.changes].count("contest") == 2
    assert [change.id for change in contents.changes if change.type == "clarifications"] == ["q1", "r1"]
    assert contents.warnings == []


def test_end_of_updates_is_the_last_change_of_a_package(tmp_path: Path) -> None:
    ended = {**STATE, "end_of_updates": "2024-01-01T16:00:00.000+01:00"}
    contents = read(as_directory(tmp_path / "c1", {**small(), "state.json": ended}))
    assert contents.changes[-1].type == "state"
    assert [change.type for change in contents.changes].count("state") == 2


def test_package_without_judgement_types_gets_the_known_ones_that_it_names(tmp_path: Path) -> None:
    files = small()
    del files["judgement-types.json"]
    files["judgements.json"] = [{**JUDGEMENT, "judgement_type_id": "AC"}]
    contents = read(as_directory(tmp_path / "c1", files))
    assert list(contents.final["judgement-types"]) == ["AC"]
    assert "judgement-types" not in contents.spoken_of
    assert len(contents.warnings) == 1


def test_hidden_teams_of_a_package(tmp_path: Path) -> None:
    files = {
        **small(),
        "groups.json": [{"id": "participants", "name": "Taken"}],
        "teams.json": [TEAM, {**TEAM, "id": "t2", "hidden": True}],
    }
    contents = read(as_directory(tmp_path / "c1", files))
    assert contest_of(contents).main_scoreboard_group_id == "participants-2"
    assert len(contents.warnings) == 1


def test_strict_makes_warnings_refusals(tmp_path: Path) -> None:
    teams = [{"id": "t1", "name": "Team"}, {"id": "t2", "name": "Team"}]
    source = as_directory(tmp_path / "c1", {**small(), "teams.json": teams})
    with pytest.raises(SourceRefused) as refused:
        read_contest(source, strict=True)
    assert str(refused.value) == ("teams.json:2 teams/t1 label: is absent, filled with the id (and 1 more warnings)")
    assert read_contest(as_directory(tmp_path / "c2", small()), strict=True).warnings == []


def test_progress_ends_with_all_done(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    source = as_directory(tmp_path / "c1", small())
    read_contest(source, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (9, 9)
    told.clear()
    feed = tmp_path / "feed.ndjson"
    feed.write_bytes(as_feed())
    read_contest(feed, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(TYPICAL), len(TYPICAL))


def test_collection_files_that_are_empty_are_spoken_of(tmp_path: Path) -> None:
    contents = read(as_directory(tmp_path / "c1", {**small(), "awards.json": []}))
    assert "awards" in contents.spoken_of
    assert "runs" not in contents.spoken_of


@pytest.mark.parametrize("version", ["2020-03", "2021-11", "2022-07", "2023-06", "2026-01", "2026-01-draft", "draft"])
def test_known_versions_are_read(tmp_path: Path, version: str) -> None:
    source = as_directory(tmp_path / "c1", {**small(), "api.json": {"version": version}})
    assert read(source).contest_id == "c1"


def test_problem_may_be_alone_in_yaml_list_with_a_line(tmp_path: Path) -> None:
    files = small()
    del files["problems.json"]
    text = "- id: p1\n  name: First\n  ordinal: 1\n  test_data_count: 1\n"
    contents = read(as_directory(tmp_path / "c1", {**files, "problems.yaml": text}))
    assert [str(warning) for warning in contents.warnings] == [
        "problems.yaml:1 problems/p1 label: is absent, filled with the id"
    ]
    assert PROBLEM["id"] in contents.final["problems"]


def test_replies_in_a_circle_inside_a_package_are_all_kept(tmp_path: Path) -> None:
    first = {**CLARIFICATION, "id": "q1", "reply_to_id": "q2"}
    second = {**CLARIFICATION, "id": "q2", "reply_to_id": "q1"}
    contents = read(as_directory(tmp_path / "c1", {**small(), "clarifications.json": [first, second]}))
    assert sorted(contents.final["clarifications"]) == ["q1", "q2"]
    assert contents.warnings == []
