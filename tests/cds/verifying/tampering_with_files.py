"""What somebody may do to the files of a log.

This module must not know how anything is found.
"""

from hashlib import sha256

from tests.cds.verifying.logs import LARGE
from tests.cds.verifying.tamperer import Expected, Tamperer, Tampering


async def file_altered(tamperer: Tamperer) -> Expected:
    """One byte of a file."""
    address = await _a_file(tamperer)
    await tamperer.do(
        "UPDATE file_chunk SET content = set_byte(content, 0, (get_byte(content, 0) + 1) % 256) "
        "WHERE address = $1 AND number = (SELECT max(number) FROM file_chunk WHERE address = $1)",
        address,
    )
    return Expected(f"file {address}", ("file",))


async def file_cut_short(tamperer: Tamperer) -> Expected:
    """By some bytes, in the row of the file and in its pieces, or in one of them."""
    address, both = await _a_file(tamperer), tamperer.random.random()
    if both > 0.3:
        await tamperer.do(
            "UPDATE file_chunk SET content = substr(content, 3) WHERE address = $1 AND number = 0", address
        )
    if both < 0.6:
        await tamperer.do("UPDATE file SET size_bytes = size_bytes - 2 WHERE address = $1", address)
    return Expected(f"file {address}", ("file",))


async def piece_of_a_file_removed(tamperer: Tamperer) -> Expected:
    """Any of them."""
    address = sha256(LARGE).hexdigest()
    await tamperer.do(
        "DELETE FROM file_chunk WHERE address = $1 AND number = $2", address, tamperer.random.randint(0, 2)
    )
    return Expected(f"file {address}", ("file",))


async def pieces_of_a_file_exchanged(tamperer: Tamperer) -> Expected:
    """So that all bytes are there, in another order."""
    address = sha256(LARGE).hexdigest()
    await tamperer.do("UPDATE file_chunk SET content = overlay(content PLACING 'x'::bytea FROM 9) WHERE number = 1")
    for old, new in ((0, 9), (1, 0), (9, 1)):
        await tamperer.do("UPDATE file_chunk SET number = $3 WHERE address = $1 AND number = $2", address, old, new)
    return Expected(f"file {address}", ("file",))


async def file_removed(tamperer: Tamperer) -> Expected:
    """A file that events name, with all its rows."""
    data = await tamperer.connection.fetch(
        "SELECT s.name, e.position, convert_from(e.data, 'UTF8') AS data FROM event AS e JOIN stream AS s "
        'ON s.number = e.stream WHERE position(\'"content":"\'::bytea IN e.data) > 0 ORDER BY e.stream, e.position'
    )
    address = tamperer.random.choice(data)["data"].partition('"content":"')[2][:64]
    first = next(row for row in data if address in row["data"])
    await tamperer.do("DELETE FROM file WHERE address = $1", address)
    return Expected(f"stream {first['name']}", ("missing file",), first["position"])


async def row_of_a_file_removed(tamperer: Tamperer) -> Expected:
    """While its pieces stay: a constraint was dropped for that."""
    address = sha256(LARGE).hexdigest()
    await tamperer.do("ALTER TABLE file_chunk DROP CONSTRAINT file_chunk_address_fkey")
    await tamperer.do("DELETE FROM file WHERE address = $1", address)
    return Expected(f"file {address}", ("file",))


async def _a_file(tamperer: Tamperer) -> str:
    return str(tamperer.random.choice([row[0] for row in await tamperer.connection.fetch("SELECT address FROM file")]))


OF_FILES: dict[str, Tampering] = {
    tampering.__name__: tampering
    for tampering in (
        *(file_altered, file_cut_short, piece_of_a_file_removed, pieces_of_a_file_exchanged, file_removed),
        row_of_a_file_removed,
    )
}
