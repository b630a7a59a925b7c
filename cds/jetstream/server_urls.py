"""URLs of servers of NATS: what may stand in one, where it leads, and as whom we come.

A login is percent-encoded, as in every URL, and one for all servers of a cluster. Nothing that is raised here repeats a
URL, which may hold a login. This module must not know a connection.
"""

from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

ENCRYPTED_SCHEME = "tls"
SCHEMES = frozenset({"nats", ENCRYPTED_SCHEME})
DEFAULT_PORT = 4222


class NatsLogin(msgspec.Struct, frozen=True):
    """A user and the password, or (None) a token in place of both."""

    user: str
    password: str | None = None


class NatsAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One server: where it is, whether it is to be spoken with encrypted, and the login that its URL holds."""

    url: str
    encrypted: bool
    login: NatsLogin | None


def address_of(url: str) -> NatsAddress:
    """What a URL means. Raises ValueError, which says what is wrong and repeats nothing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        raise ValueError("this is no URL of a server (a password in it is percent-encoded)") from None
    if parts.scheme not in SCHEMES or not host or not _is_plain(url):
        raise ValueError("a URL is like nats://host:4222 or tls://host:4222")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may stand behind the port (a password in a URL is percent-encoded)")
    shown = f"[{host}]" if ":" in host else host
    return NatsAddress(
        url=f"{parts.scheme}://{shown}:{port}", encrypted=parts.scheme == ENCRYPTED_SCHEME, login=_login_of(parts)
    )


def login_of(urls: Sequence[str]) -> NatsLogin | None:
    """As whom we come to all these servers. Raises ValueError, also where they name several."""
    logins = {login for url in urls if (login := address_of(url).login) is not None}
    if len(logins) > 1:
        raise ValueError("the servers are those of one cluster, so there is one login for all of them")
    return next(iter(logins), None)


def _login_of(parts: SplitResult) -> NatsLogin | None:
    if "@" not in parts.netloc:
        return None
    user, password = unquote(parts.username or ""), parts.password
    if not user or password == "":
        raise ValueError("a login is like user:password@, and neither is empty")
    return NatsLogin(user, None if password is None else unquote(password))


def _is_plain(url: str) -> bool:
    """Whether a URL has only what may stand in one; urlsplit passes over some of the rest."""
    return url.isascii() and url.isprintable() and " " not in url
