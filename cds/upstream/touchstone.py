"""What a reading anew is held against: the same objects, as the upstream answers for them besides its feed.

An answer's end and its silence say nothing certain. A reading anew is level when it has told what GET says; where the
two differ for good, that is odd, and is known by its standing still. This module is pure; times are arguments.
"""

from collections.abc import Mapping

import msgspec

from cds.dialects.references import Key
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject

STILL_LOOKS_MIN = 3
"""So many looks in a row have to find the same difference before it is taken for one that stays."""

NAMED_MAX = 5
"""Objects that are named of those about which feed and GET do not agree."""

Objects = Mapping[str, Mapping[str, ContestObject]]
Difference = tuple[ContestObject | None, ContestObject | None]
"""An object as the feed has told it, and as GET says it; None where it is not there."""


class _Still(msgspec.Struct, frozen=True):
    difference: Difference
    looks: int
    since_s: float


class Touchstone:
    """The looks at one upstream in the course of one reading anew."""

    def __init__(self) -> None:
        """Nobody has looked."""
        self._before: Objects = {}
        self._still: dict[Key, _Still] = {}

    def is_told(self, told: Objects, look: Objects, now_s: float, still_s: float) -> bool:
        """Whether the feed has told all that GET says, or has come to where it will go on to differ.

        `look` holds the types that could be asked for; others are not compared. A difference that lasts has been the
        same at `STILL_LOOKS_MIN` looks and for `still_s` seconds.
        """
        differences = behind(told, look, self._before)
        before, self._before = self._still, look
        self._still = {key: _stood(before.get(key), each, now_s) for key, each in differences.items()}
        return all(each.looks >= STILL_LOOKS_MIN and now_s - each.since_s >= still_s for each in self._still.values())

    @property
    def oddity(self) -> str | None:
        """What there is to say of a feed that has been believed although it differs; None where it does not."""
        if not self._still:
            return None
        named = ", ".join(f"{name} {identifier}".strip() for name, identifier in sorted(self._still)[:NAMED_MAX])
        more = len(self._still) - NAMED_MAX
        return f"the feed says otherwise than GET of the same: {named}{f' and {more} more' if more > 0 else ''}"


def behind(told: Objects, look: Objects, look_before: Objects) -> dict[Key, Difference]:
    """The objects that are told neither as a look says them now nor as the one before said them.

    What happens between a line and a look is told by the next lines. Files are left out: each answer may name them
    by another address.
    """
    found: dict[Key, Difference] = {}
    for name, now in look.items():
        before, said = look_before.get(name), told.get(name, {})
        for identifier in said.keys() | now.keys():
            one, other = _bare(name, said.get(identifier)), _bare(name, now.get(identifier))
            if one == other or (before is not None and one == _bare(name, before.get(identifier))):
                continue
            found[name, identifier] = (one, other)
    return found


def _bare(name: str, instance: ContestObject | None) -> ContestObject | None:
    files = {each.property: None for each in OBJECT_TYPES[name].file_properties}
    return instance if instance is None or not files else msgspec.structs.replace(instance, **files)


def _stood(before: _Still | None, difference: Difference, now_s: float) -> _Still:
    if before is None or before.difference != difference:
        return _Still(difference, 1, now_s)
    return msgspec.structs.replace(before, looks=before.looks + 1)
