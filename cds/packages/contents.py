"""What reading a contest gives: changes that a fresh log can take, the files that go with them, and the warnings.

This module knows the result. It must not know how it was read, nor what will be done with it.
"""

import hashlib
from typing import Protocol

import msgspec

from cds.dialects.results import Change, SourceRefused, Warned
from schemas.objects import ContestObject
from schemas.records import PlatformObjects

__all__ = ["Change", "ContestContents", "PackageFile", "SourceRefused", "Warned"]


class BytesByPath(Protocol):
    """A package that is still there to be read."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """The bytes of a file of the package. Raises SourceRefused."""
        ...


class PackageFile(msgspec.Struct, frozen=True):
    """A file that an object of the contest names; its bytes stay where they are until they are read.

    `address` is the SHA-256 of the bytes in hex, `path` is where it lies in the package.
    """

    address: str
    size_bytes: int
    path: str
    package: BytesByPath

    def read(self) -> bytes:
        """The bytes. Raises SourceRefused when they are no longer those that the address names."""
        content = self.package.read(self.path, self.size_bytes)
        if hashlib.sha256(content).hexdigest() != self.address:
            raise SourceRefused(f"{self.path}: the file was changed while the contest was being read")
        return content


class ContestContents(msgspec.Struct, frozen=True, kw_only=True):
    """A contest as a source tells it.

    `changes` can be appended to a fresh log one after the other: every reference stands before it is made, and the
    end of updates comes last. `final` is their fold, by type and id. `spoken_of` are the types that the source says
    anything about. `files` are by address; `passwords` by account id, plain or as argon2 PHC text.
    `repeated_lines` counts the lines of a feed that said what stood already. `platform_objects`: which objects are a
    platform's, where the source says so.
    """

    contest_id: str
    changes: list[Change]
    final: dict[str, dict[str, ContestObject]]
    spoken_of: frozenset[str]
    files: dict[str, PackageFile]
    passwords: dict[str, str]
    warnings: list[Warned]
    repeated_lines: int = 0
    platform_objects: PlatformObjects | None = None
