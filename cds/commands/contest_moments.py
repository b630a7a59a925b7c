"""What all decisions about the clock of a contest share: its objects as they may be changed, and moments in its zone.

This module must not know any particular decision.
"""

from datetime import UTC, timezone

import msgspec
from msgspec import UNSET

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.commands.matches.belonging import is_of_match, of_match
from cds.commands.object_rules import refuse_unwritable_time
from projections.contest import ContestState
from projections.timeline import Timeline
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, State
from schemas.records import ORDINARY_PACE_PERMILLE, Settings
from schemas.times import canonical_time, format_time, parse_relative_time_ms, parse_time_ms, zone_of

STATE_MOMENTS = ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates")
"""The properties of the state that say when something happened, in the order in which they can."""

PLAYED = "the contest is a replay: whoever plays it says when it starts, freezes, ends and thaws"

LATEST_MS = parse_time_ms("9999-12-30T00:00:00Z")
"""The last moment that can be written in every zone; a contest may be longer than the calendar."""


def changeable_contest(state: ContestState) -> Contest:
    """The contest object, whose times may be changed. Raises Refused as `present_contest`, and for a match's."""
    contest = present_contest(state)
    if is_of_match(state):
        raise Refused(of_match(state), ground="conflict")
    return contest


def present_contest(state: ContestState) -> Contest:
    """The contest object. Raises Refused when there is none, or when its updates have ended."""
    if state.contest is None:
        raise Refused("there is no such contest", ground="unknown")
    if state.ended_updates:
        raise Refused(UPDATES_ENDED, ground="forbidden")
    return state.contest


def whole_state(state: State | None) -> State:
    """The state with every moment written out, null where it has not come; one that does not exist yet is empty."""
    present = state or State()
    missing = {name: None for name in STATE_MOMENTS if getattr(present, name) is UNSET}
    return msgspec.structs.replace(present, **missing) if missing else present


def contest_change(contest: Contest) -> ObjectChange:
    """The change to this contest object."""
    return ObjectChange("contest", SINGLETON_ID, contest)


def state_change(state: State) -> ObjectChange:
    """The change to this state of the contest."""
    return ObjectChange("state", SINGLETON_ID, state)


def settings_change(state: ContestState, settings: Settings) -> list[ObjectChange]:
    """The change to these settings, none when they are what they are."""
    return [] if settings == state.settings else [ObjectChange("x-settings", SINGLETON_ID, settings)]


def run_here(state: ContestState) -> Settings:
    """The settings of a contest whose times an administrator sets on this server, which thereby runs it.

    The server then keeps the awards too, if nobody else has given any and the contest has not started. Raises Refused
    for one that is played again, whose times are the player's.
    """
    if state.settings.playback is not None:
        raise Refused(PLAYED, ground="forbidden")
    settings = msgspec.structs.replace(state.settings, clock=True)
    if state.objects["awards"] or state.timeline.started:
        return settings
    return msgspec.structs.replace(settings, awards=msgspec.structs.replace(settings.awards, computed=True))


def zone_of_contest(contest: Contest) -> timezone:
    """The zone in which moments of the contest are written: that of its start, UTC while it has none."""
    return UTC if contest.start_time is None else zone_of(contest.start_time)


def written(contest: Contest, time_ms: int) -> str:
    """A moment (milliseconds since the epoch) as the contest writes it; LATEST_MS for any that is later."""
    return format_time(min(time_ms, LATEST_MS), zone_of_contest(contest))


def read_time(property: str, text: str) -> tuple[str, int]:
    """A TIME that somebody gave, canonical and in milliseconds since the epoch. Raises Refused."""
    try:
        canonical = canonical_time(text)
    except (ValueError, OverflowError):
        raise Refused(f"{property} is not a time (yyyy-mm-ddThh:mm:ss.sss+hh:mm): {text!r}", property) from None
    refuse_unwritable_time(property, canonical)
    return canonical, parse_time_ms(canonical)


def read_relative_time_ms(property: str, text: str) -> int:
    """A RELTIME that somebody gave, in milliseconds. Raises Refused for what is none, or is negative."""
    try:
        relative_time_ms = parse_relative_time_ms(text)
    except ValueError:
        raise Refused(f"{property} is not a relative time (h:mm:ss.sss): {text!r}", property) from None
    if relative_time_ms < 0:
        raise Refused(f"{property} may not be negative", property)
    return relative_time_ms


def freeze_duration_ms(contest: Contest) -> int:
    """How long before the end the freeze is to begin, 0 for a contest that is not to be frozen."""
    return parse_relative_time_ms(contest.scoreboard_freeze_duration or "0:00:00")


def wall_clock_ms(timeline: Timeline, contest_time_ms: int, *, resumed_ms: int | None = None) -> int | None:
    """The moment (milliseconds since the epoch) at which the contest time comes to this value for the first time.

    None while that is not known: without a start, and behind a removed interval that is still open. With
    `resumed_ms` an open interval is taken to end at that moment.
    """
    if timeline.start_ms is None:
        return None
    removed_ms = 0
    for start_ms, given_end_ms, stands_at_ms in timeline.removed:
        if contest_time_ms <= stands_at_ms:
            break
        end_ms = resumed_ms if given_end_ms is None else given_end_ms
        if end_ms is None:
            return None
        removed_ms += end_ms - start_ms
    return timeline.start_ms + lasting_ms(contest_time_ms, timeline.pace_permille) + removed_ms


def lasting_ms(contest_time_ms: int, pace_permille: int) -> int:
    """How long it takes until so much contest time has passed, in whole milliseconds: no less."""
    return -(-contest_time_ms * ORDINARY_PACE_PERMILLE // pace_permille)
