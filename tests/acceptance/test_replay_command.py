"""`cds replay` as it is used: beside a server whose clients see a past contest happen again."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventstore.embedded.layout import Layout
from schemas.times import parse_relative_time_ms, parse_time_ms
from tests.acceptance.command_line import Outcome, Process, ServerProcess, cds, processes_in, serving, started, until
from tests.cds.contest_api.serving import Caller, Json

ORPHAN_S_MAX = 15.0
DEADLINE_S = 60.0
DATABASE = ("--data-dir", "data")
DURATION_S, FREEZE_S = 300, 60
ADMIN = ("admin", "secret")
FAST = ("--speed", "60", "--lead", "1", "--pause-max", "0.2")
"""The contest of five minutes takes five seconds."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package without history and a log that holds the same contest with all of it."""
    room = tmp_path_factory.mktemp("replay")
    shape = ("--teams", "8", "--problems", "4", "--submissions", "80", "--runs", "2", "--no-logos", "--no-statements")
    length = ("--duration", str(DURATION_S), "--freeze", str(FREEZE_S), "--groups", "2")
    assert cds("simulate", "first", "--contest-id", "first", *shape, *length, cwd=room).code == 0
    imported = cds("import", "first", *DATABASE, cwd=room)
    assert imported.code == 0, imported.err
    assert cds("dsn", *DATABASE, cwd=room).code == 0
    yield room
    Layout((room / "data").resolve()).linger_file.unlink()
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


@asynccontextmanager
async def replaying(room: Path, *arguments: str) -> AsyncIterator[Process]:
    """`cds replay` for the length of the block; killed at the end if it still runs."""
    out = room / "replay.txt"
    with Path(os.devnull).open() as nothing, out.open("w") as output:
        process = started(("replay", *arguments, *DATABASE), cwd=room, files=(nothing, output, output))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


async def finished(room: Path, process: Process) -> str:
    """What a replay has said, when it has come to its end."""
    await until(lambda: process.poll() is not None, DEADLINE_S)
    said = (room / "replay.txt").read_text()
    assert process.returncode == 0, said
    return said


async def stopped(process: Process, number: int) -> None:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    await until(lambda: process.poll() is not None)


async def there(caller: Caller, contest_id: str) -> None:
    """Wait until a contest is served."""
    async with asyncio.timeout(DEADLINE_S):
        while (await caller.get(f"contests/{contest_id}")).status != 200:
            await asyncio.sleep(0.05)


async def steps(caller: Caller, contest_id: str) -> int:
    """How many lines the feed of a contest has, 0 while there is none."""
    if (await caller.get(f"contests/{contest_id}")).status != 200:
        return 0
    return len(await caller.lines(f"contests/{contest_id}/event-feed"))


def timeless(board: Json) -> Any:
    """A scoreboard but for the times at which everything happened."""
    return {
        **board,
        "time": None,
        "contest_time": None,
        "state": [name for name, time in board["state"].items() if time],
    }


def public(server: ServerProcess) -> Caller:
    return server.caller()


async def assert_the_same(server: ServerProcess, contest_id: str) -> None:
    """A contest that was played is the one that it was."""
    for caller in (public(server), server.caller(ADMIN)):
        boards = [timeless(await caller.json(f"contests/{each}/scoreboard")) for each in ("first", contest_id)]
        assert boards[0] == boards[1]
        for name in ("teams", "problems", "awards", "groups", "organizations"):
            assert await caller.json(f"contests/first/{name}") == await caller.json(f"contests/{contest_id}/{name}")
    for name in ("submissions", "judgements", "runs", "clarifications", "commentary"):
        counts = [len(await server.caller(ADMIN).json(f"contests/{each}/{name}")) for each in ("first", contest_id)]
        assert counts[0] == counts[1], name


async def test_a_feed_sees_a_past_contest_happen_again(room: Path) -> None:
    """From before its start to the end of updates: everything after its moment, nothing hidden before the thaw."""
    async with serving(room, *DATABASE) as server, replaying(room, "contest:first", *FAST) as process:
        caller = public(server)
        await there(caller, "first-replay")
        states: list[Json] = []
        judged_late: set[str] = set()
        late: set[str] = set()
        async with caller.stream("contests/first-replay/event-feed") as feed:
            async with asyncio.timeout(DEADLINE_S):
                while not states or not states[-1].get("end_of_updates"):
                    line = await feed.notification()
                    data = line["data"]
                    if line["type"] == "state" and data:
                        states.append(data)
                    if line["type"] == "submissions" and data and _is_late(data):
                        late.add(data["id"])
                    if line["type"] == "judgements" and data and not states[-1].get("thawed"):
                        judged_late |= {data["submission_id"]} & late
        said = await finished(room, process)
        assert late
        assert not judged_late
        happened = [[name for name, time in state.items() if time] for state in states]
        assert happened[0] == [] or happened[0] == ["started"]
        assert [len(each) for each in happened] == sorted(len(each) for each in happened)
        contest = await caller.json("contests/first-replay")
        original = await caller.json("contests/first")
        assert contest == {**original, "id": "first-replay", "start_time": contest["start_time"]}
        for name, contest_time_s in (("frozen", DURATION_S - FREEZE_S), ("ended", DURATION_S)):
            took_ms = parse_time_ms(states[-1][name]) - parse_time_ms(contest["start_time"])
            assert abs(took_ms - contest_time_s * 1_000 / 60) < 500, name
        for name in ("started", "frozen", "ended", "thawed", "finalized", "end of updates"):
            assert name in said
        assert "contest:first plays as first-replay at 60 times the speed" in said
        await assert_the_same(server, "first-replay")


