"""An edge answers what the core does, byte for byte, for everybody: objects, collections, scoreboards and files.

What it has views of, it answers by itself.
"""

import gzip
from typing import Any, cast

import pytest
from aiohttp import hdrs

from cds import metrics
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import Role
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Answer,
    Caller,
    Login,
    server_login,
)
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.edge.edges import Spread, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDPOINTS = [row.endpoint for row in OBJECT_TYPES.values() if row.name != "contest"]
SCOREBOARDS = ["scoreboard", "scoreboard?frozen=true", "scoreboard?group_id=g1", "scoreboard?group_id=nobody"]
FILTERED = ["submissions?team_id=t1", "judgements?submission_id=s1", "judgements?submission_id=s4", "teams?icpc_id="]
SINGLE = ["teams/t1", "submissions/s1", "submissions/s4", "problems/nothing", "accounts/staff"]
OUT_OF_VIEWS = ["", *ENDPOINTS, *SCOREBOARDS, *FILTERED, *SINGLE]
PASSED_ON = ["access", "account", "teams?strict=1", "x-settings", "event-feed?at=0:00:00"]

LOGINS: dict[str, tuple[Role, Login | None]] = {
    "nobody": ("public", None),
    **{
        name: (cast("Role", role), login("small", name))
        for name, role in ROLE_OF_ACCOUNT.items()
        if name not in ("team-two", "chief")
    },
    "administrator": ("admin", SERVER_ADMIN),
}


def views_asked() -> float:
    """How many requests edges have answered out of views, or refused."""
    return float(metrics.EDGE_ANSWERS.labels("view")._value.get())


async def compared(callers: list[Caller], path: str) -> Answer:
    """The answer, which all have to give."""
    expected = await callers[0].get(path)
    for edge in callers[1:]:
        assert told(await edge.get(path)) == told(expected), path
    return expected


@pytest.mark.parametrize("name", LOGINS)
async def test_everything_that_is_read_is_the_same_at_core_and_edges(spread_small: Spread, name: str) -> None:
    role, entry = LOGINS[name]
    await spread_small.level("small", role)
    callers = spread_small.callers(entry)
    before = views_asked()
    statuses = [(await compared(callers, f"contests/small/{path}")).status for path in OUT_OF_VIEWS]
    assert views_asked() - before == 2 * len(OUT_OF_VIEWS)
    assert {200, 404} <= set(statuses)
    for path in PASSED_ON:
        await compared(callers, f"contests/small/{path}")


@pytest.mark.parametrize("contest_id", ["early", "late"])
async def test_contests_in_other_phases_too(spread_small: Spread, contest_id: str) -> None:
    for role in ("public", "judge"):
        await spread_small.level(contest_id, role)
        callers = spread_small.callers(server_login(role))
        for path in ("", *ENDPOINTS, *SCOREBOARDS, "event-feed?stream=false"):
            await compared(callers, f"contests/{contest_id}/{path}")


async def test_what_no_contest_or_version_of_ours_is_asked_for_is_passed_on(spread_small: Spread) -> None:
    callers = spread_small.callers(None)
    for path in ("", "contests", "contests/none", "2023-06/contests/small/teams", "contests/small/teams?at=0:30:00"):
        await compared(callers, path)
    past_feeds = [f"contests/{name}/event-feed?stream=false&at=0:10:00" for name in ("small", "none")]
    wrong = [Caller(each.session, each.base, ("chief@small", "wrong")) for each in callers]
    for path in ("contests/small/teams", *past_feeds):
        assert (await compared(wrong, path)).status == 401
    assert [(await compared(callers, path)).status for path in past_feeds] == [400, 404]


async def test_entity_tags_and_compressed_forms_move_with_clients(spread_small: Spread) -> None:
    await spread_small.level("small", "public")
    core, *edges = spread_small.callers(None)
    for path in ("contests/small/teams", "contests/small/scoreboard", "contests/small/state"):
        tag = (await core.get(path)).headers["ETag"]
        for edge in edges:
            assert (await edge.get(path, headers={"If-None-Match": tag})).status == 304
            assert (await edge.get(path, headers={"If-None-Match": '"another"'})).status == 200
            head = await edge.ask("HEAD", path)
            assert (head.status, head.headers["ETag"], head.body) == (200, tag, b"")
    for path in ("contests/small/submissions", "contests/small/submissions?strict=1"):
        asked: dict[str, Any] = {"headers": {"Accept-Encoding": "gzip"}, "auto_decompress": False}
        packed = await core.ask("GET", path, **asked)
        assert packed.headers["Content-Encoding"] == "gzip"
        plain = await core.get(path, headers={"Accept-Encoding": "identity"})
        assert gzip.decompress(packed.body) == plain.body
        for edge in edges:
            assert told(await edge.ask("GET", path, **asked)) == told(packed)


