"""The command line as scripts depend on it: what commands do, say and return."""

import asyncio
import json
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from cds.cli import main
from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.layout import Layout
from eventstore.store import Head
from tests.acceptance.command_line import cds, executed, processes_in, server_started, serving, until
from tests.cds.contest_api.real_contests import DATA, needs_shared_data
from tests.cds.contest_api.serving import opened

ORPHAN_S_MAX = 15.0
STOP_S_MAX = 5.0


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a package and a data directory that holds it, for tests that add nothing to it.

    Its Postgres is kept up between the commands; that they start and stop it themselves is shown further down.
    """
    room = tmp_path_factory.mktemp("cds")
    made = cds("simulate", "finals.zip", "--contest-id", "finals", "--teams", "6", "--problems", "3", cwd=room)
    assert made.code == 0, made.err
    imported = cds("import", "finals.zip", "--data-dir", "data", cwd=room)
    assert imported.code == 0, imported.err
    assert cds("dsn", "--data-dir", "data", cwd=room).code == 0
    yield room
    Layout((room / "data").resolve()).linger_file.unlink()
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


async def log_of(room: Path) -> dict[str, Head]:
    """The ends of all streams, chain included: equal ones mean that nothing was written."""
    async with embedded_postgres(room / "data") as dsn, opened(dsn) as store:
        return await store.heads()


def test_every_command_explains_itself(tmp_path: Path) -> None:
    """The first of them executed, as everything on the first page of the README is."""
    whole = executed("--help", cwd=tmp_path)
    assert whole.code == 0
    assert len(main.commands) > 10
    for command in main.commands:
        assert f"\n  {command} " in whole.out
        help_text = cds(command, "--help", cwd=tmp_path)
        assert (help_text.code, help_text.err) == (0, "")
        assert help_text.out.startswith(f"Usage: cds {command}")
    assert cds("--version", cwd=tmp_path).code == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("import",),
        ("import", "a", "b"),
        ("import", "a", "--nonsense"),
        ("export", "finals"),
        ("serve", "--port", "eighty"),
        ("serve", "--port", "70000"),
        ("simulate", "out", "--teams", "many"),
        ("contests", "--config", "nowhere.toml"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = cds(*arguments, cwd=tmp_path)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert outcome.err
    assert not list(tmp_path.iterdir())


def test_an_import_says_what_it_did_and_the_list_shows_it(room: Path) -> None:
    listed = executed("contests", "--data-dir", "data", cwd=room)
    assert listed.code == 0
    (line,) = listed.out.splitlines()
    contest_id, name, events, phase = line.split("\t")
    assert (contest_id, name, phase) == ("finals", "Simulated Contest 1", "end_of_updates")
    assert events.endswith(" events")


async def test_importing_the_same_again_adds_nothing(room: Path) -> None:
    before = await log_of(room)
    again = executed("import", "finals.zip", "--data-dir", "data", cwd=room)
    assert again.code == 0
    assert "finals: 0 events added" in again.out
    assert await log_of(room) == before


@pytest.mark.parametrize("destination", ["out", "out.zip"])
def test_an_exported_package_can_be_imported_again(room: Path, tmp_path: Path, destination: str) -> None:
    exported = cds("export", "finals", tmp_path / destination, "--data-dir", "data", cwd=room)
    assert exported.code == 0, exported.err
    if destination.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / destination) as archive:
            names = archive.namelist()
    else:
        names = [str(path.relative_to(tmp_path / destination)) for path in (tmp_path / destination).rglob("*")]
    assert {"contest.json", "teams.json", "submissions.json", "event-feed.ndjson", "api.json"} <= set(names)
    again = cds("import", tmp_path / destination, "--strict", "--data-dir", "data", cwd=room)
    assert again.code == 0, again.err
    assert "finals: 0 events added" in again.out


def test_export_refuses_what_is_not_there_and_what_is_in_the_way(room: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    for contest_id, destination in (("nonsense", "out"), ("finals", "mine")):
        outcome = cds("export", contest_id, tmp_path / destination, "--data-dir", "data", cwd=room)
        assert outcome.code == 1
        assert len(outcome.reasons) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


async def test_the_printed_address_is_one_that_clients_reach(room: Path) -> None:
    """The one that has fsync and synchronous commits on."""
    printed = cds("dsn", "--data-dir", "data", cwd=room)
    assert printed.code == 0, printed.err
    address = printed.out.strip()
    assert "\n" not in address
    connection = await asyncpg.connect(address)
    try:
        assert await connection.fetchval("SELECT current_setting('fsync')") == "on"
        assert await connection.fetchval("SELECT current_setting('synchronous_commit')") == "on"
    finally:
        await connection.close()
    if shutil.which("psql") is not None:
        asked = subprocess.run(["psql", address, "-Atc", "SELECT 6 * 7"], capture_output=True, text=True, check=False)
        assert asked.stdout.strip() == "42", asked.stderr


def test_options_come_from_the_environment_and_from_a_file_too(room: Path, tmp_path: Path) -> None:
    expected = cds("contests", cwd=room, CDS_DATA_DIR="data").out
    assert expected.startswith("finals")
    (tmp_path / "cds.toml").write_text(f'data_dir = "{room / "data"}"\n')
    assert cds("contests", "--config", tmp_path / "cds.toml", cwd=tmp_path).out == expected
    (tmp_path / "wrong.toml").write_text('datadir = "data"\n')
    wrong = cds("contests", "--config", tmp_path / "wrong.toml", cwd=tmp_path)
    assert wrong.code == 2
    assert "datadir" in wrong.err


def broken_json(path: Path) -> Path:
    """A feed whose third line is not JSON."""
    contest = b'{"type":"contest","id":null,"data":{"id":"bad","name":"Bad","duration":"5:00:00"}}\n'
    path.write_bytes(contest + b'{"type":"state","id":null,"data":{"started":null}}\n{"type":"teams",\n')
    return path


def feed_with(line: str) -> Callable[[Path], Path]:
    """A feed with one line after the contest."""

    def make(path: Path) -> Path:
        contest = '{"type":"contest","id":null,"data":{"id":"bad","name":"Bad","duration":"5:00:00"}}'
        path.write_text(f"{contest}\n{line}\n")
        return path

    return make


def one_long_line(path: Path) -> Path:
    """A hundred megabytes without a newline."""
    with path.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    return path


def archive_with(*entries: tuple[str, bytes]) -> Callable[[Path], Path]:
    """A zip archive."""

    def make(path: Path) -> Path:
        with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return path.with_suffix(".zip")

    return make


def package_with(**files: str) -> Callable[[Path], Path]:
    """A package in a directory; double underscores in names stand for dots."""

    def make(path: Path) -> Path:
        path.mkdir()
        for name, content in files.items():
            (path / name.replace("__", ".")).write_text(content)
        return path

    return make


CONTEST_JSON = '{"id":"bad","name":"Bad","duration":"5:00:00","scoreboard_type":"pass-fail","penalty_time":"0:20:00"}'
EXPLODING_YAML = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

BAD_SOURCES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "broken JSON in line 3": (broken_json, ":3"),
    "a wrong type": (feed_with('{"type":"teams","id":"t","data":{"id":"t","name":[1]}}'), ":2"),
    "a dangling reference": (
        package_with(
            contest__json=CONTEST_JSON, teams__json='[{"id":"t","name":"T","label":"1","organization_id":"o"}]'
        ),
        "organization_id",
    ),
    "an id with a slash": (feed_with('{"type":"teams","id":"a/b","data":{"id":"a/b","name":"T"}}'), "a/b"),
    "100 MB of one line": (one_long_line, "line"),
    "a zip with ../": (archive_with(("contest.json", CONTEST_JSON.encode()), ("../evil.json", b"{}")), "../evil.json"),
    "a zip bomb": (
        archive_with(("contest.json", CONTEST_JSON.encode()), ("teams.json", bytes(64 * 1024 * 1024))),
        "teams.json",
    ),
    "YAML that explodes": (package_with(contest__yaml=EXPLODING_YAML), "contest.yaml"),
    "an unknown version": (
        package_with(contest__json=CONTEST_JSON, api__json='{"version":"1999-01","version_url":"x"}'),
        "1999-01",
    ),
    "an empty directory": (package_with(), "contest"),
    "no such file": (lambda path: path, "no such file"),
    "a zip that is none": (lambda path: _written(path.with_suffix(".zip"), b"PK\x03\x04 nonsense"), ""),
}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", BAD_SOURCES)
async def test_a_bad_source_ends_in_one_clear_line_and_an_unchanged_log(room: Path, tmp_path: Path, name: str) -> None:
    make, words = BAD_SOURCES[name]
    before = await log_of(room)
    source = make(tmp_path / "source")
    outcome = cds("import", source, "--data-dir", "data", cwd=room)
    assert outcome.code == 1, outcome.err
    assert outcome.out == ""
    assert len(outcome.reasons) == 1, outcome.err
    assert outcome.err.splitlines()[-1] == outcome.reasons[0]
    assert words in outcome.reasons[0]
    assert "Traceback" not in outcome.err
    assert await log_of(room) == before


async def test_strict_makes_a_repair_a_refusal(room: Path, tmp_path: Path) -> None:
    source = feed_with('{"type":"teams","id":"t","data":{"id":"t","name":"T"}}')(tmp_path / "source")
    before = await log_of(room)
    outcome = cds("import", source, "--strict", "--data-dir", "data", cwd=room)
    assert (outcome.code, len(outcome.reasons)) == (1, 1)
    assert await log_of(room) == before


async def test_a_changed_contest_whose_updates_have_ended_is_refused(room: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(room / "finals.zip") as archive:
        archive.extractall(tmp_path / "finals")
    contest = tmp_path / "finals" / "contest.json"
    contest.write_text(json.dumps(json.loads(contest.read_text()) | {"name": "Changed"}))
    before = await log_of(room)
    outcome = cds("import", tmp_path / "finals", "--data-dir", "data", cwd=room)
    assert (outcome.code, len(outcome.reasons)) == (1, 1)
    assert "end_of_updates" in outcome.reasons[0]
    assert await log_of(room) == before


def test_a_database_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    outcome = cds("contests", "--database-url", "postgresql://nobody@127.0.0.1:1/nothing", cwd=tmp_path)
    assert (outcome.code, len(outcome.reasons)) == (1, 1)
    assert "Traceback" not in outcome.err


async def test_what_is_imported_while_a_server_runs_is_there_at_once(tmp_path: Path) -> None:
    """The server shows it without a restart, streams end properly, and SIGTERM ends the server within 5 s."""
    made = cds("simulate", "live.zip", "--contest-id", "live", "--teams", "4", "--phase", "running", cwd=tmp_path)
    assert made.code == 0
    async with serving(tmp_path, "--data-dir", "data") as server:
        assert await server.caller().json("contests") == []
        imported = cds("import", "live.zip", "--data-dir", "data", cwd=tmp_path)
        assert imported.code == 0, imported.err
        answer = await server.caller().get("contests/live")
        assert answer.status == 200
        assert [each["id"] for each in await server.caller().json("contests")] == ["live"]
        assert (await server.caller(("admin", "secret")).json("contests/live/account"))["type"] == "admin"
        renamed = cds("import", "live.zip", "--contest-id", "second", "--data-dir", "data", cwd=tmp_path)
        assert renamed.code == 0
        assert len(await server.caller().json("contests")) == 2
        async with server.caller().stream("contests/live/event-feed") as stream:
            await stream.until(len(await server.caller().lines("contests/live/event-feed")))
            server.process.send_signal(signal.SIGTERM)
            await stream.to_its_end()
        await until(lambda: server.process.poll() is not None, STOP_S_MAX)
        assert server.process.returncode == 0
    await until(lambda: not processes_in(tmp_path / "data"), ORPHAN_S_MAX)


async def test_a_made_up_password_is_printed_once(tmp_path: Path) -> None:
    async with serving(tmp_path, CDS_ADMIN_PASSWORD="") as server:
        words = server.output.replace(",", " ").split()
        password = words[words.index("password") + 1]
        assert (await server.caller(("admin", password)).get("")).status == 200
        assert (await server.caller(("admin", password + "x")).get("")).status == 401
        assert await server.stopped() == 0
    async with serving(tmp_path, CDS_ADMIN_PASSWORD="") as server:
        assert "password" not in server.output
        assert (await server.caller(("admin", password)).get("")).status == 200
        assert await server.stopped(signal.SIGINT) == 0
    async with serving(tmp_path, CDS_ADMIN_PASSWORD="another one") as server:
        assert "password" not in server.output
        assert (await server.caller(("admin", "another one")).get("")).status == 200
        assert (await server.caller(("admin", password)).get("")).status == 401


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, "--data-dir", "data") as server:
        second = cds("serve", "--port", "0", "--data-dir", "data", cwd=tmp_path)
        assert second.code == 1
        assert len(second.reasons) == 1
        assert str(server.process.pid) in second.reasons[0]
        assert (await server.caller().get("")).status == 200


async def test_an_address_in_use_is_one_clear_line(tmp_path: Path) -> None:
    async with serving(tmp_path, "--data-dir", "data") as server:
        port = server.base.split(":")[2].split("/")[0]
        second = cds("serve", "--port", port, "--data-dir", "elsewhere", cwd=tmp_path)
        assert (second.code, len(second.reasons)) == (1, 1)


async def test_a_sleeping_postgres_is_started_on_demand_and_given_back(tmp_path: Path) -> None:
    data_dir = (tmp_path / "data").resolve()
    for _ in range(2):
        assert cds("contests", "--data-dir", "data", cwd=tmp_path).code == 0
        await until(lambda: not processes_in(data_dir), ORPHAN_S_MAX)
    address = cds("dsn", "--data-dir", "data", cwd=tmp_path).out.strip()
    connection = await asyncpg.connect(address)
    await connection.close()
    assert processes_in(data_dir)
    Layout(data_dir).linger_file.unlink()  # it would stay up for two minutes
    await until(lambda: not processes_in(data_dir), ORPHAN_S_MAX)


async def test_a_server_that_is_killed_leaves_no_postgres_behind(tmp_path: Path) -> None:
    data_dir = (tmp_path / "data").resolve()
    async with serving(tmp_path, "--data-dir", "data") as server:
        assert processes_in(data_dir)
        await server.stopped(signal.SIGKILL)
    await until(lambda: not processes_in(data_dir), ORPHAN_S_MAX)
    async with serving(tmp_path, "--data-dir", "data") as server:
        assert (await server.caller().get("")).status == 200
        assert await server.stopped() == 0


@needs_shared_data
async def test_the_first_page_of_the_readme_works(tmp_path: Path) -> None:
    """Import a package and a recorded feed, export one, serve both."""
    for source in ("wf44-2020/package", "swerc-2022/event-feed.ndjson"):
        outcome = executed("import", DATA / source, cwd=tmp_path)
        assert outcome.code == 0, outcome.err
        assert "warnings" in outcome.out
    assert executed("export", "finals", "out/", cwd=tmp_path).code == 0
    assert (tmp_path / "out" / "event-feed.ndjson").stat().st_size > 1_000_000
    async with server_started(tmp_path, executing=True) as server:
        assert [each["id"] for each in await server.caller().json("contests")] == ["finals", "swerc2022"]
        lines = await server.caller(("admin", "secret")).lines("contests/finals/event-feed")
        exported = (tmp_path / "out" / "event-feed.ndjson").read_bytes().splitlines()
        assert lines == exported
