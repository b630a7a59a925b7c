"""What an event of a contest's log speaks of: its bytes become an object or a record.

This module must not know what becomes of it.
"""

import msgspec

from eventstore.store import Event, NewEvent
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from schemas.records import RECORD_TYPES

_decoders: dict[str, msgspec.json.Decoder[ContestObject]] = {
    **{name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()},
    **{name: msgspec.json.Decoder(structure) for name, structure in RECORD_TYPES.items()},
}


class UnreadableEvent(Exception):
    """An event of the log that this program cannot read; the text names it. A newer program may have written it."""


def decoded(event: Event) -> ContestObject | None:
    """The object or record that an event speaks of, None for a deletion. Raises UnreadableEvent."""
    decoder = _decoders.get(event.type)
    if decoder is None:
        raise UnreadableEvent(f"{event.stream} {event.position}: there is no type {event.type!r}")
    try:
        return None if event.data is None else decoder.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableEvent(f"{event.stream} {event.position}: {event.type} {event.id}: {error}") from error


def decoded_new(event: NewEvent) -> ContestObject | None:
    """The object or record that an event will speak of once it is written."""
    return None if event.data is None else _decoders[event.type].decode(event.data)
