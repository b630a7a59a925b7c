"""The property types that objects are made of, and the marks that table one reads off them.

A mark in an annotation (`References`, `Files`) is the only place where a property says that it points at
another object or names files; integrity, filters, visibility and packages are derived from the marks.
This module must not know any particular object.
"""

from typing import Annotated, Literal

import msgspec

WhenHidden = Literal["hide", "strip"]


class References(msgspec.Struct, frozen=True):
    """Mark: the property holds the id (or a list of ids) of objects of type `target`.

    `when_hidden` says what becomes of an object whose target the viewer cannot see: the object is hidden too,
    or the property is left out (roles.md: only `reply_to_id` is).
    """

    target: str
    when_hidden: WhenHidden = "hide"


class Files(msgspec.Struct, frozen=True):
    """Mark: the property is a list of file references with one of these mime types (empty: any).

    `image` files must say width and height. `streams` may stay on the server that offers them: their reference
    is an absolute URL, and we keep no bytes of them.
    """

    mimes: tuple[str, ...] = ()
    image: bool = False
    streams: bool = False


class Time(msgspec.Struct, frozen=True):
    """Mark: the text is a TIME."""


class RelativeTime(msgspec.Struct, frozen=True):
    """Mark: the text is a RELTIME."""


class FileReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file reference object (JSON Format, "File references").

    `content` is the address of the bytes in the file store; it stands in the log and never on the wire, where
    `href` is derived from the object that holds the file. In the log `href` is only set for files that we do
    not keep (streams on other servers).
    """

    href: str | None = None
    filename: str
    hash: str | None = None
    mime: str
    width: int | None = None
    height: int | None = None
    tag: list[str] | None = None
    content: str | None = None


_LATITUDE = msgspec.Meta(ge=-90, le=90)
_LONGITUDE = msgspec.Meta(ge=-180, le=180)


class Location(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on earth in degrees."""

    latitude: Annotated[int, _LATITUDE] | Annotated[float, _LATITUDE]
    longitude: Annotated[int, _LONGITUDE] | Annotated[float, _LONGITUDE]


class TeamLocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on the contest floor: metres, and degrees of rotation."""

    x: int | float
    y: int | float
    rotation: int | float


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a compiler or runner is called; for information only."""

    command: str
    args: str | None = None
    version: str | None = None
    version_command: str | None = None


NUMBER_MAX = 2**53 - 1
"""The greatest number, with either sign: beyond it, readers that know floating point alone confuse whole numbers."""

TimeText = Annotated[str, Time()]
RelativeTimeText = Annotated[str, RelativeTime()]
NonNegativeInteger = Annotated[int, msgspec.Meta(ge=0)]
PositiveInteger = Annotated[int, msgspec.Meta(ge=1)]
NonNegativeNumber = Annotated[int, msgspec.Meta(ge=0)] | Annotated[float, msgspec.Meta(ge=0)]
Colour = Annotated[str, msgspec.Meta(pattern="^#[A-Fa-f0-9]{3}([A-Fa-f0-9]{3})?$")]

IMAGE_MIMES = ("image/png", "image/jpeg", "image/svg+xml")

ImageFiles = Annotated[list[FileReference], Files(mimes=IMAGE_MIMES, image=True)]
ZipFiles = Annotated[list[FileReference], Files(mimes=("application/zip",))]
PdfFiles = Annotated[list[FileReference], Files(mimes=("application/pdf",))]
TextFiles = Annotated[list[FileReference], Files(mimes=("text/plain",))]
StreamFiles = Annotated[list[FileReference], Files(streams=True)]
AnyFiles = Annotated[list[FileReference], Files()]
