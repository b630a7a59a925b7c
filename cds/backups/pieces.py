"""Lines of JSON cut into pieces that mostly stay the same when a few of the lines change. Pure.

A table that is copied again and again would fill the disk. So the cuts follow from the lines: behind one whose checksum
says so, and wherever a piece becomes long. A change moves the cuts around it alone, and all other pieces are there
already. This module must not know tables.
"""

import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from cds.backups.framing import COMPRESSION, GZIP, Unreadable, unpacked

CUT_EVERY_LINES = 512
"""How many lines a piece has on average."""

PIECE_BYTES = 2 * 1024 * 1024
"""A piece that holds so much is closed."""

LINE_BYTES_MAX = 8 * 1024 * 1024
PIECE_BYTES_MAX = PIECE_BYTES + LINE_BYTES_MAX
"""What a piece can come to by its last line; nothing that unpacks to more is read."""


class Piece(msgspec.Struct, frozen=True):
    """Lines; each ends with a line feed."""

    content: bytes
    lines: int

    @property
    def name(self) -> str:
        """Its SHA-256 in lower-case hex."""
        return sha256(self.content).hexdigest()

    def packed(self) -> bytes:
        """The bytes of its file."""
        packer = zlib.compressobj(COMPRESSION, zlib.DEFLATED, GZIP)
        return packer.compress(self.content) + packer.flush()


class Cutter:
    """Takes lines, gives pieces."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._lines: list[bytes] = []
        self._size_bytes = 0

    def add(self, line: str) -> Piece | None:
        """The piece that ends with this line, None when it goes on."""
        encoded = line.encode() + b"\n"
        self._lines.append(encoded)
        self._size_bytes += len(encoded)
        if self._size_bytes >= PIECE_BYTES or zlib.crc32(encoded) % CUT_EVERY_LINES == 0:
            return self.rest()
        return None

    def rest(self) -> Piece | None:
        """The lines that have not been given yet; None when there are none."""
        lines, self._lines, self._size_bytes = self._lines, [], 0
        return Piece(b"".join(lines), len(lines)) if lines else None


def pieces(lines: Iterable[str]) -> Iterator[Piece]:
    """All pieces of some lines."""
    cutter = Cutter()
    for line in lines:
        piece = cutter.add(line)
        if piece is not None:
            yield piece
    rest = cutter.rest()
    if rest is not None:
        yield rest


def lines_of(packed: bytes, name: str) -> list[str]:
    """The lines of a piece of that name. Raises Unreadable when its file holds something else."""
    content = unpacked(packed, PIECE_BYTES_MAX)
    if sha256(content).hexdigest() != name:
        raise Unreadable("its contents are not those that its name says")
    return content.decode().split("\n")[:-1]
