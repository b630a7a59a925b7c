"""Every request to the ContestWebServer API goes through here: which contest, who asks, what they override, the phase.

Only then does a handler see it. The order is the contract's: an unknown contest is 404, who has not logged in is 403,
an override that cannot be read is 400, a wrong phase is 403 (CMS ContestWebServer API, 1.3 to 1.5 and 3). This module
must not know any endpoint.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from urllib.parse import quote

import msgspec
from aiohttp import web

from cds.account_viewers import viewer_of_account
from cds.addresses import Client
from cds.admission import let_in
from cds.cms_api.answers import AUTHORIZATION, NOT_LOGGED_IN, NOT_OPEN, WRONG_PHASE, forbidden, not_found
from cds.cms_api.forms import NO_FORM, Form
from cds.cms_api.overrides import NotBoolean, overrides_of
from cds.cms_api.participant import Login, Participant, participant_of
from cds.cms_api.tokens import TokenRefused
from cds.commands.auditing import acting_noted
from cds.commands.participation import contest_rules, standing_of
from cds.commands.write import Impersonation
from cds.contest_api.errors import bad_request
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service, client_at, from_another_host, service_of
from cds.contest_api.writing import carried_out_before
from cds.importing import encoded_events
from cds.live_contest import LiveContest
from cds.openapi.operations import Operation
from cds.operations.request_marks import marks_of
from cds.turn import Decision

ADMIN_TOKEN_HOLDER = "admin token"  # noqa: S105 - what the log calls whoever has it
"""Who acts for a participant, as the records say it: nothing more is known of them."""

SEGMENT_CHARACTERS_MAX = 100
"""As much of each parameter in a path is noted."""

BASE = "/cms/{contest_id}"
"""Where a contest is; that which is served at the root too is there without it."""

PARAMETER = re.compile(r"\{(\w+)\}")

RESERVED_TASK_NAMES = frozenset({"contests", "webhooks", "codeforces", "students", "access"})
"""At the root these words belong to other APIs, so a task of such a name is not to be had there (4.10)."""


class Area(Enum):
    """Where a path is, by what is said there in the wrong phase."""

    API = NOT_OPEN
    TASKS = WRONG_PHASE


Handler = Callable[[web.Request, Participant], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[web.Request, LiveContest], Awaitable[web.StreamResponse]]
ReadForm = Callable[[web.Request], Awaitable[Form]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers an operation of the table, and what is said of it in the wrong phase.

    `read_form` reads the form that is looked into for overrides. `notes_itself`: what the handler does notes itself who
    acts for a participant, and which rules are set aside. `repeatable`: the same once more under an Idempotency-Key is
    answered with what came of it, whatever the phase is by now.
    """

    operation: Operation
    handler: Handler
    area: Area
    read_form: ReadForm | None = None
    notes_itself: bool = False
    repeatable: bool = False


class OpenRoute(msgspec.Struct, frozen=True, kw_only=True):
    """The same for what needs no login."""

    operation: Operation
    handler: OpenHandler


async def answer(request: web.Request, route: Route, contest_id: str | None = None) -> web.StreamResponse:
    """What a participant is answered in the contest of that id, or (None) in that of the path. Raises Failure."""
    contest = await contest_of(request, contest_id)
    login = logged_in(request, contest)
    if login is None:
        raise forbidden(NOT_LOGGED_IN)
    marks_of(request).viewer = login.viewer
    impersonation = await _impersonation(request, login, route)
    participant = await _participant(request, contest, login, impersonation, repeatable=route.repeatable)
    override = None if impersonation is None else impersonation.overrides.phase
    if not participant.repeats and not participant.standing.passes(route.operation.phases, override=override):
        raise forbidden(route.area.value)
    if impersonation is not None and override and not route.notes_itself:
        await _note_override(participant, impersonation, _told(request, route.operation))
    return await route.handler(request, participant)


async def answer_anybody(request: web.Request, route: OpenRoute, contest_id: str | None = None) -> web.StreamResponse:
    """What anybody is answered, as `answer`."""
    return await route.handler(request, await contest_of(request, contest_id))


