"""Which of the waiting appends can go into one transaction, and as what.

Pure: takes the appends and the ends of their streams as far as they are known, gives a plan. It must not
know connections. Several appends to one stream follow each other in the order in which they came.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from eventstore.addressing import address_of
from eventstore.chain import chain_values, origin_of, row_origin
from eventstore.store import Append, Head, NewEvent


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """One append that fits: its index among the waiting ones, its chain values, and the head that it makes."""

    index: int
    append: Append
    chains: list[bytes]
    head: Head


class StreamPlan(msgspec.Struct, kw_only=True):
    """What one transaction does to one stream if it still ends at `base`."""

    stream: str
    base: Head
    head: Head
    extensions: list[Extension]


class GroupPlan(msgspec.Struct, kw_only=True):
    """The appends that fit, by stream in the order of their coming, and the indices of those that do not.

    Streams in `unknown_streams` have to be looked at before anything can be said of what is left.
    """

    streams: dict[str, StreamPlan]
    conflicts: list[int]
    unknown_streams: set[str]


def plan_group(appends: Iterable[Append], heads: Mapping[str, Head], fresh: frozenset[str]) -> GroupPlan:
    """Compare each append with the end of its stream, counting the appends before it as done.

    `heads` may be behind what other processes wrote, but never ahead: so an append that expects less is a
    conflict for good, and one that expects more means that the stream has to be looked at, unless that has just
    been done (`fresh`).
    """
    plan = GroupPlan(streams={}, conflicts=[], unknown_streams=set())
    for index, append in enumerate(appends):
        stream = append.stream
        known = heads.get(stream)
        if known is None or stream in plan.unknown_streams:
            plan.unknown_streams.add(stream)
            continue
        streams = plan.streams
        end = streams[stream].head if stream in streams else known
        if append.expected_position == end.position:
            _extend(streams, known, index, append)
        elif append.expected_position < end.position or stream in fresh:
            plan.conflicts.append(index)
        else:
            plan.unknown_streams.add(stream)
    return plan


def _extend(streams: dict[str, StreamPlan], base: Head, index: int, append: Append) -> None:
    """Add an append that fits to the plan of its stream."""
    stream = streams.get(append.stream)
    if stream is None:
        stream = StreamPlan(stream=append.stream, base=base, head=base, extensions=[])
        streams[append.stream] = stream
    chains = chain_values(stream.head, append.events, origin_of(append))
    if chains:
        stream.head = Head(position=stream.head.position + len(chains), chain=chains[-1])
    stream.extensions.append(Extension(index=index, append=append, chains=chains, head=stream.head))


def group_arguments(streams: Sequence[StreamPlan]) -> list[list[object]]:
    """The plans as the arrays that the database function append_group takes, in its order, without `announce`."""
    ends: list[tuple[object, ...]] = [
        (plan.stream, plan.base.position, plan.base.chain, plan.head.position, plan.head.chain) for plan in streams
    ]
    rows: list[tuple[object, ...]] = []
    batches: list[tuple[object, ...]] = []
    credentials: list[tuple[object, ...]] = []
    for index, plan in enumerate(streams, 1):
        for extension in plan.extensions:
            append = extension.append
            batches.append((index, append.batch_id, extension.head.position))
            new_rows = event_rows(append, append.events, extension.chains, extension.head.position)
            rows.extend((index, *row) for row in new_rows)
            credentials.extend(
                (index, credential.scope, credential.account_id, credential.password_hash)
                for credential in append.credentials
            )
    return [*_columns(ends, 5), *_columns(rows, 10), *_columns(batches, 3), *_columns(credentials, 4)]


def file_arguments(streams: Sequence[StreamPlan]) -> list[list[object]]:
    """The files of the plans as the arrays that follow the others in append_group_with_files; empty without any."""
    files = [
        (index, address_of(content), content)
        for index, plan in enumerate(streams, 1)
        for extension in plan.extensions
        for content in extension.append.files
    ]
    return _columns(files, 3) if files else []


def event_rows(
    append: Append, events: Sequence[NewEvent], chains: Sequence[bytes], last_position: int
) -> Iterable[tuple[object, ...]]:
    """The rows of events of an append without their stream, columns in the order of the table."""
    common = origin_of(append)
    for position, (event, chain) in enumerate(zip(events, chains, strict=True), last_position - len(events) + 1):
        origin = row_origin(common, event)
        yield (
            position,
            event.type,
            event.id,
            event.data,
            origin.recorded_at_us,
            origin.actor,
            origin.cause,
            origin.version,
            chain,
        )


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows turned into columns; `width` empty ones when there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def size_bytes(append: Append) -> int:
    """About how much an append weighs, for limits on groups."""
    of_events = sum(len(event.data or b"") + len(event.id) for event in append.events)
    return of_events + sum(map(len, append.files))
