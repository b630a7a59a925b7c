"""The manifest: what one backup consists of, with the hash of every part.

It is written last, so a backup is complete when its manifest is there. Its name holds its number, the moment and the
beginning of its own hash. This module must not know how the parts came about.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from cds.backups.layout import BackupDirectory
from cds.backups.refusal import BackupRefused
from eventstore.chain import GENESIS
from eventstore.migrating import AppliedMigration
from eventstore.store import Head

FORM: Final = "contest-data-server backup 1"
HASH_CHARACTERS = 16
SUFFIX = ".json"

FILE_TABLE = "file"
"""The list of all files, which is kept like a side table."""

Count = Annotated[int, Meta(ge=0)]
Hexadecimal = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class StreamEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a stream ends in the backup."""

    name: str
    position: Count
    chain: Hexadecimal

    @property
    def head(self) -> Head:
        """The end."""
        return Head(position=self.position, chain=bytes.fromhex(self.chain))


class SegmentEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rows: its length and hash as it is on disk."""

    number: Annotated[int, Meta(ge=1)]
    size_bytes: Count
    sha256: Hexadecimal
    rows: Count


class PieceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a table, by its hash."""

    sha256: Hexadecimal
    lines: Count


class MigrationEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step that the database had had."""

    number: Count
    name: str
    sha256: Hexadecimal

    @property
    def applied(self) -> AppliedMigration:
        """As the store knows it."""
        return AppliedMigration(number=self.number, name=self.name, sha256=bytes.fromhex(self.sha256))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One backup. `taken_at` is when everything in it was so; streams are in the order of their creation."""

    form: Literal["contest-data-server backup 1"] = FORM
    number: Annotated[int, Meta(ge=1)]
    taken_at: datetime
    program: str
    migrations: Sequence[MigrationEntry]
    streams: Sequence[StreamEntry]
    segments: Sequence[SegmentEntry]
    tables: Mapping[str, Sequence[PieceEntry]]
    files: Count
    file_bytes: Count

    @property
    def rows(self) -> int:
        """The events of all streams."""
        return sum(stream.position for stream in self.streams)

    @property
    def heads(self) -> dict[str, Head]:
        """Where each stream ends, but for those that nothing stands in."""
        return {stream.name: stream.head for stream in self.streams if stream.head != GENESIS}


class KeptManifest(msgspec.Struct, frozen=True):
    """A manifest and the name of its file."""

    name: str
    manifest: Manifest


class _FormAlone(msgspec.Struct):
    """The first thing that is looked at: other versions may have other properties."""

    form: str = ""


_decoder = msgspec.json.Decoder(Manifest)
_form_decoder = msgspec.json.Decoder(_FormAlone)


def migration_entries(migrations: Sequence[AppliedMigration]) -> list[MigrationEntry]:
    """The steps of a database as a manifest says them."""
    return [MigrationEntry(step.number, step.name, step.sha256.hex()) for step in migrations]


def write_manifest(directory: BackupDirectory, manifest: Manifest) -> str:
    """Write a manifest, when everything that it names is on disk. Returns its name."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    name = f"{manifest.number:06d}-{_stamp(manifest.taken_at)}-{sha256(content).hexdigest()[:HASH_CHARACTERS]}{SUFFIX}"
    directory.write_last(directory.manifests / name, content)
    return name


def newest_manifest(directory: BackupDirectory) -> KeptManifest | None:
    """The manifest of the last complete backup, None when there is none. Raises BackupRefused."""
    names = manifest_names(directory)
    return read_manifest(directory.manifests / names[-1]) if names else None


def manifest_at(directory: BackupDirectory, moment: datetime | None) -> KeptManifest:
    """The last backup that was taken by a moment (None: the last of all). Raises BackupRefused."""
    directory.require()
    for name in reversed(manifest_names(directory)):
        if moment is not None and _stamp_of(name) > _stamp(moment):
            # It need not even be readable.
            continue
        kept = read_manifest(directory.manifests / name)
        if moment is None or kept.manifest.taken_at <= moment:
            return kept
    if moment is None:
        raise BackupRefused(f"{directory.path} holds no complete backup: run `cds backup` again, it goes on")
    raise BackupRefused(f"{directory.path} holds no backup from {moment.isoformat()} or before")


def _stamp(moment: datetime) -> str:
    """A moment as names of manifests have it, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _stamp_of(name: str) -> str:
    return name.split("-")[1]


def manifest_names(directory: BackupDirectory) -> list[str]:
    """The names of all manifests, in the order of their backups."""
    return sorted(entry.name for entry in directory.manifests.iterdir() if entry.name.endswith(SUFFIX))


def is_before(name: str, moment: datetime) -> bool:
    """Whether a backup was taken before a moment, by the name of its manifest."""
    return _stamp_of(name) < _stamp(moment)


def read_manifest(path: Path) -> KeptManifest:
    """A manifest. Raises BackupRefused for one that is damaged, or of another version."""
    content = path.read_bytes()
    if path.stem.rpartition("-")[2] != sha256(content).hexdigest()[:HASH_CHARACTERS]:
        raise BackupRefused(
            f"{path}: is damaged: its contents do not match the hash in its name "
            "(`cds restore --at` takes an earlier backup)"
        )
    try:
        form = _form_decoder.decode(content).form
        if form != FORM:
            raise BackupRefused(f"{path}: is {form or 'of no known form'!r}; this program reads {FORM!r}")
        return KeptManifest(path.name, _decoder.decode(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BackupRefused(f"{path}: {error}") from None
