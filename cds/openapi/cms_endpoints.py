"""The API of CMS's ContestWebServer (seed 002) as a table: of it its routes are made, and its part of the document.

The schemas are read off the structures of the answers. This module must not know how a participant is known, nor what
becomes of a submission.
"""

from collections.abc import Collection, Mapping

import msgspec

from cds.cms_api.answers import AUTHORIZATION
from cds.cms_api.doorway import BASE
from cds.cms_api.login import LoggedIn
from cds.cms_api.starting import Started
from cds.cms_api.status import StatusObject
from cds.cms_api.submission_list import SubmissionList
from cds.cms_api.submitting import Submitted
from cds.cms_api.tasks import TaskList
from cds.commands.participation import OPEN_PHASES, Phase
from cds.openapi.api_tables import ApiTable, in_path_as, schemas_of
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import NOT_MODIFIED, Operation, Verb, answered, answered_as, parameter, query

TAG = "ContestWebServer of CMS"
TAGS = {
    TAG: "The API of the Contest Management System over the same contests; what is handed in by either is the same in "
    "both. Not part of the Contest API: the paths begin at the root of the server, where one contest may be served "
    "without `/cms/{contest_id}` too, and errors have the key `error`.\n\n"
    f"Log in, and send the login data in the header `{AUTHORIZATION}` from then on; it is good for half an hour. Where "
    "a contest knows its participants by their addresses nobody has to. `x-phases` are the phases of the contest in "
    "which something is answered: -2 before the contest, -1 before one's own window, 0 while one can compete, 1 after "
    "one's own window, 2 after the contest, 3 in the analysis mode, 4 when all is over."
}

TASK = "/tasks/{task}"
SUBMISSION = f"{TASK}/submissions/{{id}}"

EVERY_PHASE = frozenset(Phase)
FROM_START = frozenset(phase for phase in Phase if phase >= Phase.COMPETING)

IN_PATH: Mapping[str, Schema] = {
    "contest_id": parameter("contest_id"),
    "id": parameter("id"),
    "task": in_path_as("task", "The name of a task, which is the id of the problem.", "sum"),
    "lang": in_path_as("lang", "The language of a statement. What follows it in the path is ignored.", "en"),
}
OVERRIDE_PHASE = query(
    "override_phase_check",
    {"type": "string", "enum": ["0", "1", ""]},
    "`1`: whatever the phase. For those who act for a participant; ignored of others.",
)

TEXT: Schema = {"type": "string"}
FILE: Schema = {"type": "string", "format": "binary"}
NO_STORE = ("Cache-Control",)
URLENCODED = "application/x-www-form-urlencoded"
PDF = "application/pdf"

LOGIN_FORM: Schema = {
    "type": "object",
    "required": ["username"],
    "properties": {
        "username": TEXT,
        "password": TEXT,
        "admin_token": {"type": "string", "description": "In the place of a password: to act for the participant."},
    },
    "additionalProperties": False,
}
SUBMIT_FORM: Schema = {
    "type": "object",
    "description": "A file for each element of the submission format, under its very name (`sum.%l`); or one file "
    "`submission`, an archive with all of them.",
    "properties": {
        "language": {"type": "string", "description": "Its id, name or an extension, where the files do not tell."},
        "submission": {"type": "string", "format": "binary", "description": "A zip archive, or a tar.gz."},
        **{
            name: {"type": "string", "enum": ["0", "1", ""], "description": "For those who act for a participant."}
            for name in ("override_official", "override_max_number", "override_min_interval")
        },
    },
    "additionalProperties": FILE,
}
LOGIN_EXAMPLE: Schema = {"username": "anna", "password": "password of anna"}
SCORED: Schema = {
    "status": 5,
    "status_text": "Scored",
    "task_public_score": 100,
    "task_score_is_partial": False,
    "max_public_score": 100,
    "public_score": 100,
}
SUBMIT_EXAMPLE: Schema = {"sum.%l": "@sum.cpp"}


def _forms(*media: str, schema: Schema, example: Schema, required: bool = True) -> Schema:
    return {"required": required, "content": {kind: {"schema": schema, "example": example} for kind in media}}


def _structure(structure: type[msgspec.Struct], description: str, example: Json) -> Schema:
    return answered(reference(structure.__name__), description, headers=NO_STORE, example=example)


