"""Handing in by the Contest API of a real server, while a judge judges what comes."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from cds.submitting.submitting import Target, submit
from cds.submitting.work import NotSubmitted, SourceFile, Work, work_of
from schemas.times import format_time
from tests.cds.contest_api.serving import (
    SERVER_ADMIN,
    Caller,
    Json,
    Login,
    Running,
    cloned_database,
    fill,
    running,
    server_login,
)
from tests.cds.packages.italian_contests import CONTEST, read, regional

ANNA = ("anna", "secret of anna")
WAIT_S = 60.0
JUDGED_S_MAX = 30.0
POLL_S = 0.05

LANGUAGES = '["C++17 / g++", "Python 3 / CPython", "Java / JDK", "Pascal / fpc"]'


pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def olympiad(dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A server with an Olympiad that runs, among other contests."""
    start_s = int(time.time()) - 60
    contest = CONTEST.replace("1900000000", str(start_s)).replace("1900018000", str(start_s + 18_000))
    contest = contest.replace('["C++17 / g++", "Python 3 / CPython"]', LANGUAGES)
    await fill(dsn, [read(tmp_path, regional(**{"contest.yaml": contest}))])
    async with running(dsn) as put_up:
        begun = {"started": format_time(start_s * 1000)}
        answer = await put_up.caller(SERVER_ADMIN).ask("PATCH", "contests/regional/state", json=begun)
        assert answer.status == 200, answer.body
        yield put_up


