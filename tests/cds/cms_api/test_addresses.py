"""Addresses of participants, and participants that are hidden (CMS ContestWebServer API, 1.3, 3.2 and 4.7)."""

import pytest
from aiohttp import hdrs

from cds.addresses import Client
from cds.admission import let_in
from cds.commands.accounts import networks_of
from schemas.extensions import CmsContest
from schemas.objects import Account
from tests.cds.cms_api.stage import PASSWORDS, CmsClient, CmsStage, cms_stage
from tests.cds.commands.taking_part import contest_with
from tests.cds.contest_api.live_contest_setup import submission
from tests.cds.contest_api.serving import cloned_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = "127.0.0.1"
ELSEWHERE = "198.51.100.7"


async def who(client: CmsClient, **headers: str) -> str | None:
    """Who a client is, by what the login says that may not be repeated for somebody else."""
    answer = await client.ask("POST", "/api/login", data={"username": "\u2026"}, headers=headers)
    if answer.status == 403:
        assert (await client.get("/api/task_list", **headers)).status == 403
        return None
    assert answer.status == 400
    assert (await client.get("/api/task_list", **headers)).status == 200
    said: str = answer.json["error"]
    return said.split()[3]


async def at_address(stage: CmsStage, username: str, address: str | None) -> None:
    """Give the account of a participant an address."""
    await stage.play.patch("root", f"accounts/account-{username}", {"ip": address})


async def test_an_address_logs_in_where_the_contest_says_so_and_wins_over_every_token(stage: CmsStage) -> None:
    client, bert = stage.client(), await stage.participant("bert")
    impersonator = await stage.impersonator("bert")
    await at_address(stage, "anna", HERE)
    assert [await who(each) for each in (client, bert, impersonator)] == [None, "bert", "bert"]
    await stage.say("", ip_autologin=True)
    assert [await who(each) for each in (client, bert, impersonator)] == ["anna"] * 3
    answer = await client.post("/api/login", {"username": "anna"})
    assert answer.json == {"login_data": "Already-Logged-In"}
    assert (await bert.post("/api/login", {})).json == {"login_data": bert.token}
    await stage.play.patch("root", "accounts/account-anna", {"disabled": True})
    assert [await who(each) for each in (client, bert)] == [None, "bert"]


async def test_a_server_that_logs_in_by_address_does_so_here_unless_the_contest_says_no(
    cms_template: str,
) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, auto_login=True) as stage:
        await at_address(stage, "anna", HERE)
        assert await who(stage.client()) == "anna"
        await stage.say("", ip_autologin=False)
        assert await who(stage.client()) is None


async def test_an_address_of_two_participants_logs_nobody_in(stage: CmsStage) -> None:
    bert = await stage.participant("bert")
    await stage.say("", ip_autologin=True)
    for name in ("anna", "bert"):
        await at_address(stage, name, "127.0.0.0/8")
    assert await who(stage.client()) is None
    assert await who(bert) == "bert"


async def test_an_address_does_not_log_in_for_a_page_of_another_host(stage: CmsStage) -> None:
    anna = await stage.participant("anna")
    await stage.say("", ip_autologin=True)
    await at_address(stage, "anna", HERE)
    foreign = {hdrs.ORIGIN: "https://elsewhere.example"}
    assert await who(stage.client(), **foreign) is None
    assert await who(anna, **foreign) == "anna"
    assert await who(stage.client(), **{hdrs.ORIGIN: stage.root}) == "anna"


async def test_only_a_trusted_proxy_says_for_whom_it_asks(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as stage:
        await stage.say("", ip_autologin=True)
        await at_address(stage, "anna", ELSEWHERE)
        assert await who(stage.client(), **{hdrs.X_FORWARDED_FOR: ELSEWHERE}) is None
    trusted = networks_of("127.0.0.0/8")
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, trusted_proxies=trusted) as stage:
        await stage.say("", ip_autologin=True)
        await at_address(stage, "anna", ELSEWHERE)
        await at_address(stage, "bert", HERE)
        assert await who(stage.client(), **{hdrs.X_FORWARDED_FOR: ELSEWHERE}) == "anna"
        assert await who(stage.client(), **{hdrs.X_FORWARDED_FOR: f"{HERE}, {ELSEWHERE}"}) == "anna"
        assert await who(stage.client(), **{hdrs.X_FORWARDED_FOR: f"{ELSEWHERE}, 192.0.2.1"}) is None
        assert await who(stage.client()) is None


