"""Handing in by the API of CMS: in which words it is refused, and that nothing is kept then (2.3, 2.12 and 2.13)."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import hdrs, web

from cds.cms_api import submitting
from cds.cms_api.file_matching import FILE_BYTES_MAX
from cds.cms_api.forms import Form, form_of
from cds.cms_api.submitting import FORM_OVERHEAD_BYTES
from eventstore.postgres import PostgresStore
from eventstore.store import Append, OutcomeUnknown, StoreRefused, StoreUnavailable
from tests.cds.cms_api.handing_in import CPP, PYTHON, SUBMIT, File, hand_in, handed_in, zipped
from tests.cds.cms_api.stage import PASSWORDS, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import OVER, RUNNING, submission
from tests.cds.contest_api.serving import Answer, cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROD = "/api/prod/submit"

DURATION = 300
"""Of the contest, in minutes."""


class Refusing:
    """A stage on which nothing is taken, and a look into its database."""

    def __init__(self, stage: CmsStage, connection: asyncpg.Connection) -> None:
        self.stage = stage
        self._connection = connection
        self.before = (0, 0)

    async def refused(self, answer: Answer, subject: str) -> str:
        """The details of a 422; nothing may have been kept since the last one."""
        assert answer.status == 422, answer.body
        assert answer.headers[hdrs.CONTENT_TYPE] == "application/json; charset=utf-8"
        assert set(answer.json) == {"error", "details"}
        assert answer.json["error"] == subject
        assert await self.kept() == self.before
        details: str = answer.json["details"]
        return details

    async def kept(self) -> tuple[int, int]:
        """How many submissions there are, and how many files are kept, of whatever."""
        submissions: int = await self._connection.fetchval("SELECT count(*) FROM event WHERE type = 'submissions'")
        files: int = await self._connection.fetchval("SELECT count(*) FROM file")
        return submissions, files

    async def begin(self) -> None:
        """What is kept now was there before."""
        self.before = await self.kept()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_stage(cms_template: str) -> AsyncIterator[Refusing]:
    """One stage for all of these tests."""
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as stage:
        connection = await asyncpg.connect(dsn)
        try:
            yield Refusing(stage, connection)
        finally:
            await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def refusing(on_stage: Refusing) -> Refusing:
    """The running contest as it was made, and what is kept so far counted."""
    await on_stage.stage.play.patch("root", "problems/sum", {"ext": None, "code_limit": None})
    await on_stage.stage.at(RUNNING)
    await on_stage.begin()
    return on_stage


TOO_LARGE = ("sum.%l", "a.cpp", bytes(FILE_BYTES_MAX + 1))
FAR_TOO_LARGE = ("sum.%l", "a.cpp", bytes(FILE_BYTES_MAX + FORM_OVERHEAD_BYTES))

REFUSALS: dict[str, tuple[Sequence[File], dict[str, str], str, str]] = {
    "another field": ([("sum.cpp", "sum.cpp", b"x")], {}, "Invalid submission format!", "'sum.cpp' is none of"),
    "no file of the task": ([], {"sum.%l": "int main() {}"}, "Invalid submission format!", "No file was given"),
    "a field twice": ([CPP, CPP], {}, "Invalid submission format!", "sum.%l was given twice."),
    "no language has the extension": ([("sum.%l", "a.rs", b"x")], {}, "Invalid submission format!", "'a.rs', given as"),
    "an unknown language": ([CPP], {"language": "Rust"}, "Invalid submission format!", "'Rust' is none of"),
    "another language": ([CPP], {"language": "py"}, "Invalid submission format!", "'mine.cpp', given as sum.%l"),
    "a large file": ([TOO_LARGE], {}, "Submission too big!", "'sum.%l' has 100001 bytes"),
    "a very large file": ([FAR_TOO_LARGE], {}, "Submission too big!", "may have at most 165536 bytes."),
    "no archive": ([("submission", "a.zip", b"no")], {}, "Invalid archive format!", "it must be a zip archive, or"),
    "an archive that leads out": (
        [("submission", "a.zip", zipped({"../sum.cpp": b"x"}))],
        {},
        "Invalid archive format!",
        "The path '../sum.cpp' leads out",
    ),
    "an archive with too many files": (
        [("submission", "a.zip", zipped({f"{number}.cpp": b"x" for number in range(3)}))],
        {},
        "Submission too big!",
        "The archive holds 3 files; it may hold at most 2.",
    ),
    "a bomb": (
        [("submission", "a.zip", zipped({"sum.cpp": bytes(50_000_000)}))],
        {},
        "Submission too big!",
        "The files of the archive have more than",
    ),
    "an archive and a file": (
        [("submission", "a.zip", zipped({"sum.cpp": b"x"})), CPP],
        {},
        "Invalid submission format!",
        "'submission' is none of",
    ),
}


@pytest.mark.parametrize(("files", "texts", "subject", "details"), REFUSALS.values(), ids=REFUSALS)
async def test_refusals(
    refusing: Refusing, files: Sequence[File], texts: dict[str, str], subject: str, details: str
) -> None:
    """Nothing is kept, also no file."""
    client = await refusing.stage.participant()
    answer = await client.send(SUBMIT, files, texts)
    assert details in await refusing.refused(answer, subject)


async def test_a_language_for_output_files(refusing: Refusing) -> None:
    answer = await hand_in(await refusing.stage.participant(), ("output_1.txt", "a", b"1"), path=PROD, language="cpp")
    details = await refusing.refused(answer, "Invalid submission format!")
    assert details == "A language cannot be given: none of the files of this task is a source."


async def test_only_languages_of_the_task(refusing: Refusing) -> None:
    await refusing.stage.say("problems/sum", allowed_languages=["python3"])
    client = await refusing.stage.participant()
    await refusing.refused(await hand_in(client, CPP), "Invalid submission format!")
    await refusing.refused(await hand_in(client, CPP, language="cpp"), "Invalid submission format!")
    await handed_in(client, PYTHON)


async def test_what_the_problem_itself_limits(refusing: Refusing) -> None:
    """`code_limit` in KiB holds here as on the Contest API."""
    await refusing.stage.play.patch("root", "problems/sum", {"code_limit": 1})
    client = await refusing.stage.participant()
    answer = await hand_in(client, ("sum.%l", "a.cpp", b"x" * 1_025))
    assert "1024 bytes" in await refusing.refused(answer, "Submission too big!")
    await handed_in(client, ("sum.%l", "a.cpp", b"x" * 1_024))


@pytest.mark.parametrize("element", ["../sum.%l", "a\\b.txt", "a/b", ".", "..", "c:sum", "a\n", "a\tb", "x" * 256, ""])
async def test_formats_that_no_file_can_have_are_refused_where_they_are_said(refusing: Refusing, element: str) -> None:
    """The organizer hears of the mistake, and not every participant."""
    said = {"ext": {"cms": {"submission_format": [element]}}}
    answer = await refusing.stage.play.ask("root", "PATCH", "problems/sum", said)
    assert answer.status == 400, answer.body
    assert "submission_format" in answer.json["message"]


@pytest.mark.parametrize("language", ["pt/BR", "en\n", "", "../en"])
async def test_languages_that_no_path_can_have_are_refused_where_they_are_said(
    refusing: Refusing, language: str
) -> None:
    answer = await refusing.stage.play.ask(
        "root", "PATCH", "", {"ext": {"cms": {"default_statement_language": language}}}
    )
    assert answer.status == 400, answer.body


async def test_an_unknown_task(refusing: Refusing) -> None:
    client = await refusing.stage.participant()
    for task in ("max", "SUM", "sum%2Fx", "contests"):
        answer = await hand_in(client, path=f"/api/{task}/submit")
        assert (answer.status, answer.json) == (404, {"error": "Task not found"}), task


async def test_nobody_submits_without_a_login_or_in_a_wrong_phase(refusing: Refusing) -> None:
    client = await refusing.stage.participant()
    answer = await hand_in(refusing.stage.client())
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})
    await refusing.stage.at(-1)
    answer = await hand_in(client)
    assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})
    await refusing.stage.at(OVER)
    answer = await hand_in(await refusing.stage.participant())
    assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})


async def test_a_body_that_is_no_form(refusing: Refusing) -> None:
    client = await refusing.stage.participant()
    for content_type, body in (
        ("application/json", b"{}"),
        ("text/plain", b"int main() {}"),
        ("application/x-www-form-urlencoded", b"sum.%25l=x"),
    ):
        answer = await client.ask("POST", SUBMIT, headers={"Content-Type": content_type}, data=io.BytesIO(body))
        await refusing.refused(answer, "Invalid submission format!")
    broken: dict[str, str] = {hdrs.CONTENT_TYPE: "multipart/form-data; boundary=x"}
    answer = await client.ask("POST", SUBMIT, headers=broken, data=io.BytesIO(b"--x\r\n"))
    assert (answer.status, set(answer.json)) == (400, {"error"})


async def test_a_body_that_is_far_too_large_is_not_read(refusing: Refusing) -> None:
    """The answer comes before the body: it is never sent to its end."""
    client = await refusing.stage.participant()
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="sum.%l"; filename=a.cpp\r\n\r\n'
        while sent < 2_000:
            sent += 1
            yield bytes(64 * 1024)

    headers: dict[str, str] = {hdrs.CONTENT_TYPE: "multipart/form-data; boundary=x"}
    answer = await client.ask("POST", SUBMIT, headers=headers, data=endless())
    await refusing.refused(answer, "Submission too big!")
    assert answer.headers[hdrs.CONNECTION].lower() == "close"
    assert sent < 2_000


async def test_limits_come_before_files(refusing: Refusing) -> None:
    """Whoever may not hand in anything is told so whatever the files are, and before they have all come."""
    client = await refusing.stage.participant("bert")
    await handed_in(client)
    await refusing.begin()
    await refusing.stage.say("problems/sum", max_submission_number=1, min_submission_interval=60)
    for files in ([("sum.cpp", "a", b"x")], [TOO_LARGE], [FAR_TOO_LARGE], [CPP]):
        details = await refusing.refused(await client.send(SUBMIT, files), "Too many submissions!")
        assert details == "No more than 1 may be made on this task."
    await refusing.stage.say("problems/sum", max_submission_number=None, min_submission_interval=60)
    details = await refusing.refused(await hand_in(client), "Submissions too frequent!")
    assert details == "There must be 60 seconds between two on this task."


async def test_while_the_database_is_away_both_doors_say_when_to_try_again(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await refusing.stage.participant()
    team = refusing.stage.play.server.caller(("anna", PASSWORDS["anna"]))
    assert (await team.ask("GET", "contests/live/account")).status == 200

    before = set(refusing.stage.play.contest.state.objects["submissions"])

    async def refuse(_store: PostgresStore, _append: Append) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(PostgresStore, "append", refuse)
        here = await hand_in(client)
        there = await team.ask("POST", "contests/live/submissions", json=submission(problem_id="sum"))
    assert (here.status, there.status) == (503, 503)
    assert here.json == {"error": there.json["message"]}
    assert here.headers[hdrs.RETRY_AFTER] == there.headers[hdrs.RETRY_AFTER]
    assert refusing.stage.play.contest.state.objects["submissions"].keys() == before


async def test_what_the_store_does_not_take(refusing: Refusing, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await refusing.stage.participant()

    async def refuse(_store: PostgresStore, _append: Append) -> None:
        raise StoreRefused("the file is too large")

    with monkeypatch.context() as patched:
        patched.setattr(PostgresStore, "append", refuse)
        answer = await hand_in(client)
    assert await refusing.refused(answer, "Submission storage failed!") == "Nothing was kept; please try again."


async def test_of_an_unknown_outcome_nothing_is_promised(refusing: Refusing, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been written: that is no refusal."""
    client = await refusing.stage.participant()

    async def vanish(_store: PostgresStore, _append: Append) -> None:
        raise OutcomeUnknown("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(PostgresStore, "append", vanish)
        answer = await hand_in(client)
    assert answer.status == 503
    assert "it is not known whether it was" in answer.json["error"]


def meanwhile(monkeypatch: pytest.MonkeyPatch, happening: Callable[[], Awaitable[object]]) -> None:
    """Let something happen once a request has been let in, while its files are on their way."""

    async def after_it(request: web.Request, limit_bytes: int) -> Form:
        await happening()
        return await form_of(request, limit_bytes)

    monkeypatch.setattr(submitting, "form_of", after_it)


async def test_an_account_that_ends_while_the_files_are_on_their_way(
    stage: CmsStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it sends is not taken any more."""
    client = await stage.participant("bert")
    meanwhile(monkeypatch, lambda: stage.play.patch("root", "accounts/account-bert", {"disabled": True}))
    answer = await hand_in(client)
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})
    assert await stage.play.ids("root", "submissions") == []


async def test_a_contest_that_ends_while_the_files_are_on_their_way(
    stage: CmsStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the moment at which it is decided."""
    await stage.at(DURATION - 1)
    client = await stage.participant("bert")
    meanwhile(monkeypatch, lambda: stage.at(OVER))
    answer = await hand_in(client)
    assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})
    assert await stage.play.ids("root", "submissions") == []
