"""Every endpoint for every role over recorded contests, checked against the JSON schemas of the specification."""

from decimal import Decimal

import pytest

from tests.cds.contest_api.feeds import TYPES, without_token
from tests.cds.contest_api.real_contests import (
    REAL_CONTESTS,
    needs_schemas,
    needs_shared_data,
    real_contest,
    team_login,
    teams_with_account,
)
from tests.cds.contest_api.schema_checks import SCHEMA_OF_TYPE, SchemaChecks, decoded
from tests.cds.contest_api.serving import Caller, Running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, TEAM_OF_ACCOUNT, login

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_schemas]

ROLES = ("public", "proxy", "team", "analyst", "judge", "staff", "admin")


SHOWN_TO_TEAMS_OF_THEIR_OWN = {"submissions": {"files"}}
"""Typed from roles.md: what the schema demands and a team sees of its own objects alone."""


async def checks_for(caller: Caller, contest_id: str) -> SchemaChecks:
    """The checks that fit the caller's access."""
    access = decoded((await caller.get(f"contests/{contest_id}/access?strict=1")).body)
    is_team = "team_submit" in access["capabilities"]
    checks = SchemaChecks(access, SHOWN_TO_TEAMS_OF_THEIR_OWN if is_team else None)
    checks.check("access", access, "access")
    return checks


async def check_everything(caller: Caller, contest_id: str) -> SchemaChecks:
    """Check every endpoint that the caller's access lists, and the scoreboard, in strict mode."""
    base = f"contests/{contest_id}"
    access = await caller.json(f"{base}/access")
    checks = await checks_for(caller, contest_id)
    checks.check("api_information", decoded((await caller.get("?strict=1")).body), "api")
    for entry in access["endpoints"]:
        name = entry["type"]
        if name in ("contest", "state"):
            answer = await caller.get((base if name == "contest" else f"{base}/{name}") + "?strict=1")
            assert answer.status == 200
            checks.check(SCHEMA_OF_TYPE[name], decoded(answer.body), name)
        else:
            checks.check_collection(name, decoded((await caller.get(f"{base}/{name}?strict=1")).body), name)
    checks.check("scoreboard", decoded((await caller.get(f"{base}/scoreboard?strict=1")).body), "scoreboard")
    checks.check("contests", decoded((await caller.get("contests?strict=1")).body), "contests")
    account = await caller.get(f"{base}/account?strict=1")
    if account.status == 200:
        checks.check("account", decoded(account.body), "account")
    return checks


async def check_feed(caller: Caller, contest_id: str) -> int:
    """Check every line of the caller's feed; returns how many there are."""
    checks = await checks_for(caller, contest_id)
    lines = await caller.lines(f"contests/{contest_id}/event-feed?strict=1")
    met: set[str] = set()
    for line in lines:
        notification = decoded(without_token(line) + b"}")
        assert notification["type"] in TYPES
        checks.check_notification(notification, line.decode()[:200], whole=notification["type"] not in met)
        met.add(notification["type"])
    return len(lines)


def caller_of_role(server: Running, contest_id: str, role: str) -> Caller:
    """A server account of the role, or the first team that has an account."""
    if role == "team":
        return server.caller(team_login(contest_id, teams_with_account(real_contest(contest_id))[0]))
    return server.of_role(role)


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
async def test_recorded_contests_keep_the_schemas_for_every_role(served_real: Running, contest_id: str) -> None:
    for role in ROLES:
        checks = await check_everything(caller_of_role(served_real, contest_id, role), contest_id)
        assert checks.checked > 10, role


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
async def test_feeds_of_recorded_contests_keep_the_schema_for_every_role(served_real: Running, contest_id: str) -> None:
    for role in ROLES:
        assert await check_feed(caller_of_role(served_real, contest_id, role), contest_id) > 10, role


@pytest.mark.parametrize("who", ["public", *ROLE_OF_ACCOUNT])
@pytest.mark.parametrize("contest_id", ["small", "early", "late"])
async def test_the_small_contest_keeps_the_schemas(served: Running, contest_id: str, who: str) -> None:
    caller = served.caller(None if who == "public" else login(contest_id, who))
    await check_everything(caller, contest_id)
    await check_feed(caller, contest_id)


@pytest.mark.parametrize("contest_id", ["small", "late"])
async def test_a_team_is_shown_the_files_of_its_own_submissions_always(served: Running, contest_id: str) -> None:
    for username, team_id in TEAM_OF_ACCOUNT.items():
        for each in await served.caller(login(contest_id, username)).json(f"contests/{contest_id}/submissions"):
            assert ("files" in each) == ("entry_point" in each) == (each.get("team_id") == team_id), each


async def test_the_checks_find_what_is_wrong(served: Running) -> None:
    """A time without decimals is allowed, one with six is not; a missing property is found where it is listed."""
    access = decoded((await served.of_role("admin").get("contests/small/access")).body)
    checks = SchemaChecks(access)
    judgement = {"id": "j", "submission_id": "s", "start_time": "2031-05-17T08:00:00.000Z"}
    checks.check("judgement", judgement, "good")
    broken_ones = (
        {**judgement, "start_time": "2031-05-17T08:00:00.000000Z"},
        {"id": "j", "submission_id": "s"},
        {**judgement, "max_run_time": Decimal("0.0005")},
    )
    for broken in broken_ones:
        with pytest.raises(AssertionError):
            checks.check("judgement", broken, "broken")
    unlisted = {"endpoints": [{"type": "judgements", "properties": ["id", "submission_id"]}]}
    SchemaChecks(unlisted).check("judgement", {"id": "j", "submission_id": "s"}, "not listed, not required")
