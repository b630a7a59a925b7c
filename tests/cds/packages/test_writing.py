"""Writing packages: whole or not at all, the same bytes every time, and nothing of others replaced."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from cds.packages.writing import DestinationRefused, write_package
from schemas.object_types import OBJECT_TYPES
from schemas.properties import FileReference
from tests.cds.dialects.feeds import CONTEST, typical
from tests.cds.packages.packages import Content, as_archive, as_directory, as_feed, png, read, small, zipped

DOCUMENTS = {"api.json": b'{"version":"draft"}\n', "contest.json": msgspec.json.encode(CONTEST)}
FILES = [("contest/logo.png", png(4, 4)), ("teams/t1/photo.png", png(5, 4))]
LINES = [b'{"type":"contest"}\n', b'{"type":"a"}\n{"type":"b"}']

DESTINATIONS = pytest.mark.parametrize("name", ["out", "out.zip"])


def documents_of(contents: ContestContents) -> dict[str, bytes]:
    """The contents as the documents of a package, file contents by their names alone."""
    found = {"api.json": DOCUMENTS["api.json"]}
    for name, row in OBJECT_TYPES.items():
        objects = list(contents.final[name].values())
        if objects:
            body = msgspec.json.encode(objects[0] if row.singleton else objects)
            # The address of a file's bytes stands in the log and never in a package.
            found[f"{row.package_file}.json"] = re.sub(rb',"content":"[0-9a-f]{64}"', b"", body)
    return found


def files_of(contents: ContestContents) -> Iterator[tuple[str, bytes]]:
    for name, row in OBJECT_TYPES.items():
        for identifier, instance in contents.final[name].items():
            for file_property in row.file_properties:
                references: list[FileReference] = getattr(instance, file_property.property) or []
                for reference in references:
                    directory = row.name if row.singleton else f"{row.endpoint}/{identifier}"
                    yield f"{directory}/{reference.filename}", contents.files[reference.content or ""].read()


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@DESTINATIONS
def test_reading_what_was_written_gives_the_same_contents(tmp_path: Path, name: str) -> None:
    source = as_directory(
        tmp_path / "source",
        {
            **small(),
            "contest/logo.png": png(4, 4),
            "teams/t1/photo.png": png(5, 4),
            "submissions/s1/files.zip": zipped(a=b"b"),
            "clarifications.json": [],
        },
    )
    contents = read(source)
    write_package(tmp_path / name, documents_of(contents), as_feed(*typical()).splitlines(), files_of(contents))
    again = read(tmp_path / name)
    assert again.changes == contents.changes
    assert again.final == contents.final
    assert again.files.keys() == contents.files.keys()
    assert again.warnings == []


def test_feed_lines_end_in_newlines_and_pieces_may_hold_several(tmp_path: Path) -> None:
    write_package(tmp_path / "out", DOCUMENTS, LINES, FILES)
    assert (tmp_path / "out" / "event-feed.ndjson").read_bytes() == b"".join(LINES) + b"\n"
    assert sorted(tree(tmp_path / "out")) == [
        "api.json",
        "contest.json",
        "contest/logo.png",
        "event-feed.ndjson",
        "teams/t1/photo.png",
    ]


def test_feed_without_lines_is_not_written(tmp_path: Path) -> None:
    write_package(tmp_path / "out", DOCUMENTS, [], [])
    assert not (tmp_path / "out" / "event-feed.ndjson").exists()


def test_archive_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        write_package(tmp_path / f"{number}.zip", DOCUMENTS, LINES, FILES)
        digests.add(hashlib.sha256((tmp_path / f"{number}.zip").read_bytes()).hexdigest())
    assert len(digests) == 1


@DESTINATIONS
def test_package_of_the_same_contest_is_replaced_whole(tmp_path: Path, name: str) -> None:
    write_package(tmp_path / name, {**DOCUMENTS, "teams.json": b"[]"}, LINES, FILES)
    write_package(tmp_path / name, DOCUMENTS, [], [])
    assert read_contest(tmp_path / name).spoken_of == {"contest"}
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_empty_directory_and_missing_parents_are_fine(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_package(tmp_path / "out", DOCUMENTS, [], [])
    write_package(tmp_path / "a" / "b" / "out.zip", DOCUMENTS, [], [])
    assert read_contest(tmp_path / "a" / "b" / "out.zip").contest_id == "c1"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"notes.txt": b"mine"}, "holds notes.txt, which is no part of a contest package"),
        ({**small(), "notes.txt": b"mine"}, "holds notes.txt"),
        ({**small(), "pictures/x.png": b"mine"}, "holds pictures"),
        ({"teams.json": b"[]"}, "is not empty and not a contest package"),
        ({"contest.json": b"["}, "is not empty and not a contest package"),
        ({"contest.json": b'{"id": "c2"}'}, "is a package of the contest c2, not of c1"),
        ({"contest.yaml": "id: 45"}, "is a package of the contest 45, not of c1"),
    ],
)
def test_directory_of_others_is_refused_and_left_alone(tmp_path: Path, files: dict[str, Content], words: str) -> None:
    destination = as_directory(tmp_path / "out", files)
    before = tree(destination)
    with pytest.raises(DestinationRefused, match=words):
        write_package(destination, DOCUMENTS, LINES, FILES)
    assert tree(tmp_path) == {f"out/{path}": content for path, content in before.items()}


def test_archive_and_file_of_others_are_refused_and_left_alone(tmp_path: Path) -> None:
    other = as_archive(tmp_path / "out.zip", small(**{"contest.json": {**CONTEST, "id": "c2"}}))
    with pytest.raises(DestinationRefused, match="is a package of the contest c2"):
        write_package(other, DOCUMENTS, LINES, FILES)
    (tmp_path / "text.zip").write_bytes(b"mine")
    with pytest.raises(DestinationRefused, match="not a contest package"):
        write_package(tmp_path / "text.zip", DOCUMENTS, LINES, FILES)
    (tmp_path / "plain").write_bytes(b"mine")
    with pytest.raises(DestinationRefused, match="is no directory"):
        write_package(tmp_path / "plain", DOCUMENTS, LINES, FILES)
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "folder.zip" / "x").write_bytes(b"mine")
    with pytest.raises(DestinationRefused, match="is a directory"):
        write_package(tmp_path / "folder.zip", DOCUMENTS, LINES, FILES)


@DESTINATIONS
def test_failure_on_the_way_leaves_everything_as_it_was(tmp_path: Path, name: str) -> None:
    write_package(tmp_path / name, DOCUMENTS, [], [])
    before = tree(tmp_path)

    def failing() -> Iterator[tuple[str, bytes]]:
        yield FILES[0]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_package(tmp_path / name, DOCUMENTS, LINES, failing())
    assert tree(tmp_path) == before


@DESTINATIONS
@pytest.mark.parametrize("path", ["../evil", "/evil", "a//b", "a/./b", "a\\b", "", "a\0b"])
def test_path_that_leads_out_is_refused(tmp_path: Path, name: str, path: str) -> None:
    with pytest.raises(DestinationRefused, match="is not a path within a package"):
        write_package(tmp_path / name, DOCUMENTS, LINES, [(path, b"x")])
    assert list(tmp_path.iterdir()) == []


def test_file_named_by_two_properties_is_written_once(tmp_path: Path) -> None:
    write_package(tmp_path / "out.zip", DOCUMENTS, [], [FILES[0], FILES[0]])
    assert len(read_contest(tmp_path / "out.zip").files) == 1


def test_link_to_a_package_is_followed(tmp_path: Path) -> None:
    write_package(tmp_path / "real", DOCUMENTS, [], [])
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_package(tmp_path / "link", {**DOCUMENTS, "teams.json": b"[]"}, [], [])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "teams.json").exists()
