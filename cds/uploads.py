"""Files in requests: what a client may say of a file, and the reference that is kept of it.

A client uploads with base64 `data` in the place of `href` (JSON Format, "File references"), or repeats the `href`
of a file that the object has. Size, hash and address are ours to find out; what a client says of them must agree.
This module must not know which object holds the files, nor where their bytes are kept.
"""

import hashlib
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

import msgspec

from cds.commands.decision import Refused
from cds.dialects.known import MIME_UNKNOWN, MIMES_BY_SUFFIX
from cds.upload_contents import Size, check_content, checked_size, mime_of
from schemas.object_types import FileProperty
from schemas.properties import FileReference

MEBIBYTE = 1024 * 1024

FILE_BYTES_MAX: dict[str, int] = {"files": 10 * MEBIBYTE, "package": 64 * MEBIBYTE, "statement": 50 * MEBIBYTE}
"""How large one file of a property may be, where neither of the next two holds."""

IMAGE_BYTES_MAX = 10 * MEBIBYTE
OTHER_BYTES_MAX = 64 * MEBIBYTE

FILES_MAX = 100
"""Files of one property of one object."""

FILENAME_BYTES_MAX = 200
HREF_CHARACTERS_MAX = 2_000
TAGS_MAX = 20
TAG_CHARACTERS_MAX = 50
QUOTED_CHARACTERS_MAX = 60
"""As much of what was sent is repeated in an error."""

SUFFIXES: dict[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/gif": "gif",
    "application/zip": "zip",
    "application/pdf": "pdf",
    "text/plain": "txt",
}
"""How a file is called when its client does not name it: `<property>.<suffix>` (Contest Package, "Files")."""

LINE_BREAKS = str.maketrans("", "", "\r\n")
"""Many tools break base64 into lines."""

