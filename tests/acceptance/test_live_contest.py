"""A whole contest played through HTTP: 24 teams, 10 problems, five hours in half a minute.

The server is `cds serve`, the players are `cds simulate --live`, each a process of its own. Meanwhile six readers under
six roles follow the feed, and ask at a dozen moments for everything that their `access` lists. In the end the board is
computed a second time. Nothing here waits for a certain speed: a slow machine plays the same contest, only later.
"""

import asyncio
import json
import re
import signal
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest

from cds.live_play.requests import cast_of
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters
from projections.collation import collation_key
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import Clarification, Judgement, Submission
from tests.acceptance.command_line import CDS, COMMAND_S_MAX, environment, serving
from tests.cds.contest_api.feeds import TYPES, dangling, everything, fold, pointless_deletions, token_of
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.serving import Caller, Json, Login
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed
from tests.independent_fold import Collections, fold_one
from tests.projections.slow_scoreboard import Objects, SlowScoreboard

PARAMETERS = SimulationParameters(seed=8, contest_id="live", teams=24, problems=10, runs_per_judgement=1)
SPEED = 900
WHOLE_S_MAX = 400.0
"""When the test gives up: many times what it takes where the machine has nothing else to do."""

MOMENTS = 12
SOME_SUBMISSIONS = 20
MOMENT_EVERY_S = 1.6
SCHEMAS_AT = (4, 9)
"""The moments at which the JSON schemas are asked too: before the freeze, and in it or after."""

ADMINISTRATOR: Login = ("admin", "secret")
ACCOUNTS = {"analyst": "analyst1", "judge": "judge1", "staff": "staff1", "admin": "admin1"}


class Reader:
    """Somebody who follows the feed from the beginning, and sometimes asks for everything."""

    def __init__(self, name: str, caller: Caller) -> None:
        self.name = name
        self.caller = caller
        self.folded: Collections = {}
        self.token: str | None = None
        self.moved = 0

    async def check(self) -> None:
        """What GET says is what the feed says at some place between just before and just after.

        The collections are asked for one after the other, and so their places in the feed must ascend.
        """
        for notification in await self.read():
            fold_one(self.folded, notification)
        said = await everything(self.caller, PARAMETERS.contest_id)
        later = await self.read()
        self.moved += bool(later)
        for type_name in TYPES:
            members = said.get(type_name, {})
            known = self.folded.get(type_name, {})
            different = {key for key in {*members, *known} if members.get(key) != known.get(key)}
            while different:
                assert later, f"{self.name}: {type_name} {sorted(map(str, different))[:5]} is not what the feed says"
                notification = later.pop(0)
                fold_one(self.folded, notification)
                if notification["type"] == type_name:
                    key = notification["id"]
                    same = members.get(key) == self.folded.get(type_name, {}).get(key)
                    (different.discard if same else different.add)(key)
        for notification in later:
            fold_one(self.folded, notification)

    async def read(self) -> list[Json]:
        """What the feed has said since it was read last."""
        path = f"contests/{PARAMETERS.contest_id}/event-feed"
        lines = await self.caller.lines(path if self.token is None else f"{path}?since_token={self.token}")
        if lines:
            self.token = token_of(lines[-1])
        return [json.loads(line) for line in lines]


class QuickerSlowScoreboard(SlowScoreboard):
    """The same, looking only at the submissions of the problem in question."""

    def counted(self, team_ids: list[str], problem_id: str) -> list[Submission]:
        everything = self.submissions
        self.submissions = [each for each in everything if each.problem_id == problem_id]
        try:
            return super().counted(team_ids, problem_id)
        finally:
            self.submissions = everything


@pytest.fixture(scope="module")
def contest() -> SimulatedContest:
    """The contest that is played."""
    return simulate(PARAMETERS)


@needs_schemas
async def test_a_whole_contest_is_played_through_http(
    contest: SimulatedContest, database_dsn: str, tmp_path: Path
) -> None:
    """Feeds and answers agree all the while, the schemas hold, and the board is right in the end."""
    async with asyncio.timeout(WHOLE_S_MAX), serving(tmp_path, CDS_DATABASE_URL=database_dsn) as server:
        callers = {name: server.caller(login) for name, login in logins(contest).items()}
        readers = [Reader(name, caller) for name, caller in callers.items()]
        numbers = {"seed": PARAMETERS.seed, "teams": PARAMETERS.teams, "problems": PARAMETERS.problems, "speed": SPEED}
        async with playing(server.base, tmp_path, **numbers) as play:
            await started(server.caller(ADMINISTRATOR), play)
            await watch(readers, play)
            out, err = await play.communicate()
            assert play.returncode == 0, err.decode()
        for reader in readers:
            await reader.check()
        await check_end(callers)
        for caller in callers.values():
            await check_everything(caller, PARAMETERS.contest_id)
        for name in ("public", "team", "admin"):
            await check_feed(callers[name], PARAMETERS.contest_id)
        await check_board(callers)
        await check_story(contest, callers["admin"], out.decode())
        await check_files(contest, callers)


