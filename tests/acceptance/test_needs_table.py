"""The table of what real clients need covers the whole document, and every test that it names is really there."""

import re
from itertools import chain

import pytest

from tests.acceptance.needs_of_real_clients import FORMATS, TESTS_OF_FORMAT, TESTS_OF_NEED
from tests.acceptance.test_requirements_table import defined_tests
from tests.cds.contest_api.real_contests import SHARED

DOCUMENT = SHARED / "spec" / "real-clients.md"
NAMED = (*TESTS_OF_FORMAT.values(), *chain.from_iterable(each.values() for each in TESTS_OF_NEED.values()))

needs_document = pytest.mark.skipif(not DOCUMENT.is_file(), reason="needs ../shared/spec/real-clients.md")


def parts() -> dict[str, str]:
    """The parts of the document by their headings."""
    found = re.split(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def phrases(paragraph: str) -> list[str]:
    """The formats that the paragraph lists: the dialects, then what has been seen in real feeds."""
    dialects, _, seen = paragraph.partition(" Seen in real feeds: ")
    oldest, _, others = dialects.partition(" (`")
    return [oldest.strip(), others.partition(", ")[2].strip(". "), *(each.strip(". \n") for each in seen.split("; "))]


@pytest.mark.parametrize("name", sorted(set(chain.from_iterable(NAMED))))
def test_every_named_test_exists(name: str) -> None:
    module, _, test = name.partition("::")
    assert test in defined_tests(module)


def test_every_line_has_a_test() -> None:
    assert all(NAMED)


@needs_document
def test_every_line_of_the_document_is_in_the_table_once() -> None:
    found = parts()
    text_of_formats = next(text for heading, text in found.items() if heading.startswith(FORMATS))
    told = {heading: text for heading, text in found.items() if not heading.startswith(FORMATS)}
    assert len(told) == len(TESTS_OF_NEED)
    for heading, text in told.items():
        (beginnings,) = [each for name, each in TESTS_OF_NEED.items() if heading.startswith(name)]
        lines = re.findall(r"^- (.+)$", text, flags=re.MULTILINE)
        check_one_to_one(lines, list(beginnings))
    check_one_to_one(phrases(text_of_formats), list(TESTS_OF_FORMAT))


def check_one_to_one(lines: list[str], beginnings: list[str]) -> None:
    """Each line begins as exactly one entry, and each entry is the beginning of exactly one line."""
    for line in lines:
        assert sum(line.startswith(each) for each in beginnings) == 1, line
    for beginning in beginnings:
        assert sum(line.startswith(beginning) for line in lines) == 1, beginning


def test_a_line_without_an_entry_would_be_noticed() -> None:
    for lines, beginnings in ((["a line", "one more"], ["a"]), (["a line"], ["a", "one"]), (["a line"], ["a", "a l"])):
        with pytest.raises(AssertionError):
            check_one_to_one(lines, beginnings)
