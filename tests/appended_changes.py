"""Changes that are in a log before a test begins, or that somebody else has appended meanwhile."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from cds.commands.decision import ObjectChange
from cds.importing import encoded_events
from eventstore.store import Append, EventStore, Head


async def append_changes(
    store: EventStore,
    stream: str,
    changes: Sequence[ObjectChange],
    *,
    recorded_at_us: int = 0,
    cause: str = "test",
    batch_id: UUID | None = None,
) -> Head:
    """Append to a stream where it ends now, as any program on the same log may; the end that it has then."""
    head = await store.append(
        Append(
            stream=stream,
            expected_position=(await store.head(stream)).position,
            events=encoded_events(changes),
            actor="test",
            cause=cause,
            batch_id=batch_id or uuid4(),
            recorded_at_us=recorded_at_us,
        )
    )
    assert head is not None
    return head
