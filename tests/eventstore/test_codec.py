"""Old event versions are lifted when they are read; versions from the future are refused."""

import msgspec
import pytest

from eventstore.codec import LIFTS, lift, lift_with
from eventstore.store import EVENT_VERSION, Event, StoreRefused


def an_event(version: int) -> Event:
    """A row of some version."""
    return Event(
        stream="s",
        position=7,
        type="teams",
        id="t1",
        data=b"1",
        recorded_at_us=0,
        actor="",
        cause="",
        version=version,
        chain=bytes(32),
    )


def test_an_event_of_this_version_is_itself() -> None:
    event = an_event(EVENT_VERSION)
    assert lift(event) is event


def test_a_newer_event_is_refused_with_its_place() -> None:
    with pytest.raises(StoreRefused, match=r"stream 's', position 7: event version 2 is newer.*upgrade"):
        lift(an_event(EVENT_VERSION + 1))


def test_an_event_of_a_version_that_never_was_is_refused() -> None:
    with pytest.raises(StoreRefused, match="no event version 0"):
        lift(an_event(0))


def test_every_older_version_has_a_step() -> None:
    assert sorted(LIFTS) == list(range(1, EVENT_VERSION))


def test_steps_are_taken_one_after_the_other() -> None:
    def step(event: Event) -> Event:
        return msgspec.structs.replace(event, version=event.version + 1, data=(event.data or b"") + b"+")

    lifted = lift_with({1: step, 2: step}, 3, an_event(1))
    assert (lifted.version, lifted.data, lifted.chain) == (3, b"1++", bytes(32))
