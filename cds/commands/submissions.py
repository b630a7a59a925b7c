"""Submissions by teams, by proxies and by administrators (Contest API, "Modifying submissions").

What a team hands in is bound by the phases and limits of its participation (CMS ContestWebServer API, 1.5 and 2.12) and
by the languages of the task, through whichever API it comes. What the files are called and how large each may be is for
the API of CMS alone, which takes them apart (`cds.cms_api.file_matching`). This module must not know how the archive
travels, nor what is in it.
"""

from typing import cast

import msgspec

from cds.commands.auditing import acting_noted
from cds.commands.decision import Refused
from cds.commands.moments import given_moment, present_moment
from cds.commands.participation import (
    OPEN_PHASES,
    Phase,
    Standing,
    WrongPhase,
    participation_of,
    standing_of,
    standing_of_contest,
)
from cds.commands.permissions import capability_for
from cds.commands.properties import Properties, raw, refuse_given, require, text_of
from cds.commands.submission_limits import refuse_beyond_limits
from cds.commands.write import Around, Write
from projections.contest import SUBMISSION_NUMBER_DIGITS_MAX, ContestState
from projections.scoring.subtasks import task_of
from schemas.extensions import EXTENSION, CmsSubmission, SubmissionExtension
from schemas.objects import ContestObject, Language, Problem, Submission

CLOCK_BACKWARDS_MS_MAX = 5_000
"""A clock that was set back by less does not make a later submission earlier than the one before."""

SERVER_SETS = ("time", "contest_time", "account_id")

SUBMITTED = "submit"
"""What is noted of those who submit for somebody else."""


def complete_submission(state: ContestState, write: Write, properties: Properties) -> Properties:
    """What the server adds to a submission. Raises Refused for what the caller's capability does not allow.

    WrongPhase and LimitReached are what becomes of a team's that comes at the wrong time, too often or too soon.
    """
    require(properties, ("language_id", "problem_id", "files"))
    capability = capability_for(write.viewer.role, "submissions")
    if capability == "team_submit":
        completed = _by_team(state, write, properties)
    elif capability == "proxy_submit":
        completed = _by_proxy(state, write, properties)
    else:
        completed = given_moment(state, properties)
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


def around_submission(
    _state: ContestState, write: Write, before: ContestObject | None, after: ContestObject | None
) -> Around:
    """Who submits for somebody else is noted with the submission, and what they override."""
    impersonation, account_id = write.impersonation, write.viewer.account_id
    if impersonation is None or account_id is None or before == after:
        return Around()
    submission = cast("Submission | None", after)
    made = None if submission is None else submission.id
    return Around(after=(acting_noted(write.fresh_id, account_id, impersonation, SUBMITTED, made),))


def names_hidden(state: ContestState, write: Write) -> frozenset[str]:
    """The types of which whoever submits may name also what is hidden: problems, where no phase binds them."""
    unbound = write.overrides.phase
    if unbound is None:
        unbound = participation_of(state, write.viewer.account_id).unrestricted is True
    return frozenset({"problems"}) if unbound else frozenset()


def _next_id(state: ContestState, write: Write) -> str:
    """The next number; a fresh id once somebody has used up the numbers."""
    number = str(state.highest_submission_number + 1)
    return number if len(number) <= SUBMISSION_NUMBER_DIGITS_MAX else write.fresh_id


def _by_team(state: ContestState, write: Write, properties: Properties) -> dict[str, msgspec.Raw]:
    """A submission that a team makes now, as far as its participation lets it."""
    _refuse_of_others(properties)
    standing = standing_of(state, write.viewer.account_id, write.now_ms)
    overrides = write.overrides
    if not standing.passes(OPEN_PHASES, override=overrides.phase):
        raise WrongPhase(standing.phase)
    team_id = _own_team(write, properties)
    time_ms = _moment_ms(state, write, standing)
    problem_id = text_of(properties, "problem_id") or ""
    refuse_beyond_limits(state, standing, overrides, team_id=team_id, problem_id=problem_id, time_ms=time_ms)
    _refuse_other_languages(state, problem_id, text_of(properties, "language_id") or "")
    completed = {**present_moment(state, time_ms), "team_id": raw(team_id)}
    official = _official(state, write, standing, time_ms)
    if official is not None:
        completed[EXTENSION] = raw(SubmissionExtension(cms=CmsSubmission(official=official)))
    return completed


def _refuse_other_languages(state: ContestState, problem_id: str, language_id: str) -> None:
    """Raise Refused for a language in which a task cannot be handed in, be it through another API than that of CMS."""
    problem = cast("Problem | None", state.objects["problems"].get(problem_id))
    task = None if problem is None else task_of(problem)
    allowed = None if task is None else task.allowed_languages
    if allowed is not None and language_id not in allowed:
        listed = ", ".join(allowed) or "none"
        raise Refused(f"language_id {language_id} is none of the languages of {problem_id} ({listed})", "language_id")


def _by_proxy(state: ContestState, write: Write, properties: Properties) -> dict[str, msgspec.Raw]:
    """A submission that is forwarded while the contest runs."""
    _refuse_of_others(properties)
    standing = standing_of_contest(state, write.now_ms)
    if standing.phase is not Phase.COMPETING:
        raise WrongPhase(standing.phase)
    require(properties, ("team_id",))
    return present_moment(state, _moment_ms(state, write, standing))


def _refuse_of_others(properties: Properties) -> None:
    refuse_given(properties, SERVER_SETS, "the server sets it")
    refuse_given(properties, (EXTENSION,), "only an administrator says more than the format has")


def _moment_ms(state: ContestState, write: Write, standing: Standing) -> int:
    """When a submission of now is made. That the clock is a little behind the submission before does not count."""
    contest_time_ms, window = state.timeline.contest_time_ms(write.now_ms), standing.window
    behind_ms = (state.latest_submission_time_ms or 0) - contest_time_ms
    in_time = window is not None and contest_time_ms + behind_ms < window.end_ms
    return write.now_ms + behind_ms if in_time and 0 < behind_ms < CLOCK_BACKWARDS_MS_MAX else write.now_ms


def _official(state: ContestState, write: Write, standing: Standing, time_ms: int) -> bool | None:
    """What is said of whether a submission counts; nothing where that goes without saying."""
    if write.overrides.official is not None:
        return write.overrides.official
    if standing.phase is not Phase.COMPETING:
        return False
    counts = state.timeline.counts(state.timeline.contest_time_ms(time_ms), official=None)
    return None if counts else True


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
