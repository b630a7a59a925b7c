"""The files of an Italian-format contest under the names that they have in a contest package.

This module knows two names of each file. It must not know what a file is for.
"""

from collections.abc import Generator, Mapping, Sequence

from cds.packages.sources import PackageSource


class RenamedSource:
    """A package of which some files are seen under other paths, and nothing else is."""

    def __init__(self, source: PackageSource, paths: Mapping[str, str]) -> None:
        """`paths` lead from the path under which a file is seen to the one where it lies."""
        self._source = source
        self._paths = paths
        self._names: dict[str, list[str]] = {}
        for path in sorted(paths):
            directory, _, name = path.rpartition("/")
            self._names.setdefault(directory, []).append(name)

    def has(self, path: str) -> bool:
        """Whether a file is seen under this path."""
        return path in self._paths and self._source.has(self._paths[path])

    def filenames(self, directory: str) -> Sequence[str]:
        """The names of the files that are seen in a directory."""
        return self._names.get(directory, ())

    def chunks(self, path: str) -> Generator[bytes]:
        """The bytes of a file, in pieces."""
        return self._source.chunks(self._paths[path])

    def read(self, path: str, bytes_max: int) -> bytes:
        """The bytes of a file."""
        return self._source.read(self._paths[path], bytes_max)

    def lines(self, path: str, line_bytes_max: int) -> Generator[bytes]:
        """The lines of a file."""
        return self._source.lines(self._paths[path], line_bytes_max)
