"""Real contests, read without a refusal and without a wrong warning."""

import json
from collections import Counter
from pathlib import Path

import pytest

from cds.packages.contents import ContestContents
from schemas.objects import Contest, Judgement, Submission
from tests.cds.packages.packages import SHARED, read

DATA = SHARED / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real contests (../shared/data) are not at hand")

SOURCES = [
    "wf44-2020/package",
    "wf44-2020/event-feed-2023-06.ndjson",
    "wf44-2020/event-feed-2026-01.ndjson",
    "wf44-2020/event-feed-public.ndjson",
    "swerc-2022/event-feed.ndjson",
    "csus-f2019/clicsMergedEventFeed.ndjson",
    "csus-f2019/eventfeed.ndjson",
    "pc2-example/event-feed.ndjson",
    "roi-2021-mini/package",
    "roi-2021-mini/event-feed-2023-06.ndjson",
    "roi-2021-mini/event-feed-2026-01.ndjson",
    "spec-2026-01-mini/event-feed.ndjson",
]


def kinds(contents: ContestContents) -> Counter[tuple[str, str]]:
    """How many warnings there are of each type and property."""
    return Counter((warning.type, warning.property) for warning in contents.warnings)


def counts(contents: ContestContents) -> dict[str, int]:
    return {name: len(objects) for name, objects in contents.final.items() if objects}


def last_words(path: Path) -> dict[tuple[str, str], dict[str, object]]:
    """The last data of every object of a feed, by an obvious reader."""
    words: dict[tuple[str, str], dict[str, object]] = {}
    for line in path.read_text().splitlines():
        if line.strip():
            event = json.loads(line)
            singleton = event["type"] in ("contest", "state", "map-info")
            words[event["type"], "" if singleton else event["id"]] = event["data"]
    return words


@pytest.mark.parametrize("source", SOURCES)
def test_real_contest_is_read(source: str) -> None:
    """`read` checks that a fresh log can take the changes and that they fold to the final state."""
    contents = read(DATA / source)
    assert contents.changes
    assert contents.final["contest"][""] is not None


def test_wf44_package_has_no_warning_that_is_wrong() -> None:
    contents = read(DATA / "wf44-2020/package")
    assert counts(contents) == {
        "contest": 1,
        "judgement-types": 5,
        "languages": 5,
        "problems": 15,
        "groups": 9,
        "organizations": 118,
        "teams": 117,
        "state": 1,
        "submissions": 2246,
        "judgements": 2246,
        "commentary": 1637,
    }
    assert [warning.file for warning in contents.warnings if not warning.type] == ["scoreboard-xcpcio.json"]
    assert kinds(contents) == {
        ("", ""): 1,
        ("languages", "entry_point_required"): 5,
        ("languages", "entry_point_name"): 3,
        ("problems", "test_data_count"): 15,
        ("teams", "label"): 117,
        ("submissions", "files"): 2246,
        ("commentary", "tags"): 1637,
    }
    contest = contents.final["contest"][""]
    assert isinstance(contest, Contest)
    assert contest.penalty_time == "0:20:00.000"
    assert contest.main_scoreboard_group_id is None


def test_swerc_2022_comes_to_what_is_in_it() -> None:
    path = DATA / "swerc-2022/event-feed.ndjson"
    contents = read(path)
    assert counts(contents) == {
        "contest": 1,
        "judgement-types": 8,
        "languages": 5,
        "problems": 12,
        "groups": 2,
        "organizations": 54,
        "teams": 120,
        "state": 1,
        "submissions": 1322,
        "judgements": 1007,
        "clarifications": 3,
    }
    assert contents.repeated_lines == 254
    assert kinds(contents)["map-info", ""] == 1
    assert len(contents.changes) == 6409 - 254 - 1
    words = last_words(path)
    assert {(name, each) for name, objects in contents.final.items() for each in objects} == {
        key for key in words if key[0] != "map-info"
    }
    for identifier, judgement in contents.final["judgements"].items():
        assert isinstance(judgement, Judgement)
        said = words["judgements", identifier]
        assert judgement.judgement_type_id == said.get("judgement_type_id")
        assert judgement.max_run_time == said.get("max_run_time")
    for identifier, submission in contents.final["submissions"].items():
        assert isinstance(submission, Submission)
        said = words["submissions", identifier]
        assert (submission.team_id, submission.time) == (said["team_id"], said["time"])


@pytest.mark.parametrize("name", ["wf44-2020", "roi-2021-mini"])
def test_feeds_of_two_versions_tell_the_same_contest(name: str) -> None:
    older = read(DATA / name / "event-feed-2023-06.ndjson")
    newer = read(DATA / name / "event-feed-2026-01.ndjson")
    assert older.changes == newer.changes
    assert older.warnings == [
        type(warning)(
            warning.file.replace("2026-01", "2023-06"),
            warning.line,
            warning.type,
            warning.id,
            warning.property,
            warning.message,
        )
        for warning in newer.warnings
    ]


@pytest.mark.parametrize("name", ["wf44-2020", "roi-2021-mini"])
def test_package_and_feed_tell_the_same_contest(name: str) -> None:
    """But for the state, which the feed takes to its end."""
    package, feed = read(DATA / name / "package").final, read(DATA / name / "event-feed-2026-01.ndjson").final
    for type_name in package:
        if type_name != "state":
            assert package[type_name] == feed[type_name]


@pytest.mark.parametrize("name", ["wf44-2020", "roi-2021-mini"])
def test_package_takes_the_history_of_the_feed_beside_it(tmp_path: Path, name: str) -> None:
    """The feed takes the state to its end, so the package is given that of the feed."""
    feed = DATA / name / "event-feed-2026-01.ndjson"
    for path in (DATA / name / "package").glob("*.json"):
        if path.name != "state.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "event-feed.ndjson").write_bytes(feed.read_bytes())
    alone, contents = read(feed), read(tmp_path)
    assert contents.changes == alone.changes
    assert contents.final == alone.final
    assert not [warning for warning in contents.warnings if "differ" in warning.message]


def test_csus_feeds_differ_in_their_runs_alone() -> None:
    merged = read(DATA / "csus-f2019/clicsMergedEventFeed.ndjson")
    plain = read(DATA / "csus-f2019/eventfeed.ndjson")
    assert counts(merged) | {"runs": 0} == counts(plain) | {"runs": 0}
    assert (len(merged.final["runs"]), len(plain.final["runs"])) == (919, 895)
    assert merged.contest_id == "Default--3128237643369432396"
