"""The pip package `xcpcio`, both ways: it archives our contests, and its server is followed by ours.

What it archives comes back as it was, and what it serves is what an import of the same package comes to. `CHAIN=long`
tries every contest in every version (`make chain`).
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from tests.acceptance.chain import SERVER_LOGINS, Answers, answers, differences, until_followed, until_same
from tests.acceptance.chain_contests import simulated
from tests.acceptance.command_line import cds
from tests.acceptance.test_follow_chain import LONG, follower, source
from tests.acceptance.xcpcio import archived, clics_server, needs_xcpcio
from tests.cds.contest_api.feeds import file_references
from tests.cds.contest_api.real_contests import DATA, real_contest
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Caller,
    Json,
    Running,
    cloned_database,
    fill,
    running,
)

pytestmark = needs_xcpcio

CONTESTS = ("simulated", "csus", "wf44", "swerc")
VERSIONS = ("", "2023-06", "2026-01")
ARCHIVED = (
    [(contest_id, version) for contest_id in CONTESTS for version in VERSIONS]
    if LONG
    else [("simulated", ""), ("csus", "2023-06"), ("simulated", "2026-01")]
)
"""The contest with files in two versions, and a recorded one in the third; in a campaign each in every."""

ENDS_MORE = 3
"""So often it is asked again when everything has been said by an upstream that never says so."""

TOKEN_IT_MISJUDGES = 10_000
"""It searches for tokens as for texts in order: behind 9999 it begins again from nearly the beginning."""

SERVED_FILES = {
    "contest": ("banner", "problemset"),
    "problems": ("statement",),
    "teams": ("photo",),
    "organizations": ("logo",),
    "submissions": ("files",),
}
"""The files that `clics-server` gives out: one of each property, at the path that the property's name makes."""


def contents_of(contest_id: str, room: Path) -> ContestContents:
    """A contest to be archived, whose updates have ended. Skips what is not there."""
    if contest_id == "simulated":
        return simulated(room).contents
    if not DATA.is_dir():
        pytest.skip("needs the recorded contests in ../shared/data")
    return real_contest(contest_id)


async def answers_of(template_dsn: str, contents: ContestContents, prefix: str = "/api") -> Answers:
    """What a server answers into which this has been imported."""
    async with cloned_database(template_dsn) as dsn:
        await fill(dsn, [contents])
        async with running(dsn) as server:
            there = Running(server.server, server.session, prefix)
            return await answers(there.caller, contents.contest_id, SERVER_LOGINS)


def files_in(package: Path) -> dict[str, str]:
    """The MD5 of every file in a package besides its collections and its feed."""
    return {
        str(path.relative_to(package)): hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in package.rglob("*")
        if path.is_file() and path.parent != package
    }


def references_in(package: Path) -> Iterator[tuple[str, Json]]:
    """Where each file of a package has to be, and its reference."""
    for path in sorted(package.glob("*.json")):
        said = json.loads(path.read_bytes())
        for each in said if isinstance(said, list) else [said]:
            below = f"{path.stem}/{each['id']}" if isinstance(said, list) else path.stem
            for reference in file_references(each):
                yield f"{below}/{reference['filename']}", reference


@pytest.mark.parametrize(("contest_id", "version"), ARCHIVED)
async def test_its_archive_is_without_an_error_and_comes_back_as_it_was(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str, version: str
) -> None:
    """The log is clean, every file is there and whole, and the package imports to what the version says."""
    contents = contents_of(contest_id, tmp_path / "source")
    prefix = "/api" + (f"/{version}" if version else "")
    package = tmp_path / "archive"
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [contents])
        async with running(dsn) as server:
            there = Running(server.server, server.session, prefix)
            assert await archived(there.base, contest_id, package, SERVER_ADMIN) == []
            lines = await there.of_role("admin").lines(f"contests/{contest_id}/event-feed")
            assert (package / "event-feed.ndjson").read_bytes().splitlines() == lines
            before = await answers(there.caller, contest_id, SERVER_LOGINS)
    assert (check_files(package) > 50) == (contest_id == "simulated")
    after = await answers_of(postgres_dsn_template, read_contest(package), prefix)
    assert sorted(before) == sorted(after)
    assert [asked for asked in before if before[asked] != after[asked]] == []


def check_files(package: Path) -> int:
    """Every file that the archive names is in it, with the bytes that its reference promises; returns how many."""
    found = files_in(package)
    for path, reference in references_in(package):
        if "://" not in reference["href"]:
            assert found[path] == reference.get("hash", found[path]), path
    return len(found)


async def test_the_command_imports_its_archive(postgres_dsn_template: str, tmp_path: Path) -> None:
    """`cds import` of the directory, and then of the zip that it makes, of which nothing is new."""
    contents = contents_of("simulated", tmp_path / "source")
    added = []
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [contents])
        async with running(dsn) as server:
            for name in ("archive", "archive.zip"):
                assert await archived(server.base, "simulated", tmp_path / name, SERVER_ADMIN) == []
    async with cloned_database(postgres_dsn_template) as dsn:
        for name in ("archive", "archive.zip"):
            outcome = await asyncio.to_thread(cds, "import", tmp_path / name, "--database-url", dsn, cwd=tmp_path)
            assert (outcome.code, outcome.reasons) == (0, [])
            added += re.findall(r"^simulated: (\d+) events added", outcome.out, re.MULTILINE)
    assert int(added[0]) > 300
    assert added[1:] == ["0"]


