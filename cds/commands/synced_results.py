"""The results that a platform tells of a contest, brought into it: the decision, all of the contest at once.

As with the contest itself (`synced_contests`), what the platform speaks of is the platform's, and what people here have
added stays: properties of its objects, and objects of their own, whatever their ids. This module must not know any
platform.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import cast

import msgspec

from cds.commands.contest_clock import state_by_now
from cds.commands.decision import ObjectChange
from cds.commands.platform_objects import Known
from cds.commands.reconcile import Objects
from cds.commands.synced_adoption import Forms, adopted
from cds.commands.synced_contests import decide_sync
from cds.commands.synced_departures import Departures, Failed, FailedObject, LeftOver, refuse_implausible
from cds.commands.synced_judgements import LevelledJudgements
from cds.commands.synced_origins import OF_PLATFORM, Origins
from projections.contest import ContestState
from projections.timeline import Timeline, timeline_of
from schemas.objects import (
    Award,
    Contest,
    ContestObject,
    Judgement,
    Person,
    PersonRole,
    State,
    Submission,
    Team,
)
from schemas.times import parse_relative_time_ms


class PlatformResults(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform tells of one contest.

    `objects`: by type and id, in the order in which they are to appear; a judgement has the id of its submission.
    `failed`: of what else it has told what cannot be translated. `main_group_id`: the group whose board is the
    platform's own. `forms`: what the ids of its objects look like.
    """

    contest: Contest
    state: State | None
    objects: Objects
    failed: tuple[FailedObject, ...] = ()
    main_group_id: str | None
    forms: Forms


class ResultsDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that bring a contest and its results level with its platform; `new`: there was no such contest.

    `left_over`: objects that are not as the platform has them, because of what people here have made. `adopted`: how
    many were taken to be the platform's without anybody having written that down.
    """

    changes: list[ObjectChange]
    new: bool
    left_over: tuple[LeftOver, ...]
    adopted: int


def decide_results(state: ContestState, told: PlatformResults, known: Known, now_ms: int) -> ResultsDecision:
    """The changes that bring a contest and its results level with its platform, by the moment `now_ms`.

    `known`: what is known to be the platform's up to now; the changes keep that level too. Deciding the same again
    adds nothing. Raises Refused as `decide_sync`, and Implausible for an answer that lacks much of what was there.
    """
    taken_over = adopted(state, told.objects, known, told.forms)
    origins = Origins(state, told.objects, known, taken_over)
    failed = Failed((*told.failed, *origins.failed))
    refuse_implausible(origins.owned, told.objects, failed, came=origins.came("teams"))
    merged = {name: _merged(state, told, origins, name) for name in OF_PLATFORM}
    merged["teams"] = _with_results_kept(state, merged["teams"], failed)
    merged["persons"] = _with_roles_kept(state, merged["persons"], told.objects["teams"], failed)
    if _behind_freeze(state, told, now_ms):
        merged["teams"] = _with_results_before_freeze(state, told, merged["teams"], now_ms)
    levelled = _levelled(state, told, origins, failed, now_ms)
    merged["judgements"] = {**levelled.of_platform}
    departures = Departures(state, origins.owned, merged, failed)
    wanted = {name: {**departures.staying(name), **of_platform} for name, of_platform in merged.items()}
    wanted["teams"] |= _without_results(state, departures.left_over)
    wanted["judgements"] |= levelled.retired
    wanted["awards"] = _awards(state, wanted["teams"])
    decision = decide_sync(state, _with_main_group(state, told), told.state, now_ms, wanted)
    of_platform = {name: departures.still_owned(name) | merged[name].keys() for name in merged}
    return ResultsDecision(
        changes=[*decision.changes, *known.changes(of_platform)],
        new=decision.new,
        left_over=(*origins.clashing, *departures.left_over),
        adopted=sum(len(identifiers) for identifiers in taken_over.values()),
    )


def _merged(state: ContestState, told: PlatformResults, origins: Origins, type_name: str) -> dict[str, ContestObject]:
    """The platform's objects of a type, with what they have been given here."""
    present, names = state.objects[type_name], OF_PLATFORM[type_name]
    merged = {}
    for identifier, instance in origins.told(type_name):
        before = present.get(identifier)
        merged[identifier] = (
            instance
            if before is None
            else msgspec.structs.replace(before, **{name: getattr(instance, name) for name in names})
        )
    if type_name == "teams":
        return {identifier: _with_other_groups(state, told, team) for identifier, team in merged.items()}
    return merged


def _with_other_groups(state: ContestState, told: PlatformResults, team: ContestObject) -> ContestObject:
    """A team also in those groups, not of the platform, in which people here have put it."""
    before = state.objects["teams"].get(team.id) if isinstance(team, Team) else None
    if not isinstance(team, Team) or not isinstance(before, Team):
        return team
    others = [group_id for group_id in before.group_ids or () if group_id not in told.objects["groups"]]
    return msgspec.structs.replace(team, group_ids=[*(team.group_ids or ()), *others]) if others else team


