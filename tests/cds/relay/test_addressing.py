"""Which address of the upstream a path stands for, and which contest it is about."""

import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from cds.relay.addressing import ContestPath, contest_path, upstream_url
from cds.relay.event_feed import selection_of

SOURCE = URL("http://source:8080/api")
NESTED = URL("https://example.com/x/y/api")
VERSION = URL("http://source:8080/api/2023-06")


@pytest.mark.parametrize(
    ("base", "path", "there"),
    [
        (SOURCE, "/api", "http://source:8080/api"),
        (SOURCE, "/api/", "http://source:8080/api/"),
        (SOURCE, "/api/contests/a%2Fb?x=%2B+1", "http://source:8080/api/contests/a%2Fb?x=%2B+1"),
        (SOURCE, "/", "http://source:8080/"),
        (SOURCE, "/contests/small", "http://source:8080/contests/small"),
        (SOURCE, "/apis", "http://source:8080/apis"),
        (NESTED, "/api/contests", "https://example.com/x/y/api/contests"),
        (NESTED, "/contests/small", "https://example.com/x/y/contests/small"),
        (VERSION, "/api/contests", "http://source:8080/api/2023-06/contests"),
        (VERSION, "/contests", None),
        (SOURCE, "/api/../secret", None),
        (SOURCE, "/api/contests/%2e%2E/x", None),
        (SOURCE, "/api/contests/..%2fx", None),
        (SOURCE, "/./api", None),
        (SOURCE, "/api/contests/...", "http://source:8080/api/contests/..."),
    ],
)
def test_a_path_stands_for_an_address_of_the_upstream(base: URL, path: str, there: str | None) -> None:
    """As it was written; and nothing leads out of where the upstream is."""
    found = upstream_url(base, make_mocked_request("GET", path))
    assert (None if found is None else str(found)) == there


@pytest.mark.parametrize(
    ("path", "about"),
    [
        ("/api/contests/small", ContestPath(None, "small", "")),
        ("/api/contests/small/", ContestPath(None, "small", "")),
        ("/api/contests/a%20b/teams/1", ContestPath(None, "a b", "teams")),
        ("/api/2023-06/contests/small/scoreboard", ContestPath("2023-06", "small", "scoreboard")),
        ("/api/contests", None),
        ("/api/contests/", None),
        ("/api/2023-06/contests", None),
        ("/api/webhooks/contests", None),
        ("/api", None),
        ("/contests/small", None),
    ],
)
def test_a_path_may_be_about_a_contest(path: str, about: ContestPath | None) -> None:
    assert contest_path(path) == about


@pytest.mark.parametrize(
    ("endpoint", "is_view"),
    [
        ("", True),
        ("state", True),
        ("teams", True),
        ("commentary", True),
        ("scoreboard", True),
        ("access", True),
        ("account", False),
        ("x-settings", False),
        ("x-comparison", False),
        ("event-feed", False),
    ],
)
def test_only_what_the_feed_tells_of_is_a_view(endpoint: str, *, is_view: bool) -> None:
    assert ContestPath(None, "small", endpoint).is_view == is_view


@pytest.mark.parametrize(
    ("query", "selection"),
    [
        ("", ()),
        ("?since_token=a&stream=false&since_id=b", ()),
        ("?types=b,a", (("types", "a,b"),)),
        ("?types=b&types=a,,%20b", (("types", "a,b"),)),
        ("?types=", ()),
        ("?y=2&x=1&types=a", (("types", "a"), ("x", "1"), ("y", "2"))),
    ],
)
def test_what_makes_another_feed(query: str, selection: tuple[tuple[str, str], ...]) -> None:
    """Types in any order are the same; where to begin is no part of it. What is not known here is, where it may be."""
    request = make_mocked_request("GET", f"/api/contests/small/event-feed{query}")
    assert selection_of(request, others=True) == selection
    assert selection_of(request, others=False) == tuple(each for each in selection if each[0] == "types")
