"""`simulate`: parameters in, a whole contest out; pure and deterministic.

This module must not know disks, wires or clocks.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import overload

import msgspec

from cds.simulation.live_objects import make_run, told_runs
from cds.simulation.parameters import SimulationParameters
from cds.simulation.participants import password_of
from cds.simulation.telling import SimulatedChange, tell
from cds.simulation.world import World, make_world
from schemas.object_types import OBJECT_TYPES, ObjectType, object_key
from schemas.objects import ContestObject, Run
from schemas.properties import FileReference


class SimulatedContest(msgspec.Struct, frozen=True, kw_only=True):
    """A contest as it stands in its phase.

    `objects` holds the objects by type name, all types in the order of table one; runs are made when asked for, so
    that a million of them need no room. `passwords` are plain, by account id. `contents` are the bytes of all
    files by the SHA-256 that `FileReference.content` names.
    """

    parameters: SimulationParameters
    objects: Mapping[str, Sequence[ContestObject]]
    passwords: Mapping[str, str]
    contents: Mapping[str, bytes]
    world: World

    @property
    def contest_id(self) -> str:
        """The id of the contest."""
        return self.parameters.contest_id

    @property
    def object_count(self) -> int:
        """All objects of all types."""
        return sum(len(instances) for instances in self.objects.values())

    def timeline(self) -> Iterator[SimulatedChange]:
        """The same contest as the changes that lead to it, ascending in time; each call starts anew."""
        return tell(self.world)

    def package_files(self) -> Iterator[tuple[str, bytes]]:
        """Package path and bytes of every file, one after the other."""
        for row in OBJECT_TYPES.values():
            if row.file_properties:
                for instance in self.objects[row.name]:
                    for reference in file_references(row, instance):
                        if reference.content is not None:
                            yield package_path(row, instance, reference), self.contents[reference.content]

    @property
    def files(self) -> dict[str, bytes]:
        """The same as a mapping; equal files share their bytes."""
        return dict(self.package_files())


class SimulatedRuns(Sequence[Run]):
    """All runs in the order of their judgements, made one by one when somebody looks at them."""

    def __init__(self, world: World) -> None:
        """Count the runs; nothing else is kept."""
        self._world = world
        judgings = world.judgings
        self._numbers_before = [0, *accumulate(judging.runs for judging in judgings)]
        told = [told_runs(world, j) if j.start_ms <= world.until_ms else 0 for j in judgings]
        self._told_before = [0, *accumulate(told)]

    def __len__(self) -> int:
        return self._told_before[-1]

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        if isinstance(index, slice):
            return [self._run(place) for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"run {index} of {len(self)}")
        return self._run(index % len(self))

    def __iter__(self) -> Iterator[Run]:
        for at, judging in enumerate(self._world.judgings):
            before = self._numbers_before[at]
            for ordinal in range(1, self._told_before[at + 1] - self._told_before[at] + 1):
                yield make_run(self._world, judging, before + ordinal, ordinal)

    def _run(self, place: int) -> Run:
        at = bisect_right(self._told_before, place) - 1
        ordinal = place - self._told_before[at] + 1
        return make_run(self._world, self._world.judgings[at], self._numbers_before[at] + ordinal, ordinal)


def simulate(parameters: SimulationParameters) -> SimulatedContest:
    """The contest of these parameters: the same, byte for byte, wherever and whenever it is made."""
    world = make_world(parameters)
    standing: dict[str, dict[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
    for change in tell(world, with_runs=False):
        if change.instance is None:
            del standing[change.type][change.id]
        else:
            standing[change.type][change.id] = change.instance
    objects: dict[str, Sequence[ContestObject]] = {name: [*of_type.values()] for name, of_type in standing.items()}
    objects["runs"] = SimulatedRuns(world)
    return SimulatedContest(
        parameters=parameters,
        objects=objects,
        passwords={account_id: password_of(parameters, account_id) for account_id in standing["accounts"]},
        contents=world.contents,
        world=world,
    )


def file_references(row: ObjectType, instance: ContestObject) -> Iterator[FileReference]:
    """All file references of an object."""
    for file_property in row.file_properties:
        yield from getattr(instance, file_property.property) or ()


def package_path(row: ObjectType, instance: ContestObject, reference: FileReference) -> str:
    """Where a contest package keeps a file (Contest Package, "Referenced files")."""
    return row.package_path(object_key(row, instance), reference.filename)
