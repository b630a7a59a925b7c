"""Hashes of passwords."""

from argon2 import extract_parameters

from cds.passwords import matches, new_hash, nobodys_hash


def test_the_hash_of_nobody_is_like_any_other_and_no_password_has_it() -> None:
    """Comparing with it has to take as long, so that nobody can tell which accounts there are."""
    other = new_hash("password")
    assert extract_parameters(nobodys_hash()) == extract_parameters(other)
    assert len(nobodys_hash()) == len(other)
    assert nobodys_hash() != nobodys_hash()
    assert not matches(nobodys_hash(), "password")
    assert not matches(nobodys_hash(), "")
