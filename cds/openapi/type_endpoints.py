"""The operations of the object types: collections, objects, files, and writing; a loop over table one.

This module must not know the types; notes and examples of some of them stand in tables.
"""

from collections.abc import Iterator, Mapping

from cds.commands.permissions import METHODS, OF_CAPABILITY, OFFERED, PERMISSIONS, Method
from cds.openapi.examples import answer_example, request_example
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.object_schemas import answer_schema, request_name, roles_that_see, roles_that_write
from cds.openapi.operations import (
    NOT_MODIFIED,
    Operation,
    answered,
    answered_as,
    answered_without_body,
    filtering,
    in_path,
    parameter,
    sent,
    verb_of,
)
from projections.visibility_table import CAPABILITIES
from schemas.object_types import OBJECT_TYPES, FileProperty, ObjectType

CONTEST = "/contests/{contest_id}"
FILE: Schema = {"type": "string", "format": "binary"}

NOTES: Mapping[tuple[str, str], str] = {
    ("contest", "PATCH"): "Three kinds of changes, one at a time: the start (`id`, `start_time` and perhaps "
    "`countdown_pause_time`; start_time null stops the countdown), the thaw (`id` and `scoreboard_thaw_time`; 204 when "
    "the time was taken as given, 200 when it was thawed at once), or anything else.",
    ("contest", "POST"): "Only administrators of the server; the id is made of the name. The new contest is run by "
    "this server: its clock and its awards.",
    ("contest", "PUT"): "A new contest only by administrators of the server.",
    ("contest", "DELETE"): "With everything in it; not while it runs.",
    ("state", "PATCH"): "A moment is a TIME that is not in the future, `now`, or null: it has not happened. "
    "`extra_bronzes` may be given when finalizing.",
    ("submissions", "POST"): "Teams and proxies must not say `time`, administrators have to; proxies name the team. "
    "Teams may also send their plain source files as a form.",
    ("clarifications", "POST"): "A question of a team names no recipients. Administrators have to say `time`, all "
    "others must not.",
    ("awards", "PUT"): "Whoever writes an award of a name that the server keeps is responsible for it from then on.",
}
"""What the rules of a type add to what the schemas say, by type and method."""

EXAMPLES_BESIDE: Mapping[tuple[str, str], Mapping[str, Json]] = {
    ("contest", "PATCH"): {
        "start": {"value": {"id": "wf2031", "start_time": "2031-05-17T08:30:00.000Z"}},
        "stopped countdown": {
            "value": {"id": "wf2031", "start_time": None, "countdown_pause_time": "0:05:00.000"},
        },
        "thaw": {"value": {"id": "wf2031", "scoreboard_thaw_time": "2031-05-17T15:00:00.000Z"}},
    },
}


def operations_of_type(row: ObjectType, known: Mapping[str, Schema]) -> Iterator[Operation]:
    """Everything that can be asked of a type; `known` are the schemas of the document."""
    collection, one = paths_of(row)
    described = answer_schema(row)
    example = answer_example(row.name, described, known)
    if collection is not None:
        yield _get_all(row, collection, example)
    yield _get_one(row, one, example)
    for method in METHODS:
        path = collection if method == "POST" else one
        if path is not None and method in OFFERED[row.name]:
            yield _write(row, method, path, known, example)
    for file_property in row.file_properties:
        yield from _downloads(row, file_property, one)


def paths_of(row: ObjectType) -> tuple[str | None, str]:
    """The collection, None where there is none, and the object."""
    if row.name == "contest":
        return "/contests", CONTEST
    if row.singleton:
        return None, f"{CONTEST}/{row.endpoint}"
    return f"{CONTEST}/{row.endpoint}", f"{CONTEST}/{row.endpoint}/{{id}}"


def plural(row: ObjectType) -> str:
    """How a type is called in sentences."""
    return row.endpoint.replace("-", " ")


def singular(row: ObjectType) -> str:
    """How one object of a type is called in sentences."""
    return plural(row) if row.endpoint == row.structure.__name__.lower() else _spaced(row.structure.__name__)


