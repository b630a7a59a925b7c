"""Files in requests: what of them is kept, and that nothing a client says of them is believed."""

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cds import uploads
from cds.archives import PACKED_BYTES_MAX
from cds.commands.decision import Refused
from cds.uploads import FILES_MAX, Upload, UploadedFile, bytes_max, refuse_shared_filenames, uploaded
from schemas.object_types import OBJECT_TYPES, FileProperty
from schemas.properties import FileReference
from tests.cds.test_archives import archive_of

ARCHIVE = archive_of({"main.py": b"print()"})
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"><circle r="1"/></svg>'
PDF = b"%PDF-1.7\n"
EVERY_FILE_PROPERTY = [each for row in OBJECT_TYPES.values() for each in row.file_properties]


def file_property(type: str, property: str) -> FileProperty:
    """A property of table one."""
    return next(each for each in OBJECT_TYPES[type].file_properties if each.property == property)


FILES = file_property("submissions", "files")
LOGO = file_property("organizations", "logo")
STATEMENT = file_property("problems", "statement")
ATTACHMENTS = file_property("problems", "attachments")
KEY_LOG = file_property("teams", "key_log")
WEBCAM = file_property("teams", "webcam")


def picture(image_format: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    """A small picture."""
    content = io.BytesIO()
    Image.new("RGB", size, (255, 0, 0)).save(content, image_format)
    return content.getvalue()


def encoded(content: bytes) -> str:
    """What stands in `data`."""
    return base64.b64encode(content).decode()


def kept(
    of: FileProperty, *files: UploadedFile, present: Mapping[str, FileReference] | None = None
) -> Sequence[Upload]:
    """What is kept of files in a request."""
    return uploaded(of, files, present or {})


def refusal(of: FileProperty, *files: UploadedFile, present: Mapping[str, FileReference] | None = None) -> str:
    """The reason why files in a request are refused."""
    with pytest.raises(Refused) as refused:
        uploaded(of, files, present or {})
    assert (refused.value.property, refused.value.ground) == (of.property, "invalid")
    assert refused.value.reason.isprintable()
    return refused.value.reason


def test_a_submission_s_archive_is_kept_under_its_usual_name() -> None:
    (upload,) = kept(FILES, UploadedFile(data=encoded(ARCHIVE)))
    assert upload.content == ARCHIVE
    assert upload.reference == FileReference(
        filename="files.zip",
        hash=hashlib.md5(ARCHIVE, usedforsecurity=False).hexdigest(),
        mime="application/zip",
        content=hashlib.sha256(ARCHIVE).hexdigest(),
    )


def test_everything_that_agrees_may_be_said() -> None:
    content = picture()
    said = UploadedFile(
        data=encoded(content),
        filename="small.png",
        mime="IMAGE/PNG",
        hash=hashlib.md5(content, usedforsecurity=False).hexdigest().upper(),
        width=4,
        height=3,
        tag=["dark", "light", "dark"],
    )
    (upload,) = kept(LOGO, said)
    assert (upload.reference.filename, upload.reference.mime) == ("small.png", "image/png")
    assert (upload.reference.width, upload.reference.height) == (4, 3)
    assert upload.reference.tag == ["dark", "light"]


@pytest.mark.parametrize(
    ("of", "content", "filename", "mime"),
    [
        (LOGO, picture(), "logo.png", "image/png"),
        (LOGO, picture("JPEG"), "logo.jpg", "image/jpeg"),
        (LOGO, SVG, "logo.svg", "image/svg+xml"),
        (STATEMENT, PDF, "statement.pdf", "application/pdf"),
        (KEY_LOG, b"typed", "key_log.txt", "text/plain"),
        (ATTACHMENTS, picture("GIF"), "attachments.gif", "image/gif"),
        (ATTACHMENTS, picture(), "attachments.png", "image/png"),
        (ATTACHMENTS, b"\x00\x01", "attachments", "application/octet-stream"),
        (ATTACHMENTS, b"", "attachments", "application/octet-stream"),
        (WEBCAM, ARCHIVE, "webcam.zip", "application/zip"),
    ],
)
def test_type_and_name_follow_from_the_bytes(of: FileProperty, content: bytes, filename: str, mime: str) -> None:
    (upload,) = kept(of, UploadedFile(data=encoded(content)))
    assert (upload.reference.filename, upload.reference.mime) == (filename, mime)


def test_the_type_follows_from_the_name_where_the_bytes_tell_nothing() -> None:
    (upload,) = kept(ATTACHMENTS, UploadedFile(data=encoded(b"print()"), filename="Sample.PY"))
    assert (upload.reference.filename, upload.reference.mime) == ("Sample.PY", "text/x-python")


@pytest.mark.parametrize("mime", ["image/gif", "application/pdf", "text/html", "image/svg+xml"])
def test_a_type_that_does_not_belong_there_is_refused(mime: str) -> None:
    assert refusal(FILES, UploadedFile(data=encoded(ARCHIVE), mime=mime)).startswith("mime must be application/zip")


@pytest.mark.parametrize(
    "mime", ["", "zip", "text/plain; charset=utf-8", "text/plain\r\nX-Header: 1", "text/", "text/ä", "a/" + "b" * 64]
)
def test_a_type_that_is_none_is_refused(mime: str) -> None:
    reason = refusal(ATTACHMENTS, UploadedFile(data="", mime=mime))
    assert reason.startswith("mime must be a type and a subtype")


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/svg+xml", "application/pdf", "application/zip"])
@pytest.mark.parametrize("content", [b"", b"text", b"<html/>", b"PK\x03\x04 no archive"])
def test_content_that_is_not_what_it_is_said_to_be_is_refused(mime: str, content: bytes) -> None:
    assert refusal(ATTACHMENTS, UploadedFile(data=encoded(content), mime=mime)) == f"the content is not {mime}"


def test_content_of_another_type_than_the_property_has_is_refused() -> None:
    assert refusal(FILES, UploadedFile(data=encoded(PDF))) == "the content is not application/zip"
    assert refusal(LOGO, UploadedFile(data=encoded(picture("GIF")))).startswith("the content is none of image/png")
    assert refusal(LOGO, UploadedFile(data=encoded(picture()), mime="image/jpeg")) == "the content is not image/jpeg"


@pytest.mark.parametrize(
    "data", ["QU JD", "QUJ-", "QUJ_", "QUI", "QUI=x", "QUI==", "=", "QUJD====", "ÄÖÜß", "\ud800", "\0"]
)
def test_data_that_is_not_base64_is_refused(data: str) -> None:
    assert refusal(ATTACHMENTS, UploadedFile(data=data)) == "data is not base64 (RFC 4648, section 4)"


def test_base64_may_be_broken_into_lines() -> None:
    (upload,) = uploaded(ATTACHMENTS, [UploadedFile(data="QU\r\nJD\n", filename="abc.txt")], {})
    assert upload.content == b"ABC"


def test_a_size_that_differs_from_the_image_is_refused() -> None:
    content = encoded(picture())
    assert refusal(LOGO, UploadedFile(data=content, width=5)) == "width is 5, but that of the image is 4"
    assert refusal(LOGO, UploadedFile(data=content, height=4)) == "height is 4, but that of the image is 3"
    for side in (0, -1):
        assert refusal(LOGO, UploadedFile(data=content, width=side)) == "width and height must be positive"


def test_a_hash_that_is_not_that_of_the_data_is_refused() -> None:
    assert refusal(FILES, UploadedFile(data=encoded(ARCHIVE), hash="0" * 32)).startswith("hash is not the MD5 of data")


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".",
        "..",
        "...",
        "../files.zip",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\nb",
        "a\r\nX-Header: 1",
        "a\0b",
        "\x1b[2J",
        "\u202efdp.exe",
        "\ud800",
        "é" * 101,
    ],
)
def test_a_file_name_that_is_none_is_refused(filename: str) -> None:
    reason = refusal(FILES, UploadedFile(data=encoded(ARCHIVE), filename=filename))
    assert reason.endswith("is no name of a file")


