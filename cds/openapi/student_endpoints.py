"""Students and the sync of handles (seed 001) as a table: of it its routes are made, and its part of the document.

The schemas are read off the structures of the answers. This module must not know how a student is kept or synced.
"""

import msgspec

from cds.commands.students import Enrolment, StudentChange
from cds.openapi.api_tables import ApiTable, body_of, in_path_as, schemas_of
from cds.openapi.error_bodies import JSON_TYPE
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import (
    NOT_MODIFIED,
    Operation,
    Verb,
    answered,
    answered_without_body,
    in_path,
    parameter,
    query,
)
from cds.student_api.documents import StudentDocument
from schemas.viewers import Role

TAG = "students"
TAGS = {
    TAG: "Whose progress at Codeforces is followed. Not part of the Contest API: errors have the key `error`. "
    "Everybody may read; e-mail addresses and telephone numbers are for staff and administrators of the server.",
}

ALL = "/students"
ONE = f"{ALL}/{{id}}"
SYNC = "/codeforces/sync/{handle}"

ADMIN: tuple[Role, ...] = ("admin",)

FIELDS = query("fields", {"type": "string"}, "The properties that are wanted, separated by commas.")
ENVELOPE = query(
    "envelope", {"type": "string", "enum": ["1", "0"], "default": "0"}, "`1`: with a message around the student."
)
HANDLE = in_path_as("handle", "A handle of Codeforces, in whatever case.", "tourist")

SENT: dict[str, Json] = {
    "name": "Ada Example",
    "email": "ada@example.org",
    "phoneNo": "+1 555 0100",
    "codeforcesHandle": "tourist",
}
SHOWN: dict[str, Json] = {
    "_id": "9d1f6f0c5a3e4b72",
    "name": "Ada Example",
    "codeforcesHandle": "tourist",
    "currRating": 3_800,
    "rank": "tourist",
    "maxRating": 4_009,
    "lastSyncedAt": "2031-05-17T06:00:12.000Z",
    "lastActiveAt": "2031-05-16T19:12:44.000Z",
    "emailRemindersSent": 0,
    "emailRemindersDisabled": False,
    "contestData": [],
    "submissions": [],
    "createdAt": "2031-02-01T08:00:00.000Z",
    "updatedAt": "2031-05-17T06:00:12.000Z",
    "__v": 0,
}

STUDENT = reference(StudentDocument.__name__)
SEVERAL: Schema = {"type": "array", "items": STUDENT}
LONG_LIST: Schema = {"type": "array", "items": {"type": "object"}}
NO_STORE = ("Cache-Control",)


def _schemas() -> dict[str, Schema]:
    """The document of a student. All of it can be left out by `fields`, so nothing is required."""
    found = schemas_of(StudentDocument)
    whole = dict(found[StudentDocument.__name__])
    properties = whole.pop("properties")
    whole.pop("required", None)
    lists: Json = {"contestData": LONG_LIST, "submissions": LONG_LIST}
    if isinstance(properties, dict) and isinstance(lists, dict):
        whole["properties"] = {**properties, **lists}
    return {**found, StudentDocument.__name__: whole}


def _body(structure: type[msgspec.Struct], example: Json, *, csv: bool = False) -> Schema:
    """The JSON body that is read as this structure, or a list in CSV."""
    ((_, described),) = schemas_of(structure).items()
    properties, required = described["properties"], described.get("required", ())
    if not isinstance(properties, dict) or not isinstance(required, list | tuple):
        raise TypeError(f"{structure.__name__} is no structure with properties")
    content: dict[str, Json] = {JSON_TYPE: body_of(properties, example, required=[str(name) for name in required])}
    if csv:
        content["text/csv"] = {"schema": {"type": "string", "description": "A row for each, under the names."}}
    return {"required": True, "content": content}


def _sync(verb: Verb, identifier: str) -> Operation:
    """The sync of a handle, which is the same with either method."""
    enveloped: Schema = {
        "type": "object",
        "properties": {"message": {"type": "string"}, "student": STUDENT},
        "required": ["message", "student"],
    }
    return Operation(
        verb=verb,
        path=SYNC,
        identifier=identifier,
        tag=TAG,
        summary="Ask Codeforces about a student now",
        description="404 where no student has the handle; 500 when Codeforces did not answer all of three questions, "
        "and then nothing is changed (`cause` is `handle_not_found` where there is no such handle). The server may be "
        "told to ask for a login, and to limit how often an address may ask (429).",
        parameters=(HANDLE, FIELDS, ENVELOPE),
        answers={
            "200": answered(
                {"anyOf": [STUDENT, enveloped]}, "The student as it is then.", headers=NO_STORE, example=SHOWN
            )
        },
        needs_login=False,
        form="plain",
        head=False,
    )


OPERATIONS = (
    _sync("get", "sync_handle"),
    _sync("post", "post_handle_sync"),
    Operation(
        verb="get",
        path=ALL,
        identifier="list_students",
        tag=TAG,
        summary="All students, in the order in which they were entered",
        description="With all their lists, so `fields` saves much.",
        parameters=(FIELDS, parameter("If-None-Match")),
        answers={
            "200": answered(SEVERAL, "The students.", example=[SHOWN]),
            "304": NOT_MODIFIED,
        },
        form="plain",
    ),
    Operation(
        verb="post",
        path=ALL,
        identifier="post_students",
        tag=TAG,
        summary="Enter a student, or all of a list",
        description="A handle and an address are one student's (409). A list is entered as a whole or not at all.",
        roles=ADMIN,
        parameters=(FIELDS,),
        body=_body(Enrolment, SENT, csv=True),
        answers={
            "201": answered(
                {"anyOf": [STUDENT, SEVERAL]}, "The student, or those of the list.", headers=NO_STORE, example=SHOWN
            )
        },
        form="plain",
    ),
    Operation(
        verb="get",
        path=ONE,
        identifier="get_student",
        tag=TAG,
        summary="One student",
        parameters=(*in_path(ONE), FIELDS, parameter("If-None-Match")),
        answers={"200": answered(STUDENT, "The student.", example=SHOWN), "304": NOT_MODIFIED},
        form="plain",
    ),
    Operation(
        verb="put",
        path=ONE,
        identifier="put_student",
        tag=TAG,
        summary="Change a student",
        description="What is left out stays as it is. With another handle the student begins anew.",
        roles=ADMIN,
        parameters=(*in_path(ONE), FIELDS),
        body=_body(StudentChange, {"emailRemindersDisabled": True}),
        answers={"200": answered(STUDENT, "As the student is now.", headers=NO_STORE, example=SHOWN)},
        form="plain",
    ),
    Operation(
        verb="delete",
        path=ONE,
        identifier="delete_student",
        tag=TAG,
        summary="Remove a student",
        description="With all personal data and lists.",
        roles=ADMIN,
        parameters=in_path(ONE),
        answers={"204": answered_without_body("The student is gone.")},
        form="plain",
    ),
)

STUDENT_API = ApiTable(tags=TAGS, operations=OPERATIONS, schemas=_schemas())
