"""POST, PUT, PATCH and DELETE on the wire, for every type by the same few functions.

A request goes through here in this order: who asks, may they, the body, what it comes to in the present state, its
files, the log. So nothing is stored for a request that is refused. This module must not know any rule of a type.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from cds.archives import TakesLonger
from cds.commands.accounts import refuse_unfit_password
from cds.commands.decision import ObjectChange, Refused
from cds.commands.permissions import OFFERED, PERMISSIONS, Method
from cds.commands.write import Write, Written
from cds.commands.writing import decide_write
from cds.contest_api.conditions import (
    CarriedOutBefore,
    Precondition,
    Repetition,
    ShownTo,
    made_before,
    precondition_of,
    repetition_of,
)
from cds.contest_api.errors import Failure, not_found, unauthorized
from cds.contest_api.followed_contests import refuse_where_followed
from cds.contest_api.past import refuse_to_write_the_past
from cds.contest_api.ready_response import ReadyResponse, ready_head
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service, from_another_host, service_of, viewer_of
from cds.contest_api.strict import version_asked
from cds.contest_api.written_bodies import (
    SMALL_FILE_BYTES_MAX,
    Body,
    check_archive,
    present_files,
    read_written,
)
from cds.importing import encoded_events, erased
from cds.live_contest import LiveContest
from cds.turn import Decision
from eventstore.store import Credential
from projections.contest import ContestState
from projections.integrity import Key
from projections.served_versions import STRICT
from projections.visibility import wire_files
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType
from schemas.objects import ContestObject, Submission
from schemas.viewers import Viewer

JSON_TYPE = "application/json"
FORM_TYPES = (
    "text/plain",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
)
"""What a browser lets any page send without asking first; the last one stands for a body of no type."""

NO_BODY = Body(properties={})

Decided = Callable[[ContestState], Written]


async def write_object(request: web.Request, row: ObjectType) -> web.StreamResponse:
    """Create, replace, change or delete an object of a contest."""
    contest, viewer = await asked_to_write(request, row)
    service = service_of(request)
    with refusals_as_failures():
        await service.clock.settle(contest)
        body = await _with_password_hash(service, contest, request, await _body(request, contest, row))
        order = Order(request, service, contest, viewer, body)
        return await order.carry_out(row, deciding(request, contest, viewer, row, body))


def deciding(request: web.Request, contest: LiveContest, viewer: Viewer, row: ObjectType, body: Body) -> Decided:
    """The decision that a request asks for; the clock is read when it is taken."""
    circumstances = service_of(request).circumstances
    fresh_id = circumstances.identifier()

    def decided(state: ContestState) -> Written:
        write = Write(
            row=row,
            method=cast("Method", request.method),
            identifier=request.match_info.get("id", contest.contest_id if row.singleton else ""),
            properties=body.properties,
            viewer=viewer,
            now_ms=circumstances.now_us() // 1_000,
            fresh_id=fresh_id,
            login=body.login,
            strict=version_asked(request) is STRICT,
        )
        return decide_write(state, write)

    return decided


async def asked_to_write(request: web.Request, row: ObjectType) -> tuple[LiveContest, Viewer]:
    """The contest, and a viewer who may use this method on this type. Raises Failure (401, 403, 404, 405)."""
    service = service_of(request)
    contest_id = request.match_info["contest_id"]
    contest = await service.contests.found(contest_id)
    viewer = await viewer_of(request, contest)
    if viewer.anonymous:
        raise unauthorized("writing needs a login that is valid here")
    if contest is None:
        raise not_found(f"contest {contest_id}")
    check_permission(viewer, row, request.method)
    refuse_foreign_form(request)
    refuse_to_write_the_past(request)
    return contest, viewer


def refuse_foreign_form(request: web.Request) -> None:
    """Raise Failure (403) for what a page of another host may send without asking the browser's user.

    A browser adds the password that it remembers to the forms of any page. What is sent as JSON it asks about first
    (preflight), and there the page itself has to bring the password. A bearer token no browser adds by itself.
    """
    scheme, _, _ = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if hdrs.ORIGIN not in request.headers or scheme.lower() == "bearer":
        return
    as_a_form = request.method == hdrs.METH_POST and request.content_type in FORM_TYPES
    if as_a_form and from_another_host(request, service_of(request)):
        raise Failure(HTTPStatus.FORBIDDEN, f"a page of another host may only send {JSON_TYPE}")


async def refuse_method(request: web.Request, offered: Sequence[Method]) -> web.StreamResponse:
    """401 without login, as for every write; 405 with one."""
    await _require_login(request)
    raise _not_offered(request.method, f"at {request.path}", offered)


async def refuse_in_version(request: web.Request, prefix: str, our_prefix: str) -> web.StreamResponse:
    """The same below the `prefix` of another version, all of which is for reading: the message says where to write."""
    await _require_login(request)
    ours = our_prefix + request.path.removeprefix(prefix)
    raise _not_offered(request.method, f"at {request.path}: this version is for reading; write to {ours}", ())


async def _require_login(request: web.Request) -> None:
    """Raise Failure (401) for whoever has not logged in."""
    contest = service_of(request).contests.find(request.match_info.get("contest_id", ""))
    viewer = await viewer_of(request, contest)
    if viewer.anonymous:
        raise unauthorized("writing needs a login that is valid here")


def check_permission(viewer: Viewer, row: ObjectType, method: str) -> None:
    """Raise Failure: 405 for what nobody may do, 403 for what others may (requirements A8)."""
    if method not in OFFERED[row.name]:
        raise _not_offered(method, f"on {row.endpoint}", sorted(OFFERED[row.name]))
    if method not in PERMISSIONS[viewer.role][row.name]:
        raise Failure(HTTPStatus.FORBIDDEN, f"this account may not {method} {row.endpoint}")


def _not_offered(method: str, place: str, offered: Sequence[str]) -> Failure:
    allowed = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS, *offered)
    return Failure(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not offered {place}", {hdrs.ALLOW: ", ".join(allowed)})


def actor_of(viewer: Viewer) -> str:
    """Who a viewer is, as the log names them."""
    return f"server:{viewer.server_username}" if viewer.account_id is None else f"account:{viewer.account_id}"


def carried_out_before(request: web.Request, service: Service, contest: LiveContest, viewer: Viewer) -> bool:
    """Whether something came of a request of this viewer under the same Idempotency-Key; it may be another request.

    Raises Failure (400) for a key that is none.
    """
    repetition = repetition_of(request, actor_of(viewer), service.repetition_key, ())
    return repetition is not None and repetition.key in contest.state.versions


async def _body(request: web.Request, contest: LiveContest, row: ObjectType) -> Body:
    """The body; that of a DELETE is ignored (Contest API, "HTTP methods")."""
    if request.method == hdrs.METH_DELETE:
        return NO_BODY
    identifier = SINGLETON_ID if row.singleton else request.match_info.get("id", "")
    instance = contest.state.objects[row.name].get(identifier)
    return await read_written(request, row, present_files(contest.state, row, instance))


async def _with_password_hash(service: Service, contest: LiveContest, request: web.Request, body: Body) -> Body:
    """The body with a new password as its hash; one that the account has already is nothing new."""
    if body.password is None:
        return body
    refuse_unfit_password(body.password)
    account_id = request.match_info.get("id")
    if account_id is not None and await service.identity.has_password(contest, account_id, body.password):
        return msgspec.structs.replace(body, login=msgspec.structs.replace(body.login, new_password=False))
    return msgspec.structs.replace(body, password_hash=await service.identity.hashed(body.password))


class Order:
    """One write on its way: what it was asked under which conditions, and what is stored and answered for it."""

    def __init__(
        self, request: web.Request, service: Service, contest: LiveContest, viewer: Viewer, body: Body
    ) -> None:
        self._request = request
        self._service = service
        self._contest = contest
        self._viewer = viewer
        self._body = body
        self._contents = [upload.content for upload in body.uploads if upload.content is not None]
        self._shown_to = ShownTo(contest=contest, viewer=viewer, version=version_asked(request))
        self._precondition: Precondition = precondition_of(request)
        self._repetition: Repetition | None = None
        if request.method == hdrs.METH_POST:
            self._repetition = repetition_of(request, actor_of(viewer), service.repetition_key, body.parts)

    async def carry_out(self, row: ObjectType, decided: Decided) -> web.StreamResponse:
        """Store, append and answer. Raises Refused and what the store raises."""
        await self._contest.ready_audience(self._viewer.role, self._shown_to.version)
        try:
            written = await self.append(row, decided)
        except CarriedOutBefore as before:
            made = await made_before(self._contest, before.repetition)
            return self._created(made)
        if row.singleton and self._contest.exists:
            # Another start may be due at once.
            await self._service.clock.settle(self._contest)
        await self._service.awards.settle(self._contest)
        if self._request.method == hdrs.METH_DELETE:
            return no_content()
        return self._created(written.key) if written.created else self.answer(written.key, HTTPStatus.OK)

    async def append(self, row: ObjectType, decided: Decided) -> Written:
        """Store and append. Raises CarriedOutBefore for what came before under the same key, and what is refused.

        Files that are small go into the very commit of the events. Others are kept before it, once a decision against
        the present state and a look into a submitted archive, beside the event loop, find nothing against them.
        Raises Failure (403) for what a team hands in where the contest is only followed.
        """
        if row.name == "submissions" and self._viewer.role == "team":
            await refuse_where_followed(self._service, self._contest)
        if all(len(content) <= SMALL_FILE_BYTES_MAX for content in self._contents):
            with suppress(TakesLonger):
                return await self._appended(row, decided, files_with_it=True)
        # What was carried out before is answered in its turn, like everything.
        with suppress(CarriedOutBefore):
            await self._keep_files(row, self._decided_under_conditions(decided, self._contest.state))
        return await self._appended(row, decided, files_with_it=False)

    async def _appended(self, row: ObjectType, decided: Decided, *, files_with_it: bool) -> Written:
        outcomes: list[Written] = []

        def decide(state: ContestState) -> Decision:
            written = self._decided_under_conditions(decided, state)
            if files_with_it:
                self._check_archive(row, state, written, soon=True)
            outcomes.append(written)
            changes = list(written.changes)
            if self._repetition is not None:
                changes.append(self._repetition.note(written.key))
            return Decision(
                events=encoded_events(changes),
                credentials=self._credentials(written, changes),
                files=self._contents if files_with_it else (),
            )

        await self._contest.transact(
            decide,
            actor=actor_of(self._viewer),
            cause=f"{self._request.method} {row.endpoint}",
            circumstances=self._service.circumstances,
        )
        return outcomes[-1]

    def answer(self, key: Key, status: HTTPStatus, location: str | None = None) -> web.StreamResponse:
        """The present object as this viewer sees it, with its entity tag."""
        return _written_answer(self._service, self._shown_to, key, status, location)

    def _decided_under_conditions(self, decided: Decided, state: ContestState) -> Written:
        """What the request comes to in a state; its conditions hold in that very state."""
        repetition = self._repetition
        if repetition is not None and repetition.key in state.versions:
            raise CarriedOutBefore(repetition)
        if not self._service.identity.valid_in(self._viewer, state):
            # While the body was on its way the account was disabled, deleted, or given another role or password.
            raise unauthorized("this account has changed; log in again")
        written = decided(state)
        self._precondition.check(self._shown_to, self._service.answers, state, written.key)
        return written

    async def _keep_files(self, row: ObjectType, written: Written) -> None:
        """Keep the bytes of what would be written; a submission's archive is looked into first."""
        await asyncio.to_thread(self._check_archive, row, self._contest.state, written)
        for content in self._contents:
            await self._service.store.put_file(content)

    def _check_archive(self, row: ObjectType, state: ContestState, written: Written, *, soon: bool = False) -> None:
        """Look into what is submitted; there is nothing where the very same submission is there already."""
        if row.name == "submissions":
            for change in written.changes:
                if isinstance(change.instance, Submission):
                    check_archive(state, change.instance, self._body.uploads, soon=soon)

    def _credentials(self, written: Written, changes: Sequence[ObjectChange]) -> list[Credential]:
        """The password of a new account or a changed one; that of an account that is gone goes with it."""
        credentials = list(erased(self._contest.stream, changes))
        if self._body.password_hash is not None:
            credentials.append(
                Credential(
                    scope=self._contest.stream, account_id=written.key[1], password_hash=self._body.password_hash
                )
            )
        return credentials

    def _created(self, key: Key) -> web.StreamResponse:
        """201 with the place of the new object: below the collection for a POST, the very URL for a PUT."""
        place = self._request.rel_url.raw_path.rstrip("/")
        identifier = quote(self._contest.contest_id if key[1] == SINGLETON_ID else key[1], safe="")
        location = f"{place}/{identifier}" if self._request.method == hdrs.METH_POST else place
        return self.answer(key, HTTPStatus.CREATED, location)


