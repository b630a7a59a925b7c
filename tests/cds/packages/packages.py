"""Small packages for the tests: a dictionary of paths and contents, as a directory or as an archive."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from tests.cds.dialects.feeds import (
    ACCEPTED,
    CONTEST,
    CPP,
    JUDGEMENT,
    PROBLEM,
    STATE,
    SUBMISSION,
    TEAM,
    WRONG,
    assert_fresh_log_can_take,
    fold,
    typical,
)

Content = bytes | str | Mapping[str, object] | Sequence[object]

SHARED = Path(__file__).resolve().parents[4] / "shared"
"""Real contests, beside the checkout where they are at hand."""


def small(**more: Content) -> dict[str, Content]:
    """The files of a small contest by path; more files, or others in their place."""
    files: dict[str, Content] = {
        "api.json": {"version": "draft", "version_url": "https://example.org"},
        "contest.json": {**CONTEST},
        "judgement-types.json": [ACCEPTED, WRONG],
        "languages.json": [CPP],
        "problems.json": [PROBLEM],
        "teams.json": [TEAM],
        "state.json": {**STATE},
        "submissions.json": [SUBMISSION],
        "judgements.json": [JUDGEMENT],
    }
    return files | more


def encoded(content: Content) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else orjson.dumps(content, option=orjson.OPT_INDENT_2)


def as_directory(root: Path, files: Mapping[str, Content]) -> Path:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encoded(content))
    return root


def as_archive(target: Path, files: Mapping[str, Content], top: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(top + path, encoded(content))
    return target


def as_feed(*notifications: object) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in notifications or typical())


def read(source: Path, contest_id: str | None = None) -> ContestContents:
    """What a source tells, with the laws of its changes checked."""
    contents = read_contest(source, contest_id=contest_id)
    assert_fresh_log_can_take(contents.changes)
    assert fold(contents.changes) == {name: dict(objects) for name, objects in contents.final.items() if objects}
    return contents


def png(width: int, height: int) -> bytes:
    """A valid image of this size, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zipped(**files: bytes) -> bytes:
    """The bytes of an archive with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
