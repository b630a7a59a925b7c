"""Tokens: opaque, of one length, bound to a key, a view, a set of types and a place in one log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import (
    BLOCK_BYTES,
    CHAIN_BYTES,
    INDEX_BYTES,
    POSITION_BYTES,
    TOKEN_CHARACTERS,
    TokenMaker,
    TokenRefused,
    block,
    sequence_of,
)
from tests.builders import KEY

VIEW = "1/contest:finals/public/"
CHAIN = bytes(range(32))

POSITIONS = st.integers(1, 2 ** (8 * POSITION_BYTES) - 1)
INDICES = st.integers(0, 2 ** (8 * INDEX_BYTES) - 1)
MASKS = st.integers(0, ALL_TYPES_MASK)
CHAINS = st.binary(min_size=32, max_size=32)


def token(maker: TokenMaker, position: int, index: int, chain: bytes = CHAIN, mask: int = ALL_TYPES_MASK) -> str:
    """One whole token."""
    (place,) = maker.places(block(position, index, chain))
    return (place + maker.tag(VIEW, mask)).decode()


@given(POSITIONS, INDICES, CHAINS, MASKS)
def test_a_token_is_read_as_it_was_made(position: int, index: int, chain: bytes, mask: int) -> None:
    maker = TokenMaker(KEY)
    made = token(maker, position, index, chain, mask)
    place = TokenMaker(KEY).read(made, VIEW, mask)
    assert (place.position, place.index, place.chain_bits) == (position, index, chain[:CHAIN_BYTES])
    assert place.sequence == sequence_of(position, index)
    assert len(made) == TOKEN_CHARACTERS


@given(st.lists(st.tuples(POSITIONS, INDICES), min_size=2, max_size=20, unique=True))
def test_tokens_of_different_places_differ_and_places_keep_their_order(places: list[tuple[int, int]]) -> None:
    maker = TokenMaker(KEY)
    together = maker.places(b"".join(block(*place, CHAIN) for place in places))
    assert len(set(together)) == len(places)
    assert together == [maker.places(block(*place, CHAIN))[0] for place in places]
    assert sorted(places) == sorted(places, key=lambda place: sequence_of(*place))


def test_neighbouring_places_have_nothing_in_common() -> None:
    """The holes of the freeze cannot be counted: every character depends on the whole place."""
    maker = TokenMaker(KEY)
    texts = [token(maker, position, 0)[:20] for position in range(1, 200)]
    alike = [
        sum(a == b for a, b in zip(one, other, strict=True)) for one in texts for other in texts if one is not other
    ]
    assert max(alike) < 10


@given(MASKS, MASKS)
def test_a_token_serves_the_same_types_and_fewer(made_for: int, asked_for: int) -> None:
    """With more types than it was handed out for, something between would be skipped silently."""
    maker = TokenMaker(KEY)
    made = token(maker, 1, 0, mask=made_for)
    if asked_for & ~made_for:
        with pytest.raises(TokenRefused, match="fewer types"):
            maker.read(made, VIEW, asked_for)
    else:
        assert maker.read(made, VIEW, asked_for).position == 1


@pytest.mark.parametrize(
    "view",
    ["1/contest:finals/judge/", "1/contest:other/public/", "2/contest:finals/public/", "1/contest:finals/team/t1"],
)
def test_a_token_of_another_view_is_refused(view: str) -> None:
    """Another role, contest, version of the views or team."""
    maker = TokenMaker(KEY)
    with pytest.raises(TokenRefused, match="another view"):
        maker.read(token(maker, 1, 0), view, ALL_TYPES_MASK)


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(TokenRefused, match="another view"):
        TokenMaker(bytes(32)).read(token(TokenMaker(KEY), 1, 0), VIEW, ALL_TYPES_MASK)


@pytest.mark.parametrize(
    "text", ["", "999999", "x" * (TOKEN_CHARACTERS - 1), "x" * (TOKEN_CHARACTERS + 1), "é" * TOKEN_CHARACTERS]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused, match="not a token"):
        TokenMaker(KEY).read(text, VIEW, ALL_TYPES_MASK)


@given(st.text(alphabet=st.characters(max_codepoint=255), min_size=TOKEN_CHARACTERS, max_size=TOKEN_CHARACTERS))
def test_any_other_text_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(TokenRefused):
        TokenMaker(KEY).read(text, VIEW, ALL_TYPES_MASK)


def test_the_spare_bits_of_the_text_are_no_second_spelling() -> None:
    """Two texts never stand for one token: the last character of the place holds four bits that must be as made."""
    maker = TokenMaker(KEY)
    made = token(maker, 7, 0)
    accepted = []
    for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        text = made[:21] + character + made[22:]
        try:
            place = maker.read(text, VIEW, ALL_TYPES_MASK)
        except TokenRefused:
            continue
        accepted.append((text == made, place.position == 7))
    assert accepted.count((True, True)) == 1
    assert (False, True) not in accepted


def test_a_block_is_one_block_of_the_cipher() -> None:
    assert len(block(1, 2, CHAIN)) == BLOCK_BYTES
    with pytest.raises(OverflowError):
        block(2 ** (8 * POSITION_BYTES), 0, CHAIN)
