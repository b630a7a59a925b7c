"""The table of requirements is complete, and every test that it names is really there."""

import ast
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import pytest

from tests.acceptance.requirements_of_the_contest_api import LINES_COVERED, TESTS_OF_LINE
from tests.cds.contest_api.real_contests import SHARED

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = SHARED / "spec" / "requirements-004.md"


def defined_tests(module: str) -> set[str]:
    """The tests of a module, as `function` or `Class::method`; those that are skipped for good do not count."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in _tests_in(node.body)}
    return found | set(_tests_in(tree.body))


def _tests_in(body: list[ast.stmt]) -> list[str]:
    functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [
        node.name
        for node in functions
        if node.name.startswith("test_") and not any("skip" in ast.unparse(mark) for mark in node.decorator_list)
    ]


def is_defined(name: str) -> bool:
    """Whether there is a test of that name, `module::test`."""
    module, _, test = name.partition("::")
    return test in defined_tests(module)


def every_name_in(*tables: Mapping[str, Iterable[str]]) -> list[str]:
    """All tests that these tables name, each once and in order."""
    return sorted(set(chain.from_iterable(chain.from_iterable(table.values() for table in tables))))


def test_every_line_that_is_due_has_its_tests() -> None:
    assert set(TESTS_OF_LINE) == set(chain.from_iterable(LINES_COVERED))
    assert all(TESTS_OF_LINE.values())


@pytest.mark.parametrize("name", sorted(set(chain.from_iterable(TESTS_OF_LINE.values()))))
def test_every_named_test_exists(name: str) -> None:
    assert is_defined(name)


def test_a_test_that_does_not_exist_would_be_noticed() -> None:
    assert "test_nonsense" not in defined_tests("tests.acceptance.test_requirements_table")
    assert "test_every_named_test_exists" in defined_tests("tests.acceptance.test_requirements_table")


@pytest.mark.skipif(not REQUIREMENTS.is_file(), reason="needs the list of requirements in ../shared/spec")
def test_the_lines_are_lines_of_the_list() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    numbers = {int(number) for number in re.findall(r"^(\d+)\. \[", text, re.MULTILINE)}
    assert set(TESTS_OF_LINE) <= numbers
