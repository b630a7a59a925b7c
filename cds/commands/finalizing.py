"""What stands against making the results of a contest final: who still competes, what is not judged or answered.

This module must not know how a contest is made final.
"""

from collections.abc import Iterator, Sequence
from typing import cast

from cds.commands.accounts import NO_LOGIN_RECORD
from cds.commands.decision import Refused
from cds.commands.participation import standing_of
from projections.contest import ContestState
from projections.submission_scores import official_of
from schemas.objects import Account, Clarification, Judgement, JudgementType, Submission

FINALIZE_LISTED_MAX = 20
"""Ids of one kind that a refusal names; the others are counted."""

JUDGING_ERROR_ID = "JE"
JUDGING_ERROR_NAME = "judging error"
"""How a judgement type that is no verdict is told: by its id, or by its name where a contest has ids of its own."""


def open_questions(state: ContestState, now_ms: int) -> list[str]:
    """What is still to be done, a sentence for each kind with its ids; empty for a contest that may be final.

    `now_ms` is in milliseconds since the epoch: until then somebody may have more time than the contest takes.
    CCS Requirements, "Finalizing": nothing unjudged, no judging error, no clarification request without an answer.
    Submissions that do not count, outside the contest, unofficial or of no team, need no judgement; one that was begun
    must end.
    """
    kinds = {
        "still competing": list(_competing(state, now_ms)),
        "without a judgement": list(_unjudged(state)),
        "with a judging error": list(_judging_errors(state)),
        "not finished": list(_pending(state)),
        "from teams without an answer": list(_unanswered(state)),
    }
    nouns = ("account", "submission", "judgement", "judgement", "clarification")
    return [
        f"{_counted(len(ids), noun)} {which}: {_listed(ids)}"
        for noun, (which, ids) in zip(nouns, kinds.items(), strict=True)
        if ids
    ]


def refuse_unfinished(state: ContestState, now_ms: int) -> None:
    """Raise Refused, with the list of what is open, unless the results may be made final."""
    questions = open_questions(state, now_ms)
    if questions:
        raise Refused(f"the contest cannot be made final: {'; '.join(questions)}", "finalized", ground="conflict")


def _competing(state: ContestState, now_ms: int) -> Iterator[str]:
    """The accounts of participants whose own time is not over, however they came to have more than others.

    Whoever may not log in any more does not compete.
    """
    contest_time_ms = state.timeline.contest_time_ms(now_ms)
    for identifier, account in state.objects["accounts"].items():
        disabled = state.logins.get(identifier, NO_LOGIN_RECORD).disabled
        if cast("Account", account).type == "team" and cast("Account", account).team_id is not None and not disabled:
            window = standing_of(state, identifier, now_ms).window
            if window is not None and contest_time_ms < window.end_ms:
                yield identifier


def _unjudged(state: ContestState) -> Iterator[str]:
    for identifier, submission in state.objects["submissions"].items():
        of_team = cast("Submission", submission)
        counts = state.timeline.counts(state.submission_times_ms[identifier], official=official_of(of_team))
        if counts and of_team.team_id is not None and not _current(state, identifier):
            yield identifier


def _current(state: ContestState, submission_id: str) -> list[Judgement]:
    """The judgements of a submission that are current, finished or not."""
    found = state.judgements_of(submission_id)
    return [judgement for judgement in found if judgement.current is not False]


def _pending(state: ContestState) -> Iterator[str]:
    return (judgement.id for judgement in _all_current(state) if judgement.verdict is None)


def _judging_errors(state: ContestState) -> Iterator[str]:
    for judgement in _all_current(state):
        verdict = judgement.verdict
        judgement_type = cast("JudgementType | None", state.objects["judgement-types"].get(verdict or ""))
        named_so = judgement_type is not None and judgement_type.name.strip().casefold() == JUDGING_ERROR_NAME
        if verdict == JUDGING_ERROR_ID or named_so:
            yield judgement.id


def _all_current(state: ContestState) -> Iterator[Judgement]:
    judgements = (cast("Judgement", judgement) for judgement in state.objects["judgements"].values())
    return (judgement for judgement in judgements if judgement.current is not False)


def _unanswered(state: ContestState) -> Iterator[str]:
    clarifications = state.objects["clarifications"]
    for identifier, clarification in clarifications.items():
        replies = state.referrers.of_type(("clarifications", identifier), "clarifications")
        answered = any(cast("Clarification", clarifications[reply]).from_team_id is None for reply in replies)
        if cast("Clarification", clarification).from_team_id is not None and not answered:
            yield identifier


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _listed(ids: Sequence[str]) -> str:
    more = len(ids) - FINALIZE_LISTED_MAX
    return ", ".join(ids[:FINALIZE_LISTED_MAX]) + (f" and {more} more" if more > 0 else "")
