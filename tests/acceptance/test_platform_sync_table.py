"""The table of the requirements of the platform sync is complete, and every test that it names is really there."""

import re
from itertools import chain

import pytest

from tests.acceptance.requirements_of_the_platform_sync import (
    TESTS_OF_ACCEPTANCE_CHECK,
    TESTS_OF_ISSUE,
    TESTS_OF_REQUIREMENT,
)
from tests.acceptance.test_requirements_table import every_name_in, is_defined
from tests.cds.contest_api.real_contests import SHARED

REQUIREMENTS = SHARED / "spec" / "requirements-000.md"
NUMBERED = re.compile(r"^\| (\d\.\d+) |^(\d+)\. ", re.MULTILINE)
RULES = "2."
"""The section whose lines are numbered from 1 within it."""

TABLES = (TESTS_OF_REQUIREMENT, TESTS_OF_ACCEPTANCE_CHECK, TESTS_OF_ISSUE)


@pytest.mark.parametrize("name", every_name_in(*TABLES))
def test_every_named_test_exists(name: str) -> None:
    assert is_defined(name)


@pytest.mark.skipif(not REQUIREMENTS.is_file(), reason="needs the list of requirements in ../shared/spec")
def test_every_requirement_has_its_tests() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    listed = {cell or f"{RULES}{number}" for cell, number in NUMBERED.findall(text)}
    assert set(TESTS_OF_REQUIREMENT) == listed
    assert all(chain.from_iterable(table.values() for table in TABLES))


@pytest.mark.skipif(not REQUIREMENTS.is_file(), reason="needs the list of requirements in ../shared/spec")
def test_every_acceptance_check_has_its_tests() -> None:
    _, _, checks = REQUIREMENTS.read_text(encoding="utf-8").partition("## 4. Acceptance checks\n")
    assert {check.strip().rstrip(".") for check in checks.split(" · ")} == set(TESTS_OF_ACCEPTANCE_CHECK)
