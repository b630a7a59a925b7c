"""What the server is told from outside: addresses, places, secrets; from options, environment and cds.toml.

This module must not know how options are spelled on the command line.
"""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_DATA_DIR = Path("cds-data")
API_PREFIX = "/api"
KEEP_ALIVE_S = 30.0


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """How one server runs. `database_url` None means the embedded Postgres under `data_dir`.

    `auto_login`: whether the addresses of accounts (Account.ip) log clients in without credentials.
    `trusted_proxies` are believed when they say for whom they ask (X-Forwarded-For).
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    data_dir: Path = DEFAULT_DATA_DIR
    database_url: str | None = None
    base_url: str | None = None
    admin_password: str | None = None
    keep_alive_s: float = KEEP_ALIVE_S
    auto_login: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The paths under which the API is served: `/api`, and that of `base_url` where it differs."""
        own = API_PREFIX
        if self.base_url is None:
            return (own,)
        nested = urlsplit(self.base_url).path.rstrip("/")
        return (own,) if nested in ("", own) else (own, nested)
