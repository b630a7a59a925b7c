"""Who tries to write, see or become what is not theirs: refused, and in words that tell nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import (
    ACCOUNTS,
    CONTEST,
    NOT_ADMINISTRATORS,
    OTHER,
    ROLES,
    TYPES,
    Attacked,
    attacked_contests,
    done,
    submission,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"
METHODS = ("POST", "PUT", "PATCH", "DELETE")
CONFIGURED = ("judgement-types", "languages", "problems", "groups", "organizations", "teams", "persons", "accounts")

ADMIN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CONFIGURED, METHODS),
    "contest": ("PUT", "PATCH", "DELETE"),
    "state": ("PATCH",),
    "submissions": ("POST", "PUT", "DELETE"),
    "judgements": METHODS,
    "runs": METHODS,
    "clarifications": ("POST", "PUT", "DELETE"),
    "awards": METHODS,
    "commentary": ("POST", "DELETE"),
    "x-settings": ("PATCH",),
}

MAY: dict[str, dict[str, tuple[str, ...]]] = {
    "public": {},
    "team-one": {"submissions": ("POST",), "clarifications": ("POST",)},
    "team-two": {"submissions": ("POST",), "clarifications": ("POST",)},
    "judge": {
        "clarifications": ("POST",),
        "judgements": ("POST", "PUT", "PATCH"),
        "runs": ("POST", "PUT", "PATCH"),
    },
    "analyst": {"commentary": ("POST",)},
    "staff": {"commentary": ("POST",)},
    "proxy": {"submissions": ("POST",), "clarifications": ("POST",)},
    "chief": ADMIN,
    "server-admin": ADMIN,
}
"""What each may write (roles.md), typed from there. Everything else is refused."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


def paths_of(type_name: str, identifier: str) -> dict[str, str]:
    """Where each method on a type goes."""
    if type_name == "contest":
        return dict.fromkeys(("PUT", "PATCH", "DELETE"), BASE)
    if type_name in ("state", "x-settings"):
        return dict.fromkeys(METHODS, f"{BASE}/{type_name}")
    one = f"{BASE}/{type_name}/{identifier}"
    return {"POST": f"{BASE}/{type_name}", "PUT": one, "PATCH": one, "DELETE": one}


@pytest.mark.parametrize("name", ROLES)
async def test_nobody_writes_what_their_role_does_not_allow(attacked: Attacked, name: str) -> None:
    """Every type and method: the body is valid as far as it can be, and never looked at."""
    caller = attacked.everybody[name]
    for type_name in ("contest", "state", "x-settings", *TYPES):
        for method, path in paths_of(type_name, "t1").items():
            if method not in MAY[name].get(type_name, ()):
                await attacked.refused(caller, method, path, 401, 403, 405, json={"id": "t1", "name": "x"})


@pytest.mark.parametrize("name", NOT_ADMINISTRATORS)
async def test_no_account_lifts_itself(attacked: Attacked, name: str) -> None:
    """Neither its type nor its team, password, address or name, nor by another account; and it stays what it was."""
    caller = attacked.everybody[name]
    own = name if name in ACCOUNTS else "team-one"
    before = (await caller.get(f"{BASE}/access")).body
    for changed in (
        {"type": "admin"},
        {"type": "judge"},
        {"team_id": "t2"},
        {"password": "mine"},
        {"username": "admin"},
        {"ip": "127.0.0.1"},
        {"disabled": False},
    ):
        for account in (own, "chief", "nobody"):
            for method in ("PUT", "PATCH"):
                body = {"id": account, "username": account, "type": "team"} | changed
                await attacked.refused(caller, method, f"{BASE}/accounts/{account}", 401, 403, json=body)
        await attacked.refused(
            caller, "POST", f"{BASE}/accounts", 401, 403, json={"username": "new", "type": "admin"} | changed
        )
    for account in ("chief", "judge", "team-two", own):
        await attacked.refused(caller, "DELETE", f"{BASE}/accounts/{account}", 401, 403)
    assert (await caller.get(f"{BASE}/access")).body == before


