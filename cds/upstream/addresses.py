"""Where an upstream is: the URL of its contest, the base that its references are relative to, and what is its own.

Credentials go to the host of that URL and to no other. This module is pure; it must not know how anything is fetched.
"""

from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from yarl import URL

CONTESTS = "/contests/"
HOST_ABSOLUTE = "/"


class AddressRefused(ValueError):
    """A text that is no address of an upstream's contest; the message says why and how it ought to be."""


class UpstreamAddress(msgspec.Struct, frozen=True):
    """`url` is that of the contest, without a slash at its end; `base` that of the API, with one."""

    url: str
    base: str
    contest_id: str

    @property
    def feed(self) -> str:
        """The URL of the event feed."""
        return f"{self.url}/event-feed"

    def resolved(self, href: str) -> str | None:
        """The whole URL of a reference (JSON Format, "File references"), None for one that leads nowhere by HTTP."""
        try:
            url = urljoin(self.base, href)
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return None
        return url if good else None

    def alternative(self, href: str) -> str | None:
        """What a reference may mean besides: some write those relative to the base with a slash in front."""
        return self.resolved(href.lstrip("/")) if href.startswith(CONTESTS) else None

    def is_own(self, url: str) -> bool:
        """Whether credentials may go there: to the same host, and never from TLS to what anybody can read."""
        own, other = urlsplit(self.url), urlsplit(url)
        if _origin(own) == _origin(other):
            return True
        # From http to https of the same name, on the ports that these have when none is named.
        upgraded = (own.scheme, own.port, other.scheme, other.port) == ("http", None, "https", None)
        return upgraded and own.hostname == other.hostname


def upstream_address(text: str) -> UpstreamAddress:
    """The address that a text is, such as `http://host/api/contests/ID`. Raises AddressRefused."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise AddressRefused(f"is not a URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        # Not quoted: what stands there is a password.
        raise AddressRefused("holds a user name or password: give them apart (--username, --password-file)")
    path = parts.path.rstrip("/")
    head, found, contest_id = path.rpartition(CONTESTS)
    if not good or not found or not contest_id or "/" in contest_id or parts.query or parts.fragment:
        raise AddressRefused(f"{text!r} is not like http://host/api/contests/ID")
    root = f"{parts.scheme}://{parts.netloc}"
    return UpstreamAddress(f"{root}{path}", f"{root}{head}/", contest_id)


def comparable_host(text: str) -> str:
    """A host, which is a name or an address, as the same host is always written. Raises ValueError."""
    host = URL.build(scheme="http", host=text.removeprefix("[").removesuffix("]")).raw_host
    if not host:
        raise ValueError("there is no host")
    return host.rstrip(".")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or usual
