"""Logos in the sizes that everybody asks for."""

import hashlib
import io

import pytest
from PIL import Image

from cds import logos
from cds.commands.decision import Refused
from cds.logos import SIDES, with_sizes
from cds.uploads import Upload
from schemas.properties import FileReference

RED, BLUE, CLEAR = (255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)
NAMES = ["logo.56x56.png", "logo.160x160.png"]


def logo(
    size: tuple[int, int],
    *,
    colour: tuple[int, ...] = RED,
    mode: str = "RGBA",
    image_format: str = "PNG",
    filename: str = "logo.png",
    tag: list[str] | None = None,
) -> Upload:
    """An upload of a logo in one colour."""
    content = io.BytesIO()
    Image.new("RGBA", size, colour).convert(mode).save(content, image_format)
    reference = FileReference(
        filename=filename, mime=f"image/{image_format.lower()}", width=size[0], height=size[1], tag=tag
    )
    return Upload(reference, content.getvalue())


def drawn(upload: Upload) -> Image.Image:
    """The picture of an upload."""
    return Image.open(io.BytesIO(upload.content or b"")).convert("RGBA")


def test_both_sizes_are_offered_behind_what_was_uploaded() -> None:
    uploads = [logo((400, 400))]
    offered = with_sizes(uploads)
    assert offered[:1] == uploads
    assert [upload.reference.filename for upload in offered[1:]] == NAMES
    for side, upload in zip(SIDES, offered[1:], strict=True):
        assert upload.content is not None
        assert upload.reference == FileReference(
            filename=f"logo.{side}x{side}.png",
            hash=hashlib.md5(upload.content, usedforsecurity=False).hexdigest(),
            mime="image/png",
            width=side,
            height=side,
            content=hashlib.sha256(upload.content).hexdigest(),
        )
        assert drawn(upload).size == (side, side)
        assert drawn(upload).getcolors() == [(side * side, RED)]


def test_the_same_uploads_give_the_same_bytes() -> None:
    assert with_sizes([logo((300, 200))]) == with_sizes([logo((300, 200))])


@pytest.mark.parametrize("size", [(320, 160), (2, 1), (16, 8)])
def test_the_aspect_is_kept_with_clear_bars_also_where_a_logo_is_enlarged(size: tuple[int, int]) -> None:
    for side, upload in zip(SIDES, with_sizes([logo(size)])[1:], strict=True):
        picture = drawn(upload)
        bar = side // 4
        assert picture.getbbox() == (0, bar, side, side - bar)
        assert picture.getpixel((side // 2, bar - 1)) == CLEAR
        assert picture.getpixel((side // 2, side // 2)) == RED


def test_a_line_is_still_seen() -> None:
    for upload in with_sizes([logo((3_000, 1))])[1:]:
        assert drawn(upload).getbbox() is not None


def test_the_largest_picture_is_the_source() -> None:
    small, large = logo((60, 60), filename="small.png"), logo((300, 300), colour=BLUE, filename="large.png")
    for uploads in ([small, large], [large, small]):
        assert {drawn(upload).getpixel((1, 1)) for upload in with_sizes(uploads)[2:]} == {BLUE}


def test_a_size_that_is_there_is_left_as_it_is() -> None:
    small = logo((56, 56), filename="small.png")
    assert [upload.reference.filename for upload in with_sizes([small])] == ["small.png", "logo.160x160.png"]
    both = [small, logo((160, 160))]
    assert with_sizes(both) == both


def test_files_that_are_kept_count_as_there_but_are_no_source() -> None:
    kept = Upload(FileReference(filename="logo.56x56.png", mime="image/png", width=56, height=56, content="0"), None)
    assert with_sizes([kept]) == [kept]
    assert [upload.reference.filename for upload in with_sizes([kept, logo((8, 8))])[2:]] == ["logo.160x160.png"]


def test_an_svg_needs_no_sizes() -> None:
    svg = Upload(FileReference(filename="logo.svg", mime="image/svg+xml", width=9, height=9), b"<svg/>")
    assert with_sizes([svg]) == [svg]
    assert with_sizes([]) == []


def test_logos_for_different_backgrounds_have_sizes_of_their_own() -> None:
    dark = logo((300, 300), colour=BLUE, filename="dark.png", tag=["dark"])
    both = logo((300, 300), filename="both.png", tag=["light", "../dark side"])
    offered = with_sizes([dark, both])[2:]
    assert [(upload.reference.filename, upload.reference.tag) for upload in offered] == [
        ("logo.dark.56x56.png", ["dark"]),
        ("logo.dark.160x160.png", ["dark"]),
        ("logo.light.56x56.png", ["light", "../dark side"]),
        ("logo.light.160x160.png", ["light", "../dark side"]),
    ]
    assert [drawn(upload).getpixel((1, 1)) for upload in offered] == [BLUE, BLUE, RED, RED]


def test_names_that_are_taken_are_not_given_twice() -> None:
    offered = with_sizes([logo((9, 9), filename="logo.56x56.png"), logo((8, 8), filename="logo.56x56.2.png")])
    assert [upload.reference.filename for upload in offered[2:]] == ["logo.56x56.3.png", "logo.160x160.png"]


@pytest.mark.parametrize(
    ("mode", "image_format", "colour"),
    [
        ("RGB", "PNG", RED),
        ("P", "PNG", RED),
        ("LA", "PNG", (76, 76, 76, 255)),
        ("L", "PNG", (76, 76, 76, 255)),
        ("1", "PNG", (255, 255, 255, 255)),
        ("RGB", "JPEG", (254, 0, 0, 255)),
        ("CMYK", "JPEG", (254, 0, 0, 255)),
        ("L", "JPEG", (76, 76, 76, 255)),
    ],
)
def test_pictures_of_every_kind_are_scaled(mode: str, image_format: str, colour: tuple[int, ...]) -> None:
    source = (255, 255, 255, 255) if mode == "1" else RED
    offered = with_sizes([logo((200, 200), colour=source, mode=mode, image_format=image_format)])
    pixel = drawn(offered[1]).getpixel((28, 28))
    assert isinstance(pixel, tuple)
    assert all(abs(found - expected) <= 2 for found, expected in zip(pixel, colour, strict=True))


def test_grey_of_sixteen_bits_keeps_its_shades() -> None:
    content = io.BytesIO()
    Image.new("I;16", (100, 100), 0x8080).save(content, "PNG")
    upload = Upload(FileReference(filename="logo.png", mime="image/png", width=100, height=100), content.getvalue())
    pixel = drawn(with_sizes([upload])[1]).getpixel((28, 28))
    assert isinstance(pixel, tuple)
    assert all(abs(shade - 0x80) <= 1 for shade in pixel[:3])


@pytest.mark.parametrize("kept_bytes", [0, 8, 30, 60])
def test_a_picture_that_is_broken_is_refused(kept_bytes: int) -> None:
    whole = logo((300, 300))
    broken = Upload(whole.reference, (whole.content or b"")[:kept_bytes] or b"-")
    with pytest.raises(Refused, match=r"logo\.png cannot be read as image/png") as refused:
        with_sizes([broken])
    assert refused.value.property == "logo"


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logos, "IMAGE_PIXELS_MAX", 99)
    with pytest.raises(Refused, match="more than 99 pixels"):
        with_sizes([logo((10, 10))])
