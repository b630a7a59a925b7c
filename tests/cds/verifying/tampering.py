"""What somebody may do to the rows and heads of a log.

This module must not know how anything is found.
"""

from eventstore.chain import GENESIS
from tests.cds.verifying.logs import CONTESTS, LEDGER
from tests.cds.verifying.tamperer import FAR, Expected, Tamperer, Tampering

COLUMNS = {
    "type": "type || 'x'",
    "id": "id || 'x'",
    "data": "coalesce(data, '') || 'x'",
    "data, one bit": "CASE WHEN data IS NULL OR data = '' THEN 'x' ELSE set_bit(data, 0, 1 - get_bit(data, 0)) END",
    "data, gone": "CASE WHEN data IS NULL THEN ''::bytea END",
    "recorded_at_us": "recorded_at_us + 1",
    "actor": "actor || 'x'",
    "cause": "cause || 'x'",
    "version": "version + 1",
    "chain": "sha256(chain)",
}
"""Every column of a row, and what is written in its place."""


def altered(column: str) -> Tampering:
    """Another value in one column of one row."""

    async def tamper(tamperer: Tamperer) -> Expected:
        position, name = await tamperer.place(), column.partition(",")[0]
        await tamperer.do(
            f"UPDATE event SET {name} = {COLUMNS[column]} WHERE stream = $1 AND position = $2",  # noqa: S608 - a table
            await tamperer.number(),
            position,
        )
        return Expected(tamperer.where, ("altered", "head") if column == "chain" else ("altered",), position)

    return tamper


async def text_wanders(tamperer: Tamperer) -> Expected:
    """From one column to the next."""
    position = await tamperer.place()
    await tamperer.do(
        "UPDATE event SET actor = actor || left(cause, 1), cause = substr(cause, 2) "
        "WHERE stream = $1 AND position = $2",
        await tamperer.number(),
        position,
    )
    return Expected(tamperer.where, ("altered",), position)


async def deleted(tamperer: Tamperer) -> Expected:
    """One row, but for the last."""
    position = await tamperer.place(before_last=1)
    await tamperer.do("DELETE FROM event WHERE stream = $1 AND position = $2", await tamperer.number(), position)
    return Expected(tamperer.where, ("missing",), position)


async def deleted_and_closed_up(tamperer: Tamperer) -> Expected:
    """Some rows; those behind are counted anew."""
    position, rows = await tamperer.place(before_last=5), tamperer.random.randint(1, 3)
    number = await tamperer.number()
    await tamperer.do(
        "DELETE FROM event WHERE stream = $1 AND position >= $2 AND position < $3", number, position, position + rows
    )
    await tamperer.move(position + rows, -rows)
    return Expected(tamperer.where, ("missing",), position)


async def deleted_and_head_set_back(tamperer: Tamperer) -> Expected:
    """The same with a head that fits."""
    found = await deleted_and_closed_up(tamperer)
    await tamperer.do(
        "UPDATE stream SET position = (SELECT max(position) FROM event WHERE stream = number) WHERE name = $1",
        tamperer.stream,
    )
    return found


async def inserted(tamperer: Tamperer) -> Expected:
    """Some rows, made up; those behind are counted anew, and the head fits."""
    position, rows, number = await tamperer.place(), tamperer.random.randint(1, 3), await tamperer.number()
    await tamperer.move(position, rows)
    for place in range(position, position + rows):
        await tamperer.do(
            "INSERT INTO event VALUES ($1, $2, 'teams', 'made-up', '{}', 0, 'nobody', 'nothing', 1, sha256('made up'))",
            number,
            place,
        )
    await tamperer.do("UPDATE stream SET position = position + $2 WHERE number = $1", number, rows)
    return Expected(tamperer.where, ("inserted",), position)


async def repeated(tamperer: Tamperer) -> Expected:
    """A row stands a second time, just behind itself."""
    position, number = await tamperer.place(), await tamperer.number()
    await tamperer.move(position + 1, 1)
    await tamperer.do(
        "INSERT INTO event SELECT stream, position + 1, type, id, data, recorded_at_us, actor, cause, version, chain "
        "FROM event WHERE stream = $1 AND position = $2",
        number,
        position,
    )
    await tamperer.do("UPDATE stream SET position = position + 1 WHERE number = $1", number)
    return Expected(tamperer.where, ("inserted", "moved"), position + 1)


