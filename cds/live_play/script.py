"""The script of a play: which changes of a simulated contest are played, when, and in which order.

A contest is played faster than it was made up: every duration and every moment is divided by the speed. What a server
does by itself (start, freeze, end, thaw, awards, taking the old judgement out of the count) is not played.
This module is pure; it must not know the wire.
"""

from collections.abc import Iterator, Sequence

import msgspec

from cds.simulation.contest import SimulatedContest
from cds.simulation.telling import SimulatedChange
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, referenced_ids
from schemas.objects import Contest, ContestObject, Judgement
from schemas.times import format_relative_time, parse_relative_time_ms

Key = tuple[str, str]
"""Type and id of an object, as the simulation names it."""

PLAYED_TYPES = frozenset({"submissions", "judgements", "runs", "clarifications", "commentary"})
"""The live types that clients write; awards and state are the server's own work."""

SCALED_PROPERTIES = ("duration", "scoreboard_freeze_duration", "penalty_time")
"""Durations of the contest object."""


class PlayedChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change to be played. `due_ms` is real time since the start of the contest."""

    due_ms: int
    key: Key
    instance: ContestObject


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A whole play. `configuration` stands before the start, each object after those that it names.

    `duration_ms` is the real length of the contest; it has a freeze when `freezes`.
    """

    contest_id: str
    configuration: Sequence[tuple[str, ContestObject]]
    changes: Sequence[PlayedChange]
    duration_ms: int
    freezes: bool


def script_of(simulated: SimulatedContest, speed: float) -> Script:
    """The script of a simulated contest at `speed` times the speed.

    Raises ValueError when the contest would last less than a millisecond.
    """
    configuration: list[tuple[str, ContestObject]] = []
    changes: list[PlayedChange] = []
    for change in simulated.timeline():
        if change.instance is None:
            raise ValueError(f"{change.type} {change.id} is deleted, which no play can do")
        if OBJECT_TYPES[change.type].kind == "configuration":
            configuration.append((change.type, scaled(change.instance, speed)))
        elif is_played(change.instance, change.type):
            changes.append(_played(change, change.instance, speed))
    duration_ms = int(simulated.parameters.duration_ms / speed)
    if duration_ms < 1:
        raise ValueError(f"speed: at {speed:g} times the speed nothing is left of the contest")
    return Script(
        contest_id=simulated.contest_id,
        configuration=configuration,
        changes=changes,
        duration_ms=duration_ms,
        freezes=simulated.parameters.freeze_s > 0,
    )


def is_played(instance: ContestObject, type_name: str) -> bool:
    """Whether a client does this; a judgement that a later one replaces is taken out of the count by the server."""
    if type_name not in PLAYED_TYPES:
        return False
    return not (isinstance(instance, Judgement) and instance.current is False and instance.judgement_type_id)


def scaled(instance: ContestObject, speed: float) -> ContestObject:
    """An object of the configuration in the play: the contest is shortened and not scheduled, the others are as is."""
    if not isinstance(instance, Contest):
        return instance
    shortened = {
        property: format_relative_time(int(parse_relative_time_ms(text) / speed))
        for property in SCALED_PROPERTIES
        if (text := getattr(instance, property)) is not None
    }
    return msgspec.structs.replace(instance, **shortened, start_time=None, scoreboard_thaw_time=None)


def concerned(change: PlayedChange) -> Iterator[Key]:
    """The objects that a change is about: itself, and what it names of all that is written during the contest.

    Changes about one object are played one after the other, so that a server never hears of a run before its
    judgement, nor of a verdict before its runs.
    """
    yield change.key
    for reference in OBJECT_TYPES[change.key[0]].references:
        if reference.target in PLAYED_TYPES:
            yield from ((reference.target, identifier) for identifier in referenced_ids(reference, change.instance))


def _played(change: SimulatedChange, instance: ContestObject, speed: float) -> PlayedChange:
    return PlayedChange(due_ms=int(change.moment_ms / speed), key=(change.type, change.id), instance=instance)


def path_of(type_name: str, instance: ContestObject) -> str:
    """The path of an object of the configuration below the address of its contest, empty for the contest itself."""
    row = OBJECT_TYPES[type_name]
    return SINGLETON_ID if row.singleton else f"/{row.endpoint}/{msgspec.structs.asdict(instance)['id']}"
