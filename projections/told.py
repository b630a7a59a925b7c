"""Lines of a feed as they are told to machines that serve them on: without what differs by who is asking.

Such a machine has no log and no key of places. It is told lines of one audience in the order of the feed, each up to
and with the place that ends every token, so that a tag makes it the line that clients get; and beside the line what a
feed does not tell: which teams get another line in its stead, and where the object stands among those of its type.
This module must not know over which wire it is told, nor what an object is.
"""

from collections.abc import Mapping

import msgspec

TOLD_LINES_MAX = 1_000
"""Lines after which the next message begins."""

TOLD_BYTES_MAX = 512 * 1024
"""Bytes of lines after which the next message begins. A line that is larger alone is told alone."""

FIRST = ""
"""`Line.behind` of what stands before everything else of its type."""


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line. `body` goes up to and with its place: with a tag and `"}` and a newline behind it is what clients get.

    `type_number` counts in the order of table one. `replaced_for` are the teams that do not get this line (they have
    one of their own, or are shown nothing). `behind` is None where the object has been shown to somebody of this role
    already, is shown to nobody from here on, or comes behind all others of its type that are; else it is the id of the
    nearest object before it that anybody of this role is shown, FIRST when there is none.
    """

    type_number: int
    body: bytes
    replaced_for: tuple[str, ...] = ()
    behind: str | None = None


class Told(msgspec.Struct, frozen=True, array_like=True):
    """Lines of one audience that follow one another: common ones, or (`team_id`) those that one team alone gets.

    `pace_permille` is how fast contest time passes for those who are told. No lines: they are too large for the wire
    and have to be fetched.
    """

    lines: tuple[Line, ...]
    pace_permille: int
    team_id: str | None = None


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of what an audience was told, in the order of the feed.

    `last` holds the token of the last line in this page by team, with "" for the common ones; `more`: the stretch that
    was asked for goes on behind it.
    """

    told: tuple[Told, ...]
    last: Mapping[str, str]
    more: bool


_encoder = msgspec.msgpack.Encoder()
_told_decoder = msgspec.msgpack.Decoder(Told)
_page_decoder = msgspec.msgpack.Decoder(Page)


def encode_told(told: Told) -> bytes:
    """One message."""
    return _encoder.encode(told)


def decode_told(data: bytes) -> Told:
    """What a message tells. Raises ValueError for what is none, or more than one may hold."""
    try:
        told = _told_decoder.decode(data)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"this is no message of lines: {fault}") from None
    if len(told.lines) > TOLD_LINES_MAX:
        raise ValueError(f"a message of {len(told.lines)} lines; there may be {TOLD_LINES_MAX}")
    if len(told.lines) > 1 and size_of(told.lines) > TOLD_BYTES_MAX:
        raise ValueError(f"a message of more than {TOLD_BYTES_MAX} bytes of lines")
    return told


def encode_page(page: Page) -> bytes:
    """One page."""
    return _encoder.encode(page)


def decode_page(data: bytes) -> Page:
    """What a page holds. Raises ValueError for what is none."""
    try:
        return _page_decoder.decode(data)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"this is no page of lines: {fault}") from None


def size_of(lines: tuple[Line, ...]) -> int:
    """How many bytes the bodies of lines have."""
    return sum(len(line.body) for line in lines)
