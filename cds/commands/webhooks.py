"""Decisions about webhooks: registering, changing, deleting and deactivating them (Contest API, "Webhooks").

The specification has no way to change or delete a webhook, and no rule on who may register. Here accounts of the server
may: staff for themselves, and administrators see to all (roles.md; an account of a contest writes nothing outside of
it). This module must not know how anything is called.
"""

from collections.abc import Container, Mapping
from typing import Annotated

import msgspec

from cds.commands.decision import Refused
from cds.commands.properties import Properties, given, refusal_of, refuse_given
from cds.commands.webhook_urls import URL, check_url
from projections.webhooks import Registrations, type_of
from schemas.viewers import Role
from schemas.webhooks import Repeatable, Webhook

WEBHOOKS_MAX = 500
WEBHOOKS_OF_OWNER_MAX = 20
"""How many there may be in all, and of one account."""

CONTEST_IDS_MAX = 1_000
URL_CHARACTERS_MAX = 2_000
TOKEN_CHARACTERS_MAX = 500

ENTITLED: tuple[Role, ...] = ("staff", "admin")
"""Who may register webhooks, and for whom they are called."""

UNKNOWN_WEBHOOK = "webhook not found"


Token = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=TOKEN_CHARACTERS_MAX,
        description="A secret of the receiver: printable ASCII, no space at either end. Every call brings it, and is "
        "signed with it; it is never shown again.",
    ),
]
Endpoints = Annotated[
    tuple[str, ...],
    msgspec.Meta(description="The endpoints whose changes are told, as `submissions`; none mean all."),
]
ContestIds = Annotated[
    tuple[str, ...],
    msgspec.Meta(
        max_length=CONTEST_IDS_MAX,
        description="The contests whose changes are told; none mean all, also those that are made later.",
    ),
]
Active = Annotated[
    bool, msgspec.Meta(description="Whether it is called. One that is activated again goes on where it stopped.")
]
Repeated = Annotated[str, msgspec.Meta(description="May be repeated as it is, and is never changed.")]


class Registering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given to register a webhook; `token` is the secret that comes with every call."""

    url: Annotated[
        str,
        msgspec.Meta(
            max_length=URL_CHARACTERS_MAX,
            description="Where to POST: http or https, without user name, password and fragment. The address must be "
            "a public one, unless the server may call others.",
            extra_json_schema={"format": "uri"},
        ),
    ]
    token: Token
    endpoints: Endpoints = ()
    contest_ids: ContestIds = ()
    active: Active = True


class WebhookPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is null or left out stays as it is."""

    id: Repeated | None = None
    url: Repeated | None = None
    active: Active | None = None
    endpoints: Endpoints | None = None
    contest_ids: ContestIds | None = None
    token: Token | None = None


