"""How lines go over a wire: as they are or as server-sent events, compressed or not, in chunks or not.

Everything is bytes in and bytes out. This module must not know who gets them.
"""

import zlib

import msgspec

from cds.fan_out.gzip_stream import (
    HEADER,
    checksum_behind,
    combined_checksum,
    compressed_piece,
    trailer,
)
from projections.feed_lines import LINE_END, TAG_PLACEHOLDER

NEWLINE = b"\n"
COMMENT = b":\n\n"
"""The signs of life: an empty line (Contest API, "Event feed"), and a comment (HTML, "Server-sent events")."""

TOKEN_PROPERTY = b'"token":"'
_LINE_ENDS = LINE_END.removeprefix(TAG_PLACEHOLDER).removesuffix(NEWLINE)


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What has been sent: bytes on the wire; before compression, their number and CRC-32 (0 where nobody needs it)."""

    wire_bytes: int = 0
    length: int = 0
    checksum: int = 0

    def plus(self, more: "Tally") -> "Tally":
        """As much, and more behind it."""
        return Tally(
            self.wire_bytes + more.wire_bytes,
            self.length + more.length,
            combined_checksum(self.checksum, more.checksum, more.length),
        )

    def since(self, earlier: "Tally") -> "Tally":
        """What came between an earlier tally of the same stream and this one."""
        length = self.length - earlier.length
        return Tally(
            self.wire_bytes - earlier.wire_bytes, length, checksum_behind(self.checksum, earlier.checksum, length)
        )


class Framed(msgspec.Struct, frozen=True, gc=False):
    """Bytes ready for the wire, and what they add to the tally of a client."""

    wire: bytes
    tally: Tally


class Framing(msgspec.Struct, frozen=True):
    """One of the ways in which lines go over a wire. Without chunks (HTTP/1.0) the end of the connection is the end."""

    server_sent: bool = False
    compressed: bool = False
    chunked: bool = True

    @property
    def name(self) -> str:
        """The name under which its clients are counted."""
        return ("sse" if self.server_sent else "ndjson") + ("+gzip" if self.compressed else "")

    def of_lines(self, lines: bytes) -> Framed:
        """Whole lines on the wire."""
        return self._of_content(as_events(lines) if self.server_sent else lines)

    def beginning(self, reconnect_ms: int) -> Framed:
        """What comes before anything else; may be nothing. An EventSource waits so long before it connects again."""
        content = reconnect_line(reconnect_ms) if self.server_sent else b""
        if not self.compressed:
            return self._of_content(content)
        piece = HEADER + (compressed_piece(content) if content else b"")
        return self._on_wire(piece, Tally(0, len(content), zlib.crc32(content)))

    def sign_of_life(self) -> Framed:
        """What shows that the connection lives while there is nothing to say."""
        return self._of_content(COMMENT if self.server_sent else NEWLINE)

    def ending(self, sent: Tally) -> bytes:
        """What comes behind everything, save the end of the chunks."""
        if not self.compressed:
            return b""
        return self._on_wire(trailer(sent.checksum, sent.length), Tally()).wire

    def _of_content(self, content: bytes) -> Framed:
        if not content:
            return Framed(b"", Tally())
        if not self.compressed:
            return self._on_wire(content, Tally())
        return self._on_wire(compressed_piece(content), Tally(0, len(content), zlib.crc32(content)))

    def _on_wire(self, payload: bytes, tally: Tally) -> Framed:
        wire = b"%x\r\n%b\r\n" % (len(payload), payload) if self.chunked and payload else payload
        return Framed(wire, Tally(len(wire), tally.length, tally.checksum))


def reconnect_line(reconnect_ms: int) -> bytes:
    """What tells an EventSource after how many milliseconds to connect again (HTML, "Server-sent events")."""
    return b"retry: %d\n\n" % reconnect_ms


def as_events(lines: bytes) -> bytes:
    """Lines of a feed as server-sent events: the token as the id of the event, the line as its data."""
    return b"".join([b"id: %b\ndata: %b\n\n" % (token_of_line(line), line) for line in lines.split(NEWLINE) if line])


class _Tokened(msgspec.Struct, frozen=True):
    """A notification as far as its token is concerned."""

    token: str


def token_of_line(line: bytes) -> bytes:
    """The token of a line without its newline. Raises msgspec.DecodeError for a line that has none.

    It is the last thing in a line of ours, and found without reading the rest; other servers write as they like.
    """
    _, found, rest = line.rpartition(TOKEN_PROPERTY)
    token = rest.removesuffix(_LINE_ENDS)
    # Nothing in a line is like this but its token, unless an object has such a property: then more than that follows.
    if found and len(token) < len(rest) and b'"' not in token and b"\\" not in token:
        return token
    return msgspec.json.decode(line, type=_Tokened).token.encode()
