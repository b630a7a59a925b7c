"""Where the API of CMS is: below /cms for every contest, and at the root for one (CMS ContestWebServer API, 1.1, 4.10).

And that it is in nobody's way there: every path of the other APIs stays theirs, in errors too.
"""

import pytest
from aiohttp import hdrs

from cds.cms_api.settings import CmsSettings
from cds.error_forms import cms_form, contest_api_form, form_of, plain_form
from tests.cds.cms_api.stage import PASSWORDS, CmsStage, cms_stage
from tests.cds.contest_api.live_contest_setup import data_of
from tests.cds.contest_api.serving import SERVER_ADMIN, cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

MISSING = {"error": "Not found"}
JSON_OF_CMS = "application/json; charset=utf-8"


async def test_one_contest_is_at_the_root_too_with_the_same_tokens(stage: CmsStage) -> None:
    below, at_root = await stage.participant("anna"), await stage.participant("bert", base="")
    below.token, at_root.token = at_root.token, below.token
    assert await below.json("/api/task_list") == await at_root.json("/api/task_list")
    statements = [await each.get("/tasks/sum/statements/en") for each in (below, at_root)]
    assert statements[0].body == statements[1].body
    assert (await at_root.post("/api/login", {"username": "anna"})).status == 200


async def test_a_contest_that_does_not_exist_is_404(stage: CmsStage) -> None:
    login = {"username": "anna", "password": PASSWORDS["anna"]}
    for base in ("/cms/none", "/cms/live%2Fx", "/cms/..", "/cms/LIVE"):
        for answer in (
            await stage.client(base).post("/api/login", login),
            await stage.client(base).get("/api/task_list"),
        ):
            assert answer.status == 404, base
            assert set(answer.json) >= {"error"} or "message" in answer.json


@pytest.mark.parametrize("base", ["/cms/live", ""])
async def test_what_no_route_leads_to_is_told_in_the_form_of_cms(stage: CmsStage, base: str) -> None:
    client = await stage.participant("anna", base=base)
    for method, path, status in (
        ("GET", "/api/login", 405),
        ("DELETE", "/api/task_list", 405),
        ("GET", "/api/sum/submit", 405),
        ("GET", "/tasks/sum", 404),
        ("GET", "/tasks/sum/statements", 404),
        ("GET", "/tasks/sum/nothing", 404),
    ):
        answer = await client.ask(method, path)
        assert answer.status == status, path
        assert list(answer.json) == ["error"], path
        assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS


async def test_the_contest_itself_is_404_in_json(stage: CmsStage) -> None:
    for path in ("", "/", "/api", "/api/", "/nothing"):
        answer = await stage.client().get(path)
        assert (answer.status, list(answer.json)) == (404, ["error"]), path
        assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS


async def test_at_the_root_words_of_other_apis_name_no_task(stage: CmsStage) -> None:
    for name in ("contests", "webhooks", "codeforces", "students", "access"):
        await stage.play.put("root", f"problems/{name}", {"id": name, "label": name[:1], "name": name, "ordinal": 9,
                             "test_data_count": 1, "max_score": 1,
                             "statement": [{"data": data_of(b"%PDF-1.4"), "filename": "a.en.pdf",
                                            "mime": "application/pdf"}]}, 201)  # fmt: skip
        at_root, below = await stage.participant("anna", base=""), await stage.participant("anna")
        answer = await at_root.get(f"/tasks/{name}/statements/en")
        assert (answer.status, answer.json) == (404, MISSING), name
        assert (await below.get(f"/tasks/{name}/statements/en")).status == 200
        for path in (f"/api/{name}/submission_list", f"/api/{name}/submit"):
            method = "GET" if path.endswith("list") else "POST"
            refused = await at_root.ask(method, path)
            assert refused.status in (401, 404, 405), (method, path)


async def test_a_slash_in_a_name_of_a_task_is_part_of_the_name(stage: CmsStage) -> None:
    for base in ("", "/cms/live"):
        client = await stage.participant("anna", base=base)
        for path in ("/tasks/sum%2Fstatements%2Fen", "/tasks/a%2Fb/statements/en", "/tasks/%2E%2E/statements/en"):
            answer = await client.get(path)
            assert answer.status == 404, path
            assert list(answer.json) == ["error"]


async def test_the_other_apis_stay_where_they_are(stage: CmsStage) -> None:
    caller = stage.play.server.caller(SERVER_ADMIN)
    for path, status in (
        ("", 200),
        ("contests", 200),
        ("contests/live", 200),
        ("contests/live/problems", 200),
        ("students", 200),
        ("webhooks", 200),
        ("contests/submit", 404),
        ("contests/live/submit", 404),
        ("contests/live/submission_list", 404),
        ("nothing", 404),
    ):
        answer = await caller.get(path)
        assert answer.status == status, path
        assert status == 200 or set(answer.json) == {"code", "message"}, path
    answer = await caller.get("students/submission_list")
    assert answer.status == 404
    assert list(answer.json) == ["error"]


async def test_without_a_contest_for_it_nothing_is_at_the_root(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, cms=CmsSettings()) as stage:
        client = stage.client("")
        for method, path in (("POST", "/api/login"), ("GET", "/api/task_list"), ("GET", "/tasks/sum/statements/en")):
            answer = await client.ask(method, path)
            assert answer.status == 404
            assert answer.json["code"] == 404
        assert (await (await stage.participant("anna")).get("/api/task_list")).status == 200


async def test_a_contest_for_the_root_may_come_later(cms_template: str) -> None:
    settings = CmsSettings(contest_id="later")
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, cms=settings) as stage:
        answer = await stage.client("").post("/api/login", {"username": "anna", "password": PASSWORDS["anna"]})
        assert (answer.status, answer.json) == (404, MISSING)


@pytest.mark.parametrize(
    ("path", "at_root", "otherwise"),
    [
        ("/cms/live/api/login", cms_form, cms_form),
        ("/cms", cms_form, cms_form),
        ("/cmsx/live", contest_api_form, contest_api_form),
        ("/api/login", cms_form, contest_api_form),
        ("/api/login/", cms_form, contest_api_form),
        ("/api/loginx", contest_api_form, contest_api_form),
        ("/api/task_list", cms_form, contest_api_form),
        ("/api/sum/submit", cms_form, contest_api_form),
        ("/api/a/b/submit", cms_form, contest_api_form),
        ("/api/contests/live/submit", contest_api_form, contest_api_form),
        ("/api/students/submit", plain_form, plain_form),
        ("/api/sum/submission_list", cms_form, contest_api_form),
        ("/api/sum/other", contest_api_form, contest_api_form),
        ("/tasks/sum/statements/en", cms_form, contest_api_form),
        ("/start", cms_form, contest_api_form),
        ("/contests/sync/codeforces", form_of("/contests/sync"), form_of("/contests/sync")),
    ],
)
async def test_which_form_errors_have(path: str, at_root: object, otherwise: object) -> None:
    assert form_of(path, cms_at_root=True) is at_root
    assert form_of(path) is otherwise
