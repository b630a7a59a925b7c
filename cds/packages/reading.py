"""Reading a contest: a package (directory or zip archive) or a recorded feed, told apart by looking.

This module drives the dialects over files and says where in them something stands. It must not know any repair.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from cds.dialects.feed import FeedTranslator
from cds.dialects.json_values import Element, Unreadable, decode_json, decode_json_array
from cds.dialects.known import VERSIONS
from cds.dialects.package import PackageTranslator
from cds.dialects.results import Change, Place, SourceRefused, Warned, one_line, quoted, refusal
from cds.dialects.translators import ContestTranslator
from cds.dialects.yaml_values import decode_yaml
from cds.packages.contents import ContestContents
from cds.packages.feed_lines import FeedLines
from cds.packages.limits import COLLECTION_BYTES_MAX, YAML_BYTES_MAX
from cds.packages.object_files import ObjectFiles
from cds.packages.sources import DirectorySource, PackageSource, ZipSource
from schemas.object_types import OBJECT_TYPES, ObjectType

T = TypeVar("T")

Progress = Callable[[int, int | None], None]
"""Told how many objects or lines are done, and how many there are."""

FEED_FILE = "event-feed.ndjson"
API_FILE = "api.json"

_PROGRESS_STEP = 1000
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")


class _Collection(msgspec.Struct, frozen=True):
    """A file of a package with its objects, decoded and not yet translated."""

    row: ObjectType
    file: str
    elements: list[Element]
    is_yaml: bool


def read_contest(
    source: Path,
    *,
    contest_id: str | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> ContestContents:
    """The contest that a package or a recorded feed tells of, under `contest_id` if that is given.

    `strict` makes the first warning a refusal. Raises SourceRefused with one line for whatever cannot be taken.
    """
    try:
        contents = _read(source, contest_id, progress)
    except OSError as error:
        raise SourceRefused(one_line(f"{source}: cannot be read ({error.strerror or error})")) from error
    if strict and contents.warnings:
        more = len(contents.warnings) - 1
        raise SourceRefused(f"{contents.warnings[0]}{f' (and {more} more warnings)' if more else ''}")
    return contents


def _read(source: Path, contest_id: str | None, progress: Progress | None) -> ContestContents:
    if source.is_dir():
        return _read_package(source, DirectorySource(source), contest_id, progress)
    if not source.is_file():
        raise SourceRefused(one_line(f"{source}: there is no such file or directory"))
    with source.open("rb") as stream:
        is_archive = stream.read(4).startswith(_ZIP_SIGNATURES)
    if is_archive or source.suffix.lower() == ".zip":
        archive = ZipSource(source)
        try:
            return _read_package(source, archive, contest_id, progress)
        finally:
            archive.close()
    file = source.resolve()
    return _read_feed(FeedLines(DirectorySource(file.parent), file.name), None, contest_id, progress)


def _read_package(
    source: Path, package: PackageSource, contest_id: str | None, progress: Progress | None
) -> ContestContents:
    files = ObjectFiles(package)
    _check_version(package)
    contest_row = OBJECT_TYPES["contest"]
    if not any(package.has(name) for name in _file_names(contest_row)):
        if package.has(FEED_FILE):
            return _read_feed(FeedLines(package, FEED_FILE), files, contest_id, progress)
        raise SourceRefused(one_line(f"{source}: no contest.json, contest.yaml or {FEED_FILE} in it: not a contest"))
    warnings: list[Warned] = []
    collections = [
        collection for row in OBJECT_TYPES.values() if (collection := _collection(package, row, warnings)) is not None
    ]
    translator = PackageTranslator(
        contest_id=contest_id,
        contest_id_fallback=source.stem if source.is_file() else source.resolve().name,
        files=files,
        has_judgement_types=any(collection.row.name == "judgement-types" for collection in collections),
        group_ids_taken=_ids_of("groups", collections),
    )
    total = sum(len(collection.elements) for collection in collections)
    changes: list[Change] = []
    done = 0
    for collection in collections:
        translator.begin(collection.row, text_only=collection.is_yaml)
        for element in collection.elements:
            changes += translator.translate(collection.row, Place(collection.file, element.line), element.value)
            done += 1
            _report(progress, done, total)
    changes += translator.finish(Place(source.name))
    return _contents(translator, changes, files, warnings, 0)


def _read_feed(
    feed: FeedLines, files: ObjectFiles | None, contest_id: str | None, progress: Progress | None
) -> ContestContents:
    survey = feed.survey()
    translator = FeedTranslator(
        file=feed.name,
        contest_id=contest_id,
        files=files,
        known_types_at_once=not survey.has_judgement_types,
        group_ids_taken=survey.group_ids,
    )
    changes: list[Change] = []
    with closing(feed.notifications()) as notifications:
        for done, (line_number, notification) in enumerate(notifications, start=1):
            changes += translator.translate(line_number, notification)
            _report(progress, done, survey.notifications)
    changes += translator.finish()
    return _contents(translator, changes, files, [], translator.repeated_lines)


def _contents(
    translator: ContestTranslator,
    changes: list[Change],
    files: ObjectFiles | None,
    warnings: list[Warned],
    repeated_lines: int,
) -> ContestContents:
    contest = translator.contest
    if contest is None:
        raise SourceRefused("there is no contest in the source")
    return ContestContents(
        contest_id=contest.id,
        changes=changes,
        final=translator.objects,
        spoken_of=frozenset(translator.spoken_of),
        files=files.by_address if files is not None else {},
        passwords=translator.passwords,
        warnings=warnings + translator.warnings,
        repeated_lines=repeated_lines,
    )


def _report(progress: Progress | None, done: int, total: int | None) -> None:
    if progress is not None and (done % _PROGRESS_STEP == 0 or done == total):
        progress(done, total)


def _check_version(package: PackageSource) -> None:
    """Refuse a package of a version that is not known (Contest Package, `api.json`)."""
    if not package.has(API_FILE):
        return
    information = _decoded(API_FILE, lambda: decode_json(package.read(API_FILE, COLLECTION_BYTES_MAX)))
    if not isinstance(information, dict):
        raise refusal(Place(API_FILE), f"holds {quoted(information)} where an object is expected")
    version = information.get("version")
    if version is not None and (not isinstance(version, str) or version not in VERSIONS):
        known = ", ".join(sorted(name for name in VERSIONS if name == "draft" or not name.endswith("-draft")))
        raise refusal(Place(API_FILE), f"the version {quoted(version)} is not known (known: {known})")


def _file_names(row: ObjectType) -> tuple[str, ...]:
    names = (f"{row.package_file}.json", f"{row.package_file}.yaml")
    return names if row.yaml_allowed else names[:1]


def _collection(package: PackageSource, row: ObjectType, warnings: list[Warned]) -> _Collection | None:
    """The file of a type, JSON before YAML; None where the package has none."""
    json_file, yaml_file = f"{row.package_file}.json", f"{row.package_file}.yaml"
    has_json, has_yaml = package.has(json_file), package.has(yaml_file)
    if has_yaml and not row.yaml_allowed:
        words = "is not read: only contest, problems and accounts may be YAML"
        warnings.append(Warned(yaml_file, None, row.name, "", "", words))
    elif has_yaml and has_json:
        warnings.append(Warned(yaml_file, None, row.name, "", "", f"is not read: {json_file} is there too"))
    if has_json:
        return _Collection(row, json_file, _json_elements(package, row, json_file), is_yaml=False)
    if has_yaml and row.yaml_allowed:
        return _Collection(row, yaml_file, _yaml_elements(package, row, yaml_file), is_yaml=True)
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


def _ids_of(type_name: str, collections: list[_Collection]) -> frozenset[str]:
    elements = [element for each in collections if each.row.name == type_name for element in each.elements]
    return frozenset(str(each.value.get("id")) for each in elements if isinstance(each.value, dict))
