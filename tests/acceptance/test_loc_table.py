"""The table of requests to the League of Code API is complete: every code that the seed lists, every body it shows."""

import re
from itertools import chain

import pytest

from cds.loc_api.authorization import NOT_LOGGED_IN
from cds.loc_api.rows import Row
from cds.loc_api.table import ROWS
from tests.acceptance.requirements_of_loc import (
    CASES,
    CODES_READ_OTHERWISE,
    ENDPOINTS_MAX,
    READ_OTHERWISE,
    TOKENS_OF_USERS_GONE,
)
from tests.acceptance.rules_of_loc import TESTS_OF_ACCEPTANCE_CHECK, TESTS_OF_ISSUE, TESTS_OF_RULE
from tests.acceptance.seed_of_loc import SEED, Endpoint, endpoints
from tests.acceptance.test_loc_tokens import LOOKING, OF_ADMINISTRATORS, WITH_500
from tests.acceptance.test_requirements_table import defined_tests
from tests.cds.contest_api.real_contests import SHARED

pytestmark = pytest.mark.skipif(not SEED.is_file(), reason="needs the seed in ../shared/seeds")

REQUIREMENTS = SHARED / "spec" / "requirements-003.md"
NUMBERED = re.compile(r"^(?:\| )?([136]\.\d+) ", re.MULTILINE)
TABLES = (TESTS_OF_RULE, TESTS_OF_ACCEPTANCE_CHECK, TESTS_OF_ISSUE)
NAMED = sorted(set(chain.from_iterable(chain.from_iterable(table.values() for table in TABLES))))

NUMBERS = range(1, ENDPOINTS_MAX + 1)
OF_TOKENS = frozenset({401, 403})
"""Codes that come for tokens."""

AWAY = 500
"""The code that comes without a database."""

ASKED_ELSEWHERE = {401: LOOKING, 403: OF_ADMINISTRATORS, AWAY: WITH_500}
"""Codes of no situation, by the rows that `test_loc_tokens` asks for them, each with its body."""


def row(number: int) -> Row:
    """The row of an endpoint."""
    return next(row for row in ROWS if row.number == number)


def of_seed(number: int) -> Endpoint:
    """What the seed says of an endpoint."""
    return endpoints()[number - 1]


def cased(number: int) -> set[int]:
    """The codes for which there are cases."""
    return {case.code for case in CASES if case.number == number}


@pytest.mark.parametrize("number", NUMBERS)
def test_the_paths_are_those_of_the_seed(number: int) -> None:
    said = of_seed(number)
    first = ("GET", "/info") if number == 1 else (row(number).ways[0].method, row(number).ways[0].path)
    assert first == (said.method, said.path)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_code_that_the_seed_lists_is_asked_for(number: int) -> None:
    listed = set(of_seed(number).codes)
    if number in CODES_READ_OTHERWISE:
        _, said, comes = CODES_READ_OTHERWISE[number]
        listed = listed - {said} | {comes}
    found = cased(number)
    for code, rows in ASKED_ELSEWHERE.items():
        found |= {code} if number in {each.number for each in rows} else set()
    assert listed <= found


@pytest.mark.parametrize("number", [row.number for row in ROWS])
def test_every_code_of_the_row_is_asked_for_and_no_other(number: int) -> None:
    assert cased(number) == set(row(number).codes) - {AWAY, 429}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_refusal_that_the_seed_shows_comes_word_for_word(number: int) -> None:
    refusals = [case.refusal for case in CASES if case.number == number]
    for example in of_seed(number).examples:
        if example.status < 400:
            continue
        if example.status == AWAY:
            assert example.body == {"status": "error", "message": row(number).failing}
        elif example.status in OF_TOKENS and "message" in example.body and example.body not in refusals:
            gone = NOT_LOGGED_IN if row(number).gone == 401 or number in TOKENS_OF_USERS_GONE else None
            assert example.body["message"] in {gone, "You are not an administrator"}
        else:
            resolved = READ_OTHERWISE.get((number, example.status))
            assert resolved is None or resolved[1] == example.body
            assert (example.body if resolved is None else resolved[2]) in refusals


def test_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NAMED)
def test_every_named_test_exists(name: str) -> None:
    module, _, test = name.partition("::")
    assert test in defined_tests(module)


def test_every_rule_has_its_tests() -> None:
    assert set(TESTS_OF_RULE) == set(NUMBERED.findall(REQUIREMENTS.read_text(encoding="utf-8")))
    assert all(chain.from_iterable(table.values() for table in TABLES))


def test_every_acceptance_check_has_its_tests() -> None:
    _, _, checks = REQUIREMENTS.read_text(encoding="utf-8").partition("## 8. Acceptance checks\n")
    assert {check.strip().rstrip(".") for check in checks.split(";")} == set(TESTS_OF_ACCEPTANCE_CHECK)
