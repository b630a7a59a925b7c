"""What is wrong with rows of a stream that do not follow from one another: altered, missing, inserted, moved, renamed.

Knows the chain hash and what rows near each other give away. It must not know where rows are kept. A chain value rests
on the stream's name, the position, every column and the chain value before it; trying others in the place of each tells
what somebody did to a row, as long as not everything behind it was written anew as well.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from eventstore.chain import Origin, next_chain

SHIFT_MAX = 64
"""How many rows in a row may have been removed or inserted and still be told as such."""

ALTERED, MISSING, INSERTED, MOVED, RENAMED = "altered", "missing", "inserted", "moved", "renamed"
"""The kinds of differences within a stream."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row as it stands in the table, whatever stands in it: its columns have no other types than the store gives."""

    position: int
    type: str
    id: str
    data: bytes | None
    recorded_at_us: int
    actor: str
    cause: str
    version: int
    chain: bytes


class Standing(msgspec.Struct, frozen=True):
    """How far rows have been followed: the last position, the chain value there, and under what terms it goes on.

    `chain` None: nothing is known of the row before. `offset`: rows were written so many positions further on than
    they stand. `name`: under which name of the stream they were written.
    """

    position: int
    chain: bytes | None
    name: str
    offset: int = 0


class Finding(msgspec.Struct, frozen=True):
    """What is wrong at a position, and where following goes on, behind so many rows (`passed`)."""

    kind: str
    position: int
    told: str
    standing: Standing
    passed: int = 1


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around the row that does not follow.

    `rows`: it and those behind it. `chain_behind`: where `rows` end with the stream, the chain value of its head.
    `chains`: chain values near it by position. `others`: of other streams, the chain value one position before it.
    """

    rows: Sequence[Row]
    chain_behind: bytes | None
    chains: Mapping[int, bytes]
    others: Mapping[str, bytes]


def written_chain(name: str, previous: bytes, position: int, row: Row) -> bytes | None:
    """The chain value with which a store would have written this row there; None for what no store can write."""
    origin = Origin(
        stream=name, recorded_at_us=row.recorded_at_us, actor=row.actor, cause=row.cause, version=row.version
    )
    try:
        return next_chain(previous, origin, position, row.type, row.id, row.data)
    except (AttributeError, struct.error, TypeError, UnicodeEncodeError):
        return None


def followed(standing: Standing, rows: Sequence[Row]) -> tuple[Standing, int]:
    """Follow rows; where that ends, and how many of them it took: fewer than all when the next does not follow."""
    position, chain, name, offset = standing.position, standing.chain, standing.name, standing.offset
    for number, row in enumerate(rows):
        if row.position != position + 1:
            return Standing(position, chain, name, offset), number
        if chain is not None and written_chain(name, chain, row.position + offset, row) != row.chain:
            return Standing(position, chain, name, offset), number
        position, chain = row.position, row.chain
    return Standing(position, chain, name, offset), len(rows)


def finding(standing: Standing, around: Surroundings) -> Finding:
    """What is wrong with the first of these rows, which does not follow."""
    row, expected = around.rows[0], standing.position + 1
    if row.position > expected:
        told = f"{_positions(expected, row.position - 1)} missing"
        return Finding(MISSING, expected, told, _after(standing, row.position, row.chain))
    if row.position < expected:
        told = f"{_named(row)} stands a second time at position {row.position}"
        return Finding(INSERTED, row.position, told, standing)
    chain = standing.chain
    if chain is None:
        raise ValueError(f"position {expected}: without the row before it, nothing is wrong with a row")
    for tried in (_of_another_name, _renumbered, _inserted, _moved, _of_another_stream, _removed, _with_another_chain):
        found = tried(standing, chain, around)
        if found is not None:
            return found
    told = f"{_named(row)} does not match its chain value: it, or the row before it with its chain value, was altered"
    return Finding(ALTERED, expected, told, _after(standing, expected, row.chain))


def _of_another_name(standing: Standing, _chain: bytes, around: Surroundings) -> Finding | None:
    """The stream was given another name: this row and the one behind it follow under the name of before."""
    row = around.rows[0]
    for name in around.others:
        renamed = msgspec.structs.replace(standing, name=name)
        if followed(renamed, around.rows[:2])[1] == len(around.rows[:2]):
            told = f"{_named(row)} and those behind it were written in a stream named {name}"
            return Finding(RENAMED, row.position, told, renamed, passed=0)
    return None


def _renumbered(standing: Standing, chain: bytes, around: Surroundings) -> Finding | None:
    """The row follows from the one before it, but for its position."""
    row = around.rows[0]
    for shift in _shifts():
        if written_chain(standing.name, chain, row.position + standing.offset + shift, row) == row.chain:
            told = f"{_named(row)} and those behind it were written {_further(shift)}"
            goes_on = msgspec.structs.replace(standing, offset=standing.offset + shift)
            return Finding(MOVED, row.position, told, goes_on, passed=0)
    return None


def _inserted(standing: Standing, chain: bytes, around: Surroundings) -> Finding | None:
    """A row a little further on follows from the one before this."""
    first = around.rows[0].position
    for count, row in enumerate(around.rows[1 : SHIFT_MAX + 1], 1):
        before = Standing(row.position - 1, chain, standing.name, standing.offset - count)
        if followed(before, [row])[1] and _goes_on(before, around, count):
            told = f"{_positions(first, row.position - 1)} inserted; those behind were moved on"
            return Finding(INSERTED, first, told, before, passed=count)
    return None


def _goes_on(before: Standing, around: Surroundings, number: int) -> bool:
    """Whether what is behind a row, or the head, follows it too; up to there rows that were exchanged look the same."""
    both = around.rows[number : number + 2]
    if len(both) > 1:
        return followed(before, both)[1] > 1
    return around.chain_behind in (None, both[0].chain)


def _of_another_stream(standing: Standing, _chain: bytes, around: Surroundings) -> Finding | None:
    row = around.rows[0]
    for name, previous in around.others.items():
        if written_chain(name, previous, row.position, row) == row.chain:
            told = f"{_named(row)} was written in stream {name}"
            return Finding(MOVED, row.position, told, _after(standing, row.position, None))
    return None


def _moved(standing: Standing, _chain: bytes, around: Surroundings) -> Finding | None:
    """The row stood elsewhere near by: with its chain value, or without it."""
    row, name, chains = around.rows[0], standing.name, around.chains
    for position, there in chains.items():
        # Where two neighbours were exchanged, the row before is the one that stands there now.
        for previous in (chains.get(position - 1), there) if position != row.position else ():
            written = written_chain(name, previous, position + standing.offset, row) if previous is not None else None
            if written is not None and written in (row.chain, there):
                told = f"{_named(row)} was written at position {position}"
                # Two rows were exchanged: the chain value that belongs here stands there.
                own = row.chain if there == written else there
                return Finding(MOVED, row.position, told, _after(standing, row.position, own))
    return None


def _removed(standing: Standing, _chain: bytes, around: Surroundings) -> Finding | None:
    """The row behind follows from this one when both are counted further on."""
    row, name = around.rows[0], standing.name
    for behind in around.rows[1:2]:
        for shift in range(1, SHIFT_MAX + 1):
            if written_chain(name, row.chain, behind.position + standing.offset + shift, behind) == behind.chain:
                told = f"{_count(shift)} missing before {_named(row)}, and those behind were moved up"
                after = Standing(row.position, row.chain, name, standing.offset + shift)
                return Finding(MISSING, row.position, told, after)
    return None


def _with_another_chain(standing: Standing, chain: bytes, around: Surroundings) -> Finding | None:
    """The row is as it was, but for its chain value: what is behind follows from the one that it should have."""
    row, name = around.rows[0], standing.name
    own = written_chain(name, chain, row.position + standing.offset, row)
    if own is None:
        return None
    behind = around.rows[1:2]
    if behind:
        follows = written_chain(name, own, behind[0].position + standing.offset, behind[0]) == behind[0].chain
    else:
        follows = around.chain_behind == own
    if not follows:
        return None
    told = f"the chain value of {_named(row)} was altered"
    return Finding(ALTERED, row.position, told, _after(standing, row.position, own))


def _after(standing: Standing, position: int, chain: bytes | None) -> Standing:
    return Standing(position, chain, standing.name, standing.offset)


def _shifts() -> Iterator[int]:
    """Small ones first, either way."""
    for distance in range(1, SHIFT_MAX + 1):
        yield distance
        yield -distance


def _named(row: Row) -> str:
    return f"the row ({row.type} {row.id})" if row.id else f"the row ({row.type})"


def _positions(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"


def _count(rows: int) -> str:
    return "a row is" if rows == 1 else f"{rows} rows are"


def _further(shift: int) -> str:
    places = "one position" if abs(shift) == 1 else f"{abs(shift)} positions"
    return f"{places} further on" if shift > 0 else f"{places} before"
