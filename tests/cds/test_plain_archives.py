"""What is read of a plain archive in a few steps is what the library reads of it; what is not plain is left to it."""

import io
import random
import zipfile

import pytest

import cds.archives
from cds.archives import ArchiveEntry, checked_archive
from cds.commands.decision import Refused
from cds.plain_archives import plain_entries

ENTRIES_MAX = 10
CHANGES = 4
"""Values that each byte of an archive is changed to."""

SOURCES = {"main.cc": b"int main() {}" * 9, "src/übung.h": b"", "src/deep/data": bytes(range(256))}


def packed(files: dict[str, bytes], method: int, *, comment: bytes = b"", in_front: bytes = b"") -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    stream.write(in_front)
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
        archive.comment = comment
    return stream.getvalue()


def outcome(content: bytes) -> tuple[ArchiveEntry, ...] | None:
    """The files of an archive, None when it is refused."""
    try:
        return checked_archive(content, code_limit_kib=None)
    except Refused:
        return None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_as_tools_write_it_is_plain(method: int) -> None:
    entries = plain_entries(packed(SOURCES, method), ENTRIES_MAX)
    assert entries is not None
    assert [(entry.filename, entry.size_bytes) for entry in entries] == [
        (name, len(content)) for name, content in SOURCES.items()
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        packed({}, zipfile.ZIP_STORED),
        packed(SOURCES, zipfile.ZIP_DEFLATED, comment=b"made by hand"),
        packed(SOURCES, zipfile.ZIP_DEFLATED, in_front=b"#!/bin/sh\n"),
        packed(SOURCES, zipfile.ZIP_DEFLATED) + b"more",
        packed({str(number): b"" for number in range(ENTRIES_MAX + 1)}, zipfile.ZIP_STORED),
    ],
)
def test_anything_else_is_left_to_the_library(content: bytes) -> None:
    assert plain_entries(content, ENTRIES_MAX) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_no_archive_passes_that_the_library_reads_otherwise(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte changed in turn: what passes the plain way comes to the same files in the library's way."""
    chance = random.Random(method)
    whole = packed(SOURCES, method)
    changed = [whole]
    for place in range(len(whole)):
        values = (whole[place] ^ chance.randint(1, 255) for _ in range(CHANGES))
        changed += [whole[:place] + bytes([value]) + whole[place + 1 :] for value in values]
    plain = [outcome(content) for content in changed]
    monkeypatch.setattr(cds.archives, "plain_entries", lambda _content, _entries_max: None)
    for content, files in zip(changed, plain, strict=True):
        if files is not None:
            assert outcome(content) == files
    assert plain[0] is not None
