"""A window that has begun stays begun, whatever else is written of the account (CMS ContestWebServer API, 1.5)."""

from typing import Any

import pytest
import pytest_asyncio

from tests.cds.cms_api.stage import PASSWORDS, CmsClient, CmsStage
from tests.cds.contest_api.live_contest_setup import RUNNING, moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT = "accounts/account-anna"
WHOLE = {"id": "account-anna", "username": "anna", "type": "team", "team_id": "t1"}
BEGUN = moment(RUNNING)


@pytest_asyncio.fixture(loop_scope="session")
async def anna(stage: CmsStage) -> CmsClient:
    """A participant whose window of half an hour has begun."""
    await stage.say("", per_user_time=1_800)
    client = await stage.participant("anna")
    assert (await client.post("/start")).json == {"starting_time": BEGUN}
    await stage.at(RUNNING + 10)
    return client


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PATCH", {"ext": {"cms": {"extra_time": 600}}}),
        ("PATCH", {"ext": {"cms": None}}),
        ("PATCH", {"ext": {}}),
        ("PATCH", {"ext": None}),
        ("PATCH", {"name": "Anna"}),
        ("PATCH", {"password": "another password of anna"}),
        ("PUT", WHOLE),
        ("PUT", {**WHOLE, "ext": None}),
        ("PUT", {**WHOLE, "ext": {"cms": {"unrestricted": None, "delay_time": 60}}}),
    ],
)
async def test_what_does_not_speak_of_the_start_leaves_it(
    stage: CmsStage, anna: CmsClient, method: str, body: dict[str, Any]
) -> None:
    answer = await stage.play.ask("root", method, ACCOUNT, body)
    assert answer.status == 200, answer.body
    assert (await stage.play.get("root", ACCOUNT))["ext"]["cms"]["starting_time"] == BEGUN
    client = await stage.client().log_in("anna", body.get("password", PASSWORDS["anna"]))
    assert (await client.get("/api/task_list")).status == 200
    assert (await client.post("/start")).json == {"starting_time": BEGUN}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PATCH", {"ext": {"cms": {"starting_time": None}}}),
        ("PUT", {**WHOLE, "ext": {"cms": {"starting_time": None}}}),
    ],
)
async def test_only_who_says_outright_that_there_was_no_start_takes_it_back(
    stage: CmsStage, anna: CmsClient, method: str, body: dict[str, Any]
) -> None:
    answer = await stage.play.ask("root", method, ACCOUNT, body)
    assert answer.status == 200, answer.body
    assert (await anna.get("/api/task_list")).status == 403
    assert (await anna.post("/start")).json == {"starting_time": moment(RUNNING + 10)}


async def test_another_start_may_be_said(stage: CmsStage, anna: CmsClient) -> None:
    await stage.say(ACCOUNT, starting_time=moment(RUNNING + 5))
    assert (await anna.post("/start")).json == {"starting_time": moment(RUNNING + 5)}


async def test_what_began_goes_with_the_account(stage: CmsStage, anna: CmsClient) -> None:
    assert (await stage.play.ask("root", "DELETE", ACCOUNT)).status == 204
    answer = await stage.play.ask("root", "PUT", ACCOUNT, {**WHOLE, "password": PASSWORDS["anna"]})
    assert "ext" not in answer.json
