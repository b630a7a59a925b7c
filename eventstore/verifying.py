"""Whether the log in Postgres is what was written: the ends of all streams, and every row between.

Knows the tables and the chain. It must not know what the rows mean. What is appended meanwhile is no difference: the
ends are read first, in one statement, and rows up to there never change.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import asyncpg
import msgspec

from eventstore.chain import GENESIS
from eventstore.connecting import losses_as_unavailable, one_line
from eventstore.diagnosis import Row, Standing, Surroundings, finding, followed
from eventstore.queries import QUERIES
from eventstore.store import Head

PAGE_ROWS = 1_000
"""Rows that are read at once."""

FINDINGS_MAX = 20
"""After so many differences in one stretch of a stream the rest of it is not looked at."""

ROWS_BEHIND = 70
"""Rows behind one that does not follow, by which it is told what has become of it."""

NEAR = 1_000
"""How far from its place, either way, a row is looked for."""

STATEMENT_TIMEOUT_S = 300.0
"""How long one statement may take: some look at all rows."""

DAMAGED_ROWS_MAX = 1_000
"""So many rows one after the other that cannot be read are told of as one difference."""

SHORTENED, BEYOND, HEAD, HEADLESS = "removed", "added", "head", "headless"
MISSING_FILE = "missing file"
"""The kinds of differences at the end of a stream, and of what its rows name."""

DAMAGED = "damaged"
"""The kind of differences of what the database itself cannot read any more."""

DAMAGES = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError, asyncpg.PostgresSystemError)
"""What it raises then: a page was destroyed, or a file of the database, or the disk does not give it."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was written: its kind, where it is, at what position of a stream, and in words."""

    kind: str
    where: str
    told: str
    position: int | None = None


class StreamEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as its two tables have it: the row of the stream (`name` None: there is none), and its events.

    `first`, `last` and `last_chain` are of the events (0 and None: none); `batch_position` is the last one that an
    append has noted beside the log (0: nothing is noted any more).
    """

    number: int
    name: str | None
    head: Head
    first: int
    last: int
    last_chain: bytes | None
    batch_position: int

    @property
    def where(self) -> str:
        """How it is called."""
        return stream_named(self.name) if self.name is not None else f"stream number {self.number}"


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a stream from one position to another, the head included if they end there."""

    number: int
    name: str
    first: int
    last: int
    head_chain: bytes | None


def stream_named(name: str) -> str:
    """How a stream is called where something is told of it."""
    return f"stream {name}"


async def stream_ends(connection: asyncpg.Connection) -> list[StreamEnd]:
    """The ends of all streams as they are at one moment, in order of creation; also of those that have lost a side.

    Where the last row of a stream is damaged, no `last_chain` is there: whoever follows the rows tells of it.
    """
    with losses_as_unavailable():
        try:
            rows = await connection.fetch(QUERIES["stream_ends"], True, timeout=STATEMENT_TIMEOUT_S)  # noqa: FBT003
        except DAMAGES:
            rows = await connection.fetch(QUERIES["stream_ends"], False, timeout=STATEMENT_TIMEOUT_S)  # noqa: FBT003
    return [
        StreamEnd(
            number=number,
            name=name,
            head=GENESIS if name is None else Head(position=position, chain=chain),
            first=first,
            last=last,
            last_chain=last_chain,
            batch_position=batch_position,
        )
        for number, name, position, chain, first, last, last_chain, batch_position in rows
    ]


def differences_of_end(end: StreamEnd) -> Iterator[Difference]:
    """What does not fit between the row of a stream and its events."""

    def difference(kind: str, position: int | None, told: str) -> Difference:
        return Difference(kind=kind, where=end.where, position=position, told=told)

    if end.name is None:
        told = f"rows {end.first} to {end.last} belong to no stream: its row was removed, or they were inserted"
        yield difference(HEADLESS, end.first, told)
        return
    if end.head.position == 0 and end.head.chain != GENESIS.chain:
        yield difference(HEAD, None, "the stream is empty, and its head has a chain value: the head was altered")
    if end.first < 1 and end.last:
        yield difference(BEYOND, end.first, f"a row stands at position {end.first}; the first position is 1")
    if end.last < end.head.position:
        missing = _rows(end.last + 1, end.head.position)
        yield difference(
            SHORTENED,
            end.last + 1,
            f"{missing}: the head stands at {end.head.position}, and the last row at {end.last}",
        )
    elif end.last > end.head.position:
        yield difference(
            BEYOND,
            end.head.position + 1,
            f"the rows go on to {end.last}, and the head stands at {end.head.position}: "
            "rows were added, or the head was set back",
        )
    elif end.last_chain is not None and end.last_chain != end.head.chain:
        yield difference(
            HEAD, end.last, "the chain value of the head is not that of the last row: one of them was altered"
        )
    if end.batch_position > max(end.head.position, end.last):
        yield difference(
            SHORTENED,
            max(end.head.position, end.last) + 1,
            f"an append has ended at {end.batch_position}, and the head stands at {end.head.position}: "
            "the last rows were removed, and the head was set back",
        )