async def test_a_team_acts_for_no_other_team(attacked: Attacked) -> None:
    team = attacked.everybody["team-one"]
    for body in (
        submission(team_id="t2"),
        submission(team_id="nobody"),
        submission(team_id=""),
        submission(account_id="team-two"),
        submission(account_id="nobody"),
        submission(id="1"),
        submission(time="2026-01-01T00:00:00Z"),
        submission(contest_time="0:00:01"),
    ):
        await attacked.refused(team, "POST", f"{BASE}/submissions", 400, 403, json=body)
    for changed in (
        {"from_team_id": "t2"},
        {"from_team_id": "nobody"},
        {"to_team_ids": ["t2"]},
        {"to_team_ids": ["t1"]},
        {"to_group_ids": ["main"]},
        {"id": "mine"},
        {"time": "2026-01-01T00:00:00Z"},
        {"contest_time": "0:00:01"},
        {"problem_id": "nothing"},
        {"reply_to_id": attacked.made.question_two},
        {"reply_to_id": attacked.made.answer_two},
    ):
        await attacked.refused(team, "POST", f"{BASE}/clarifications", 400, 403, json={"text": "x"} | changed)


async def test_the_reaction_that_a_team_sends_is_not_shown_as_one(attacked: Attacked) -> None:
    """It may be sent (requirement 67); it does not lead anybody anywhere."""
    reaction = [{"href": "http://127.0.0.1/x.m3u8", "filename": "x.m3u8", "mime": "application/vnd.apple.mpegurl"}]
    made = await done(attacked.everybody["team-one"], "POST", f"{BASE}/submissions", submission(reaction=reaction))
    assert "reaction" not in await attacked.everybody["chief"].json(f"{BASE}/submissions/{made['id']}")


async def test_a_query_does_not_change_what_is_written(attacked: Attacked) -> None:
    """Filters are for reading; nor does a header or a parameter change the method."""
    team, chief = attacked.everybody["team-one"], attacked.everybody["chief"]
    path = f"{BASE}/submissions?team_id=t2&account_id=team-two&id=x&time=2026-01-01T00:00:00Z"
    made = await done(team, "POST", path, submission())
    assert (made["team_id"], made["id"].isdecimal()) == ("t1", True)
    position = attacked.position()
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = await chief.ask("GET", f"{BASE}/teams/t1?_method=DELETE", headers={header: "DELETE"})
        assert answer.status == 200
        await attacked.refused(
            team, "POST", f"{BASE}/teams?_method=PUT", 403, json={"id": "t1"}, headers={header: "PUT"}
        )
    assert attacked.position() == position


@pytest.mark.parametrize("name", ACCOUNTS)
async def test_an_account_is_nobody_outside_its_contest(attacked: Attacked, name: str) -> None:
    """Accounts of `elsewhere`, its administrator included, see `duel` as the public does and write nothing there."""
    stranger, public = attacked.strangers[name], attacked.everybody["public"]
    for type_name in ("contest", "state", "x-settings", *TYPES):
        for method, path in paths_of(type_name, "t1").items():
            await attacked.refused(stranger, method, path, 401, 403, 405, json={"id": "t1", "name": "x"})
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        await attacked.refused(stranger, method, "contests/another", 401, 403, 404, 405, json={"id": "another"})
    await attacked.refused(stranger, "POST", "contests", 401, 403, json={"name": "Mine", "duration": "1:00:00"})
    for path in (
        "access",
        "judgements",
        "clarifications",
        "submissions",
        "awards",
        "scoreboard",
        "commentary",
        "accounts",
    ):
        seen, shown = await stranger.get(f"{BASE}/{path}"), await public.get(f"{BASE}/{path}")
        assert (seen.status, seen.body) == (shown.status, shown.body), path


async def test_an_account_with_the_name_of_the_servers_admin_gains_nothing_elsewhere(attacked: Attacked) -> None:
    chief = attacked.everybody["chief"]
    body = {"id": "usurper", "username": "admin", "type": "admin", "password": "a password of mine"}
    await done(chief, "PUT", f"{BASE}/accounts/usurper", body)
    usurper = attacked.server.caller(("admin", "a password of mine"))
    assert (await usurper.json(f"{BASE}/account"))["id"] == "usurper"
    await attacked.refused(usurper, "POST", "contests", 401, 403, json={"name": "Mine", "duration": "1:00:00"})
    await attacked.refused(usurper, "PUT", "contests/another", 401, 403, json={"id": "another"})
    await attacked.refused(usurper, "PATCH", f"contests/{OTHER}/state", 401, json={"ended": "now"})
    await attacked.refused(usurper, "DELETE", f"contests/{OTHER}/teams/t1", 401)
    assert (await attacked.everybody["server-admin"].get(f"contests/{OTHER}/accounts")).status == 200
    assert (await chief.ask("DELETE", f"{BASE}/accounts/usurper")).status == 204


