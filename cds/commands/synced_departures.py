"""What goes from a contest because its platform no longer tells of it, and what stays all the same.

Little goes at once: an answer that lacks much is taken for a broken one. What could not be translated, and what people
here refer to, stays as it is. This module must not know any platform.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

import msgspec

from cds.commands.platform_objects import Identifiers
from cds.commands.reconcile import Objects
from projections.contest import ContestState
from projections.integrity import Key, named_by
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, Person

DEPARTING = ("problems", "teams", "persons", "submissions", "judgements")
"""The types of which objects go. What others are described with (languages, groups, types of judgements) never does."""

GUARDED = ("problems", "teams", "submissions")
"""The types of which not all may go at once."""

GUARDED_IN_PART = ("teams", "submissions")
GONE_AT_ONCE_MAX = 10
GONE_AT_ONCE_FRACTION = 10
"""Of the types that are guarded in part not more than so many go at once, and more than one in so many."""

LETS_GO = "awards"
"""The type whose objects are made to let go of what is no more."""


class Implausible(Exception):
    """The platform's answer lacks so much that it is taken for a broken one; the text says what."""


class FailedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object of which the platform told what cannot be translated; `id` None: one of this type, unknown which."""

    type: str
    id: str | None


class LeftOver(msgspec.Struct, frozen=True, kw_only=True):
    """An object that the platform has no more, or has otherwise, and that stays as it is here; the reason says why."""

    type: str
    id: str
    reason: str


class Failed:
    """Which objects are not to be touched, because nobody knows what the platform says of them."""

    def __init__(self, failed: Iterable[FailedObject]) -> None:
        """Those that failed."""
        self._ids: dict[str, set[str | None]] = {}
        for each in failed:
            self._ids.setdefault(each.type, set()).add(each.id)

    def covers(self, type_name: str, identifier: str | None) -> bool:
        """Whether it was this object that failed, or may have been. None: one of that type, whichever."""
        failed = self._ids.get(type_name, set())
        return bool(failed) and (identifier is None or identifier in failed or None in failed)

    def covers_person(self, person: ContestObject) -> bool:
        """Whether somebody is of a team that failed, or may have."""
        roles = person.roles if isinstance(person, Person) else ()
        return any(role.team_id is not None and self.covers("teams", role.team_id) for role in roles)


def refuse_implausible(owned: Identifiers, told: Objects, failed: Failed, *, came: int) -> None:
    """Raise Implausible when a guarded type has nothing any more, or a great part of one would go.

    `owned`: what the contest has of the platform. `came`: how many teams are new: one that has been renamed goes and
    comes, and many may have been since a contest was last imported, so of teams the difference counts.
    """
    for type_name in GUARDED:
        gone = [each for each in owned[type_name] - told[type_name].keys() if not failed.covers(type_name, each)]
        if gone and not told[type_name]:
            raise Implausible(f"no {type_name} any more, of {len(owned[type_name])}")
        fewer = len(gone) - (came if type_name == "teams" else 0)
        great = fewer > GONE_AT_ONCE_MAX and fewer * GONE_AT_ONCE_FRACTION > len(owned[type_name])
        if type_name in GUARDED_IN_PART and great:
            raise Implausible(f"{fewer} {type_name} fewer, of {len(owned[type_name])}")


class Departures:
    """What goes: what is the platform's and is not told, but for what stays.

    `gone` are the keys of what goes, `left_over` what stays because objects that are not the platform's refer to it.
    """

    def __init__(self, state: ContestState, owned: Identifiers, merged: Objects, failed: Failed) -> None:
        """`merged`: the platform's objects as they will stand, by type and id."""
        self._state = state
        self._merged = merged
        self._owned = owned
        self.left_over: list[LeftOver] = []
        self.gone: dict[Key, None] = {
            (type_name, identifier): None
            for type_name in DEPARTING
            for identifier in sorted(owned[type_name] - merged[type_name].keys())
        }
        self._keep(key for key in [*self.gone] if self._has_failed(key, failed))
        for key in [*self.gone]:
            referrer = self._referrer(key)
            if key in self.gone and referrer is not None:
                reason = f"{key[0]} {key[1]} is no more, but {referrer[0]} {referrer[1]} refers to it"
                self.left_over.append(LeftOver(type=key[0], id=key[1], reason=reason))
                self._keep([key])

    def staying(self, type_name: str) -> dict[str, ContestObject]:
        """The objects of a type that are here and do not go, as they are."""
        return {
            identifier: instance
            for identifier, instance in self._state.objects[type_name].items()
            if (type_name, identifier) not in self.gone
        }

    def still_owned(self, type_name: str) -> AbstractSet[str]:
        """The ids of the platform's objects of a type that do not go."""
        return {each for each in self._owned[type_name] if (type_name, each) not in self.gone}

    def _has_failed(self, key: Key, failed: Failed) -> bool:
        instance = self._state.objects[key[0]][key[1]]
        return failed.covers(*key) or (key[0] == "persons" and failed.covers_person(instance))

    def _referrer(self, key: Key) -> Key | None:
        """Something that will be there and refers to an object; None if nothing does."""
        for referrer in self._state.referrers.of(key):
            if referrer in self.gone or referrer[0] == LETS_GO:
                continue
            present = self._state.objects[referrer[0]].get(referrer[1])
            after = self._merged.get(referrer[0], {}).get(referrer[1], present)
            if after is not None and key in named_by(OBJECT_TYPES[referrer[0]], after):
                return referrer
        return None

    def _keep(self, keys: Iterable[Key]) -> None:
        """Keep these, what they refer to, and the judgements of submissions."""
        waiting = deque(keys)
        while waiting:
            key = waiting.popleft()
            if key in self.gone:
                del self.gone[key]
                waiting.extend(named_by(OBJECT_TYPES[key[0]], self._state.objects[key[0]][key[1]]))
                waiting.extend(self._judgements_of(key))

    def _judgements_of(self, key: Key) -> Iterator[Key]:
        if key[0] == "submissions":
            for judgement in self._state.judgements_of(key[1]):
                if judgement.id in self._owned["judgements"]:
                    yield "judgements", judgement.id