_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_NOT_BASE64 = "data is not base64 (RFC 4648, section 4)"
_URL = re.compile(r"[!-~]+")


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file reference as it stands in a request; null and absent are the same."""

    href: str | None = None
    data: str | None = None
    filename: str | None = None
    hash: str | None = None
    mime: str | None = None
    width: int | None = None
    height: int | None = None
    tag: list[str] | None = None


class Upload(msgspec.Struct, frozen=True):
    """A reference to keep, and the bytes to keep with it: None for a file that is kept already, or elsewhere."""

    reference: FileReference
    content: bytes | None


def uploaded(
    file_property: FileProperty, files: Sequence[UploadedFile], present: Mapping[str, FileReference]
) -> list[Upload]:
    """What a property holds after a request with these files. Takes a moment for large ones.

    `present` are the references that the object has, by the `href` that its readers are given. Raises Refused,
    naming the property.
    """
    if len(files) > FILES_MAX:
        raise Refused(f"{file_property.property} has more than {FILES_MAX} files", file_property.property)
    uploads = [_Reading(file_property, file).upload(present) for file in files]
    refuse_shared_filenames({file_property.property: [upload.reference for upload in uploads]})
    return uploads


def refuse_shared_filenames(references: Mapping[str, Sequence[FileReference]]) -> None:
    """Refuse two files of one object under one name (JSON Format, "File references"). Keys are its properties."""
    seen: set[str] = set()
    for property_name, of_property in references.items():
        for reference in of_property:
            if reference.filename in seen:
                raise Refused(f"two files have the filename {_shown(reference.filename)}", property_name)
            seen.add(reference.filename)


def bytes_max(file_property: FileProperty) -> int:
    """How large one file of a property may be."""
    if file_property.image:
        return IMAGE_BYTES_MAX
    return FILE_BYTES_MAX.get(file_property.property, OTHER_BYTES_MAX)


class _Reading:
    """One file of a request on its way to a reference."""

    def __init__(self, file_property: FileProperty, file: UploadedFile) -> None:
        self._property = file_property
        self._file = file

    def upload(self, present: Mapping[str, FileReference]) -> Upload:
        if self._file.data is not None and self._file.href is not None:
            raise self._refused("data and href cannot be given together")
        if self._file.data is not None:
            return self._of_data(self._file.data)
        if self._file.href is None:
            raise self._refused("data is missing")
        kept = present.get(self._file.href)
        if kept is not None and self._agrees_with(kept):
            return Upload(self._tagged_anew(kept), None)
        if self._property.streams:
            return Upload(self._of_stream(self._file.href), None)
        raise self._refused("href cannot be given but for a file that the object has, as it is; upload data")

    def _of_data(self, data: str) -> Upload:
        content = self._decoded(data)
        mime = self._mime(content)
        reason = check_content(mime, content)
        if reason is not None:
            raise self._refused(reason)
        size = self._size(mime, content)
        fingerprint = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if self._file.hash is not None and self._file.hash.lower() != fingerprint:
            raise self._refused(f"hash is not the MD5 of data, which is {fingerprint}")
        suffix = SUFFIXES.get(mime)
        default = f"{self._property.property}.{suffix}" if suffix else self._property.property
        reference = FileReference(
            filename=self._filename(default),
            hash=fingerprint,
            mime=mime,
            width=size.width if size else None,
            height=size.height if size else None,
            tag=self._tag(),
            content=hashlib.sha256(content).hexdigest(),
        )
        return Upload(reference, content)

    def _decoded(self, data: str) -> bytes:
        if "\n" in data or "\r" in data:
            data = data.translate(LINE_BREAKS)
        limit = bytes_max(self._property)
        if len(data) > (limit + 2) // 3 * 4:
            raise self._refused(f"data is too large; at most {limit} bytes are accepted")
        try:
            content = a2b_base64(data, strict_mode=True)
        except (Base64Error, ValueError) as error:
            raise self._refused(_NOT_BASE64) from error
        if len(data) != (len(content) + 2) // 3 * 4:
            # Padding behind a whole group passes for strict.
            raise self._refused(_NOT_BASE64)
        if len(content) > limit:
            raise self._refused(f"data is too large; at most {limit} bytes are accepted")
        return content

    def _mime(self, content: bytes) -> str:
        """The type that is said, else the one that the bytes or the name suggest."""
        allowed = self._property.mimes
        if self._file.mime is not None:
            return self._said_mime(self._file.mime)
        suggested = [mime_of(content), MIMES_BY_SUFFIX.get(_suffix(self._file.filename or ""))]
        fitting = [mime for mime in suggested if mime is not None and (not allowed or mime in allowed)]
        if fitting:
            return fitting[0]
        if len(allowed) > 1:
            raise self._refused(f"the content is none of {', '.join(allowed)}")
        return allowed[0] if allowed else MIME_UNKNOWN

    def _said_mime(self, said: str) -> str:
        mime = said.lower()
        if not _MIME.fullmatch(mime):
            raise self._refused(f"mime must be a type and a subtype, not {_shown(said)}")
        if self._property.mimes and mime not in self._property.mimes:
            raise self._refused(f"mime must be {' or '.join(self._property.mimes)}, not {_shown(said)}")
        return mime

    def _size(self, mime: str, content: bytes) -> Size | None:
        """Width and height of an image as measured; an SVG that does not say them takes them from its client."""
        measured, reason = checked_size(mime, content)
        if reason is not None:
            raise self._refused(reason)
        said = (self._file.width, self._file.height)
        if any(side is not None and side < 1 for side in said):
            raise self._refused("width and height must be positive")
        if mime == "image/svg+xml" and said[0] is not None and said[1] is not None:
            return Size(said[0], said[1])
        if measured is None:
            if self._property.image:
                raise self._refused("width and height are required, as the image does not tell them")
            return None
        for name, side, real in zip(("width", "height"), said, (measured.width, measured.height), strict=True):
            if side not in (None, real):
                raise self._refused(f"{name} is {side}, but that of the image is {real}")
        return measured

    def _of_stream(self, href: str) -> FileReference:
        """A reference to a stream that stays on the server that offers it."""
        if len(href) > HREF_CHARACTERS_MAX or not _URL.fullmatch(href) or not _is_web_address(href):
            raise self._refused(f"href must be an absolute http or https URL, not {_shown(href)}")
        if self._file.hash is not None:
            raise self._refused("hash cannot be given for a stream")
        segment = unquote(urlsplit(href).path).rpartition("/")[2]
        filename = self._filename(segment if _is_filename(segment) else self._property.property)
        if self._file.mime is None:
            mime = MIMES_BY_SUFFIX.get(_suffix(filename)) or MIMES_BY_SUFFIX.get(_suffix(segment))
            if mime is None:
                raise self._refused("mime is missing, and the name of the stream does not tell it")
        else:
            mime = self._said_mime(self._file.mime)
        if any(side is not None and side < 1 for side in (self._file.width, self._file.height)):
            raise self._refused("width and height must be positive")
        return FileReference(
            href=href,
            filename=filename,
            mime=mime,
            width=self._file.width,
            height=self._file.height,
            tag=self._tag(),
        )

    def _agrees_with(self, kept: FileReference) -> bool:
        """Whether nothing but the tags differs; what would be changed must not be passed over in silence."""
        said = (self._file.filename, self._file.mime, self._file.hash, self._file.width, self._file.height)
        has = (kept.filename, kept.mime, kept.hash, kept.width, kept.height)
        return all(one is None or one == other for one, other in zip(said, has, strict=True))

    def _tagged_anew(self, kept: FileReference) -> FileReference:
        """A kept file as it is; its tags alone are the client's to change."""
        if self._file.tag is None or (self._tag() or []) == (kept.tag or []):
            return kept
        return msgspec.structs.replace(kept, tag=self._tag())

    def _filename(self, default: str) -> str:
        filename = self._file.filename
        if filename is None:
            return default
        if not _is_filename(filename):
            raise self._refused(f"filename {_shown(filename)} is no name of a file")
        return filename

    def _tag(self) -> list[str] | None:
        tags = list(dict.fromkeys(self._file.tag or []))
        if len(tags) > TAGS_MAX:
            raise self._refused(f"tag has more than {TAGS_MAX} entries")
        if not all(tag and tag.isprintable() and len(tag) <= TAG_CHARACTERS_MAX for tag in tags):
            raise self._refused(f"each tag must be 1 to {TAG_CHARACTERS_MAX} printable characters long")
        return tags or None

    def _refused(self, reason: str) -> Refused:
        return Refused(reason, self._property.property)


def _is_filename(text: str) -> bool:
    if not text.strip(".") or "/" in text or "\\" in text or not text.isprintable():
        return False
    return len(text.encode()) <= FILENAME_BYTES_MAX


def _is_web_address(href: str) -> bool:
    try:
        address = urlsplit(href)
        return address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        return False


def _suffix(filename: str) -> str:
    return filename.rpartition(".")[2].lower() if "." in filename else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= QUOTED_CHARACTERS_MAX else f"{text[:QUOTED_CHARACTERS_MAX]}…")
