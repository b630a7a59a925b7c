"""What an object that somebody writes has to be like beyond its structure, and what is filled in where it says nothing.

Structures are as tolerant as imports have to be; what a client writes keeps every demand of the JSON format and of its
schemas. Each demand is a row of a table. An object that broke one before it was written may go on doing so in the very
same way, so that the rest of it can be changed. This module must not know demands between several objects of a type,
such as that two problems have different ordinals: these could not be changed one after the other.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import cast

import msgspec

from cds.commands.decision import Refused
from cds.commands.properties import Properties, raw
from projections.contest import ContestState
from projections.scoring import COMPILE_ERRORS
from projections.scoring.subtasks import subtasks_of
from projections.submission_scores import is_beyond, score_max
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.objects import Contest, ContestObject, Judgement, JudgementType, Language, Problem

DECIMALS_MAX = 3
"""Times in seconds are multiples of 0.001."""

PENALTY_TIME_DEFAULT = "0:20:00.000"
WITHOUT_PENALTY = COMPILE_ERRORS | {"JE", "SE", "CS"}
"""The judgement types besides solved ones that cost no penalty time (the rules of the World Finals)."""

MAIN_CLASS_LANGUAGE = re.compile(r"(java|kotlin)(?![a-z])", re.ASCII)
"""Ids of the languages whose entry point is a class, variants such as `java17` among them; else it is a file."""


class Pattern(msgspec.Struct, frozen=True):
    """What a text has to look like as a whole, and how to say so."""

    expression: str
    meaning: str


TIME = Pattern(
    r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{3})?"
    r"([+-][01][0-9](:[0-5][0-9])?|Z)",
    "a time of the years 1000 to 2999 in a zone less than 20 hours from UTC",
)
COLOUR = Pattern("#[A-Fa-f0-9]{3}([A-Fa-f0-9]{3})?", "a colour: # and 3 or 6 hexadecimal digits")
UUID = Pattern("[A-Fa-f0-9]{8}-([A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}", "a UUID: 8-4-4-4-12 hexadecimal digits")
COUNTRY = Pattern("[A-Z]{3}", "a country: three capitals (ISO 3166-1 alpha-3)")
SUBDIVISION = Pattern("[A-Z]{2}-[A-Z0-9]{1,3}", "a subdivision of a country (ISO 3166-2)")
ACCOUNT_TYPE = Pattern("[a-z][a-z0-9_-]*", "a type of accounts: small letters, digits, _ and -, a letter first")
"""The types of accounts are open (JSON Format, "Accounts"), but one like `Admin` is meant for another and would read as
public."""

PATTERNS: dict[str, Mapping[str, Pattern]] = {
    "problems": {"uuid": UUID, "rgb": COLOUR},
    "organizations": {"country": COUNTRY, "country_subdivision": SUBDIVISION},
    "teams": {"primary_rgb": COLOUR, "secondary_rgb": COLOUR},
    "accounts": {"type": ACCOUNT_TYPE},
}
"""Texts with a form; besides these, every TIME."""

UNIQUE_LISTS: dict[str, tuple[str, ...]] = {
    "languages": ("extensions",),
    "teams": ("group_ids",),
    "clarifications": ("to_team_ids", "to_group_ids"),
    "awards": ("team_ids",),
    "commentary": ("tags", "team_ids", "problem_ids", "submission_ids"),
}
"""Lists that name nothing twice; besides these, every list of files."""

NOT_EMPTY: dict[str, tuple[str, ...]] = {"persons": ("roles",)}

MULTIPLES_OF_A_MILLISECOND: dict[str, tuple[str, ...]] = {
    "problems": ("time_limit",),
    "judgements": ("max_run_time",),
    "runs": ("run_time",),
}
"""Seconds with at most DECIMALS_MAX decimals. More are refused: nobody here can tell which of them count."""

RANGES: dict[str, Mapping[str, tuple[int, int]]] = {"teams": {"location.rotation": (0, 360)}}
"""From and to, both included; what is not negative, and places on earth, are so by their structures."""


class Demand(msgspec.Struct, frozen=True):
    """A property that is needed when something holds, and why; `otherwise` is what it is where nobody says it."""

    property: str
    holds: Callable[[ContestState, ContestObject], bool]
    because: str
    otherwise: Callable[[ContestObject], str | bool]


Complaint = tuple[str, str]
"""A property, and what is wrong with it."""


def _is_pass_fail(_state: ContestState, contest: ContestObject) -> bool:
    return cast("Contest", contest).scoreboard_type == "pass-fail"


def _is_with_penalty_time(state: ContestState, _judgement_type: ContestObject) -> bool:
    return state.contest is not None and state.contest.penalty_time is not None


def _needs_entry_point(_state: ContestState, language: ContestObject) -> bool:
    return cast("Language", language).entry_point_required


def _costs_penalty(judgement_type: ContestObject) -> bool:
    verdict = cast("JudgementType", judgement_type)
    return not verdict.solved and verdict.id not in WITHOUT_PENALTY


def _entry_point_name(language: ContestObject) -> str:
    return "Main class" if MAIN_CLASS_LANGUAGE.match(cast("Language", language).id) else "Main file"


REQUIRED_WHEN: dict[str, Demand] = {
    "contest": Demand("penalty_time", _is_pass_fail, "the contest is pass-fail", lambda _: PENALTY_TIME_DEFAULT),
    "judgement-types": Demand("penalty", _is_with_penalty_time, "the contest has a penalty_time", _costs_penalty),
    "languages": Demand("entry_point_name", _needs_entry_point, "entry_point_required is true", _entry_point_name),
}
"""What is required of some objects of a type (JSON Format, "R iff")."""


def _beyond_the_test_cases(_state: ContestState, instance: ContestObject) -> Iterator[Complaint]:
    """Of how many test cases there are, 0 says nothing."""
    problem = cast("Problem", instance)
    for subtask in subtasks_of(problem) if problem.test_data_count else ():
        last = max(subtask.ordinals)
        if last > problem.test_data_count:
            wrong = f"names the test case {last}, and test_data_count is {problem.test_data_count}"
            yield "ext", f"ext.cms.subtasks: {subtask.name[:60]!r} {wrong}"


def _beyond_the_maximum(state: ContestState, instance: ContestObject) -> Iterator[Complaint]:
    most = score_max(state.objects, cast("Judgement", instance))
    score = cast("Judgement", instance).score
    if is_beyond(score, most):
        yield "score", f"score {score!r} is more than the {most!r} that the problem brings"


RULES_OF_TYPES: dict[str, Callable[[ContestState, ContestObject], Iterator[Complaint]]] = {
    "problems": _beyond_the_test_cases,
    "judgements": _beyond_the_maximum,
}
"""What is demanded of a type alone."""

_TIME = re.compile(TIME.expression)
_encode = msgspec.json.Encoder().encode


def refuse_unruly(
    state: ContestState, row: ObjectType, instance: ContestObject, before: ContestObject | None = None
) -> None:
    """Raise Refused (invalid) for an object that breaks a rule, naming the property; not as it did `before` already."""
    forgiven: frozenset[Complaint] | None = None
    for complaint in _complaints(state, row, instance):
        if forgiven is None:
            forgiven = frozenset() if before is None else frozenset(_complaints(state, row, before))
        if complaint not in forgiven:
            property, wrong = complaint
            raise Refused(wrong, property)


def refuse_unwritable_time(property: str, text: str) -> None:
    """Raise Refused (invalid) for a TIME outside of what the JSON format can write."""
    if _TIME.fullmatch(text) is None:
        raise Refused(f"{property} {text[:60]!r} is not {TIME.meaning}", property)


def filled_in(state: ContestState, row: ObjectType, draft: ContestObject, present: ContestObject | None) -> Properties:
    """What is required of an object that is put or posted and stays unsaid in it: what it was, else the usual.

    An object that is there and lacks it too came from elsewhere, and is not given another meaning with its new name.
    """
    demand = REQUIRED_WHEN.get(row.name)
    if demand is None or not _is_wanting(state, demand, draft):
        return {}
    if present is not None and _is_wanting(state, demand, present):
        return {}
    kept = None if present is None else getattr(present, demand.property)
    return {demand.property: raw(demand.otherwise(draft) if kept is None else kept)}


def _is_wanting(state: ContestState, demand: Demand, instance: ContestObject) -> bool:
    return getattr(instance, demand.property) is None and demand.holds(state, instance)


def _complaints(state: ContestState, row: ObjectType, instance: ContestObject) -> Iterator[Complaint]:
    yield from _wanting(state, row, instance)
    yield from _misshapen(row, instance)
    yield from _repeating(row, instance)
    yield from _beside_their_numbers(row, instance)
    if row.name in RULES_OF_TYPES:
        yield from RULES_OF_TYPES[row.name](state, instance)


def _wanting(state: ContestState, row: ObjectType, instance: ContestObject) -> Iterator[Complaint]:
    demand = REQUIRED_WHEN.get(row.name)
    if demand is not None and _is_wanting(state, demand, instance):
        yield demand.property, f"{demand.property} is missing: {demand.because}"
    for name in NOT_EMPTY.get(row.name, ()):
        if not getattr(instance, name):
            yield name, f"{name} is empty"


def _misshapen(row: ObjectType, instance: ContestObject) -> Iterator[Complaint]:
    for name, pattern, expression in _EXPRESSIONS[row.name]:
        text = getattr(instance, name)
        if isinstance(text, str) and expression.fullmatch(text) is None:
            yield name, f"{name} {text[:60]!r} is not {pattern.meaning}"


def _repeating(row: ObjectType, instance: ContestObject) -> Iterator[Complaint]:
    for name in _LISTS[row.name]:
        members = getattr(instance, name)
        if isinstance(members, list) and len(members) > 1 and (twice := _first_twice(members)) is not None:
            yield name, f"{name} has {twice} twice"


def _beside_their_numbers(row: ObjectType, instance: ContestObject) -> Iterator[Complaint]:
    for name in MULTIPLES_OF_A_MILLISECOND.get(row.name, ()):
        seconds = getattr(instance, name)
        if isinstance(seconds, float) and _decimals(seconds) > DECIMALS_MAX:
            yield name, f"{name} {seconds!r} is not a multiple of 0.001"
    for path, (lowest, highest) in RANGES.get(row.name, {}).items():
        name = path.partition(".")[0]
        if getattr(instance, name) is not None:
            number = attrgetter(path)(instance)
            if not lowest <= number <= highest:
                yield name, f"{path} {number!r} is not between {lowest} and {highest}"


def _decimals(number: float) -> int:
    """How many decimals a number has as it is written."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _first_twice(members: list[object]) -> str | None:
    seen: set[bytes] = set()
    for member in members:
        written = _encode(member)
        if written in seen:
            return written.decode()[:60]
        seen.add(written)
    return None


def _expressions(row: ObjectType) -> tuple[tuple[str, Pattern, re.Pattern[str]], ...]:
    patterns = {**dict.fromkeys(row.time_properties, TIME), **PATTERNS.get(row.name, {})}
    return tuple((name, pattern, re.compile(pattern.expression)) for name, pattern in patterns.items())


_EXPRESSIONS = {name: _expressions(row) for name, row in OBJECT_TYPES.items()}

_LISTS = {
    name: (*UNIQUE_LISTS.get(name, ()), *(each.property for each in row.file_properties))
    for name, row in OBJECT_TYPES.items()
}
