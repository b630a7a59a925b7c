"""What the first bytes of a file say: its mime type, and of an image its size in pixels.

This module knows image formats. It must not know what the files are for.
"""

import io
import re
import struct
import warnings
import xml.etree.ElementTree as ET
import zlib
from threading import Lock

import defusedxml
import defusedxml.ElementTree as SafeElements
import msgspec
from PIL import Image

HEAD_BYTES = 1024 * 1024
"""How much of a file is looked at."""

PIXELS_MAX = 100_000
"""Sides longer than this are no sides of an image that anybody shows."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"%PDF-", "application/pdf"),
)
"""How files begin; none of these is the beginning of another."""

RASTER_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG"}
_SVG = re.compile(rb"^(\xef\xbb\xbf)?\s*(<\?xml|<!--|<!DOCTYPE|<svg)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(px|pt|pc|mm|cm|in)?\s*")
_PIXELS_PER_UNIT = {None: 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
RASTER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for pictures that are broken, each format in its way."""


class Look(msgspec.Struct, frozen=True):
    """What a file looks like; `width` and `height` in pixels, None where it is no image that can be read."""

    mime: str | None
    width: int | None = None
    height: int | None = None


def look_at(head: bytes) -> Look:
    """What a file is whose first bytes are these."""
    mime = next((mime for signature, mime in SIGNATURES if head.startswith(signature)), None)
    if mime in RASTER_FORMATS:
        return _sized(mime, _raster_size(head, RASTER_FORMATS[mime]))
    if mime is None and _SVG.match(head):
        size, is_svg = _svg_size(head)
        return _sized("image/svg+xml", size) if is_svg else Look(None)
    return Look(mime)


def _sized(mime: str, size: tuple[float, float] | None) -> Look:
    if size is None:
        return Look(mime)
    width, height = (max(1, round(side)) for side in size)
    return Look(mime, width, height) if max(width, height) <= PIXELS_MAX else Look(mime)


_WARNINGS = Lock()
"""How warnings are taken is a matter of the whole process, and images are looked at in several threads."""


def _raster_size(head: bytes, image_format: str) -> tuple[float, float] | None:
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(head), formats=(image_format,)) as image:
                return image.size
    except (*RASTER_ERRORS, Warning):
        return None


def _svg_size(head: bytes) -> tuple[tuple[float, float] | None, bool]:
    """The size that the root element says, and whether it is an `svg` at all."""
    try:
        _, root = next(SafeElements.iterparse(io.BytesIO(head), events=("start",)))
    except (ET.ParseError, defusedxml.DefusedXmlException, StopIteration, ValueError, LookupError):
        return None, False
    if root.tag.rpartition("}")[2] != "svg":
        return None, False
    sides = (_pixels(root.get("width")), _pixels(root.get("height")))
    if sides[0] and sides[1]:
        return (sides[0], sides[1]), True
    return _view_box(root.get("viewBox")), True


def _pixels(length: str | None) -> float | None:
    found = _LENGTH.fullmatch(length) if length else None
    return float(found[1]) * _PIXELS_PER_UNIT[found[2]] if found else None


def _view_box(text: str | None) -> tuple[float, float] | None:
    parts = (text or "").replace(",", " ").split()
    try:
        _, _, width, height = (float(part) for part in parts)
    except ValueError:
        return None
    positive = 0 < width <= PIXELS_MAX and 0 < height <= PIXELS_MAX
    return (width, height) if positive else None