@pytest.mark.parametrize("filename", ["é" * 100, ".hidden", 'a b;c="d".zip', "100%.zip"])
def test_any_other_file_name_is_kept(filename: str) -> None:
    (upload,) = kept(FILES, UploadedFile(data=encoded(ARCHIVE), filename=filename))
    assert upload.reference.filename == filename


def test_one_name_for_two_files_is_refused() -> None:
    first, second = UploadedFile(data=encoded(picture())), UploadedFile(data=encoded(picture()), filename="logo.png")
    assert refusal(LOGO, first, second) == "two files have the filename 'logo.png'"


def test_one_name_in_two_properties_of_an_object_is_refused() -> None:
    reference = FileReference(filename="a.zip", mime="application/zip")
    refuse_shared_filenames({"package": [reference], "statement": []})
    with pytest.raises(Refused) as refused:
        refuse_shared_filenames({"package": [reference], "attachments": [reference]})
    assert refused.value.property == "attachments"


def test_too_many_files_are_refused() -> None:
    files = [UploadedFile(data="", filename=f"{number}.txt") for number in range(FILES_MAX + 1)]
    assert len(kept(ATTACHMENTS, *files[1:])) == FILES_MAX
    assert refusal(ATTACHMENTS, *files) == f"attachments has more than {FILES_MAX} files"


