"""Emblems, banners and team photos, drawn. Nothing is copied.

PNG files are kept uncompressed and have few colours: compressors differ from machine to machine, and the same
seed must give the same bytes. This module must not know which object an image belongs to.
"""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from cds.simulation.catalogue import COLOURS
from cds.simulation.chance import Chance

Polygon = tuple[tuple[int, int], ...]

BANNER_SIZE = (768, 96)
"""About eight to one (JSON Format, "Contests", banner)."""

PHOTO_SIZE = (160, 120)
_JPEG_QUALITY = 70
_GRID = 100
"""Shapes are drawn on a grid of this many units in both directions."""

_SHIELDS: tuple[Polygon, ...] = (
    ((8, 6), (92, 6), (92, 52), (78, 78), (50, 96), (22, 78), (8, 52)),
    ((50, 2), (94, 26), (94, 74), (50, 98), (6, 74), (6, 26)),
    ((30, 4), (70, 4), (96, 30), (96, 70), (70, 96), (30, 96), (4, 70), (4, 30)),
    ((6, 6), (94, 6), (94, 94), (6, 94)),
)
_SYMBOLS: tuple[tuple[Polygon, ...], ...] = (
    (((50, 20), (58, 41), (80, 41), (62, 55), (69, 77), (50, 63), (31, 77), (38, 55), (20, 41), (42, 41)),),
    (((22, 34), (50, 58), (78, 34), (78, 50), (50, 74), (22, 50)),),
    (((42, 20), (58, 20), (58, 80), (42, 80)), ((20, 42), (80, 42), (80, 58), (20, 58))),
    (((24, 66), (30, 46), (36, 66)), ((44, 66), (44, 26), (56, 26), (56, 66)), ((64, 66), (64, 36), (76, 66))),
    (((50, 18), (78, 50), (50, 82), (22, 50)),),
    (((20, 72), (40, 32), (54, 56), (62, 44), (80, 72)),),
    (((22, 30), (48, 36), (48, 74), (22, 68)), ((78, 30), (52, 36), (52, 74), (78, 68))),
)  # fmt: skip


class Emblem:
    """One emblem: a shield in one colour, a symbol in another, drawn at any size."""

    def __init__(self, chance: Chance) -> None:
        """Draw shape and colours from chance."""
        self._shield = chance.one_of(_SHIELDS)
        self._symbol = chance.one_of(_SYMBOLS)
        first = chance.below(len(COLOURS))
        second = (first + chance.between(1, len(COLOURS) - 1)) % len(COLOURS)
        self._palette = ("#ffffff", COLOURS[first][1], COLOURS[second][1], "#222222")

    def png(self, side: int) -> bytes:
        """The emblem as a square PNG of `side` pixels, transparent around the shield."""
        image = self._canvas((side, side))
        self._draw(image, left=0, side=side)
        return _png_bytes(image)

    def banner_png(self) -> bytes:
        """A banner of BANNER_SIZE: the emblem once at the left, then stripes in its colours."""
        width, height = BANNER_SIZE
        image = self._canvas(BANNER_SIZE)
        draw = ImageDraw.Draw(image)
        for stripe, left in enumerate(range(height, width, height // 2)):
            slanted = ((left + height // 2, 0), (left + height, 0), (left + height // 2, height), (left, height))
            draw.polygon(slanted, fill=1 + stripe % 2)
        self._draw(image, left=0, side=height)
        return _png_bytes(image)

    def _canvas(self, size: tuple[int, int]) -> Image.Image:
        image = Image.new("P", size, 0)
        image.putpalette([int(colour[at : at + 2], 16) for colour in self._palette for at in (1, 3, 5)])
        return image

    def _draw(self, image: Image.Image, *, left: int, side: int) -> None:
        draw = ImageDraw.Draw(image)
        draw.polygon(_scaled(self._shield, left, side), fill=1, outline=3)
        for polygon in self._symbol:
            draw.polygon(_scaled(polygon, left, side), fill=2, outline=3)


def team_photo_jpeg(chance: Chance) -> bytes:
    """A small group portrait of PHOTO_SIZE: three figures in shirts of one colour before a wall."""
    width, height = PHOTO_SIZE
    wall, shirt = chance.one_of(COLOURS)[1], chance.one_of(COLOURS)[1]
    image = Image.new("RGB", PHOTO_SIZE, wall)
    draw = ImageDraw.Draw(image)
    for figure in (1, 2, 3):
        centre = figure * width // 4
        top = height // 3 + chance.below(height // 8)
        draw.rectangle((centre - 16, top + 26, centre + 16, height), fill=shirt, outline="#222222")
        shade = 80 + chance.below(140)
        draw.ellipse((centre - 13, top, centre + 13, top + 28), fill=(shade, shade * 4 // 5, shade * 3 // 5))
    target = BytesIO()
    image.save(target, format="JPEG", quality=_JPEG_QUALITY)
    return target.getvalue()


def _scaled(polygon: Polygon, left: int, side: int) -> Sequence[tuple[int, int]]:
    return [(left + x * (side - 1) // _GRID, y * (side - 1) // _GRID) for x, y in polygon]


def _png_bytes(image: Image.Image) -> bytes:
    target = BytesIO()
    image.save(target, format="PNG", compress_level=0, bits=2, transparency=0)
    return target.getvalue()
