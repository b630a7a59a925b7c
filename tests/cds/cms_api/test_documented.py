"""The API of CMS in the one OpenAPI document: what the server answers is what the document says."""

from typing import Any

import pytest
from aiohttp import hdrs
from jsonschema import Draft202012Validator

from cds.cms_api.doorway import BASE
from cds.commands.participation import OPEN_PHASES, Phase
from cds.openapi.cms_endpoints import CMS_API
from tests.cds.cms_api.stage import HEADER, CmsStage
from tests.cds.contest_api.serving import Answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = Any


async def the_document(stage: CmsStage) -> Json:
    """The one document of the server."""
    return await stage.play.caller("public").json("openapi.json")


async def test_every_operation_is_in_it_with_its_phases_and_its_login(stage: CmsStage) -> None:
    whole = await the_document(stage)
    assert whole["components"]["securitySchemes"]["cms"] == {"type": "apiKey", "in": "header", "name": HEADER}
    told = {
        operation["operationId"]: operation
        for path, verbs in whole["paths"].items()
        if path.startswith(BASE)
        for operation in verbs.values()
    }
    assert set(told) == {operation.identifier for operation in CMS_API.operations}
    assert told["cms_submit"]["x-phases"] == sorted(OPEN_PHASES)
    assert told["cms_statement"]["x-phases"] == [phase for phase in sorted(Phase) if phase >= 0]
    assert told["cms_start"]["x-phases"] == sorted(Phase)
    assert told["cms_login"]["security"] == [{}]
    assert "x-phases" not in told["cms_login"]


async def test_there_is_no_second_document(stage: CmsStage) -> None:
    assert (await stage.client("/cms").get("/openapi.json")).status == 404


async def test_answers_keep_it(stage: CmsStage) -> None:
    client = stage.client()
    whole = await the_document(stage)

    def check(path: str, verb: str, answer: Answer) -> None:
        response = whole["paths"][BASE + path][verb]["responses"][str(answer.status)]
        if "$ref" in response:
            response = whole["components"]["responses"][response["$ref"].rpartition("/")[2]]
        kind = answer.headers[hdrs.CONTENT_TYPE].partition(";")[0]
        schema = {**response["content"][kind]["schema"], "components": whole["components"]}
        if kind == "application/json":
            assert [each.message for each in Draft202012Validator(schema).iter_errors(answer.json)] == [], path

    check("/api/login", "post", await client.post("/api/login", {"username": "anna", "password": "wrong"}))
    check("/api/task_list", "get", await client.get("/api/task_list"))
    login = await client.post("/api/login", {"username": "anna", "password": "password of anna"})
    check("/api/login", "post", login)
    client.token = login.json["login_data"]
    sent = await client.send("/api/sum/submit", [("sum.%l", "sum.cpp", b"int main() {}")])
    check("/api/{task}/submit", "post", sent)
    refused = await client.send("/api/sum/submit", [("sum.%l", "sum.xyz", b"")])
    assert (refused.status, set(refused.json)) == (422, {"error", "details"})
    check("/api/{task}/submit", "post", refused)
    check("/start", "post", await client.post("/start"))
    submission_id = sent.json["id"]
    for path, parameters in (
        ("/api/task_list", {}),
        ("/api/{task}/submission_list", {"task": "sum"}),
        ("/tasks/{task}/submissions/{id}", {"task": "sum", "id": submission_id}),
        ("/tasks/{task}/submissions/{id}", {"task": "sum", "id": "nothing"}),
        ("/tasks/{task}/statements/{lang}", {"task": "sum", "lang": "en"}),
        ("/tasks/{task}/submissions/{id}/details", {"task": "sum", "id": submission_id}),
    ):
        check(path, "get", await client.get(path.format(**parameters)))
    for part, status in (("bytes=0-3", 206), ("bytes=9999-", 416)):
        answer = await client.get("/tasks/sum/statements/en", **{hdrs.RANGE: part})
        assert answer.status == status
        check("/tasks/{task}/statements/{lang}", "get", answer)


async def test_the_page_shows_how_to_log_in_and_how_files_are_sent(stage: CmsStage) -> None:
    page = (await stage.play.caller("public").get("docs")).body.decode()
    assert "--data-urlencode 'username=anna'" in page
    assert f'-H "{HEADER}: $LOGIN_DATA"' in page
    assert "-F 'sum.%l=@sum.cpp'" in page