async def standing_twice(tamperer: Tamperer) -> Expected:
    """Two rows at one position: the key of the table was dropped for that."""
    position, number = await tamperer.place(), await tamperer.number()
    await tamperer.do("ALTER TABLE event DROP CONSTRAINT event_pkey")
    await tamperer.do("INSERT INTO event SELECT * FROM event WHERE stream = $1 AND position = $2", number, position)
    return Expected(tamperer.where, ("inserted",), position)


async def exchanged(tamperer: Tamperer) -> Expected:
    """Two rows, each with all its columns but the position."""
    first, second = sorted(tamperer.random.sample(range(1, await tamperer.last() + 1), 2))
    number = await tamperer.number()
    for old, new in ((first, FAR), (second, first), (FAR, second)):
        await tamperer.do("UPDATE event SET position = $3 WHERE stream = $1 AND position = $2", number, old, new)
    return Expected(tamperer.where, ("moved",), first)


async def neighbours_exchanged(tamperer: Tamperer) -> Expected:
    """Two rows that follow one another."""
    first = await tamperer.place(before_last=1)
    number = await tamperer.number()
    for old, new in ((first, FAR), (first + 1, first), (FAR, first + 1)):
        await tamperer.do("UPDATE event SET position = $3 WHERE stream = $1 AND position = $2", number, old, new)
    return Expected(tamperer.where, ("moved",), first)


async def contents_exchanged(tamperer: Tamperer) -> Expected:
    """Two rows that keep their chain values."""
    first, second = sorted(tamperer.random.sample(range(1, await tamperer.last() + 1), 2))
    number = await tamperer.number()
    await tamperer.do(
        "UPDATE event AS e SET (type, id, data, recorded_at_us, actor, cause, version) = "
        "(SELECT type, id, data, recorded_at_us, actor, cause, version FROM event AS o "
        "WHERE o.stream = $1 AND o.position = $2 + $3 - e.position) WHERE e.stream = $1 AND e.position IN ($2, $3)",
        number,
        first,
        second,
    )
    return Expected(tamperer.where, ("moved",), first)


async def tail_removed(tamperer: Tamperer) -> Expected:
    """The last row, or some."""
    position = await tamperer.place(first=max(await tamperer.last() - 3, 1))
    await tamperer.do("DELETE FROM event WHERE stream = $1 AND position >= $2", await tamperer.number(), position)
    return Expected(tamperer.where, ("removed",), position)


async def tail_removed_and_head_set_back(tamperer: Tamperer) -> Expected:
    """As if it had never been; what has been noted of appends tells of it for an hour or so."""
    position = await tamperer.place(first=max(await tamperer.last() - 3, 2))
    await cut_off(tamperer, position)
    return Expected(tamperer.where, ("removed",), position)


async def moved_to_another_stream(tamperer: Tamperer) -> Expected:
    """A row of one is put behind the end of another; that with the lower number is told of first."""
    other = tamperer.random.choice([name for name in (*CONTESTS, LEDGER) if name != tamperer.stream])
    position, last = await tamperer.place(before_last=1), await tamperer.last(other)
    number, target = await tamperer.number(), await tamperer.number(other)
    await tamperer.do(
        "UPDATE event SET stream = $3, position = $4 WHERE stream = $1 AND position = $2",
        number,
        position,
        target,
        last + 1,
    )
    if target < number:
        return Expected(f"stream {other}", ("added",), last + 1)
    return Expected(tamperer.where, ("missing",), position)


async def in_the_place_of_another(tamperer: Tamperer) -> Expected:
    """A row of one stream stands where one of another stood."""
    tamperer.stream, other = CONTESTS
    position = await tamperer.place(before_last=1)
    number, target = await tamperer.number(), await tamperer.number(other)
    position = min(position, await tamperer.last(other) - 1)
    await tamperer.do("DELETE FROM event WHERE stream = $1 AND position = $2", number, position)
    await tamperer.do("UPDATE event SET stream = $2 WHERE stream = $1 AND position = $3", target, number, position)
    return Expected(tamperer.where, ("moved",), position)


async def renamed(tamperer: Tamperer) -> Expected:
    """To a name that nobody has had."""
    await tamperer.do("UPDATE stream SET name = 'contest:another' WHERE name = $1", tamperer.stream)
    # Where something is kept of it beside the log, the old name is found there.
    kinds = ("altered", "renamed") if tamperer.stream == LEDGER else ("renamed",)
    return Expected("stream contest:another", kinds, 1)


