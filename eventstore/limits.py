"""What a store takes: the limits of an append, a page and a file, the same for every store.

Knows sizes. It must not know how anything is kept.
"""

from collections.abc import Mapping

from eventstore.chain import check_encodable
from eventstore.store import Append, NewEvent, StoreRefused

STREAM_NAME_BYTES_MAX = 200
"""So that a hint, `stream:position`, stays far below the 8,000 bytes of a NOTIFY."""

EVENT_TEXT_BYTES_MAX = 2_000
"""The limit for each of type, id, actor and cause of an event, scope and account of a credential."""

EVENT_DATA_BYTES_MAX = 16 * 1024 * 1024
"""The limit for the data of one event."""

APPEND_EVENTS_MAX = 2_000_000
"""The limit for the events of one append."""

READ_EVENTS_MAX = 10_000
"""The limit for the events of one page."""

FILE_BYTES_MAX = 512 * 1024 * 1024
"""The limit for one file."""

APPENDED_FILE_BYTES_MAX = 1024 * 1024
"""The limit for one file that goes with an append."""

KEPT_BYTES_MAX = 1024 * 1024
"""The limit for what is kept under one id beside the log."""

KEPT_AT_ONCE_MAX = 10_000
"""The limit for the ids of one `keep`."""

TURN_US_MAX = 600_000_000
"""The limit for the interval between two turns, for how long one is waited for, and for how long all are put off."""

CHECKPOINT_PART_BYTES_MAX = 128 * 1024 * 1024
"""The limit for one part of a checkpoint."""

_POSITION_MAX = 2**63 - 1
_TIME_US_MAX = 2**63 - 1


def check_append(append: Append) -> None:
    """Raise StoreRefused, naming the property, when an append cannot be kept as it is."""
    if not append.stream:
        raise StoreRefused("stream is empty")
    check_encodable("stream", append.stream, STREAM_NAME_BYTES_MAX)
    check_encodable("actor", append.actor, EVENT_TEXT_BYTES_MAX)
    check_encodable("cause", append.cause, EVENT_TEXT_BYTES_MAX)
    if not 0 <= append.expected_position <= _POSITION_MAX - APPEND_EVENTS_MAX:
        raise StoreRefused(f"expected_position {append.expected_position} is out of range")
    if not -_TIME_US_MAX <= append.recorded_at_us <= _TIME_US_MAX:
        raise StoreRefused(f"recorded_at_us {append.recorded_at_us} is out of range")
    if len(append.events) > APPEND_EVENTS_MAX:
        raise StoreRefused(f"{len(append.events)} events in one append; the limit is {APPEND_EVENTS_MAX}")
    for number, event in enumerate(append.events, 1):
        _check_event(number, event)
    for credential in append.credentials:
        check_encodable("scope of a credential", credential.scope, EVENT_TEXT_BYTES_MAX)
        check_encodable("account_id of a credential", credential.account_id, EVENT_TEXT_BYTES_MAX)
        check_encodable("password_hash", credential.password_hash or "", EVENT_TEXT_BYTES_MAX)
    for content in append.files:
        if len(content) > APPENDED_FILE_BYTES_MAX:
            raise StoreRefused(
                f"a file of {len(content)} bytes in an append; the limit is {APPENDED_FILE_BYTES_MAX}: put it first"
            )


def _check_event(number: int, event: NewEvent) -> None:
    """Raise StoreRefused when an event, `number` in its append from 1, cannot be kept as it is."""
    check_encodable(f"type of event {number}", event.type, EVENT_TEXT_BYTES_MAX)
    check_encodable(f"id of event {number}", event.id, EVENT_TEXT_BYTES_MAX)
    if event.actor is not None:
        check_encodable(f"actor of event {number}", event.actor, EVENT_TEXT_BYTES_MAX)
    if event.cause is not None:
        check_encodable(f"cause of event {number}", event.cause, EVENT_TEXT_BYTES_MAX)
    if event.data is not None and len(event.data) > EVENT_DATA_BYTES_MAX:
        raise StoreRefused(
            f"data of event {number} ({event.type} {event.id}) is {len(event.data)} bytes long; "
            f"the limit is {EVENT_DATA_BYTES_MAX}"
        )


def is_stream_name(text: str) -> bool:
    """Whether a stream can have this name."""
    try:
        check_encodable("stream", text, STREAM_NAME_BYTES_MAX)
    except StoreRefused:
        return False
    return bool(text)


def check_page(limit: int) -> None:
    """Raise StoreRefused for a page that is larger than READ_EVENTS_MAX, or has no events at all."""
    if not 1 <= limit <= READ_EVENTS_MAX:
        raise StoreRefused(f"a page of {limit} events was asked for; it must be 1 to {READ_EVENTS_MAX}")


def check_kept(kind: str, contents: Mapping[str, bytes | None]) -> None:
    """Raise StoreRefused, naming kind and id, when bytes cannot be kept beside the log as they are."""
    check_encodable("kind", kind, EVENT_TEXT_BYTES_MAX)
    if len(contents) > KEPT_AT_ONCE_MAX:
        raise StoreRefused(f"{len(contents)} ids of {kind} at once; the limit is {KEPT_AT_ONCE_MAX}")
    for identifier, data in contents.items():
        check_encodable(f"id of {kind}", identifier, EVENT_TEXT_BYTES_MAX)
        if data is not None and len(data) > KEPT_BYTES_MAX:
            raise StoreRefused(f"{kind} {identifier} is {len(data)} bytes long; the limit is {KEPT_BYTES_MAX}")


def check_turn(name: str, *times_us: int) -> None:
    """Raise StoreRefused for a name that cannot be kept, or a length of time out of range."""
    check_encodable("name of a turn", name, EVENT_TEXT_BYTES_MAX)
    for time_us in times_us:
        if not 0 <= time_us <= TURN_US_MAX:
            raise StoreRefused(f"turn {name}: {time_us} microseconds are out of range; the limit is {TURN_US_MAX}")


def check_checkpoint_part(content: bytes) -> None:
    """Raise StoreRefused for a part that is larger than CHECKPOINT_PART_BYTES_MAX."""
    if len(content) > CHECKPOINT_PART_BYTES_MAX:
        raise StoreRefused(
            f"a part of a checkpoint is {len(content)} bytes long; the limit is {CHECKPOINT_PART_BYTES_MAX}"
        )


def check_file(content: bytes) -> None:
    """Raise StoreRefused for a file that is larger than FILE_BYTES_MAX."""
    if len(content) > FILE_BYTES_MAX:
        raise StoreRefused(f"the file is {len(content)} bytes long; the limit is {FILE_BYTES_MAX}")
