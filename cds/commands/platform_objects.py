"""Which objects of a contest are its platform's and which people here have made: by where they came from, not by id.

What an import has brought is written down with it, as records of the contest, so it holds wherever the log is; a
package carries the same beside the objects. This module must not know any platform, nor what becomes of the objects.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import count

from cds.commands.decision import ObjectChange
from cds.commands.reconcile import Objects
from projections.contest import ContestState
from projections.integrity import Key
from schemas.records import PLATFORM_OBJECTS, PlatformObjects

RECORD_IDS_MAX = 200_000
"""Ids in one record: some megabytes."""

Identifiers = Mapping[str, AbstractSet[str]]
"""Ids by type."""


class Known:
    """What is known to be the platform's, up to the last import."""

    def __init__(self, records: Iterable[PlatformObjects] = ()) -> None:
        """`records`: all that the contest has, in their order."""
        self.ids: dict[str, set[str]] = {}
        self.records = 0
        for record in records:
            self.take(record)

    def take(self, record: PlatformObjects) -> None:
        """Take in the next record."""
        self.records += 1
        for type_name, identifiers in record.went.items():
            self.ids.setdefault(type_name, set()).difference_update(identifiers)
        for type_name, identifiers in record.came.items():
            self.ids.setdefault(type_name, set()).update(identifiers)

    def of_type(self, type_name: str) -> AbstractSet[str]:
        """The ids of the platform's objects of a type; some may have been deleted here since."""
        return self.ids.get(type_name, frozenset())

    def told(self, state: ContestState) -> PlatformObjects | None:
        """The platform's objects that are here, as one record; None where there are none."""
        here = [(name, each) for name in sorted(self.ids) for each in sorted(self.ids[name] & _ids_of(state, name))]
        return PlatformObjects(came=_by_type(here)) if here else None

    def changes(self, now: Identifiers) -> Iterator[ObjectChange]:
        """The records after which `now` is known to be the platform's; none where nothing differs."""
        came = [(name, each) for name, those in now.items() for each in sorted(those - self.of_type(name))]
        went = [(name, each) for name, those in now.items() for each in sorted(self.of_type(name) - those)]
        for place, begin in enumerate(range(0, max(len(came), len(went)), RECORD_IDS_MAX), start=1):
            those = slice(begin, begin + RECORD_IDS_MAX)
            record = PlatformObjects(came=_by_type(came[those]), went=_by_type(went[those]))
            yield ObjectChange(PLATFORM_OBJECTS, record_id(self.records + place), record)


def forgetting(state: ContestState) -> Iterator[ObjectChange]:
    """The changes after which nothing is known to be the platform's: a contest goes, and its id may come again."""
    for number in count(1):
        if (PLATFORM_OBJECTS, record_id(number)) not in state.versions:
            return
        yield ObjectChange(PLATFORM_OBJECTS, record_id(number), None)


def taken_over(told: PlatformObjects | None, objects: Objects) -> Iterator[ObjectChange]:
    """The records of a contest that has none and is made of these objects: somebody else has told whose they are."""
    if told is None:
        return iter(())
    return Known().changes(
        {
            name: {each for each in identifiers if each in objects.get(name, {})}
            for name, identifiers in told.came.items()
        }
    )


def _ids_of(state: ContestState, type_name: str) -> AbstractSet[str]:
    return state.objects.get(type_name, {}).keys()


def _by_type(keys: Iterable[Key]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for type_name, identifier in keys:
        found.setdefault(type_name, []).append(identifier)
    return {type_name: tuple(identifiers) for type_name, identifiers in found.items()}


def record_id(number: int) -> str:
    """The id of the record of that number, counted from 1."""
    return str(number)