def with_article(noun: str) -> str:
    """The noun behind its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _get_all(row: ObjectType, path: str, example: Json) -> Operation:
    schema: Schema = {"type": "array", "items": reference(row.structure.__name__)}
    return Operation(
        verb="get",
        path=path,
        identifier=f"list_{_snake(row.endpoint)}",
        tag=row.endpoint,
        summary=f"All {plural(row)}",
        description="Those that the caller may see. Unknown parameters are ignored.",
        roles=roles_that_see(row),
        parameters=(
            *in_path(path),
            *filtering(row.filter_properties),
            parameter("at"),
            parameter("strict"),
            parameter("If-None-Match"),
        ),
        answers={"200": answered(schema, f"The {plural(row)}.", example=[example]), "304": NOT_MODIFIED},
    )


def _get_one(row: ObjectType, path: str, example: Json) -> Operation:
    return Operation(
        verb="get",
        path=path,
        identifier=f"get_{_snake(row.name)}",
        tag=row.endpoint,
        summary=f"The {singular(row)}" if row.singleton else f"One {singular(row)}",
        roles=roles_that_see(row),
        parameters=(*in_path(path), parameter("at"), parameter("strict"), parameter("If-None-Match")),
        answers={
            "200": answered(reference(row.structure.__name__), f"The {singular(row)}.", example=example),
            "304": NOT_MODIFIED,
        },
    )


def _write(row: ObjectType, method: Method, path: str, known: Mapping[str, Schema], example: Json) -> Operation:
    roles = roles_that_write(row, method)
    headers = ("Idempotency-Key",) if method == "POST" else ("If-Match", "If-None-Match-any")
    return Operation(
        verb=verb_of(method),
        path=path,
        identifier=f"{method.lower()}_{_snake(row.name)}",
        tag=row.endpoint,
        summary=_doing(row, method),
        description=NOTES.get((row.name, method), ""),
        roles=roles,
        capabilities=_capabilities(row, method),
        parameters=(*in_path(path), parameter("strict"), *(parameter(name) for name in headers)),
        body=None if method == "DELETE" else _body(row, method, known),
        answers=_answers(row, method, example),
        refusals=(422,) if method == "POST" else (412,),
    )


def _doing(row: ObjectType, method: Method) -> str:
    noun = singular(row) if row.name == "commentary" else with_article(singular(row))
    noun = f"the {singular(row)}" if row.singleton and method != "POST" else noun
    doing: Mapping[Method, str] = {
        "POST": f"Create {noun} under an id that the server chooses",
        "PUT": f"Create or replace {noun}",
        "PATCH": f"Change some properties of {noun}",
        "DELETE": f"Delete {noun}",
    }
    return doing[method]


def _body(row: ObjectType, method: Method, known: Mapping[str, Schema]) -> Schema:
    name = request_name(row, method)
    example = request_example(row.name, known[name], known, change=method == "PATCH")
    body = sent(reference(name), example, **(_forms() if (row.name, method) == ("submissions", "POST") else {}))
    beside = EXAMPLES_BESIDE.get((row.name, method))
    if beside is None:
        return body
    examples: Schema = {**beside, "anything else": {"value": example}}
    return {"required": True, "content": {"application/json": {"schema": reference(name), "examples": examples}}}


def _forms() -> Mapping[str, Schema]:
    """Plain source files in the place of an archive."""
    texts = ("problem_id", "language_id", "entry_point", "team_id")
    properties: dict[str, Json] = {name: {"type": "string"} for name in texts}
    properties["files"] = {"type": "array", "items": FILE, "description": "Source files under their names."}
    required = ["problem_id", "language_id", "files"]
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties, "required": required}}}


def _answers(row: ObjectType, method: Method, example: Json) -> Mapping[str, Schema]:
    if method == "DELETE":
        return {"204": answered_without_body("It is gone.")}
    schema = reference(row.structure.__name__)
    whole = answered(schema, "As it is now.", example=example)
    created = answered(schema, "Created.", headers=("Location", "ETag", "Cache-Control"), example=example)
    if method == "POST":
        return {"201": created}
    if method == "PUT":
        return {"200": whole, "201": created}
    thawing = {"204": answered_without_body("The thaw time was taken as given.")} if row.name == "contest" else {}
    return {"200": whole, **thawing}


def _capabilities(row: ObjectType, method: Method) -> tuple[str, ...]:
    """The capabilities one of which allows a method, where it is not the role alone that does."""
    return tuple(
        name
        for name, (type_name, methods) in OF_CAPABILITY.items()
        if type_name == row.name
        and method in methods
        and any(name in CAPABILITIES[role] and method in PERMISSIONS[role][row.name] for role in CAPABILITIES)
    )


def _downloads(row: ObjectType, file_property: FileProperty, one: str) -> Iterator[Operation]:
    property = file_property.property
    media: Mapping[str, Schema] = {mime: {"schema": FILE} for mime in file_property.mimes or ("*/*",)}
    for path, which in ((f"{one}/{property}", "first"), (f"{one}/{property}/{{filename}}", "named")):
        yield Operation(
            verb="get",
            path=path,
            identifier=f"download_{_snake(row.name)}_{property}" + ("_by_filename" if which == "named" else ""),
            tag=row.endpoint,
            summary=f"The {which} file in `{property}` of {with_article(singular(row))}",
            description="Whoever is shown the reference may have the file, with the same credentials.",
            roles=roles_that_see(row),
            parameters=(*in_path(path), parameter("If-None-Match")),
            answers={
                "200": answered_as(media, "The bytes.", headers=("ETag", "Cache-Control")),
                "304": NOT_MODIFIED,
            },
        )


def _snake(name: str) -> str:
    return name.replace("-", "_")


def _spaced(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


TAGS: Mapping[str, str] = {
    row.endpoint: " ".join((row.structure.__doc__ or "").split()) for row in OBJECT_TYPES.values()
}
"""What each group of operations is about."""
