"""Submissions by teams, by proxies and by administrators (Contest API, "Modifying submissions").

This module must not know how the archive travels, nor what is in it.
"""

from typing import cast

from cds.commands.decision import Refused
from cds.commands.moments import given_moment, present_moment
from cds.commands.permissions import capability_for
from cds.commands.properties import Properties, raw, refuse_given, require, text_of
from cds.commands.write import Write
from projections.contest import SUBMISSION_NUMBER_DIGITS_MAX, ContestState
from schemas.extensions import EXTENSION
from schemas.objects import Language

CLOCK_BACKWARDS_MS_MAX = 5_000
"""A clock that was set back by less does not make a later submission earlier than the one before."""

SERVER_SETS = ("time", "contest_time", "account_id")


def complete_submission(state: ContestState, write: Write, properties: Properties) -> Properties:
    """What the server adds to a submission. Raises Refused for what the caller's capability does not allow."""
    require(properties, ("language_id", "problem_id", "files"))
    capability = capability_for(write.viewer.role, "submissions")
    complete = _as_admin if capability == "admin_submit" else _now
    completed = dict(complete(state, write, properties))
    if capability == "team_submit":
        completed["team_id"] = raw(_own_team(write, properties))
    elif capability == "proxy_submit":
        require(properties, ("team_id",))
    if write.method == "POST":
        completed["id"] = raw(_next_id(state, write))
    if write.viewer.account_id in state.objects["accounts"] and "account_id" not in properties:
        completed["account_id"] = raw(write.viewer.account_id)
    entry_point = text_of(properties, "entry_point")
    _check_entry_point(state, properties, entry_point, forwarded=capability != "team_submit")
    completed["entry_point"] = raw(entry_point)  # written out also when it is null, which clients want to see
    if capability != "admin_submit":
        completed["reaction"] = raw(None)  # may be sent, and need not be honoured (requirement 67)
    return completed


def _next_id(state: ContestState, write: Write) -> str:
    """The next number; a fresh id once somebody has used up the numbers."""
    number = str(state.highest_submission_number + 1)
    return number if len(number) <= SUBMISSION_NUMBER_DIGITS_MAX else write.fresh_id


def _as_admin(state: ContestState, _write: Write, properties: Properties) -> Properties:
    return given_moment(state, properties)


def _now(state: ContestState, write: Write, properties: Properties) -> Properties:
    """A submission that is made now, while the contest runs. A clock that is a little behind does not count."""
    refuse_given(properties, SERVER_SETS, "the server sets it")
    refuse_given(properties, (EXTENSION,), "only an administrator says more than the format has")
    timeline = state.timeline
    contest_time_ms = timeline.contest_time_ms(write.now_ms)
    if not timeline.started or contest_time_ms < 0:
        raise Refused("the contest has not started", ground="forbidden")
    if not timeline.within_contest(contest_time_ms) or (state.state is not None and state.state.ended):
        raise Refused("the contest is over", ground="forbidden")
    behind_ms = (state.latest_submission_time_ms or 0) - contest_time_ms
    if 0 < behind_ms < CLOCK_BACKWARDS_MS_MAX and timeline.within_contest(contest_time_ms + behind_ms):
        return present_moment(state, write.now_ms + behind_ms)
    return present_moment(state, write.now_ms)


def _own_team(write: Write, properties: Properties) -> str:
    """The team that submits; naming it is allowed, naming another is not (requirements A4)."""
    if write.viewer.team_id is None:
        raise Refused("this account belongs to no team", ground="forbidden")
    named = text_of(properties, "team_id")
    if named not in (None, write.viewer.team_id):
        raise Refused("team_id is not the team of this account", "team_id", ground="forbidden")
    return write.viewer.team_id


def _check_entry_point(
    state: ContestState, properties: Properties, entry_point: str | None, *, forwarded: bool
) -> None:
    """There where the language needs one, and from a team only there: platforms that forward may fill in more."""
    language = cast("Language | None", state.objects["languages"].get(text_of(properties, "language_id") or ""))
    if language is not None and not language.entry_point_required and entry_point and not forwarded:
        raise Refused(f"entry_point must not be given: {language.name} needs none", "entry_point")
    if language is not None and language.entry_point_required and not entry_point:
        name = language.entry_point_name or "entry point"
        raise Refused(f"entry_point is missing: {language.name} needs one ({name})", "entry_point")
