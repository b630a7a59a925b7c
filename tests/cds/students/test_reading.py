"""What is read of bodies and lists: whatever comes is taken or refused, and nothing else happens."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from cds.commands.decision import Refused
from cds.commands.student_lists import read_student_list
from cds.commands.students import SERVERS_OWN, Enrolment, LinesRefused, StudentChange, read_change, read_enrolment
from tests.cds.student_api.stage import TOURIST

T = TypeVar("T")

NAMES = [*TOURIST, *sorted(SERVERS_OWN), "emailRemindersSent", "emailRemindersDisabled", "nickname"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from([*TOURIST.values()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), JSON)


def properties(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    """A body as it is read."""
    return msgspec.json.decode(json.dumps(body).encode(), type=dict[str, msgspec.Raw])


def taken(read: Callable[[], T]) -> T | Refused | LinesRefused:
    """What reading comes to; nothing but a refusal may stop it."""
    try:
        return read()
    except (Refused, LinesRefused) as refused:
        return refused


@given(body=BODIES, whole=st.booleans())
@example(body={"name": "Zürich\u200c", "phoneNo": 5}, whole=True)
def test_whatever_is_entered_is_right_or_refused(body: dict[str, Any], whole: bool) -> None:
    read = taken(lambda: read_enrolment(properties({**(TOURIST if whole else {}), **body})))
    if isinstance(read, Enrolment):
        texts = [read.name, read.email, read.phone_no, read.codeforces_handle]
        assert all(text == text.strip() != "" for text in texts)
    else:
        assert isinstance(read, Refused)
        texts = [read.reason]
    assert not any("\n" in text for text in texts)


def test_what_no_student_has_is_passed_over() -> None:
    """As the original does: a script may send more than it needs to."""
    more = {"foo": {"bar": [1]}, "Name": 5, "": None}
    assert read_enrolment(properties({**TOURIST, **more})) == read_enrolment(properties({**TOURIST}))
    assert read_change(properties({"name": "Anna", **more})) == read_change(properties({"name": "Anna"}))


@given(body=BODIES)
def test_whatever_is_changed_is_read_or_refused(body: dict[str, Any]) -> None:
    read = taken(lambda: read_change(properties(body)))
    assert isinstance(read, StudentChange) or (isinstance(read, Refused) and read.ground == "invalid")


CELLS = st.sampled_from([*TOURIST.values(), "", '"', '"a', 'a"b', "\r", "\0", "\u2028", "x" * 300])
LINES = st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=6)


@given(rows=LINES, newline=st.sampled_from(["\n", "\r\n", "\r"]))
def test_whatever_is_listed_is_read_or_refused(rows: list[str], newline: str) -> None:
    content = newline.join([",".join(TOURIST), *rows]).encode()
    lines = content.count(b"\n") + content.count(b"\r") + 1
    listed = taken(lambda: read_student_list(content))
    if isinstance(listed, LinesRefused):
        assert all(1 < line <= lines for line, _ in listed.lines)
    elif not isinstance(listed, Refused):
        assert 1 <= len(listed) <= lines
        assert all(1 < each.line <= lines for each in listed)


@given(content=st.binary(max_size=200))
def test_bytes_that_are_no_list_are_refused(content: bytes) -> None:
    assert taken(lambda: read_student_list(content))