async def test_a_server_that_is_killed_loses_nothing_and_doubles_nothing(database_dsn: str, tmp_path: Path) -> None:
    """Players send again what was not answered, with the same Idempotency-Key, until another server answers."""
    port = ("--port", str(free_port()))
    numbers = {"seed": 8, "teams": 20, "problems": 5, "duration": 3600, "freeze": 900}
    async with (
        asyncio.timeout(WHOLE_S_MAX),
        serving(tmp_path, *port, CDS_DATABASE_URL=database_dsn) as first,
        playing(first.base, tmp_path, speed=400, simplified=True, **numbers) as play,
    ):
        await started(first.caller(ADMINISTRATOR), play)
        await grown(first.caller(ADMINISTRATOR), play)
        await first.stopped(signal.SIGKILL)
        async with serving(tmp_path, *port, CDS_DATABASE_URL=database_dsn) as second:
            out, err = await play.communicate()
            assert play.returncode == 0, err.decode()
            said = await everything(second.caller(ADMINISTRATOR), PARAMETERS.contest_id)
    for type_name in ("submissions", "judgements", "runs", "clarifications", "commentary"):
        assert f"{len(said[type_name]):6} POST {type_name}\n" in out.decode()
    assert not re.search(r"^ +0 requests sent again", out.decode(), re.MULTILINE)
    chosen = SimulationParameters(
        seed=8,
        teams=20,
        problems=5,
        duration_s=3600,
        freeze_s=900,
        runs_per_judgement=1,
        simplified_judgement_types=True,
    )
    meant = cast("list[Submission]", list(simulate(chosen).objects["submissions"]))
    surplus = Counter((each.team_id, each.problem_id) for each in meant)
    surplus.subtract(Counter((each["team_id"], each["problem_id"]) for each in said["submissions"].values()))
    assert min(surplus.values()) >= 0


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def grown(administrator: Caller, play: asyncio.subprocess.Process) -> None:
    """Come back in the middle of the contest, when some submissions are there, or when the play has ended early."""
    async with asyncio.timeout(COMMAND_S_MAX):
        while play.returncode is None:
            if len(await administrator.json(f"contests/{PARAMETERS.contest_id}/submissions")) >= SOME_SUBMISSIONS:
                return
            await asyncio.sleep(0.05)


def logins(contest: SimulatedContest) -> dict[str, Login | None]:
    """Who looks: one of each role; the team is one that has asked something."""
    team_of = cast_of(contest).teams
    asked = cast("list[Clarification]", list(contest.objects["clarifications"]))
    team = next(team_of[each.from_team_id] for each in asked if each.from_team_id is not None)
    named = {"team": team, **ACCOUNTS}
    return {"public": None, **{role: (account, contest.passwords[account]) for role, account in named.items()}}


