"""What an edge has from the core for its clients: files, writes, what it passes on; and who is logged in by address.

The core lets addresses log in and does not trust the edge's, which is in the networks of an account of the jury.
"""

import asyncio
import base64
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import hdrs
from PIL import Image
from structlog.testing import capture_logs
from yarl import URL

from cds.relay.limits import WRITES_OF_ADDRESS_MAX
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Answer,
    Caller,
    Running,
    append,
    cloned_database,
    opened,
    running,
)
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.edge.edges import SECRET, SOON, RunningEdge, edging, published_to, told, until
from tests.nats_servers import nats_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTEST = "contests/small"
SEAT, STRANGER, GUESSER = "10.9.9.1", "203.0.113.5", "203.0.113.6"
EVIL: dict[str, str] = {hdrs.ORIGIN: "https://evil.example"}
OWN_SUBMISSION = f"{CONTEST}/submissions/s6"
"""What the team of the seat alone is shown."""


class Both(msgspec.Struct, frozen=True):
    """A core and an edge of it."""

    core: Running
    edge: RunningEdge

    def callers(self, entry: tuple[str, str] | None = None) -> tuple[Caller, Caller]:
        """The same person at each."""
        return self.core.caller(entry), self.edge.caller(entry)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(small_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    """A core whose accounts have addresses, and an edge that believes what a proxy on this machine says."""
    directory = tmp_path_factory.mktemp("passing")
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned_database(small_template))
        async with opened(dsn) as store:
            for name, address in (("team-one", SEAT), ("judge", "127.0.0.1")):
                await append(store, "small", altered(small_contest(), "accounts", name, ip=address))
        nats = await stack.enter_async_context(nats_server(directory / "nats"))
        trusted = (ip_network("127.0.0.2/32"),)
        core = await stack.enter_async_context(
            running(dsn, keep_alive_s=0.2, auto_login=True, trusted_proxies=trusted, **published_to(nats))
        )
        here = (ip_network("127.0.0.1/32"),)
        limits = msgspec.structs.replace(SOON, viewer_kept_s=2.0)
        edge = await stack.enter_async_context(edging(core.root, nats, directory, limits=limits, trusted_proxies=here))
        await edge.follows("small")
        yield Both(core, edge)


def at(address: str, **headers: str) -> dict[str, str]:
    """The headers of a request that a proxy passes on."""
    return {hdrs.X_FORWARDED_FOR: address, **headers}


async def at_core(both: Both, method: str, path: str, address: str, **more: Any) -> Answer:
    """What the core answers to somebody there, as an edge with the secret asks."""
    told = {"Contest-Edge": SECRET, "Contest-Edge-Client": address, "Contest-Edge-Page": "own"}
    return await both.core.caller().ask(method, path, headers=told, **more)


async def test_who_is_logged_in_by_address_is_so_for_everything(both: Both) -> None:
    """Out of views, passed on, and in writing; and nobody gets what was kept for another."""
    _, edge = both.callers()
    for path in (OWN_SUBMISSION, f"{CONTEST}/account", f"{CONTEST}/access", f"{CONTEST}/submissions?strict=1"):
        seat = await edge.get(path, headers=at(SEAT))
        stranger = await edge.get(path, headers=at(STRANGER))
        foreign = await edge.get(path, headers=at(SEAT, **EVIL))
        assert told(seat) == told(await at_core(both, "GET", path, SEAT)), path
        assert told(stranger)[::2] == told(foreign)[::2]
        assert told(stranger) == told(await at_core(both, "GET", path, STRANGER)), path
        assert seat.body != stranger.body
    asked: dict[str, Any] = {"json": {"text": "May I?"}}
    path = f"{CONTEST}/clarifications"
    assert (await edge.ask("POST", path, headers=at(SEAT), **asked)).status == 201
    assert (await edge.ask("POST", path, headers=at(SEAT, **EVIL), **asked)).status == 403
    assert (await edge.ask("POST", path, headers=at(STRANGER), **asked)).status == 401


