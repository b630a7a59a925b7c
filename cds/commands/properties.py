"""What a request says about an object, and the object that it comes to.

A body is a set of properties, each still the JSON it came as; null and absent are alike. Here it is laid over what
the server sets and over what was there, decoded strictly, and its times brought into their one form. This module must
not know any particular type.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.belonging import refuse_match_id
from schemas.extensions import EXTENSION
from schemas.identifiers import RESERVED_CONTEST_IDS, is_identifier
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.objects import ContestObject
from schemas.times import canonical_relative_time, canonical_time

Properties = Mapping[str, msgspec.Raw]

NULL = msgspec.Raw(b"null")

_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_NAMED = re.compile(r"field `(?P<name>[^`]*)`")

_encode = msgspec.json.Encoder().encode
_text_decoder = msgspec.json.Decoder(str)
_properties_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_object_decoders = {name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()}


def given(properties: Properties) -> dict[str, msgspec.Raw]:
    """The properties that are there and not null."""
    return {name: value for name, value in properties.items() if value != NULL}


def raw(value: object) -> msgspec.Raw:
    """A value of our own as JSON."""
    return msgspec.Raw(_encode(value))


def text_of(properties: Properties, name: str) -> str | None:
    """A property that is a text, None when it is null or absent. Raises Refused."""
    value = properties.get(name)
    if value is None or value == NULL:
        return None
    try:
        return _text_decoder.decode(value)
    except msgspec.ValidationError:
        raise Refused(f"{name} must be a text", name) from None


def refuse_given(properties: Properties, names: Iterable[str], reason: str) -> None:
    """Raise Refused for the first of these properties that is there."""
    for name in names:
        if name in properties:
            raise Refused(f"{name} must not be given: {reason}", name)


def require(properties: Properties, names: Iterable[str]) -> None:
    """Raise Refused for the first of these properties that is missing or null."""
    for name in names:
        if name not in properties:
            raise Refused(f"{name} is missing", name)


def properties_of(instance: ContestObject) -> dict[str, msgspec.Raw]:
    """The properties that an object has."""
    return _properties_decoder.decode(_encode(instance))


def instance_of(row: ObjectType, properties: Properties) -> ContestObject:
    """The object that some properties make up. Raises Refused, naming the property that is wrong."""
    try:
        instance = _object_decoders[row.name].decode(_encode(_with_extension_given(properties)))
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None
    times = {
        **_canonical(instance, row.time_properties, canonical_time),
        **_canonical(instance, row.relative_time_properties, canonical_relative_time),
    }
    return msgspec.structs.replace(instance, **times) if times else instance


def _with_extension_given(properties: Properties) -> Properties:
    """An extension without the namespaces that are null; none where nothing is left."""
    said = properties.get(EXTENSION)
    if said is None:
        return properties
    try:
        namespaces = _properties_decoder.decode(said)
    except msgspec.ValidationError:
        return properties  # what is wrong with it is said where the whole is decoded
    kept = given(namespaces)
    if kept and len(kept) == len(namespaces):
        return properties
    others = {name: value for name, value in properties.items() if name != EXTENSION}
    return {**others, EXTENSION: raw(kept)} if kept else others


def namespaces_of_body(properties: Properties) -> dict[str, msgspec.Raw] | None:
    """What a body says of extensions, by namespace; None where that is no object, which is refused elsewhere."""
    return members_of(properties.get(EXTENSION, NULL))


def members_of(value: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The members of what ought to be an object, {} for null; None for anything else."""
    if value == NULL:
        return {}
    try:
        return _properties_decoder.decode(value)
    except msgspec.ValidationError:
        return None


def check_identifier(identifier: str) -> None:
    """Raise Refused for what is no ID (JSON Format, "JSON property types")."""
    if not is_identifier(identifier):
        raise Refused(
            f"{identifier[:60]!r} is no id: 1 to 36 of the characters a-z A-Z 0-9 _ . -, not beginning with - or ., "
            "not ending with .",
            "id",
        )


def check_contest_identifier(identifier: str) -> None:
    """Raise Refused for what is no ID, or none that a contest of this server may have."""
    check_identifier(identifier)
    refuse_reserved(identifier)
    refuse_match_id(identifier)


def refuse_reserved(identifier: str) -> None:
    """Raise Refused for an id that no contest of this server may have."""
    if identifier in RESERVED_CONTEST_IDS:
        raise Refused(f"no contest may be called {identifier}: that is another endpoint of this server", "id")


def _canonical(instance: ContestObject, names: Iterable[str], canonical: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        value = getattr(instance, name)
        if isinstance(value, str):
            try:
                written = canonical(value)
            except ValueError as error:
                raise Refused(f"{name} is {error}", name) from None
            if written != value:
                found[name] = written
    return found


def refusal_of(error: msgspec.ValidationError) -> Refused:
    """What is wrong with a body, in the words of this API."""
    return _refused(str(error))


def _refused(message: str) -> Refused:
    place = _PLACE.search(message)
    named = _NAMED.search(message)
    text = _PLACE.sub("", message)
    if place is not None and place["place"]:
        path = place["place"]
        top = re.split(r"[.\[]", path)[0]
        return Refused(f"{path}: {text}", top if named is None or "." in path else named["name"])
    if named is not None:
        missing = "missing" in text
        return Refused(
            f"{named['name']} is missing" if missing else f"there is no property {named['name']}", named["name"]
        )
    return Refused(text)
