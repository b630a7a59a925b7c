"""Schemas of the objects of table one: as each is answered, and as it may be sent by each method.

What is demanded of a property beside its annotation is read off the rules that writes are checked by; who sees it is
read off table two. What a command fills in by itself stands in FILLED_IN. This module must not know paths.
"""

from collections.abc import Mapping

from cds.commands import clarifications, commentary, submissions
from cds.commands.object_rules import MULTIPLES_OF_A_MILLISECOND, NOT_EMPTY, PATTERNS, RANGES, UNIQUE_LISTS
from cds.commands.permissions import PERMISSIONS, Method
from cds.openapi.json_schemas import NULL, Json, Schema, nullable, object_schema, reference
from projections.conditions import always
from projections.visibility_table import VISIBILITY
from schemas.object_types import ObjectType
from schemas.viewers import ROLES, Role

FILLED_IN: Mapping[str, tuple[str, ...]] = {
    "submissions": submissions.SERVER_SETS,
    "clarifications": clarifications.SERVER_SETS,
    "commentary": (*commentary.SERVER_SETS, "tags"),
}
"""What the server sets where a request may leave it out."""

ADDED: Mapping[str, tuple[str, ...]] = {"submissions": ("files",), "awards": ("team_ids",)}
"""What clients have to send although an object may be without it."""

GIVEN_BY_ADMINISTRATORS: Mapping[str, tuple[str, ...]] = {"submissions": ("time",), "clarifications": ("time",)}
"""What the server sets for others, and administrators have to say."""

REFUSED: Mapping[str, tuple[str, ...]] = {"commentary": commentary.SERVER_SETS}
"""What nobody may send, although the object has it."""

SENT_ONLY: Mapping[str, Mapping[str, Schema]] = {
    "accounts": {
        "password": {
            "type": ["string", "null"],
            "writeOnly": True,
            "description": "Kept as a hash, never given out.",
        },
        "disabled": {
            "type": ["boolean", "null"],
            "writeOnly": True,
            "description": "Whether the account may not log in.",
        },
    }
}
"""What may be sent with an object and is never answered."""


def answer_schema(row: ObjectType) -> Schema:
    """An object as it is answered; what everybody who sees it is shown of it, and it cannot be without, is required.

    Imported objects may be freer than what is written, so the demands on requests are none on answers.
    """
    certain = [name for name in row.properties if name in row.required and _shown_always(row, name)]
    schema = object_schema(row.structure, "answer", required=certain)
    properties = dict(_properties_of(schema))
    if "id" in properties:
        properties["id"] = reference("Identifier")
    return {
        **schema,
        "description": description_of(row.structure),
        "properties": {
            name: {**property, **({"x-seen-by": seen} if (seen := _seen_by(row, name)) else {})}
            for name, property in properties.items()
        },
    }


def request_schema(row: ObjectType, method: Method) -> Schema:
    """What may be sent with a method, and what has to be."""
    names = [name for name in row.properties if name not in _refused(row, method)]
    schema = object_schema(row.structure, "request", names=names, required=_required(row, method))
    properties = dict(_with_demands(row, _properties_of(schema)))
    if method == "PUT" and "id" in properties:
        properties["id"] = reference("NewIdentifier")
    elif "id" in properties:
        properties["id"] = {**reference("Identifier"), "description": "That in the URL, for verification."}
    if method == "PATCH":
        # Null takes a property away, but none that every object has.
        without_null = object_schema(row.structure, "request", names=names, required=row.required)
        strict = _with_demands(row, _properties_of(without_null))
        properties |= {name: strict[name] for name in row.required if name != "id" and name in strict}
    else:
        required = _required(row, method)
        properties = {name: each if name in required else _or_null(each) for name, each in properties.items()}
    return {**schema, "properties": {**properties, **SENT_ONLY.get(row.name, {})}}


def request_name(row: ObjectType, method: Method) -> str:
    """The name of a request schema in the document."""
    return f"{row.structure.__name__}{method.capitalize()}"


def roles_that_write(row: ObjectType, method: Method) -> tuple[Role, ...]:
    """Who may use a method on a type."""
    return tuple(role for role in ROLES if method in PERMISSIONS[role][row.name])


def roles_that_see(row: ObjectType) -> tuple[Role, ...]:
    """Who is ever shown an object of a type."""
    return tuple(role for role in ROLES if VISIBILITY[role][row.name].offered)


def _required(row: ObjectType, method: Method) -> list[str]:
    if method == "PATCH":
        return []
    filled_in = FILLED_IN.get(row.name, ())
    wanted = [name for name in row.properties if name in row.required and name not in filled_in]
    if roles_that_write(row, method) == ("admin",):
        wanted += GIVEN_BY_ADMINISTRATORS.get(row.name, ())
    wanted += ADDED.get(row.name, ())
    return [name for name in row.properties if name in wanted and name not in _refused(row, method)]


def _or_null(schema: Schema) -> Schema:
    """Null stands for absent."""
    kind, alternatives = schema.get("type"), schema.get("anyOf")
    takes_null = (isinstance(kind, list) and "null" in kind) or (
        isinstance(alternatives, list) and NULL in alternatives
    )
    return schema if takes_null else nullable(schema)


def _refused(row: ObjectType, method: Method) -> tuple[str, ...]:
    own = REFUSED.get(row.name, ())
    return (*own, "id") if method == "POST" else own


def _with_demands(row: ObjectType, properties: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """The properties of a request with what is demanded of their values."""
    demands: dict[str, dict[str, Json]] = {name: {} for name in properties}
    for name, pattern in PATTERNS.get(row.name, {}).items():
        demands.setdefault(name, {})["pattern"] = f"^{pattern.expression}$"
    for name in (*UNIQUE_LISTS.get(row.name, ()), *(each.property for each in row.file_properties)):
        demands.setdefault(name, {})["uniqueItems"] = True
    for name in NOT_EMPTY.get(row.name, ()):
        demands.setdefault(name, {})["minItems"] = 1
    notes = dict.fromkeys(MULTIPLES_OF_A_MILLISECOND.get(row.name, ()), "A multiple of 0.001 s.")
    for path, (lowest, highest) in RANGES.get(row.name, {}).items():
        name, _, inner = path.partition(".")
        notes[name] = f"`{inner}` from {lowest} to {highest}."
    for name, note in notes.items():
        demands.setdefault(name, {})["description"] = note
    return {name: {**property, **demands[name]} for name, property in properties.items()}


def _properties_of(schema: Schema) -> Mapping[str, Schema]:
    properties = schema["properties"]
    if not isinstance(properties, Mapping):
        raise TypeError("an object schema without properties")
    return {name: property for name, property in properties.items() if isinstance(property, Mapping)}


def _shown_always(row: ObjectType, property: str) -> bool:
    cells = [VISIBILITY[role][row.name] for role in roles_that_see(row)]
    return all(cell.properties.get(property) is always for cell in cells)


def _seen_by(row: ObjectType, property: str) -> list[str]:
    """The roles that are shown a property, where these are not all that are shown the object."""
    seeing = roles_that_see(row)
    shown = [role for role in seeing if property in VISIBILITY[role][row.name].properties]
    return [] if len(shown) == len(seeing) else list(shown)


def description_of(structure: type[object]) -> str:
    """What a structure says of itself, in one line."""
    return " ".join((structure.__doc__ or structure.__name__).split())