async def names_exchanged(tamperer: Tamperer) -> Expected:
    """Of two streams."""
    first, second = CONTESTS
    await tamperer.do("UPDATE stream SET name = 'x' WHERE name = $1", first)
    await tamperer.do("UPDATE stream SET name = $2 WHERE name = $1", second, first)
    await tamperer.do("UPDATE stream SET name = $1 WHERE name = 'x'", second)
    return Expected(f"stream {second}", ("renamed",), 1)


async def head_further_on(tamperer: Tamperer) -> Expected:
    """As if there were more rows."""
    last = await tamperer.last()
    await tamperer.do("UPDATE stream SET position = position + 2 WHERE name = $1", tamperer.stream)
    return Expected(tamperer.where, ("removed",), last + 1)


async def head_set_back(tamperer: Tamperer) -> Expected:
    """To a row before the last, with its chain value."""
    position = await tamperer.place(before_last=1)
    await tamperer.do(
        "UPDATE stream SET position = $2, chain = (SELECT chain FROM event WHERE stream = number AND position = $2) "
        "WHERE name = $1",
        tamperer.stream,
        position,
    )
    return Expected(tamperer.where, ("added",), position + 1)


async def head_emptied(tamperer: Tamperer) -> Expected:
    """As if nothing had been written."""
    await tamperer.do("UPDATE stream SET position = 0, chain = $2 WHERE name = $1", tamperer.stream, GENESIS.chain)
    return Expected(tamperer.where, ("added",), 1)


async def head_chain_altered(tamperer: Tamperer) -> Expected:
    """The chain value of the head."""
    last = await tamperer.last()
    await tamperer.do("UPDATE stream SET chain = sha256(chain) WHERE name = $1", tamperer.stream)
    return Expected(tamperer.where, ("head",), last)


async def head_removed(tamperer: Tamperer) -> Expected:
    """The row of the stream; its events stay."""
    number = await tamperer.number()
    await tamperer.do("DELETE FROM stream WHERE name = $1", tamperer.stream)
    return Expected(f"stream number {number}", ("headless",), 1)


async def rows_removed(tamperer: Tamperer) -> Expected:
    """All events; the row of the stream stays."""
    await tamperer.do("DELETE FROM event WHERE stream = $1", await tamperer.number())
    return Expected(tamperer.where, ("removed",), 1)


async def one_rechained(tamperer: Tamperer) -> Expected:
    """A row is altered and its chain value made to fit: then the next one does not."""
    position, number = await tamperer.place(before_last=1), await tamperer.number()
    await tamperer.do("UPDATE event SET actor = 'x' WHERE stream = $1 AND position = $2", number, position)
    kept = await tamperer.connection.fetch(
        "SELECT position, chain FROM event WHERE stream = $1 AND position > $2", number, position
    )
    head = await tamperer.value("SELECT chain FROM stream WHERE number = $1", number)
    await tamperer.rechain(position)
    await tamperer.connection.executemany(
        "UPDATE event SET chain = $3 WHERE stream = $1 AND position = $2", [(number, *row) for row in kept]
    )
    await tamperer.do("UPDATE stream SET chain = $2 WHERE number = $1", number, head)
    return Expected(tamperer.where, ("altered",), position + 1)


async def cut_off(tamperer: Tamperer, position: int) -> None:
    """Remove rows from a position on, and set the head back."""
    await tamperer.do("DELETE FROM event WHERE stream = $1 AND position >= $2", await tamperer.number(), position)
    await tamperer.do(
        "UPDATE stream SET position = $2, chain = (SELECT chain FROM event WHERE stream = number AND position = $2) "
        "WHERE name = $1",
        tamperer.stream,
        position - 1,
    )


OF_ROWS: dict[str, Tampering] = {
    **{f"altered {column}": altered(column) for column in COLUMNS},
    **{
        tampering.__name__: tampering
        for tampering in (
            *(text_wanders, deleted, deleted_and_closed_up, deleted_and_head_set_back, inserted, repeated),
            *(standing_twice, exchanged, neighbours_exchanged, contents_exchanged, tail_removed),
            *(tail_removed_and_head_set_back, moved_to_another_stream, in_the_place_of_another, renamed),
            *(names_exchanged, head_further_on, head_set_back, head_emptied, head_chain_altered, head_removed),
            *(rows_removed, one_rechained),
        )
    },
}
"""What is done to the rows and heads of streams, and shows in the log itself."""
