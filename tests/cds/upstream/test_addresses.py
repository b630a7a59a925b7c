"""Where an upstream is, and where its references lead."""

import pytest

from cds.upstream.addresses import AddressRefused, comparable_host, upstream_address

BASE = "https://cds.example.com/x/api/"
ADDRESS = upstream_address(f"{BASE}contests/wf/")


def test_an_address_knows_its_parts() -> None:
    """The slash at the end does not matter."""
    assert ADDRESS.url == f"{BASE}contests/wf"
    assert ADDRESS.base == BASE
    assert ADDRESS.contest_id == "wf"
    assert ADDRESS.feed == f"{BASE}contests/wf/event-feed"


@pytest.mark.parametrize(
    "text",
    [
        "http://host/api",
        "http://host/api/contests/",
        "http://host/api/contests/a/b",
        "host/api/contests/a",
        "ftp://host/api/contests/a",
        "http:///api/contests/a",
        "http://host:0/api/contests/a",
        "http://host:99999/api/contests/a",
        "http://host/api/contests/a?x=1",
        "http://host/api/contests/a#x",
    ],
)
def test_what_is_no_address_of_a_contest_is_refused(text: str) -> None:
    """With words that say how it ought to be."""
    with pytest.raises(AddressRefused):
        upstream_address(text)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    """With a hint where it belongs."""
    with pytest.raises(AddressRefused, match="--password-file") as refused:
        upstream_address("http://me:sesame@host/api/contests/a")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("contests/wf/logo", f"{BASE}contests/wf/logo"),
        ("/x/api/contests/wf/logo", f"{BASE}contests/wf/logo"),
        ("https://other.org/a.png", "https://other.org/a.png"),
        ("//other.org/a.png", "https://other.org/a.png"),
        ("data:image/png;base64,AAAA", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("http://[::1", None),
    ],
)
def test_references_are_relative_to_the_base(href: str, url: str | None) -> None:
    """JSON Format, "File references"."""
    assert ADDRESS.resolved(href) == url


def test_some_write_a_slash_in_front_of_a_relative_reference() -> None:
    """So both are tried."""
    assert ADDRESS.alternative("/contests/wf/logo") == f"{BASE}contests/wf/logo"
    assert ADDRESS.alternative("/other") is None


@pytest.mark.parametrize(
    ("own", "url"),
    [
        (True, "https://cds.example.com/anything"),
        (True, "https://cds.example.com:443/anything"),
        (False, "https://cds.example.com:8443/anything"),
        (False, "http://cds.example.com/anything"),
        (False, "https://example.com/anything"),
        (False, "https://cds.example.com.evil.org/"),
    ],
)
def test_credentials_go_to_the_own_host_alone(own: bool, url: str) -> None:
    """And never over a connection that anybody can read when the upstream has TLS."""
    assert ADDRESS.is_own(url) is own


def test_credentials_may_go_from_http_to_https_of_the_same_host() -> None:
    """As a redirect does that upgrades."""
    plain = upstream_address("http://cds.example.com/api/contests/wf")
    assert plain.is_own("https://cds.example.com/api/contests/wf/event-feed")
    assert not upstream_address("http://cds.example.com:8080/api/contests/wf").is_own("https://cds.example.com/")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Files.Example.ORG", "files.example.org"),
        ("files.example.org.", "files.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("10.0.0.7", "10.0.0.7"),
        ("[FD00::1]", "fd00::1"),
        ("of_docker", "of_docker"),
    ],
)
def test_a_host_is_the_same_however_it_is_written(text: str, host: str) -> None:
    """Names, and addresses."""
    assert comparable_host(text) == host
