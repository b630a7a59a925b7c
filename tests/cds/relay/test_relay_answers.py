"""Everything that is no feed: what a relay passes on, what it keeps and for how long, and what it refuses."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest
from aiohttp import hdrs, web
from yarl import URL

from cds import metrics
from cds.relay.upstream import UpstreamRefused
from tests.cds.contest_api.feeds import everything, fold
from tests.cds.contest_api.real_contests import REAL_CONTESTS
from tests.cds.contest_api.serving import (
    CHANGING_HEADERS,
    DEADLINE_S,
    SERVER_ADMIN,
    Answer,
    Caller,
    Json,
    Running,
    append,
    opened,
    running,
)
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.relay.relays import QUICK, RunningRelay, chained, free_port, relaying
from tests.cds.relay.test_relay_feeds import LOGINS, ON_THE_SHARED_SERVER

FEED = "contests/small/event-feed"
GZIP: dict[str, str] = {hdrs.ACCEPT_ENCODING: "gzip"}
PLAIN: dict[str, str] = {hdrs.ACCEPT_ENCODING: "identity"}

PATHS = (
    "",
    "contests",
    "contests/small",
    "contests/small/",
    "contests/small/teams",
    "contests/small/teams?group_id=main",
    "contests/small/teams/t1",
    "contests/small/state",
    "contests/small/scoreboard",
    "contests/small/scoreboard?at=2999-01-01T00:00:00Z",
    "contests/small/teams?at=2999-01-01T00:00:00Z",
    "contests/small/teams?at=0:00:00",
    "contests/small/event-feed?at=0:00:00",
    "contests/small/access",
    "contests/small/account",
    "contests/small/teams/t1/photo",
    "contests/small/problems/apples/statement/statement.pdf",
    "contests/small/problems/apples/attachments/notes%20for%20you.txt",
    "contests/small/submissions/s1/files",
    "contests/small/nowhere",
    "contests/nowhere/teams",
    "nowhere",
    "openapi.json",
    "docs",
    "../",
    "../contests/small",
    "../static/pages.css",
)


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What is the same each time."""
    return answer.status, {k: v for k, v in answer.headers.items() if k not in CHANGING_HEADERS}, answer.body


@ON_THE_SHARED_SERVER
@pytest.mark.parametrize("name", LOGINS)
async def test_answers_are_those_of_the_source_to_the_last_header(served: Running, name: str) -> None:
    """Every kind of path, compressed and not, asked for twice; and HEAD, and whether it is still the same."""
    async with chained(served) as chain:
        source, _, second = chain.callers(LOGINS[name])
        for path in PATHS:
            there, here = (str(URL(caller.base).join(URL(path, encoded=True))) for caller in (source, second))
            for headers in (PLAIN, GZIP):
                expected = await source.get(there, headers=headers)
                for _ in range(2):
                    assert told(await second.get(here, headers=headers)) == told(expected), path
                head = await second.ask("HEAD", here, headers=headers)
                assert (head.status, head.body) == (expected.status, b"")
                tag = expected.headers.get(hdrs.ETAG)
                if tag is not None:
                    asked = headers | {hdrs.IF_NONE_MATCH: tag}
                    unchanged = await source.get(there, headers=asked)
                    assert unchanged.status == 304
                    assert told(await second.get(here, headers=asked)) == told(unchanged)


@ON_THE_SHARED_SERVER
@pytest.mark.parametrize("contest_id", [contest_id for contest_id, _ in sorted(REAL_CONTESTS.items())])
async def test_real_contests_pass_whole(served_real: Running, contest_id: str) -> None:
    """Every line, every object: as the source has them, for the public and the administrator."""
    feed = f"contests/{contest_id}/event-feed"
    async with chained(served_real) as chain:
        for entry in (None, SERVER_ADMIN):
            source, _, second = chain.callers(entry)
            lines = await second.lines(feed)
            assert lines == await source.lines(feed)
            found = await everything(second, contest_id)
            assert found == await everything(source, contest_id) == fold(lines)


TEAMS = "/api/contests/{contest_id}/teams"
PHOTO = "/api/contests/{contest_id}/teams/{id}/photo"