async def test_nobody_is_logged_in_by_the_address_of_the_edge(both: Both) -> None:
    """The core would let its own machine in as the jury, and that is where the edge is."""
    core, edge = both.callers()
    assert (await core.get(f"{CONTEST}/account")).json["id"] == "judge"
    nothing: dict[str, str] = {}
    for headers in (at(STRANGER), at("nowhere"), nothing):
        for path in (f"{CONTEST}/account", f"{CONTEST}/accounts"):
            answer = await edge.get(path, headers=headers)
            assert told(answer) == told(await at_core(both, "GET", path, STRANGER))
        made = await edge.ask("POST", f"{CONTEST}/clarifications", headers=headers, json={"text": "Mine?"})
        assert made.status == 401
    # Nor where the core does not know the secret: what the edge says then counts for nothing.
    wrong = {"Contest-Edge": "x" * 40, "Contest-Edge-Client": "127.0.0.1", "Contest-Edge-Page": "own", **EVIL}
    assert (await core.get(f"{CONTEST}/account", headers=wrong)).status == 404


async def test_one_who_guesses_passwords_at_an_edge_slows_down_nobody_else(both: Both) -> None:
    _, edge = both.callers()
    async with asyncio.timeout(DEADLINE_S):
        number, status = 0, 401
        while status != 429:
            assert status == 401
            number += 1
            guess = both.edge.caller(("admin", f"guess {number}"))
            status = (await guess.get(f"{CONTEST}/access", headers=at(GUESSER))).status
    guesser = both.edge.caller(("admin", "guess"))
    assert (await guesser.get(f"{CONTEST}/teams", headers=at(GUESSER))).status == 429
    assert (await guesser.get(f"{CONTEST}/teams", headers=at("203.0.113.9"))).status == 401
    assert (await edge.get(f"{CONTEST}/teams", headers=at(GUESSER))).status == 200


def picture(colour: str) -> dict[str, str]:
    """A logo in a colour, as it is handed in."""
    content = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(content, "PNG")
    return {"filename": "logo.png", "mime": "image/png", "data": base64.b64encode(content.getvalue()).decode()}


async def test_a_file_that_is_replaced_is_replaced_at_once_and_is_asked_for_once(both: Both) -> None:
    """Several ask at the same moment, under the headers of the core, also who has it; an old file is still there."""
    core, edge = both.callers(SERVER_ADMIN)
    public = both.edge.caller()
    for colour, fetches in (("red", 1), ("blue", 1), ("red", 0)):
        made = await edge.ask("PATCH", f"{CONTEST}/organizations/north", json={"logo": [picture(colour)]})
        assert made.status == 200, made.body
        (logo,) = [each for each in made.json["logo"] if each["filename"] == "logo.png"]
        with counted_fetches(both.edge) as fetched:
            answers = await asyncio.gather(*(public.get(logo["href"], headers=at(STRANGER)) for _ in range(5)))
            answers.append(await public.get(logo["href"], headers=at(STRANGER)))
        assert len(fetched) == fetches
        expected = await at_core(both, "GET", logo["href"], STRANGER)
        assert hashlib.md5(expected.body, usedforsecurity=False).hexdigest() == logo["hash"]
        for answer in answers:
            assert told(answer) == told(expected)
        has: dict[str, str] = {hdrs.IF_NONE_MATCH: expected.headers[hdrs.ETAG]}
        unchanged = await core.get(logo["href"], headers=has)
        assert unchanged.status == 304
        assert told(await edge.get(logo["href"], headers=has)) == told(unchanged)
        assert told(await edge.ask("HEAD", logo["href"])) == told(await core.ask("HEAD", logo["href"]))
    missing = f"{CONTEST}/organizations/north/logo/none.png"
    assert told(await edge.get(missing)) == told(await core.get(missing))


@contextmanager
def counted_fetches(edge: RunningEdge) -> Iterator[list[str]]:
    """The files that the edge asks the core for within the block."""
    upstream, urls = edge.server._upstream, list[str]()
    assert upstream is not None
    answer = upstream.answer

    def noted(method: str, url: URL, *more: Any) -> Any:
        urls.append(str(url))
        return answer(method, url, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upstream, "answer", noted)
        yield urls


async def test_bytes_that_are_not_those_of_the_hash_are_not_kept(both: Both) -> None:
    """The view is behind the core, or ahead of one of its workers: the file is passed on as the core gives it."""
    core, edge = both.callers()
    logo = f"{CONTEST}/logo/logo.png"
    audience = await both.edge.audience("small", "public")
    shown = audience.view.shown["contest"]
    ((key, before),) = shown.items()
    said = json.loads(before)
    said["logo"][0]["hash"] = "0" * 32
    shown[key] = json.dumps(said).encode()
    try:
        for _ in range(2):
            with counted_fetches(both.edge) as fetched:
                assert told(await edge.get(logo)) == told(await core.get(logo))
            assert fetched
    finally:
        shown[key] = before


