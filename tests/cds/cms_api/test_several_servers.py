"""Logins over several servers on one database, and over a restart: they rest on nothing that one process has alone."""

import pytest

from cds.cms_api.settings import CmsSettings
from tests.cds.cms_api.stage import ADMIN_TOKEN, BASE, CmsClient, cms_stage
from tests.cds.contest_api.serving import Running, cloned_database, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = 5


def at(server: Running, client: CmsClient) -> CmsClient:
    """The same client, at another server."""
    there = CmsClient(server.caller(), server.root + BASE)
    there.token = client.token
    return there


async def test_a_token_of_one_server_is_good_at_the_other_until_either_ends_it(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as stage:
        clock = stage.play.clock
        async with running(dsn, circumstances=clock, cms=CmsSettings(contest_id="live")) as other:
            for number in range(ROUNDS):
                client = await stage.participant("anna")
                there = at(other, client)
                assert (await there.get("/api/task_list")).status == 200
                changed = await stage.play.ask("root", "PATCH", "accounts/account-anna", {"disabled": True})
                assert changed.status == 200
                assert (await there.get("/api/task_list")).status == 403, number
                await stage.play.patch("root", "accounts/account-anna", {"disabled": False})


async def test_a_token_outlives_the_server_that_made_it(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn:
        async with cms_stage(dsn) as stage:
            ordinary, acting = await stage.participant("anna"), await stage.impersonator("bert")
            clock = stage.play.clock
        kept = CmsSettings(admin_token=ADMIN_TOKEN)
        for settings, still in (
            (kept, 200),
            (CmsSettings(admin_token=f"{ADMIN_TOKEN} anew"), 403),
            (CmsSettings(), 403),
        ):
            async with running(dsn, circumstances=clock, cms=settings) as again:
                assert (await at(again, ordinary).get("/api/task_list")).status == 200
                # Who changes the admin token, or takes it away, wants nobody to act for anybody by the former one.
                assert (await at(again, acting).get("/api/task_list")).status == still


async def test_whoever_acts_at_whichever_server_is_recorded_in_one_log(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as stage:
        settings = CmsSettings(admin_token=ADMIN_TOKEN)
        async with running(dsn, circumstances=stage.play.clock, cms=settings) as other:
            for number in range(ROUNDS):
                await stage.impersonator("anna")
                await at(other, stage.client()).impersonate("bert")
                recorded = [each["account_id"] for each in await stage.audits()]
                assert recorded == ["account-anna", "account-bert"] * (number + 1)