def test_files_beyond_the_limit_of_their_property_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(uploads.FILE_BYTES_MAX, "files", len(ARCHIVE))
    assert kept(FILES, UploadedFile(data=encoded(ARCHIVE)))
    for smaller in range(1, 4):
        monkeypatch.setitem(uploads.FILE_BYTES_MAX, "files", len(ARCHIVE) - smaller)
        assert "is too large" in refusal(FILES, UploadedFile(data=encoded(ARCHIVE)))


def test_the_limits_suit_what_the_properties_hold() -> None:
    assert bytes_max(FILES) == PACKED_BYTES_MAX
    assert bytes_max(LOGO) == uploads.IMAGE_BYTES_MAX
    assert bytes_max(KEY_LOG) == uploads.OTHER_BYTES_MAX
    assert bytes_max(file_property("problems", "package")) == 64 * uploads.MEBIBYTE


def test_a_file_that_the_object_has_is_kept_as_it_is() -> None:
    reference = FileReference(filename="logo.png", mime="image/png", width=4, height=3, content="0" * 64, tag=["dark"])
    present = {"contests/c/organizations/o/logo/logo.png": reference}
    for filename in (None, "logo.png"):
        repeated = UploadedFile(href="contests/c/organizations/o/logo/logo.png", filename=filename)
        assert kept(LOGO, repeated, present=present) == [Upload(reference, None)]
    tagged = UploadedFile(href="contests/c/organizations/o/logo/logo.png", tag=["light"])
    assert kept(LOGO, tagged, present=present)[0].reference == msgspec.structs.replace(reference, tag=["light"])
    untagged = UploadedFile(href="contests/c/organizations/o/logo/logo.png", tag=[])
    assert kept(LOGO, untagged, present=present)[0].reference.tag is None
    href = next(iter(present))
    for changed in (
        UploadedFile(href=href, filename="other.png"),
        UploadedFile(href=href, mime="image/jpeg"),
        UploadedFile(href=href, width=5),
    ):
        assert refusal(LOGO, changed, present=present).startswith("href cannot be given but for a file")


def test_a_stream_that_the_object_has_may_be_described_anew() -> None:
    reference = FileReference(href="https://example.org/é", filename="cam", mime="video/mp4")
    present = {"https://example.org/é": reference, "https://example.org/b": reference}
    assert kept(WEBCAM, UploadedFile(href="https://example.org/é", mime="video/mp4"), present=present) == [
        Upload(reference, None)
    ]
    (anew,) = kept(WEBCAM, UploadedFile(href="https://example.org/b", mime="video/webm"), present=present)
    assert anew.reference == FileReference(href="https://example.org/b", filename="b", mime="video/webm")


@pytest.mark.parametrize("href", ["", "contests/c/teams/1/photo", "https://example.org/a.png", "file:///etc/passwd"])
def test_any_other_href_is_refused(href: str) -> None:
    assert refusal(LOGO, UploadedFile(href=href)).startswith("href cannot be given but for a file that the object has")


def test_data_and_href_exclude_each_other_and_one_is_needed() -> None:
    assert refusal(LOGO, UploadedFile(data="", href="a")) == "data and href cannot be given together"
    assert refusal(LOGO, UploadedFile(filename="logo.png")) == "data is missing"


