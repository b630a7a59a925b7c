"""The words in which table two is written: conditions under which something is visible, and alterations of it.

A condition looks at the state, at the team that asks (None: not a team, or a team asking about what is not its
own) and at the object. This module must not know which role any condition is used for.
"""

from collections.abc import Callable
from typing import cast

import msgspec

from projections.contest import ContestState
from projections.ownership import owners
from schemas.object_types import TYPE_OF_STRUCTURE
from schemas.objects import Award, Clarification, Contest, ContestObject, Judgement, Run, Submission

Condition = Callable[[ContestState, str | None, ContestObject], bool]
Alteration = Callable[[ContestState, str | None, ContestObject], ContestObject | None]


def always(_state: ContestState, _team_id: str | None, _instance: ContestObject) -> bool:
    """Visible whatever happens."""
    return True


def never(_state: ContestState, _team_id: str | None, _instance: ContestObject) -> bool:
    """Hidden whatever happens."""
    return False


def own(state: ContestState, team_id: str | None, instance: ContestObject) -> bool:
    """Visible to the team whose own it is."""
    return team_id is not None and team_id in owners(state, TYPE_OF_STRUCTURE[type(instance)].name, instance)


def after_start(state: ContestState, _team_id: str | None, _instance: ContestObject) -> bool:
    """Visible from the moment at which the contest has started."""
    return state.timeline.started


def while_not_frozen(state: ContestState, _team_id: str | None, _instance: ContestObject) -> bool:
    """Visible until the freeze and again after thaw."""
    return not state.frozen


def of_the_contest(state: ContestState, _team_id: str | None, instance: ContestObject) -> bool:
    """A submission of a team, made within the contest."""
    submission = cast("Submission", instance)
    return submission.team_id is not None and state.timeline.within_contest(state.submission_times_ms[submission.id])


def before_freeze(state: ContestState, _team_id: str | None, instance: ContestObject) -> bool:
    """`pf`: of a submission made before the freeze, or after thaw (by submission time, not by judgement time)."""
    submission_id = _submission_id(state, instance)
    submitted_ms = None if submission_id is None else state.submission_times_ms.get(submission_id)
    return submitted_ms is not None and not state.timeline.embargoed(submitted_ms)


def broadcast(_state: ContestState, _team_id: str | None, instance: ContestObject) -> bool:
    """A clarification from the judges to everybody."""
    clarification = cast("Clarification", instance)
    return (
        clarification.from_team_id is None and clarification.to_team_ids is None and clarification.to_group_ids is None
    )


def either(one: Condition, other: Condition) -> Condition:
    """Visible where one of two conditions holds."""

    def holds(state: ContestState, team_id: str | None, instance: ContestObject) -> bool:
        return one(state, team_id, instance) or other(state, team_id, instance)

    return holds


def unaltered(_state: ContestState, _team_id: str | None, instance: ContestObject) -> ContestObject:
    """Shown as it is."""
    return instance


def simplified(state: ContestState, _team_id: str | None, instance: ContestObject) -> ContestObject:
    """A judgement or a run with the simplified judgement type alone, where there is one."""
    if isinstance(instance, Judgement):
        return _simplified_judgement(state, instance)
    return _simplified_run(state, cast("Run", instance))


def simplified_unless_own(state: ContestState, team_id: str | None, instance: ContestObject) -> ContestObject:
    """The full judgement type for the own team, the simplified one for others."""
    return instance if own(state, team_id, instance) else simplified(state, team_id, instance)


def frozen(state: ContestState, _team_id: str | None, instance: ContestObject) -> ContestObject | None:
    """An award as it was when the freeze began, less teams that are gone; one that came later is hidden until thaw."""
    if state.awards_at_freeze is None:
        return instance
    award = state.awards_at_freeze.get(cast("Award", instance).id)
    if award is None or award.team_ids is None:
        return award
    teams = state.objects["teams"]
    if all(team_id in teams for team_id in award.team_ids):
        return award
    return msgspec.structs.replace(award, team_ids=[team_id for team_id in award.team_ids if team_id in teams])


def described_from_start(state: ContestState, _team_id: str | None, instance: ContestObject) -> ContestObject:
    """A match without its task (`ext.loc.long_description`) until it has started (mapping.md, 4)."""
    contest = cast("Contest", instance)
    if state.timeline.started or contest.ext is None:
        return contest
    match = contest.ext.loc
    if match is None or match.long_description is None:
        return contest
    undescribed = msgspec.structs.replace(match, long_description=None)
    return msgspec.structs.replace(contest, ext=msgspec.structs.replace(contest.ext, loc=undescribed))


def _simplified_judgement(state: ContestState, judgement: Judgement) -> Judgement:
    outside = judgement.simplified_judgement_type_id
    if outside is None and judgement.judgement_type_id is not None:
        outside = state.simplified_type_id(judgement.judgement_type_id)
    if outside is None:
        return judgement
    return msgspec.structs.replace(judgement, judgement_type_id=None, simplified_judgement_type_id=outside)


def _simplified_run(state: ContestState, run: Run) -> Run:
    outside = state.simplified_type_id(run.judgement_type_id)
    return run if outside is None else msgspec.structs.replace(run, judgement_type_id=outside)


def _submission_id(state: ContestState, instance: ContestObject) -> str | None:
    if isinstance(instance, Submission):
        return instance.id
    if isinstance(instance, Judgement):
        return instance.submission_id
    judgement = state.objects["judgements"].get(cast("Run", instance).judgement_id)
    return cast("Judgement", judgement).submission_id if judgement else None
