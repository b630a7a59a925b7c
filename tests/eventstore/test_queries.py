"""The file of named statements is read as it is meant, and each statement is used."""

from pathlib import Path

import pytest

import eventstore
from eventstore.queries import QUERIES, parse_queries


def test_statements_follow_their_names() -> None:
    text = "-- a comment\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT\n  2\n"
    assert parse_queries(text) == {"one": "SELECT 1", "two": "-- why\nSELECT\n  2"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "twice"), ("-- name: a\n-- name: b\nSELECT 1", "no statement")],
)
def test_a_broken_file_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_queries(text)


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    package = Path(eventstore.__file__).parent
    source = "".join(path.read_text() for path in package.glob("*.py"))
    used = {part.partition('"')[0] for part in source.split('QUERIES["')[1:]}
    assert used == set(QUERIES)
