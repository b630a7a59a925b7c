"""The files that lie with the objects of a package: found by name, described by their bytes, kept by address.

This module knows the layout `<endpoint>/<id>/<filename>` (Contest Package, "Files"). Which files an object names
is the dialects' affair.
"""

import hashlib
from collections.abc import Sequence
from contextlib import closing

from cds.dialects.drafts import FoundFile
from cds.dialects.json_values import JsonObject
from cds.dialects.results import SourceRefused, one_line
from cds.packages.contents import PackageFile
from cds.packages.images import HEAD_BYTES, look_at
from cds.packages.sources import PackageSource
from eventstore import limits as store_limits
from schemas.object_types import FileProperty, ObjectType


def directory_of(row: ObjectType, identifier: str) -> str:
    """The directory of a package in which the files of an object lie."""
    return row.name if row.singleton else f"{row.endpoint}/{identifier}"


class ObjectFiles:
    """The files of a package's objects; each is read once, when it is first asked for."""

    def __init__(self, source: PackageSource) -> None:
        self.by_address: dict[str, PackageFile] = {}
        self._source = source
        self._found: dict[str, FoundFile | None] = {}

    def find(
        self,
        row: ObjectType,
        identifier: str,
        filename: str,
        said: JsonObject | None = None,  # noqa: ARG002 - the name alone says where a file lies in a package
    ) -> FoundFile | None:
        """The file of an object by its name, None if it is not there. Raises SourceRefused."""
        path = f"{directory_of(row, identifier)}/{filename}"
        if path not in self._found:
            self._found[path] = self._described(path, filename) if self._source.has(path) else None
        return self._found[path]

    def link(self, href: str) -> str:
        """As it is said: nobody knows where a package has been."""
        return href

    def is_coming(self, row: ObjectType, files: FileProperty, said: JsonObject) -> bool:  # noqa: ARG002 - a protocol
        """What a package does not hold does not come later."""
        return False

    def filenames(self, row: ObjectType, identifier: str) -> Sequence[str]:
        """The names of all files that lie with an object."""
        return self._source.filenames(directory_of(row, identifier))

    def _described(self, path: str, filename: str) -> FoundFile:
        address, fingerprint = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        head, size_bytes = b"", 0
        with closing(self._source.chunks(path)) as chunks:
            for chunk in chunks:
                address.update(chunk)
                fingerprint.update(chunk)
                size_bytes += len(chunk)
                if size_bytes > store_limits.FILE_BYTES_MAX:
                    # What the store would refuse is refused here, before anything is kept.
                    raise SourceRefused(one_line(f"{path}: is larger than {store_limits.FILE_BYTES_MAX} bytes"))
                if len(head) < HEAD_BYTES:
                    head += chunk[: HEAD_BYTES - len(head)]
        look = look_at(head)
        kept = PackageFile(address.hexdigest(), size_bytes, path, self._source)
        self.by_address.setdefault(kept.address, kept)
        return FoundFile(
            filename=filename,
            address=kept.address,
            md5=fingerprint.hexdigest(),
            mime=look.mime,
            width=look.width,
            height=look.height,
        )
