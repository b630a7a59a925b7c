"""The tables of the requirements of the ContestWebServer API are complete, and every test that they name is there."""

import re

import pytest

from tests.acceptance.requirements_of_cms import TESTS_OF_ACCEPTANCE_CHECK, TESTS_OF_ISSUE, TESTS_OF_REQUIREMENT
from tests.acceptance.test_requirements_table import every_name_in, is_defined
from tests.cds.contest_api.real_contests import SHARED

REQUIREMENTS = SHARED / "spec" / "requirements-002.md"
NUMBERED = re.compile(r"^(?:\| )?([1-4]\.\d+) ", re.MULTILINE)
OPTIONAL = {"3.4"}

TABLES = (TESTS_OF_REQUIREMENT, TESTS_OF_ACCEPTANCE_CHECK, TESTS_OF_ISSUE)

needs_requirements = pytest.mark.skipif(
    not REQUIREMENTS.is_file(), reason="needs the list of requirements in ../shared/spec"
)


@pytest.mark.parametrize("name", every_name_in(*TABLES))
def test_every_named_test_exists(name: str) -> None:
    assert is_defined(name)


def test_every_line_names_a_test() -> None:
    for table in TABLES:
        assert all(table.values())


@needs_requirements
def test_every_numbered_requirement_has_its_tests() -> None:
    numbers = set(NUMBERED.findall(REQUIREMENTS.read_text(encoding="utf-8")))
    assert len(numbers) > 30
    assert set(TESTS_OF_REQUIREMENT) == numbers - OPTIONAL


@needs_requirements
def test_every_acceptance_check_has_its_tests() -> None:
    _, _, section = REQUIREMENTS.read_text(encoding="utf-8").partition("## 6. Acceptance checks\n")
    checks = {check.strip().removesuffix(".") for check in section.split("·")}
    assert set(TESTS_OF_ACCEPTANCE_CHECK) == checks
