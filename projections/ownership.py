"""Which teams an object is "own" to, as roles.md uses the word.

A team may see more of what is its own than of the same object of another team. This module must not know what more.
"""

from collections.abc import Callable
from typing import cast

from projections.contest import ContestState
from schemas.objects import Clarification, ContestObject, Judgement, Person, Run, Submission, Team

Owners = tuple[str, ...]


def owners(state: ContestState, type_name: str, instance: ContestObject) -> Owners:
    """The ids of the teams that may see this object otherwise than the other teams do, in a fixed order."""
    of = OWNERS.get(type_name)
    return of(state, instance) if of else ()


def _of_team(_state: ContestState, instance: ContestObject) -> Owners:
    return (cast("Team", instance).id,)


def _of_person(_state: ContestState, instance: ContestObject) -> Owners:
    return tuple(dict.fromkeys(role.team_id for role in cast("Person", instance).roles if role.team_id))


def _of_submission(_state: ContestState, instance: ContestObject) -> Owners:
    team_id = cast("Submission", instance).team_id
    return () if team_id is None else (team_id,)


def _of_judgement(state: ContestState, instance: ContestObject) -> Owners:
    submission = state.objects["submissions"].get(cast("Judgement", instance).submission_id)
    return _of_submission(state, submission) if submission else ()


def _of_run(state: ContestState, instance: ContestObject) -> Owners:
    judgement = state.objects["judgements"].get(cast("Run", instance).judgement_id)
    return _of_judgement(state, judgement) if judgement else ()


def _of_clarification(state: ContestState, instance: ContestObject) -> Owners:
    clarification = cast("Clarification", instance)
    teams = state.recipients(clarification)
    if clarification.from_team_id is not None:
        teams = {clarification.from_team_id: None} | teams
    return tuple(teams)


OWNERS: dict[str, Callable[[ContestState, ContestObject], Owners]] = {
    "teams": _of_team,
    "persons": _of_person,
    "submissions": _of_submission,
    "judgements": _of_judgement,
    "runs": _of_run,
    "clarifications": _of_clarification,
}
