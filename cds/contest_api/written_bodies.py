"""The bodies of writes: properties of an object, the files among them, and what an account may be given besides.

This module must not know what is done with them.
"""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import cast

import msgspec
from aiohttp import web

from cds.archives import check_entry_point, checked_archive
from cds.commands.decision import Refused
from cds.commands.properties import NULL, Properties, raw, text_of
from cds.commands.write import LoginWish
from cds.contest_api.bodies import parsed_object, read_body
from cds.contest_api.errors import Failure
from cds.contest_api.multipart import SourceFile, is_form, read_submission_form, zipped
from cds.logos import LOGO_PROPERTY, with_sizes
from cds.uploads import Upload, UploadedFile, refuse_shared_filenames, uploaded
from projections.contest import ContestState
from projections.visibility import wire_files
from schemas.object_types import FileProperty, ObjectType
from schemas.objects import ContestObject, Language, Problem, Submission
from schemas.properties import FileReference

MEBIBYTE = 1024 * 1024
BODY_BYTES_MAX = MEBIBYTE
"""The body of a write of a type without files, and of the others everything in it but the files."""

SUBMISSION_BODY_BYTES_MAX = 16 * MEBIBYTE
UPLOAD_BODY_BYTES_MAX = 96 * MEBIBYTE
"""The body of a write with files, whose bytes are a third longer in base64."""

SMALL_FILE_BYTES_MAX = 64 * 1024
"""A file up to this size goes into the commit of the event that names it. A submitted archive up to this size is looked
into on the event loop: that takes less time than a thread takes to begin."""

LOGIN_PROPERTIES = ("password", "disabled")
"""What may be written of an account and is never read: the password is kept as a hash beside the log."""

SUBMITTED_ARCHIVE = "files.zip"

