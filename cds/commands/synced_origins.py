"""What of a contest is its platform's, and what of that which the platform tells of now clashes with objects made here.

An object is the platform's if an import has brought it, or if it says just what the platform says. What the platform
tells of under an id that is taken stays away, and with it what is of such a team or to such a problem: that is another
one than the one here. This module must not know any platform.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from cds.commands.platform_objects import Identifiers, Known
from cds.commands.reconcile import Objects
from cds.commands.synced_departures import FailedObject, LeftOver
from cds.commands.synced_judgements import number_of
from projections.contest import ContestState
from projections.integrity import Key, named_by
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, Person

OF_PLATFORM: Mapping[str, tuple[str, ...]] = {
    "judgement-types": ("name", "solved", "penalty"),
    "languages": ("name", "extensions"),
    "problems": ("label", "name", "ordinal", "max_score"),
    "groups": ("name",),
    "teams": ("name", "label", "group_ids", EXTENSION),
    "persons": ("name", "roles"),
    "submissions": ("language_id", "problem_id", "team_id", "time", "contest_time"),
}
"""What a platform says of the objects of each type. All else that they have was given to them here.

Judgements are not among them: of these there may be several for what the platform tells as one (synced_judgements).
"""

CHANGING: Mapping[str, tuple[str, ...]] = {"teams": ("group_ids", EXTENSION)}
"""What of that changes as a contest goes on: it does not say whether an object is the one that the platform means."""

WHOSE_AND_WHAT = ("problems", "teams")
"""The types with whose objects others stay away: languages, groups and types of judgements merely describe."""


class Origins:
    """Whose the objects of a contest are.

    `owned`: the ids of the platform's that are here, by type. `clashing`: those of people here whose ids the platform
    gives to others; they stay, and its objects stay away, and what of its objects stays away with them: `failed`.
    """

    def __init__(self, state: ContestState, told: Objects, known: Known, adopted: Identifiers) -> None:
        """`told`: what the platform tells of now, by type and id. `adopted`: what is taken to be the platform's too."""
        self.owned: dict[str, AbstractSet[str]] = {}
        self.clashing: list[LeftOver] = []
        self.failed: list[FailedObject] = []
        self._told = told
        for type_name in OF_PLATFORM:
            present = state.objects[type_name]
            owned = {identifier for identifier in known.of_type(type_name) if identifier in present}
            owned |= adopted.get(type_name, frozenset())
            for identifier, instance in told[type_name].items():
                if identifier not in owned and identifier in present:
                    if _says_the_same(present[identifier], instance, type_name):
                        owned.add(identifier)
                    else:
                        self._note_clash(type_name, identifier)
            self.owned[type_name] = owned
        self.owned["judgements"] = {*_owned_judgements(state, known, self.owned["submissions"])}
        self._away: set[Key] = {(each.type, each.id) for each in self.clashing}
        self._taken = {key for key in self._away if key[0] in WHOSE_AND_WHAT}
        if self._taken:
            self._note_what_stays_away_too()

    def told(self, type_name: str) -> Iterator[tuple[str, ContestObject]]:
        """The platform's objects of a type, without those that stay away, by id."""
        for identifier, instance in self._told[type_name].items():
            if (type_name, identifier) not in self._away:
                yield identifier, self._apart(instance)

    def came(self, type_name: str) -> int:
        """How many of the platform's objects of a type are new."""
        return sum(1 for identifier, _ in self.told(type_name) if identifier not in self.owned[type_name])

    def _note_clash(self, type_name: str, identifier: str) -> None:
        reason = f"{type_name} {identifier} was made here: what the platform has under that id stays away"
        self.clashing.append(LeftOver(type=type_name, id=identifier, reason=reason))

    def _note_what_stays_away_too(self) -> None:
        """Submissions of a team, or to a problem, whose id is taken; and whoever is in no other team."""
        for type_name in ("persons", "submissions"):
            for identifier, instance in self._told[type_name].items():
                if (type_name, identifier) in self._away:
                    continue
                named = named_by(OBJECT_TYPES[type_name], self._apart(instance))
                taken = next((key for key in named if key in self._taken), None)
                if taken is None:
                    continue
                self._away.add((type_name, identifier))
                self.failed.append(FailedObject(type=type_name, id=identifier))
                reason = f"{type_name} {identifier} refers to {taken[0]} {taken[1]}, which was made here"
                self.clashing.append(LeftOver(type=type_name, id=identifier, reason=reason))

    def _apart(self, instance: ContestObject) -> ContestObject:
        """Somebody without the roles in teams whose ids are taken, if there are others; all else as it is."""
        if not self._taken or not isinstance(instance, Person):
            return instance
        roles = [role for role in instance.roles if ("teams", role.team_id) not in self._taken]
        return msgspec.structs.replace(instance, roles=roles) if roles else instance


def _says_the_same(present: ContestObject, told: ContestObject, type_name: str) -> bool:
    names = [name for name in OF_PLATFORM[type_name] if name not in CHANGING.get(type_name, ())]
    return all(getattr(present, name) == getattr(told, name) for name in names)


def _owned_judgements(state: ContestState, known: Known, submissions: AbstractSet[str]) -> Iterator[str]:
    """Those that the platform has given; with a submission that is its own without an import, what looks as if."""
    yield from (each for each in known.of_type("judgements") if each in state.objects["judgements"])
    for submission_id in submissions - known.of_type("submissions"):
        yield from (each.id for each in state.judgements_of(submission_id) if number_of(each) is not None)
