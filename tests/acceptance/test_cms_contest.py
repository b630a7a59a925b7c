"""A contest played through the ContestWebServer API alone, judged and watched over the Contest API.

Both are doors to the same log: what comes in by one is seen by the other, as the very same event. The judge knows
nothing but what the Contest API gives: it opens the archives and finds there what the participants have written.
"""

import asyncio
import io
import zipfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.command_line import CDS, environment
from tests.cds.cms_api.stage import PASSWORDS, CmsClient, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import FROZEN, OVER, START_MS, archive, data_of, moment, submission
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Json, cloned_database
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMAND_S_MAX = 60.0
NOT_OPEN = {"error": "The contest is not open"}
OF_SUBMISSION = ("id", "time", "contest_time", "files")
"""What one submission has other than the next."""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_dsn_template: str) -> AsyncIterator[CmsStage]:
    """The running contest."""
    async with cloned_database(postgres_dsn_template) as dsn, cms_stage(dsn) as made:
        yield made


# --- Those who take part, and the judge


async def handed_in(client: CmsClient, task: str, files: Mapping[str, tuple[str, str]], query: str = "") -> str:
    """The id of what was handed in: by element of the submission format, the name of a file and what is in it."""
    parts = [(element, name, content.encode()) for element, (name, content) in files.items()]
    answer = await client.send(f"/api/{task}/submit{query}", parts)
    assert answer.status == 200, answer.body
    assert list(answer.json) == ["id"]
    identifier: str = answer.json["id"]
    assert 1 <= int(identifier) < 2**63
    return identifier


def source(task: str, verdicts: str, extension: str = "cpp") -> dict[str, tuple[str, str]]:
    """One source file whose test cases will go as its text says."""
    return {f"{task}.%l": (f"{task}.{extension}", verdicts)}


async def judge(stage: CmsStage, *, says_score: bool) -> None:
    """Judge what has no judgement yet: each file says what becomes of the next test cases, as verdicts in a row."""
    caller = stage.play.caller("judge")
    judged = {each["submission_id"] for each in await stage.play.get("judge", "judgements")}
    for each in await stage.play.get("judge", "submissions"):
        if each["id"] in judged:
            continue
        packed = (await caller.get(f"contests/live/submissions/{each['id']}/files")).body
        with zipfile.ZipFile(io.BytesIO(packed)) as files:
            verdicts = [word for name in sorted(files.namelist()) for word in files.read(name).decode().split()]
        judgement_id = await stage.play.judged(each["id"], None)
        if verdicts != ["CE"]:
            await ran(stage, judgement_id, verdicts)
        verdict = next((word for word in verdicts if word != "AC"), "AC")
        score = {"score": 100 * verdicts.count("AC") / len(verdicts)} if says_score else {}
        await stage.play.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": verdict, **score})


async def ran(stage: CmsStage, judgement_id: str, verdicts: Sequence[str]) -> None:
    """Runs of the test cases in their order."""
    now = moment((stage.play.clock.now_ms - START_MS) / 60_000)
    for ordinal, verdict in enumerate(verdicts, 1):
        body = {"judgement_id": judgement_id, "ordinal": ordinal, "judgement_type_id": verdict, "time": now}
        await stage.play.post("judge", "runs", body)


async def task_scores(client: CmsClient) -> dict[str, float]:
    """What somebody is told of every task to which they have handed in anything, by the last of it."""
    found: dict[str, float] = {}
    for task in (await client.json("/api/task_list"))["tasks"]:
        name = task["name"]
        listed = (await client.json(f"/api/{name}/submission_list"))["list"]
        if listed:
            status = await client.json(f"/tasks/{name}/submissions/{listed[-1]['id']}")
            assert status["task_score_is_partial"] is False
            found[name] = status["task_public_score"]
    return found


async def board(stage: CmsStage, who: str) -> dict[str, dict[str, float]]:
    """The scores on the scoreboard as somebody sees it, by team and problem; what is 0 is left out."""
    rows = (await stage.play.get(who, "scoreboard"))["rows"]
    return {
        row["team_id"]: {cell["problem_id"]: cell["score"] for cell in row["problems"] if cell["score"]}
        for row in rows
        if row["team_id"] != "t3"
    }


# --- The contest


