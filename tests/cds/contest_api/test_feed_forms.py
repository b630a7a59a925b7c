"""The same feed in every form: compressed or not, as lines or as server-sent events, over HTTP/1.1 and HTTP/1.0."""

import pytest
from aiohttp import hdrs

from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.raw_feeds import FEED, GZIP, PLAIN, SSE, events, raw_feed
from tests.cds.contest_api.serving import Running
from tests.cds.contest_api.small_contest import login
from tests.cds.contest_api.test_http import CHIEF, check_error
from tests.cds.fan_out.fake_feeds import unzipped

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("server_sent", [False, True])
async def test_every_form_holds_the_same_lines(
    served: Running, server_sent: bool, compressed: bool, version: str
) -> None:
    lines = await served.caller(CHIEF).lines(FEED)
    headers = (SSE if server_sent else {}) | (GZIP if compressed else {})
    async with raw_feed(served, "?stream=false", headers, version=version) as feed:
        payload = await feed.to_its_end()
    assert feed.status == 200
    assert feed.headers.get(hdrs.CONTENT_ENCODING) == ("gzip" if compressed else None)
    assert feed.headers["Content-Type"] == ("text/event-stream" if server_sent else "application/x-ndjson")
    assert {"Accept", "Accept-Encoding"} <= set(feed.headers["Vary"].split(", "))
    assert feed.headers["X-Accel-Buffering"] == "no"
    assert feed.headers["Cache-Control"] == "no-store"
    content = unzipped(payload, whole=True) if compressed else payload
    if server_sent:
        assert content.startswith(b"retry: ")
        assert [event["data"].encode() for event in events(content)] == lines
        assert [event["id"] for event in events(content)] == [token_of(line) for line in lines]
    else:
        assert content.splitlines() == lines


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("headers", [PLAIN, GZIP, SSE, SSE | GZIP], ids=["plain", "gzip", "sse", "sse gzip"])
async def test_head_tells_the_headers_and_ends(served: Running, headers: dict[str, str], version: str) -> None:
    async with raw_feed(served, "", headers | {"Connection": "close"}, version=version, method="HEAD") as feed:
        assert feed.status == 200
        assert feed.headers["Content-Type"].startswith(
            "text/event-stream" if hdrs.ACCEPT in headers else "application/"
        )
        feed.headers.pop("Transfer-Encoding", None)
        assert await feed.to_its_end() == b""


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("x-gzip", True),
        ("*", False),
        ("gzip;q=0", False),
        ("br", False),
        ("", False),
    ],
)
async def test_only_who_names_gzip_gets_it(served: Running, accepted: str, compressed: bool) -> None:
    async with raw_feed(served, "?stream=false", {hdrs.ACCEPT_ENCODING: accepted}) as feed:
        assert (hdrs.CONTENT_ENCODING in feed.headers) == compressed


@pytest.mark.parametrize(
    ("accept", "server_sent"),
    [
        ("text/event-stream", True),
        ("application/x-ndjson;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0.5, application/x-ndjson", False),
        ("text/event-stream;q=0", False),
        ("*/*", False),
        ("application/json", False),
    ],
)
async def test_events_are_for_those_who_prefer_them(served: Running, accept: str, server_sent: bool) -> None:
    answer = await served.caller().get(f"{FEED}?stream=false", headers={hdrs.ACCEPT: accept})
    assert (answer.headers["Content-Type"] == "text/event-stream") == server_sent


async def test_an_event_source_resumes_behind_what_it_has_seen(served: Running) -> None:
    """Last-Event-ID counts, also where the URL names an earlier token; among lines it means nothing."""
    caller = served.caller(CHIEF)
    lines = await caller.lines(FEED)
    older, newer = token_of(lines[2]), token_of(lines[-3])
    for query in ("", f"&since_token={older}"):
        answer = await caller.get(f"{FEED}?stream=false{query}", headers=SSE | {"Last-Event-ID": newer})
        assert [event["data"].encode() for event in events(answer.body)] == lines[-2:]
    answer = await caller.get(f"{FEED}?stream=false&since_token={newer}", headers=SSE)
    assert [event["data"].encode() for event in events(answer.body)] == lines[-2:]
    answer = await caller.get(f"{FEED}?stream=false&since_token={older}", headers={"Last-Event-ID": newer})
    assert answer.body.splitlines() == lines[3:]


async def test_an_event_source_with_a_wrong_id_is_refused(served: Running) -> None:
    teams = token_of((await served.caller(login("small", "team-one")).lines(FEED))[0])
    for wrong in ("nonsense", teams):
        answer = await served.caller().get(FEED, headers=SSE | {"Last-Event-ID": wrong})
        check_error(answer.status, answer.body, answer.headers["Content-Type"], 400)


async def test_events_can_be_limited_to_types(served: Running) -> None:
    caller = served.caller(CHIEF)
    answer = await caller.get(f"{FEED}?stream=false&types=groups,teams", headers=SSE)
    assert [event["data"].encode() for event in events(answer.body)] == await caller.lines(f"{FEED}?types=groups,teams")
