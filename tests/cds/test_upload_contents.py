"""Uploaded images: measured by us, and refused when they are broken, dangerous or too large."""

import pytest

from cds import upload_contents
from cds.uploads import UploadedFile
from tests.cds.test_uploads import LOGO, SVG, encoded, kept, picture, refusal


def test_an_svg_takes_the_size_that_is_said() -> None:
    """JSON Format, "File references": any positive pair with the right aspect ratio."""
    measured, said = kept(
        LOGO,
        UploadedFile(data=encoded(SVG)),
        UploadedFile(data=encoded(SVG), filename="b.svg", width=300, height=200),
    )
    assert (measured.reference.width, measured.reference.height) == (30, 20)
    assert (said.reference.width, said.reference.height) == (300, 200)
    unsized = encoded(b"<svg/>")
    assert refusal(LOGO, UploadedFile(data=unsized)).startswith("width and height are required")
    assert kept(LOGO, UploadedFile(data=unsized, width=1, height=1))[0].reference.width == 1


@pytest.mark.parametrize(
    "content",
    [
        b"<svg",
        b"<svg><a></svg>",
        b"<html/>",
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>',
        b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
        b"<?xml version='1.0' encoding='no such'?><svg/>",
        b"<svg>" + b"\xff" + b"</svg>",
    ],
)
def test_an_svg_that_is_broken_or_has_entities_is_refused(content: bytes) -> None:
    said = UploadedFile(data=encoded(content), mime="image/svg+xml", width=1, height=1)
    assert refusal(LOGO, said) == "the content is not image/svg+xml"


def test_an_svg_of_too_many_elements_or_attributes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_contents, "SVG_ELEMENTS_MAX", 3)
    monkeypatch.setattr(upload_contents, "SVG_ATTRIBUTES_MAX", 2)
    most = b'<svg width="1" height="1"><a x="1" y="1"><b/></a></svg>'
    assert kept(LOGO, UploadedFile(data=encoded(most)))
    for more in (most.replace(b"<b/>", b"<b/><c/>"), most.replace(b"<b/>", b'<b p="1" q="1" r="1"/>')):
        assert refusal(LOGO, UploadedFile(data=encoded(more))) == "the content is not image/svg+xml"


def test_an_image_that_cannot_be_read_or_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read" in refusal(LOGO, UploadedFile(data=encoded(picture()[:20])))
    header = bytearray(picture())
    header[16:24] = b"\x7f\xff\xff\xff" * 2
    assert "cannot be read, or is too large" in refusal(LOGO, UploadedFile(data=encoded(bytes(header))))
    monkeypatch.setattr(upload_contents, "IMAGE_PIXELS_MAX", 11)
    assert refusal(LOGO, UploadedFile(data=encoded(picture()))) == "the image has more than 11 pixels"
