"""`lastSyncedAt` under `ext.sync` of a single contest, for staff and administrators.

It is no part of the contest, or every run would be an event in each contest (requirements-000, 3.5): neither the feed
nor the collection has it, nor do strict answers. `access` lists it where the single contest has it. This module must
not know how a run comes about.
"""

import msgspec

from cds.contest_api.service import Service
from cds.live_contest import LiveContest
from cds.platform_api.asking import PLATFORM_BY_NAME
from projections.served_versions import DRAFT, ServedVersion
from schemas.metadata import Access
from schemas.viewers import Viewer

SEEN_BY = ("staff", "admin")
LAST_SYNCED_AT = "lastSyncedAt"
PATH = ("ext", "sync")
PROPERTY = ".".join((*PATH, LAST_SYNCED_AT))

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def last_synced_at(
    service: Service, contest: LiveContest, viewer: Viewer, version: ServedVersion = DRAFT
) -> str | None:
    """When the contest was last brought level with its platform, as a TIME; None where this viewer is not told.

    Raises StoreUnavailable when another process may know of a later run.
    """
    present = contest.state.contest
    synced = None if present is None or present.ext is None else present.ext.sync
    platform = None if synced is None else PLATFORM_BY_NAME.get(synced.platform)
    if synced is None or platform is None or viewer.role not in SEEN_BY or version is not DRAFT:
        return None
    runs = await service.platforms.syncing.histories[platform].fresh()
    return runs.last_synced(synced.platform_id)


def with_last_synced(shown: bytes, time: str | None) -> bytes:
    """The contest object that a viewer is shown, with that time, if there is one."""
    return shown if time is None else _with_time(shown, PATH, time)


def listed_with_last_synced(access: Access, time: str | None) -> Access:
    """What a viewer may see, with the property, if there is a time to be seen."""
    if time is None:
        return access
    endpoints = [
        msgspec.structs.replace(endpoint, properties=[*endpoint.properties, PROPERTY])
        if endpoint.type == "contest"
        else endpoint
        for endpoint in access.endpoints
    ]
    return msgspec.structs.replace(access, endpoints=endpoints)


def _with_time(encoded: bytes, path: tuple[str, ...], time: str) -> bytes:
    """The object with the time in an object within it; as it is where there is none at that path."""
    properties = _decoder.decode(encoded)
    if not path:
        return msgspec.json.encode({**properties, LAST_SYNCED_AT: time})
    inner = properties.get(path[0])
    if inner is None:
        return encoded
    return msgspec.json.encode({**properties, path[0]: msgspec.Raw(_with_time(bytes(inner), path[1:], time))})