def _statement(description: str) -> Schema:
    return answered_as({PDF: {"schema": FILE}}, description, headers=("ETag", "Cache-Control"))


def _of_participant(
    verb: Verb,
    path: str,
    identifier: str,
    summary: str,
    answer: Schema,
    *,
    phases: Collection[Phase],
    description: str = "",
) -> Operation:
    """What only participants are answered, in these phases of the contest."""
    whole_path = BASE + path
    return Operation(
        verb=verb,
        path=whole_path,
        identifier=identifier,
        tag=TAG,
        summary=summary,
        description=description,
        roles=("team",),
        parameters=(*_parameters(whole_path), OVERRIDE_PHASE),
        answers={"200": answer},
        phases=tuple(sorted(phases)),
        logins=("cms",),
        at_root=True,
        form="cms",
    )


def _parameters(path: str) -> list[Schema]:
    return [schema for name, schema in IN_PATH.items() if f"{{{name}}}" in path]


OPERATIONS = (
    Operation(
        verb="post",
        path=f"{BASE}/api/login",
        identifier="cms_login",
        tag=TAG,
        summary="Log in",
        description="Whatever is wrong is answered alike (403). Who has logged in already is told the same login data.",
        parameters=tuple(_parameters(BASE)),
        body=_forms(URLENCODED, "multipart/form-data", schema=LOGIN_FORM, example=LOGIN_EXAMPLE),
        answers={
            "200": _structure(
                LoggedIn, "What goes into the header from then on.", {"login_data": "eyJhbGciOiJIUzUxMiJ9"}
            )
        },
        refusals=(408, 413, 429),
        needs_login=False,
        logins=(),
        at_root=True,
        form="cms",
    ),
    _of_participant(
        "get",
        "/api/task_list",
        "cms_task_list",
        "The tasks, their statements, and what is to be handed in",
        _structure(
            TaskList,
            "All tasks, in the order of the contest.",
            {"tasks": [{"name": "sum", "statements": ["en", "it"], "submission_format": ["sum.%l"]}]},
        ),
        phases=OPEN_PHASES,
    ),
    msgspec.structs.replace(
        _of_participant(
            "post",
            "/api/{task}/submit",
            "cms_submit",
            "Hand in to a task",
            _structure(Submitted, "The submission that was made.", {"id": "187"}),
            phases=OPEN_PHASES,
            description="Safe to repeat with an `Idempotency-Key`, also once nothing more may be handed in.",
        ),
        body=_forms("multipart/form-data", schema=SUBMIT_FORM, example=SUBMIT_EXAMPLE),
        refusals=(408, 422),
    ),
    _of_participant(
        "get",
        "/api/{task}/submission_list",
        "cms_submission_list",
        "What was handed in to a task",
        _structure(SubmissionList, "The submissions, in their order.", {"list": [{"id": "187"}]}),
        phases=OPEN_PHASES,
    ),
    msgspec.structs.replace(
        _of_participant(
            "get",
            f"{TASK}/statements/{{lang}}",
            "cms_statement",
            "A statement",
            _statement("The statement."),
            phases=FROM_START,
        ),
        answers={
            "200": _statement("The statement."),
            "206": _statement("The part that is asked for."),
            "304": NOT_MODIFIED,
        },
        refusals=(416,),
    ),
    _of_participant(
        "get",
        SUBMISSION,
        "cms_submission",
        "How a submission was scored",
        _structure(StatusObject, "How far it is; once nothing more comes also what it has brought.", SCORED),
        phases=FROM_START,
    ),
    _of_participant(
        "get",
        f"{SUBMISSION}/details",
        "cms_submission_details",
        "The same in detail, as HTML",
        answered_as({"text/html": {"schema": TEXT}}, "A piece of HTML.", headers=NO_STORE),
        phases=FROM_START,
    ),
    msgspec.structs.replace(
        _of_participant(
            "post",
            "/start",
            "cms_start",
            "Begin one's own window",
            _structure(Started, "When the participant began.", {"starting_time": "2031-05-17T09:30:00.000Z"}),
            phases=EVERY_PHASE,
            description="Where everybody has one. Who has begun already is told when that was.",
        ),
        refusals=(408, 409, 413),
    ),
)

CMS_API = ApiTable(
    tags=TAGS,
    operations=OPERATIONS,
    schemas=schemas_of(LoggedIn, TaskList, Submitted, SubmissionList, StatusObject, Started),
)
