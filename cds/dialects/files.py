"""File references: what a source names, what lies with it under its default name, and what is nowhere.

A file that is found is described by its bytes; a reference whose file is nowhere leaves its list, but for streams
that stay on the server that offers them (JSON Format, "File references"; Contest Package, "Default file names").
This module must not read any file: the finder of the context does.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from cds.dialects.coercion import integer
from cds.dialects.drafts import Draft, FoundFile, Unfit
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import MIME_UNKNOWN, MIMES_BY_SUFFIX
from cds.dialects.results import quoted
from schemas.object_types import FileProperty

FILENAME_BYTES_MAX = 255
"""The longest file name of a POSIX file system."""

_KNOWN_KEYS = frozenset({"href", "filename", "hash", "mime", "width", "height", "tag", "data"})
_SIZE_TAG = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_FILENAMES_FIXED = {("submissions", "files"): "files.zip"}
_SUFFIX_OF_MIME = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg", "application/zip": "zip"}
_SUFFIX_OF_MIME |= {"application/pdf": "pdf", "text/plain": "txt"}


def file_list(draft: Draft, row_property: FileProperty, value: JsonValue) -> JsonValue:
    """The references of a property that can be kept: those named in `value`, and those found by default names."""
    name = row_property.property
    named = value if isinstance(value, list) else [value]
    references: list[JsonObject] = []
    for each in named:
        reference = None if each is None else _named(draft, row_property, each)
        if reference is None:
            continue
        if any(reference["filename"] == other["filename"] for other in references):
            draft.warn(name, f"names the file {quoted(reference['filename'])} twice, kept once")
        else:
            references.append(reference)
    references += _by_default_name(draft, row_property, {str(reference["filename"]) for reference in references})
    return [reference for reference in references if reference]


def _named(draft: Draft, row_property: FileProperty, value: JsonValue) -> JsonObject | None:
    name = row_property.property
    if not isinstance(value, dict):
        raise Unfit(f"is not a list of file references: {quoted(value)}")
    for key in value:
        if key not in _KNOWN_KEYS:
            draft.warn(f"{name}.{key}", "is not known to the format, left out")
    href = value.get("href")
    filename, repaired = _filename(draft, row_property, value)
    found = draft.context.files.find(draft.row, draft.identifier, filename, value)
    link = draft.context.files.link(href) if isinstance(href, str) and href and row_property.streams else ""
    streamed = urlsplit_scheme(link) in ("http", "https")
    if found is None and draft.context.files.is_coming(draft.row, row_property, value):
        return None
    if found is None and not streamed:
        draft.warn(name, f"the file {quoted(filename)} is nowhere in the source, left out of the list")
        return None
    if repaired:
        draft.warn(f"{name}.filename", repaired)
    mime = _mime(draft, row_property, value.get("mime"), filename, found)
    if mime is None:
        draft.warn(name, f"the file {quoted(filename)} is not of a type that belongs here, left out of the list")
        return None
    reference: JsonObject = {"filename": filename, "mime": mime}
    if found is None:
        reference["href"] = link
    else:
        _describe(draft, name, reference, found, value.get("hash"))
    _add_tags(draft, name, reference, value.get("tag"))
    return _with_size(draft, row_property, reference, value, found)


def urlsplit_scheme(href: str) -> str:
    """The scheme of an absolute URL, empty for anything else."""
    try:
        split = urlsplit(href)
    except ValueError:
        return ""
    return split.scheme.lower() if split.netloc else ""


def _describe(draft: Draft, name: str, reference: JsonObject, found: FoundFile, said: JsonValue) -> None:
    reference["hash"] = found.md5
    reference["content"] = found.address
    if said is not None and said != found.md5:
        draft.warn(name, f"the hash of {quoted(found.filename)} is not that of the file, replaced")


def _filename(draft: Draft, row_property: FileProperty, value: JsonObject) -> tuple[str, str]:
    """The name of a referenced file, and the words of the warning where it had to be made up."""
    name = row_property.property
    said = value.get("filename")
    if isinstance(said, str) and _is_filename(said):
        return said, ""
    href, mime = value.get("href"), value.get("mime")
    default = _FILENAMES_FIXED.get((draft.row.name, name))
    if default is None:
        default = _last_segment(href) if isinstance(href, str) else None
    if default is None:
        suffix = _SUFFIX_OF_MIME.get(mime) if isinstance(mime, str) else None
        default = f"{name}.{suffix}" if suffix else name
    reason = "is absent" if said is None else f"is {quoted(said)}, which is no file name"
    return default, f"{reason}, filled with {quoted(default)}"


def _last_segment(href: str) -> str | None:
    """The file name in which an address ends, None where its end is a route and no file name."""
    try:
        path = unquote(urlsplit(href).path)
    except ValueError:
        return None
    segment = path.replace("\\", "/").rsplit("/", 1)[-1]
    return segment if "." in segment and _is_filename(segment) else None


def _is_filename(text: str) -> bool:
    if text in ("", ".", "..") or "/" in text or "\\" in text or not text.isprintable():
        return False
    return len(text.encode()) <= FILENAME_BYTES_MAX


def _mime(
    draft: Draft, row_property: FileProperty, said: JsonValue, filename: str, found: FoundFile | None
) -> str | None:
    """The mime type that is said, else what the name or the bytes suggest; None where none fits the property."""
    suggested = [said if isinstance(said, str) and said else None]
    suggested.append(MIMES_BY_SUFFIX.get(_suffix(filename)))
    suggested.append(found.mime if found else None)
    allowed = row_property.mimes
    fitting = [mime for mime in suggested if mime is not None and (not allowed or mime in allowed)]
    mime = fitting[0] if fitting else None
    if mime is None and not allowed:
        mime = MIME_UNKNOWN
    if mime is not None and mime != said:
        draft.warn(f"{row_property.property}.mime", f"is {quoted(said) if said else 'absent'}, filled with {mime}")
    return mime


def _suffix(filename: str) -> str:
    return filename.rsplit(".", 1)[-1].lower() if "." in filename else ""


def _add_tags(draft: Draft, name: str, reference: JsonObject, said: JsonValue) -> None:
    tags = [said] if isinstance(said, str) else said
    if not tags:
        return
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        draft.warn(f"{name}.tag", f"is not a list of texts but {quoted(said)}, left out")
        return
    reference["tag"] = list(dict.fromkeys(tags))


def _with_size(
    draft: Draft, row_property: FileProperty, reference: JsonObject, said: JsonObject, found: FoundFile | None
) -> JsonObject | None:
    """The reference with width and height as said, else as found; None for an image whose size is not known."""
    name = row_property.property
    for key, measured in (("width", found.width if found else None), ("height", found.height if found else None)):
        value = _positive(draft, f"{name}.{key}", said.get(key))
        if value is None and measured is not None:
            draft.warn(f"{name}.{key}", f"of {quoted(reference['filename'])} is absent, filled with {measured}")
            value = measured
        if value is not None:
            reference[key] = value
    if row_property.image and not {"width", "height"} <= reference.keys():
        draft.warn(name, f"the size of {quoted(reference['filename'])} cannot be told, left out of the list")
        return None
    return reference


def _positive(draft: Draft, name: str, value: JsonValue) -> int | None:
    if value is None:
        return None
    try:
        size = integer(draft, name, value)
    except Unfit as unfit:
        draft.warn(name, f"{unfit}, left out")
        return None
    if not isinstance(size, int) or size < 1:
        draft.warn(name, f"is not positive but {quoted(value)}, left out")
        return None
    return size


def _by_default_name(draft: Draft, row_property: FileProperty, taken: set[str]) -> Iterator[JsonObject]:
    """The files named `<property>(.<tag>)*.<ext>` that lie with the object and are not listed yet."""
    files = draft.context.files
    for filename in files.filenames(draft.row, draft.identifier):
        property_name, *middle = filename.split(".")
        if property_name != row_property.property or filename in taken or not middle or not _is_filename(filename):
            continue
        mime = MIMES_BY_SUFFIX.get(middle[-1].lower())
        if mime is None or (row_property.mimes and mime not in row_property.mimes):
            continue
        found = files.find(draft.row, draft.identifier, filename)
        if found is None:
            continue
        reference: JsonObject = {"filename": filename, "mime": mime, "hash": found.md5, "content": found.address}
        size: JsonObject = {"width": found.width, "height": found.height}
        tags: list[JsonValue] = []
        for tag in middle[:-1]:
            sized = _SIZE_TAG.fullmatch(tag)
            if sized is None:
                tags.append(tag)
            else:
                size = {"width": int(sized[1]), "height": int(sized[2])}
        if tags:
            reference["tag"] = tags
        complete = _with_size(draft, row_property, reference, size if row_property.image else {}, None)
        if complete is not None:
            yield complete
