"""Everything that is settled before a simulated contest is told: who and what there is, and all that will happen.

This module must not know in which order it is told, nor how much of it.
"""

from collections.abc import Mapping

import msgspec

from cds.simulation.attached_files import AttachedFiles
from cds.simulation.attempts import Attempt, make_attempts
from cds.simulation.catalogue import LANGUAGES
from cds.simulation.chance import Chance
from cds.simulation.contest_setup import (
    SimulatedProblem,
    make_contest,
    make_groups,
    make_judgement_types,
    make_languages,
    make_problems,
)
from cds.simulation.conversation import make_clarifications
from cds.simulation.judging import Judging, make_judgings
from cds.simulation.moments import Moments
from cds.simulation.names import Names
from cds.simulation.parameters import SimulationParameters
from cds.simulation.participants import (
    SimulatedTeam,
    make_accounts,
    make_organizations,
    make_persons,
    make_teams,
)
from cds.simulation.sources import VARIANTS, source_archive
from schemas.objects import Clarification, Contest, ContestObject
from schemas.properties import FileReference

_CEREMONY_STEP_MS = 10 * 60_000
"""From the last verdict to the finalization, to the thaw, and to the end of updates."""

BEFORE_START_MS = 3_600_000
"""How long before the start the configuration stands."""


class Milestones(msgspec.Struct, frozen=True, kw_only=True):
    """Contest times in ms at which the state changes; None for what never happens in this contest."""

    frozen_ms: int | None
    ended_ms: int
    finalized_ms: int
    thawed_ms: int | None
    end_of_updates_ms: int


class World(msgspec.Struct, frozen=True, kw_only=True):
    """A whole contest, settled. `configuration` holds the objects by type name, in the order of table one.

    `until_ms` is the contest time at which the telling stops; what happens later never happened.
    """

    parameters: SimulationParameters
    moments: Moments
    contest: Contest
    configuration: Mapping[str, list[ContestObject]]
    problems: list[SimulatedProblem]
    teams: list[SimulatedTeam]
    attempts: list[Attempt]
    judgings: list[Judging]
    clarifications: list[tuple[int, Clarification]]
    commented: frozenset[int]
    milestones: Milestones
    until_ms: int
    sources: Mapping[tuple[str, int, int], FileReference]
    contents: Mapping[str, bytes]


def make_world(parameters: SimulationParameters) -> World:
    """Settle a contest; the same parameters settle the same one."""
    files = AttachedFiles()
    moments = Moments(parameters.start_time)
    names = Names(Chance(parameters.seed, "names"))
    groups = make_groups(parameters, names)
    problems = make_problems(parameters, names, files)
    organizations = make_organizations(parameters, names, files)
    teams = make_teams(parameters, names, files, organizations)
    contest = make_contest(parameters, moments, files)
    configuration: dict[str, list[ContestObject]] = {
        "contest": [contest],
        "judgement-types": [*make_judgement_types(parameters)],
        "languages": [*make_languages()],
        "problems": [row.problem for row in problems],
        "groups": [*groups],
        "organizations": [*organizations],
        "teams": [row.team for row in teams],
        "persons": [*make_persons(parameters, names, teams)],
        "accounts": [*make_accounts(parameters, teams)],
    }
    attempts = make_attempts(parameters, teams, problems)
    judgings = make_judgings(parameters, attempts, problems)
    clarifications = make_clarifications(parameters, teams, problems, moments)
    milestones = _milestones(parameters, judgings, clarifications)
    return World(
        parameters=parameters,
        moments=moments,
        contest=contest,
        configuration=configuration,
        problems=problems,
        teams=teams,
        attempts=attempts,
        judgings=judgings,
        clarifications=clarifications,
        commented=_commented(parameters, attempts),
        milestones=milestones,
        until_ms=_until_ms(parameters, milestones),
        sources=_sources(parameters, problems, files),
        contents=files.contents,
    )


def _milestones(
    parameters: SimulationParameters, judgings: list[Judging], clarifications: list[tuple[int, Clarification]]
) -> Milestones:
    """Finalized only when everything is judged and answered (json-format-facts, "Freeze / thaw / finalize")."""
    ended_ms = parameters.duration_ms
    last_ms = max([ended_ms, *(j.end_ms for j in judgings), *(moment_ms for moment_ms, _ in clarifications)])
    finalized_ms = last_ms + _CEREMONY_STEP_MS
    thawed_ms = finalized_ms + _CEREMONY_STEP_MS if parameters.freeze_s else None
    return Milestones(
        frozen_ms=parameters.freeze_start_ms,
        ended_ms=ended_ms,
        finalized_ms=finalized_ms,
        thawed_ms=thawed_ms,
        end_of_updates_ms=(thawed_ms or finalized_ms) + _CEREMONY_STEP_MS,
    )


def _until_ms(parameters: SimulationParameters, milestones: Milestones) -> int:
    calm_ms = milestones.frozen_ms if milestones.frozen_ms is not None else milestones.ended_ms
    return {
        "before": -1,
        "running": calm_ms * 3 // 5,
        "running-frozen": (calm_ms + milestones.ended_ms) // 2,
        "ended": milestones.ended_ms,
        "finished-frozen": milestones.finalized_ms,
        "finished": milestones.end_of_updates_ms,
    }[parameters.phase]


def _commented(parameters: SimulationParameters, attempts: list[Attempt]) -> frozenset[int]:
    """The numbers of the submissions that analysts speak about, spread over the contest."""
    chance = Chance(parameters.seed, "commentary")
    count = min(parameters.commentary_count, len(attempts))
    return frozenset(
        1
        + place * len(attempts) // count
        + chance.below((place + 1) * len(attempts) // count - place * len(attempts) // count)
        for place in range(count)
    )


def _sources(
    parameters: SimulationParameters, problems: list[SimulatedProblem], files: AttachedFiles
) -> dict[tuple[str, int, int], FileReference]:
    """The archive for each language, problem and variant."""
    if not parameters.sources:
        return {}
    return {
        (language_id, at, variant): files.attach(
            "files.zip", "application/zip", source_archive(language_id, row.source_name, problem.problem.name, variant)
        )
        for language_id, row in LANGUAGES.items()
        for at, problem in enumerate(problems)
        for variant in range(VARIANTS)
    }
