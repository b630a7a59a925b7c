"""Submitting once more under an Idempotency-Key: that a lost answer can be asked for again, whatever holds by then."""

from collections.abc import Mapping

import aiohttp
import pytest

from tests.cds.cms_api.handing_in import CPP, PYTHON, SUBMIT
from tests.cds.cms_api.stage import CmsClient, CmsStage
from tests.cds.contest_api.live_contest_setup import OVER
from tests.cds.contest_api.serving import Answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = {"Idempotency-Key": "the first one of anna"}


async def send(
    client: CmsClient, headers: Mapping[str, str] = KEY, *, content: bytes = CPP[2], query: str = "", path: str = SUBMIT
) -> Answer:
    """Hand in under a key."""
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    form.add_field(CPP[0], content, filename=CPP[1], content_type="application/octet-stream")
    return await client.ask("POST", path + query, headers=headers, data=form)


@pytest.mark.parametrize("limits", [{"min_submission_interval": 600}, {"max_submission_number": 1}])
async def test_a_repeated_submission_is_answered_although_another_would_be_beyond_a_limit(
    stage: CmsStage, limits: dict[str, int]
) -> None:
    await stage.say("problems/sum", **limits)
    client = await stage.participant("anna")
    made = await send(client)
    assert made.status == 200
    again = await send(client)
    assert (again.status, again.json) == (200, made.json)
    assert (await send(client, {"Idempotency-Key": "another"})).status == 422
    assert (await send(client, {})).status == 422
    assert len((await client.json("/api/sum/submission_list"))["list"]) == 1


async def test_it_is_answered_also_when_nothing_may_be_handed_in_any_more(stage: CmsStage) -> None:
    made = await send(await stage.participant("anna"))
    await stage.at(OVER)
    client = await stage.participant("anna")
    again = await send(client)
    assert (again.status, again.json) == (200, made.json)
    for other in ({"Idempotency-Key": "another"}, {}):
        answer = await send(client, other)
        assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})
    assert (await send(await stage.participant("bert"))).status == 403, "a key is everybody's own"
    assert (await client.get("/api/task_list", **KEY)).status == 403, "only what was handed in is asked for again"


async def test_a_key_lets_nobody_look_behind_the_phase(stage: CmsStage) -> None:
    """Before the start a task that exists and one that does not must look the same."""
    await stage.at(-1)
    client = await stage.participant("anna")
    answers = [await send(client, path=f"/api/{task}/submit") for task in ("sum", "nothing")]
    assert [(answer.status, answer.json) for answer in answers] == [(403, {"error": "The contest is not open"})] * 2


async def test_another_request_under_the_key_is_refused(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    assert (await send(client)).status == 200
    assert (await send(client, content=PYTHON[2])).status == 422
    await stage.at(OVER)
    assert (await send(await stage.participant("anna"), content=PYTHON[2])).status == 422


async def test_another_override_is_another_request(stage: CmsStage) -> None:
    client = await stage.impersonator("anna")
    assert (await send(client, query="?override_official=0")).status == 200
    assert (await send(client, query="?override_official=0")).status == 200
    assert (await send(client, query="?override_official=1")).status == 422
