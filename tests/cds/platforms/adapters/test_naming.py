"""Ids of synced contests: always IDs, readable where they can be, different for different keys."""

from hypothesis import given
from hypothesis import strategies as st

from cds.platforms.adapters.naming import contest_id
from cds.platforms.questions import PLATFORMS
from schemas.identifiers import is_identifier


def test_an_id_is_platform_and_key_where_that_is_an_id() -> None:
    assert contest_id("codeforces", "1900") == "codeforces-1900"
    assert contest_id("codechef", "START134B") == "codechef-START134B"
    assert contest_id("leetcode", "weekly-contest-123456") == "leetcode-weekly-contest-123456"
    assert contest_id("atcoder", "k" * 28) == "atcoder-" + "k" * 28


def test_an_id_that_would_be_too_long_ends_with_its_hash() -> None:
    made = contest_id("atcoder", "code-festival-2014-morning-hard")
    assert made == "atcoder-code-festival-2014--e49704d9"
    assert len(made) == 36


def test_a_key_with_odd_characters_or_a_dot_at_its_end_is_hashed_too() -> None:
    assert contest_id("codechef", "A B").startswith("codechef-A_B-")
    assert contest_id("leetcode", "é").startswith("leetcode-_-")
    assert contest_id("codechef", "END.").startswith("codechef-END.-")


@given(platform=st.sampled_from(PLATFORMS), keys=st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_every_key_has_an_id_and_no_other_key_has_the_same(platform: str, keys: list[str]) -> None:
    made = [contest_id(known, key) for known in PLATFORMS if known == platform for key in keys]
    assert all(is_identifier(each) for each in made)
    assert made[0] != made[1]
