"""Hashes of passwords."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from cds.passwords import matches, new_hash, nobodys_hash

MEMORY_KIB_MIN = 19_456
PASSES_MIN = 2
"""OWASP's first recommendation for argon2id."""


@pytest.fixture(autouse=True)
def as_slowly_as_ever(passwords_are_hashed_quickly: PasswordHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing as the program does it: other tests have it cheaper."""
    monkeypatch.setattr("cds.passwords._hasher", passwords_are_hashed_quickly)


def test_passwords_are_hashed_slowly() -> None:
    """Who gets hold of the hashes tries few passwords a second."""
    made = extract_parameters(new_hash("password"))
    assert made.memory_cost >= MEMORY_KIB_MIN
    assert made.time_cost >= PASSES_MIN


def test_the_hash_of_nobody_is_like_any_other_and_no_password_has_it() -> None:
    """Comparing with it has to take as long, so that nobody can tell which accounts there are."""
    other = new_hash("password")
    assert extract_parameters(nobodys_hash()) == extract_parameters(other)
    assert len(nobodys_hash()) == len(other)
    assert nobodys_hash() != nobodys_hash()
    assert not matches(nobodys_hash(), "password")
    assert not matches(nobodys_hash(), "")
