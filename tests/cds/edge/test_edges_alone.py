"""What the core tells edges alone nobody gets through one: however it is asked for, there is nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import hdrs
from yarl import URL

from cds.contest_api.edge_word import SECRET_HEADER, passing_word
from cds.edge.core import SECRET_REFUSED
from cds.relay.upstream import Asker, Incoming
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, Login
from tests.cds.contest_api.small_contest import login
from tests.cds.edge.edges import SECRET, RunningEdge, Spread, edging, told, until
from tests.cds.relay.relays import relaying

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPELLED = [
    "contests/small/x-viewer",
    "contests/small/x-lines",
    "contests/small/x-lines?role=judge",
    "contests/small/x-lines?role=admin&head=1",
    "contests/small/x-lines/?role=team",
    "contests/small/x%2Dlines?role=judge",
    "contests/small/%78-viewer/",
    "contests%2Fsmall/x-viewer",
    "%63ontests/%73mall/x-lines?role=judge",
    "contests/./small/x-viewer",
    "contests/small//x-lines?role=judge",
    "contests/small/x-lines;a=b?role=judge",
    "contests/small/X-Lines?role=judge",
    "/contests/small/x-lines?role=judge",
    "2023-06/contests/small/x-lines?role=judge",
    "2023-06/contests/small/x-viewer",
    "contests/early/x-viewer",
    "contests/-/x-viewer",
]
METHODS = ["HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]
ABSOLUTE = ["//api/contests/small/x-viewer", "/a/../api/contests/small/x-viewer", "/%61pi/contests/small/x-viewer"]

LOGINS: dict[str, Login | None] = {
    "nobody": None,
    "team": login("small", "team-one"),
    "judge": login("small", "judge"),
    "administrator": SERVER_ADMIN,
}
OF_EDGES = [{}, {SECRET_HEADER: "known"}, {SECRET_HEADER: passing_word(SECRET)}]
"""What a client may bring, who has perhaps read what edges pass on."""


def without_length(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer, of which the length need not be told where there is no body."""
    status, headers, body = told(answer)
    return status, {name: value for name, value in headers.items() if name != hdrs.CONTENT_LENGTH}, body


@pytest.mark.parametrize("name", LOGINS)
async def test_what_is_for_edges_alone_is_nothing_through_one(spread_small: Spread, name: str) -> None:
    core, edge, _ = spread_small.callers(LOGINS[name])
    for path in SPELLED:
        for headers in OF_EDGES if path in SPELLED[:3] else OF_EDGES[:1]:
            expected = await core.get(path)
            assert expected.status in (401, 404), path
            assert told(await edge.get(path, headers=headers)) == told(expected), path
    for method in METHODS:
        for path in SPELLED[:3]:
            there = await core.ask(method, path)
            assert there.status >= 400
            assert without_length(await edge.ask(method, path)) == without_length(there), (method, path)
    for path in ABSOLUTE:
        roots = (spread_small.core.root, spread_small.edges[0].root)
        answers = [await each.get(root + path) for each, root in zip((core, edge), roots, strict=True)]
        assert told(answers[0]) == told(answers[1]), path
        assert answers[0].status in (401, 404)


@asynccontextmanager
async def heard(edge: RunningEdge) -> AsyncIterator[list[tuple[str, Mapping[str, str]]]]:
    """What an edge asks the core within the block: where, and with which headers."""
    upstream, said = edge.server._upstream, list[tuple[str, Mapping[str, str]]]()
    assert upstream is not None
    asked = upstream._asked

    @asynccontextmanager
    async def noted(session: Any, method: str, url: URL, asker: Asker, *more: Any) -> AsyncIterator[Incoming]:
        said.append((str(url), upstream._headers_for(asker)))
        async with asked(session, method, url, asker, *more) as incoming:
            yield incoming

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upstream, "_asked", noted)
        yield said


async def test_edges_and_relays_in_a_row_open_nothing_either(spread_small: Spread, tmp_path: Path) -> None:
    """An edge takes no other for its core, which it could not be known by; a relay is anybody to the one before it."""
    edge = spread_small.edges[0]
    async with relaying(edge.root) as relay, edging(edge.root, spread_small.nats, tmp_path) as behind:
        for path in SPELLED[:5]:
            headers = {SECRET_HEADER: SECRET}
            expected = await spread_small.core.caller().get(path)
            assert told(await relay.caller().get(path, headers=headers)) == told(expected)
            assert (await behind.caller().get(path, headers=headers)).status == 404
        await until(lambda: "small" in behind.contests)
        assert SECRET_REFUSED in behind.server.readiness().reasons
        refused = await behind.caller().get("contests/small/teams")
        assert (refused.status, refused.json["message"]) == (503, SECRET_REFUSED)


async def test_the_secret_is_in_nothing_that_is_passed_on(spread_small: Spread) -> None:
    """Single answers, feeds, boards, files and writes; what the edge asks itself has it, and asks for nothing else."""
    edge = spread_small.edges[0]
    caller = edge.caller()
    async with heard(edge) as said:
        for path in ("access", "teams?strict=1", "event-feed?strict=1&stream=false", "x-settings", "logo/logo.png"):
            await caller.get(f"contests/small/{path}")
        stream: dict[str, str] = {hdrs.ACCEPT: "text/event-stream"}
        async with caller.session.get(f"{edge.base}contests/small/scoreboard?strict=1", headers=stream) as response:
            await response.content.readany()
        await caller.get(f"{edge.root}/cms/small/api/task_list")
        await caller.ask("POST", "contests/small/teams", json={})
        await edge.caller(login("small", "staff")).get("contests/small/access")
    with_secret = [url for url, headers in said if SECRET in headers.values()]
    assert {URL(url).name for url in with_secret} <= {"x-viewer", "x-lines"}
    passed_on = [headers for url, headers in said if url not in with_secret]
    assert len(passed_on) >= 8
    assert {headers.get(SECRET_HEADER) for headers in passed_on} <= {passing_word(SECRET), None}
    assert SECRET not in str(passed_on)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
async def test_what_would_be_sent_back_is_not_passed_on(spread_small: Spread, method: str) -> None:
    """A proxy before the core may answer TRACE with all that we have sent."""
    edge = spread_small.edges[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
    async with heard(edge) as said:
        writer.write(f"{method} /api/contests HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(10):
            answer = await reader.readline()
    writer.close()
    assert answer.split()[1] in (b"404", b"405")
    assert [url for url, _ in said if not url.endswith(("/x-viewer", "/api"))] == []
