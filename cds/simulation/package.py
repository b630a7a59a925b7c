"""Writes a simulated contest as a contest package: a directory, or a zip archive when the name ends so.

The package is built beside its destination and moved there when it is whole, so nobody ever sees half of one. This
module knows disks and the layout of packages (Contest Package); it must not know how contests are made.
"""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import msgspec

from cds.simulation.contest import SimulatedContest
from cds.simulation.sources import ARCHIVE_DATE
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.objects import Account, ContestObject

Progress = Callable[[int, int], None]
"""Told what is done and how much there is in all; both count objects and files."""

PROGRESS_STEP = 1000
"""Objects and files between two calls of a progress callback."""

API_INFORMATION = {
    "version": "draft",
    "version_url": "https://ccs-specs.icpc.io/draft/contest_api",
    "provider": {"name": "contest simulator"},
}

_ZIP_SUFFIX = ".zip"
_BYTES_PER_WRITE = 1 << 20
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


class DestinationRefused(Exception):
    """Nothing may be written there; the message is one line and names the path."""


def write_simulated_package(contest: SimulatedContest, destination: Path, progress: Progress | None = None) -> None:
    """Write the package. Raises DestinationRefused when something stands there already, OSError as the disk does.

    The documents of an archive are compressed, so its bytes (not those of its members) may differ between machines.
    """
    destination = destination.absolute()
    _check(destination)
    steps = _Steps(contest.object_count + _file_count(contest), progress)
    target = _Archive if _is_archive(destination) else _Directory
    with target(destination) as package:
        package.write("api.json", (msgspec.json.format(msgspec.json.encode(API_INFORMATION)), b"\n"))
        for row in OBJECT_TYPES.values():
            package.write(f"{row.package_file}.json", _document(row, contest, steps))
        for path, content in contest.package_files():
            package.write(path, (content,))
            steps.done()
        package.keep()
    steps.end()


class _Steps:
    """Counts, and tells now and then."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0

    def done(self) -> None:
        self._done += 1
        if self._progress is not None and self._done % PROGRESS_STEP == 0:
            self._progress(self._done, self._total)

    def end(self) -> None:
        if self._progress is not None:
            self._progress(self._total, self._total)


class _Target(ABC):
    """A package under construction at `self.draft`, which takes the place of the destination when it is kept."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        self._room = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
        self.draft = self._room / destination.name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._room)

    @abstractmethod
    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Add a member."""

    def keep(self) -> None:
        """Move the package to its destination: an empty directory there is replaced, anything else is not."""
        _check(self._destination)
        self.draft.replace(self._destination)


class _Directory(_Target):
    def __init__(self, destination: Path) -> None:
        super().__init__(destination)
        self.draft.mkdir()

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        member = self.draft / path
        member.parent.mkdir(parents=True, exist_ok=True)
        with member.open("wb") as stream:
            for piece in pieces:
                stream.write(piece)


class _Archive(_Target):
    def __init__(self, destination: Path) -> None:
        super().__init__(destination)
        self._archive = ZipFile(self.draft, "w")

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        entry = ZipInfo(path, ARCHIVE_DATE)
        entry.create_system = _UNIX
        entry.external_attr = _REGULAR_FILE
        # Documents shrink to a tenth; the files are small, and packed already where that pays.
        entry.compress_type = ZIP_DEFLATED if "/" not in path else ZIP_STORED
        with self._archive.open(entry, "w", force_zip64=True) as stream:
            for piece in pieces:
                stream.write(piece)

    def keep(self) -> None:
        self._archive.close()
        super().keep()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
        super().__exit__(kind, error, trace)


def _is_archive(destination: Path) -> bool:
    return destination.suffix.lower() == _ZIP_SUFFIX


def _check(destination: Path) -> None:
    if destination.is_dir() and not _is_archive(destination):
        if any(destination.iterdir()):
            raise DestinationRefused(f"{destination}: the directory is not empty")
    elif destination.exists() or destination.is_symlink():
        raise DestinationRefused(f"{destination}: something stands there already")


def _file_count(contest: SimulatedContest) -> int:
    return sum(1 for _ in contest.package_files())


def _document(row: ObjectType, contest: SimulatedContest, steps: _Steps) -> Iterator[bytes]:
    """The text of one JSON file, a megabyte at a time; a collection has one object on each line."""
    instances = contest.objects[row.name]
    if row.singleton:
        for instance in instances:
            yield msgspec.json.format(_encoded(row, instance, contest)) + b"\n"
            steps.done()
        return
    gathered = bytearray(b"[")
    for place, instance in enumerate(instances):
        gathered += b",\n" if place else b"\n"
        gathered += _encoded(row, instance, contest)
        steps.done()
        if len(gathered) >= _BYTES_PER_WRITE:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered + b"\n]\n")


def _encoded(row: ObjectType, instance: ContestObject, contest: SimulatedContest) -> bytes:
    """An object as a package has it: files without the address of our own store, accounts with their password."""
    if isinstance(instance, Account):
        named = {name: value for name, value in msgspec.structs.asdict(instance).items() if value is not None}
        return msgspec.json.encode({**named, "password": contest.passwords[instance.id]})
    bare = {
        file_property.property: [msgspec.structs.replace(reference, content=None) for reference in references]
        for file_property in row.file_properties
        if (references := getattr(instance, file_property.property))
    }
    return msgspec.json.encode(msgspec.structs.replace(instance, **bare) if bare else instance)
