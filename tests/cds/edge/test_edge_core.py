"""How an edge asks the core: what it takes for the core's word on its secret, and what for a fault of a client's words.

Something before the core, or the reading of a request there, may refuse what a client has written, before anybody has
looked at the secret.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from unittest.mock import patch

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request

from cds.configuration import Configuration
from cds.contest_api.edge_word import CLIENT_HEADER, KNOWN, OWN_PAGE, PAGE_HEADER, SECRET_HEADER, passing_word
from cds.edge.core import Core, SecretRefused
from cds.relay.askers import LIST_CHARACTERS_MAX, asker_of
from cds.relay.limits import ASKED_AT_ONCE_MAX
from cds.relay.upstream import Asker, Refusal, Unreachable, Upstream
from schemas.edges import EdgeViewer
from tests.cds.edge.edges import SECRET, Spread, until

ANYBODY = Asker(authorization="Basic eDp5")
UNREACHABLE: set[int] = {301, 401, 403, 404, 500, 502}
REFUSED: set[int] = {400, 408, 413, 414, 429, 431}


class Answering:
    """An upstream that answers everything with one status, and knows us or does not say so."""

    base = "http://core/api"

    def __init__(self, status: int, *, knows_us: bool = False) -> None:
        """Which one."""
        self.status = status
        self.headers: Mapping[str, str] = {SECRET_HEADER: KNOWN} if knows_us else {}

    @asynccontextmanager
    async def own_answer(self, *_asked: Any) -> AsyncIterator["Answering"]:
        """The answer is this itself."""
        yield self

    async def read(self) -> bytes:
        """A body."""
        return b"{}"


def core_over(upstream: Answering) -> Core:
    return Core(cast("Upstream", upstream), SECRET, Configuration())


@pytest.mark.parametrize("status", sorted(UNREACHABLE | REFUSED))
async def test_what_a_client_has_written_says_nothing_of_our_secret(status: int) -> None:
    """Nor of the client: that nobody is logged in, or nothing there, only the core says."""
    core = core_over(Answering(status))
    with pytest.raises(Refusal if status in REFUSED else Unreachable) as raised:
        await core.viewer("x" * 9_000, ANYBODY)
    assert not isinstance(raised.value, SecretRefused)
    for ours in (core.anonymous("x"), core.head("x", "public"), core.lines("x", "public", "token")):
        with pytest.raises(Unreachable):
            await ours
    assert not core.secret_refused
    with pytest.raises(SecretRefused if status in {401, 403, 404} else Unreachable) as raised:
        await core.be_known()
    assert isinstance(raised.value, SecretRefused) == core.secret_refused


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_what_the_core_refuses_it_refuses(status: int) -> None:
    core = core_over(Answering(status, knows_us=True))
    with pytest.raises(Refusal) as raised:
        await core.viewer("x", ANYBODY)
    assert raised.value.status == status
    await core.be_known()


async def test_whether_we_are_known_is_asked_apart_from_all_clients() -> None:
    upstream = Answering(404)
    core = core_over(upstream)
    with pytest.raises(SecretRefused):
        await core.be_known()
    with pytest.raises(SecretRefused):
        await core.viewer("x", ANYBODY)
    assert core.secret_refused
    upstream.headers = {SECRET_HEADER: KNOWN}
    with pytest.raises(Refusal):
        await core.viewer("x", ANYBODY)
    assert not core.secret_refused


def test_what_is_asked_on_rests_on_an_address_only_for_who_is_told_apart_by_it() -> None:
    """Those who come with the same are asked for together, by no address; tokens of CMS are for CMS alone."""
    core = core_over(Answering(200))

    def coming(address: str, path: str = "/api/contests/x/event-feed") -> web.Request:
        headers = {"X-CMS-Authorization": "token", hdrs.VIA: "1.1 before"}
        return make_mocked_request("GET", path, headers=headers).clone(remote=address)

    word = {SECRET_HEADER: passing_word(SECRET)}
    there = {**word, CLIENT_HEADER: "192.0.2.1"}
    together, alone = core.asker(coming("192.0.2.1")), core.asker_by_address(coming("192.0.2.1"))
    assert (together.further, together.alone, together.apart) == (there, False, "")
    assert together.later() == Asker(authorization=None, further=word, lasting=word)
    assert alone.later().further == {**there, PAGE_HEADER: OWN_PAGE}
    assert alone.later().later() == alone.later()
    assert alone.apart == core.asker_by_address(coming("192.0.2.1")).apart != core.asker_by_address(coming("::1")).apart
    for path in ("/cms/x/api/task_list", "/api/task_list", "/tasks/a/submissions"):
        asked = core.asker(coming("192.0.2.1", path))
        assert (asked.alone, asked.further["X-CMS-Authorization"]) == (True, "token")


@pytest.mark.parametrize("header", [hdrs.VIA, hdrs.X_FORWARDED_FOR])
def test_of_lists_that_every_hop_adds_to_the_end_is_passed_on(header: str) -> None:
    """That is what is believed, and where a relay finds itself again."""

    def passed_on(*values: str) -> str:
        request: web.Request = make_mocked_request("GET", "/", headers=[(header, each) for each in values])
        asker = asker_of(request.clone(remote="192.0.2.1"))
        return asker.via if header == hdrs.VIA else asker.forwarded_for.removesuffix("192.0.2.1").removesuffix(", ")

    assert passed_on() == ""
    assert passed_on("a,b", " c ,, d") == "a, b, c, d"
    assert passed_on("a" * 8_190) == ""
    assert passed_on("a" * 8_190, "b") == "b"
    hops = [f"hop {number}" for number in range(1_000)]
    told = passed_on(", ".join(hops)).split(", ")
    assert 100 < len(told) < 1_000
    assert told == hops[-len(told) :]
    assert len(", ".join(told)) <= LIST_CHARACTERS_MAX


@pytest.mark.asyncio(loop_scope="session")
async def test_nobody_makes_an_edge_unready_by_what_he_writes(spread_small: Spread) -> None:
    """Also a contest that the edge asks about of its own accord, whose name just gets there."""
    edge = spread_small.edges[0]
    login = "Authorization: Bearer made-up\r\n"
    core = edge.server._core
    assert core is not None
    for path, headers in (
        ("small/teams", f"{login}Via: {'a' * 8_170}\r\n"),
        ("small/teams", f"{login}X-Forwarded-For: {'a' * 8_180}\r\n"),
        ("small/teams", f"{login}Via: {'a, ' * 2_700}\r\nVia: {'b, ' * 2_700}\r\n"),
        ("x" * 8_120 + "/teams", ""),
        ("%22" * 2_700 + "/teams", ""),
        ("é" * 2_000 + "/teams", login),
    ):
        asked = f"GET /api/contests/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        answer = await _answered(edge.server.port, asked.encode())
        assert answer.split()[1] in (b"400", b"401", b"404"), (path[:20], headers[:60], answer)
        assert not core.secret_refused
    ready = await edge.caller().get(f"{edge.root}/readyz")
    assert ready.status == 200


@pytest.mark.asyncio(loop_scope="session")
async def test_names_of_contests_that_are_made_up_hold_nobody_up(spread_small: Spread) -> None:
    """The core is asked about so many at a time; of others it goes on being known who is who."""
    edge = spread_small.edges[0]
    core, goes_on, asked = edge.server._core, asyncio.Event(), list[str]()
    assert core is not None
    await edge.follows("small")
    assert (await edge.caller().get("contests/small/teams?strict=1")).status == 200
    told = core.anonymous

    async def anonymous(contest_id: str) -> EdgeViewer:
        if contest_id.startswith("made-up"):
            asked.append(contest_id)
            await goes_on.wait()
        return await told(contest_id)

    with patch.object(core, "anonymous", anonymous):
        paths = [f"contests/made-up-{number}/teams" for number in range(ASKED_AT_ONCE_MAX + 8)]
        coming = [asyncio.create_task(edge.caller().get(path)) for path in paths]
        await until(lambda: len(asked) == ASKED_AT_ONCE_MAX)
        assert (await edge.caller().get("contests/small/groups?strict=1")).status == 200
        assert len(asked) == ASKED_AT_ONCE_MAX
        goes_on.set()
        assert {each.status for each in await asyncio.gather(*coming)} == {404}


async def _answered(port: int, asked: bytes) -> bytes:
    """The first line of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    return line