def test_a_stream_stays_where_it_is() -> None:
    href = "https://example.org/live/team%201.m3u8?key=1"
    assert kept(WEBCAM, UploadedFile(href=href, tag=["webcam"])) == [
        Upload(
            FileReference(href=href, filename="team 1.m3u8", mime="application/vnd.apple.mpegurl", tag=["webcam"]),
            None,
        )
    ]
    (named,) = kept(WEBCAM, UploadedFile(href="http://[::1]:8080/", filename="cam", mime="video/mp2t", width=1920))
    assert named.reference == FileReference(href="http://[::1]:8080/", filename="cam", mime="video/mp2t", width=1920)


@pytest.mark.parametrize(
    "href",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.org/a.mp4",
        "//example.org/a.mp4",
        "/live/a.mp4",
        "https://",
        "https:///a.mp4",
        "https://[::1/a.mp4",
        "https://example.org/a b.mp4",
        "https://example.org/a\r\nX-Header: 1",
        "https://example.org/é.mp4",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_a_stream_elsewhere_than_on_the_web_is_refused(href: str) -> None:
    reason = refusal(WEBCAM, UploadedFile(href=href, mime="video/mp4"))
    assert reason.startswith("href must be an absolute http or https URL")


def test_what_a_stream_cannot_have_is_refused() -> None:
    href = "https://example.org/live"
    assert refusal(WEBCAM, UploadedFile(href=href)).startswith("mime is missing")
    assert refusal(WEBCAM, UploadedFile(href=href, mime="video")).startswith("mime must be")
    assert refusal(WEBCAM, UploadedFile(href=href, mime="video/mp4", hash="0" * 32)).startswith("hash cannot be given")
    assert refusal(WEBCAM, UploadedFile(href=href, mime="video/mp4", width=0)).startswith("width and height must be")


@pytest.mark.parametrize("tag", [[""], ["a\nb"], ["x" * 51], [str(number) for number in range(21)]])
def test_tags_that_are_none_are_refused(tag: list[str]) -> None:
    assert "tag" in refusal(LOGO, UploadedFile(data=encoded(picture()), tag=tag))


@pytest.mark.parametrize(
    "wire",
    [b'[{"data":"","extra":1}]', b'[{"data":1}]', b'[{"width":1.5}]', b'[{"tag":"dark"}]', b'["data"]', b'{"data":""}'],
)
def test_the_form_of_a_reference_is_strict(wire: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(wire, type=list[UploadedFile])


_heads = st.sampled_from([b"", picture()[:30], picture("JPEG")[:30], SVG[:40], PDF, ARCHIVE[:30], b"GIF89a"])


@given(
    st.sampled_from(EVERY_FILE_PROPERTY),
    _heads,
    st.binary(max_size=100),
    st.none() | st.text(max_size=10),
    st.none() | st.sampled_from(["image/png", "image/jpeg", "image/svg+xml", "application/zip", "text/plain"]),
)
def test_any_bytes_are_kept_as_they_are_or_refused(
    of: FileProperty, head: bytes, tail: bytes, filename: str | None, mime: str | None
) -> None:
    content = head + tail
    with suppress(Refused):
        (upload,) = kept(of, UploadedFile(data=encoded(content), filename=filename, mime=mime))
        assert upload.content == content
        assert not of.mimes or upload.reference.mime in of.mimes


@given(
    st.sampled_from(EVERY_FILE_PROPERTY),
    st.builds(
        UploadedFile,
        href=st.none() | st.text(max_size=30),
        data=st.none() | st.text(max_size=30),
        filename=st.none() | st.text(max_size=30),
        hash=st.none() | st.text(max_size=5),
        mime=st.none() | st.text(max_size=10),
        width=st.none() | st.integers(),
        height=st.none() | st.integers(),
        tag=st.none() | st.lists(st.text(max_size=3), max_size=3),
    ),
)
def test_whatever_a_client_says_is_kept_or_refused(of: FileProperty, file: UploadedFile) -> None:
    with suppress(Refused):
        assert len(kept(of, file)) == 1
