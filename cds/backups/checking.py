"""Reading what a backup consists of, and saying which file is not as it should be.

This module must not know where a backup comes from, nor where it goes.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from cds.backups.framing import Frame, Unreadable, frames
from cds.backups.layout import BackupDirectory
from cds.backups.manifest import FILE_TABLE, Manifest, SegmentEntry
from cds.backups.pieces import lines_of
from cds.backups.refusal import BackupRefused
from cds.progress import Report
from eventstore.chain import GENESIS
from eventstore.files import FILE_CHUNK_BYTES
from eventstore.store import Head

READ_BYTES = FILE_CHUNK_BYTES
"""A file is read in pieces of this length, in which the store keeps it too."""

CHECKING_ROWS, CHECKING_TABLES, CHECKING_FILES = "checking rows", "checking tables", "checking files"


class FileRow(msgspec.Struct, frozen=True):
    """A file of the log, as the list of files has it."""

    address: str
    size_bytes: int


_file_decoder = msgspec.json.Decoder(FileRow)


def read_segment(directory: BackupDirectory, entry: SegmentEntry) -> list[Frame]:
    """The runs of a file of rows that a manifest names. Raises BackupRefused, naming the file."""
    path = directory.segment(entry.number)
    packed = _bytes_of(path)
    if len(packed) != entry.size_bytes or sha256(packed).hexdigest() != entry.sha256:
        raise BackupRefused(f"{path}: is damaged: its contents are not those of the backup")
    return _frames_of(path, packed)


def found_segment(directory: BackupDirectory, number: int) -> tuple[SegmentEntry, list[Frame]]:
    """A file of rows that no manifest names yet, as it is. Raises BackupRefused when it cannot be used."""
    path = directory.segment(number)
    packed = _bytes_of(path)
    found = _frames_of(path, packed)
    return segment_entry(number, packed, sum(len(frame.run.events) for frame in found)), found


def segment_entry(number: int, packed: bytes, rows: int) -> SegmentEntry:
    """What a manifest says of a file of rows."""
    return SegmentEntry(number, len(packed), sha256(packed).hexdigest(), rows)


def follow(ends: dict[str, Head], frame: Frame, path: Path) -> None:
    """Move the end of a stream over a run. Raises BackupRefused when the run does not stand where the stream ends."""
    stream = frame.run.stream
    if ends.get(stream, GENESIS) != frame.base:
        raise BackupRefused(
            f"{path}: the rows of stream {stream!r} behind position {frame.base.position} do not follow those before"
        )
    ends[stream] = frame.run.end


def table_lines(directory: BackupDirectory, manifest: Manifest, table: str) -> Iterator[str]:
    """The rows of a table as lines of JSON. Raises BackupRefused, naming the file."""
    for entry in manifest.tables.get(table, ()):
        path = directory.piece(entry.sha256)
        try:
            lines = lines_of(_bytes_of(path), entry.sha256)
        except (Unreadable, UnicodeDecodeError) as error:
            raise BackupRefused(f"{path}: is damaged: {error}") from None
        yield from lines


def file_rows(directory: BackupDirectory, manifest: Manifest) -> dict[str, int]:
    """The lengths of all files by address. Raises BackupRefused."""
    try:
        rows = [decoded_file_row(line) for line in table_lines(directory, manifest, FILE_TABLE)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise BackupRefused(f"{directory.path}: its list of files cannot be read: {error}") from None
    return {row.address: row.size_bytes for row in rows}


def decoded_file_row(line: str) -> FileRow:
    """A line of the list of files."""
    return _file_decoder.decode(line)


def is_intact_file(directory: BackupDirectory, address: str, size_bytes: int) -> bool:
    """Whether the contents of a file are there, byte for byte."""
    try:
        if directory.file(address).stat().st_size != size_bytes:
            return False
    except FileNotFoundError:
        return False
    digest = sha256()
    for piece in file_pieces(directory, address):
        digest.update(piece)
    return digest.hexdigest() == address


def file_pieces(directory: BackupDirectory, address: str) -> Iterator[bytes]:
    """The contents of a file, piece by piece of READ_BYTES."""
    with directory.file(address).open("rb") as file:
        while piece := file.read(READ_BYTES):
            yield piece


def require_file(directory: BackupDirectory, address: str, size_bytes: int) -> None:
    """Raise BackupRefused, naming it, unless a file is there byte for byte."""
    if not is_intact_file(directory, address, size_bytes):
        path = directory.file(address)
        raise BackupRefused(f"{path}: is {'damaged' if path.exists() else 'missing'}")


def check_backup(directory: BackupDirectory, manifest: Manifest, report: Report) -> None:
    """Read all of a backup. Raises BackupRefused, naming the first file that is not as it should be."""
    ends: dict[str, Head] = {}
    rows = 0
    for entry in manifest.segments:
        for frame in read_segment(directory, entry):
            follow(ends, frame, directory.segment(entry.number))
        rows += entry.rows
        report(CHECKING_ROWS, rows, manifest.rows)
    require_ends(ends, manifest.heads, directory)
    for number, table in enumerate(manifest.tables, 1):
        for _ in table_lines(directory, manifest, table):
            continue
        report(CHECKING_TABLES, number, len(manifest.tables))
    files = file_rows(directory, manifest)
    for number, (address, size_bytes) in enumerate(files.items(), 1):
        require_file(directory, address, size_bytes)
        report(CHECKING_FILES, number, len(files))


def require_ends(ends: Mapping[str, Head], wanted: Mapping[str, Head], directory: BackupDirectory) -> None:
    """Raise BackupRefused, naming the first of them, unless rows end where the streams of a backup do."""
    for stream in wanted.keys() | ends.keys():
        found, meant = ends.get(stream, GENESIS), wanted.get(stream, GENESIS)
        if found != meant:
            raise BackupRefused(
                f"{directory.rows}: stream {stream!r} ends at position {found.position}, "
                f"by the manifest it ends at {meant.position}"
                + (", and differs there" if found.position == meant.position else "")
            )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BackupRefused(f"{path}: is missing") from None


def _frames_of(path: Path, packed: bytes) -> list[Frame]:
    try:
        return list(frames(packed))
    except Unreadable as error:
        raise BackupRefused(f"{path}: {error}") from None