async def test_the_way_a_contest_is_run_is_for_staff_and_administrators(attacked: Attacked) -> None:
    for name, caller in attacked.everybody.items():
        answer = await caller.get(f"{BASE}/x-settings")
        assert answer.status == (
            200 if name in ("staff", "chief", "server-admin") else 401 if name == "public" else 403
        )
    for record in ("x-logins", "x-requests", "x-settings/", "x-logins/team-one", "x-anything"):
        for name in ("public", "team-one", "judge"):
            assert (await attacked.everybody[name].get(f"{BASE}/{record}")).status in (401, 403, 404)
        for method in ("PUT", "POST", "DELETE"):
            await attacked.refused(attacked.everybody["chief"], method, f"{BASE}/{record}", 404, 405, json={"id": "x"})


# --- Repeated requests and conditions.


async def test_the_idempotency_key_of_another_account_is_nobodys_key(attacked: Attacked) -> None:
    """It neither reveals nor repeats what that account has done."""
    one, two = attacked.everybody["team-one"], attacked.everybody["team-two"]
    headers = {"Idempotency-Key": "the very same key"}
    body = {"text": "A secret question"}
    answers = [await each.ask("POST", f"{BASE}/clarifications", json=body, headers=headers) for each in (one, two, one)]
    assert [answer.status for answer in answers] == [201, 201, 201]
    first, second, again = (answer.json for answer in answers)
    assert first == again
    assert (first["from_team_id"], second["from_team_id"]) == ("t1", "t2")
    assert first["id"] != second["id"]
    stranger = attacked.strangers["team-one"]
    await attacked.refused(stranger, "POST", f"{BASE}/clarifications", 401, json=body, headers=headers)
    await attacked.refused(
        attacked.everybody["public"], "POST", f"{BASE}/clarifications", 401, json=body, headers=headers
    )
    await attacked.refused(
        attacked.everybody["analyst"], "POST", f"{BASE}/clarifications", 403, json=body, headers=headers
    )
    await attacked.refused(one, "POST", f"{BASE}/clarifications", 422, json={"text": "Another"}, headers=headers)
    await attacked.refused(one, "POST", f"{BASE}/submissions", 422, json=submission(), headers=headers)


@pytest.mark.parametrize("key", ["", " ", "\t", "é", "x" * 256, "x" * 5000])
async def test_garbage_for_an_idempotency_key_is_refused(attacked: Attacked, key: str) -> None:
    team = attacked.everybody["team-one"]
    headers = {"Idempotency-Key": key}
    await attacked.refused(team, "POST", f"{BASE}/clarifications", 400, json={"text": "x"}, headers=headers)


@pytest.mark.parametrize(
    "tags", ["x", '"x', 'W/"x"', "*, *", '"*"', "", ",", '"' + "x" * 5000 + '"', '"a" "b"', "é", '"x", garbage']
)
async def test_garbage_for_an_entity_tag_changes_nothing(attacked: Attacked, tags: str) -> None:
    chief = attacked.everybody["chief"]
    for method in ("PUT", "PATCH", "DELETE"):
        body = {"id": "north", "name": "Changed"}
        headers = {"If-Match": tags}
        await attacked.refused(chief, method, f"{BASE}/organizations/north", 400, 409, 412, json=body, headers=headers)
    await attacked.refused(
        chief, "POST", f"{BASE}/organizations", 400, 412, json={"name": "New"}, headers={"If-Match": tags}
    )


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "LOCK", "QUERY", "X" * 500])
async def test_a_strange_method_is_refused(attacked: Attacked, method: str) -> None:
    for name in ("public", "team-one", "chief"):
        for path in (BASE, f"{BASE}/teams/t1", f"{BASE}/submissions", f"{BASE}/state", "contests", "", "nothing"):
            if method != "CONNECT":
                await attacked.refused(attacked.everybody[name], method, path, 400, 404, 405)


async def test_looking_at_what_may_be_done_does_nothing(attacked: Attacked) -> None:
    before = attacked.positions()
    for name in ("public", "team-one", "chief"):
        for path in (BASE, f"{BASE}/teams/t1", f"{BASE}/submissions", f"{BASE}/state", "contests"):
            for method in ("HEAD", "OPTIONS"):
                headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "DELETE"}
                answer = await attacked.everybody[name].ask(method, path, headers=headers, json={"id": "x"})
                assert answer.status < 500
                assert answer.body == b""
    assert attacked.positions() == before