async def test_a_login_is_restricted_to_the_addresses_of_the_account(stage: CmsStage) -> None:
    anna, impersonator = await stage.participant("anna"), await stage.impersonator("anna")
    login = {"username": "anna", "password": PASSWORDS["anna"]}
    await at_address(stage, "anna", ELSEWHERE)
    assert await who(anna) == "anna"
    await stage.say("", ip_restriction=True)
    assert await who(anna) is None
    answer = await stage.client().post("/api/login", login)
    assert (answer.status, answer.json) == (403, {"error": "Login failed"})
    assert await who(await stage.participant("bert")) == "bert"
    assert await who(impersonator) == "anna"
    assert await who(await stage.impersonator("anna")) == "anna"
    for several in (f"{ELSEWHERE}, {HERE}", "127.0.0.0/8", f"10.0.0.0/8,{HERE}/32"):
        await at_address(stage, "anna", several)
        assert await who(anna) == "anna"
        assert (await stage.client().post("/api/login", login)).status == 200


async def test_hidden_participations_are_blocked_where_the_contest_says_so(stage: CmsStage) -> None:
    anna, impersonator = await stage.participant("anna"), await stage.impersonator("anna")
    await stage.say("accounts/account-anna", hidden=True)
    assert await who(anna) == "anna"
    await stage.say("", block_hidden_participations=True)
    assert await who(anna) is None
    answer = await stage.client().post("/api/login", {"username": "anna", "password": PASSWORDS["anna"]})
    assert (answer.status, answer.json) == (403, {"error": "Login failed"})
    await at_address(stage, "anna", HERE)
    await stage.say("", block_hidden_participations=True, ip_autologin=True)
    assert await who(stage.client()) is None
    assert await who(impersonator) == "anna"
    assert await who(await stage.impersonator("anna")) == "anna"


@pytest.mark.parametrize(
    ("address", "certain", "ip", "good"),
    [
        ("10.0.0.1", True, None, True),
        ("10.0.0.1", True, "", True),
        ("10.0.0.1", True, "10.0.0.1", True),
        ("10.0.0.1", True, "10.0.0.2,10.0.0.0/30", True),
        ("10.0.0.1", False, "10.0.0.1", False),
        ("10.0.0.5", True, "10.0.0.0/30", False),
        ("::1", True, "10.0.0.0/30", False),
        ("10.0.0.1", True, "the first row", False),
    ],
)
async def test_from_where_a_restricted_participant_may_come(
    address: str, certain: bool, ip: str | None, good: bool
) -> None:
    state = contest_with(CmsContest(ip_restriction=True))
    account = Account(id="account-t1", username="team1", type="team", team_id="t1", ip=ip)
    assert let_in(state, account, Client(address, certain)) is good


async def status_over_contest_api(stage: CmsStage, username: str) -> int:
    """What a participant is answered there, with the right password."""
    caller = stage.play.server.caller((username, PASSWORDS[username]))
    answer = await caller.ask("GET", "contests/live/account")
    if answer.status == 401:
        wrong = await stage.play.server.caller((username, "wrong")).ask("GET", "contests/live/account")
        assert (answer.status, answer.body) == (wrong.status, wrong.body)
        assert answer.headers[hdrs.WWW_AUTHENTICATE] == wrong.headers[hdrs.WWW_AUTHENTICATE]
    return answer.status


async def test_addresses_and_hidden_participations_bind_the_contest_api_too(stage: CmsStage) -> None:
    """Whoever is remembered as somebody who may come is looked at again with each request."""
    await at_address(stage, "anna", ELSEWHERE)
    await stage.say("accounts/account-bert", hidden=True)
    for _ in range(2):
        assert [await status_over_contest_api(stage, name) for name in ("anna", "bert")] == [200, 200]
    await stage.say("", ip_restriction=True, block_hidden_participations=True)
    for _ in range(2):
        assert [await status_over_contest_api(stage, name) for name in ("anna", "bert")] == [401, 401]
    refused = await stage.play.server.caller(("bert", PASSWORDS["bert"])).ask(
        "POST", "contests/live/submissions", json=submission()
    )
    assert refused.status == 401
    # One contest of many that keeps somebody out does not close the list of all.
    listed = await stage.play.server.caller(("bert", PASSWORDS["bert"])).ask("GET", "contests")
    assert listed.status == 200
    # Who judges has an address too, and is bound by it nowhere; who acts for somebody is not bound either.
    await stage.play.patch("root", "accounts/judge", {"ip": ELSEWHERE})
    assert (await stage.play.caller("judge").ask("GET", "contests/live/account")).status in (200, 401)
    assert (await (await stage.impersonator("bert")).get("/api/task_list")).status == 200
    await at_address(stage, "anna", HERE)
    await stage.say("accounts/account-bert", hidden=None)
    assert [await status_over_contest_api(stage, name) for name in ("anna", "bert")] == [200, 200]


async def test_who_is_hidden_is_not_logged_in_by_an_address_over_the_contest_api(cms_template: str) -> None:
    async with cloned_database(cms_template) as dsn, cms_stage(dsn, auto_login=True) as stage:
        await at_address(stage, "anna", HERE)
        await stage.say("accounts/account-anna", hidden=True)
        anybody = stage.play.caller("public")
        assert (await anybody.ask("GET", "contests/live/account")).status == 200
        await stage.say("", block_hidden_participations=True)
        assert (await anybody.ask("GET", "contests/live/account")).status == 404
