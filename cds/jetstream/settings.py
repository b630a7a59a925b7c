"""Where NATS is, and how the feeds are kept there: on how many servers, for how long, how much, of which contests.

This module must not know a connection, nor how options are spelled.
"""

from collections.abc import Set as AbstractSet
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cds.jetstream.subjects import DEFAULT_PREFIX

DEFAULT_REPLICAS = 1
REPLICAS_MAX = 5
"""JetStream keeps no stream on more servers."""


class NatsServers(msgspec.Struct, frozen=True, kw_only=True):
    """How the servers of one cluster are reached.

    `urls` may hold a user with a password, or a token. `ca`, `certificate` and `key` are files in PEM: whom we believe
    (the usual authorities without it) and who we are; `credentials` is a file with a user's JWT and seed.
    """

    urls: tuple[str, ...]
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    credentials: Path | None = None

    @property
    def told(self) -> str:
        """The servers, as logs may tell of them: without who we are."""
        return ", ".join(_without_login(url) for url in self.urls)


class PublishingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a publisher is told.

    `replicas`: servers that each keep every stream. `age_s_max`, `bytes_max`: what is older, or too much, is dropped
    from the beginning of a stream (None: nothing is); edges have that from the core. `payload_bytes_max`: the largest
    message, None: what the servers take. `contest_ids`: only these are published, None: all.
    """

    servers: NatsServers
    prefix: str = DEFAULT_PREFIX
    replicas: int = DEFAULT_REPLICAS
    age_s_max: float | None = None
    bytes_max: int | None = None
    payload_bytes_max: int | None = None
    contest_ids: AbstractSet[str] | None = None

    def publishes(self, contest_id: str) -> bool:
        """Whether a contest is published."""
        return self.contest_ids is None or contest_id in self.contest_ids


def _without_login(url: str) -> str:
    return f"{urlsplit(url).scheme}://{url.rpartition('@')[2].rpartition('//')[2]}"
