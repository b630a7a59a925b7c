"""The sample configuration of nginx does what it is for: lines pass at once, and nobody can claim another's address."""

import json
import ssl
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import hdrs

from tests.acceptance.nginx import NGINX, NGINX_ABSENT, nginx_before
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, append, opened, running
from tests.cds.contest_api.small_contest import altered, small_contest

pytestmark = pytest.mark.skipif(NGINX is None, reason=NGINX_ABSENT)

FEED = "contests/small/event-feed"


async def test_everything_works_through_nginx(
    fresh_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = ip_network("127.0.0.1/32")
    async with (
        running(
            fresh_dsn,
            behind_proxy=True,
            trusted_proxies=(proxy,),
            access_log=True,
            log_format="json",
            keep_alive_s=0.2,
        ) as server,
        nginx_before(server.server.port, tmp_path) as port,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem")))
        ) as session,
    ):
        base = f"https://localhost:{port}/api/"
        caller = Caller(session, base, None)
        assert (await caller.get("contests/small/teams")).body == (
            await server.caller().get("contests/small/teams")
        ).body
        assert await caller.lines(FEED) == await server.caller().lines(FEED)
        async with caller.stream(FEED) as stream:
            await stream.until(len(await server.caller().lines(FEED)))
            async with opened(fresh_dsn) as store:
                await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed"))
            assert (await stream.notification())["data"]["name"] == "Renamed"
            assert await stream.line() == b""
        claimed = {hdrs.X_FORWARDED_FOR: "192.0.2.77", hdrs.FORWARDED: "for=192.0.2.77", "X-Request-ID": "mine"}
        answer = await caller.get("contests", headers=claimed)
        server.server._requests.flush()
        (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"/api/contests"' in line]
        assert line["client"] == "127.0.0.1"
        assert answer.headers.getall("X-Request-ID") == [line["request_id"]]  # type: ignore[attr-defined]  # a multidict
        for asker in (caller, Caller(session, base, SERVER_ADMIN)):
            assert (await asker.get(f"https://localhost:{port}/metrics")).status == 404
        big = await caller.ask("POST", "contests/small/submissions", data=BytesIO(bytes(2 * 1024 * 1024)))
        assert big.status in (401, 413)
        assert big.json["code"] == big.status