class Questions:
    """What a source is asked since this was made: a relay's own endpoints have other names."""

    def __init__(self, source: Running) -> None:
        self._source = source
        self._before: dict[str, int] = {}
        self._before = {endpoint: self.since(endpoint) for endpoint in (TEAMS, PHOTO)}

    def since(self, endpoint: str = TEAMS) -> int:
        """How many there were."""
        self._source.server._requests.flush_measurements()
        counts = [metrics.REQUESTS.labels("GET", endpoint, status, "none")._value.get() for status in (200, 304)]
        return int(sum(counts)) - self._before.get(endpoint, 0)


async def test_the_source_is_asked_once_for_many(fresh: Running) -> None:
    """A hundred clients at once are one question; each login and each form is another."""
    async with relaying(fresh.root) as relay:
        questions = Questions(fresh)
        answers = await asyncio.gather(*(relay.caller().get("contests/small/teams") for _ in range(100)))
        assert {answer.status for answer in answers} == {200}
        assert questions.since() == 1
        for entry in (LOGINS["judge"], LOGINS["team-one"]):
            assert (await relay.caller(entry).get("contests/small/teams")).status == 200
        assert (await relay.caller().get("contests/small/teams", headers=PLAIN)).status == 200
        assert questions.since() == 4


async def test_an_answer_is_good_until_its_feed_brings_a_line(fresh: Running, fresh_dsn: str) -> None:
    """Followed, it is not asked for again, however long; after any line it is, and only once."""
    limits = msgspec.structs.replace(QUICK, unfollowed_good_s=0.05)
    async with relaying(fresh.root, limits) as relay:
        caller = relay.caller()
        past = len(await caller.lines(FEED))
        async with caller.stream(FEED) as stream:
            await stream.until(past)
            questions = Questions(fresh)
            before = await asked_thrice(caller, "contests/small/teams")
            assert questions.since() == 1
            async with opened(fresh_dsn) as store:
                await append(store, "small", altered(small_contest(), "teams", "t2", name="New"))
            await stream.notification()
            after = await asked_thrice(caller, "contests/small/teams")
            assert questions.since() == 2
        assert [each["name"] for each in after] == ["New" if each["id"] == "t2" else each["name"] for each in before]


async def asked_thrice(caller: Caller, path: str) -> Json:
    """What GET gives, again and again over a while that is longer than anything is good of itself."""
    answers = []
    for _ in range(3):
        answers.append(await caller.json(path))
        await asyncio.sleep(0.1)
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


async def test_an_answer_that_no_feed_tells_of_is_good_for_a_moment(fresh: Running, fresh_dsn: str) -> None:
    """Then the source is asked whether it still is; what it says anew is told."""
    limits = msgspec.structs.replace(QUICK, unfollowed_good_s=0.2)
    async with relaying(fresh.root, limits) as relay:
        questions = Questions(fresh)
        for _ in range(5):
            await relay.caller().json("contests/small/teams")
        assert questions.since() == 1
        async with opened(fresh_dsn) as store:
            await append(store, "small", altered(small_contest(), "teams", "t2", name="New"))
        async with asyncio.timeout(DEADLINE_S):
            while "New" not in [each["name"] for each in await relay.caller().json("contests/small/teams")]:
                await asyncio.sleep(0.02)
        assert questions.since() >= 2


async def test_a_large_file_goes_through_without_being_kept(fresh: Running) -> None:
    limits = msgspec.structs.replace(QUICK, kept_answer_bytes_max=50)
    async with relaying(fresh.root, limits) as relay:
        questions = Questions(fresh)
        expected = await fresh.caller().get("contests/small/teams/t1/photo")
        assert len(expected.body) > 50
        for _ in range(3):
            assert told(await relay.caller().get("contests/small/teams/t1/photo")) == told(expected)
        assert questions.since(PHOTO) == 4
        unchanged = await relay.caller().get(
            "contests/small/teams/t1/photo", headers={hdrs.IF_NONE_MATCH: expected.headers[hdrs.ETAG]}
        )
        assert (unchanged.status, unchanged.body) == (304, b"")


