"""Ids and paths that somebody chooses to hurt: refused in the error form, or harmless."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.attacked_contests import (
    CONTEST,
    OTHER,
    ROLES,
    Attacked,
    attacked_contests,
    check_error,
    done,
    submission,
)
from tests.cds.contest_api.feeds import dangling, everything, fold
from tests.cds.contest_api.raw_requests import raw_answer, request_head

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"

BAD_IDS = {
    "%2e": ".",
    "%2e%2e": "..",
    "..%2f..%2faccounts": "../../accounts",
    "a%2fb": "a/b",
    "%5c..%5c": "\\..\\",
    "-begins": "-begins",
    ".begins": ".begins",
    "ends.": "ends.",
    "a%20b": "a b",
    "%20": " ",
    "a%0d%0aX-Injected:%20yes": "a\r\nX-Injected: yes",
    "a%0a": "a\n",
    "%c3%a4": "ä",
    "a%2bb": "a+b",
    "a%7bb%7d": "a{b}",
    "a%22b": 'a"b',
    "a%25b": "a%b",
    "%D9%A1": "١",
    "x" * 37: "x" * 37,
    "x" * 2000: "x" * 2000,
}
"""What is no ID, as it stands in a URL and in a body."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests; what the tests here add to them harms no other test."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


@pytest.mark.parametrize("written", BAD_IDS)
async def test_nothing_gets_an_id_that_is_none(attacked: Attacked, written: str) -> None:
    chief, server_admin = attacked.everybody["chief"], attacked.everybody["server-admin"]
    identifier = BAD_IDS[written]
    for type_name in ("teams", "awards", "submissions", "judgements", "problems"):
        for body in ({"id": identifier}, {"id": written}, {"id": "t1"}, {}):
            complete = {"name": "x", "label": "x", "citation": "x", "team_ids": []} | body
            await attacked.refused(
                chief, "PUT", f"{BASE}/{type_name}/{written}", 400, 404, 405, 409, 414, json=complete
            )
        for method in ("PATCH", "DELETE"):
            path = f"{BASE}/{type_name}/{written}"
            await attacked.refused(chief, method, path, 400, 404, 405, 409, json={"id": identifier})
    contest = {"id": identifier, "name": "x", "duration": "1:00:00", "scoreboard_type": "pass-fail"}
    await attacked.refused(server_admin, "PUT", f"contests/{written}", 400, 404, 405, 409, json=contest)
    await attacked.refused(chief, "POST", f"{BASE}/teams", 400, json={"id": identifier, "name": "x", "label": "x"})


@pytest.mark.parametrize("path", ["", "/", "//", "//t1", "/t1//", "/t1/x", "/t1/../t2", "/t1/photo/x/y", "/%00"])
async def test_a_path_that_leads_nowhere_writes_nothing(attacked: Attacked, path: str) -> None:
    chief = attacked.everybody["chief"]
    for method in ("PUT", "PATCH", "DELETE"):
        body = {"id": "t1", "name": "x", "label": "x"}
        await attacked.refused(chief, method, f"{BASE}/teams{path}", 400, 404, 405, 409, json=body)
    if path not in ("", "/"):
        await attacked.refused(chief, "POST", f"{BASE}/teams{path}", 404, 405, json={"name": "x"})


@pytest.mark.parametrize(
    "path",
    [
        "/api/../../etc/passwd",
        "/../etc/passwd",
        "/api/%2e%2e/%2e%2e/etc/passwd",
        f"/api/{BASE}/teams/t1/photo/..%2f..%2f..%2fetc%2fpasswd",
        f"/api/{BASE}/problems/apples/statement/%2e%2e%2f%2e%2e%2fx",
        f"/api/{BASE}/problems/apples/statement/%00",
        f"/api/{BASE}/problems/apples/statement/statement.pdf%00.png",
        f"/api/{BASE}/submissions/1/files/..",
        f"/api/{BASE}/submissions/1/files/../../2/files/files.zip",
        f"/api/{BASE}/submissions/1/files/..%5c..%5c2",
        f"/api/contests/..%2f{CONTEST}/accounts",
        f"/api/contests/{CONTEST}%2faccounts",
        f"/api/contests/{CONTEST}%00/accounts",
        "/api/contests//accounts",
        "/api//contests",
        "/api/contests/%2e/accounts",
    ],
)
async def test_no_path_leads_out_of_its_place(attacked: Attacked, path: str) -> None:
    """As they stand, without a client that tidies them."""
    for name in ("public", "team-one", "chief"):
        caller = attacked.everybody[name]
        for method in ("GET", "PUT", "DELETE"):
            before = attacked.positions()
            answer = await raw_answer(caller, request_head(caller, method, path, {"Content-Length": "2"}), b"{}")
            check_error(answer, f"{method} {path}")
            assert answer.status in (400, 401, 403, 404, 405, 409), (method, path, answer)
            assert attacked.positions() == before


async def test_ids_that_differ_in_case_are_two(attacked: Attacked) -> None:
    """One cannot be taken for the other, nor be replaced by it."""
    chief = attacked.everybody["chief"]
    team = {"id": "T1", "name": "Not the first", "label": "x"}
    before = await chief.json(f"{BASE}/teams/t1")
    await done(chief, "PUT", f"{BASE}/teams/T1", team)
    assert await chief.json(f"{BASE}/teams/t1") == before
    await attacked.refused(
        attacked.everybody["team-one"], "POST", f"{BASE}/submissions", 403, json=submission(team_id="T1")
    )
    body = {"id": "twin", "username": "TEAM-ONE@duel", "type": "team", "team_id": "T1", "password": "another one"}
    await done(chief, "PUT", f"{BASE}/accounts/twin", body)
    twin, one = attacked.server.caller(("TEAM-ONE@duel", "another one")), attacked.everybody["team-one"]
    assert (await twin.json(f"{BASE}/account"))["team_id"] == "T1"
    assert (await one.json(f"{BASE}/account"))["team_id"] == "t1"
    for path in ("accounts/twin", "teams/T1"):
        assert (await chief.ask("DELETE", f"{BASE}/{path}")).status == 204


async def test_a_number_as_an_id_does_not_run_the_count_of_submissions_over(attacked: Attacked) -> None:
    """However large an id somebody chooses, the next one is an id."""
    chief, team = attacked.everybody["chief"], attacked.everybody["team-one"]
    for identifier in ("9" * 36, "9" * 19, "1" + "0" * 30):
        body = submission(id=identifier, team_id="t1", time="2026-01-01T00:00:00Z")
        await done(chief, "PUT", f"{BASE}/submissions/{identifier}", body)
        made = await done(team, "POST", f"{BASE}/submissions", submission())
        assert len(made["id"]) <= 36
        assert made["id"] not in ("9" * 36, "9" * 19)


async def test_what_happened_in_the_attacks_has_left_both_contests_whole(attacked: Attacked) -> None:
    """Run last: what each role's feed leads to is what GET says, and nothing dangles."""
    for contest_id, callers in ((CONTEST, attacked.everybody), (OTHER, attacked.strangers)):
        for name in ROLES if contest_id == CONTEST else callers:
            seen = await everything(callers[name], contest_id)
            assert fold(await callers[name].lines(f"contests/{contest_id}/event-feed")) == seen, name
            assert not dangling(seen), name
            json.dumps(seen, allow_nan=False)
