"""How it stands with a source, as `GET …/x-source` tells it: kept beside the log, so that any process can tell.

Whoever follows a source writes this down, at most once a second; who asks reads it. This module must not know how a
source is followed.
"""

from typing import Literal

import msgspec
import structlog

from cds.upstream.oddities import Numbered
from eventstore.store import EventStore

KIND = "source status"

UNATTENDED_US = 15_000_000
"""A status that is older than this is that of a process that is gone: whoever follows writes it down every 5 s."""

FORGOTTEN_US = 7 * 24 * 3600 * 1_000_000
"""After so long a source that nobody attends to is none any more: it is not configured."""

HEARTBEAT_S = 5.0
AWAITED_SHOWN_MAX = 50

State = Literal["connecting", "reading anew", "following", "waiting", "ended", "unattended"]

log = structlog.get_logger(__name__)


class FilesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Files: fetched, to be fetched, and those that cannot be had."""

    fetched: int = 0
    pending: int = 0
    failed: int = 0


class WarningsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many oddities there were, and the last of them."""

    count: int = 0
    last: tuple[Numbered, ...] = ()


class AwaitedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An object that waits for another, or stands without naming it until it comes."""

    type: str
    id: str
    awaits_type: str
    awaits_id: str


class WaitingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects wait for what they name, or for their contest, and what the first of them wait for."""

    count: int = 0
    first: tuple[AwaitedStatus, ...] = ()


class TokenStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the upstream has said how to resume, and at which line (its position) that was."""

    present: bool = False
    position: int = 0


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One source. Times in microseconds since the Unix epoch, lengths of time in seconds.

    `position` is that of the source's stream; `events` counts those that this process has put into the contest;
    `refused` says why our contest does not take all of it; `lag_s` is how long the last lines took from their arrival
    to being in the contest; `servers` are the names of what is followed, and of what that follows (see rings).
    """

    contest_id: str
    shadow: str | None
    url: str
    state: State
    since_us: int
    updated_us: int
    position: int = 0
    lines: int = 0
    events: int = 0
    token: TokenStatus = TokenStatus()
    warnings: WarningsStatus = WarningsStatus()
    waiting_references: WaitingStatus = WaitingStatus()
    files: FilesStatus = FilesStatus()
    refused: tuple[str, ...] = ()
    lag_s: float | None = None
    last_heard_us: int | None = None
    outages: int = 0
    last_error: str | None = None
    servers: tuple[str, ...] = ()


async def keep_status(store: EventStore, stream: str, status: SourceStatus) -> None:
    """Write it down. Raises what the store raises."""
    await store.keep(KIND, {stream: msgspec.json.encode(status)})


async def kept_statuses(store: EventStore, stream: str, now_us: int) -> list[SourceStatus]:
    """The status of the source of a contest, and those of its second systems. Raises what the store raises."""
    statuses = await all_statuses(store, now_us)
    return [status for name, status in statuses.items() if name == stream or name.startswith(f"{stream}/")]


async def all_statuses(store: EventStore, now_us: int) -> dict[str, SourceStatus]:
    """The statuses of all sources, by their streams. Raises what the store raises."""
    found = {}
    for name, data in sorted((await store.kept(KIND)).items()):
        status = msgspec.json.decode(data, type=SourceStatus)
        if now_us - status.updated_us > FORGOTTEN_US and status.state != "ended":
            continue
        gone = status.state != "ended" and now_us - status.updated_us > UNATTENDED_US
        found[name] = msgspec.structs.replace(status, state="unattended") if gone else status
    return found