async def test_what_is_kept_is_bounded(fresh: Running) -> None:
    """The oldest answers go; those that are asked for are right all the same."""
    limits = msgspec.structs.replace(QUICK, kept_answers_bytes_max=10_000)
    async with relaying(fresh.root, limits) as relay:
        for _ in range(2):
            for name in ("teams", "problems", "languages", "submissions", "judgement-types", "groups", "awards"):
                path = f"contests/small/{name}"
                assert told(await relay.caller().get(path)) == told(await fresh.caller().get(path))
        assert 0 < metrics.RELAY_ANSWERS_BYTES._value.get() <= 10_000


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@ON_THE_SHARED_SERVER
async def test_writing_is_refused_and_the_source_is_named(served: Running, method: str) -> None:
    async with relaying(served.root) as relay:
        for path in ("contests", "contests/small/submissions", FEED, "../contests/small"):
            answer = await relay.caller(SERVER_ADMIN).ask(method, path, json={})
            assert answer.status == HTTPStatus.FORBIDDEN
            assert f"{served.root}/api" in answer.json["message"]
        refused = await relay.caller(SERVER_ADMIN).ask(method, f"{relay.root}/cms/small/api/login", json={})
        assert refused.status == HTTPStatus.FORBIDDEN
        assert list(refused.json) == ["error"], "errors below /cms have the one property that those of CMS have"
        assert f"{served.root}/api" in refused.json["error"]


@ON_THE_SHARED_SERVER
async def test_pages_of_other_hosts_may_ask(served: Running) -> None:
    """The preflight of a browser is answered by the relay, and every answer may be read by any page."""
    async with relaying(served.root) as relay:
        preflight = await relay.caller().ask("OPTIONS", "contests/small/teams")
        assert (preflight.status, preflight.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN]) == (204, "*")
        answer = await relay.caller().get("contests/small/teams")
        assert [value for name, value in answer.headers.items() if name == hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] == ["*"]


async def test_a_relay_logs_nobody_in_by_its_own_address(fresh_dsn: str) -> None:
    """The source lets addresses log in, and the relay's is that of a judge: its clients are the public all the same."""
    async with running(fresh_dsn, auto_login=True) as source:
        async with opened(fresh_dsn) as store:
            await append(store, "small", altered(small_contest(), "accounts", "judge", ip="127.0.0.1"))
        async with asyncio.timeout(DEADLINE_S):
            while (await source.caller().get("contests/small/account")).status != 200:
                await asyncio.sleep(0.02)
        async with relaying(source.root) as first, relaying(first.root) as second:
            for relay in (first, second):
                assert (await relay.caller().get("contests/small/account")).status == 404
                lines = await relay.caller().lines(FEED)
                assert not [line for line in lines if line.startswith(b'{"type":"runs","id":"j4')]
                assert len(lines) < len(await source.caller().lines(FEED))


async def test_the_source_learns_for_whom_it_is_asked(fresh_dsn: str) -> None:
    """Guesses through a relay that the source trusts slow down the one who guesses, not the relay."""
    async with running(fresh_dsn, trusted_proxies=(ip_network("127.0.0.1"),)) as source, relaying(source.root) as relay:
        guesser, other = forwarded_for("192.0.2.1"), forwarded_for("192.0.2.2")
        path = "contests/small/teams"
        async with asyncio.timeout(DEADLINE_S):
            number = 0
            while (await relay.caller(("admin", f"guess {number}")).get(path, headers=guesser)).status != 429:
                number += 1
        assert (await relay.caller(("admin", "guess again")).get(path, headers=guesser)).status == 429
        assert (await relay.caller(("admin", "guess again")).get(path, headers=other)).status == 401
        assert (await relay.caller(SERVER_ADMIN).get(path, headers=other)).status == 200


def forwarded_for(address: str) -> dict[str, str]:
    """The header of a proxy that asks for somebody at an address."""
    return {hdrs.X_FORWARDED_FOR: address}


