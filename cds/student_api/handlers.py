"""The endpoints of students (requirements-001, 1 and 2).

Reading is for everybody, without personal data; writing is for administrators of the server; a sync is for everybody,
as the contract has it, unless the server is told otherwise. This module must not know how a student is kept or synced.
"""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.commands.decision import Refused
from cds.commands.properties import Properties
from cds.commands.student_lists import LIST_BYTES_MAX, ListedStudent, read_student_list, told_lines
from cds.commands.students import (
    NO_STUDENT,
    UNKNOWN_STUDENT,
    LinesRefused,
    known_student,
    read_change,
    read_enrolment,
)
from cds.contest_api.answers import GZIP_FROM_BYTES, VARY, Answer, respond
from cds.contest_api.bodies import parsed_object, read_body
from cds.contest_api.errors import Failure
from cds.contest_api.negotiation import accepts_gzip
from cds.contest_api.refusals import STATUS_OF_GROUND, refusals_as_failures
from cds.contest_api.writing import no_content
from cds.student_api.asking import Asker, charge, one_of_few, reader, syncer, wants_envelope, writer
from cds.student_api.documents import document_of
from cds.students.handle_sync import HandleSyncFailed
from cds.students.register import Enrolled
from eventstore.store import StoreUnavailable

BODY_BYTES_MAX = 64 * 1024

CSV_TYPE = "text/csv"
JSON_TYPE = "application/json"

SYNC_FAILED = "Failed to sync Codeforces data"
SYNCED = "Codeforces data synced successfully"
"""The sentences of the contract (requirements-001, 1.5 and 1.7)."""

HANDLE_NOT_FOUND = "handle_not_found"
"""Why a sync fails that will fail again: Codeforces does not know the handle (2.8)."""

CAUSE = "students"


async def sync_handle(request: web.Request) -> web.StreamResponse:
    """Ask Codeforces about the student of a handle, and show the student as it is then."""
    asker = await syncer(request)
    parts = asker.service.students
    student = (await parts.register.fresh()).of_handle(request.match_info["handle"])
    if student is None:
        raise Failure(HTTPStatus.NOT_FOUND, NO_STUDENT)
    charge(request, asker.service)
    try:
        with refusals_as_failures():
            synced = await parts.syncing.sync(student, actor=asker.actor)
    except HandleSyncFailed as failure:
        raise _failure_of(failure) from None
    enrolled = await parts.register.with_contact(synced)
    document = await _document(asker, enrolled)
    if wants_envelope(request):
        document = msgspec.json.encode({"message": SYNCED, "student": msgspec.Raw(document)})
    return await _unkept(request, asker.service.answers.passing(document))


async def get_students(request: web.Request) -> web.StreamResponse:
    """All students as a bare array, in the order in which they were entered."""
    asker = await reader(request)
    if asker.selection.short:
        pieces = [piece async for piece in _array(asker)]
        return await _shown(request, asker, b"".join(pieces))
    with one_of_few(request):
        return await _streamed(request, asker)


async def get_student(request: web.Request) -> web.StreamResponse:
    """One student."""
    asker = await reader(request)
    register = asker.service.students.register
    student = (await register.fresh()).find(request.match_info["id"])
    if student is None:
        raise Failure(HTTPStatus.NOT_FOUND, UNKNOWN_STUDENT)
    enrolled = await register.with_contact(student)
    return await _shown(request, asker, await _document(asker, enrolled))


async def post_students(request: web.Request) -> web.StreamResponse:
    """Enter a student, or all of a list in CSV."""
    asker = await writer(request)
    if request.content_type == CSV_TYPE:
        return await _enter_list(request, asker)
    with refusals_as_failures():
        enrolment = read_enrolment(await _properties(request))
        try:
            (enrolled,) = await asker.service.students.register.enrol([enrolment], actor=asker.actor, cause=CAUSE)
        except LinesRefused as refused:
            raise refused.lines[0][1] from None
    location = f"{request.path.rstrip('/')}/{enrolled.student.id}"
    return _written(await _document(asker, enrolled), HTTPStatus.CREATED, location)


async def put_student(request: web.Request) -> web.StreamResponse:
    """Change a student; what is left out stays as it is."""
    asker = await writer(request)
    parts, identifier = asker.service.students, request.match_info["id"]
    with refusals_as_failures():
        # Whoever names nobody is told so, whatever the body.
        before = known_student(await parts.register.fresh(), identifier)
        change = read_change(await _properties(request))
        enrolled = await parts.register.change(identifier, change, actor=asker.actor, cause=CAUSE)
    if enrolled.student.handle != before.handle:
        await parts.syncing.forget(before)
    return _written(await _document(asker, enrolled), HTTPStatus.OK)


