"""Reading a contest: a package or an Italian-format contest (directory or zip archive), or a recorded feed.

They are told apart by looking.

This module drives the dialects over files and says where in them something stands. It must not know any repair.
"""

from pathlib import Path

import msgspec

from cds.dialects.feed import FeedTranslator
from cds.dialects.package import PackageTranslator
from cds.dialects.results import Change, Place, SourceRefused, Warned, one_line
from cds.dialects.translators import ContestTranslator
from cds.packages.collection_files import (
    FEED_FILE,
    Collection,
    check_version,
    contest_id_said,
    has_contest_file,
    ids_of,
    read_collections,
    read_platform_objects,
    warn_of_unread_files,
)
from cds.packages.contents import ContestContents
from cds.packages.feed_lines import FeedLines, FeedSurvey
from cds.packages.history import FeedBeside, translate_feed
from cds.packages.italian import is_italian_contest, read_italian_contest
from cds.packages.object_files import ObjectFiles
from cds.packages.progress import Counted, Progress
from cds.packages.sources import DirectorySource, PackageSource, ZipSource
from schemas.object_types import OBJECT_TYPES

_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")


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
    return _read_feed(FeedLines(DirectorySource(file.parent), file.name), None, contest_id, progress, [])


def _read_package(
    source: Path, package: PackageSource, contest_id: str | None, progress: Progress | None
) -> ContestContents:
    name = source.stem if source.is_file() else source.resolve().name
    if is_italian_contest(package):
        return read_italian_contest(package, (contest_id, name), progress)
    files = ObjectFiles(package)
    check_version(package)
    feed = FeedLines(package, FEED_FILE) if package.has(FEED_FILE) else None
    warnings: list[Warned] = []
    warn_of_unread_files(package, warnings)
    if has_contest_file(package):
        collections = read_collections(package, warnings)
        place = Place(source.name)
        contents = _read_collections(collections, feed, files, (contest_id, name), progress, warnings, place)
    elif feed is None:
        raise SourceRefused(one_line(f"{source}: no contest.json, contest.yaml or {FEED_FILE} in it: not a contest"))
    else:
        contents = _read_feed(feed, files, contest_id, progress, warnings)
    return msgspec.structs.replace(contents, platform_objects=read_platform_objects(package))


def _read_collections(
    collections: list[Collection],
    feed: FeedLines | None,
    files: ObjectFiles,
    contest_ids: tuple[str | None, str],
    progress: Progress | None,
    warnings: list[Warned],
    place: Place,
) -> ContestContents:
    """The collections of a package, with the history of the feed beside them where it fits.

    `contest_ids`: the id that the contest is to have, and the one it gets when it says none itself.
    """
    contest_id, fallback = contest_ids
    survey = feed.survey() if feed is not None else FeedSurvey(0, has_judgement_types=False, group_ids=frozenset())
    group_ids = ids_of("groups", collections) | survey.group_ids
    has_types = any(collection.row.name == "judgement-types" for collection in collections)
    counted = Counted(progress, survey.notifications + sum(len(each.elements) for each in collections))
    beside = None
    if feed is not None:
        said = contest_id_said(collections)
        feed_translator = FeedTranslator(
            file=feed.name,
            contest_id=contest_id,
            contest_id_fallback=fallback if said is None else str(said),
            files=files,
            known_types_at_once=not survey.has_judgement_types and not has_types,
            group_ids_taken=group_ids,
        )
        beside = FeedBeside(feed, feed_translator, collections, counted)
    translator = PackageTranslator(
        contest_id=contest_id,
        contest_id_fallback=fallback,
        files=files,
        has_judgement_types=has_types or (beside is not None and beside.has_judgement_types),
        group_ids_taken=group_ids,
        hidden_teams=None if beside is None else beside.hidden_teams,
    )
    changes = _translate_collections(translator, collections, beside, counted)
    changes += translator.finish(place)
    contents = _contents(translator, changes, files, warnings, 0)
    return contents if beside is None else beside.joined(contents, translator.warnings)


def _translate_collections(
    translator: PackageTranslator, collections: list[Collection], beside: FeedBeside | None, counted: Counted
) -> list[Change]:
    changes: list[Change] = []
    by_type = {collection.row.name: collection for collection in collections}
    for row in OBJECT_TYPES.values():
        collection = by_type.get(row.name)
        if collection is None:
            changes += beside.complete(translator, row) if beside is not None else ()
            continue
        translator.begin(row, text_only=collection.is_yaml)
        for element in collection.elements:
            changes += translator.translate(row, Place(collection.file, element.line), element.value)
            counted.one_more()
    return changes


def _read_feed(
    feed: FeedLines,
    files: ObjectFiles | None,
    contest_id: str | None,
    progress: Progress | None,
    warnings: list[Warned],
) -> ContestContents:
    survey = feed.survey()
    translator = FeedTranslator(
        file=feed.name,
        contest_id=contest_id,
        files=files,
        known_types_at_once=not survey.has_judgement_types,
        group_ids_taken=survey.group_ids,
    )
    changes = translate_feed(feed, translator, Counted(progress, survey.notifications))
    changes += translator.finish()
    return _contents(translator, changes, files, warnings, translator.repeated_lines)


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
