"""The sync of a Codeforces handle, line by line as its contract has it (seed 001): a real server on a real Postgres.

Only Codeforces is stood in for. Which line is shown by which test: `requirements_of_the_handle_sync`.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from cds.students.cache import CacheKey, keys_of
from schemas.times import format_time
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN
from tests.cds.student_api.stage import QUESTIONS, TOURIST, StudentStage, student_stage
from tests.platform_servers.faults import Answer, FaultName
from tests.platform_servers.generated import NOW_S, PRACTICE_RELATIVE_S, codeforces_handle
from tests.platform_servers.server import Asked

DOCUMENT_KEYS = [
    "_id",
    "name",
    "email",
    "phoneNo",
    "codeforcesHandle",
    "currRating",
    "rank",
    "maxRating",
    "lastSyncedAt",
    "lastActiveAt",
    "emailRemindersSent",
    "emailRemindersDisabled",
    "contestData",
    "submissions",
    "createdAt",
    "updatedAt",
    "__v",
]
SYNCED_KEYS = ["currRating", "rank", "maxRating", "contestData", "submissions", "lastActiveAt", "lastSyncedAt"]
"""The seven properties that a sync sets (1.4)."""

NO_STUDENT = {"error": "No student found with the given Codeforces handle"}
FAILED = {"error": "Failed to sync Codeforces data"}

HANGING_S = 1.5
"""How long is waited for what never comes: longer than a busy machine needs for what does come."""

FAULTS: tuple[FaultName, ...] = (
    "cloudflare",
    "html",
    "not found",
    "limited",
    "busy",
    "error",
    "truncated",
    "cut",
    "closed",
    "hang",
    "wrong type",
    "empty",
    "redirect elsewhere",
)


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server with one student, who was never synced."""
    async with student_stage(database_dsn) as put_up:
        await put_up.enter()
        yield put_up


def now(stage: StudentStage) -> str:
    """The moment of the server's clock."""
    return format_time(stage.clock.now_ms)


# --- What a sync comes to.


async def test_a_sync_sets_all_seven_properties(stage: StudentStage) -> None:
    """And answers with the bare document, as it is stored then."""
    stage.clock.now_ms += 60_000
    answer = await stage.sync(login=SERVER_ADMIN)
    assert answer.status == 200
    known = stage.servers.codeforces.handles["tourist"]
    document = answer.json
    assert list(document) == DOCUMENT_KEYS
    assert {name: document[name] for name in SYNCED_KEYS} == {
        "currRating": 3_800,
        "rank": "specialist",
        "maxRating": 3_850,
        "contestData": known.rating_changes,
        "submissions": known.submissions,
        "lastActiveAt": format_time((NOW_S - 3_600) * 1_000),
        "lastSyncedAt": now(stage),
    }
    assert {name: document[name] for name in TOURIST} == TOURIST
    assert document["updatedAt"] == now(stage) > document["createdAt"]
    assert await stage.shown(document["_id"]) == document


async def test_with_an_envelope_the_answer_has_the_message_of_the_original(stage: StudentStage) -> None:
    answer = await stage.sync(query="?envelope=1")
    assert list(answer.json) == ["message", "student"]
    assert answer.json["message"] == "Codeforces data synced successfully"
    assert answer.json["student"] == (await stage.ask("GET", f"students/{answer.json['student']['_id']}")).json


async def test_post_is_the_same_as_get(stage: StudentStage) -> None:
    """Also with no body and no type, as `curl -X POST` sends it."""
    posted = await stage.ask("POST", "codeforces/sync/tourist")
    assert (posted.status, posted.json) == (200, (await stage.sync()).json)
    assert len(stage.asked) == 6


async def test_an_unrated_user_is_a_newbie_with_ratings_of_zero(stage: StudentStage) -> None:
    """Also one who was rated before: nothing of it stays."""
    assert (await stage.sync()).json["currRating"] == 3_800
    stage.servers.codeforces.add_handle(codeforces_handle("tourist", rating=None))
    document = (await stage.sync()).json
    assert [document[name] for name in ("currRating", "rank", "maxRating", "contestData")] == [0, "Newbie", 0, []]


async def test_without_an_accepted_submission_there_was_no_activity(stage: StudentStage) -> None:
    stage.servers.codeforces.add_handle(codeforces_handle("tourist", accepted=False))
    document = (await stage.sync()).json
    assert document["lastActiveAt"] is None
    assert document["submissions"]


async def test_a_user_who_never_did_anything_is_synced(stage: StudentStage) -> None:
    stage.servers.codeforces.add_handle(codeforces_handle("tourist", rating=None, submissions=0))
    document = (await stage.sync()).json
    assert (document["submissions"], document["contestData"], document["lastActiveAt"]) == ([], [], None)
    assert document["lastSyncedAt"] == now(stage)


