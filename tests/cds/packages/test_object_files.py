"""Files of objects: named, found by default names, measured, and left out where they are nowhere."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from cds.packages.contents import ContestContents
from cds.packages.images import look_at
from schemas.properties import FileReference
from tests.cds.dialects.feeds import PROBLEM, SUBMISSION, TEAM, typical
from tests.cds.packages.packages import Content, as_archive, as_directory, as_feed, png, read, small, zipped

SOURCES = zipped(**{"main.cpp": b"int main() {}"})
SVG = b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480"/>'


def contents_with(tmp_path: Path, files: dict[str, Content]) -> ContestContents:
    """The same contents from a directory and from an archive."""
    whole = small(**files)
    directory = read(as_directory(tmp_path / "p", whole))
    archive = read(as_archive(tmp_path / "p.zip", whole))
    assert directory.changes == archive.changes
    assert {address: file.read() for address, file in directory.files.items()} == {
        address: file.read() for address, file in archive.files.items()
    }
    return directory


def references(contents: ContestContents, type_name: str, identifier: str, name: str) -> list[FileReference]:
    found: list[FileReference] = getattr(contents.final[type_name][identifier], name) or []
    return found


def test_listed_file_is_described_by_its_bytes(tmp_path: Path) -> None:
    named = {"href": "stale/address", "filename": "files.zip", "mime": "application/zip", "hash": "0" * 32}
    submissions = [{**SUBMISSION, "files": [named]}]
    contents = contents_with(tmp_path, {"submissions.json": submissions, "submissions/s1/files.zip": SOURCES})
    (reference,) = references(contents, "submissions", "s1", "files")
    assert reference == FileReference(
        filename="files.zip",
        mime="application/zip",
        hash=hashlib.md5(SOURCES, usedforsecurity=False).hexdigest(),
        content=hashlib.sha256(SOURCES).hexdigest(),
    )
    assert contents.files[reference.content or ""].read() == SOURCES
    assert contents.files[reference.content or ""].size_bytes == len(SOURCES)
    assert [warning.message for warning in contents.warnings] == [
        "the hash of 'files.zip' is not that of the file, replaced"
    ]


def test_reference_without_filename_is_files_zip_for_submissions(tmp_path: Path) -> None:
    submissions = [{**SUBMISSION, "files": [{"href": "contests/c1/submissions/s1/files", "mime": "application/zip"}]}]
    contents = contents_with(tmp_path, {"submissions.json": submissions, "submissions/s1/files.zip": SOURCES})
    assert [each.filename for each in references(contents, "submissions", "s1", "files")] == ["files.zip"]
    assert [warning.property for warning in contents.warnings] == ["files.filename"]


@pytest.mark.parametrize(
    ("reference", "filename"),
    [
        ({"href": "contests/c1/teams/t1/big%20photo.png?size=1"}, "big photo.png"),
        ({"href": "contests/c1/teams/t1/photo", "mime": "image/png"}, "photo.png"),
        ({"href": "C:\\pictures\\team.png"}, "team.png"),
        ({"filename": "../x", "mime": "image/png"}, "photo.png"),
    ],
)
def test_filename_comes_from_the_address_or_the_property(
    tmp_path: Path, reference: dict[str, object], filename: str
) -> None:
    teams = [{**TEAM, "photo": [reference]}]
    contents = contents_with(tmp_path, {"teams.json": teams, f"teams/t1/{filename}": png(4, 3)})
    (kept,) = references(contents, "teams", "t1", "photo")
    assert (kept.filename, kept.mime, kept.width, kept.height) == (filename, "image/png", 4, 3)


def test_file_that_is_nowhere_leaves_its_list(tmp_path: Path) -> None:
    photo = {
        "href": "https://example.org/photo.png",
        "filename": "photo.png",
        "mime": "image/png",
        "width": 1,
        "height": 1,
    }
    files: dict[str, Content] = {
        "teams.json": [{**TEAM, "photo": [photo]}],
        "submissions.json": [
            {**SUBMISSION, "files": [{"href": "x", "filename": "files.zip", "mime": "application/zip"}]}
        ],
    }
    contents = contents_with(tmp_path, files)
    assert references(contents, "teams", "t1", "photo") == []
    assert references(contents, "submissions", "s1", "files") == []
    assert [warning.message for warning in contents.warnings] == [
        "the file 'photo.png' is nowhere in the source, left out of the list",
        "the file 'files.zip' is nowhere in the source, left out of the list",
    ]


def test_stream_on_another_server_keeps_its_address(tmp_path: Path) -> None:
    stream = {"href": "https://video.example.org/t1.m3u8"}
    relative = {"href": "contests/c1/teams/t1/webcam", "filename": "webcam.m3u8"}
    contents = contents_with(tmp_path, {"teams.json": [{**TEAM, "desktop": [stream], "webcam": [relative]}]})
    (kept,) = references(contents, "teams", "t1", "desktop")
    assert kept == FileReference(
        href="https://video.example.org/t1.m3u8", filename="t1.m3u8", mime="application/vnd.apple.mpegurl"
    )
    assert references(contents, "teams", "t1", "webcam") == []


def test_files_under_default_names_are_loaded_in_addition(tmp_path: Path) -> None:
    logo = {"filename": "crest.png", "mime": "image/png", "width": 10, "height": 10}
    files: dict[str, Content] = {
        "organizations.json": [{"id": "o1", "name": "O", "logo": [logo]}],
        "organizations/o1/crest.png": png(10, 10),
        "organizations/o1/logo.png": png(56, 56),
        "organizations/o1/logo.dark.56x56.svg": SVG,
        "organizations/o1/logo.txt": b"no image",
        "organizations/o1/unrelated.png": png(1, 1),
        "contest/banner.jpg": b"\xff\xd8\xff broken",
        "contest/logo.png": png(7, 7),
        "problems/p1/statement.pdf": b"%PDF-1.4",
        "submissions/s1/files.zip": SOURCES,
        "teams/t1/photo.png": png(3, 2),
    }
    contents = contents_with(tmp_path, files)
    assert [
        (each.filename, each.width, each.height, each.tag)
        for each in references(contents, "organizations", "o1", "logo")
    ] == [("crest.png", 10, 10, None), ("logo.dark.56x56.svg", 56, 56, ["dark"]), ("logo.png", 56, 56, None)]
    assert [each.filename for each in references(contents, "contest", "", "logo")] == ["logo.png"]
    assert references(contents, "contest", "", "banner") == []
    assert [each.mime for each in references(contents, "problems", "p1", "statement")] == ["application/pdf"]
    assert [each.filename for each in references(contents, "submissions", "s1", "files")] == ["files.zip"]
    assert [each.width for each in references(contents, "teams", "t1", "photo")] == [3]
    assert [str(warning) for warning in contents.warnings] == [
        "contest.json:1 contest banner: the size of 'banner.jpg' cannot be told, left out of the list"
    ]


def test_file_of_the_wrong_kind_leaves_its_list(tmp_path: Path) -> None:
    statement = {"filename": "statement.docx", "mime": "application/msword"}
    contents = contents_with(
        tmp_path,
        {"problems.json": [{**PROBLEM, "statement": [statement]}], "problems/p1/statement.docx": b"?"},
    )
    assert references(contents, "problems", "p1", "statement") == []
    assert "is not of a type that belongs here" in contents.warnings[0].message


def test_mime_is_told_by_the_bytes_where_name_and_source_are_silent(tmp_path: Path) -> None:
    contents = contents_with(
        tmp_path, {"teams.json": [{**TEAM, "photo": [{"filename": "photo"}]}], "teams/t1/photo": png(3, 2)}
    )
    (kept,) = references(contents, "teams", "t1", "photo")
    assert (kept.mime, kept.width, kept.height) == ("image/png", 3, 2)


def test_single_reference_in_place_of_a_list_and_tags_as_text(tmp_path: Path) -> None:
    photo = {"filename": "photo.png", "mime": "image/png", "width": "3", "height": 2, "tag": "light", "extra": 1}
    contents = contents_with(tmp_path, {"teams.json": [{**TEAM, "photo": photo}], "teams/t1/photo.png": png(3, 2)})
    (kept,) = references(contents, "teams", "t1", "photo")
    assert (kept.width, kept.tag) == (3, ["light"])


def test_same_file_named_twice_is_kept_once(tmp_path: Path) -> None:
    named = {"filename": "files.zip", "mime": "application/zip"}
    contents = contents_with(
        tmp_path,
        {"submissions.json": [{**SUBMISSION, "files": [named, named]}], "submissions/s1/files.zip": SOURCES},
    )
    assert len(references(contents, "submissions", "s1", "files")) == 1


def test_feed_in_a_directory_finds_its_files_there(tmp_path: Path) -> None:
    source = as_directory(
        tmp_path / "p", {"event-feed.ndjson": as_feed(*typical()), "submissions/s1/files.zip": SOURCES}
    )
    contents = read(source)
    assert [each.filename for each in references(contents, "submissions", "s1", "files")] == ["files.zip"]
    assert len(contents.files) == 1


def test_files_that_are_one_are_kept_once(tmp_path: Path) -> None:
    files: dict[str, Content] = {"contest/logo.png": png(2, 2), "teams/t1/photo.png": png(2, 2)}
    contents = contents_with(tmp_path, files)
    assert len(contents.files) == 1


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (png(12, 7), ("image/png", 12, 7)),
        (png(12, 7)[:45], ("image/png", 12, 7)),
        (b"\x89PNG\r\n\x1a\n broken", ("image/png", None, None)),
        (SVG, ("image/svg+xml", 640, 480)),
        (b'<svg width="10mm" height="1in"/>', ("image/svg+xml", 38, 96)),
        (b'<svg width="100%" height="50%" viewBox="0,0,2,1"/>', ("image/svg+xml", 2, 1)),
        (b'<svg width="12.4px" height="0.2"/>', ("image/svg+xml", 12, 1)),
        (b"<svg/>", ("image/svg+xml", None, None)),
        (b'<svg viewBox="0 0 nan 5"/>', ("image/svg+xml", None, None)),
        (b"<?xml version='1.0'?><html/>", (None, None, None)),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg width="&a;" height="1"/>', (None, None, None)),
        (SOURCES, ("application/zip", None, None)),
        (b"%PDF-1.7", ("application/pdf", None, None)),
        (b"text", (None, None, None)),
        (b"", (None, None, None)),
    ],
)
def test_what_the_first_bytes_say(head: bytes, expected: tuple[str | None, int | None, int | None]) -> None:
    assert msgspec.structs.astuple(look_at(head)) == expected


def test_image_that_claims_to_be_huge_is_not_believed() -> None:
    content = bytearray(png(1, 1))
    content[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    assert look_at(bytes(content)).width is None
