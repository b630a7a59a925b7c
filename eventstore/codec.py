"""Reading events of every version ever written.

Rows keep the version they were written in, for ever. This module makes events of rows and lifts an older one to
EVENT_VERSION when it is read, one version at a time, and refuses rows of a version that this program does not know.
It must not know databases, nor what the data means beyond the steps between versions.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from eventstore.store import EVENT_VERSION, Event, StoreRefused

LIFTS: Mapping[int, Callable[[Event], Event]] = MappingProxyType({})
"""For each version below EVENT_VERSION the pure function that makes an event of the next version of it."""


def event_of(stream: str, row: Iterable[Any]) -> Event:
    """An event of a row whose columns are those of the query `read`, in the version that it was written in."""
    position, type_, id_, data, recorded_at_us, actor, cause, version, chain = row
    return Event(
        stream=stream,
        position=position,
        type=type_,
        id=id_,
        data=data,
        recorded_at_us=recorded_at_us,
        actor=actor,
        cause=cause,
        version=version,
        chain=chain,
    )


def lift(event: Event) -> Event:
    """The event as this program understands it; one of EVENT_VERSION is returned as it is.

    Raises StoreRefused for a version that is newer than the program, or that was never written.
    """
    return event if event.version == EVENT_VERSION else lift_with(LIFTS, EVENT_VERSION, event)


def lift_with(lifts: Mapping[int, Callable[[Event], Event]], newest: int, event: Event) -> Event:
    """Lift through a given table of steps up to `newest` (apart from `lift` so that it can be tested)."""
    if event.version > newest:
        raise StoreRefused(
            f"stream {event.stream!r}, position {event.position}: event version {event.version} is newer than "
            f"this program, which reads up to {newest}; upgrade the program"
        )
    while event.version < newest:
        step = lifts.get(event.version)
        if step is None:
            raise StoreRefused(
                f"stream {event.stream!r}, position {event.position}: there is no event version {event.version}"
            )
        event = step(event)
    return event