def no_content() -> web.Response:
    """204."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _written_answer(
    service: Service, shown_to: ShownTo, key: Key, status: HTTPStatus, location: str | None
) -> web.StreamResponse:
    data = shown_to.object(key)
    headers: dict[str, str] = {
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: "Authorization",
        hdrs.CONTENT_TYPE: JSON_TYPE,
    }
    if location is not None:
        headers[hdrs.LOCATION] = location
    if data is None:
        data = _as_given(shown_to, key)
    else:
        headers[hdrs.ETAG] = f'"{service.answers.passing(data).entity_tag}"'
    return ReadyResponse(status, ready_head(status, headers, len(data)), data)


def _as_given(shown_to: ShownTo, key: Key) -> bytes:
    """An object that whoever wrote it does not see afterwards, such as a question that a proxy passed on."""
    contest, row = shown_to.contest, OBJECT_TYPES[key[0]]
    instance = contest.state.objects[key[0]].get(key[1])
    if instance is None:
        raise Refused(f"this was carried out, and {row.endpoint} {key[1]} is gone since", ground="unknown")
    files: dict[str, object] = {
        file_property.property: wire_files(contest.state, row, instance, file_property)
        for file_property in row.file_properties
        if getattr(instance, file_property.property)
    }
    shown: ContestObject = msgspec.structs.replace(instance, **files)
    return msgspec.json.encode(shown_to.version.told(contest.state, shown_to.viewer.team_id, key[0], shown))
