"""The sync of programming platforms (seed 000) as a table: of it its routes are made, and its part of the document.

The schemas are read off the structures of the answers. This module must not know what a run does.
"""

from cds.openapi.api_tables import ApiTable, body_of, in_path_as, schemas_of
from cds.openapi.error_bodies import JSON_TYPE
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import Operation, answered, query
from cds.platform_api.answers import (
    AllCompleted,
    History,
    PlatformStatus,
    SyncCompleted,
    SyncedContests,
    SyncedContestStatus,
)
from cds.platforms.questions import PLATFORMS
from schemas.viewers import Role

TAG = "sync of platforms"
TAGS = {
    TAG: f"Contests of {', '.join(PLATFORMS)}, brought level with their platforms. Not part of the Contest API: the "
    "paths begin at the root of the server, and errors have the keys `statusCode`, `message` and `error`. For "
    "administrators of the server.",
}

ALL = "/contests/sync"
EVERY_ONE = f"{ALL}/all"
PLATFORM = f"{ALL}/{{platform}}"
CONTESTS = f"{PLATFORM}/contests"

ADMIN: tuple[Role, ...] = ("admin",)

IN_PATH = (in_path_as("platform", f"One of {', '.join(PLATFORMS)}.", "codeforces"),)
FORCE: Schema = {"type": "boolean", "description": "Sync also within the cool-down.", "default": False}
CONTEST_ID: Schema = {
    "type": ["string", "integer"],
    "description": "The number of one contest, which is imported with all its results; the list of contests is not "
    "asked for then. Of Codeforces alone.",
}
PAGE = (
    query("offset", {"type": "integer", "minimum": 0, "default": 0}, "How many are left out at the beginning."),
    query("limit", {"type": "integer", "minimum": 1}, "How many there are at most."),
)
NO_STORE = ("Cache-Control",)

STATUS: dict[str, Json] = {
    "platform": "codeforces",
    "enabled": True,
    "lastSyncedAt": "2031-05-17T06:00:12.000Z",
    "nextSyncAt": "2031-05-17T12:04:51.000Z",
    "contests": 2_104,
    "runs": 31,
}
CONTEST: dict[str, Json] = {
    "contestId": "4161",
    "id": "codeforces-4161",
    "lastSyncedAt": "2031-05-17T06:00:12.000Z",
}
RUN: dict[str, Json] = {
    "id": "9d1f6f0c",
    "trigger": "request",
    "actor": "server:admin",
    "forced": True,
    "contestId": None,
    "startedAt": "2031-05-17T06:00:09.000Z",
    "endedAt": "2031-05-17T06:00:12.000Z",
    "synced": 3,
    "updated": 2_101,
    "failed": 1,
    "changed": 4,
    "error": None,
    "reason": None,
    "failures": [{"contestId": "4163", "reason": "durationSeconds is negative"}],
    "bodiesSha256": "76cdb2bad9582d23c1f6f4d868218d6c76cdb2bad9582d23c1f6f4d868218d6c",
}
COMPLETED: dict[str, Json] = {
    "message": "Sync completed for codeforces",
    "platform": "codeforces",
    "synced": 3,
    "updated": 2_101,
    "failed": 1,
}
COUNTS: dict[str, Json] = {"synced": 3, "updated": 2_101, "failed": 1}


def _body(properties: dict[str, Schema]) -> Schema:
    return {"required": False, "content": {JSON_TYPE: body_of(properties, {"forceSync": True})}}


OPERATIONS = (
    Operation(
        verb="post",
        path=EVERY_ONE,
        identifier="sync_all_platforms",
        tag=TAG,
        summary="Sync all platforms that are enabled, one after the other",
        description="One that fails says so in `results`, and does not stop the next.",
        roles=ADMIN,
        body=_body({"forceSync": FORCE}),
        answers={
            "200": answered(
                reference(AllCompleted.__name__),
                "What came of each.",
                headers=NO_STORE,
                example={"message": "Sync completed for all platforms", "results": {"codeforces": COUNTS}},
            )
        },
        at_root=True,
        form="sync",
    ),
    Operation(
        verb="post",
        path=PLATFORM,
        identifier="sync_platform",
        tag=TAG,
        summary="Sync a platform, or import one of its contests",
        description="Within the cool-down, and while it is being synced, it is skipped. 500 when the platform failed: "
        "nothing is changed then.",
        roles=ADMIN,
        parameters=IN_PATH,
        body=_body({"forceSync": FORCE, "contestId": CONTEST_ID}),
        answers={
            "200": answered(
                reference(SyncCompleted.__name__),
                "How many contests are new (`synced`), were there already (`updated`), could not be read (`failed`).",
                headers=NO_STORE,
                example=COMPLETED,
            )
        },
        at_root=True,
        form="sync",
    ),
    Operation(
        verb="get",
        path=ALL,
        identifier="list_platforms",
        tag=TAG,
        summary="All platforms, and when each was last synced",
        roles=ADMIN,
        answers={
            "200": answered(
                {"type": "array", "items": reference(PlatformStatus.__name__)},
                "Every platform.",
                headers=NO_STORE,
                example=[STATUS],
            )
        },
        refusals=(403,),
        at_root=True,
        form="sync",
    ),
    Operation(
        verb="get",
        path=PLATFORM,
        identifier="get_platform_history",
        tag=TAG,
        summary="The runs of a platform, the newest first",
        description="With the first of its contests; with `contestId` when that one was last synced, and nothing else.",
        roles=ADMIN,
        parameters=(
            *IN_PATH,
            *PAGE,
            query("contestId", {"type": "string"}, "The platform's id of one contest."),
        ),
        answers={
            "200": answered(
                {"anyOf": [reference(History.__name__), reference(SyncedContestStatus.__name__)]},
                "A page of runs, or the one contest.",
                headers=NO_STORE,
                example={**STATUS, "history": [RUN], "next": 20, "syncedContests": [CONTEST]},
            )
        },
        refusals=(403,),
        at_root=True,
        form="sync",
    ),
    Operation(
        verb="get",
        path=CONTESTS,
        identifier="list_contests_of_platform",
        tag=TAG,
        summary="When each contest of a platform was last synced",
        roles=ADMIN,
        parameters=(*IN_PATH, *PAGE),
        answers={
            "200": answered(
                reference(SyncedContests.__name__),
                "A page of contests.",
                headers=NO_STORE,
                example={"platform": "codeforces", "contests": [CONTEST], "next": 500},
            )
        },
        refusals=(403,),
        at_root=True,
        form="sync",
    ),
)

PLATFORM_API = ApiTable(
    tags=TAGS,
    operations=OPERATIONS,
    schemas=schemas_of(AllCompleted, SyncCompleted, PlatformStatus, History, SyncedContestStatus, SyncedContests),
)
