"""What the bytes of an uploaded file are: its type, whether they are what they are said to be, an image's size.

This module knows formats. It must not know what the files are for.
"""

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Mapping

import defusedxml
import defusedxml.ElementTree as SafeElements
import msgspec

from cds.packages.images import HEAD_BYTES, SIGNATURES, Look, look_at

IMAGE_PIXELS_MAX = 40_000_000
"""Pixels of an image: as many as a good camera takes. Unpacked they need four bytes each."""

SVG_ELEMENTS_MAX = 200_000
"""Elements of an SVG image."""

SVG_ATTRIBUTES_MAX = 1_000
"""Attributes of one element of it."""

ZIP_END = b"PK\x05\x06"
ZIP_END_BYTES = 22
"""How the last record of an archive begins, and its length where there is no comment in it."""

ZIP_BEGINNINGS = tuple(signature for signature, mime in SIGNATURES if mime == "application/zip")

_GIF_SIGNATURES = (b"GIF87a", b"GIF89a")


class Size(msgspec.Struct, frozen=True):
    """Width and height in pixels."""

    width: int
    height: int


def mime_of(content: bytes) -> str | None:
    """The type that the bytes show, None where they show none."""
    return "image/gif" if content.startswith(_GIF_SIGNATURES) else _look(content).mime


def check_content(mime: str, content: bytes) -> str | None:
    """Why the bytes are not of this type; None where they are, or where nobody can tell."""
    check = _CHECKS.get(mime)
    return None if check is None or check(content) else f"the content is not {mime}"


def checked_size(mime: str, content: bytes) -> tuple[Size | None, str | None]:
    """The size of an image, None where it is none or does not tell it; and why it cannot be taken, if so."""
    if mime not in _IMAGES:
        return None, None
    look = _look(content)
    if look.mime != mime:
        return None, None
    if look.width is None or look.height is None:
        return None, None if mime == "image/svg+xml" else "the image cannot be read, or is too large"
    if mime != "image/svg+xml" and look.width * look.height > IMAGE_PIXELS_MAX:
        return None, f"the image has more than {IMAGE_PIXELS_MAX} pixels"
    return Size(look.width, look.height), None


def _shows(mime: str) -> Callable[[bytes], bool]:
    return lambda content: _look(content).mime == mime


def _is_svg(content: bytes) -> bool:
    """Whether all of it is XML without entities, and its root an `svg`."""
    if _look(content).mime != "image/svg+xml":
        return False
    parser = SafeElements.DefusedXMLParser(target=_Counting())
    try:
        # In one piece: a parser that is fed in pieces reads a long attribute again with each of them.
        parser.feed(content)
        parser.close()
    except (ET.ParseError, defusedxml.DefusedXmlException, ValueError, LookupError):
        return False
    return True


class _Counting:
    """Counts elements instead of building them. Raises ValueError when they are too many."""

    def __init__(self) -> None:
        self._elements = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        if self._elements > SVG_ELEMENTS_MAX or len(attributes) > SVG_ATTRIBUTES_MAX:
            raise ValueError(f"too many elements, or too many attributes of {tag}")

    def close(self) -> None:
        """The document ends."""


def _look(content: bytes) -> Look:
    return look_at(content[:HEAD_BYTES])


def _is_zip(content: bytes) -> bool:
    if not content.startswith(ZIP_BEGINNINGS):
        return False
    # Nearly every archive ends with the end of its directory; only a comment could stand behind it.
    return content[-ZIP_END_BYTES:].startswith(ZIP_END) or zipfile.is_zipfile(io.BytesIO(content))


_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_CHECKS: dict[str, Callable[[bytes], bool]] = {
    "image/png": _shows("image/png"),
    "image/jpeg": _shows("image/jpeg"),
    "image/svg+xml": _is_svg,
    "application/pdf": _shows("application/pdf"),
    "application/zip": _is_zip,
}
