"""What the stream of a followed source holds: what the upstream said, line by line, and what became of its files.

It is kept as it was said, before anything is made of it, so that it can be gone through again and gives the same. The
events bear the types below; a line's data are its bytes as they came, those of all others are one of the structures
here. This module knows shapes; it must not know what is made of them.
"""

import msgspec

LINE = "x-line"
"""One notification, as the upstream said it. Its bytes need not be JSON: what cannot be read is kept too."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """From here on the upstream at this URL is followed; the URL holds no credentials."""

    url: str


class Paced(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream plays a contest again: so many milliseconds of contest time pass in a second there."""

    pace_permille: int


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is too long to be kept."""

    size_bytes: int


class Anew(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream is read from its beginning again; what follows counts once that reading is level."""

    reason: str


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream has said all that it had to say so far; a reading that was begun anew takes the former's place."""


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that was fetched.

    `href` and `said_hash` are as the source names it; `address` is the SHA-256 and `md5` the MD5 of its bytes in hex.
    `etag` and `last_modified` are what the answer said, to ask later whether it is still the same. One that was asked
    for again is told again, also where it has not changed.
    """

    href: str
    said_hash: str = ""
    address: str
    md5: str
    size_bytes: int
    mime: str | None = None
    width: int | None = None
    height: int | None = None
    etag: str | None = None
    last_modified: str | None = None


class FileGivenUp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that could not be fetched, and why; should it be had later all the same, it is told as any other."""

    href: str
    said_hash: str = ""
    reason: str


class Oddity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something odd that no line is the reason of, or that shows only when a line is put into the contest."""

    type: str = ""
    id: str = ""
    property: str = ""
    text: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream has ended its updates, and all that it named is here: what still waits is settled for good."""


SourceRecord = Opened | Paced | Skipped | Anew | Level | File | FileGivenUp | Oddity | Ended

SOURCE_RECORDS: dict[str, type[SourceRecord]] = {
    "x-opened": Opened,
    "x-paced": Paced,
    "x-skipped": Skipped,
    "x-anew": Anew,
    "x-level": Level,
    "x-file": File,
    "x-file-given-up": FileGivenUp,
    "x-oddity": Oddity,
    "x-ended": Ended,
}
"""The structure of every other event of such a stream, by its type."""

RECORD_NAMES: dict[type[SourceRecord], str] = {structure: name for name, structure in SOURCE_RECORDS.items()}
