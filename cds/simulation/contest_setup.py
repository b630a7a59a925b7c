"""The contest itself: its object, judgement types, languages, problems and groups.

This module must not know teams, nor what happens during the contest.
"""

import msgspec

from cds.simulation.attached_files import AttachedFiles
from cds.simulation.catalogue import COLOURS, CONTEST_LOCATION, LANGUAGES, REJECTED_ID, VERDICTS
from cds.simulation.chance import Chance
from cds.simulation.images import BANNER_SIZE, Emblem
from cds.simulation.moments import Moments
from cds.simulation.names import Names, letters_of, slug
from cds.simulation.parameters import SimulationParameters
from cds.simulation.sources import statement_pdf
from schemas.objects import Contest, Group, JudgementType, Language, Problem
from schemas.properties import Location
from schemas.times import format_relative_time

PENALTY_TIME_MS = 20 * 60_000
MAX_SCORE = 100
OFFICIAL_GROUP_ID = "official"
GUEST_GROUP_ID = "guests"
SITE_TYPE = "site"

_CONTEST_LOGO_SIDES = (56, 160)
_TIME_LIMITS_S = (1, 1, 1, 2, 2, 3, 4, 6)
_MEMORY_LIMITS_MIB = (256, 512, 1024, 2048)
_OUTPUT_LIMIT_MIB = 8
_CODE_LIMIT_KIB = 128
_PERCENT = 100

RUN_SLOWNESS_MAX = 150
"""A slow submission takes this many percent of a test case's usual time."""


class SimulatedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem and what only the simulation knows of it.

    `difficulty` is in 0..1. `usual_run_times_ms` has one entry for each test case; `summed_ms[k]` and `longest_ms[k]`
    are their sum and maximum over the first k cases, `points[k]` the score of having passed the first k.
    """

    problem: Problem
    difficulty: float
    usual_run_times_ms: tuple[int, ...]
    summed_ms: tuple[int, ...]
    longest_ms: tuple[int, ...]
    points: tuple[int, ...]
    time_limit_ms: int


def make_contest(parameters: SimulationParameters, moments: Moments, files: AttachedFiles) -> Contest:
    """The contest object with everything that it names."""
    emblem = Emblem(Chance(parameters.seed, "contest"))
    logo = [
        files.attach(f"logo.{side}x{side}.png", "image/png", emblem.png(side), (side, side))
        for side in (_CONTEST_LOGO_SIDES if parameters.logos else ())
    ]
    banner_size = "x".join(str(pixels) for pixels in BANNER_SIZE)
    return Contest(
        id=parameters.contest_id,
        name=parameters.contest_name,
        formal_name=f"The {parameters.contest_name} of Invented Universities",
        start_time=moments.time(0),
        duration=format_relative_time(parameters.duration_ms),
        scoreboard_freeze_duration=format_relative_time(parameters.freeze_s * 1000) if parameters.freeze_s else None,
        scoreboard_type=parameters.scoreboard_type,
        main_scoreboard_group_id=OFFICIAL_GROUP_ID if parameters.guest_count else None,
        penalty_time=format_relative_time(PENALTY_TIME_MS) if parameters.scoreboard_type == "pass-fail" else None,
        banner=[files.attach(f"banner.{banner_size}.png", "image/png", emblem.banner_png(), BANNER_SIZE)]
        if parameters.logos
        else None,
        logo=logo or None,
        location=CONTEST_LOCATION,
    )


def make_judgement_types(parameters: SimulationParameters) -> list[JudgementType]:
    """The World Finals' types; with RE and what outsiders see where the contest simplifies."""
    simplified = parameters.simplified_judgement_types
    return [
        JudgementType(
            id=verdict.id,
            name=verdict.name,
            # Only a contest with penalty time says which types cost any (JSON Format, "Judgement types").
            penalty=verdict.penalty if parameters.scoreboard_type == "pass-fail" else None,
            solved=verdict.solved,
            simplified_judgement_type_id=verdict.simplified_id if simplified else None,
        )
        # A type stands before those that name it.
        for verdict in VERDICTS.values()
        if simplified or verdict.id != REJECTED_ID
    ]


def make_languages() -> list[Language]:
    """All languages of the catalogue."""
    return [row.language for row in LANGUAGES.values()]


def make_groups(parameters: SimulationParameters, names: Names) -> list[Group]:
    """The sites, and the groups of those who count and those who do not where there are guests."""
    chance = Chance(parameters.seed, "groups")
    sites = [
        Group(
            id=f"site-{number}",
            icpc_id=str(7000 + number),
            name=f"{names.place()} Site",
            type=SITE_TYPE,
            location=Location(latitude=chance.between(-50, 60), longitude=chance.between(-170, 170)),
        )
        for number in range(1, parameters.group_count + 1)
    ]
    if not parameters.guest_count:
        return sites
    return [*sites, Group(id=OFFICIAL_GROUP_ID, name="Official Teams"), Group(id=GUEST_GROUP_ID, name="Guests")]


def make_problems(parameters: SimulationParameters, names: Names, files: AttachedFiles) -> list[SimulatedProblem]:
    """The problems in the order of their labels, their difficulties spread evenly and mixed."""
    chance = Chance(parameters.seed, "problems")
    count = parameters.problems
    difficulties = chance.shuffled([(place + chance.fraction()) / count for place in range(count)])
    return [
        _make_problem(parameters, chance, files, names.problem(), ordinal, difficulty)
        for ordinal, difficulty in enumerate(difficulties)
    ]


def _make_problem(
    parameters: SimulationParameters,
    chance: Chance,
    files: AttachedFiles,
    name: str,
    ordinal: int,
    difficulty: float,
) -> SimulatedProblem:
    label = letters_of(ordinal)
    time_limit_s = chance.one_of(_TIME_LIMITS_S)
    colour, rgb = COLOURS[ordinal % len(COLOURS)]
    spread = parameters.runs_per_judgement // 3
    tests = parameters.runs_per_judgement - spread + chance.below(2 * spread + 1)
    highest_ms = time_limit_s * 1000 * _PERCENT // (RUN_SLOWNESS_MAX + 1)
    run_times_ms = tuple(chance.between(1, 1 + int(highest_ms * chance.bell())) for _ in range(tests))
    problem = Problem(
        id=slug(name).replace("-", ""),
        uuid=_uuid(chance),
        label=label,
        name=name,
        ordinal=ordinal,
        rgb=rgb,
        color=colour,
        time_limit=time_limit_s,
        memory_limit=chance.one_of(_MEMORY_LIMITS_MIB),
        output_limit=_OUTPUT_LIMIT_MIB,
        code_limit=_CODE_LIMIT_KIB,
        test_data_count=tests,
        max_score=MAX_SCORE if parameters.scoreboard_type == "score" else None,
        statement=[files.attach("statement.pdf", "application/pdf", statement_pdf(label, name, time_limit_s))]
        if parameters.statements
        else None,
    )
    return SimulatedProblem(
        problem=problem,
        difficulty=difficulty,
        usual_run_times_ms=run_times_ms,
        summed_ms=tuple(sum(run_times_ms[:passed]) for passed in range(tests + 1)),
        longest_ms=tuple(max(run_times_ms[:passed], default=0) for passed in range(tests + 1)),
        points=tuple(MAX_SCORE * passed // tests if tests else 0 for passed in range(tests + 1)),
        time_limit_ms=time_limit_s * 1000,
    )


def _uuid(chance: Chance) -> str:
    digits = "".join("0123456789abcdef"[chance.below(16)] for _ in range(30))
    # A random UUID of version 4, variant 1 (RFC 9562).
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:30]}"
