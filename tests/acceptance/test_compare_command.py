"""`cds compare` as scripts depend on it: what it reads, what it says, and how it ends."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from eventstore.embedded.layout import Layout
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms
from tests.acceptance.command_line import Outcome, cds, processes_in, serving, until
from tests.cds.comparing.reports import WellFormedPage
from tests.cds.contest_api.real_contests import DATA, needs_shared_data
from tests.cds.contest_api.serving import Json

ORPHAN_S_MAX = 15.0
EQUAL, DIFFER, NOT_COMPARED = 0, 1, 2


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package, a copy in which some verdicts and a name are others, and a log that holds both and a second system."""
    room = tmp_path_factory.mktemp("compare")
    simulated = ("--contest-id", "finals", "--teams", "6", "--problems", "3", "--submissions", "60")
    assert cds("simulate", "first", *simulated, cwd=room).code == 0
    shutil.copytree(room / "first", room / "second")
    (room / "second" / "event-feed.ndjson").unlink(missing_ok=True)
    _change(room / "second")
    for arguments in (
        ("first",),
        ("second", "--contest-id", "copy"),
        ("second", "--shadow", "other-judges"),
    ):
        imported = cds("import", *arguments, "--data-dir", "data", cwd=room)
        assert imported.code == 0, imported.err
    assert cds("dsn", "--data-dir", "data", cwd=room).code == 0
    yield room
    Layout((room / "data").resolve()).linger_file.unlink()
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


FLIPPED = ("3", "11", "29")
"""Submissions that are judged otherwise in the copy."""


def _change(package: Path) -> None:
    judgements = json.loads((package / "judgements.json").read_text())
    for judgement in judgements:
        if judgement["submission_id"] in FLIPPED:
            judgement["judgement_type_id"] = "WA" if judgement["judgement_type_id"] == "AC" else "AC"
    (package / "judgements.json").write_text(json.dumps(judgements))
    teams = json.loads((package / "teams.json").read_text())
    teams[0]["name"] = "<i>[red]Other & name"
    (package / "teams.json").write_text(json.dumps(teams))


def compare(room: Path, *arguments: str | Path, **more: str) -> Outcome:
    outcome = cds("compare", *arguments, "--data-dir", "data", cwd=room, **more)
    assert "Traceback" not in outcome.err
    return outcome


def differences(room: Path, *arguments: str | Path, **more: str) -> Json:
    outcome = compare(room, *arguments, "--json", **more)
    assert outcome.code == DIFFER, outcome.err
    return json.loads(outcome.out)


def expect_the_changes(found: Json) -> None:
    assert {each["a"]["id"] for each in found["submissions"]["shown"]} == set(FLIPPED)
    properties = [(each["type"], each["property"]) for each in found["properties"]["shown"]]
    assert ("teams", "name") in properties
    assert found["missing"] == []


def test_equal_contests_end_with_0(room: Path) -> None:
    for pair in (("first", "first"), ("finals", "first"), ("contest:copy", "second"), ("copy", "copy")):
        outcome = compare(room, *pair)
        assert outcome.code == EQUAL, outcome.out
        assert "No differences." in outcome.out


@pytest.mark.parametrize(
    "pair",
    [("first", "second"), ("finals", "copy"), ("finals", "shadow:finals/other-judges"), ("first", "copy")],
    ids=" ".join,
)
def test_differing_contests_end_with_1_and_exactly_the_changes_are_told(room: Path, pair: tuple[str, str]) -> None:
    expect_the_changes(differences(room, *pair))
    shown = compare(room, *pair)
    assert shown.code == DIFFER
    assert "3 submissions judged otherwise" in shown.out
    assert "<i>[red]Other & name" in shown.out