async def test_who_has_what_is_passed_on_is_told_so_in_the_words_of_the_core(both: Both) -> None:
    core, edge = both.callers(SERVER_ADMIN)
    packed: dict[str, str] = {hdrs.ACCEPT_ENCODING: "gzip"}
    path = f"{CONTEST}/teams?strict=1"
    has: dict[str, str] = {hdrs.IF_NONE_MATCH: (await edge.get(path, headers=packed)).headers[hdrs.ETAG], **packed}
    unchanged = await core.get(path, headers=has)
    assert unchanged.status == 304
    assert told(await edge.get(path, headers=has)) == told(unchanged)
    nothing = f"{CONTEST}/../small/none"
    assert told(await edge.get(nothing)) == told(await core.get(nothing))


async def test_what_was_written_is_read_also_where_it_is_passed_on(both: Both) -> None:
    _, edge = both.callers(SERVER_ADMIN)
    for name in ("One name", "Another name"):
        await edge.get("contests")
        await edge.get(f"{CONTEST}/x-settings")
        written = await edge.ask("PATCH", CONTEST, json={"id": "small", "name": name})
        assert written.status == 200, written.body
        (shown,) = [each for each in await edge.json("contests") if each["id"] == "small"]
        assert shown["name"] == name
        wanted = not (await edge.json(f"{CONTEST}/x-settings"))["computed"]
        assert (await edge.ask("PATCH", f"{CONTEST}/x-settings", json={"computed": wanted})).status == 200
        assert (await edge.json(f"{CONTEST}/x-settings"))["computed"] is wanted


async def test_tokens_of_cms_are_passed_on_and_each_is_answered_alone(both: Both) -> None:
    """And who comes from his seat needs none."""
    core, edge = both.callers()
    tasks = "cms/small/api/task_list"
    user, password = login("small", "team-two")
    entry = {"username": user, "password": password}
    token = (await edge.ask("POST", f"{both.edge.root}/cms/small/api/login", data=entry)).json["login_data"]
    with_token = {"X-CMS-Authorization": token}
    let_in = await edge.get(f"{both.edge.root}/{tasks}", headers=with_token)
    assert told(let_in) == told(await core.get(f"{both.core.root}/{tasks}", headers=with_token))
    unknown = await edge.get(f"{both.edge.root}/{tasks}", headers=at(STRANGER))
    assert unknown.status == 403
    assert unknown.body != let_in.body
    assert (await edge.get(f"{both.edge.root}/{tasks}", headers=at(SEAT))).body == let_in.body


async def test_a_body_is_passed_on_as_it_came(both: Both) -> None:
    _, edge = both.callers(SERVER_ADMIN)
    packed = gzip.compress(json.dumps({"name": "Packed " * 40, "label": "9"}).encode())
    headers: dict[str, str] = {hdrs.CONTENT_ENCODING: "gzip", hdrs.CONTENT_TYPE: "application/json"}
    made = await edge.ask("POST", f"{CONTEST}/teams", data=packed, headers=headers)
    assert made.status == 201, made.body
    assert (await edge.json(f"{CONTEST}/teams/{made.json['id']}"))["name"].startswith("Packed Packed")


async def test_slow_writes_of_one_hold_up_neither_readers_nor_the_writes_of_others(both: Both) -> None:
    """More of them than one may have, and all that they do not send is waited for."""
    head = (
        f"POST /v1/account/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {STRANGER}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    slow = [await asyncio.open_connection("127.0.0.1", both.edge.server.port) for _ in range(WRITES_OF_ADDRESS_MAX + 8)]
    upstream = both.edge.server._upstream
    assert upstream is not None
    try:
        for _, writer in slow:
            writer.write(head.encode())
        await until(lambda: any(each.slots.locked() for each in upstream._writing._shares.values()))
        _, edge = both.callers(SERVER_ADMIN)
        assert (await both.edge.caller(login("small", "judge")).get(f"{CONTEST}/teams")).status == 200
        assert (await edge.get(f"{CONTEST}/access", headers=at(STRANGER))).status == 200
        made = await edge.ask(
            "POST", f"{CONTEST}/teams", json={"name": "In time", "label": "8"}, headers=at("203.0.113.9")
        )
        assert made.status == 201
    finally:
        with capture_logs() as logs:
            for _, writer in slow:
                writer.close()
            await until(lambda: not upstream._writing._shares)
    # That their bodies broke off is no fault of the core.
    assert "upstream_lost" not in {each["event"] for each in logs}
