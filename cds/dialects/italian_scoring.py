"""How an Italian-format task is scored: its test cases, in groups that bring points together.

The groups come from the score type and its parameters (Sum, and the types of groups), else from the comments `# ST: n`
of the generator's file GEN. Test cases are numbered from 0 there and from 1 (as runs are) in what this module gives.
It must not read any file.
"""

import json
import re
from typing import Literal

import msgspec

from cds.dialects.italian_sheet import Sheet, number_of
from cds.dialects.json_values import JsonObject, JsonValue, Unreadable, decode_json
from cds.dialects.results import quoted
from schemas.properties import NUMBER_MAX

TOTAL_VALUE = 100
"""What a task brings in all whose test cases are summed up and which says nothing else."""

TESTS_MAX = 100_000
"""Test cases of one task."""

SUM = "Sum"
GROUP_TYPES = {"GroupMin": "", "GroupMul": "the product of a group", "GroupThreshold": "a threshold"}
"""The score types of groups, and what of them is counted as the worst of the group."""

_GROUP_COMMENT = re.compile(r"ST\s*:\s*(\S+)")
_NAME_COMMENT = re.compile(r"STNAME\s*:\s*(\S.*)")
_COPY_COMMENT = re.compile(r"COPY\s*:\s*\S")
_COUNT = re.compile(r"0|[1-9]\d{0,8}")


class Group(msgspec.Struct, kw_only=True):
    """Test cases, by their numbers from 0, that bring up to `max_score` points together by a rule of `ext.cms`."""

    name: str
    max_score: int | float
    tests: list[int]
    rule: Literal["sum", "min"] = "min"


class Generated(msgspec.Struct, frozen=True):
    """What GEN says: how many test cases there are, and their groups (none: it names no points)."""

    tests: int
    groups: list[Group]


