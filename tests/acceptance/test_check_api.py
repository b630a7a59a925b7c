"""What the specification's own checker looks at, for every role: each endpoint, a captured feed, and what must fail.

The JSON schemas are those of ../shared. The contest is a simulated one with files of every kind.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from tests.acceptance.chain_contests import Chained, simulated
from tests.cds.contest_api.feeds import everything, file_references, fold, token_of
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.schema_checks import schemas
from tests.cds.contest_api.serving import Caller, Running, cloned_database, fill, running
from tests.cds.contest_api.test_http import expect_error
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_schemas]

ROLES = ("public", "proxy", "team", "analyst", "judge", "staff", "admin")
BASE = "contests/simulated"
FEED = f"{BASE}/event-feed"
CAPTURE_S_MAX = 10.0
SINGLE = ("contest", "state")

each_role = pytest.mark.parametrize("role", ROLES)


class Checked:
    """A server with the contest, and who asks it."""

    def __init__(self, server: Running, contest: Chained) -> None:
        """All of it is started."""
        self.server = server
        self.contest = contest

    def caller(self, role: str) -> Caller:
        """Somebody of the role; the team is the first that has an account."""
        return self.server.caller(self.contest.team_logins[0]) if role == "team" else self.server.of_role(role)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def checked(postgres_dsn_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checked]:
    """The contest on a server as it is set up when nobody says otherwise."""
    contest = simulated(Path(tmp_path_factory.mktemp("checked")))
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [contest.contents])
        async with running(dsn) as server:
            yield Checked(server, contest)


@each_role
async def test_every_endpoint_is_good_and_an_object_is_the_one_in_its_collection(checked: Checked, role: str) -> None:
    """Every endpoint of `access` keeps its schema, ids are unique, and each id leads to its object."""
    caller = checked.caller(role)
    assert (await check_everything(caller, "simulated")).checked > 50
    for entry in (await caller.json(f"{BASE}/access"))["endpoints"]:
        name = entry["type"]
        if name in SINGLE:
            continue
        members = await caller.json(f"{BASE}/{name}")
        assert len({each["id"] for each in members}) == len(members)
        for each in members[:: max(len(members) // 10, 1)]:
            assert await caller.json(f"{BASE}/{name}/{each['id']}") == each


@each_role
async def test_a_captured_feed_is_good(checked: Checked, role: str) -> None:
    """Captured for some seconds without `stream=false`: each line a notification of the schemas, and none is blank."""
    caller = checked.caller(role)
    lines = await caller.lines(FEED)
    captured: list[bytes] = []
    async with caller.stream(FEED) as stream:
        while len(captured) < len(lines):
            captured.append(await stream.line())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await stream.line()
    assert captured == lines
    assert await check_feed(caller, "simulated") == len(lines)
    assert len({token_of(line) for line in lines}) == len(lines)
    for notification in map(json.loads, lines):
        assert notification.keys() == {"type", "id", "data", "token"}
        assert (notification["id"] is None) == (notification["type"] in SINGLE)
    assert checked.server.server.service.keep_alive_s > CAPTURE_S_MAX


@each_role
async def test_the_captured_feed_comes_to_what_the_endpoints_say(checked: Checked, role: str) -> None:
    """Also its state: nothing comes behind the end of updates."""
    caller = checked.caller(role)
    lines = await caller.lines(FEED)
    assert fold(lines) == await everything(caller, "simulated")
    last = json.loads(lines[-1])
    assert last["type"] == "state"
    assert last["data"]["end_of_updates"]
    assert not any((json.loads(line)["data"] or {}).get("end_of_updates") for line in lines[:-1])


@each_role
async def test_every_file_that_is_named_is_there(checked: Checked, role: str) -> None:
    """By its `href` below the base URL, with the type that the reference says."""
    caller = checked.caller(role)
    count = 0
    for members in (await everything(caller, "simulated")).values():
        for reference in file_references(list(members.values())):
            answer = await caller.get(reference["href"])
            assert answer.status == 200, reference
            assert answer.headers["Content-Type"].partition(";")[0] == reference["mime"]
            assert answer.body
            count += 1
    assert count > 20


@each_role
async def test_what_does_not_exist_is_404_and_an_impossible_place_400(checked: Checked, role: str) -> None:
    caller = checked.caller(role)
    names = [entry["type"] for entry in (await caller.json(f"{BASE}/access"))["endpoints"]]
    for path in (
        "contests/doesnt_exist",
        f"{BASE}/doesnt_exist",
        *(f"{BASE}/{name}/doesnt_exist" for name in names if name not in SINGLE),
    ):
        await expect_error(caller, "GET", path, 404)
    for place in ("since_id=999999", "since_token=999999", "since_token=doesnt_exist"):
        await expect_error(caller, "GET", f"{FEED}?{place}", 400)


async def test_the_schemas_are_schemas() -> None:
    """A schema that is none would find everything good."""
    assert len(schemas()) > 30
    for schema in schemas().values():
        Draft202012Validator.check_schema(json.loads(json.dumps(schema, default=float)))
