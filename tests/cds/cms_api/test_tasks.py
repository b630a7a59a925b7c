"""The list of tasks and their statements (CMS ContestWebServer API, 2.2, 2.5, 4.1 to 4.3, 4.11 and 4.12)."""

import pytest
from aiohttp import hdrs

from cds.cms_api.tasks import language_of
from tests.cds.cms_api.stage import PASSWORDS, PDF, TASKS, CmsStage
from tests.cds.contest_api.live_contest_setup import OVER, data_of, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUM = PDF + b"sum"
MISSING = {"error": "Not found"}


async def test_tasks_are_listed_as_the_contract_has_it(stage: CmsStage) -> None:
    """In the order of the contest; a problem of which nothing is said is handed in as one source."""
    answer = await (await stage.participant("anna")).get("/api/task_list")
    assert answer.headers[hdrs.CONTENT_TYPE] == "application/json; charset=utf-8"
    assert answer.json == {
        "tasks": [
            {"name": "prod", "statements": [], "submission_format": ["output_1.txt", "output_2.txt"]},
            {"name": "sum", "statements": ["en", "it"], "submission_format": ["sum.%l"]},
            {"name": "maze", "statements": ["en"], "submission_format": ["maze.%l"]},
        ]
    }


async def test_a_statement_that_says_no_language_is_in_that_of_the_contest(stage: CmsStage) -> None:
    await stage.say("", default_statement_language="hu")
    client = await stage.participant("anna")
    tasks = {task["name"]: task["statements"] for task in (await client.json("/api/task_list"))["tasks"]}
    assert tasks == {"prod": [], "sum": ["en", "it"], "maze": ["hu"]}
    assert (await client.get("/tasks/maze/statements/hu")).body == PDF + b"maze"
    assert (await client.get("/tasks/maze/statements/en")).json == MISSING


async def test_a_statement_is_a_pdf_that_is_shown_under_the_name_of_task_and_language(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    for path, language, content in (
        ("/tasks/sum/statements/en", "en", SUM),
        ("/tasks/sum/statements/it", "it", PDF + b"somma"),
        ("/tasks/sum/statements/en/", "en", SUM),
        ("/tasks/sum/statements/en/whatever/one.likes.pdf", "en", SUM),
    ):
        answer = await client.get(path)
        assert (answer.status, answer.body) == (200, content), path
        assert answer.headers[hdrs.CONTENT_TYPE] == "application/pdf"
        assert answer.headers[hdrs.CONTENT_DISPOSITION] == f'inline; filename="sum.{language}.pdf"'
        assert answer.headers[hdrs.CACHE_CONTROL] == "private, no-cache"
    head = await client.ask("HEAD", "/tasks/sum/statements/en")
    assert (head.status, head.body, head.headers[hdrs.CONTENT_LENGTH]) == (200, b"", str(len(SUM)))


async def test_what_there_is_no_statement_of_is_404_in_json(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    for path in ("sum/statements/fr", "prod/statements/en", "nothing/statements/en", "sum/statements/..%2fen"):
        answer = await client.get(f"/tasks/{path}")
        assert (answer.status, answer.json) == (404, MISSING), path
    answer = await stage.client().get("/tasks/sum/statements/en")
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})


async def test_a_statement_that_one_has_is_not_sent_again(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    path = "/tasks/sum/statements/en"
    tag = (await client.get(path)).headers[hdrs.ETAG]
    again = await client.get(path, **{hdrs.IF_NONE_MATCH: tag})
    assert (again.status, again.body, again.headers[hdrs.ETAG]) == (304, b"", tag)
    statement = {"data": data_of(PDF + b"another"), "filename": "sum.en.pdf", "mime": "application/pdf"}
    await stage.play.patch("root", "problems/sum", {"statement": [statement]})
    changed = await client.get(path, **{hdrs.IF_NONE_MATCH: tag})
    assert (changed.status, changed.body) == (200, PDF + b"another")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=-4000", 206, slice(0, None)),
        ("bytes=3-4000", 206, slice(3, None)),
        ("bytes=4000-", 416, None),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=4-1", 200, slice(None)),
    ],
)
async def test_a_part_of_a_statement(stage: CmsStage, asked: str, status: int, part: slice | None) -> None:
    client = await stage.participant("anna")
    answer = await client.get("/tasks/sum/statements/en", Range=asked)
    assert answer.status == status
    size = len(SUM)
    if part is None:
        assert set(answer.json) == {"error"}
        assert answer.headers[hdrs.CONTENT_RANGE] == f"bytes */{size}"
        return
    assert answer.body == SUM[part]
    first, end, _ = part.indices(size)
    assert answer.headers.get(hdrs.CONTENT_RANGE) == (f"bytes {first}-{end - 1}/{size}" if status == 206 else None)


