"""Signed heads: what is printed is read again, however it was typed; what is not signed so is refused."""

from collections.abc import Callable
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.signed_heads import (
    KEY_BYTES,
    TITLE,
    HeadRefused,
    SignedHead,
    check_signature,
    grouped,
    printed,
    public_key_of,
    read_head,
    read_key,
    signed_head,
    with_names_of,
)
from eventstore.store import Head

KEY = bytes(range(KEY_BYTES))
OTHER_KEY = bytes(KEY_BYTES)
TIME_S = 1_900_000_000
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
ENDS = st.builds(
    lambda position, chain: Head(position=position, chain=chain),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)


def a_head(**heads: Head) -> SignedHead:
    """Signed under KEY."""
    found = heads or {"contest:finals": Head(position=1234, chain=bytes(range(32)))}
    return signed_head(found.items(), TIME_S, KEY)


@given(st.dictionaries(NAMES, ENDS, max_size=5), st.integers(0, 4_000_000_000), st.binary(min_size=32, max_size=32))
def test_what_is_printed_is_read_again(streams: dict[str, Head], time_s: int, key: bytes) -> None:
    """Whatever streams are called."""
    head = signed_head(streams.items(), time_s, key)
    found = read_head(printed(head))
    check_signature(found)
    assert found == head
    assert found.public_key == public_key_of(key) == read_key(grouped(found.public_key))


@given(st.integers())
def test_breaks_spaces_and_case_make_no_difference(seed: int) -> None:
    """But for the names, whose case counts; they are found among those that there are."""
    random = Random(seed)
    head = a_head(
        **{"contest:Finals-2031": Head(position=77, chain=bytes(32)), "students": Head(position=1, chain=KEY)}
    )
    typed = ""
    for word in printed(head).split():
        typed += random.choice((word.upper(), word.lower())) + random.choice((" ", "\n", "  \t", "\r\n\n"))
    found = with_names_of(read_head(typed), ["contest:Finals-2031", "students", "contest:other"])
    check_signature(found)
    assert found == head


def test_groups_may_be_of_any_length_and_letters_that_look_like_digits_are_digits() -> None:
    head = a_head()
    text = printed(head)
    _, _, after = text.partition("signature")
    joined = text.replace(after, " " + "".join(after.split()))
    assert read_head(joined) == head
    key = grouped(head.public_key)
    assert read_head(text.replace(key, key.replace("0", "O").replace("1", "l"))) == head


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "", "begins with the words"),
        (lambda text: text.replace(TITLE, "contest data server head 2"), "begins with the words"),
        (lambda text: text.replace("time ", "when "), "comes the time"),
        (lambda text: text.replace("2030-", "yesterday-"), "is no time like"),
        (lambda text: text.replace("1234 ", "12x4 "), "where the position"),
        (lambda text: text.replace("1234 ", "9" * 30 + " "), "where the position"),
        (lambda text: text.replace(" contest:finals", ""), "where the position"),
        (lambda text: text.replace("1234 ", f"{2**63} "), "where the position"),
        (lambda text: text.replace("contest:finals", "contest%ff"), "no name"),
        (lambda text: text.replace("04050607", "040506"), "hexadecimal digits"),
        (lambda text: text.replace("04050607", "O4O5g607"), "'O4O5g607'"),
        (lambda text: text.partition("key")[0], "the key is missing"),
        (lambda text: text.partition("signature")[0], "comes the signature"),
        (lambda text: text[:-9], "text ends"),
        (lambda text: text + "more", "stands 'more'"),
    ],
)
def test_what_is_no_head_is_refused_with_the_reason(change: Callable[[str], str], reason: str) -> None:
    with pytest.raises(HeadRefused, match=reason):
        check_signature(read_head(change(printed(a_head()))))


def test_too_long_a_text_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.signed_heads.HEAD_CHARACTERS_MAX", 10)
    with pytest.raises(HeadRefused, match="the limit is 10"):
        read_head(printed(a_head()))


@given(st.integers(0, 10_000), st.sampled_from("0123456789abcdef"))
def test_any_other_digit_is_found_out(place: int, digit: str) -> None:
    """In a position, a chain value, the key, the time or the signature."""
    text = printed(a_head())
    begin = text.index("time")
    place = begin + place % (len(text) - begin)
    if not text[place].isalnum() or text[place] == digit:
        return
    changed = text[:place] + digit + text[place + 1 :]
    with pytest.raises(HeadRefused):
        check_signature(read_head(changed))


def test_one_that_says_another_thing_is_refused_under_any_key() -> None:
    head = a_head()
    for other in (
        msgspec.structs.replace(head, streams=()),
        msgspec.structs.replace(head, time_s=TIME_S + 1),
        msgspec.structs.replace(head, public_key=public_key_of(OTHER_KEY)),
        msgspec.structs.replace(head, signature=signed_head(head.streams, TIME_S, OTHER_KEY).signature),
        msgspec.structs.replace(head, public_key=bytes(KEY_BYTES)),
    ):
        with pytest.raises(HeadRefused, match="does not match"):
            check_signature(other)


def test_names_are_only_taken_where_one_alone_fits() -> None:
    head = a_head(**{"contest:finals": Head(position=1, chain=KEY)})
    assert with_names_of(head, ["contest:Finals", "contest:FINALS"]) == head
    assert with_names_of(head, ["contest:Finals"]).streams[0][0] == "contest:Finals"


@given(st.text(max_size=300), st.integers(0, 400))
def test_any_text_is_read_or_refused(text: str, place: int) -> None:
    """Also in the middle of what is a head."""
    whole = printed(a_head())
    for read in (text, whole[:place] + text + whole[place:], f"{TITLE} {text}"):
        try:
            check_signature(read_head(read))
        except HeadRefused:
            continue


@pytest.mark.parametrize("text", ["", "ab", "00" * 33, "key " + "00" * 32, "00" * 32 + " more"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(HeadRefused):
        read_key(text)