async def test_files_are_given_to_whoever_is_shown_them_and_kept(spread_small: Spread) -> None:
    await spread_small.level("small", "judge")
    core, edge, _ = spread_small.callers(login("small", "judge"))
    problems = await core.json("contests/small/problems")
    hrefs = [file["href"] for each in problems for file in each.get("package", []) + each.get("statement", [])]
    assert hrefs
    kept = metrics.EDGE_ANSWERS.labels("file kept")._value
    for href in hrefs:
        expected, before = await core.get(href), kept.get()
        assert expected.status == 200
        for _ in range(2):
            assert told(await edge.get(href)) == told(expected)
        assert kept.get() == before + 1
        again = await edge.get(href, headers={"If-None-Match": expected.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        _, public, _ = spread_small.callers(None)
        assert told(await public.get(href)) == told(await spread_small.core.caller(None).get(href))


@pytest.mark.parametrize("name", LOGINS)
async def test_feeds_are_the_same_from_the_start_and_behind_any_token(spread_small: Spread, name: str) -> None:
    role, entry = LOGINS[name]
    await spread_small.level("small", role)
    core, *edges = spread_small.callers(entry)
    feed = "contests/small/event-feed"
    for types in ("", "types=teams,submissions", "types=state"):
        lines = await core.lines(f"{feed}?{types}")
        for number in range(-1, len(lines), max(1, len(lines) // 7)):
            token = f"&since_token={token_of(lines[number])}" if number >= 0 else ""
            for edge in edges:
                assert await edge.lines(f"{feed}?{types}{token}") == lines[number + 1 :]
    whole = await core.lines(feed)
    fewer = await core.lines(f"{feed}?types=submissions&since_token={token_of(whole[5])}")
    assert await edges[0].lines(f"{feed}?types=submissions&since_token={token_of(whole[5])}") == fewer
    wanted = {"Accept": "text/event-stream", "Last-Event-ID": token_of(whole[3])}
    events = [(await each.get(f"{feed}?stream=false", headers=wanted)).body for each in (core, *edges)]
    assert [each.split(b"\n\n")[1:] for each in events[1:]] == [events[0].split(b"\n\n")[1:]] * 2
    assert events[0].count(b"data: ") == len(whole) - 4


async def test_tokens_of_others_are_refused_in_the_words_of_the_core(spread_small: Spread) -> None:
    """Made up, of another view, of another contest, of fewer types, and of a place that the log does not have."""
    judge, public = spread_small.callers(login("small", "judge")), spread_small.callers(None)
    feed = "contests/small/event-feed"
    own = token_of((await public[0].lines(feed))[5])
    tokens = [
        token_of((await judge[0].lines(feed))[3]),
        token_of((await public[0].lines("contests/late/event-feed"))[3]),
        token_of((await public[0].lines(f"{feed}?types=teams"))[0]),
        "x" * 34,
        "",
        "A" * 22 + own[22:],
    ]
    for token in tokens:
        refused = await compared(public, f"{feed}?since_token={token}")
        assert refused.status == 400
    team = spread_small.callers(login("small", "team-three"))
    behind = token_of((await team[0].lines(feed))[-1])
    assert (await compared(team, f"{feed}?stream=false&since_token={behind}")).body == b""


async def test_followed_scoreboards_are_the_same(spread_small: Spread) -> None:
    await spread_small.level("small", "public")
    for caller in spread_small.callers(None):
        url = caller.url("contests/small/scoreboard")
        async with caller.session.get(url, headers={"Accept": "text/event-stream"}) as response:
            seen = b""
            while b"data: " not in seen or not seen.endswith(b"\n\n"):
                seen += await response.content.readany()
        board = await spread_small.core.caller().get("contests/small/scoreboard")
        assert board.body in seen
        assert f"id: {board.headers['ETag'].strip(chr(34))}".encode() in seen


async def test_readiness_says_how_far_behind_every_view_is(spread_small: Spread) -> None:
    """Who asks from elsewhere is told of no view: how many lines the jury has shows all that happens in the freeze."""
    await spread_small.level("small", "public")
    edge = spread_small.edges[0]
    await edge.audience("small", "judge")
    ready = await edge.caller().get(f"{edge.root}/readyz")
    assert ready.status == 200
    assert ready.json["nats"]
    assert ready.json["core"]
    views = {(each["contest"], each["role"]): each for each in ready.json["views"]}
    assert views["small", "public"]["messages_behind"] == 0
    assert views["small", "judge"]["lines"] > views["small", "public"]["lines"] > 10
    assert views["small", "public"]["seconds_behind"] < DEADLINE_S
    elsewhere: tuple[dict[str, str], ...] = ({hdrs.X_FORWARDED_FOR: "203.0.113.5"}, {hdrs.HOST: "edge.example"})
    for headers in elsewhere:
        answer = await edge.caller().get(f"{edge.root}/readyz", headers=headers)
        assert answer.status == 200
        told_to_anybody = {"status", "reasons", "pid", "nats", "core", "seconds_behind"}
        assert set(answer.json) == told_to_anybody
        assert answer.json["seconds_behind"] < DEADLINE_S
