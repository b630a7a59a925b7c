"""Handing in where the contest is only followed: refused through either API, and the source is named."""

from typing import Any

import pytest

from cds.packages.contents import Change
from cds.upstream.options import source_stream
from cds.upstream.status import SourceStatus, State, keep_status
from schemas.object_types import SINGLETON_ID
from schemas.records import Settings
from tests.cds.cms_api.handing_in import hand_in, handed_in
from tests.cds.cms_api.stage import CmsStage
from tests.cds.contest_api.live_contest_setup import submission
from tests.cds.contest_api.serving import append

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = "https://source.example/api/contests/live"
ANNA = "account-anna"


async def follow(stage: CmsStage, state: State = "following", *, clock: bool = False) -> None:
    """The contest is another server's from now on."""
    store, now_us = stage.play.server.store, stage.play.clock.now_us()
    status = SourceStatus(contest_id="live", shadow=None, url=SOURCE, state=state, since_us=now_us, updated_us=now_us)
    await keep_status(store, source_stream("live", None), status)
    position = await append(store, "live", Change("x-settings", SINGLETON_ID, Settings(clock=clock)))
    await stage.play.server.level_with("live", position)


async def test_what_is_handed_in_where_the_contest_is_followed_is_refused_by_both_apis(stage: CmsStage) -> None:
    """It would be overwritten by what the source says; a number once told must not lead to somebody else's."""
    anna, acting = await stage.participant("anna"), await stage.impersonator("anna")
    await handed_in(anna)
    await follow(stage)
    position = await stage.play.position()
    for client in (anna, acting):
        answer = await hand_in(client)
        assert (answer.status, SOURCE in answer.json["error"]) == (403, True)
        started = await client.post("/start")
        assert (started.status, SOURCE in started.json["error"]) == (403, True)
    body: dict[str, Any] = submission(problem_id="sum")
    await stage.play.refused("anna", "POST", "submissions", body, 403, names=SOURCE)
    assert await stage.play.position() == position


@pytest.mark.parametrize(("state", "clock"), [("ended", False), ("following", True), ("unattended", True)])
async def test_what_is_not_followed_any_more_is_this_servers(stage: CmsStage, state: State, *, clock: bool) -> None:
    """When the source has ended, and when the contest has been taken over."""
    await follow(stage, state, clock=clock)
    await handed_in(await stage.participant("anna"))
