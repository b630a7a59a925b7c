"""JSON and YAML text of others, read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.dialects.json_values import DEPTH_MAX, Unreadable, decode_json, decode_json_array
from cds.dialects.yaml_values import decode_yaml

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

EXPLODING = "\n".join(
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)),
    ]
)


@given(JSON_VALUES, st.booleans())
def test_json_is_read_as_it_is_written(value: object, spaced: bool) -> None:
    text = json.dumps(value, separators=None if spaced else (",", ":"), ensure_ascii=spaced)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return
    assert decode_json(encoded) == value


@given(st.binary())
def test_any_bytes_are_json_or_unreadable(text: bytes) -> None:
    for decode in (decode_json, decode_json_array):
        try:
            decode(text)
            words = "read"
        except Unreadable as error:
            words = error.message
        assert words


@given(st.binary() | st.text(alphabet="[]{}&*a: -\n!|>'\"#,?%@`<", max_size=60).map(str.encode))
def test_any_bytes_are_yaml_or_unreadable(text: bytes) -> None:
    try:
        decode_yaml(text)
        words = "read"
    except Unreadable as error:
        words = error.message
    assert words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1, "a": 2}', "has the key 'a' twice"),
        (b'{"a":1,"a":1}', "has the key 'a' twice"),
        (b'{"x":{"b":1,"\\u0062":2}}', "has the key 'b' twice"),
        (b'{"a": NaN}', "is not JSON"),
        (b'{"a": Infinity}', "is not JSON"),
        (b'{"a": 1e999}', "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON"),
        (b'{"a": "\\ud800"}', "is not JSON"),
        (b'{"a": 1', "is not JSON"),
        (b"", "is not JSON"),
        (b'{"a": 1} {"a": 2}', "is not JSON"),
        (b"[" * 5000 + b"]" * 5000, "is not JSON"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "is nested deeper than"),
    ],
)
def test_json_that_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        decode_json(text)


def test_members_of_an_array_know_their_lines() -> None:
    elements = decode_json_array(b'\xef\xbb\xbf[\n {"a": 1},\n\n {"a":\n 2}, 3\n]')
    assert [(element.line, element.value) for element in elements] == [(2, {"a": 1}), (4, {"a": 2}), (5, 3)]


def test_broken_member_of_an_array_is_named_by_its_line() -> None:
    with pytest.raises(Unreadable) as unreadable:
        decode_json_array(b'[\n {"a": 1},\n {"a":\n 2, "a": 3}\n]')
    assert unreadable.value.line == 3
    with pytest.raises(Unreadable) as unreadable:
        decode_json_array(b'[\n {"a": 1},\n {"a" 2}\n]')
    assert unreadable.value.line == 3


@pytest.mark.parametrize("text", [b'{"a": 1}', b"5", b"null"])
def test_what_is_no_array_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable, match="where an array is expected"):
        decode_json_array(text)


def test_yaml_scalars_are_text_and_nothing_is_guessed() -> None:
    document = decode_yaml(
        b"id: 45\nduration: 5:00:00\nstart: 2024-01-01T10:00:00+01\nyes: no\nempty:\nnull_: ~\nquoted: '~'\nhex: 0x1F\n"
    )
    assert document.value == {
        "id": "45",
        "duration": "5:00:00",
        "start": "2024-01-01T10:00:00+01",
        "yes": "no",
        "empty": None,
        "null_": None,
        "quoted": "~",
        "hex": "0x1F",
    }


def test_yaml_members_know_their_lines_and_aliases_are_followed() -> None:
    document = decode_yaml(b"- &a {id: 1}\n\n- id: 2\n  more: *a\n")
    assert [(element.line, element.value) for element in document.elements] == [
        (1, {"id": "1"}),
        (3, {"id": "2", "more": {"id": "1"}}),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (EXPLODING, "when its aliases are written out"),
        ("a: &a [*a]", "not complete before it"),
        ("a: *b", r"\*b"),
        ("a: 1\na: 2", "has the key 'a' twice"),
        ("? [x]\n: 1", "has a key that is not text"),
        ("~: 1", "has a key that is not text"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "merge key"),
        ("a: 1\n---\nb: 2", "more than one YAML document"),
        ("a: [", "is not YAML"),
        ("\x01", "is not YAML"),
        ("[" * 100 + "]" * 100, "is nested deeper than"),
        ("[" * 100000, "is nested deeper than|is not YAML"),
    ],
)
def test_yaml_that_is_refused(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        decode_yaml(text.encode())