@asynccontextmanager
async def playing(base: str, room: Path, **options: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """`cds simulate --live` with these options for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        CDS,
        *("simulate", "--live", base, "--contest-id", PARAMETERS.contest_id),
        *(word for option in options.items() for word in words_of(*option)),
        cwd=room,
        env=environment(CDS_ADMIN_PASSWORD=ADMINISTRATOR[1]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def words_of(name: str, value: object) -> tuple[str, ...]:
    """An option as it stands on a command line; one that is True is a flag."""
    return (f"--{name}",) if value is True else (f"--{name}", str(value))


async def started(administrator: Caller, play: asyncio.subprocess.Process) -> None:
    """Come back when the contest has started, or the play has ended without it."""
    async with asyncio.timeout(COMMAND_S_MAX):
        while play.returncode is None:
            answer = await administrator.get(f"contests/{PARAMETERS.contest_id}/state")
            if answer.status == 200 and answer.json["started"]:
                return
            await asyncio.sleep(0.1)


async def watch(readers: list[Reader], play: asyncio.subprocess.Process) -> None:
    """Let everybody check at a dozen moments, and the schemas at some of them; the last ones come when all is over."""
    for moment in range(MOMENTS):
        for reader in readers:
            await reader.check()
            if moment in SCHEMAS_AT and reader.name in ("public", "team", "admin"):
                await check_everything(reader.caller, PARAMETERS.contest_id)
        if play.returncode is None:
            await asyncio.sleep(MOMENT_EVERY_S)
    assert any(reader.moved for reader in readers), {reader.name: reader.moved for reader in readers}


async def check_end(callers: dict[str, Caller]) -> None:
    """Every role's feed, read anew, folds to what GET says, and says last that nothing will follow."""
    for name, caller in callers.items():
        lines = await caller.lines(f"contests/{PARAMETERS.contest_id}/event-feed")
        expected = await everything(caller, PARAMETERS.contest_id)
        assert fold(lines) == expected, name
        assert not dangling(expected), name
        assert not pointless_deletions(lines), name
        ends = [notification for line in lines if (notification := json.loads(line))["type"] == "state"]
        assert json.loads(lines[-1]) == ends[-1], name
        assert ends[-1]["data"]["end_of_updates"], name
        assert not any((end["data"] or {}).get("end_of_updates") for end in ends[:-1]), name


async def check_board(callers: dict[str, Caller]) -> None:
    """The last board, as the slow and obvious implementation computes it from what the administrator is given."""
    objects = objects_of(await everything(callers["admin"], PARAMETERS.contest_id))
    slow = QuickerSlowScoreboard(objects, frozen=True, name_order=collation_key)
    expected = slow.board()
    for name, caller in callers.items():
        assert await caller.json(f"contests/{PARAMETERS.contest_id}/scoreboard") == expected, name
    assert sum(row["score"]["num_solved"] for row in expected["rows"]) > PARAMETERS.teams
    awards = await callers["public"].json(f"contests/{PARAMETERS.contest_id}/awards")
    team_ids = {award["id"]: award["team_ids"] for award in awards}
    assert team_ids["winner"] == [row["team_id"] for row in expected["rows"] if row["rank"] == 1]
    for problem_id, team_id in slow.first_to_solve().items():
        assert team_ids[f"first-to-solve-{problem_id}"] == [team_id]


def objects_of(collections: Collections) -> Objects:
    """What GET says, as structures."""
    return {
        type_name: {
            key or SINGLETON_ID: msgspec.convert(plain, OBJECT_TYPES[type_name].structure)
            for key, plain in members.items()
        }
        for type_name, members in collections.items()
    }


async def check_story(contest: SimulatedContest, admin: Caller, out: str) -> None:
    """Everything has come that was not too late, numbered in the order of time, and judged as the script has it."""
    said = await everything(admin, PARAMETERS.contest_id)
    late = len(contest.objects["submissions"]) - len(said["submissions"])
    assert late < len(said["submissions"])
    late += questions(contest.objects["clarifications"]) - questions(said["clarifications"].values())
    assert f"{late:6} refused because the contest was over" in out
    by_number = sorted(said["submissions"].values(), key=lambda submission: int(submission["id"]))
    times = [each["time"] for each in by_number]
    assert times == sorted(times)
    counting: defaultdict[str, list[Json]] = defaultdict(list)
    for judgement in said["judgements"].values():
        assert judgement["judgement_type_id"], judgement
        if judgement["current"]:
            counting[judgement["submission_id"]].append(judgement)
    assert counting.keys() == said["submissions"].keys()
    assert all(len(judgements) == 1 for judgements in counting.values())
    assert len(said["judgements"]) > len(said["submissions"])
    meant = cast("list[Judgement]", list(contest.objects["judgements"]))
    verdicts = Counter(judgements[0]["judgement_type_id"] for judgements in counting.values())
    surplus = Counter(each.judgement_type_id for each in meant if each.current is not False)
    surplus.subtract(verdicts)
    assert min(surplus.values()) >= 0
    assert surplus.total() == len(contest.objects["submissions"]) - len(said["submissions"])


def questions(clarifications: Iterable[object]) -> int:
    """How many of them come from teams; some are structures, some plain JSON."""
    return sum(msgspec.to_builtins(each).get("from_team_id") is not None for each in clarifications)


async def check_files(contest: SimulatedContest, callers: dict[str, Caller]) -> None:
    """The very bytes of a submission come back to its team and to judges, and to nobody else."""
    path = f"contests/{PARAMETERS.contest_id}/submissions"
    mine = cast("Login", callers["team"].login)[0]
    team_id = next(team_id for team_id, account_id in cast_of(contest).teams.items() if account_id == mine)
    own = (await callers["team"].json(f"{path}?team_id={team_id}"))[0]
    archives = set(contest.contents.values())
    for name in ("team", "judge"):
        answer = await callers[name].get(own["files"][0]["href"])
        assert (answer.status, answer.body in archives) == (200, True), name
    assert (await callers["public"].get(own["files"][0]["href"])).status == 404
