"""Headers whose bytes are no text: an edge answers them as the core does, and neither is shaken by them."""

from http import HTTPStatus
from itertools import product

import pytest
from aiohttp import hdrs

from cds.cms_api.answers import AUTHORIZATION as CMS_AUTHORIZATION
from tests.cds.contest_api.raw_requests import path_of, raw_answer, request_head
from tests.cds.edge.edges import Spread, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_TEXT = b"\xff\xfe"
OF_A_LENGTH = (
    "contests",
    "contests/small/teams",
    "contests/small/access",
    "contests/small/scoreboard?strict=1",
    "2023-06/contests/small/teams",
)
PATHS = (*OF_A_LENGTH, "contests/small/event-feed?stream=false", "contests/small/event-feed?stream=false&strict=1")
LOGINS = (NO_TEXT, b"Basic " + NO_TEXT, b"Basic YTpi" + NO_TEXT, b"Bearer " + NO_TEXT, b"Basic \xc3\xa9")
OTHERS = (
    hdrs.ACCEPT,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.RANGE,
    hdrs.VIA,
    hdrs.X_FORWARDED_FOR,
    hdrs.ORIGIN,
    CMS_AUTHORIZATION,
    "X-Request-ID",
)


async def test_a_login_that_is_no_text_is_wrong_everywhere(spread_small: Spread) -> None:
    """Also where it would be a login without what cannot be read in it."""
    core, edge, _ = spread_small.callers(None)
    for path, method, login in product(PATHS, (hdrs.METH_GET, hdrs.METH_POST), LOGINS):
        asked = [request_head(each, method, path_of(each, path), {hdrs.AUTHORIZATION: login}) for each in (core, edge)]
        expected, found = await raw_answer(core, asked[0]), await raw_answer(edge, asked[1])
        assert expected.status == HTTPStatus.UNAUTHORIZED, (path, method, login, expected.body)
        assert told(found) == told(expected), (path, method, login)


async def test_paths_and_queries_that_are_no_text_are_as_the_core_takes_them(spread_small: Spread) -> None:
    core, edge, _ = spread_small.callers(None)
    for path, method in product(OF_A_LENGTH, (hdrs.METH_GET, hdrs.METH_POST)):
        whole = f"/api/{path}".encode()
        more = b"&" if b"?" in whole else b"?"
        for odd in (
            whole.replace(b"small", NO_TEXT),
            whole.replace(b"contests", NO_TEXT),
            whole + more + b"x=" + NO_TEXT,
        ):
            asked = [request_head(each, method, odd, {}) for each in (core, edge)]
            expected, found = await raw_answer(core, asked[0]), await raw_answer(edge, asked[1])
            assert expected.status < HTTPStatus.INTERNAL_SERVER_ERROR, (odd, method, expected.body)
            assert found.status == expected.status, (odd, method, found.body)


async def test_other_headers_that_are_no_text_are_as_the_core_takes_them(spread_small: Spread) -> None:
    core, edge, _ = spread_small.callers(None)
    for path, name in product(OF_A_LENGTH, OTHERS):
        asked = [request_head(each, hdrs.METH_GET, path_of(each, path), {name: NO_TEXT}) for each in (core, edge)]
        expected, found = await raw_answer(core, asked[0]), await raw_answer(edge, asked[1])
        assert expected.status < HTTPStatus.INTERNAL_SERVER_ERROR, (path, name, expected.body)
        assert told(found) == told(expected), (path, name)
