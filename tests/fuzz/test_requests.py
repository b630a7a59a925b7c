"""Every route of the server, as everybody, with anything in every place: never the server's fault, and soon.

What is sent is put together of what routes, filters and bodies have in common; what goes out to other servers (a sync,
a webhook) is left out. Afterwards the server has not grown beyond what it may hold.
"""

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import pytest_asyncio
from aiohttp import ClientError, hdrs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cds.contest_api.live_contest_setup import CONTEST_ID, FROZEN, Play, login_of, make_contest, playing
from tests.cds.contest_api.serving import DEADLINE_S, cloned_database
from tests.effort import CHOSEN_EXAMPLES, PROFILE_EXAMPLES_MAX
from tests.fuzz.request_targets import REQUEST_TARGETS
from tests.leaks.asked import routes_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUESTS = 120 if CHOSEN_EXAMPLES <= PROFILE_EXAMPLES_MAX else 20_000
GROWN_BYTES_MAX = 64 * 1024 * 1024
"""What all these requests may leave behind in the process of the server, whose contest grows with what is accepted."""

WHO = ("public", "team-one", "judge", "staff", "analyst", "proxy", "root")
GOES_OUT = ("/sync", "/webhooks")
"""What would ask or call other servers when the right one asks for it."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TEXTS = st.one_of(
    st.sampled_from([CONTEST_ID, "t1", "apples", "AC", "files.zip", "..", "%00", "nothing", "1:00:00", "{id}"]),
    st.text(max_size=40),
)
QUERIES = (
    *("at", "since_token", "since_id", "types", "strict", "group_id", "frozen", "last_event_id", "page", "match"),
    *("user", "team_id", "problem_id", "judgement_type_id", "fields", "envelope", "override_phase_check", "with"),
)
HEADERS: dict[str, tuple[str, ...]] = {
    hdrs.ACCEPT: ("text/event-stream", "*/*;q=9", "text/html", "\xff"),
    hdrs.ACCEPT_ENCODING: ("gzip", "gzip;q=0", "br, *"),
    hdrs.AUTHORIZATION: ("Basic !", "Bearer x.y.z", "Bearer " + "e30." * 9, "Basic Og=="),
    hdrs.CONTENT_TYPE: (
        *("application/json", "multipart/form-data; boundary=limit", "application/x-www-form-urlencoded"),
        *("text/csv", "application/json; charset=utf-16", ""),
    ),
    hdrs.IF_MATCH: ("*", '"x"', 'W/"', ","),
    hdrs.IF_NONE_MATCH: ("*", '"x", W/"y"', '"'),
    hdrs.IF_MODIFIED_SINCE: ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT"),
    hdrs.LAST_EVENT_ID: ("x", "A" * 34),
    hdrs.RANGE: ("bytes=0-0", "bytes=-1", "bytes=9-1,x"),
    "Idempotency-Key": ("k", "é", ""),
    "X-CMS-Authorization": ("x.y.z", "e30.e30.e30"),
    hdrs.X_FORWARDED_FOR: ("::1, x", "127.0.0.1"),
}
NOT_A_TOKEN = b'{"status":"error","message":"JWT coding error"}'
"""What the League of Code API says, with 500, to what is no token at all (its own words: generic errors)."""

BODIES = [seed for target in REQUEST_TARGETS.values() for seed in target.seeds]


class Sent(msgspec.Struct, frozen=True):
    """One request, as a failing test prints it."""

    who: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


@st.composite
def requests(draw: st.DrawFn, routes: list[str]) -> Sent:
    """A request to some route."""
    canonical = draw(st.sampled_from(routes))
    path = ""
    for part in canonical.split("{"):
        _, ended, rest = part.partition("}")
        known = CONTEST_ID if part.startswith("contest_id") and draw(st.integers(0, 3)) else None
        path += (quote(known or draw(TEXTS) or "x", safe="") + rest) if ended else part
    query = [(name, draw(TEXTS)) for name in draw(st.lists(st.sampled_from(QUERIES), max_size=3))]
    if canonical.endswith("/event-feed"):
        query.append(("stream", "false"))
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
    chosen = draw(st.lists(st.sampled_from(list(HEADERS)), max_size=3, unique=True))
    body = draw(st.one_of(st.none(), st.sampled_from(BODIES), st.binary(max_size=200)))
    return Sent(
        who=draw(st.sampled_from(WHO)),
        method=draw(st.sampled_from(METHODS)),
        path=path + (f"?{text}" if text else ""),
        headers={name: draw(st.sampled_from(HEADERS[name])) for name in chosen},
        body=body,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def play(postgres_dsn_template: str) -> AsyncIterator[Play]:
    """A contest in its freeze, which changes under the requests."""
    async with cloned_database(postgres_dsn_template) as dsn, playing(dsn) as made:
        await make_contest(made)
        await made.at(FROZEN)
        yield made


async def test_nothing_that_is_sent_is_the_servers_fault(play: Play) -> None:
    paths = dict.fromkeys(path for _, path in routes_of(play.server))
    routes = [path for path in paths if not any(each in path for each in GOES_OUT)]
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=REQUESTS,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(requests(routes))
    async def answered(sent: Sent) -> None:
        caller: Any = play.server.caller(login_of(sent.who))
        url = play.server.root + sent.path
        try:
            if hdrs.ACCEPT in sent.headers and "/scoreboard" in sent.path:
                async with caller.session.get(caller.url(url), headers=sent.headers) as response:
                    status, body = response.status, b""  # It may be a stream, which would not end.
            else:
                answer = await caller.ask(sent.method, url, headers=sent.headers, data=sent.body)
                status, body = answer.status, answer.body
        except (ClientError, ValueError):
            return  # Our own client does not send that.
        statuses[status] += 1
        assert status < HTTPStatus.INTERNAL_SERVER_ERROR or body == NOT_A_TOKEN, sent

    tracemalloc.start()
    try:
        await _run(answered)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] <= GROWN_BYTES_MAX
    finally:
        tracemalloc.stop()
    assert {200, 401, 404} <= statuses.keys()


async def _run(test: Any) -> None:
    """A property that is a coroutine, on the loop that is running: hypothesis calls it from a thread of its own."""
    loop = asyncio.get_running_loop()
    inner = test.hypothesis.inner_test

    def called(*arguments: Any, **named: Any) -> None:
        asyncio.run_coroutine_threadsafe(inner(*arguments, **named), loop).result(DEADLINE_S * 2)

    test.hypothesis.inner_test = called
    await asyncio.to_thread(test)