def _awards(state: ContestState, teams: Mapping[str, ContestObject]) -> dict[str, ContestObject]:
    """The awards that were given here, without teams that are no more."""
    awards = cast("Mapping[str, Award]", state.objects["awards"])
    return {
        identifier: award
        if award.team_ids is None
        else msgspec.structs.replace(award, team_ids=[team_id for team_id in award.team_ids if team_id in teams])
        for identifier, award in awards.items()
    }


def _behind_freeze(state: ContestState, told: PlatformResults, now_ms: int) -> bool:
    """Whether the contest will be behind its freeze: what the platform's ranks would tell is hidden then."""
    return _timeline_to_come(state, told, now_ms).freeze_announced


def _timeline_to_come(state: ContestState, told: PlatformResults, now_ms: int) -> Timeline:
    """What will be said of the contest's times."""
    if state.settings.clock:
        return state.timeline
    return timeline_of(told.contest, state_by_now(told.contest, told.state, now_ms))


def _with_results_before_freeze(
    state: ContestState, told: PlatformResults, teams: dict[str, ContestObject], now_ms: int
) -> dict[str, ContestObject]:
    """Teams with the results that they had when the freeze began.

    Where it begins in the past, with submissions here that it hides, the results that are here tell of these: then
    there are none until it ends.
    """
    timeline = _timeline_to_come(state, told, now_ms)
    submissions = cast("Mapping[str, Submission]", state.objects["submissions"])
    if not state.timeline.freeze_announced and any(
        timeline.embargoed(parse_relative_time_ms(each.contest_time)) for each in submissions.values()
    ):
        return {identifier: msgspec.structs.replace(team, ext=None) for identifier, team in teams.items()}
    return _with_results_as_before(state, teams)


def _without_results(state: ContestState, left_over: Iterable[LeftOver]) -> dict[str, ContestObject]:
    """The teams that are here although the platform has them no more: it gives them no results either."""
    return {
        each.id: msgspec.structs.replace(state.objects["teams"][each.id], ext=None)
        for each in left_over
        if each.type == "teams"
    }


def _with_results_kept(
    state: ContestState, teams: Mapping[str, ContestObject], failed: Failed
) -> dict[str, ContestObject]:
    """Teams with the results that they had where what the platform tells of these makes no sense."""
    unclear = {
        identifier: team
        for identifier, team in teams.items()
        if getattr(team, "ext", None) is None and failed.covers("teams", identifier)
    }
    return {**teams, **_with_results_as_before(state, unclear)}


def _with_roles_kept(
    state: ContestState, persons: Mapping[str, ContestObject], teams: Mapping[str, ContestObject], failed: Failed
) -> dict[str, ContestObject]:
    """Persons with the roles that they had in teams of which only that is known that they failed, and which stay.

    `teams`: those of which the platform has told more.
    """

    def kept(person: Person) -> list[PersonRole]:
        before = state.objects["persons"].get(person.id)
        roles = before.roles if isinstance(before, Person) else []
        return [
            role
            for role in roles
            if role.team_id is not None
            and role.team_id not in teams
            and role not in person.roles
            and failed.covers("teams", role.team_id)
        ]

    return {
        identifier: msgspec.structs.replace(person, roles=[*person.roles, *roles])
        if isinstance(person, Person) and (roles := kept(person))
        else person
        for identifier, person in persons.items()
    }


def _with_results_as_before(state: ContestState, teams: Mapping[str, ContestObject]) -> dict[str, ContestObject]:
    """Teams with the results that they had when they were last told, and without any where they are new."""
    return {
        identifier: msgspec.structs.replace(team, ext=getattr(state.objects["teams"].get(identifier), "ext", None))
        for identifier, team in teams.items()
    }


def _with_main_group(state: ContestState, told: PlatformResults) -> Contest:
    """The contest with the platform's own board as its main one, when results come to it for the first time."""
    main_group_id = told.main_group_id
    if main_group_id is None or state.teams_of_groups([main_group_id]):
        return told.contest
    return msgspec.structs.replace(told.contest, main_scoreboard_group_id=main_group_id)


def _levelled(
    state: ContestState, told: PlatformResults, origins: Origins, failed: Failed, now_ms: int
) -> LevelledJudgements:
    """All judgements of the platform's submissions, those of which it does not speak any more included."""
    submissions = cast("Mapping[str, Submission]", dict(origins.told("submissions")))
    levelled = LevelledJudgements(state, origins.owned["judgements"], now_ms, _unclear_scores(submissions, failed))
    for submission_id, judgement in cast("Mapping[str, Judgement]", told.objects["judgements"]).items():
        if submission_id in submissions:
            levelled.take(judgement)
    return levelled


def _unclear_scores(submissions: Mapping[str, Submission], failed: Failed) -> AbstractSet[str]:
    """The submissions of teams whose row in the standings makes no sense: it may have told their scores."""
    return {
        identifier
        for identifier, submission in submissions.items()
        if submission.team_id is not None and failed.covers("teams", submission.team_id)
    }
