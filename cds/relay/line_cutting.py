"""Bytes of a feed on their way to becoming lines. This module must not know where they come from."""

from cds.relay.limits import LINE_BYTES_MAX


class LineTooLong(ValueError):
    """A line that no feed can be meant to have."""


class LineCutter:
    """What has come of a feed, cut at its newlines; a line that was begun waits for its end, and is lost with this."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._begun: list[bytes] = []
        self._begun_bytes = 0

    def lines(self, piece: bytes) -> list[bytes]:
        """The lines that have come to their end with this piece, without signs of life. Raises LineTooLong."""
        head, newline, rest = piece.rpartition(b"\n")
        if not newline:
            self._begin(piece)
            return []
        whole = b"".join([*self._begun, head])
        self._begun, self._begun_bytes = [], 0
        self._begin(rest)
        return [line for each in whole.split(b"\n") if (line := each.removesuffix(b"\r"))]

    def _begin(self, piece: bytes) -> None:
        if piece:
            self._begun.append(piece)
            self._begun_bytes += len(piece)
        if self._begun_bytes > LINE_BYTES_MAX:
            raise LineTooLong(f"a line of the feed has more than {LINE_BYTES_MAX} bytes")
