"""The files at the top of a package: which of them hold collections, what is in those, and which nobody reads.

This module knows the names and forms of files (Contest Package). What an object means is the dialects' affair.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from cds.dialects.json_values import Element, JsonValue, Unreadable, decode_json, decode_json_array
from cds.dialects.known import VERSIONS
from cds.dialects.results import Place, Warned, one_line, quoted, refusal
from cds.dialects.yaml_values import decode_yaml
from cds.packages.limits import COLLECTION_BYTES_MAX, YAML_BYTES_MAX
from cds.packages.sources import PackageSource
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.records import PLATFORM_OBJECTS, PlatformObjects

T = TypeVar("T")

API_FILE = "api.json"
FEED_FILE = "event-feed.ndjson"

_COLLECTION_FILES = frozenset(
    f"{row.package_file}.{suffix}" for row in OBJECT_TYPES.values() for suffix in ("json", "yaml")
)
PLATFORM_OBJECTS_FILE = f"{PLATFORM_OBJECTS}.json"
"""A file of our own beside those of the format: which of the objects are a platform's (schemas.records)."""

_OTHER_FILES = frozenset({API_FILE, FEED_FILE, PLATFORM_OBJECTS_FILE, "access.json", "scoreboard.json"})
"""What stands beside the objects; the last two follow from them, so they are passed over in silence."""


class Collection(msgspec.Struct, frozen=True):
    """A file of a package with its objects, decoded and not yet translated."""

    row: ObjectType
    file: str
    elements: list[Element]
    is_yaml: bool


def has_contest_file(package: PackageSource) -> bool:
    """Whether there is a file with the contest object, without which there are no collections."""
    return any(package.has(name) for name in _file_names(OBJECT_TYPES["contest"]))


def read_collections(package: PackageSource, warnings: list[Warned]) -> list[Collection]:
    """The collections in the order of table one; files that are passed over are added to the warnings.

    Raises SourceRefused for what is not JSON or YAML of the right shape.
    """
    found = (_collection(package, row, warnings) for row in OBJECT_TYPES.values())
    return [collection for collection in found if collection is not None]


def ids_of(type_name: str, collections: list[Collection]) -> frozenset[str]:
    """The ids that the objects of a type have in the collections, as text."""
    elements = [element for each in collections if each.row.name == type_name for element in each.elements]
    return frozenset(str(each.value.get("id")) for each in elements if isinstance(each.value, dict))


def warn_of_unread_files(package: PackageSource, warnings: list[Warned]) -> None:
    """Add a warning for every file at the top that nobody reads; texts for people and hidden files are none."""
    collections_count = has_contest_file(package)
    for name in package.filenames(""):
        if name in _COLLECTION_FILES:
            if not collections_count:
                words = "is not read: without a contest.json or contest.yaml the event feed alone counts"
                warnings.append(Warned(name, None, "", "", "", words))
        elif name not in _OTHER_FILES and not _is_for_people(name):
            warnings.append(Warned(name, None, "", "", "", "is not read: a contest package has no file of this name"))


def check_version(package: PackageSource) -> None:
    """Refuse a package of a version that is not known (Contest Package, `api.json`). Raises SourceRefused."""
    if not package.has(API_FILE):
        return
    information = _decoded(API_FILE, lambda: decode_json(package.read(API_FILE, COLLECTION_BYTES_MAX)))
    if not isinstance(information, dict):
        raise refusal(Place(API_FILE), f"holds {quoted(information)} where an object is expected")
    version = information.get("version")
    if version is not None and (not isinstance(version, str) or version not in VERSIONS):
        known = ", ".join(sorted(name for name in VERSIONS if name == "draft" or not name.endswith("-draft")))
        raise refusal(Place(API_FILE), f"the version {quoted(version)} is not known (known: {known})")


def read_platform_objects(package: PackageSource) -> PlatformObjects | None:
    """Which objects the package says are a platform's, None where it says nothing of it. Raises SourceRefused."""
    if not package.has(PLATFORM_OBJECTS_FILE):
        return None
    try:
        return msgspec.json.decode(package.read(PLATFORM_OBJECTS_FILE, COLLECTION_BYTES_MAX), type=PlatformObjects)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(Place(PLATFORM_OBJECTS_FILE), one_line(str(error))) from error


def contest_id_said(collections: list[Collection]) -> JsonValue:
    """The id that the contest object of a package says, None where it says none."""
    for each in collections:
        if each.row.name == "contest":
            value = each.elements[0].value
            return value.get("id") if isinstance(value, dict) else None
    return None


def _is_for_people(name: str) -> bool:
    return name.startswith(".") or name.upper().startswith("README") or name.lower().endswith(".md")


def _file_names(row: ObjectType) -> tuple[str, ...]:
    names = (f"{row.package_file}.json", f"{row.package_file}.yaml")
    return names if row.yaml_allowed else names[:1]


def _collection(package: PackageSource, row: ObjectType, warnings: list[Warned]) -> Collection | None:
    """The file of a type, JSON before YAML; None where the package has none."""
    json_file, yaml_file = f"{row.package_file}.json", f"{row.package_file}.yaml"
    has_json, has_yaml = package.has(json_file), package.has(yaml_file)
    if has_yaml and not row.yaml_allowed:
        words = "is not read: only contest, problems and accounts may be YAML"
        warnings.append(Warned(yaml_file, None, row.name, "", "", words))
    elif has_yaml and has_json:
        warnings.append(Warned(yaml_file, None, row.name, "", "", f"is not read: {json_file} is there too"))
    if has_json:
        return Collection(row, json_file, _json_elements(package, row, json_file), is_yaml=False)
    if has_yaml and row.yaml_allowed:
        return Collection(row, yaml_file, _yaml_elements(package, row, yaml_file), is_yaml=True)
    return None


def _json_elements(package: PackageSource, row: ObjectType, file: str) -> list[Element]:
    text = package.read(file, COLLECTION_BYTES_MAX)
    if row.singleton:
        return [Element(1, _decoded(file, lambda: decode_json(text)))]
    return _decoded(file, lambda: decode_json_array(text))


def _yaml_elements(package: PackageSource, row: ObjectType, file: str) -> list[Element]:
    document = _decoded(file, lambda: decode_yaml(package.read(file, YAML_BYTES_MAX)))
    if row.singleton:
        return [Element(1, document.value)]
    if not isinstance(document.value, list):
        raise refusal(Place(file), f"holds {quoted(document.value)} where a list is expected")
    return document.elements


def _decoded(file: str, decode: Callable[[], T]) -> T:
    try:
        return decode()
    except Unreadable as error:
        raise refusal(Place(file, error.line), error.message) from error