def test_what_is_ignored_makes_no_difference(room: Path) -> None:
    found = differences(room, "first", "second", "--ignore", "teams.name", "--ignore", "judgements")
    assert found["properties"]["count"] == 0
    verdicts_only = differences(room, "first", "second", "--verdicts-only")
    assert verdicts_only["left_out"] == ["judgements", "runs"]
    assert {each["a"]["id"] for each in verdicts_only["submissions"]["shown"]} == set(FLIPPED)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("first", "nowhere"), "nowhere"),
        (("first", "shadow:finals/nobody"), "nobody"),
        (("first", "shadow:finals/a b"), "no name"),
        (("first", "second", "--ignore", "nonsense"), "nonsense"),
        (("first", "second", "--ignore", "teams."), "no property"),
        (("/dev/null", "second"), "neither a directory nor a file"),
        (("first", "http://127.0.0.1:1/api/contests/finals"), "127.0.0.1"),
        (("first", "http://me:secret@127.0.0.1:1/api/contests/finals"), "CDS_COMPARE_PASSWORD"),
        (("first", "http://127.0.0.1:1/api"), "/contests/ID"),
    ],
)
def test_what_cannot_be_compared_ends_with_2_and_one_line(room: Path, arguments: tuple[str, ...], reason: str) -> None:
    outcome = compare(room, *arguments)
    assert outcome.code == NOT_COMPARED
    (line,) = outcome.reasons
    assert reason in line
    assert "secret" not in line
    assert outcome.out == ""


def test_wrong_usage_ends_with_2_too(room: Path) -> None:
    for arguments in (("first",), ("first", "second", "--limit", "0"), ("first", "second", "--username", "me")):
        assert compare(room, *arguments).code == NOT_COMPARED


