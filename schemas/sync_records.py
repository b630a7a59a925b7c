"""Runs of the platform sync: what each came to, as one event of a stream for each platform (`x-sync-runs`).

A run of a whole platform tells which contests have come into what the platform lists and which have gone from it since
the last one, so that when a contest was last synced follows from the runs (requirements of the platform sync, 3.5).
This module knows shapes; it must not know how a platform is asked, nor who may see a run.
"""

from typing import Literal

import msgspec

from schemas.properties import NonNegativeInteger, TimeText

SYNC_RUNS = "x-sync-runs"
"""The type of the events."""

STREAM_PREFIX = "sync:"
"""Before the name of the platform: the stream of its runs."""

Trigger = Literal["request", "command", "schedule"]
"""Who began a run: somebody over HTTP, somebody at the command line, the server by itself."""


class BrokenRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A contest that could not be translated or written; `key` is the platform's id where it could be read.

    In the run of a single contest: one of its objects that could not be, or that is not as the platform has it.
    """

    key: str | None = None
    reason: str


class SyncRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A run as it stands in the log.

    `contest` is the platform's id of the one contest that was imported with its results; None for a run of the whole
    platform. `synced`, `updated` and `failed` count contests that are new, that were there, and that could not be
    translated or written; `changed` those of which something public changed, the new ones among them.
    `failure` is the class of what stopped the run as a whole (nothing was changed then), `reason` says it in one line.
    `broken` are the first contests that failed, with the reason. `added` and `gone` are the platform's ids of contests
    that this run brought level with the platform and the last one did not, and the other way round.
    """

    id: str
    platform: str
    trigger: Trigger
    actor: str
    forced: bool = False
    contest: str | None = None
    began: TimeText
    ended: TimeText
    synced: NonNegativeInteger = 0
    updated: NonNegativeInteger = 0
    failed: NonNegativeInteger = 0
    changed: NonNegativeInteger = 0
    failure: str | None = None
    reason: str | None = None
    broken: tuple[BrokenRow, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    bodies_sha256: str | None = None


def stream_of_platform(platform: str) -> str:
    """The stream of a platform's runs."""
    return STREAM_PREFIX + platform
