"""Who may write what: every role, every method, every type, as roles.md gives it, and as `access` says it."""

import pytest

from tests.cds.contest_api.feeds import TYPES
from tests.cds.contest_api.live_contest_setup import EVERYBODY, START, Play, moment, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CONFIGURATION = (
    "judgement-types",
    "languages",
    "problems",
    "groups",
    "organizations",
    "teams",
    "persons",
    "accounts",
)

ALLOWED: dict[str, dict[str, frozenset[str]]] = {
    "public": {},
    "proxy": {"submissions": frozenset({"POST"}), "clarifications": frozenset({"POST"})},
    "team-one": {"submissions": frozenset({"POST"}), "clarifications": frozenset({"POST"})},
    "team-two": {"submissions": frozenset({"POST"}), "clarifications": frozenset({"POST"})},
    "analyst": {"commentary": frozenset({"POST"})},
    "staff": {"commentary": frozenset({"POST"})},
    "judge": {
        "clarifications": frozenset({"POST"}),
        "judgements": ALL - {"DELETE"},
        "runs": ALL - {"DELETE"},
    },
    "chief": {
        **dict.fromkeys(CONFIGURATION, ALL),
        **dict.fromkeys(("judgements", "runs", "awards"), ALL),
        "contest": ALL - {"POST"},
        "state": frozenset({"PATCH"}),
        "submissions": ALL - {"PATCH"},
        "clarifications": ALL - {"PATCH"},
        "commentary": frozenset({"POST", "DELETE"}),
    },
}
"""Typed from roles.md: what each may do."""

CAPABILITIES = {
    "public": set(),
    "proxy": {"proxy_submit", "proxy_clar"},
    "team-one": {"team_submit", "post_clar"},
    "team-two": {"team_submit", "post_clar"},
    "analyst": {"post_comment"},
    "staff": {"post_comment"},
    "judge": {"post_clar"},
    "chief": {"contest_start", "contest_thaw", "post_comment", "admin_submit", "admin_clar"},
}


@pytest.mark.parametrize("who", EVERYBODY)
async def test_what_is_not_allowed_is_refused_and_what_is_allowed_is_looked_into(refusing: Play, who: str) -> None:
    """The body is no JSON: whoever may write is told so (400), or that the object is not there; others never are."""
    for name in TYPES:
        for method in sorted(ALL):
            path = "" if name == "contest" else name
            if name not in ("contest", "state") and method != "POST":
                path += "/nothing"
            allowed = method in ALLOWED[who].get(name, ())
            offered = any(method in rights.get(name, ()) for rights in ALLOWED.values())
            answer = await refusing.ask(who, method, path, b"no JSON")
            where = f"{method} {name} by {who}: {answer.status} {answer.body!r}"
            if allowed:
                assert answer.status in (400, 404, 409), where
            elif not offered:
                assert answer.status == 405 or (who == "public" and answer.status == 401), where
            else:
                assert answer.status == (401 if who == "public" else 403), where


@pytest.mark.parametrize("who", EVERYBODY)
async def test_the_capabilities_that_are_listed_are_those_of_the_role(refusing: Play, who: str) -> None:
    assert set((await refusing.get(who, "access"))["capabilities"]) == CAPABILITIES[who]


async def test_every_capability_that_is_listed_is_what_the_account_can_do(live: Play) -> None:
    done: dict[str, set[str]] = {who: set() for who in EVERYBODY}
    asked = {"text": "May we eat?"}
    for who in ("team-one", "team-two"):
        await live.post(who, "submissions", submission())
        await live.post(who, "clarifications", asked)
        done[who] |= {"team_submit", "post_clar"}
    await live.post("proxy", "submissions", submission(team_id="t1"))
    await live.post("proxy", "clarifications", {**asked, "from_team_id": "t1"})
    done["proxy"] |= {"proxy_submit", "proxy_clar"}
    for who in ("analyst", "staff", "chief"):
        await live.post(who, "commentary", {"message": "Hm", "tags": []})
        done[who].add("post_comment")
    await live.post("judge", "clarifications", {"text": "Yes"})
    done["judge"].add("post_clar")
    await live.post("chief", "submissions", submission(team_id="t1", time=START))
    await live.put("chief", "submissions/s", submission(id="s", team_id="t1", time=START), 201)
    await live.post("chief", "clarifications", {**asked, "time": START})
    await live.put("chief", "clarifications/c", {"id": "c", **asked, "time": START}, 201)
    done["chief"] |= {"admin_submit", "admin_clar"}
    answer = await live.ask("chief", "PATCH", "", {"id": "live", "scoreboard_thaw_time": moment(400)})
    assert answer.status == 204
    done["chief"].add("contest_thaw")
    assert done | {"chief": done["chief"] | {"contest_start"}} == CAPABILITIES


async def test_the_capability_to_start_is_what_the_account_can_do_before_the_start(waiting: Play) -> None:
    later = {"id": "live", "start_time": "2031-05-17T10:30:00.000Z"}
    assert "contest_start" in (await waiting.get("chief", "access"))["capabilities"]
    assert (await waiting.patch("chief", "", later))["start_time"] == later["start_time"]