async def delete_student(request: web.Request) -> web.StreamResponse:
    """Remove a student and erase the personal data."""
    asker = await writer(request)
    parts = asker.service.students
    with refusals_as_failures():
        removed = await parts.register.remove(request.match_info["id"], actor=asker.actor, cause=CAUSE)
    await parts.syncing.forget(removed)
    return no_content()


async def _enter_list(request: web.Request, asker: Asker) -> web.StreamResponse:
    """Enter the students of a list, all or none."""
    content = await read_body(request, LIST_BYTES_MAX)
    listed: list[ListedStudent] = []
    try:
        with refusals_as_failures():
            listed = await asyncio.to_thread(read_student_list, content)
            enrolled = await asker.service.students.register.enrol(
                [each.enrolment for each in listed], actor=asker.actor, cause=CAUSE
            )
    except LinesRefused as refused:
        raise _failure_of_lines(refused, listed) from None
    documents = [await _document(asker, each) for each in enrolled]
    return _written(b"[" + b",".join(documents) + b"]", HTTPStatus.CREATED)


def _failure_of_lines(refused: LinesRefused, listed: list[ListedStudent]) -> Failure:
    """What is wrong with a list, line by line."""
    told = told_lines(refused, listed)
    return Failure(
        STATUS_OF_GROUND[refused.ground],
        f"{len(refused.lines)} faults in the list, so no student was entered; the first: {told[0]}",
        details={"lines": told},
    )


def _failure_of(failure: HandleSyncFailed) -> Failure:
    """The answer to a sync that failed: nothing of what Codeforces said, but that there is no such handle."""
    details = {"cause": HANDLE_NOT_FOUND} if failure.kind == "not_found" else {}
    return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, SYNC_FAILED, details=details)


async def _document(asker: Asker, enrolled: Enrolled) -> bytes:
    """A student as the asker is shown it. Raises Failure (404) for one who is gone meanwhile, and StoreUnavailable."""
    with refusals_as_failures():
        return await document_of(asker.service.students.register, enrolled, asker.selection)


async def _properties(request: web.Request) -> Properties:
    return await parsed_object(await read_body(request, BODY_BYTES_MAX))


async def _array(asker: Asker) -> AsyncIterator[bytes]:
    """The array of all students, piece by piece: together their lists may be more than memory holds."""
    register = asker.service.students.register
    before = b"["
    for student in await register.fresh():
        try:
            document = await document_of(register, await register.with_contact(student), asker.selection)
        except Refused:
            # Gone since this began.
            continue
        yield before + document
        before = b","
    yield b"[]" if before == b"[" else b"]"


async def _streamed(request: web.Request, asker: Asker) -> web.StreamResponse:
    pieces = _array(asker)
    # What is wrong at once can still be said.
    first = await anext(pieces)
    response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: _caching(asker), hdrs.VARY: VARY})
    response.content_type = JSON_TYPE
    if request.method != hdrs.METH_HEAD and accepts_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    await response.prepare(request)
    try:
        if request.method != hdrs.METH_HEAD:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
    except StoreUnavailable as away:
        # An answer has been begun, so all that can be said is that it is not whole.
        raise ConnectionAbortedError("the database went away in the middle of an answer") from away
    await response.write_eof()
    return response


async def _shown(request: web.Request, asker: Asker, document: bytes) -> web.StreamResponse:
    return await respond(request, asker.service.answers.passing(document), private=asker.selection.personal)


async def _unkept(request: web.Request, answer: Answer) -> web.StreamResponse:
    """An answer that nobody may keep: asking once more is asking Codeforces (requirements-001, 2.2)."""
    headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: VARY, hdrs.CONTENT_TYPE: JSON_TYPE}
    body = answer.body
    if len(body) >= GZIP_FROM_BYTES and accepts_gzip(request):
        body = await answer.compressed()
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, headers=headers)


def _written(document: bytes, status: HTTPStatus, location: str | None = None) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    if location is not None:
        headers[hdrs.LOCATION] = location
    return web.Response(status=status, body=document, content_type=JSON_TYPE, headers=headers)


def _caching(asker: Asker) -> str:
    return "private, no-cache" if asker.selection.personal else "public, no-cache"