async def test_practice_is_taken_with_the_contest_time_that_codeforces_gives_it(stage: StudentStage) -> None:
    """It comes through as it is, and counts for the last activity (2.14)."""
    known = stage.servers.codeforces.handles["tourist"]
    practice = known.submissions[1]
    assert (practice["relativeTimeSeconds"], practice["verdict"]) == (PRACTICE_RELATIVE_S, "OK")
    document = (await stage.sync()).json
    assert document["submissions"][1]["relativeTimeSeconds"] == 2_147_483_647
    assert document["lastActiveAt"] == format_time(int(str(practice["creationTimeSeconds"])) * 1_000)


async def test_the_newest_ten_thousand_submissions_are_asked_for(stage: StudentStage) -> None:
    await stage.sync()
    (asked,) = [asked for asked in stage.servers.codeforces.asked if asked.path == "/api/user.status"]
    assert dict(asked.query) == {"handle": "tourist", "from": "1", "count": "10000"}


async def test_ten_thousand_submissions_come_back_compressed(stage: StudentStage) -> None:
    stage.servers.codeforces.add_handle(codeforces_handle("tourist", submissions=10_000))
    url = f"{stage.served.base}codeforces/sync/tourist"
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers={"Accept-Encoding": "gzip"}) as response,
    ):
        assert (response.status, response.headers["Content-Encoding"]) == (200, "gzip")
        body = await response.read()
    assert len(json.loads(gzip.decompress(body))["submissions"]) == 10_000
    student = (await stage.students()).of_handle("tourist")
    assert student is not None
    assert student.submission_count == 10_000


# --- The cache.


