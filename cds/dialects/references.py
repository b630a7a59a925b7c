"""References between objects, from the side of whoever puts a contest together piece by piece.

Which references an object waits for, which may be left out for the time being, and what is left of an object
without some of them. All is read off table one; the exceptions are the tables here.
"""

from collections.abc import Mapping, Sequence

import msgspec

from schemas.object_types import OBJECT_TYPES, Reference, referenced_ids
from schemas.objects import Account, ContestObject, Judgement, Person

Key = tuple[str, str]
"""Type and id of an object."""

ADDED_LATER = frozenset(
    {
        ("contest", "main_scoreboard_group_id"),
        ("judgement-types", "simplified_judgement_type_id"),
        ("teams", "organization_id"),
        ("teams", "group_ids"),
        ("submissions", "account_id"),
        ("judgements", "simplified_judgement_type_id"),
    }
)
"""Optional references that an object does not wait for: it is made without, and changed when the target comes.

Much rests on these objects, and a source may keep back what they name; all other references are waited for.
"""

DECISIVE = frozenset(
    {("clarifications", "from_team_id"), ("clarifications", "to_team_ids"), ("clarifications", "to_group_ids")}
)
"""References that say whom an object is for: without the last of them it would be for everybody."""


class Missing(msgspec.Struct, frozen=True):
    """An object that is named and not there."""

    reference: Reference
    id: str

    @property
    def key(self) -> Key:
        """Type and id of what is not there."""
        return self.reference.target, self.id


def missing_references(
    key: Key, instance: ContestObject, objects: Mapping[str, Mapping[str, ContestObject]]
) -> list[Missing]:
    """What an object names that is not in `objects`; itself it may always name."""
    missing: list[Missing] = []
    for reference in OBJECT_TYPES[key[0]].references:
        value = getattr(instance, reference.path[0])
        if value is None:
            continue
        there = objects[reference.target]
        if not reference.many:
            if value not in there and (reference.target, value) != key:
                missing.append(Missing(reference, value))
            continue
        missing += [
            Missing(reference, identifier)
            for identifier in referenced_ids(reference, instance)
            if identifier not in there and (reference.target, identifier) != key
        ]
    return missing


def referenced_keys(key: Key, instance: ContestObject) -> list[Key]:
    """Type and id of everything that an object names, but itself; what is named twice comes twice."""
    keys: list[Key] = []
    for reference in OBJECT_TYPES[key[0]].references:
        if getattr(instance, reference.path[0]) is not None:
            keys += [(reference.target, identifier) for identifier in referenced_ids(reference, instance)]
    return [named for named in keys if named != key]


def is_waited_for(key: Key, missing: Missing) -> bool:
    """Whether the object is not made before what it names is there."""
    return missing.reference.required or (key[0], missing.reference.property) not in ADDED_LATER


def without(instance: ContestObject, missing: Sequence[Missing], type_name: str) -> ContestObject | None:
    """The object without the references that lead nowhere; None when it cannot be without them."""
    for each in missing:
        if each.reference.required:
            return None
    changes: dict[str, object] = {}
    for name in {each.reference.property for each in missing}:
        gone = {each.id for each in missing if each.reference.property == name}
        left = _left(getattr(instance, name), gone)
        if not left and (type_name, name) in DECISIVE:
            return None
        changes[name] = left
    reduced = msgspec.structs.replace(instance, **changes)
    return _consistent(reduced)


def _left(value: object, gone: set[str]) -> object:
    """The value of a property without the ids that are gone; of a list of parts, without the parts that name them."""
    if not isinstance(value, list):
        return None
    return [member for member in value if _named(member) not in gone]


def _named(member: object) -> object:
    return getattr(member, "team_id", None) if isinstance(member, msgspec.Struct) else member


def _consistent(instance: ContestObject) -> ContestObject | None:
    """What else must go along with a reference (JSON Format: conditions between properties)."""
    if isinstance(instance, Account) and instance.type == "team" and instance.team_id is None:
        return None
    if isinstance(instance, Person) and not instance.roles:
        return None
    if isinstance(instance, Judgement) and not (instance.judgement_type_id or instance.simplified_judgement_type_id):
        return msgspec.structs.replace(instance, end_time=None)
    return instance
