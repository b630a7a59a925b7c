"""The access answer, and that it tells the truth (Contest API, "Access")."""

from collections.abc import Iterator

import pytest

from tests.cds.contest_api.feeds import TYPES, everything
from tests.cds.contest_api.serving import Json, Running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.contest_api.test_http import WRITING, expect_error
from tests.expected_references import REFERENCES

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAPABILITIES = {
    "public": set(),
    "coach": set(),
    "team-one": {"team_submit", "post_clar"},
    "judge": {"post_clar"},
    "proxy": {"proxy_submit", "proxy_clar"},
    "analyst": {"post_comment"},
    "staff": {"post_comment"},
    "chief": {"contest_start", "contest_thaw", "admin_submit", "admin_clar", "post_comment"},
}
"""Typed from roles.md: who has which capability."""

NOT_OFFERED = {
    "public": {"accounts", "commentary"},
    "coach": {"accounts", "commentary"},
    "team-one": {"accounts", "commentary"},
    "proxy": {"accounts", "commentary"},
    "analyst": {"accounts"},
    "judge": {"accounts"},
    "staff": set(),
    "chief": set(),
}
"""Typed from roles.md: which types somebody is never shown."""

HIDDEN_PROPERTIES = {
    "public": {
        "problems": {"package"},
        "teams": {"backup", "key_log", "tool_data"},
        "persons": {"email", "sex", "icpc_id"},
        "submissions": {"entry_point", "files", "account_id"},
    },
    "team-one": {
        "problems": {"package"},
        "teams": {"backup", "key_log", "tool_data"},
        "submissions": {"account_id"},
    },
    "proxy": {
        "problems": {"package"},
        "teams": {"backup", "key_log", "tool_data", "desktop", "webcam", "audio"},
        "persons": {"email", "sex", "icpc_id"},
        "submissions": {"entry_point", "files", "account_id", "reaction"},
    },
    "analyst": {
        "problems": {"package"},
        "persons": {"email", "sex", "icpc_id"},
        "submissions": {"account_id"},
    },
    "judge": {"teams": {"backup", "key_log", "tool_data"}, "submissions": {"account_id"}},
    "staff": {"teams": {"backup", "key_log", "tool_data"}},
    "chief": {},
}
"""Typed from roles.md: which properties of the types that are offered somebody is never shown."""

EVERYBODY = ("public", *ROLE_OF_ACCOUNT)


def properties_of(access: Json) -> dict[str, set[str]]:
    """Type → the properties that an access answer lists."""
    listed: dict[str, set[str]] = {}
    for entry in access["endpoints"]:
        assert entry["type"] not in listed
        assert len(set(entry["properties"])) == len(entry["properties"])
        listed[entry["type"]] = set(entry["properties"])
    return listed


def paths_of(instance: Json, prefix: str = "") -> Iterator[str]:
    """The dotted names of all properties of an object; the members of a list count as one with the list."""
    for name, value in instance.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from paths_of(value, f"{prefix}{name}.")


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("contest_id", ["small", "early", "late"])
async def test_what_is_listed_is_served_and_nothing_else(served: Running, who: str, contest_id: str) -> None:
    caller = served.caller(None if who == "public" else login(contest_id, who))
    listed = properties_of(await caller.json(f"contests/{contest_id}/access"))
    for name in TYPES:
        if name != "contest" and name not in listed:
            await expect_error(caller, "GET", f"contests/{contest_id}/{name}", 404)
    for name, members in (await everything(caller, contest_id)).items():
        for instance in members.values():
            assert set(paths_of(instance)) <= listed[name], (name, instance)


@pytest.mark.parametrize("who", CAPABILITIES)
async def test_roles_are_offered_what_the_decided_table_says(served: Running, who: str) -> None:
    caller = served.caller(None if who == "public" else login("small", who))
    access = await caller.json("contests/small/access")
    assert set(access["capabilities"]) == CAPABILITIES[who]
    listed = properties_of(access)
    assert set(TYPES) - listed.keys() == NOT_OFFERED[who]
    chief = properties_of(await served.caller(login("small", "chief")).json("contests/small/access"))
    hidden = HIDDEN_PROPERTIES["public" if who == "coach" else who]
    for name, properties in listed.items():
        assert chief[name] - properties == hidden.get(name, set()), name


@pytest.mark.parametrize("who", EVERYBODY)
async def test_access_is_referentially_closed(served: Running, who: str) -> None:
    caller = served.caller(None if who == "public" else login("small", who))
    listed = properties_of(await caller.json("contests/small/access"))
    for name, targets in REFERENCES.items():
        for property, target in targets.items():
            if property in listed.get(name, set()):
                assert "id" in listed.get(target, set()), (name, property)
    assert all(properties for properties in listed.values())


@pytest.mark.parametrize("who", EVERYBODY)
async def test_access_depends_neither_on_data_nor_on_the_phase(served: Running, who: str) -> None:
    answers = {
        (
            await served.caller(None if who == "public" else login(contest_id, who)).get(
                f"contests/{contest_id}/access"
            )
        ).body
        for contest_id in ("small", "early", "late")
    }
    assert len(answers) == 1


async def test_a_team_sees_problems_and_team_submit_listed_before_the_start(served: Running) -> None:
    caller = served.caller(login("early", "team-one"))
    access = await caller.json("contests/early/access")
    assert "problems" in properties_of(access)
    assert "team_submit" in access["capabilities"]
    assert await caller.json("contests/early/problems") == []


@pytest.mark.parametrize("who", EVERYBODY)
async def test_without_a_capability_the_write_is_refused(served: Running, who: str) -> None:
    """Whoever has none of the capabilities that allow a write is answered with 401, 403 or 405, and nothing changes."""
    caller = served.caller(None if who == "public" else login("small", who))
    capabilities = set((await caller.json("contests/small/access"))["capabilities"])
    needed = {
        "submissions": {"team_submit", "proxy_submit", "admin_submit"},
        "clarifications": {"post_clar", "proxy_clar", "admin_clar"},
        "commentary": {"post_comment"},
    }
    before = await served.store.heads()
    for name, sufficient in needed.items():
        if not capabilities & sufficient:
            answer = await caller.ask("POST", f"contests/small/{name}", data=b"{}")
            assert answer.status in (401, 403, 405), name
            assert answer.json["code"] == answer.status
    for method in WRITING:
        if who != "chief":
            assert (await caller.ask(method, "contests/small/teams/t1", data=b"{}")).status in (401, 403, 405)
    assert await served.store.heads() == before


async def test_access_and_api_are_not_in_the_feed(served: Running) -> None:
    caller = served.caller(login("small", "chief"))
    await caller.json("contests/small/access")
    await caller.json("")
    types = {line.split(b'"')[3].decode() for line in await caller.lines("contests/small/event-feed")}
    assert types <= set(TYPES)
    assert not types & {"access", "api", "account", "scoreboard", "event-feed", "webhooks"}
