"""The fold of students: who there is, and who has which handle."""

import msgspec
import pytest

from projections.students import Students
from schemas.students import STUDENT, Student

AT = "2031-05-17T08:00:00.000Z"


def student(identifier: str, handle: str, **more: object) -> bytes:
    """A student as an event has it."""
    whole = Student(id=identifier, handle=handle, contact="c", created_at=AT, updated_at=AT)
    return msgspec.json.encode(msgspec.structs.replace(whole, **more))


def folded(*events: tuple[str, bytes | None]) -> Students:
    """The state after some events."""
    state = Students()
    for position, (identifier, data) in enumerate(events, start=1):
        state.apply(position, STUDENT, identifier, data)
    return state


def owners(state: Students, *handles: str) -> list[str | None]:
    """The ids of those who have these handles."""
    found = [state.of_handle(handle) for handle in handles]
    return [None if each is None else each.id for each in found]


def test_a_handle_is_found_in_any_case() -> None:
    state = folded(("1", student("1", "Tourist")), ("2", student("2", "petr")))
    assert owners(state, "tourist", "TOURIST", "Petr") == ["1", "1", "2"]
    assert state.of_handle("nobody") is None
    assert (len(state), [each.id for each in state], state.position) == (2, ["1", "2"], 2)


def test_a_handle_that_is_given_up_is_free() -> None:
    state = folded(("1", student("1", "Tourist")), ("1", student("1", "Petr")))
    assert state.of_handle("tourist") is None
    assert state.of_handle("petr") == state.find("1")
    state.apply(3, STUDENT, "2", student("2", "tourist"))
    state.apply(4, STUDENT, "1", None)
    assert (state.of_handle("petr"), state.find("1"), len(state)) == (None, None, 1)


def test_two_may_change_places() -> None:
    state = folded(
        ("1", student("1", "a-a")),
        ("2", student("2", "b-b")),
        ("1", student("1", "c-c")),
        ("2", student("2", "a-a")),
        ("1", student("1", "b-b")),
    )
    assert owners(state, "a-a", "b-b") == ["2", "1"]


@pytest.mark.parametrize(
    ("event_type", "data"), [("x-else", student("1", "a")), (STUDENT, b"{}"), (STUDENT, b'{"id":7}'), (STUDENT, b"{")]
)
def test_an_event_that_cannot_be_read_changes_nothing(event_type: str, data: bytes) -> None:
    state = folded(("1", student("1", "Tourist")))
    with pytest.raises(msgspec.DecodeError):
        state.apply(2, event_type, "1", data)
    assert (state.position, len(state)) == (1, 1)
    assert state.of_handle("tourist") is not None
