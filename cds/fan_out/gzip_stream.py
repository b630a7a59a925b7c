"""One gzip stream out of pieces that were compressed independently of each other (RFC 1951, RFC 1952).

A piece is raw deflate that ends at a byte with a full flush and refers to nothing before it, so pieces may be kept,
shared and put one behind the other: header once, trailer with checksum and length at the end. Ordinary decoders read
it as one member, and every line at once. The checksum of the whole comes from those of the pieces, without their
bytes. This module must not know what is compressed.
"""

import zlib
from functools import cache, lru_cache

LEVEL = 5
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, unknown system (RFC 1952, section 2.3)."""

LAST_BLOCK = b"\x03\x00"
"""An empty deflate block that says that it is the last."""

POLYNOMIAL = 0xEDB88320
ONE = 1 << 31
"""The polynomials of CRC-32 and of 1, the highest power in the lowest bit."""

BITS_OF_A_BYTE_EXPONENT = 3
SHIFTS_KEPT = 4_096


def compressed_piece(data: bytes) -> bytes:
    """Data as a piece of a gzip stream."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


def trailer(checksum: int, length: int) -> bytes:
    """What ends a stream of so many bytes (before compression) with this CRC-32."""
    return LAST_BLOCK + checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")


def combined_checksum(first: int, second: int, second_length: int) -> int:
    """The CRC-32 of two pieces of data one behind the other, from those of each."""
    return shifted_checksum(first, second_length) ^ second


def checksum_behind(whole: int, first: int, second_length: int) -> int:
    """The CRC-32 of what follows a first piece, from those of both together and of the first."""
    return whole ^ shifted_checksum(first, second_length)


def shifted_checksum(checksum: int, length: int) -> int:
    """What a CRC-32 contributes to that of data which goes on for so many bytes behind it."""
    return _multiplied(_shift(length), checksum) if checksum and length else checksum


@lru_cache(maxsize=SHIFTS_KEPT)
def _shift(length: int) -> int:
    """The polynomial x to the power of 8 * `length`, modulo that of the checksum."""
    shift, exponent = ONE, BITS_OF_A_BYTE_EXPONENT
    while length:
        if length & 1:
            shift = _multiplied(_power_of_two(exponent), shift)
        length >>= 1
        exponent += 1
    return shift


@cache
def _power_of_two(exponent: int) -> int:
    """The polynomial x to the power of 2 to the power of `exponent`."""
    if exponent == 0:
        return ONE >> 1
    half = _power_of_two(exponent - 1)
    return _multiplied(half, half)


def _multiplied(one: int, other: int) -> int:
    """The product of two polynomials, modulo that of the checksum."""
    product, bit = 0, ONE
    while bit:
        if one & bit:
            product ^= other
        other = (other >> 1) ^ POLYNOMIAL if other & 1 else other >> 1
        bit >>= 1
    return product