async def test_the_cache_is_emptied_before_codeforces_is_asked_and_filled_again(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = keys_of("tourist")
    assert [str(key) for key in keys] == ["cf:info:tourist", "cf:contest:tourist", "cf:submissions:tourist"]
    await stage.cache(*keys)
    forget, emptied_s = stage.parts.cache.forget, []

    async def told_forget(gone: Sequence[CacheKey]) -> None:
        assert stage.asked == []
        await forget(gone)
        assert await stage.cached() == []
        emptied_s.append(asyncio.get_running_loop().time())

    monkeypatch.setattr(stage.parts.cache, "forget", told_forget)
    assert (await stage.sync()).status == 200
    assert len(emptied_s) == 1
    assert emptied_s[0] <= min(asked.time_s for asked in stage.servers.codeforces.asked)
    assert await stage.cached() == [str(key) for key in keys]
    assert b"old" not in [await stage.parts.cache.get(key) for key in keys]


async def test_a_sync_never_answers_from_the_cache(stage: StudentStage) -> None:
    for asked in (3, 6, 9):
        assert (await stage.sync()).status == 200
        assert len(stage.asked) == asked


async def test_the_keys_of_what_failed_stay_empty(stage: StudentStage) -> None:
    await stage.cache(*keys_of("tourist"))
    stage.servers.codeforces.misbehave("not found", path="/api/user.rating")
    assert (await stage.sync()).status == 500
    assert "cf:contest:tourist" not in await stage.cached()


# --- Who is not found.


@pytest.mark.parametrize("handle", ["nobody", "tourist2", "a", "x" * 60, "%20", "a%2Fb", "tou%20rist", "%D0%9F%D1%91"])
async def test_whoever_is_no_student_is_404_and_codeforces_is_not_asked(stage: StudentStage, handle: str) -> None:
    """Nothing is thrown out of the cache either."""
    await stage.cache(*keys_of("tourist"), *keys_of(handle))
    answer = await stage.sync(handle)
    assert (answer.status, answer.json) == (404, NO_STUDENT)
    assert stage.asked == []
    assert len(await stage.cached()) == 3


@pytest.mark.parametrize("handle", ["TOURIST", "Tourist", "tourist", "tourist/"])
async def test_case_does_not_count_and_codeforces_is_asked_in_the_stored_spelling(
    stage: StudentStage, handle: str
) -> None:
    answer = await stage.sync(handle)
    assert (answer.status, answer.json["codeforcesHandle"]) == (200, "tourist")
    said = {asked.query.get("handle") or asked.query["handles"] for asked in stage.servers.codeforces.asked}
    assert said == {"tourist"}


async def test_a_handle_that_codeforces_does_not_know_is_500_with_its_cause_and_not_asked_again(
    stage: StudentStage,
) -> None:
    student = await stage.enter(codeforcesHandle="renamed", email="renamed@example.org")
    answer = await stage.sync("renamed")
    assert (answer.status, answer.json) == (500, {**FAILED, "cause": "handle_not_found"})
    assert len(stage.asked) == len(set(stage.asked)) <= 3
    assert await stage.shown(student["_id"]) == student


# --- What fails.


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("question", QUESTIONS)
async def test_each_of_the_three_questions_failing_is_500_and_changes_nothing(
    database_dsn: str, question: str, fault: FaultName
) -> None:
    """Whatever comes: HTTP 400 with JSON, 403 with HTML, nothing in time, no JSON, a broken connection."""
    timeout_s = HANGING_S if fault == "hang" else DEADLINE_S
    async with student_stage(database_dsn, settings={"timeout_s": timeout_s, "attempts": 1}) as stage:
        student = await stage.enter()
        assert (await stage.sync()).status == 200
        before = await stage.shown(student["_id"])
        stage.clock.now_ms += 1_000
        stage.servers.codeforces.misbehave(fault, path=question)
        answer = await stage.sync()
        assert (answer.status, answer.json) == (500, FAILED)
        assert await stage.shown(student["_id"]) == before
        stage.servers.codeforces.behave()
        assert (await stage.sync()).json["lastSyncedAt"] == now(stage)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_refusal_with_status_400_is_500(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    codeforces = stage.servers.codeforces
    answer_of = codeforces.answer
    refusal = {"status": "FAILED", "comment": "handle: Field should contain between 3 and 24 characters, inclusive"}

    def answer(asked: Asked) -> Answer:
        return Answer(body=json.dumps(refusal).encode(), status=400) if asked.path == question else answer_of(asked)

    monkeypatch.setattr(codeforces, "answer", answer)
    answer_to_us = await stage.sync()
    assert (answer_to_us.status, answer_to_us.json) == (500, FAILED)


async def test_codeforces_being_gone_is_500(stage: StudentStage) -> None:
    await stage.servers.codeforces.die()
    answer = await stage.sync()
    assert (answer.status, answer.json) == (500, FAILED)


async def test_what_passes_is_asked_again(stage: StudentStage) -> None:
    stage.servers.codeforces.misbehave("cloudflare", path="/api/user.rating", times=1)
    assert (await stage.sync()).status == 200
    assert len(stage.asked) == 4


async def test_an_answer_that_is_no_text_changes_nothing(stage: StudentStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON that is broken in a text which we have no use for would be passed on to everybody who asks."""
    codeforces = stage.servers.codeforces
    answer_of = codeforces.answer

    def answer(asked: Asked) -> Answer:
        told = answer_of(asked)
        return Answer(body=told.body.replace(b"Sample Round", b"Sample \xff Round"))

    monkeypatch.setattr(codeforces, "answer", answer)
    reply = await stage.sync()
    assert (reply.status, reply.json) == (500, FAILED)


# --- Many at once.


async def test_two_who_ask_at_once_cost_three_questions(stage: StudentStage) -> None:
    """And ten, in whatever spelling; all are told the same."""
    stage.servers.codeforces.delay_s = 0.2
    first, second = await asyncio.gather(stage.sync(), stage.sync())
    assert (first.status, first.json) == (200, second.json)
    assert sorted(stage.asked) == sorted(QUESTIONS)
    answers = await asyncio.gather(*(stage.sync(handle) for handle in ("tourist", "Tourist", "TOURIST") * 3))
    assert {answer.status for answer in answers} == {200}
    assert len(stage.asked) == 6


async def test_those_who_wait_together_fail_together(stage: StudentStage) -> None:
    stage.servers.codeforces.delay_s = 0.2
    stage.servers.codeforces.misbehave("not found", path="/api/user.info")
    answers = await asyncio.gather(*(stage.sync() for _ in range(4)))
    assert [(answer.status, answer.json) for answer in answers] == [(500, FAILED)] * 4
    assert stage.asked.count("/api/user.info") == 1


async def test_who_leaves_does_not_take_the_answer_from_the_others(stage: StudentStage) -> None:
    stage.servers.codeforces.delay_s = 0.3
    leaving = asyncio.create_task(stage.sync())
    async with asyncio.timeout(5):
        while not stage.asked:
            await asyncio.sleep(0.01)
    staying = asyncio.create_task(stage.sync())
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).status == 200
    assert len(stage.asked) == 3


async def test_the_three_questions_share_the_limiter_of_the_platform(database_dsn: str) -> None:
    """They are asked at once, and leave one after the other (2.4)."""
    async with student_stage(database_dsn, settings={"interval_s": 0.4}) as stage:
        await stage.enter()
        assert (await stage.sync()).status == 200
        times_s = sorted(asked.time_s for asked in stage.servers.codeforces.asked)
        assert len(times_s) == 3
        # The beginnings are 0.8 s apart; on a busy machine the first may be noticed late.
        assert times_s[-1] - times_s[0] > 0.4


# --- What the log keeps.


async def test_the_log_holds_ratings_and_no_personal_data_and_no_lists(stage: StudentStage) -> None:
    stage.servers.codeforces.add_handle(codeforces_handle("tourist", rating=3_800, submissions=2_000))
    for _ in range(10):
        stage.clock.now_ms += 1_000
        assert (await stage.sync()).status == 200
    log = await stage.log_text()
    assert b'"curr_rating":3800' in log
    assert b'"submission_count":2000' in log
    for secret in (*(TOURIST[name] for name in ("name", "email", "phoneNo")), "Sample Round", "PROGRAMMING"):
        assert secret.encode() not in log
    assert len(log) < 10_000


async def test_a_student_outlives_a_restart(database_dsn: str) -> None:
    async with student_stage(database_dsn) as stage:
        await stage.enter()
        before = (await stage.sync(login=SERVER_ADMIN)).json
    async with student_stage(database_dsn) as stage:
        assert await stage.shown(before["_id"]) == before
        assert stage.asked == []