def as_it_can_serve(package: Path, *, last_token: int | None = None) -> int:
    """Make a package one whose every file `clics-server` can give out; returns how many files that are.

    With `last_token` its tokens are numbers in a row, as those of some servers are, up to that one.
    """
    count = 0
    contest_id = json.loads((package / "contest.json").read_bytes())["id"]
    for file in package.glob("*.json"):
        said = json.loads(file.read_bytes())
        for each in said if isinstance(said, list) else [said]:
            count += _rewrite(file.stem, each, contest_id)
        file.write_text(json.dumps(said), encoding="utf-8")
    feed = package / "event-feed.ndjson"
    notifications = [json.loads(line) for line in feed.read_bytes().splitlines()]
    for number, notification in enumerate(notifications, start=1):
        if last_token is not None:
            notification["token"] = str(last_token - len(notifications) + number)
        if notification["data"] is not None:
            _rewrite(notification["type"], notification["data"], contest_id)
    feed.write_text("".join(json.dumps(each) + "\n" for each in notifications), encoding="utf-8")
    named = {path for path, _ in references_in(package)}
    for path in files_in(package).keys() - named:
        (package / path).unlink()
    return count


def _rewrite(type_name: str, instance: Json, contest_id: str) -> int:
    """Keep one reference of each property that it serves, under its path there; links elsewhere stay."""
    count = 0
    for name, value in list(instance.items()):
        if not isinstance(value, list) or not value or not list(file_references(value)):
            continue
        ours = [each for each in value if "://" not in each["href"]]
        if ours and name not in SERVED_FILES.get(type_name, ()):
            del instance[name]
        elif ours:
            collection = "" if type_name == "contest" else f"/{type_name}/{instance['id']}"
            instance[name] = [ours[0] | {"href": f"contests/{contest_id}{collection}/{name}"}]
            count += 1
    return count


FOLLOWED: tuple[tuple[str, int | None], ...] = (
    ("simulated", None),
    ("csus", TOKEN_IT_MISJUDGES),
    *((("wf44", TOKEN_IT_MISJUDGES), ("wf44", None), ("swerc", None)) if LONG else ()),
)


@pytest.mark.parametrize(("contest_id", "last_token"), FOLLOWED)
async def test_its_server_is_followed_to_the_end(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str, last_token: int | None
) -> None:
    """Files included, and equal to an import of the package that it serves, wherever it goes on when asked again."""
    contents = contents_of(contest_id, tmp_path / "source")
    package = tmp_path / "archive"
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [contents])
        async with running(dsn) as server:
            assert await archived(server.base, contest_id, package, SERVER_ADMIN) == []
    files = as_it_can_serve(package, last_token=last_token)
    imported = read_contest(package)
    expected = await answers_of(postgres_dsn_template, imported)
    lines = len((package / "event-feed.ndjson").read_bytes().splitlines())
    async with (
        clics_server(package, contest_id) as url,
        follower(postgres_dsn_template, source(url, contest_id, ("nobody", "nothing"))) as server,
    ):
        status = await until_followed(server.of_role("admin"), contest_id, lines)
        assert (status["state"] == "ended") == (contest_id == "simulated"), "the recorded ones never say that they end"
        await until_same(server.caller, expected, contest_id, SERVER_LOGINS)
        if contest_id != "simulated":
            await until_asked_again(server.of_role("admin"), contest_id)
            assert await differences(server.caller, expected, contest_id, SERVER_LOGINS) == []
    assert (files > 0) == (contest_id == "simulated")


async def until_asked_again(admin: Caller, contest_id: str) -> None:
    """Wait until its feed has ended some more times: what is told again from anywhere must change nothing."""
    (before,) = await admin.json(f"contests/{contest_id}/x-source")
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (status,) = await admin.json(f"contests/{contest_id}/x-source")
            if status["outages"] >= before["outages"] + ENDS_MORE:
                break
            await asyncio.sleep(0.1)
    assert status["events"] == before["events"]


async def test_the_command_follows_its_server_to_the_end(postgres_dsn_template: str, tmp_path: Path) -> None:
    """`cds follow --until-end` comes back by itself, and what it has is the contest."""
    package = tmp_path / "archive"
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [contents_of("simulated", tmp_path / "source")])
        async with running(dsn) as server:
            assert await archived(server.base, "simulated", package, SERVER_ADMIN) == []
    as_it_can_serve(package)
    expected = await answers_of(postgres_dsn_template, read_contest(package))
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, ())
        async with clics_server(package, "simulated") as url:
            outcome = await asyncio.to_thread(cds, "follow", url, "--until-end", "--database-url", dsn, cwd=tmp_path)
        assert (outcome.code, outcome.reasons) == (0, [])
        assert "the upstream has ended its updates" in outcome.out
        async with running(dsn) as server:
            assert await differences(server.caller, expected, "simulated", SERVER_LOGINS) == []