class Registrant(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: an account of the server, in its role."""

    username: str
    role: Role

    def sees(self, webhook: Webhook) -> bool:
        """Whether a webhook is theirs to see and change."""
        return self.role == "admin" or webhook.owner == self.username


def read_registering(properties: Properties) -> Registering:
    """The registration that a body asks for. Raises Refused."""
    refuse_given(properties, ("id",), "the server chooses it")
    try:
        wanted = msgspec.json.decode(msgspec.json.encode(given(properties)), type=Registering)
    except msgspec.ValidationError as error:
        raise refusal_of(error) from None
    _check_token(wanted.token)
    return msgspec.structs.replace(
        wanted, endpoints=_checked_endpoints(wanted.endpoints), contest_ids=tuple(dict.fromkeys(wanted.contest_ids))
    )


def read_patch(properties: Properties, webhook: Webhook) -> WebhookPatch:
    """The change that a body asks for. The id and the url may be repeated, and are never changed. Raises Refused."""
    try:
        patch = msgspec.json.decode(msgspec.json.encode(given(properties)), type=WebhookPatch)
    except msgspec.ValidationError as error:
        raise refusal_of(error) from None
    if patch.id not in (None, webhook.id):
        raise Refused(f"id is not {webhook.id}, which the URL names", "id", ground="conflict")
    if patch.url not in (None, webhook.url):
        raise Refused("url cannot be changed: another receiver is another webhook", URL)
    if patch.token is not None:
        _check_token(patch.token)
    return msgspec.structs.replace(
        patch,
        endpoints=None if patch.endpoints is None else _checked_endpoints(patch.endpoints),
        contest_ids=None if patch.contest_ids is None else tuple(dict.fromkeys(patch.contest_ids)),
    )


def refuse_unknown_contests(contest_ids: tuple[str, ...] | None, known: Container[str]) -> None:
    """Raise Refused for the first contest that does not exist."""
    for contest_id in contest_ids or ():
        if contest_id not in known:
            raise Refused(f"contest_ids: there is no contest {contest_id}", "contest_ids")


def new_webhook(
    wanted: Registering,
    *,
    identifier: str,
    secret: str,
    owner: str,
    after: Mapping[str, int],
    request: Repeatable | None,
) -> Webhook:
    """The webhook that is wanted. `secret` is the name of its token, `after` are the ends of all contests."""
    return Webhook(
        id=identifier,
        url=wanted.url,
        endpoints=wanted.endpoints,
        contest_ids=wanted.contest_ids,
        active=wanted.active,
        secret=secret,
        owner=owner,
        after=dict(after),
        request=request,
    )


def decide_registration(state: Registrations, webhook: Webhook, *, private_allowed: bool) -> Webhook:
    """The webhook, if it may be. Raises Refused."""
    check_url(webhook.url, private_allowed=private_allowed)
    if len(state) >= WEBHOOKS_MAX:
        raise Refused(f"there are {WEBHOOKS_MAX} webhooks already; delete some", ground="forbidden")
    of_owner = sum(registration.webhook.owner == webhook.owner for registration in state)
    if of_owner >= WEBHOOKS_OF_OWNER_MAX:
        raise Refused(f"this account has {WEBHOOKS_OF_OWNER_MAX} webhooks already; delete some", ground="forbidden")
    return webhook


def decide_patch(webhook: Webhook, patch: WebhookPatch, *, secret: str, after: Mapping[str, int]) -> Webhook:
    """The webhook with a change; the same one when there is none. `secret` is the name of a new token.

    Other endpoints or contests hold behind the ends of all contests, `after`. One that is activated again goes on
    where it stopped. A token that is given is taken for a new one.
    """
    changed = webhook
    if patch.active is not None:
        changed = msgspec.structs.replace(changed, active=patch.active, deactivated=False)
    if patch.token is not None:
        changed = msgspec.structs.replace(changed, secret=secret)
    endpoints = webhook.endpoints if patch.endpoints is None else patch.endpoints
    contest_ids = webhook.contest_ids if patch.contest_ids is None else patch.contest_ids
    if (endpoints, contest_ids) != (webhook.endpoints, webhook.contest_ids):
        changed = msgspec.structs.replace(changed, endpoints=endpoints, contest_ids=contest_ids, after=dict(after))
    return changed


def known_webhook(state: Registrations, identifier: str, registrant: Registrant) -> Webhook:
    """The webhook of that id. Raises Refused where there is none that the registrant may see: these are alike."""
    registration = state.find(identifier)
    if registration is None or not registrant.sees(registration.webhook):
        raise Refused(UNKNOWN_WEBHOOK, ground="unknown")
    return registration.webhook


def _check_token(token: str) -> None:
    """A token travels in a header, where only some characters can stand (RFC 9110, section 5.5)."""
    if not token.isascii() or not token.isprintable():
        raise Refused("token must be printable ASCII characters", "token")
    if token != token.strip():
        raise Refused("token must not begin or end with a space", "token")


def _checked_endpoints(endpoints: tuple[str, ...]) -> tuple[str, ...]:
    """Each endpoint once. Raises Refused for one of which there are no notifications."""
    for endpoint in endpoints:
        if type_of(endpoint) is None:
            raise Refused(f"endpoints: there are no notifications of {endpoint[:40]!r}", "endpoints")
    return tuple(dict.fromkeys(endpoints))