@pytest_asyncio.fixture(loop_scope="session")
async def server(fresh_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A server of a test's own."""
    async with olympiad(fresh_dsn, tmp_path) as put_up:
        yield put_up


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(small_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A server to which several tests hand in, so that none of them may rest on what was there before."""
    async with (
        cloned_database(small_template) as dsn,
        olympiad(dsn, tmp_path_factory.mktemp("italian")) as put_up,
    ):
        yield put_up


async def submissions(server: Running) -> list[Json]:
    """All that was handed in."""
    found: list[Json] = await server.caller(SERVER_ADMIN).json("contests/regional/submissions")
    return found


def target(
    server: Running, *, below: str = "", contest_id: str | None = "regional", login: Login | None = ANNA
) -> Target:
    root = server.base.removesuffix("/").removesuffix("/api")
    return Target(url=f"{root}{below}", contest_id=contest_id, login=login)


def work(*names: str, task: str = "sum", language: str | None = None) -> Work:
    return work_of(task, [SourceFile(name, f"// {name}\n".encode()) for name in names], language, None)


async def first_submission(admin: Caller) -> Json:
    """The first submission of the contest, as soon as there is one."""
    async with asyncio.timeout(JUDGED_S_MAX):
        while not (found := await admin.json("contests/regional/submissions")):
            await asyncio.sleep(POLL_S)
    return found[0]


def now() -> str:
    return format_time(int(time.time() * 1000))


@asynccontextmanager
async def judging(
    server: Running, verdicts: Sequence[str], ending: Mapping[str, object], capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[None]:
    """A judge who takes each step when the client has told of the one before: a run of each verdict, then the end."""
    judge = server.caller(server_login("judge"))
    lines: list[str] = []

    async def until_told(line: str) -> None:
        async with asyncio.timeout(JUDGED_S_MAX):
            while line not in lines:
                lines.extend(capsys.readouterr().out.splitlines())
                await asyncio.sleep(POLL_S)

    async def posted(endpoint: str, body: Mapping[str, object]) -> str:
        answer = await judge.ask("POST", f"contests/regional/{endpoint}", json=body)
        assert answer.status == 201, answer.body
        identifier: str = answer.json["id"]
        return identifier

    async def judge_it() -> None:
        submission = await first_submission(server.caller(SERVER_ADMIN))
        await until_told("waiting to be judged")
        judgement_id = await posted("judgements", {"submission_id": submission["id"], "start_time": now()})
        await until_told("being judged")
        for ordinal, verdict in enumerate(verdicts, start=1):
            run = {"judgement_id": judgement_id, "ordinal": ordinal, "judgement_type_id": verdict, "time": now()}
            await posted("runs", run)
        await until_told(f"being judged, {len(verdicts)} tests done")
        ended = {**ending, "end_time": now()}
        answer = await judge.ask("PATCH", f"contests/regional/judgements/{judgement_id}", json=ended)
        assert answer.status == 200, answer.body

    task = asyncio.create_task(judge_it())
    try:
        yield
        await task
    finally:
        task.cancel()


@pytest.mark.parametrize(
    ("task", "verdicts", "ending", "line"),
    [
        (
            "sum",
            ["AC"],
            {"judgement_type_id": "PA", "score": 40},
            "Partially correct; score 40 of 100; on the scoreboard 40",
        ),
        (
            "tree",
            ["AC", "AC", "AC", "WA", "AC"],
            {"judgement_type_id": "PA"},
            "Partially correct; on the scoreboard 30",
        ),
    ],
)
async def test_state_and_score_are_told_as_they_arrive(
    server: Running,
    capsys: pytest.CaptureFixture[str],
    task: str,
    verdicts: Sequence[str],
    ending: Mapping[str, object],
    line: str,
) -> None:
    """Where the judge says no score, the runs say it, by the subtasks that the imported contest has."""
    async with judging(server, verdicts, ending, capsys):
        await submit(work("sum.cpp", "sum.h", task=task), target(server), WAIT_S)
    assert capsys.readouterr().out.splitlines()[-1] == line


async def test_the_submission_is_what_was_handed_in(server: Running) -> None:
    await submit(work("solution.py", "more.py"), target(server), 0)
    admin = server.caller(SERVER_ADMIN)
    submission = await first_submission(admin)
    said = {name: submission[name] for name in ("problem_id", "team_id", "language_id", "entry_point")}
    assert said == {"problem_id": "sum", "team_id": "anna", "language_id": "python3", "entry_point": "solution.py"}
    content = (await admin.get(submission["files"][0]["href"])).body
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["solution.py", "more.py"]
        assert archive.read("more.py") == b"// more.py\n"


async def test_java_begins_in_its_class(server: Running) -> None:
    await submit(work("Solution.java", task="Spanning tree"), target(server), 0)
    submission = await first_submission(server.caller(SERVER_ADMIN))
    assert (submission["problem_id"], submission["entry_point"]) == ("tree", "Solution")


@pytest.mark.parametrize(
    ("below", "contest_id"),
    [("", "regional"), ("/api", "regional"), ("/api/", "regional"), ("/api/contests/regional", None)],
)
async def test_the_contest_is_found_below_the_address(shared: Running, below: str, contest_id: str | None) -> None:
    before = await submissions(shared)
    await submit(work("sum.pas"), target(shared, below=below, contest_id=contest_id), 0)
    assert [each["language_id"] for each in (await submissions(shared))[len(before) :]] == ["pascal"]


@pytest.mark.parametrize(
    ("contest_id", "login", "handed_in", "reason"),
    [
        ("regional", ("anna", "wrong"), work("sum.cpp"), "not logged in: "),
        ("regional", None, work("sum.cpp"), "not handed in: "),
        ("gone", ANNA, work("sum.cpp"), "there is no contest gone (there are "),
        (None, ANNA, work("sum.cpp"), "say which contest with --contest: "),
        ("regional", ANNA, work("sum.cpp", task="gone"), "there is no task gone (there are sum, tree)"),
        ("regional", ANNA, work("sum.rs"), "no language fits the names of the files"),
        ("regional", ANNA, work("sum.cpp", language="rust"), "there is no language rust"),
    ],
)
async def test_what_is_refused_says_why(
    shared: Running, contest_id: str | None, login: Login | None, handed_in: Work, reason: str
) -> None:
    before = await submissions(shared)
    with pytest.raises(NotSubmitted) as refused:
        await submit(handed_in, target(shared, contest_id=contest_id, login=login), WAIT_S)
    assert str(refused.value).startswith(reason), refused.value
    assert await submissions(shared) == before


async def test_a_contest_that_has_ended_takes_nothing(server: Running) -> None:
    ended = {"ended": now()}
    answer = await server.caller(SERVER_ADMIN).ask("PATCH", "contests/regional/state", json=ended)
    assert answer.status == 200, answer.body
    with pytest.raises(NotSubmitted, match="not handed in: the contest is over"):
        await submit(work("sum.cpp"), target(server), WAIT_S)
