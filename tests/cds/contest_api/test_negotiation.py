"""Which form of an answer a header asks for: weights in every spelling that the grammar allows."""

import pytest
from aiohttp.test_utils import make_mocked_request

from cds.contest_api.negotiation import accepts_gzip, names_gzip


@pytest.mark.parametrize(
    ("header", "accepted", "named"),
    [
        ("gzip", True, True),
        ("GZIP", True, True),
        ("x-gzip", True, True),
        ("deflate, gzip;q=0.001", True, True),
        ("gzip ; q = 1.000", True, True),
        ("*", True, False),
        ("*;q=0.5, deflate", True, False),
        ("gzip;q=0", False, False),
        ("gzip;q=0.0", False, False),
        ("gzip;q=0.00", False, False),
        ("gzip; Q=0.000", False, False),
        ("gzip;q=0, *", False, False),
        ("*;q=0", False, False),
        ("*;q=0, gzip", True, True),
        ("gzip;q=much", False, False),
        ("gzip;q=nan", False, False),
        ("identity", False, False),
        ("", False, False),
    ],
)
def test_gzip_is_for_those_who_take_it(header: str, *, accepted: bool, named: bool) -> None:
    request = make_mocked_request("GET", "/", headers={"Accept-Encoding": header})
    assert (accepts_gzip(request), names_gzip(request)) == (accepted, named)


def test_who_says_nothing_gets_no_gzip() -> None:
    assert not accepts_gzip(make_mocked_request("GET", "/"))
    assert not names_gzip(make_mocked_request("GET", "/"))


def test_a_header_in_two_lines_is_one() -> None:
    headers = [("Accept-Encoding", "deflate"), ("Accept-Encoding", "gzip")]
    request = make_mocked_request("GET", "/")
    request = request.clone(headers=headers)
    assert accepts_gzip(request)
    assert names_gzip(request)