async def test_a_loop_is_found(fresh: Running) -> None:
    """A relay whose upstream is itself, in the end."""
    port = free_port()
    async with relaying(f"http://127.0.0.1:{port}", port=port) as relay:
        for path in ("contests", FEED):
            assert (await relay.caller().get(path)).status in (503, 508)


@ON_THE_SHARED_SERVER
async def test_dots_lead_nowhere(served: Running) -> None:
    async with relaying(served.root) as relay:
        for path in ("/api/../metrics", "/api/%2e%2e/metrics", "/api/contests/./small", "/../readyz"):
            assert await status_of(relay, path) == 404


async def status_of(relay: RunningRelay, path: str) -> int:
    """The status of the answer to a path that no client would send as it is written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.server.port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


@ON_THE_SHARED_SERVER
async def test_readiness_health_and_metrics(served: Running) -> None:
    async with relaying(served.root) as relay:
        ready = await relay.caller().get(f"{relay.root}/readyz")
        assert (ready.status, ready.json["status"], ready.json["upstream"]) == (200, "ready", f"{served.root}/api")
        elsewhere = await relay.caller().get(f"{relay.root}/readyz", headers=forwarded_for("192.0.2.1"))
        assert (elsewhere.status, set(elsewhere.json)) == (200, {"status", "reasons", "pid"})
        assert (await relay.caller().get(f"{relay.root}/healthz")).status == 200
        await relay.caller().lines(FEED)
        text = (await relay.caller().get(f"{relay.root}/metrics")).body
        assert b"cds_relay_lines_total" in text
        assert b"cds_relay_upstream_reachable 1.0" in text
        through_a_proxy = forwarded_for("192.0.2.1")
        assert (await relay.caller().get(f"{relay.root}/metrics", headers=through_a_proxy)).status == 403


async def test_a_relay_may_be_there_before_its_source(fresh_dsn: str) -> None:
    port = free_port()
    async with relaying(f"http://127.0.0.1:{port}") as relay:
        assert (await relay.caller().get(f"{relay.root}/readyz")).status == 503
        assert (await relay.caller().get("contests")).status == 503
        async with running(fresh_dsn, port=port) as source:
            assert await relay.caller().lines(FEED) == await source.caller().lines(FEED)
            assert (await relay.caller().get(f"{relay.root}/readyz")).status == 200


async def test_another_kind_of_server_is_refused() -> None:
    """At the start with a clear message; when it comes later, the relay stops by itself."""
    async with foreign_server() as root:
        with pytest.raises(UpstreamRefused, match="--any-upstream"):
            async with relaying(root):
                pass
        async with relaying(root, any_provider=True) as relay:
            assert (await relay.caller().json(""))["version"] == "2022-07"
    port = free_port()
    async with relaying(f"http://127.0.0.1:{port}") as relay, foreign_server(port):
        async with asyncio.timeout(DEADLINE_S):
            await relay.server.stopping.wait()
        assert isinstance(relay.server.refused, UpstreamRefused)
        assert (await relay.caller().get(FEED)).status == 503


@asynccontextmanager
async def foreign_server(port: int = 0) -> AsyncIterator[str]:
    """A server of the Contest API that is none of ours; its root."""

    async def information(_request: web.Request) -> web.Response:
        return web.json_response({"version": "2022-07", "provider": {"name": "another"}})

    application = web.Application()
    application.router.add_get("/api", information)
    application.router.add_get("/api/", information)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_source_with_a_certificate_of_its_own(fresh_dsn: str, tmp_path: Path) -> None:
    """It is relayed where its certificate is named, and is as good as away where it is not."""
    async with running(fresh_dsn, tls_self_signed=True, data_dir=tmp_path) as source:
        root = f"https://127.0.0.1:{source.server.port}"
        trusted = ssl.create_default_context(cafile=tmp_path / "tls.pem")
        async with relaying(root, trusted=trusted) as relay:
            names = [each["name"] for each in await relay.caller().json("contests/small/teams")]
            assert "Älpha" in names
            assert await relay.caller().lines(FEED)
        async with relaying(root) as relay:
            for path in ("contests", FEED):
                assert (await relay.caller().get(path)).status == 503