async def test_a_part_of_a_version_that_is_gone_is_all_of_it(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    path = "/tasks/sum/statements/en"
    tag = (await client.get(path)).headers[hdrs.ETAG]
    assert (await client.get(path, **{hdrs.RANGE: "bytes=0-3", hdrs.IF_RANGE: tag})).status == 206
    assert (await client.get(path, **{hdrs.RANGE: "bytes=0-3", hdrs.IF_RANGE: '"old"'})).status == 200


async def test_statements_stay_to_be_read_when_the_contest_is_over(stage: CmsStage) -> None:
    await stage.at(OVER)
    client = await stage.participant("anna")
    assert (await client.get("/tasks/sum/statements/en")).status == 200
    assert (await client.get("/api/task_list")).status == 403


@pytest.mark.parametrize(
    ("filename", "language"),
    [
        ("sum.en.pdf", "en"),
        ("sum.pt_BR.pdf", "pt_BR"),
        ("sum.zh-Hans.PDF", "zh-Hans"),
        ("sum.klingon.pdf", "klingon"),
        ("statement.it.pdf", "it"),
        ("statement.pdf", None),
        ("sum.pdf", None),
        ("en.pdf", None),
        ("sum..pdf", None),
        ("statement.version2.pdf", None),
        ("sum.en.txt", None),
        ("problem set.v1.0.pdf", None),
    ],
)
async def test_which_language_a_file_name_says(filename: str, language: str | None) -> None:
    assert language_of(filename, "sum") == language


async def test_the_stage_has_its_tasks_in_another_order_than_they_were_made() -> None:
    """Or the order in the list would show nothing."""
    assert [task["id"] for task in TASKS] != sorted((task["id"] for task in TASKS), key=str)
    assert [task["ordinal"] for task in TASKS] != sorted(task["ordinal"] for task in TASKS)


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_statement_that_says_the_usual_language_wins_over_one_that_says_none(
    stage: CmsStage, backwards: bool
) -> None:
    files = [
        {"data": data_of(PDF + name.encode()), "filename": name, "mime": "application/pdf"}
        for name in ("prod.pdf", "prod.en.pdf")
    ]
    await stage.play.patch("root", "problems/prod", {"statement": files[::-1] if backwards else files})
    client = await stage.participant("anna")
    assert (await client.get("/tasks/prod/statements/en")).body == PDF + b"prod.en.pdf"
    tasks = {task["name"]: task["statements"] for task in (await client.json("/api/task_list"))["tasks"]}
    assert tasks["prod"] == ["en"]


async def test_the_languages_of_a_task_bind_the_contest_api_too(stage: CmsStage) -> None:
    """Of teams; whoever forwards what was handed in elsewhere is believed."""
    await stage.say("problems/sum", allowed_languages=["python3"])
    body = submission(problem_id="sum", language_id="cpp")
    team = stage.play.server.caller(("anna", PASSWORDS["anna"]))
    refused = await team.ask("POST", "contests/live/submissions", json=body)
    assert refused.status == 400, refused.body
    assert refused.json["message"] == "language_id cpp is none of the languages of sum (python3)"
    await stage.say("problems/sum", allowed_languages=["python3", "cpp"])
    assert (await team.ask("POST", "contests/live/submissions", json=body)).status == 201
    await stage.say("problems/sum", allowed_languages=[])
    assert (await team.ask("POST", "contests/live/submissions", json=body)).status == 400