def _is_late(submission: Json) -> bool:
    contest_time_ms = parse_relative_time_ms(submission["contest_time"])
    return (DURATION_S - FREEZE_S) * 1_000 <= contest_time_ms < DURATION_S * 1_000


async def test_a_killed_player_goes_on_with_the_same_command(room: Path) -> None:
    """However it ends."""
    arguments = ("contest:first", *FAST, "--contest-id", "killed")
    async with serving(room, *DATABASE) as server:
        admin = server.caller(ADMIN)
        total = await steps(admin, "first")
        for number, share in ((signal.SIGKILL, 0.5), (signal.SIGTERM, 0.7)):
            async with replaying(room, *arguments) as process:
                async with asyncio.timeout(DEADLINE_S):
                    while await steps(admin, "killed") < share * total:
                        assert process.poll() is None, (room / "replay.txt").read_text()
                        await asyncio.sleep(0.05)
                await stopped(process, number)
        assert "interrupted; the same command goes on with it" in (room / "replay.txt").read_text()
        async with replaying(room, *arguments) as process:
            said = await finished(room, process)
        assert "goes on as killed" in said
        lines = [json.loads(line) for line in await admin.lines("contests/killed/event-feed")]
        assert lines[-1]["data"]["end_of_updates"]
        # Every change makes a line for an administrator: nothing was left out, nothing happened twice.
        assert f"killed: played to its end, {len(lines)} changes" in said
        assert len({json.dumps([line["type"], line["id"], line["data"]]) for line in lines}) == len(lines)
        await assert_the_same(server, "killed")
        again = cds("replay", *arguments, *DATABASE, cwd=room)
        assert again.code == 1
        assert "no unfinished replay" in again.err


async def test_from_a_contest_time_on_what_was_before_is_there_at_once(room: Path) -> None:
    """A package is played without being imported; it begins in the freeze."""
    begins_s = DURATION_S - FREEZE_S + 5
    arguments = ("--speed", "10", "--from", f"0:0{begins_s // 60}:{begins_s % 60:02}", "--contest-id", "late")
    async with serving(room, *DATABASE) as server, replaying(room, "./first", *arguments) as process:
        caller = public(server)
        await there(caller, "late")
        async with asyncio.timeout(DEADLINE_S):
            while not (await caller.json("contests/late/state"))["frozen"]:
                await asyncio.sleep(0.05)
        board = await caller.json("contests/late/scoreboard")
        assert parse_relative_time_ms(board["contest_time"]) >= (DURATION_S - FREEZE_S) * 1_000
        submissions = await caller.json("contests/late/submissions")
        assert submissions
        assert process.poll() is None
        assert not (await caller.json("contests/late/state"))["thawed"]


async def test_a_replay_is_followed_at_its_pace(room: Path) -> None:
    """A follower freezes where the replay does: nothing that was shown is hidden again, and nothing comes too early."""
    async with serving(room, *DATABASE) as server, replaying(room, "first", "--contest-id", "again", *FAST) as process:
        await there(public(server), "again")
        following = asyncio.create_task(followed(room, f"{server.base}contests/again", "mirror"))
        await there(public(server), "mirror")
        hidden, late, early = set[str](), set[str](), set[str]()
        thawed = False
        async with public(server).stream("contests/mirror/event-feed?types=state,submissions,judgements") as feed:
            async with asyncio.timeout(DEADLINE_S):
                while not thawed:
                    line = await feed.notification()
                    data = line["data"]
                    thawed = line["type"] == "state" and bool(data["thawed"])
                    if line["type"] == "submissions" and _is_late(data):
                        late.add(data["id"])
                    if line["type"] == "judgements" and data is None:
                        hidden.add(line["id"])
                    if line["type"] == "judgements" and data is not None and not thawed:
                        early |= {data["submission_id"]} & late
        assert late
        assert (hidden, early) == (set(), set())
        assert (await following).code == 0
        await finished(room, process)
        await assert_the_same(server, "mirror")
    assert "pace: 60, a replay of first\n" in cds("contest", "settings", "again", *DATABASE, cwd=room).out
    mirrored = cds("contest", "settings", "mirror", *DATABASE, cwd=room).out
    assert "pace: 60, as on the server that is followed\n" in mirrored
    assert "pace" not in cds("contest", "settings", "first", *DATABASE, cwd=room).out


async def followed(room: Path, url: str, contest_id: str) -> Outcome:
    """`cds follow` to its end, as the administrator."""
    arguments = ("--contest-id", contest_id, "--username", ADMIN[0], "--pause", "0.1", "--until-end", *DATABASE)
    return await asyncio.to_thread(cds, "follow", url, *arguments, cwd=room, CDS_FOLLOW_PASSWORD=ADMIN[1])


def test_what_cannot_be_played_is_refused(room: Path) -> None:
    contest = {"id": "later", "name": "Later", "start_time": "2030-01-01T10:00:00Z", "duration": "5:00:00"}
    (room / "later.ndjson").write_text(json.dumps({"type": "contest", "id": None, "data": contest}) + "\n")
    for arguments, reason in (
        (("nothing",), "there is no contest nothing in the log, and no such file"),
        (("later.ndjson",), "the contest has not started"),
        (("first", "--contest-id", "first"), "there is a contest first already"),
        (("first", "--contest-id", "a/b"), "is no id of a contest"),
    ):
        refused = cds("replay", *arguments, *DATABASE, cwd=room)
        assert refused.code == 1
        assert reason in refused.err, refused.err
    assert cds("replay", "first", "--from", "tomorrow", *DATABASE, cwd=room).code == 2
