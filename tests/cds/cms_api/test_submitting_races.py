"""Many who hand in at the same instant, on one server and on two of one database: the limits hold (2.12)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from cds.cms_api.settings import CmsSettings
from cds.contests import Contests
from tests.cds.cms_api.handing_in import hand_in, handed_in
from tests.cds.cms_api.stage import ADMIN_TOKEN, CmsClient, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import RUNNING, Play, SetClock, playing
from tests.cds.contest_api.serving import Answer, cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 16
ROUNDS = 5

TAKEN = 200
REFUSED = 422

OTHERS_NUMBERS = 1_000_000
"""Where the numbers of the second server begin, so that no identifier is given twice."""


def too_frequent(place: str) -> dict[str, str]:
    """The body of a refusal because of one a minute."""
    return {"error": "Submissions too frequent!", "details": f"There must be 60 seconds between two {place}."}


def check_one_won(answers: Sequence[Answer], place: str) -> None:
    """Exactly one was taken, and all others were told why not."""
    assert sorted(answer.status for answer in answers) == [TAKEN, *[REFUSED] * (len(answers) - 1)]
    assert all(answer.json == too_frequent(place) for answer in answers if answer.status == REFUSED)


async def test_of_many_at_the_same_instant_one_wins(stage: CmsStage) -> None:
    """Once for each team: the clock stands still, so all come at once, also those to different tasks."""
    await stage.say("", min_submission_interval=60)
    anna, bert = await stage.participant("anna"), await stage.participant("bert")
    tasks = (("/api/sum/submit", "sum.%l"), ("/api/maze/submit", "maze.%l"))
    for minutes in (RUNNING, RUNNING + 1):
        await stage.at(minutes)
        answers = await asyncio.gather(
            *(
                hand_in(client, (tasks[number % 2][1], "a.cpp", b"x"), path=tasks[number % 2][0])
                for client in (anna, bert)
                for number in range(AT_ONCE)
            )
        )
        for of_team in (answers[:AT_ONCE], answers[AT_ONCE:]):
            check_one_won(of_team, "in this contest")
    assert len(await stage.play.ids("judge", "submissions")) == 4


async def test_both_doors_count_together(stage: CmsStage) -> None:
    """One a minute is one a minute, whichever API it comes by."""
    await stage.say("problems/sum", min_submission_interval=60)
    anna, by_contest_api = await stage.participant("anna"), stage.play.server.caller(("anna", "password of anna"))
    identifier = await handed_in(anna)
    archive = (await stage.play.caller("root").get(f"contests/live/submissions/{identifier}/files")).body
    body = {"problem_id": "sum", "language_id": "cpp", "files": [{"data": b64encode(archive).decode()}]}
    answer = await by_contest_api.ask("POST", "contests/live/submissions", json=body)
    assert answer.status == 403
    assert answer.json["message"].startswith("Submissions too frequent!")
    await stage.at(RUNNING + 1)
    answer = await by_contest_api.ask("POST", "contests/live/submissions", json=body)
    assert answer.status == 201, answer.body
    assert (await hand_in(anna)).json == too_frequent("on this task")


async def test_the_last_of_so_many_goes_to_one(stage: CmsStage) -> None:
    await stage.say("problems/sum", max_submission_number=3)
    anna = await stage.participant("anna")
    answers = await asyncio.gather(*(hand_in(anna) for _ in range(AT_ONCE)))
    assert sorted(answer.status for answer in answers) == [TAKEN] * 3 + [REFUSED] * (AT_ONCE - 3)
    details = {answer.json["details"] for answer in answers if answer.status == REFUSED}
    assert details == {"No more than 3 may be made on this task."}
    listed = (await anna.json("/api/sum/submission_list"))["list"]
    assert sorted(each["id"] for each in listed) == sorted(a.json["id"] for a in answers if a.status == TAKEN)


class Two:
    """Two servers on one database that hear no hints of each other, their clocks alike."""

    def __init__(self, one: CmsStage, other: Play) -> None:
        self.one = one
        self.other = CmsStage(other)

    async def at(self, minutes: float) -> None:
        """Set both clocks."""
        await self.one.at(minutes)
        await self.other.at(minutes)

    async def clients(self) -> list[CmsClient]:
        """Anna on both, with one login."""
        logged_in = await self.one.participant("anna")
        made = [logged_in, self.other.client()]
        made[1].token = logged_in.token
        return made


@pytest_asyncio.fixture(loop_scope="session")
async def two(cms_template: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    """What one of them writes, the other finds out by looking at the log alone."""

    async def never(_contests: Contests, _stream: str) -> None:
        return None

    settings = CmsSettings(contest_id="live", admin_token=ADMIN_TOKEN)
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned_database(cms_template))
        one = await stack.enter_async_context(cms_stage(dsn, cms=settings))
        other = await stack.enter_async_context(playing(dsn, SetClock(first_number=OTHERS_NUMBERS), cms=settings))
        monkeypatch.setattr(Contests, "_catch_up", never)
        both = Two(one, other)
        await both.at(RUNNING)
        yield both


async def test_over_two_servers_one_wins(two: Two) -> None:
    """Neither knows what the other has just accepted but by the log: whoever is second there is refused."""
    await two.one.say("problems/sum", min_submission_interval=60)
    clients = await two.clients()
    for number in range(ROUNDS):
        await two.at(RUNNING + 1 + number)
        answers = await asyncio.gather(*(hand_in(client) for client in clients * (AT_ONCE // 2)))
        check_one_won(answers, "on this task")
        lists = [await client.json("/api/sum/submission_list") for client in clients]
        assert lists[0] == lists[1]
        assert len(lists[0]["list"]) == number + 1


async def test_what_one_server_took_the_other_lists(two: Two) -> None:
    clients = await two.clients()
    made = [await handed_in(clients[number % 2]) for number in range(6)]
    assert len(set(made)) == len(made)
    for client in clients:
        assert [each["id"] for each in (await client.json("/api/sum/submission_list"))["list"]] == made
