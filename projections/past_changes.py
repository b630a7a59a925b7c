"""What an event has changed in an object, property by property, whatever the object is.

Objects are read as plain JSON, so that records of any kind, and those of later programs, can be told of too. This
module must not know any type.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET

_decoder = msgspec.json.Decoder()


class PropertyChange(msgspec.Struct, frozen=True):
    """One property, by its path (`ext.cms.official`), before and after, as JSON is read; UNSET where there is none."""

    path: str
    old: object = UNSET
    new: object = UNSET


def property_changes(before: bytes | None, after: bytes | None) -> list[PropertyChange]:
    """How an object differs from what it was, in the order of its properties; None: there was, or is, no object.

    What is no JSON object at all is one value under an empty path. Raises msgspec.DecodeError.
    """
    old = UNSET if before is None else _decoder.decode(before)
    new = UNSET if after is None else _decoder.decode(after)
    return list(_changes("", old, new))


def _changes(path: str, old: object, new: object) -> Iterator[PropertyChange]:
    """Objects are looked into, unless they come or go; lists are one value each."""
    befores, afters = _members(old, path), _members(new, path)
    if befores is None or afters is None:
        if old != new or type(old) is not type(new):
            yield PropertyChange(path, old, new)
        return
    for name in dict.fromkeys((*befores, *afters)):
        below = f"{path}.{name}" if path else name
        yield from _changes(below, befores.get(name, UNSET), afters.get(name, UNSET))


def _members(value: object, path: str) -> Mapping[str, object] | None:
    """The properties of an object; of none at all where the whole object comes or goes. None for any other value."""
    if isinstance(value, dict):
        return value
    return {} if value is UNSET and not path else None
