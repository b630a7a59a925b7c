"""Which contest a replay is: a new one, or one that was begun by the same command and interrupted.

This module must not know how anything is played.
"""

from collections.abc import Iterator

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.belonging import refuse_match_id
from cds.importing import fold_stream
from cds.live_contest import stream_of
from cds.playback.recording import Recording
from cds.playback.traces import traced
from eventstore.limits import is_stream_name
from eventstore.store import EventStore
from schemas.identifiers import bounded_id, is_contest_identifier
from schemas.records import Playback
from schemas.times import format_relative_time

REPLAYS_MAX = 1_000
"""Replays of one contest under ids that were not chosen."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How a contest is to be played: the pace, from which contest time on, and the longest pause behind the end.

    `lead_ms`: how long before its start it begins, unless it begins later.
    """

    pace_permille: int
    from_ms: int | None
    lead_ms: int
    pause_ms_max: int


class Chosen(msgspec.Struct, frozen=True):
    """The contest that a replay is, and what was said of it when it began, None for a new one."""

    contest_id: str
    begun: Playback | None


async def chosen(store: EventStore, recording: Recording, wanted: Wanted, contest_id: str | None) -> Chosen:
    """The contest of this id, or of the first that is free or can be gone on with.

    Raises Refused where the id is taken by another contest, and what the store raises.
    """
    if contest_id is not None:
        refuse_match_id(contest_id, "choose another one (--contest-id)")
        if not is_contest_identifier(contest_id) or not is_stream_name(stream_of(contest_id)):
            raise Refused(f"{contest_id!r} is no id of a contest", "contest-id")
        found = await _found(store, recording, wanted, contest_id)
        if found is None:
            raise Refused(f"there is a contest {contest_id} already, and it is no unfinished replay like this one")
        return found
    for number in _numbers():
        found = await _found(store, recording, wanted, bounded_id(f"{recording.contest_id}-replay{number}"))
        if found is not None:
            return found
    raise Refused(f"{recording.contest_id} was played {REPLAYS_MAX} times; choose an id (--contest-id)")


async def _found(store: EventStore, recording: Recording, wanted: Wanted, contest_id: str) -> Chosen | None:
    """The replay of that id, None where it is something else or over."""
    state = await fold_stream(store, stream_of(contest_id))
    if state.position == 0:
        return Chosen(contest_id, None)
    begun = state.settings.playback
    if begun is None or state.contest is None or state.ended_updates or not _is_like(begun, wanted):
        return None
    if (await traced(store, stream_of(contest_id))).steps >= begun.steps:
        return None
    if begun.changes > len(recording.changes) or begun.digest != recording.digest(begun.changes):
        return None
    return Chosen(contest_id, begun)


def _is_like(begun: Playback, wanted: Wanted) -> bool:
    begins = None if wanted.from_ms is None else format_relative_time(wanted.from_ms)
    return (begun.pace_permille, begun.begins, begun.pause_ms_max) == (
        wanted.pace_permille,
        begins,
        wanted.pause_ms_max,
    )


def _numbers() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in range(2, REPLAYS_MAX + 1))
