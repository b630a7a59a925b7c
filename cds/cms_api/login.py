"""`POST /api/login`: a password, or the admin token in its place, becomes a token (CMS ContestWebServer API, 2.1).

Whatever is wrong is answered alike: 403 "Login failed". This module must not know what tokens are good for.
"""

import time
from http import HTTPStatus

import msgspec
from aiohttp import web

from cds.account_viewers import viewer_of_account
from cds.addresses import Client, neighbourhood
from cds.admission import let_in
from cds.cms_api.answers import AUTHORIZATION, LOGIN_FAILED, forbidden, json_answer
from cds.cms_api.doorway import ADMIN_TOKEN_HOLDER, logged_in, now_ms
from cds.cms_api.forms import form_of
from cds.cms_api.participant import Login, participant_named, participant_of
from cds.commands.auditing import impersonation_noted
from cds.commands.write import Impersonation
from cds.contest_api.errors import Failure
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service, client_at, login_refusals_as_failures, service_of, too_many_failed_logins
from cds.importing import encoded_events
from cds.live_contest import LiveContest
from cds.login_attempts import WrongCredentials
from cds.operations.request_marks import marks_of
from cds.turn import Decision
from schemas.objects import Account

LOGIN_FORM_BYTES_MAX = 16 * 1024

ALREADY_LOGGED_IN = "Already-Logged-In"
"""The login data of whom the address has logged in: there is no token, and none is needed."""

GUESSED = "admin token"
"""The name under which wrong admin tokens are counted."""


class LoggedIn(msgspec.Struct, frozen=True):
    """`login_data` goes into the header of later requests."""

    login_data: str


async def post_login(request: web.Request, contest: LiveContest) -> web.StreamResponse:
    """Log a participant in, or somebody who acts for one. Raises Failure (400, 403, 429, 503)."""
    texts = (await form_of(request, LOGIN_FORM_BYTES_MAX)).texts
    username = texts.get("username", "")
    present = logged_in(request, contest)
    if present is not None:
        return _already(request, present, username)
    service = service_of(request)
    client = client_at(request, service)
    password, admin_token = texts.get("password", ""), texts.get("admin_token", "")
    if admin_token and not password:
        account = await _impersonated(service, contest, client, username, admin_token)
    else:
        account = await _participant(service, contest, client, username, password)
    marks_of(request).viewer = viewer_of_account(contest.state, account)
    token = service.cms.tokens.token(
        contest.contest_id,
        contest.state,
        account,
        now_s=now_ms(service) // 1_000,
        impersonated=bool(admin_token) and not password,
    )
    return json_answer(LoggedIn(token))


def _already(request: web.Request, present: Login, username: str) -> web.Response:
    """The answer to whoever is logged in. Raises Failure (400) when it is somebody else."""
    if username not in ("", present.account.username):
        sentence = f"Logged in as {present.account.username} but trying to login as {username}"
        raise Failure(HTTPStatus.BAD_REQUEST, sentence)
    marks_of(request).viewer = present.viewer
    return json_answer(LoggedIn(request.headers.get(AUTHORIZATION, ALREADY_LOGGED_IN)))


async def _participant(service: Service, contest: LiveContest, client: Client, username: str, password: str) -> Account:
    """The account of whom the password proves to be a participant. Raises Failure."""
    try:
        with login_refusals_as_failures():
            viewer = await service.identity.participant(username, password, contest, address=client.address)
    except WrongCredentials:
        raise forbidden(LOGIN_FAILED) from None
    account = participant_of(contest.state, viewer.account_id)
    if account is None or not let_in(contest.state, account, client):
        raise forbidden(LOGIN_FAILED)
    return account


async def _impersonated(
    service: Service, contest: LiveContest, client: Client, username: str, admin_token: str
) -> Account:
    """The account of the participant whom the holder of the admin token acts for, which is recorded. Raises Failure."""
    _check_admin_token(service, client, admin_token)
    account = participant_named(contest.state, username)
    if account is None:
        raise forbidden(LOGIN_FAILED)
    impersonation = Impersonation(by=ADMIN_TOKEN_HOLDER, address=client.address or None)
    record = impersonation_noted(service.circumstances.identifier(), account.id, impersonation)
    with refusals_as_failures():
        await contest.transact(
            lambda _state: Decision(events=encoded_events([record])),
            actor=f"account:{account.id}",
            cause="POST login",
            circumstances=service.circumstances,
        )
    return account


def _check_admin_token(service: Service, client: Client, admin_token: str) -> None:
    """Raise Failure for a wrong token (403), and for any after too many wrong ones (429)."""
    near, guesses = neighbourhood(client.address), service.cms.guesses
    counted = service.rate_limits
    if counted and (wait_s := guesses.attempt(GUESSED, near, time.monotonic())) > 0:
        raise too_many_failed_logins(wait_s)
    if not service.cms.is_admin_token(admin_token):
        raise forbidden(LOGIN_FAILED)
    if counted:
        guesses.withdraw(GUESSED, near)
        guesses.forgive(GUESSED, near)
