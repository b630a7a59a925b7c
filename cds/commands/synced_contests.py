"""A contest of a platform, brought level with what the platform says: the decision, one contest at a time.

What the platform speaks of is the platform's; all else that people here have given the contest (a banner, a location,
its results) stays. Nothing is appended when nothing differs. This module must not know any platform.
"""

import msgspec

from cds.commands.contest_clock import state_by_now
from cds.commands.contest_moments import settings_change
from cds.commands.decision import ObjectChange, Refused
from cds.commands.reconcile import Objects, decide_reconcile
from projections.contest import ContestState
from schemas.extensions import ContestExtension, SyncedContest
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, State

OF_PLATFORM = ("name", "duration", "scoreboard_type", "penalty_time")
"""What a platform says of a contest, besides its times."""

TIMES_OF_PLATFORM = ("start_time", "duration", "scoreboard_freeze_duration")
"""What it says of its times; those of a contest whose clock this server is are left alone."""


class SyncDecision(msgspec.Struct, frozen=True):
    """The changes that bring a contest level with its platform; `new`: there was no such contest before."""

    changes: list[ObjectChange]
    new: bool


NO_RESULTS: Objects = {}


def decide_sync(
    state: ContestState, said: Contest, said_state: State | None, now_ms: int, results: Objects = NO_RESULTS
) -> SyncDecision:
    """The changes that make the contest what its platform says it is, with `ext.sync`, by the moment `now_ms`.

    `results`: all objects of the types of which the platform has told besides; those of other types stay.

    Between two runs the state follows the times (Settings.follows_times), so it has here everything that is due by
    them already, whatever phase the platform still calls it: otherwise each run would take back what the clock has
    written. An administrator who sets a time, or switches the clock on, takes the contest over: times and state are
    then this server's. Raises Refused for a contest of that id that is not this one of the platform.
    """
    present = state.contest
    if present is None:
        return SyncDecision(_changes(state, said, said_state, now_ms, results), new=True)
    if _identity(present) != _identity(said):
        raise Refused(f"there is a contest {present.id} that is not this one of the platform", "id", ground="conflict")
    if state.settings.playback is not None:
        raise Refused(f"the contest {present.id} is a replay", ground="conflict")
    wanted = _merged(state, present, said if results else _with_known_penalty(present, said))
    return SyncDecision(_changes(state, wanted, said_state, now_ms, results), new=False)


def _identity(contest: Contest) -> tuple[str, str] | None:
    """Platform and platform's id; None for a contest that is no platform's."""
    synced = None if contest.ext is None else contest.ext.sync
    return None if synced is None else (synced.platform, synced.platform_id)


def _changes(
    state: ContestState, wanted: Contest, said_state: State | None, now_ms: int, results: Objects
) -> list[ObjectChange]:
    objects: Objects = {**results, "contest": {SINGLETON_ID: wanted}}
    if state.settings.clock:
        return decide_reconcile(state, objects, objects)
    moments = state_by_now(wanted, said_state, now_ms)
    objects = {**objects, "state": {SINGLETON_ID: moments}}
    return [*decide_reconcile(state, objects, objects), *_following_times(state, moments)]


def _following_times(state: ContestState, moments: State) -> list[ObjectChange]:
    """From now on the state follows the times, unless there is nothing to come."""
    if moments.ended or state.ended_updates:
        return []
    return settings_change(state, msgspec.structs.replace(state.settings, follows_times=True))


def _with_known_penalty(present: Contest, said: Contest) -> Contest:
    """The contest as said, with the penalty time that is known of it.

    Lists of contests tell none: what stands there is the usual one. Results tell it, and people set it.
    """
    if said.penalty_time is None or present.penalty_time is None:
        return said
    return msgspec.structs.replace(said, penalty_time=present.penalty_time)


def _merged(state: ContestState, present: Contest, said: Contest) -> Contest:
    """The contest with what the platform says of it in place of what it said before."""
    names = {*OF_PLATFORM, *TIMES_OF_PLATFORM} - ({*TIMES_OF_PLATFORM} if state.settings.clock else set())
    extension = msgspec.structs.replace(present.ext or ContestExtension(), sync=_synced(said))
    main_group_id = present.main_scoreboard_group_id or said.main_scoreboard_group_id
    return msgspec.structs.replace(
        present,
        ext=extension,
        main_scoreboard_group_id=main_group_id,
        **{name: getattr(said, name) for name in names},
    )


def _synced(contest: Contest) -> SyncedContest | None:
    return None if contest.ext is None else contest.ext.sync