_files_decoder = msgspec.json.Decoder(list[UploadedFile])


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says: properties, whose files are references by hash; the bytes of those; login wishes.

    `password` is what was sent, `password_hash` what is kept of a new one.

    `parts` are what was sent, for telling one request from another.
    """

    properties: Properties
    uploads: Sequence[Upload] = ()
    login: LoginWish = LoginWish()
    password: str | None = None
    password_hash: str | None = None
    parts: tuple[bytes, ...] = ()


def body_bytes_max(row: ObjectType) -> int:
    """How long the body of a write may be."""
    if row.name == "submissions":
        return SUBMISSION_BODY_BYTES_MAX
    return UPLOAD_BODY_BYTES_MAX if row.file_properties else BODY_BYTES_MAX


async def read_written(request: web.Request, row: ObjectType, present: Mapping[str, FileReference]) -> Body:
    """Read and take apart the body of a POST, PUT or PATCH. Raises Failure and Refused.

    `present` are the files that the object has, by href.
    """
    if row.name == "submissions" and is_form(request):
        return await _submitted_form(request, row)
    body = await read_body(request, body_bytes_max(row))
    properties = await parsed_object(body)
    _refuse_large(row, properties)
    if row.name == "accounts":
        return _account(properties, body)
    if not _holds_files(row, properties):
        return _with_uploads(properties, {}, (body,))
    if row.name == "submissions" and len(body) <= SMALL_FILE_BYTES_MAX:
        return _with_uploads(properties, _uploads(row, properties, present), (body,))
    return _with_uploads(properties, await asyncio.to_thread(_uploads, row, properties, present), (body,))


def present_files(state: ContestState, row: ObjectType, instance: ContestObject | None) -> dict[str, FileReference]:
    """The files that an object has, by the href under which they are offered."""
    found: dict[str, FileReference] = {}
    for file_property in row.file_properties if instance is not None else ():
        kept = getattr(instance, file_property.property) or ()
        offered = wire_files(state, row, cast("ContestObject", instance), file_property) if kept else ()
        found.update((shown.href, file) for shown, file in zip(offered, kept, strict=True) if shown.href is not None)
    return found


def check_archive(
    state: ContestState, submission: Submission, uploads: Sequence[Upload], *, soon: bool = False
) -> None:
    """Look into the archive of a submission before anything is stored. Raises Refused; with `soon` also TakesLonger."""
    submitted = submission.files or ()
    contents = [each.content for each in uploads if each.content is not None and each.reference in submitted]
    if len(contents) != 1:
        raise Refused("files must be exactly one zip archive in data", "files")
    problem = cast("Problem", state.objects["problems"][submission.problem_id])
    language = cast("Language", state.objects["languages"][submission.language_id])
    entries = checked_archive(contents[0], code_limit_kib=problem.code_limit, soon=soon)
    check_entry_point(cast("str | None", submission.entry_point), language, entries)


async def _submitted_form(request: web.Request, row: ObjectType) -> Body:
    """A form with plain source files, which we zip, is the same as a body with the archive in it."""
    properties, sources = await read_submission_form(request, body_bytes_max(row))
    return await body_of_sources(row, properties, sources)


async def body_of_sources(row: ObjectType, properties: Properties, sources: Sequence[SourceFile]) -> Body:
    """The body of a submission of these files, which we zip. Raises Refused."""
    size_bytes = sum(len(source.content) for source in sources)
    content = zipped(sources) if size_bytes <= SMALL_FILE_BYTES_MAX else await asyncio.to_thread(zipped, sources)
    archive = {"data": b64encode(content).decode(), "filename": SUBMITTED_ARCHIVE}
    with_archive = {**properties, "files": raw([archive])}
    if len(content) <= SMALL_FILE_BYTES_MAX:
        uploads = _uploads(row, with_archive, {})
    else:
        uploads = await asyncio.to_thread(_uploads, row, with_archive, {})
    return _with_uploads(
        with_archive,
        uploads,
        tuple(part for name, value in with_archive.items() for part in (name.encode(), bytes(value))),
    )


def _with_uploads(properties: Properties, uploads: Mapping[str, list[Upload]], parts: tuple[bytes, ...]) -> Body:
    references = {name: raw([upload.reference for upload in of_name]) for name, of_name in uploads.items()}
    return Body(
        properties={**properties, **references},
        uploads=[upload for of_name in uploads.values() for upload in of_name],
        parts=parts,
    )


def _refuse_large(row: ObjectType, properties: Properties) -> None:
    """Files are what makes bodies large. Anything else would be in the log and in every feed, as large as it is.

    Raises Failure (413).
    """
    of_files = {file_property.property for file_property in row.file_properties}
    size_bytes = sum(memoryview(value).nbytes for name, value in properties.items() if name not in of_files)
    if size_bytes > BODY_BYTES_MAX:
        message = f"the properties besides files are too large; at most {BODY_BYTES_MAX} bytes are accepted"
        raise Failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)


def _holds_files(row: ObjectType, properties: Properties) -> bool:
    return any(file_property.property in properties for file_property in row.file_properties)


def _uploads(row: ObjectType, properties: Properties, present: Mapping[str, FileReference]) -> dict[str, list[Upload]]:
    found = dict(_uploads_by_property(row, properties, present))
    refuse_shared_filenames({name: [upload.reference for upload in uploads] for name, uploads in found.items()})
    return found


def _uploads_by_property(
    row: ObjectType, properties: Properties, present: Mapping[str, FileReference]
) -> Iterator[tuple[str, list[Upload]]]:
    for file_property in row.file_properties:
        value = properties.get(file_property.property)
        if value is not None and value != NULL:
            uploads = uploaded(file_property, _files(file_property, value), present)
            yield file_property.property, with_sizes(uploads) if file_property.property == LOGO_PROPERTY else uploads


def _files(file_property: FileProperty, value: msgspec.Raw) -> list[UploadedFile]:
    try:
        return _files_decoder.decode(value)
    except msgspec.ValidationError as error:
        raise Refused(f"{file_property.property}: {error}", file_property.property) from None


def _account(properties: Properties, body: bytes) -> Body:
    """An account, and beside it what concerns its login."""
    password = text_of(properties, "password")
    disabled = properties.get("disabled")
    wanted = None
    if disabled is not None and disabled != NULL:
        try:
            wanted = msgspec.json.decode(disabled, type=bool)
        except msgspec.ValidationError:
            raise Refused("disabled must be true or false", "disabled") from None
    return Body(
        properties={name: value for name, value in properties.items() if name not in LOGIN_PROPERTIES},
        login=LoginWish(new_password=password is not None, disabled=wanted),
        password=password,
        parts=(body,),
    )
