"""Logos in the sizes that everybody asks for, made from the one that was uploaded.

The Contest Package specification wants every logo at 56x56 and 160x160 pixels too. This module knows pictures. It
must not know whose logo it is.
"""

import hashlib
import io
import re
from collections.abc import Iterator, Sequence

from PIL import Image

from cds.commands.decision import Refused
from cds.packages.images import RASTER_ERRORS, RASTER_FORMATS
from cds.upload_contents import IMAGE_PIXELS_MAX
from cds.uploads import Upload
from schemas.properties import FileReference

SIDES = (56, 160)
"""Pixels of both sides of the squares that are offered."""

LOGO_PROPERTY = "logo"

_PLAIN_TAG = re.compile(r"[A-Za-z0-9_-]+")
_COMPRESSION_LEVEL = 9
_TRANSPARENT = (0, 0, 0, 0)
_SOURCE_SIDE = 4 * max(SIDES)
"""Larger pictures are brought near this size by plain averages first, which nobody can tell from the slow way."""

_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Grey with more than eight bits, which Pillow would cut off at white instead of scaling it."""

_WIDE_TO_BYTE = 1 / 257


def with_sizes(uploads: Sequence[Upload]) -> list[Upload]:
    """The logos of an object, and behind them squares of SIDES made from the largest PNG or JPEG among them.

    Logos for different backgrounds (`tag`) are different pictures: each gets its own squares. A size that is there
    is left as it is, a smaller picture is enlarged, and an SVG needs none. The same uploads give the same bytes.
    Takes a moment for large pictures. Raises Refused (property `logo`) for one that cannot be read.
    """
    offered = list(uploads)
    taken = {upload.reference.filename for upload in uploads}
    for tags, pictures in _by_tags(uploads).items():
        for made in _squares(tags, pictures, taken):
            taken.add(made.reference.filename)
            offered.append(made)
    return offered


def _by_tags(uploads: Sequence[Upload]) -> dict[tuple[str, ...], list[Upload]]:
    groups: dict[tuple[str, ...], list[Upload]] = {}
    for upload in uploads:
        groups.setdefault(tuple(sorted(upload.reference.tag or ())), []).append(upload)
    return groups


def _squares(tags: tuple[str, ...], pictures: Sequence[Upload], taken: set[str]) -> Iterator[Upload]:
    present = {(picture.reference.width, picture.reference.height) for picture in pictures}
    missing = [side for side in SIDES if (side, side) not in present]
    largest = max(
        (picture for picture in pictures if picture.content and picture.reference.mime in RASTER_FORMATS),
        key=_pixels,
        default=None,
    )
    if largest is None or not missing:
        return
    drawn = _drawn(largest)
    for side in missing:
        content = _png(_square(drawn, side))
        reference = FileReference(
            filename=_free_filename(tags, side, taken),
            hash=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            mime="image/png",
            width=side,
            height=side,
            tag=largest.reference.tag,
            content=hashlib.sha256(content).hexdigest(),
        )
        yield Upload(reference, content)


def _pixels(picture: Upload) -> int:
    return (picture.reference.width or 0) * (picture.reference.height or 0)


def _drawn(picture: Upload) -> Image.Image:
    """The picture in memory, in colours with transparency."""
    reference = picture.reference
    try:
        with Image.open(io.BytesIO(picture.content or b""), formats=(RASTER_FORMATS[reference.mime],)) as image:
            if image.width * image.height > IMAGE_PIXELS_MAX:
                raise Refused(f"{reference.filename} has more than {IMAGE_PIXELS_MAX} pixels", LOGO_PROPERTY)
            image.draft("RGB", (_SOURCE_SIDE, _SOURCE_SIDE))
            return _reduced(_in_colours(image))
    except RASTER_ERRORS as error:
        raise Refused(f"{reference.filename} cannot be read as {reference.mime}", LOGO_PROPERTY) from error


def _in_colours(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE_MODES:
        return image.convert("F").point(lambda value: value * _WIDE_TO_BYTE).convert("L").convert("RGBA")
    return image.convert("RGBA")


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // _SOURCE_SIDE
    return image.reduce(factor) if factor > 1 else image


def _square(image: Image.Image, side: int) -> Image.Image:
    """The picture as large as it fits, in the middle of a transparent square."""
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    scaled = image.resize((width, height), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (side, side), _TRANSPARENT)
    square.paste(scaled, ((side - width) // 2, (side - height) // 2))
    return square


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=_COMPRESSION_LEVEL)
    return content.getvalue()


def _free_filename(tags: tuple[str, ...], side: int, taken: set[str]) -> str:
    """`logo.<tags>.<side>x<side>.png` (Contest Package, "Default file names"), numbered where that is taken."""
    words = [LOGO_PROPERTY, *(tag for tag in tags if _PLAIN_TAG.fullmatch(tag)), f"{side}x{side}"]
    filename, number = ".".join([*words, "png"]), 1
    while filename in taken:
        number += 1
        filename = ".".join([*words, str(number), "png"])
    return filename
