"""One object of a source into one of our structures: a walk over its properties through the tables of repairs.

This module knows the order of the steps. What is done to which property stands in `repairs` and `files`.
"""

import re

import msgspec

from cds.dialects.coercion import Coercer
from cds.dialects.drafts import Context, Draft, Unfit
from cds.dialects.files import file_list
from cds.dialects.identifiers import unsafe_reason
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import REMOVED_PROPERTIES
from cds.dialects.repairs import COERCERS, FILLS, LEGACY, NEVER_LEFT_OUT, NULLS_WRITTEN, RULES
from cds.dialects.results import Place, quoted, refusal
from schemas.identifiers import is_identifier
from schemas.object_types import SINGLETON_ID, FileProperty, ObjectType
from schemas.objects import ContestObject

_INVALID_PROPERTY = re.compile(r"`\$\.([a-z_0-9]+)")


class Translated(msgspec.Struct, frozen=True):
    """An object in our model, with what the model keeps elsewhere: whether it was hidden, and a password."""

    identifier: str
    instance: ContestObject
    hidden: bool
    password: str | None


class _Plan(msgspec.Struct, frozen=True):
    """All that the tables say of one type, looked up once."""

    coercers: dict[str, Coercer]
    files: dict[str, FileProperty]
    never_left_out: frozenset[str]
    removed: frozenset[str]


_PLANS: dict[str, _Plan] = {}


def translate_object(
    row: ObjectType, source: JsonObject, place: Place, context: Context, *, identifier: str | None = None
) -> Translated:
    """The object that `source` describes. `identifier` is its id where `source` itself does not say one.

    Raises SourceRefused for what no repair covers; every repair is a warning in the context.
    """
    own_id = _own_id(row, source, place, context, identifier)
    draft = Draft(row, own_id, place, source, context)
    plan = _PLANS.get(row.name) or _plan(row)
    for name, value in source.items():
        if value is not None and name != "id":
            _take(draft, plan, name, value)
    if context.has_files:
        _take_unlisted_files(draft, plan)
    _complete(draft)
    for rule in RULES.get(row.name, ()):
        rule(draft)
    instance = _structured(draft)
    return Translated(SINGLETON_ID if row.singleton else own_id, instance, draft.hidden, draft.password)


def object_id(row: ObjectType, source: JsonObject, place: Place, fallback: str | None) -> str | None:
    """The id that an object says it has, as text, else `fallback`."""
    said = source.get("id")
    if said is None:
        return fallback
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise refusal(place, f"is not an id but {quoted(said)}", type_name=row.name, property_name="id")
    return str(said)


def _own_id(row: ObjectType, source: JsonObject, place: Place, context: Context, fallback: str | None) -> str:
    identifier = object_id(row, source, place, fallback)
    if "id" not in row.properties:
        return SINGLETON_ID
    if identifier is None:
        raise refusal(place, "is missing", type_name=row.name, property_name="id")
    reason = unsafe_reason(identifier)
    if reason is not None:
        raise refusal(place, reason, type_name=row.name, property_name="id")
    shown = "" if row.singleton else identifier
    said = source.get("id")
    if said is None:
        context.notices.warn(place, row.name, shown, "id", f"is absent, filled with {quoted(identifier)}")
    elif not isinstance(said, str):
        context.notices.warn(place, row.name, shown, "id", "is a number, read as text")
    if not is_identifier(identifier):
        context.notices.warn(place, row.name, shown, "id", f"{quoted(identifier)} breaks the rule for ids, kept")
    return identifier


def _plan(row: ObjectType) -> _Plan:
    plan = _Plan(
        coercers={name: coercer for name, coercer in COERCERS[row.name].items() if name != "id"},
        files={files.property: files for files in row.file_properties},
        never_left_out=row.required | NEVER_LEFT_OUT.get(row.name, frozenset()),
        removed=REMOVED_PROPERTIES.get(row.name, frozenset()),
    )
    _PLANS[row.name] = plan
    return plan


def _take(draft: Draft, plan: _Plan, name: str, value: JsonValue) -> None:
    try:
        if name in plan.coercers:
            coerced = plan.coercers[name](draft, name, value)
            if coerced is not None:
                draft.properties[name] = coerced
        elif name in plan.files:
            _keep_files(draft, plan.files[name], value)
        elif name not in plan.removed:
            _take_other(draft, plan, name, value)
    except Unfit as unfit:
        if name in plan.never_left_out or name in LEGACY.get(draft.row.name, {}):
            raise draft.refused(name, str(unfit)) from None
        draft.warn(name, f"{unfit}, left out")


def _take_other(draft: Draft, plan: _Plan, name: str, value: JsonValue) -> None:
    """A property of an earlier version, one in another spelling, or one that nobody knows."""
    legacy = LEGACY.get(draft.row.name, {})
    spelled = name.replace("-", "_")
    if name in legacy:
        legacy[name](draft, value)
    elif spelled != name and spelled in plan.coercers and spelled not in draft.source:
        draft.warn(name, f"is read as {spelled}")
        _take(draft, plan, spelled, value)
    else:
        draft.warn(name, "is not known to the format, left out")


def _keep_files(draft: Draft, files: FileProperty, value: JsonValue) -> None:
    references = file_list(draft, files, value)
    if references:
        draft.properties[files.property] = references


def _take_unlisted_files(draft: Draft, plan: _Plan) -> None:
    for name, files in plan.files.items():
        if draft.source.get(name) is None:
            _keep_files(draft, files, [])


def _complete(draft: Draft) -> None:
    """Fill in what the format demands, then refuse what is still missing."""
    properties = draft.properties
    for name, fill in FILLS.get(draft.row.name, {}).items():
        if name in properties:
            continue
        value = fill.value(draft)
        if value is None:
            continue
        properties[name] = value
        if fill.words is not None:
            draft.warn(name, fill.words)
    for name in NULLS_WRITTEN.get(draft.row.name, ()):
        properties.setdefault(name, None)
    if "id" in draft.row.properties:
        properties["id"] = draft.identifier
    for name in draft.row.required:
        if name not in properties:
            raise draft.refused(name, "is missing")


def _structured(draft: Draft) -> ContestObject:
    """The structure of the properties; an optional one that does not fit is left out."""
    row, properties = draft.row, draft.properties
    while True:
        try:
            return msgspec.convert(properties, row.structure)
        except msgspec.ValidationError as error:
            found = _INVALID_PROPERTY.search(str(error))
            name = found[1] if found else ""
            value = properties.pop(name, None)
            if name in row.required or name in NEVER_LEFT_OUT.get(row.name, ()) or value is None:
                raise draft.refused(name, f"does not fit: {error}") from error
            draft.warn(name, f"does not fit the format ({quoted(value)}), left out")
