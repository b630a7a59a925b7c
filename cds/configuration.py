"""What the server is told from outside: addresses, places, secrets; from options, environment and cds.toml.

This module must not know how options are spelled on the command line.
"""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from cds.cms_api.settings import CmsSettings
from cds.fan_out.limits import FeedLimits
from cds.jetstream.settings import PublishingSettings
from cds.platforms.settings import PlatformSettings
from cds.students.settings import StudentSettings
from cds.upstream.options import SourceOptions
from cds.users.settings import UserSettings

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_DATA_DIR = Path("cds-data")
API_PREFIX = "/api"
KEEP_ALIVE_S = 30.0

CHECKPOINT_EVENTS = 20_000
"""Events after which a contest gets another checkpoint, so that a start has few left to replay."""
WORKERS_MAX = 12
"""Workers of one group. Each may have eight connections to the database, and the embedded Postgres takes 100."""

DRAIN_S_MAX = 3_600.0
WEBHOOK_CALL_S_MAX = 10.0


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """How one server runs. `database_url` None means the embedded Postgres under `data_dir`.

    `auto_login`: whether the addresses of accounts (Account.ip) log clients in without credentials.
    `trusted_proxies` are believed when they say for whom they ask (X-Forwarded-For); `behind_proxy`: there is one
    that ends TLS, and so what comes from this machine may come from anywhere.
    TLS: with the files that are named, or (`tls_self_signed`) with a certificate of the server's own.
    `drain_s`: for so long a server that is told to stop goes on serving, and says that it is not ready.
    `webhook_allow_private`: webhooks may call addresses that are not public; `webhook_call_s_max`: how long that takes.
    `checkpoint_events`: a contest that has grown by so many gets another checkpoint; None: never.
    `rate_limits`: failed logins are slowed down, and requests limited where a contract says so.
    `platforms`: how programming platforms are asked, and how often; by default nobody asks them unless told to.
    `students`: where answers on students are cached, and who may ask for a sync.
    `cms`: which contest the ContestWebServer API serves at the root too, and the token for acting as a participant.
    `users`: how long logins of users are good, and how mails reach them.
    `sources` are the contest servers that are followed.
    `publishing`: where and how feeds are published for edges; `edge_secret`: what edges bring, None: there are none.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    data_dir: Path = DEFAULT_DATA_DIR
    database_url: str | None = None
    base_url: str | None = None
    admin_password: str | None = None
    keep_alive_s: float = KEEP_ALIVE_S
    feed_limits: FeedLimits = FeedLimits()
    auto_login: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    behind_proxy: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"
    access_log: bool = False
    drain_s: float = 0.0
    webhook_allow_private: bool = False
    webhook_call_s_max: float = WEBHOOK_CALL_S_MAX
    checkpoint_events: int | None = None
    rate_limits: bool = True
    platforms: PlatformSettings = PlatformSettings(every_s=0)
    students: StudentSettings = StudentSettings()
    cms: CmsSettings = CmsSettings()
    users: UserSettings = UserSettings()
    sources: tuple[SourceOptions, ...] = ()
    publishing: PublishingSettings | None = None
    edge_secret: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether clients speak TLS with this server itself."""
        return self.tls_self_signed or self.tls_certificate is not None

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """The names under which clients are known to reach this server, besides those that every machine has."""
        public = urlsplit(self.base_url or "").hostname
        return (self.host,) if public is None else (self.host, public)

    def publishes(self, contest_id: str) -> bool:
        """Whether a contest is published for edges."""
        return self.publishing is not None and self.publishing.publishes(contest_id)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The paths under which the API is served: `/api`, and that of `base_url` where it differs."""
        own = API_PREFIX
        if self.base_url is None:
            return (own,)
        nested = urlsplit(self.base_url).path.rstrip("/")
        return (own,) if nested in ("", own) else (own, nested)
