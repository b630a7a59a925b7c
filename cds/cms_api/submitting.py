"""Handing in to a task (CMS ContestWebServer API, 2.3, 2.12 and 2.13).

The files are matched with what the task asks for and packed into one archive; from there on it is the very command by
which a team submits over the Contest API, with the same phases, limits and races. Nothing is kept of what is refused.
This module must not know any rule of that command, nor how anything is judged.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import unquote

import msgspec
import structlog
from aiohttp import web

from cds.archives import ArchiveTooLarge
from cds.cms_api.answers import (
    NOT_LOGGED_IN,
    NOT_OPEN,
    TASK_NOT_FOUND,
    forbidden,
    json_answer,
    not_found,
    unprocessable,
)
from cds.cms_api.file_matching import (
    FILE_BYTES_MAX,
    Matched,
    ReceivedFile,
    entry_point_of,
    language_of_outputs,
    matched_files,
    named_files,
    refuse_large_files,
)
from cds.cms_api.forms import Form, form_of
from cds.cms_api.participant import Participant
from cds.cms_api.submitted_archives import unpacked
from cds.cms_api.tasks import submission_format_of
from cds.cms_api.unacceptable import INVALID_FORMAT, STORAGE_FAILED, TOO_BIG, Unacceptable, sentence
from cds.commands.auditing import overridden
from cds.commands.decision import Refused
from cds.commands.participation import WrongPhase
from cds.commands.properties import Properties, raw
from cds.commands.submission_limits import LimitReached, refuse_beyond_limits
from cds.commands.write import NO_OVERRIDES, Write, Written
from cds.commands.writing import decide_write
from cds.contest_api.conditions import CarriedOutBefore, made_before
from cds.contest_api.errors import Failure
from cds.contest_api.multipart import SourceFile
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.writing import Order
from cds.contest_api.written_bodies import SMALL_FILE_BYTES_MAX, Body, body_of_sources
from eventstore.store import StoreRefused
from projections.contest import ContestState
from projections.scoring.subtasks import task_of
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Language, Problem

ARCHIVE_FIELD = "submission"
"""The field of a form whose one file is an archive with all files in it."""

LANGUAGE_FIELD = "language"

FORM_OVERHEAD_BYTES = 64 * 1024
"""What a form may have besides the contents of its files."""

SUBMIT_BODY_BYTES_MAX = 16 * 1024 * 1024
"""The body of any submission, however many files the task asks for."""

ID_MAX = 2**63 - 1
"""Ids of submissions are decimal numbers up to this one (4.9)."""

OF_THE_FILES = ("files", "entry_point", "language_id")
"""The properties of a submission that are wrong when its files are."""

ROW = OBJECT_TYPES["submissions"]

log = structlog.get_logger(__name__)


class Submitted(msgspec.Struct, frozen=True):
    """The answer: the submission that was made."""

    id: str


async def post_submission(request: web.Request, participant: Participant) -> web.StreamResponse:
    """Hand in to a task. Raises Failure: 404 for no task, 422 for what is not taken, 403 in a wrong phase."""
    problem = participant.problem(request.match_info["task"])
    if problem is None:
        raise not_found(TASK_NOT_FOUND)
    with refusals_as_failures(), _refusals_of_cms():
        if not participant.repeats:
            _refuse_beyond_limits(participant, problem)
        form = await _form(request, len(submission_format_of(problem)))
        body = await _body(participant.state, problem, form)
        return json_answer(Submitted(await _submit(request, participant, body)))


def _refuse_beyond_limits(participant: Participant, problem: Problem) -> None:
    """Whoever may not hand in anything is told so whatever the files are, and before they have all come."""
    refuse_beyond_limits(
        participant.state,
        participant.standing,
        NO_OVERRIDES if participant.impersonation is None else participant.impersonation.overrides,
        team_id=participant.team_id,
        problem_id=problem.id,
        time_ms=participant.now_ms,
    )


async def _form(request: web.Request, elements: int) -> Form:
    """The form of a submission of so many files; a longer one is not read to its end. Raises Failure."""
    limit_bytes = min(FILE_BYTES_MAX * elements + FORM_OVERHEAD_BYTES, SUBMIT_BODY_BYTES_MAX)
    return await _form_within(request, limit_bytes)


async def submitted_form(request: web.Request) -> Form:
    """The form of any submission. Raises Failure, 422 for one that is too long."""
    return await _form_within(request, SUBMIT_BODY_BYTES_MAX)


async def _form_within(request: web.Request, limit_bytes: int) -> Form:
    try:
        return await form_of(request, limit_bytes)
    except Failure as failure:
        if failure.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        too_big = unprocessable(TOO_BIG, f"A submission to this task may have at most {limit_bytes} bytes.")
        too_big.headers.update(failure.headers)
        raise too_big from None


async def _body(state: ContestState, problem: Problem, form: Form) -> Body:
    """What the Contest API would have been sent. Raises Unacceptable and Refused."""
    formats, languages = submission_format_of(problem), _languages(state, problem)
    files = await _received(form, formats)
    matched = matched_files(files, formats, languages, form.texts.get(LANGUAGE_FIELD, "").strip() or None)
    refuse_large_files(list(matched.files.values()))
    language = matched.language or language_of_outputs(languages)
    if language is None:
        raise Unacceptable(INVALID_FORMAT, "There is no language under which the files could be kept.")
    sources = [SourceFile(each.filename, each.content) for each in named_files(matched)]
    return await body_of_sources(ROW, _properties(problem, language, matched), sources)


def _languages(state: ContestState, problem: Problem) -> Sequence[Language]:
    """The languages of the contest that are allowed on a task."""
    task = task_of(problem)
    allowed = None if task is None else task.allowed_languages
    languages = cast("list[Language]", list(state.objects["languages"].values()))
    return [each for each in languages if allowed is None or each.id in allowed]


async def _received(form: Form, formats: Sequence[str]) -> list[ReceivedFile]:
    """The files of a form, or of the archive in it. Raises Unacceptable."""
    files = [ReceivedFile(_element(each.name, formats), _basename(each.filename), each.content) for each in form.files]
    if [file.element for file in files] != [ARCHIVE_FIELD] or ARCHIVE_FIELD in formats:
        return files
    content = files[0].content
    if len(content) <= SMALL_FILE_BYTES_MAX:
        return unpacked(content, len(formats))
    return await asyncio.to_thread(unpacked, content, len(formats))


def _element(field: str, formats: Sequence[str]) -> str:
    """The element that a field is called after. Some clients percent-encode the names of fields, `%l` among them."""
    decoded = unquote(field)
    return decoded if field not in formats and decoded in formats else field


def _basename(filename: str) -> str:
    """The name of a file without the directories that some clients send with it."""
    return PurePosixPath(filename.replace("\\", "/")).name


def _properties(problem: Problem, language: Language, matched: Matched) -> Properties:
    properties = {"problem_id": raw(problem.id), "language_id": raw(language.id)}
    entry_point = entry_point_of(matched, language)
    return properties if entry_point is None else {**properties, "entry_point": raw(entry_point)}


async def _submit(request: web.Request, participant: Participant, body: Body) -> str:
    """The id of the submission that was made, now or when this request came before. Raises what transact raises."""
    service, contest = participant.service, participant.contest
    if participant.impersonation is not None:
        # The same files with another override are another request.
        said = tuple(each.encode() for each in overridden(participant.impersonation.overrides))
        body = msgspec.structs.replace(body, parts=(*body.parts, *said))
    order = Order(request, service, contest, participant.viewer, body)
    try:
        written = await order.append(ROW, _deciding(participant, body))
    except CarriedOutBefore as before:
        return (await made_before(contest, before.repetition))[1]
    await service.awards.settle(contest)
    return written.key[1]


def _deciding(participant: Participant, body: Body) -> Callable[[ContestState], Written]:
    """The decision; the clock is read when it is taken, and every id is a decimal number."""
    circumstances = participant.service.circumstances
    fresh_id = str(circumstances.batch_id().int % ID_MAX + 1)

    def decided(state: ContestState) -> Written:
        write = Write(
            row=ROW,
            method="POST",
            properties=body.properties,
            viewer=participant.viewer,
            now_ms=circumstances.now_us() // 1_000,
            fresh_id=fresh_id,
            impersonation=participant.impersonation,
        )
        return decide_write(state, write)

    return decided


@contextmanager
def _refusals_of_cms() -> Iterator[None]:
    """Tell what stops a submission in the words of CMS, as far as it has any."""
    try:
        with _unacceptable_files():
            yield
    except (Unacceptable, LimitReached) as refusal:
        raise unprocessable(refusal.subject, refusal.details) from None
    except WrongPhase:
        raise forbidden(NOT_OPEN) from None
    except Failure as failure:
        if failure.status != HTTPStatus.UNAUTHORIZED:
            raise
        raise forbidden(NOT_LOGGED_IN) from None


@contextmanager
def _unacceptable_files() -> Iterator[None]:
    """What is wrong with the files although they are those of the task; and that they could not be kept.

    That the database is away is no fault of theirs: it is answered as everywhere.
    """
    try:
        yield
    except ArchiveTooLarge as refused:
        raise Unacceptable(TOO_BIG, sentence(refused.reason)) from None
    except Refused as refused:
        if refused.property not in OF_THE_FILES:
            raise
        raise Unacceptable(INVALID_FORMAT, sentence(refused.reason)) from None
    except StoreRefused as failure:
        log.warning("submission_not_stored", reason=str(failure))
        raise Unacceptable(STORAGE_FAILED, "Nothing was kept; please try again.") from None