@needs_schemas
async def test_a_contest_played_through_cms_requests_alone(stage: CmsStage) -> None:
    """From the list of tasks to the last word after the end."""
    anna, bert = await stage.participant("anna"), await stage.participant("bert")
    tasks = (await anna.json("/api/task_list"))["tasks"]
    assert [task["name"] for task in tasks] == ["prod", "sum", "maze"]
    for task in tasks:
        for language in task["statements"]:
            assert (await anna.get(f"/tasks/{task['name']}/statements/{language}")).body.startswith(b"%PDF")

    first = await handed_in(anna, "sum", source("sum", "AC WA"))
    assert await anna.json(f"/tasks/sum/submissions/{first}") == {"status": 1, "status_text": "Compiling..."}
    await handed_in(bert, "sum", source("sum", "AC AC", "py"))
    await judge(stage, says_score=True)
    assert await task_scores(anna) == {"sum": 50}
    assert await task_scores(bert) == {"sum": 100}

    await stage.at(70)
    outputs = {"output_1.txt": ("output_1.txt", "AC"), "output_2.txt": ("out2", "WA")}
    await handed_in(anna, "prod", outputs)
    await handed_in(bert, "sum", source("sum", "CE"))
    await handed_in(bert, "maze", source("maze", "WA AC AC"))
    await judge(stage, says_score=False)
    assert await task_scores(anna) == {"prod": 30, "sum": 50}
    assert await task_scores(bert) == {"sum": 100, "maze": 0}

    before = await board(stage, "public")
    assert before == {"t1": {"prod": 30, "sum": 50}, "t2": {"sum": 100, "maze": 60}}
    await stage.at(FROZEN)
    anna, bert = await stage.participant("anna"), await stage.participant("bert")
    last = await handed_in(anna, "maze", source("maze", "AC AC WA"))
    await judge(stage, says_score=False)
    assert await task_scores(anna) == {"prod": 30, "sum": 50, "maze": 40}
    assert await board(stage, "public") == before

    await stage.at(OVER)
    anna = await stage.participant("anna")
    answer = await anna.send("/api/sum/submit", [("sum.%l", "sum.cpp", b"AC AC")])
    assert (answer.status, answer.json) == (403, NOT_OPEN)
    for_anna = await stage.impersonator("anna")
    late = await handed_in(for_anna, "sum", source("sum", "AC AC"), "?override_phase_check=1")
    await judge(stage, says_score=True)
    status = await anna.json(f"/tasks/sum/submissions/{late}")
    assert (status["public_score"], status["task_public_score"]) == (100, 50)
    status = await anna.json(f"/tasks/maze/submissions/{last}")
    assert (status["public_score_message"], status["score_message"]) == ("40 / 40", "40 / 100")

    counted = "?override_phase_check=1&override_official=1"
    await handed_in(for_anna, "prod", {name: (name, "AC") for name in outputs}, counted)
    await judge(stage, says_score=False)
    await stage.play.patch("root", "state", {"thawed": "now"})
    assert await board(stage, "public") == {
        "t1": {"prod": 60, "sum": 50, "maze": 40},
        "t2": {"sum": 100, "maze": 60},
    }
    await everything_keeps_the_schemas(stage)


async def everything_keeps_the_schemas(stage: CmsStage) -> None:
    """Every endpoint and every line of the feed, plain and for everybody."""
    callers = {who: stage.play.caller(who) for who in ("public", "root", "judge")}
    callers |= {name: stage.play.server.caller((name, password)) for name, password in PASSWORDS.items()}
    lines = {}
    for who, caller in callers.items():
        await check_everything(caller, "live")
        lines[who] = await check_feed(caller, "live")
    assert min(lines.values()) > 40
    assert lines["root"] > lines["public"]