def stretches(end: StreamEnd, rows: int) -> Iterator[Stretch]:
    """All rows of a stream in stretches of this length; none of a stream that has no name to check it by."""
    if end.name is None:
        return
    for first in range(1, end.last + 1, rows):
        last = min(first + rows - 1, end.last)
        head_chain = end.head.chain if last == end.last == end.head.position else None
        yield Stretch(number=end.number, name=end.name, first=first, last=last, head_chain=head_chain)


class Naming(msgspec.Struct, frozen=True):
    """How addresses of files are found in the data of rows.

    `piece` stands in all data that names a file; the first group of the `pattern` is the address.
    """

    piece: bytes
    pattern: re.Pattern[bytes]


class StretchChecker:
    """Follows the rows of one stretch on a connection of its own."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        stretch: Stretch,
        naming: Naming | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`progress` is told how many rows more have been looked at."""
        self._connection = connection
        self._stretch = stretch
        self._naming = naming
        self._progress = progress
        self._named: set[str] = set()
        self._found: list[Difference] = []
        self._findings = 0
        self._damage = ""

    async def check(self) -> list[Difference]:
        """All differences in the stretch, at most FINDINGS_MAX and one that says so. Raises StoreUnavailable."""
        stretch = self._stretch
        with losses_as_unavailable():
            standing = await self._beginning()
            while (page := await self._page(standing.position)) or self._damage:
                if page:
                    standing = await self._follow(standing, page)
                    await self._check_files(page)
                    self._progress(len(page))
                else:
                    standing = await self._behind_damage(standing)
                if self._findings >= FINDINGS_MAX:
                    told = f"{FINDINGS_MAX} differences; what follows, to {stretch.last}, was not looked at"
                    self._add("more", standing.position, told)
                    return self._found
            if standing.position < stretch.last:
                self._add("missing", standing.position + 1, f"{_rows(standing.position + 1, stretch.last)}")
        return self._found

    async def _beginning(self) -> Standing:
        """The row before the stretch gives the chain value from which it goes on."""
        stretch = self._stretch
        if stretch.first == 1:
            return Standing(0, GENESIS.chain, stretch.name)
        try:
            before = await self._chains(stretch.first - 1, stretch.first - 1)
        except DAMAGES:
            # Whoever follows the stretch before this one tells of it.
            before = {}
        return Standing(stretch.first - 1, before.get(stretch.first - 1), stretch.name)

    async def _follow(self, standing: Standing, page: Sequence[Row]) -> Standing:
        begun = 0
        while begun < len(page) and self._findings < FINDINGS_MAX:
            standing, count = followed(standing, page[begun:])
            begun += count
            if begun == len(page):
                break
            found = finding(standing, await self._surroundings(page, begun))
            self._findings += 1
            self._add(found.kind, found.position, found.told)
            standing, begun = found.standing, begun + found.passed
        return standing

    async def _page(self, after: int) -> list[Row]:
        """The next rows. Positions may stand there twice, where somebody saw to that: none is cut in two.

        Up to a row that cannot be read, and none where that is the next: `_damage` says why then.
        """
        self._damage = ""
        try:
            page = await self._rows(after, PAGE_ROWS)
        except DAMAGES as damage:
            return await self._up_to_damage(after, damage)
        if len(page) < PAGE_ROWS or page[0].position == page[-1].position:
            return page
        return [row for row in page if row.position < page[-1].position]

    async def _up_to_damage(self, after: int, damage: Exception) -> list[Row]:
        rows = PAGE_ROWS // 2
        while rows:
            try:
                return await self._rows(after, rows)
            except DAMAGES:
                rows //= 2
        self._damage = one_line(damage)
        return []

    async def _behind_damage(self, standing: Standing) -> Standing:
        """Tell of rows that cannot be read; where following goes on behind them."""
        first, end = standing.position + 1, min(self._stretch.last, standing.position + DAMAGED_ROWS_MAX)
        last = first
        while last < end and not await self._is_readable(last + 1):
            last += 1
        told = f"row {first} cannot be read" if first == last else f"rows {first} to {last} cannot be read"
        self._findings += 1
        self._add(DAMAGED, first, f"{told}: {self._damage}")
        self._progress(last - first + 1)
        return Standing(last, None, standing.name, standing.offset)

    async def _is_readable(self, position: int) -> bool:
        try:
            await self._rows(position - 1, 1, last=position)
        except DAMAGES:
            return False
        return True

    async def _surroundings(self, page: Sequence[Row], number: int) -> Surroundings:
        try:
            return await self._looked_around(page, number)
        except DAMAGES:
            rows = page[number : number + ROWS_BEHIND]
            return Surroundings(rows=rows, chain_behind=None, chains={}, others={})

    async def _looked_around(self, page: Sequence[Row], number: int) -> Surroundings:
        position = page[number].position
        rows = list(page[number : number + ROWS_BEHIND])
        if len(rows) < ROWS_BEHIND:
            rows += await self._rows(rows[-1].position, ROWS_BEHIND - len(rows), last=2**62)
        ended = len(rows) < ROWS_BEHIND
        before = await self._connection.fetch(QUERIES["chains_elsewhere"], self._stretch.number, position - 1)
        return Surroundings(
            rows=rows,
            chain_behind=self._stretch.head_chain if ended else None,
            chains=await self._chains(position - NEAR, position + NEAR),
            others=dict.fromkeys((name for name, _ in before), GENESIS.chain)
            if position == 1
            else {name: chain for name, chain in before if chain is not None},
        )

    async def _rows(self, after: int, limit: int, *, last: int | None = None) -> list[Row]:
        """Rows behind a position up to `last`, which is that of the stretch if it is None. Raises DAMAGES."""
        until = self._stretch.last if last is None else last
        rows = await self._connection.fetch(
            QUERIES["stored_rows"], self._stretch.number, after, until, limit, timeout=STATEMENT_TIMEOUT_S
        )
        return [Row(*row) for row in rows]

    async def _chains(self, first: int, last: int) -> dict[int, bytes]:
        rows = await self._connection.fetch(QUERIES["stored_chains"], self._stretch.number, first, last)
        return {row[0]: row[1] for row in rows}

    async def _check_files(self, page: Iterable[Row]) -> None:
        """Find addresses of files that are named and not kept; each is asked for once in a stretch."""
        if self._naming is None:
            return
        new: dict[str, int] = {}
        for row in page:
            if row.data is not None and self._naming.piece in row.data:
                for address in self._naming.pattern.findall(row.data):
                    new.setdefault(address.decode(), row.position)
        asked = [address for address in new if address not in self._named]
        if not asked:
            return
        self._named.update(asked)
        for (address,) in await self._connection.fetch(QUERIES["files_not_kept"], asked):
            self._add(MISSING_FILE, new[address], f"it names file {address}, which is not kept")

    def _add(self, kind: str, position: int, told: str) -> None:
        where = stream_named(self._stretch.name)
        self._found.append(Difference(kind=kind, where=where, position=position, told=told))


async def look_by_keys(connection: asyncpg.Connection) -> None:
    """Have all tables read by their keys from now on.

    A small one would be read whole otherwise, and one page that is damaged would spoil all of it.
    """
    with losses_as_unavailable():
        await connection.execute(QUERIES["look_by_keys"])


async def scopes_of_credentials(connection: asyncpg.Connection) -> list[str]:
    """The streams for which passwords are kept; the empty name stands for none."""
    with losses_as_unavailable():
        return [scope for (scope,) in await connection.fetch(QUERIES["credential_scopes"])]


async def chains_at(connection: asyncpg.Connection, places: Mapping[str, int]) -> dict[str, bytes]:
    """The chain values of rows, one place in each stream; without those that are not there."""
    with losses_as_unavailable():
        rows = await connection.fetch(QUERIES["chains_at"], list(places), list(places.values()))
    return {row[0]: row[1] for row in rows}


def _rows(first: int, last: int) -> str:
    return f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
