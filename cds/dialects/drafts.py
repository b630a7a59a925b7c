"""An object on its way from a source's spelling to ours: what is known of it, and how a repair speaks up.

This module knows how repairs report. It must not know any of them.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from cds.dialects.json_values import JsonObject
from cds.dialects.results import Notices, Place, SourceRefused, refusal
from schemas.object_types import FileProperty, ObjectType
from schemas.objects import Contest


class Unfit(Exception):
    """A value that no repair can make fit its property. The text says why, to follow the name of the property."""


class FoundFile(msgspec.Struct, frozen=True):
    """A file that the source holds: `address` is the SHA-256 and `md5` the MD5 of its bytes, in hex.

    `mime` is what the bytes look like, None if nothing known; `width` and `height` are pixels of images.
    """

    filename: str
    address: str
    md5: str
    mime: str | None
    width: int | None
    height: int | None


class FileFinder(Protocol):
    """Where the files of objects are looked for. A package implements it, and who follows a feed; a bare one has none.

    `said` is what the source says of a file where it names it: its reference, None for one that it does not list.
    """

    def find(self, row: ObjectType, identifier: str, filename: str, said: JsonObject | None = None) -> FoundFile | None:
        """The file that an object of this type and id holds under a name, if there."""
        ...

    def is_coming(self, row: ObjectType, files: FileProperty, said: JsonObject) -> bool:
        """Whether a file that is not there will be, so that its absence is nothing odd."""
        ...

    def filenames(self, row: ObjectType, identifier: str) -> Sequence[str]:
        """The names of all files that lie with an object, in a fixed order."""
        ...

    def link(self, href: str) -> str:
        """The address of what stays with its source, whole where it is known what it is relative to."""
        ...


class NoFiles:
    """The finder of a source that has no files beside it."""

    def find(
        self,
        row: ObjectType,  # noqa: ARG002 - a protocol
        identifier: str,  # noqa: ARG002 - a protocol
        filename: str,  # noqa: ARG002 - a protocol
        said: JsonObject | None = None,  # noqa: ARG002 - a protocol
    ) -> FoundFile | None:
        """Nothing."""
        return None

    def is_coming(self, row: ObjectType, files: FileProperty, said: JsonObject) -> bool:  # noqa: ARG002 - a protocol
        """None does."""
        return False

    def filenames(self, row: ObjectType, identifier: str) -> Sequence[str]:  # noqa: ARG002 - a protocol
        """Nothing."""
        return ()

    def link(self, href: str) -> str:
        """As it is said."""
        return href


class Context:
    """What a translation knows beside the object at hand: the contest so far, the files, where warnings go.

    `text_only` says that the source writes every scalar as text (YAML), so that reading a number is no repair.
    """

    def __init__(self, notices: Notices, files: FileFinder | None = None) -> None:
        self.notices = notices
        self.files: FileFinder = NoFiles() if files is None else files
        self.has_files = files is not None
        self.contest: Contest | None = None
        self.text_only = False


class Draft:
    """One object under repair; `properties` are those that are done, `source` is what the source says."""

    __slots__ = ("context", "hidden", "identifier", "password", "place", "properties", "row", "source")

    def __init__(self, row: ObjectType, identifier: str, place: Place, source: JsonObject, context: Context) -> None:
        self.row = row
        self.identifier = identifier
        self.place = place
        self.source = source
        self.context = context
        self.properties: JsonObject = {}
        self.hidden = False
        self.password: str | None = None

    def warn(self, property_name: str, message: str) -> None:
        """Report a repair or an omission."""
        self.context.notices.warn(self.place, self.row.name, self._shown_id, property_name, message)

    def refused(self, property_name: str, message: str) -> SourceRefused:
        """The refusal of this object for one of its properties."""
        return refusal(
            self.place, message, type_name=self.row.name, identifier=self._shown_id, property_name=property_name
        )

    @property
    def _shown_id(self) -> str:
        return "" if self.row.singleton else self.identifier