async def test_by_either_door_it_is_the_same_event(stage: CmsStage) -> None:
    """The objects have the same properties and files, and each is in the lists and feeds of the other API."""
    anna = await stage.participant()
    by_cms = await handed_in(anna, "sum", source("sum", "AC AC"))
    stage.play.clock.now_ms += 1_000
    own = stage.play.server.caller(("anna", PASSWORDS["anna"]))
    files = [{"data": data_of(archive({"sum.cpp": "AC AC"}))}]
    answer = await own.ask("POST", "contests/live/submissions", json=submission(problem_id="sum", files=files))
    by_contest_api: str = answer.json["id"]
    assert (await anna.json("/api/sum/submission_list"))["list"] == [{"id": by_cms}, {"id": by_contest_api}]
    seen = {each["id"]: each for each in await stage.play.get("judge", "submissions")}
    one, other = seen[by_cms], seen[by_contest_api]
    assert one.keys() == other.keys()
    assert without(one) == without(other)
    contents = [await unpacked(stage.play.caller("judge"), each) for each in (by_cms, by_contest_api)]
    assert contents == [{"sum.cpp": b"AC AC"}] * 2
    await judge(stage, says_score=True)
    for identifier in (by_cms, by_contest_api):
        assert (await anna.json(f"/tasks/sum/submissions/{identifier}"))["public_score"] == 100
    lines = [line for line in await stage.play.feed("root") if line["type"] == "submissions"]
    assert [line["id"] for line in lines] == [by_cms, by_contest_api]


def without(instance: Json) -> Json:
    """What of a submission is the same for all like it."""
    return {name: value for name, value in instance.items() if name not in OF_SUBMISSION}


async def unpacked(caller: Caller, submission_id: str) -> dict[str, bytes]:
    """The files of a submission, by their names."""
    packed = (await caller.get(f"contests/live/submissions/{submission_id}/files")).body
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        return {name: files.read(name) for name in files.namelist()}


# --- The command-line submitter against the real thing


@asynccontextmanager
async def submitting(stage: CmsStage, where: Path, *arguments: str | Path) -> AsyncIterator[Process]:
    """`cds submit` as anna, in a process of its own, which has ended when the block ends."""
    login = {"CDS_SUBMIT_USERNAME": "anna", "CDS_SUBMIT_PASSWORD": PASSWORDS["anna"]}
    process = await asyncio.create_subprocess_exec(
        CDS, "submit", *arguments, cwd=where, env=environment(**login), stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(COMMAND_S_MAX):
            yield process
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_of(process: Process) -> str:
    """The next line that the command says."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        line = (await process.stdout.readline()).decode()
    if not line:
        assert process.stderr is not None
        raise AssertionError((await process.stderr.read()).decode())
    return line.rstrip("\n")


async def played(stage: CmsStage, process: Process) -> list[str]:
    """What the command says while its submission is judged, each line before anything more happens."""
    said = [await line_of(process), await line_of(process)]
    identifier = said[0].split()[1]
    judgement_id = await stage.play.judged(identifier, None)
    await ran(stage, judgement_id, ["AC"])
    while "Evaluating" not in said[-1] and "1 tests done" not in said[-1]:
        said.append(await line_of(process))
    body = {"judgement_type_id": "WA", "score": 50}
    await stage.play.patch("judge", f"judgements/{judgement_id}", body)
    said.append(await line_of(process))
    return said


@pytest.mark.parametrize("base", ["/cms/live", "/api/contests/live"])
async def test_cds_submit_prints_the_score_as_it_arrives(stage: CmsStage, tmp_path: Path, base: str) -> None:
    """By the address either API is found; every state is told when it comes, and then the score."""
    (tmp_path / "sum.cpp").write_text("int main() {}\n")
    async with submitting(stage, tmp_path, "--task", "sum", "sum.cpp", "--url", stage.root + base) as process:
        said = await played(stage, process)
    expected = {
        "/cms/live": ["Compiling", "Evaluating", "Evaluated; score 50 of 100; the task 50"],
        "/api/contests/live": [
            "waiting to be judged",
            "being judged, 1 tests done",
            "Wrong Answer; score 50 of 100; on the scoreboard 50",
        ],
    }
    told = [line for line in said[1:] if line != "being judged"]
    assert told == expected[base]
    assert "by the API of CMS" in said[0] if base.startswith("/cms") else "by the Contest API" in said[0]


async def test_cds_submit_hands_in_several_output_files(stage: CmsStage, tmp_path: Path) -> None:
    names = ["output_1.txt", "output_2.txt"]
    for name in names:
        (tmp_path / name).write_text("AC\n")
    url = ["--url", f"{stage.root}/cms/live", "--wait", "0"]
    async with submitting(stage, tmp_path, "--task", "prod", *names, *url) as process:
        said = await line_of(process)
    contents = await unpacked(stage.play.caller("judge"), said.split()[1])
    assert contents == dict.fromkeys(names, b"AC\n")
