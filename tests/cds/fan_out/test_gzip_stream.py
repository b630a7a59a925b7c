"""A gzip stream of pieces that were compressed apart from each other: ordinary decoders read it, line by line."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from cds.fan_out.gzip_stream import (
    HEADER,
    checksum_behind,
    combined_checksum,
    compressed_piece,
    trailer,
)
from tests.cds.fan_out.fake_feeds import unzipped

PIECES = st.lists(st.binary(max_size=2_000), max_size=8)


@given(PIECES)
def test_pieces_are_one_member_of_which_every_piece_is_readable_at_once(pieces: list[bytes]) -> None:
    decoder, checksum, length, stream = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, 0, HEADER
    assert decoder.decompress(HEADER) == b""
    for piece in pieces:
        compressed = compressed_piece(piece)
        assert decoder.decompress(compressed) == piece
        stream += compressed
        checksum, length = combined_checksum(checksum, zlib.crc32(piece), len(piece)), length + len(piece)
    stream += trailer(checksum, length)
    assert unzipped(stream, whole=True) == b"".join(pieces)
    assert gzip.decompress(stream) == b"".join(pieces)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_are_put_together_and_taken_apart(first: bytes, second: bytes) -> None:
    whole = zlib.crc32(first + second)
    assert combined_checksum(zlib.crc32(first), zlib.crc32(second), len(second)) == whole
    assert checksum_behind(whole, zlib.crc32(first), len(second)) == zlib.crc32(second)


def test_a_checksum_goes_on_for_gigabytes() -> None:
    """The sum of many zero bytes is worked out without them; a power of two, doubled up from a megabyte."""
    checksum, length = zlib.crc32(b"line"), 4
    zeros, zeros_length = zlib.crc32(bytes(1 << 20)), 1 << 20
    for _ in range(12):
        zeros, zeros_length = combined_checksum(zeros, zeros, zeros_length), 2 * zeros_length
    assert zeros_length == 1 << 32
    stepwise = checksum
    for _ in range(4):
        quarter = zlib.crc32(bytes(1 << 20))
        for doubling in range(10):
            quarter = combined_checksum(quarter, quarter, 1 << (20 + doubling))
        stepwise = combined_checksum(stepwise, quarter, 1 << 30)
    assert combined_checksum(checksum, zeros, zeros_length) == stepwise
    assert trailer(stepwise, length + zeros_length)[-4:] == (4).to_bytes(4, "little"), "modulo 2^32 (RFC 1952)"