def test_the_report_is_a_page_of_its_own(room: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    base = "http://127.0.0.1:8080/api"
    outcome = compare(room, "finals", "copy", "--html", report, "--base-url", base)
    assert outcome.code == DIFFER
    page = WellFormedPage(report.read_text())
    assert {f"{base}/contests/finals/submissions/{each}" for each in FLIPPED} <= set(page.links)
    assert "<i>[red]Other & name" in page.text
    assert not page.tags & {"script", "link", "img", "i"}
    nowhere = compare(room, "finals", "copy", "--html", tmp_path / "no" / "report.html")
    assert nowhere.code == NOT_COMPARED


async def test_contests_on_a_server_are_read_from_their_feeds(room: Path, tmp_path: Path) -> None:
    login = {"CDS_COMPARE_USERNAME": "admin", "CDS_COMPARE_PASSWORD": "secret"}
    async with serving(room, "--data-dir", "data") as server:
        finals, copy = (f"{server.base.rstrip('/')}/contests/{each}" for each in ("finals", "copy"))
        equal = await asyncio.to_thread(compare, room, "finals", finals, **login)
        assert equal.code == EQUAL, equal.out
        assert "Not compared: files." in equal.out
        found = await asyncio.to_thread(lambda: differences(room, finals, copy, **login))
        expect_the_changes(found)
        hrefs = {each["a"]["href"] for each in found["submissions"]["shown"]}
        assert hrefs == {f"{finals}/submissions/{each}" for each in FLIPPED}
        (tmp_path / "password").write_text("wrong\n")
        refused = await asyncio.to_thread(
            lambda: compare(room, finals, copy, "--username", "admin", "--password-file", tmp_path / "password")
        )
        assert refused.code == NOT_COMPARED
        assert "401" in refused.reasons[0]
        public = await asyncio.to_thread(lambda: differences(room, "finals", finals))
        assert {"accounts", "commentary"} <= {each["type"] for each in public["missing"]}


def test_second_systems_are_no_contests(room: Path, tmp_path: Path) -> None:
    listed = cds("contests", "--data-dir", "data", cwd=room)
    assert {line.split("\t")[0] for line in listed.out.splitlines()} == {"finals", "copy"}
    assert cds("export", "shadow:finals/other-judges", tmp_path / "out", "--data-dir", "data", cwd=room).code == 1
    again = cds("import", "second", "--shadow", "other-judges", "--data-dir", "data", cwd=room)
    assert "shadow:finals/other-judges: 0 events added" in again.out


def test_second_systems_are_listed_and_taken_away(room: Path) -> None:
    for name in ("third", "fourth"):
        assert cds("import", "second", "--shadow", name, "--data-dir", "data", cwd=room).code == 0
    assert names_of_second_systems(room) == ["fourth", "other-judges", "third"]
    assert names_of_second_systems(room, "finals") == ["fourth", "other-judges", "third"]
    assert names_of_second_systems(room, "copy") == []
    for name in ("third", "fourth"):
        dropped = cds("shadow", "drop", "finals", name, "--data-dir", "data", cwd=room)
        assert (dropped.code, dropped.out) == (0, f"shadow:finals/{name}: dropped\n")
    assert names_of_second_systems(room) == ["other-judges"]
    assert compare(room, "finals", "shadow:finals/third").code == NOT_COMPARED
    for wrong in (("finals", "third"), ("nowhere", "other-judges"), ("finals", "a b")):
        refused = cds("shadow", "drop", *wrong, "--data-dir", "data", cwd=room)
        assert (refused.code, len(refused.reasons)) == (1, 1)


def names_of_second_systems(room: Path, *contest_id: str) -> list[str]:
    listed = cds("shadow", "list", *contest_id, "--data-dir", "data", cwd=room)
    assert listed.code == 0, listed.err
    rows = [line.split("\t") for line in listed.out.splitlines()]
    assert all(row[0] == "finals" and row[2].endswith(" events") for row in rows)
    return [row[1] for row in rows]


def test_there_is_no_second_system_of_a_contest_that_is_not_there(room: Path) -> None:
    arguments = ("import", "second", "--contest-id", "nowhere", "--shadow", "x", "--data-dir", "data")
    refused = cds(*arguments, cwd=room)
    assert refused.code == 1
    assert "there is no contest nowhere" in refused.reasons[0]
    assert names_of_second_systems(room, "nowhere") == []


@needs_shared_data
def test_the_feeds_of_the_world_finals_in_two_versions_tell_the_same(room: Path) -> None:
    data = DATA / "wf44-2020"
    outcome = compare(room, data / "event-feed-2023-06.ndjson", data / "event-feed-2026-01.ndjson")
    assert outcome.code == EQUAL, outcome.out


@needs_shared_data
@pytest.mark.parametrize(("seed", "count"), [(1, 1), (2, 17), (3, 40)])
def test_exactly_what_was_changed_in_a_copy_of_the_world_finals_is_found(tmp_path: Path, seed: int, count: int) -> None:
    """Verdicts, times and names of teams, changed in the files of the package."""
    shutil.copytree(DATA / "wf44-2020" / "package", tmp_path / "copy")
    verdicts, properties = _change_at_random(tmp_path / "copy", Random(seed), count)
    outcome = cds("compare", DATA / "wf44-2020" / "package", "copy", "--json", "--html", "report.html", cwd=tmp_path)
    assert outcome.code == DIFFER
    found = json.loads(outcome.out)
    assert {each["a"]["id"]: each["b"]["verdict"] for each in found["submissions"]["shown"]} == verdicts
    assert {(each["type"], each["id"], each["property"]) for each in found["properties"]["shown"]} == properties
    assert (found["missing"], found["awards"]["count"], found["matched"]["by_content"]) == ([], 0, 0)
    page = WellFormedPage((tmp_path / "report.html").read_text())
    assert all(submission_id in page.text for submission_id in verdicts)


def _change_at_random(package: Path, dice: Random, count: int) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """Change things, each of an object of its own; returns the new verdicts by submission, and all else."""
    content = {
        name: json.loads((package / f"{name}.json").read_text()) for name in ("judgements", "submissions", "teams")
    }
    verdicts: dict[str, str] = {}
    properties: set[tuple[str, str, str]] = set()
    judgements = dice.sample([each for each in content["judgements"] if each.get("judgement_type_id")], count)
    by_id = {each["id"]: each for each in content["submissions"]}
    teams = dice.sample(content["teams"], min(count, len(content["teams"])))
    for judgement in judgements:
        submission = by_id[judgement["submission_id"]]
        match dice.randrange(4):
            case 0:
                team = teams.pop()
                team["name"] = f"{team['name']} <b>&"
                properties.add(("teams", team["id"], "name"))
            case 1:
                later_ms = dice.randint(2_000, 3_600_000)
                contest_time_ms = parse_relative_time_ms(submission["contest_time"]) + later_ms
                submission["contest_time"] = format_relative_time(contest_time_ms)
                submission["time"] = format_time(parse_time_ms(submission["time"]) + later_ms)
                properties |= {("submissions", submission["id"], name) for name in ("contest_time", "time")}
            case _:
                others = [each for each in ("AC", "WA", "TLE", "RTE") if each != judgement["judgement_type_id"]]
                judgement["judgement_type_id"] = verdicts[submission["id"]] = dice.choice(others)
    for name, objects in content.items():
        (package / f"{name}.json").write_text(json.dumps(objects))
    return verdicts, properties
