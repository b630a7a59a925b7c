"""Webhooks on the wire: registered, shown, changed and deleted by staff and administrators.

The specification has POST and GET; PATCH and DELETE are ours. The endpoint lies outside contests, so it is for accounts
of the server: those of a contest write nothing outside of it, whatever their type (roles.md, "Scope of accounts"). This
module must not know how anybody is called.
"""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.commands.decision import Refused
from cds.commands.properties import Properties
from cds.commands.webhooks import (
    Registering,
    Registrant,
    decide_patch,
    decide_registration,
    known_webhook,
    new_webhook,
    read_patch,
    read_registering,
    refuse_unknown_contests,
)
from cds.contest_api.answers import respond
from cds.contest_api.bodies import parsed_object, read_body
from cds.contest_api.conditions import ANY_TAG, precondition_of, repetition_of
from cds.contest_api.errors import Failure, unauthorized
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service, service_of, viewer_of
from cds.contest_api.writing import no_content, refuse_foreign_form
from cds.live_contest import STREAM_PREFIX, Contended
from cds.webhooks.register import Change, Decide
from eventstore.store import StoreUnavailable
from projections.webhooks import Registrations
from schemas.webhooks import WEBHOOKS, Repeatable, ShownWebhook, Webhook

BODY_BYTES_MAX = 512 * 1024
"""Room for as many contests as may be named, however long their ids are."""

log = structlog.get_logger(__name__)


class MadeBefore(Exception):
    """The request was carried out already, and made this webhook."""

    def __init__(self, webhook: Webhook) -> None:
        super().__init__(webhook.id)
        self.webhook = webhook


async def get_webhooks(request: web.Request) -> web.StreamResponse:
    """Those that the caller may see, in the order in which they were made."""
    service, registrant = await _asked(request)
    shown = [
        _shown(service, registration.webhook)
        for registration in service.webhooks.register.state
        if registrant.sees(registration.webhook)
    ]
    return await respond(request, service.answers.passing(msgspec.json.encode(shown)), private=True)


async def get_webhook(request: web.Request) -> web.StreamResponse:
    """One of them."""
    service, registrant = await _asked(request)
    with refusals_as_failures():
        webhook = known_webhook(service.webhooks.register.state, request.match_info["id"], registrant)
    return await respond(request, service.answers.passing(_encoded(service, webhook)), private=True)


async def post_webhook(request: web.Request) -> web.StreamResponse:
    """Register: from now on what changes is told."""
    service, registrant = await _asked(request)
    refuse_foreign_form(request)
    with refusals_as_failures():
        body, properties = await _body(request)
        wanted = read_registering(properties)
        repeatable = _repeatable(request, service, registrant, body)
        await _refuse_unknown_contests(service, wanted.contest_ids)
        try:
            webhook = await _registered(service, wanted, registrant, repeatable)
        except MadeBefore as before:
            webhook = known_webhook(service.webhooks.register.state, before.webhook.id, registrant)
    place = request.rel_url.raw_path.rstrip("/")
    return _answer(service, webhook, HTTPStatus.CREATED, {hdrs.LOCATION: f"{place}/{webhook.id}"})


async def patch_webhook(request: web.Request) -> web.StreamResponse:
    """Switch a webhook on or off, choose other endpoints or contests from now on, give it another token."""
    service, registrant = await _asked(request)
    register, identifier = service.webhooks.register, request.match_info["id"]
    with refusals_as_failures():
        # Whether there is such a webhook is told before the body is read.
        present = known_webhook(register.state, identifier, registrant)
        _, properties = await _body(request)
        patch = read_patch(properties, present)
        await _refuse_unknown_contests(service, patch.contest_ids)
        secret, after = service.circumstances.identifier(), await _ends(service)
        changes: list[tuple[Webhook, Webhook]] = []

        def decide(state: Registrations) -> Change | None:
            webhook = _still_theirs(request, service, registrant, state)
            changed = decide_patch(webhook, patch, secret=secret, after=after)
            changes.append((webhook, changed))
            # To activate one again that is active is to ask that it be called at once: whoever calls reads it there.
            return Change(identifier, changed) if changed != webhook or patch.active else None

        # What is refused stores nothing.
        decide(register.state)
        if patch.token is not None:
            await register.keep_secret(identifier, secret, patch.token)
        try:
            await _transact(service, registrant, decide, "PATCH")
        except (Refused, Failure, Contended):
            await register.erase_secret(identifier, secret)
            raise
        before, webhook = changes[-1]
        if patch.token is not None:
            await register.erase_secret(identifier, before.secret)
    if webhook != before:
        log.info("webhook_changed", webhook=identifier, active=webhook.active, actor=_actor(registrant.username))
    return _answer(service, webhook, HTTPStatus.OK)


async def delete_webhook(request: web.Request) -> web.StreamResponse:
    """Delete a webhook, and what is kept of it."""
    service, registrant = await _asked(request)
    identifier = request.match_info["id"]

    def decide(state: Registrations) -> Change:
        _still_theirs(request, service, registrant, state)
        return Change(identifier, None)

    with refusals_as_failures():
        await _transact(service, registrant, decide, "DELETE")
        await service.webhooks.register.erase_deleted((identifier,))
    log.info("webhook_deleted", webhook=identifier, actor=_actor(registrant.username))
    return no_content()


# --- Who asks.


