"""An olympiad in the Italian format, imported and played through the ContestWebServer API as its participants would."""

from collections.abc import Sequence
from pathlib import Path

from schemas.times import format_time
from tests.cds.cms_api.fragments import Fragment
from tests.cds.cms_api.stage import CmsClient
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, fill, running
from tests.cds.packages.italian_contests import PDF, read, regional

START_MS = 1_900_000_000_000
"""When the contest says that it starts."""

FIRST_SOLVES = [1, 2, 3]
SECOND_SOLVES = [1, 4, 5]
"""The test cases that two submissions solve: the examples, and one of the two other groups each."""


async def judge(caller: Caller, submission_id: str, solved: Sequence[int], now_ms: int) -> None:
    """Judge a submission to the tree by its runs alone."""
    now = format_time(now_ms)
    made = await caller.ask(
        "POST", "contests/regional/judgements", json={"submission_id": submission_id, "start_time": now}
    )
    assert made.status == 201, made.body
    judgement_id = made.json["id"]
    for ordinal in range(1, 6):
        run = {
            "judgement_id": judgement_id,
            "ordinal": ordinal,
            "judgement_type_id": "AC" if ordinal in solved else "WA",
            "time": now,
        }
        assert (await caller.ask("POST", "contests/regional/runs", json=run)).status == 201
    ended = await caller.ask("PATCH", f"contests/regional/judgements/{judgement_id}", json={"judgement_type_id": "WA"})
    assert ended.status == 200, ended.body


async def test_it_is_played_as_it_was_imported(fresh_dsn: str, tmp_path: Path) -> None:
    """Log in with the password of the file, read, hand in twice: the best of each group counts."""
    await fill(fresh_dsn, [read(tmp_path, regional())])
    clock = SetClock(now_ms=START_MS)
    async with running(fresh_dsn, circumstances=clock) as server:
        admin, jury = server.caller(SERVER_ADMIN), server.of_role("judge")
        begun = await admin.ask("PATCH", "contests/regional/state", json={"started": "now"})
        assert begun.status == 200, begun.body
        anna = await CmsClient(server.caller(), f"{server.root}/cms/regional").log_in("anna", "secret of anna")
        tasks = (await anna.json("/api/task_list"))["tasks"]
        assert [(task["name"], sorted(task["statements"])) for task in tasks] == [
            ("sum", ["en", "it"]),
            ("tree", ["en"]),
        ]
        assert (await anna.get("/tasks/sum/statements/it")).body == PDF + b"it"
        handed_in = []
        for solved in (FIRST_SOLVES, SECOND_SOLVES):
            clock.now_ms += 60_000
            answer = await anna.send("/api/tree/submit", [("tree.%l", "tree.cpp", b"int main() {}\n")])
            assert answer.status == 200, answer.body
            handed_in.append(answer.json["id"])
            await judge(jury, handed_in[-1], solved, clock.now_ms)
        told = [await anna.json(f"/tasks/tree/submissions/{each}") for each in handed_in]
        assert [each["public_score"] for each in told] == [30, 70]
        assert [each["task_public_score"] for each in told] == [100, 100]
        details = await anna.get(f"/tasks/tree/submissions/{handed_in[0]}/details")
        groups = Fragment(details.body.decode()).tables[0]
        assert [row[1:] for row in groups.rows] == [
            ["Correct", "0 / 0"],
            ["Correct", "30 / 30"],
            ["Not correct", "0 / 70"],
        ]