class Scoring(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is scored: test cases, points in all, and `subtasks` as `ext.cms` has them."""

    tests: int
    max_score: int | float
    subtasks: list[JsonValue]


def generated(text: str, sheet: Sheet) -> Generated:
    """What a GEN file says. Raises SourceRefused for points that are none."""
    tests, groups, outside = 0, list[Group](), 0
    for line in text.splitlines():
        parameters, hash_sign, comment = line.partition("#")
        comment = comment.strip()
        started = _GROUP_COMMENT.match(comment) if hash_sign else None
        named = _NAME_COMMENT.match(comment) if hash_sign else None
        if parameters.strip() or (hash_sign and _COPY_COMMENT.match(comment)):
            if groups:
                groups[-1].tests.append(tests)
            else:
                outside += 1
            tests += 1
        elif started is not None:
            points = number_of(started[1])
            if points is None or points < 0:
                raise sheet.refused("gen/GEN", f"a subtask brings {quoted(started[1])}, which is no number of points")
            groups.append(Group(name=f"Subtask {len(groups) + 1}", max_score=points, tests=[]))
        elif named is not None and groups:
            groups[-1].name = named[1]
    if groups and outside:
        sheet.warn("gen/GEN", f"{outside} test cases stand before the first subtask and belong to none")
    return Generated(tests, groups)


def scoring(sheet: Sheet, inputs: int, gen: Generated | None) -> Scoring:
    """How a task is scored; `inputs` counts the files with test data. Raises SourceRefused."""
    tests = _test_count(sheet, inputs, gen)
    groups = _groups(sheet, tests, gen)
    public = _public_tests(sheet, tests)
    subtasks: list[JsonValue] = []
    for group in groups:
        if not group.tests:
            sheet.warn("subtasks", f"{quoted(group.name)} has no test cases, left out")
            continue
        subtasks.extend(_subtasks_of(group, public))
    total = sum(group.max_score for group in groups)
    if total == 0:
        sheet.warn("total_value", "the task brings no points")
    return Scoring(tests=tests, max_score=_plain(total), subtasks=subtasks)


def _subtasks_of(group: Group, public: frozenset[int] | None) -> list[JsonValue]:
    """A group as `ext.cms` has it; what is summed up is parted where only some of it is public."""
    if public is None:
        return [_subtask(group)]
    seen = [test for test in group.tests if test in public]
    unseen = [test for test in group.tests if test not in public]
    if group.rule == "min" or not seen or not unseen:
        return [{**_subtask(group), "public": not unseen}]
    share = group.max_score * len(seen) / len(group.tests)
    shown = Group(name="Public tests", max_score=_plain(share), tests=seen, rule="sum")
    hidden = Group(name="Private tests", max_score=_plain(group.max_score - share), tests=unseen, rule="sum")
    return [{**_subtask(shown), "public": True}, {**_subtask(hidden), "public": False}]


def _subtask(group: Group) -> JsonObject:
    return {
        "name": group.name,
        "max_score": group.max_score,
        "ordinals": [test + 1 for test in group.tests],
        "rule": group.rule,
    }


def _test_count(sheet: Sheet, inputs: int, gen: Generated | None) -> int:
    said = sheet.whole("n_input")
    made = gen.tests if gen is not None else 0
    tests = said if said is not None else made or inputs
    if tests > TESTS_MAX:
        raise sheet.refused("n_input", f"there are {tests} test cases; at most {TESTS_MAX} are taken")
    if said is None and tests:
        sheet.warn("n_input", f"is absent, filled with the {tests} test cases that are there")
    for count, where in ((inputs, "input files are there"), (made, "are made by gen/GEN")):
        if count and count != tests:
            sheet.warn("n_input", f"is {tests}, but {count} {where}")
    return tests


def _groups(sheet: Sheet, tests: int, gen: Generated | None) -> list[Group]:
    """The groups of test cases; one, where their results are summed up."""
    score_type = sheet.text("score_type")
    parameters = _parameters(sheet)
    total = sheet.number("total_value")
    made = [] if gen is None else gen.groups
    if score_type in GROUP_TYPES and score_type is not None:
        if parameters is not None:
            made = _parametrised(sheet, parameters, tests)
        if not made:
            raise sheet.refused("score_type_parameters", f"a task of type {score_type} needs its groups")
        if GROUP_TYPES[score_type]:
            sheet.warn("score_type", f"{score_type}: {GROUP_TYPES[score_type]} is counted as its worst result")
        return _within(sheet, made, tests)
    if score_type not in (None, SUM):
        sheet.warn("score_type", f"{quoted(score_type)} is not known here, left out")
    if score_type is None and made:
        return _within(sheet, made, tests)
    each_brings = number_of(parameters[0] if isinstance(parameters, list) and parameters else parameters)
    if score_type == SUM and each_brings is not None:
        total = each_brings * tests
    total = TOTAL_VALUE if total is None else total
    if total > NUMBER_MAX:
        raise sheet.refused("score_type_parameters", f"{tests} test cases bring {total} points, which is too many")
    return [Group(name="Tests", max_score=_plain(total), tests=list(range(tests)), rule="sum")]


def _parameters(sheet: Sheet) -> JsonValue:
    """The parameters of the score type; in a text they are JSON."""
    value = sheet.value("score_type_parameters")
    if not isinstance(value, str) or not value.strip().startswith("["):
        return value
    try:
        return _as_text(decode_json(value.encode()))
    except Unreadable as error:
        raise sheet.refused("score_type_parameters", error.message) from error


def _as_text(value: JsonValue) -> JsonValue:
    """Numbers as text, as YAML gives them; a text that is a number stays apart from it by a pattern around it."""
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return f"(?:{value})"
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _parametrised(sheet: Sheet, parameters: JsonValue, tests: int) -> list[Group]:
    """Groups as `[[points, tests], …]`, tests being how many come next, a pattern of their names, or the names.

    Digits are a number of tests, unless they begin with a zero as no number does.
    """
    groups: list[Group] = []
    position = 0
    for said in parameters if isinstance(parameters, list) else [parameters]:
        points = number_of(said[0]) if isinstance(said, list) and len(said) > 1 else None
        if not isinstance(said, list) or points is None or points < 0:
            raise sheet.refused("score_type_parameters", f"a group is not like [points, tests]: {quoted(said)}")
        chosen = said[1]
        if isinstance(chosen, str) and _COUNT.fullmatch(chosen):
            end = min(position + int(chosen), TESTS_MAX)
            members = list(range(position, end))
            position = end
        else:
            members = _matching(sheet, chosen, tests)
        groups.append(Group(name=f"Subtask {len(groups) + 1}", max_score=points, tests=members))
    return groups


def _matching(sheet: Sheet, chosen: JsonValue, tests: int) -> list[int]:
    """The test cases (named 000, 001 …) that are listed by name, or whose names begin as a pattern says."""
    if isinstance(chosen, list):
        names = {name for name in chosen if isinstance(name, str)}
        return [test for test in range(tests) if f"{test:03}" in names]
    if not isinstance(chosen, str):
        raise sheet.refused("score_type_parameters", f"{quoted(chosen)} names no test cases")
    try:
        pattern = re.compile(chosen)
    except re.error as error:
        raise sheet.refused("score_type_parameters", f"{quoted(chosen)} is no pattern: {error}") from None
    return [test for test in range(tests) if pattern.match(f"{test:03}")]


def _within(sheet: Sheet, groups: list[Group], tests: int) -> list[Group]:
    """The groups without test cases that do not exist; those that are in none are told of."""
    covered: set[int] = set()
    for group in groups:
        beyond = [test for test in group.tests if test >= tests]
        if beyond:
            sheet.warn("subtasks", f"{quoted(group.name)} names {len(beyond)} test cases beyond the last, left out")
            group.tests = [test for test in group.tests if test < tests]
        covered.update(group.tests)
    if len(covered) < tests:
        sheet.warn("subtasks", f"{tests - len(covered)} test cases are in no subtask")
    return groups


def _public_tests(sheet: Sheet, tests: int) -> frozenset[int] | None:
    """The test cases whose results contestants see at once, None where nothing is said (all, then)."""
    names = ("public_testcases", "risultati")
    said = sheet.value(*names)
    if said is None and not sheet.has(*names):
        sheet.warn("public_testcases", "is absent: contestants see all results (an empty text hides them)")
        return None
    if said == "all":
        return frozenset(range(tests))
    members = said if isinstance(said, list) else str(said).split(",")
    numbers = [number_of(member) for member in members if member not in ("", None) and str(member).strip()]
    if any(number not in range(tests) for number in numbers):
        sheet.warn("public_testcases", f"names test cases that do not exist: {quoted(said)}")
    return frozenset(int(number) for number in numbers if number is not None and number in range(tests))


def _plain(number: float) -> int | float:
    """A sum of points without the dust of binary fractions, whole where it is."""
    rounded = round(number, 6)
    return int(rounded) if float(rounded).is_integer() else rounded