async def _asked(request: web.Request) -> tuple[Service, Registrant]:
    """Who asks, with all that is known of webhooks as new as can be.

    Raises Failure (401, 403), and StoreUnavailable soon when the database gives no answer: without it nobody can tell
    who may still see them.
    """
    service = service_of(request)
    viewer = await viewer_of(request, None)
    if hdrs.AUTHORIZATION not in request.headers:
        raise unauthorized("webhooks need a login of staff or an administrator")
    if not await service.webhooks.looks.now():
        raise StoreUnavailable("webhooks cannot be read now")
    username = viewer.server_username
    role = None if username is None else service.webhooks.authority.entitled_role(username)
    if username is None or role is None:
        raise Failure(HTTPStatus.FORBIDDEN, "webhooks are for staff and administrators among the server's own accounts")
    return service, Registrant(username=username, role=role)


def _actor(username: str) -> str:
    """Who an account is, as the log names them."""
    return f"server:{username}"


# --- What is asked.


async def _body(request: web.Request) -> tuple[bytes, Properties]:
    body = await read_body(request, BODY_BYTES_MAX)
    return body, await parsed_object(body)


def _repeatable(request: web.Request, service: Service, registrant: Registrant, body: bytes) -> Repeatable | None:
    repetition = repetition_of(request, _actor(registrant.username), service.repetition_key, (body,))
    if repetition is None:
        return None
    return Repeatable(record_id=repetition.record_id, fingerprint=repetition.fingerprint)


async def _refuse_unknown_contests(service: Service, contest_ids: Iterable[str] | None) -> None:
    named = tuple(contest_ids or ())
    found = {contest_id for contest_id in named if await service.contests.found(contest_id) is not None}
    refuse_unknown_contests(named, found)


async def _ends(service: Service) -> dict[str, int]:
    """The last position of every contest, by id."""
    heads = await service.store.heads()
    return {
        stream.removeprefix(STREAM_PREFIX): head.position
        for stream, head in heads.items()
        if stream.startswith(STREAM_PREFIX)
    }


def _still_theirs(request: web.Request, service: Service, registrant: Registrant, state: Registrations) -> Webhook:
    """The webhook as it is now, if it is as the client says (`If-Match`). Raises Refused and Failure (401)."""
    _refuse_changed_accounts(service, registrant)
    webhook = known_webhook(state, request.match_info["id"], registrant)
    tags = precondition_of(request).entity_tags
    present = service.answers.passing(_encoded(service, webhook)).entity_tag
    if tags is not None and ANY_TAG not in tags and present not in tags:
        raise Refused("the webhook is not as If-Match says", ground="precondition")
    return webhook


def _refuse_changed_accounts(service: Service, registrant: Registrant) -> None:
    """While the body was on its way the account may have been disabled, deleted, or given another role."""
    if service.webhooks.authority.entitled_role(registrant.username) != registrant.role:
        raise unauthorized("this account has changed; log in again")


# --- What it comes to.


async def _registered(
    service: Service, wanted: Registering, registrant: Registrant, repeatable: Repeatable | None
) -> Webhook:
    """Register. Raises MadeBefore, Refused and what the store raises."""
    register, circumstances = service.webhooks.register, service.circumstances
    identifier, secret = circumstances.identifier(), circumstances.identifier()
    webhook = new_webhook(
        wanted,
        identifier=identifier,
        secret=secret,
        owner=registrant.username,
        after=await _ends(service),
        request=repeatable,
    )

    def look_for_repetition(state: Registrations) -> None:
        before = None if repeatable is None else state.made_by.get(repeatable.record_id)
        if before is not None:
            if before.request != repeatable:
                raise Refused("Idempotency-Key was used before, for another request", ground="reused-key")
            raise MadeBefore(before)

    def decide(state: Registrations) -> Change:
        look_for_repetition(state)
        private_allowed = service.webhooks.private_allowed
        return Change(identifier, decide_registration(state, webhook, private_allowed=private_allowed))

    # What is refused stores nothing.
    try:
        decide(register.state)
    except MadeBefore:
        # Told in its turn: see Ledger.transact.
        await _transact(service, registrant, look_for_repetition, "POST")
    await register.keep_secret(identifier, secret, wanted.token)
    try:
        await _transact(service, registrant, decide, "POST")
    except (MadeBefore, Refused, Failure, Contended):
        await register.erase_secret(identifier, secret)
        raise
    log.info(
        "webhook_registered",
        webhook=identifier,
        host=urlsplit(webhook.url).netloc,
        endpoints=webhook.endpoints,
        contests=webhook.contest_ids,
        actor=_actor(registrant.username),
    )
    return webhook


async def _transact(service: Service, registrant: Registrant, decide: Decide, method: str) -> None:
    """Append what is decided for a registrant who may still have webhooks. Raises Failure (401) for others."""
    await service.webhooks.authority.fresh()
    _refuse_changed_accounts(service, registrant)
    await service.webhooks.register.transact(
        decide,
        actor=_actor(registrant.username),
        cause=f"{method} {WEBHOOKS}",
        circumstances=service.circumstances,
    )


def _shown(service: Service, webhook: Webhook) -> ShownWebhook:
    entitled = service.webhooks.authority.entitled_role(webhook.owner) is not None
    return ShownWebhook(
        id=webhook.id,
        url=webhook.url,
        endpoints=webhook.endpoints,
        contest_ids=webhook.contest_ids,
        active=webhook.active and entitled,
    )


def _encoded(service: Service, webhook: Webhook) -> bytes:
    return msgspec.json.encode(_shown(service, webhook))


def _answer(
    service: Service, webhook: Webhook, status: HTTPStatus, headers: dict[str, str] | None = None
) -> web.Response:
    data = _encoded(service, webhook)
    return web.Response(
        status=status,
        body=data,
        content_type="application/json",
        headers={
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.VARY: "Authorization",
            hdrs.ETAG: f'"{service.answers.passing(data).entity_tag}"',
            **(headers or {}),
        },
    )