async def contest_of(request: web.Request, contest_id: str | None) -> LiveContest:
    """The contest of that id, or (None) that of the path. Raises Failure (404, 503)."""
    service = service_of(request)
    at_root = contest_id is not None
    contest = await service.contests.found(request.match_info["contest_id"] if contest_id is None else contest_id)
    if contest is None or (at_root and request.match_info.get("task") in RESERVED_TASK_NAMES):
        raise not_found()
    return contest


def logged_in(request: web.Request, contest: LiveContest) -> Login | None:
    """Who comes: whom the address logs in, where the contest has it so, else whose token it is (1.3)."""
    service = service_of(request)
    client = client_at(request, service)
    return _by_address(request, contest, client, service) or _by_token(request, contest, client, service)


def now_ms(service: Service) -> int:
    """The moment, in milliseconds since the epoch."""
    return service.circumstances.now_us() // 1_000


def _by_address(request: web.Request, contest: LiveContest, client: Client, service: Service) -> Login | None:
    """Whom the address alone logs in, where the contest says so, or says nothing and the server does so.

    It counts for nothing where a page of another host has made a browser ask.
    """
    said = contest_rules(contest.state).ip_autologin
    wanted = service.auto_login if said is None else said
    if not wanted or not client.certain or from_another_host(request, service):
        return None
    viewer = service.identity.automatic(client.address, contest)
    account = None if viewer is None else participant_of(contest.state, viewer.account_id)
    if viewer is None or account is None or not let_in(contest.state, account, client):
        return None
    return Login(account=account, viewer=viewer)


def _by_token(request: web.Request, contest: LiveContest, client: Client, service: Service) -> Login | None:
    token = request.headers.get(AUTHORIZATION)
    if token is None:
        return None
    tokens = service.cms.tokens
    try:
        claims = tokens.claims(token, contest.contest_id, now_s=now_ms(service) / 1_000)
    except TokenRefused:
        return None
    account = participant_of(contest.state, claims.account_id)
    if account is None or not tokens.counts_for(claims, contest.state, account):
        return None
    if not claims.impersonated and not let_in(contest.state, account, client):
        return None
    viewer = viewer_of_account(contest.state, account)
    return Login(account=account, viewer=viewer, impersonated=claims.impersonated)


async def _impersonation(request: web.Request, login: Login, route: Route) -> Impersonation | None:
    """Who acts for the participant, and what they override in the URL or the form. Raises Failure (400 and others).

    Of ordinary tokens such arguments are ignored.
    """
    if not login.impersonated:
        return None
    form = NO_FORM if route.read_form is None else await route.read_form(request)
    arguments: Mapping[str, str] = {**request.query, **form.texts}
    try:
        overrides = overrides_of(arguments)
    except NotBoolean as error:
        raise bad_request(str(error)) from None
    address = client_at(request, service_of(request)).address
    return Impersonation(by=ADMIN_TOKEN_HOLDER, address=address or None, overrides=overrides)


async def _participant(
    request: web.Request,
    contest: LiveContest,
    login: Login,
    impersonation: Impersonation | None,
    *,
    repeatable: bool,
) -> Participant:
    """Where the participant stands now, all that is due in the contest having happened."""
    service = service_of(request)
    with refusals_as_failures():
        await service.clock.settle(contest)
    moment_ms = now_ms(service)
    return Participant(
        service=service,
        contest=contest,
        account=login.account,
        viewer=login.viewer,
        impersonation=impersonation,
        standing=standing_of(contest.state, login.account.id, moment_ms),
        now_ms=moment_ms,
        repeats=repeatable and carried_out_before(request, service, contest, login.viewer),
    )


def _told(request: web.Request, operation: Operation) -> str:
    """What was asked for, with the parameters of the path."""
    return f"{operation.verb.upper()} " + PARAMETER.sub(
        lambda found: quote(request.match_info[found[1]], safe="")[:SEGMENT_CHARACTERS_MAX],
        operation.path.removeprefix(BASE),
    )


async def _note_override(participant: Participant, impersonation: Impersonation, what: str) -> None:
    """Record in the contest's log that a phase was overridden."""
    circumstances = participant.service.circumstances
    record = acting_noted(circumstances.identifier(), participant.account.id, impersonation, what)
    with refusals_as_failures():
        await participant.contest.transact(
            lambda _state: Decision(events=encoded_events([record])),
            actor=f"account:{participant.account.id}",
            cause=what,
            circumstances=circumstances,
        )
