"""Webhooks: what is registered, who registered it, and how far it has been told (Contest API, "Webhooks").

A registration stands in a stream of its own; the secret that came with it does not, nor how far its calls have come.
This module must not know who may register, nor how calls are made.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.properties import NonNegativeInteger

WEBHOOKS = "webhooks"
"""The stream of all registrations, and the type of its events."""


class Repeatable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request that made a webhook, where it came with an Idempotency-Key: keyed hashes of the key and the body."""

    record_id: str
    fingerprint: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A registration as it stands in the log.

    No endpoints are all endpoints, no contests all contests. `after` holds, by contest, the last position that was
    written when endpoints and contests were chosen: what comes behind it is told under this choice; a contest that is
    not in it did not exist then. `secret` names the secret that every call brings (the property `token`); the secret
    itself is kept elsewhere. `owner` is the account of the server that registered it, by its user name. `deactivated`:
    it is not active because its calls failed for too long.
    """

    id: str
    url: str
    endpoints: tuple[str, ...] = ()
    contest_ids: tuple[str, ...] = ()
    active: bool = True
    deactivated: bool = False
    owner: str
    after: dict[str, NonNegativeInteger] = {}
    secret: str
    request: Repeatable | None = None

    @property
    def secret_id(self) -> str:
        """The id under which its present secret is kept."""
        return f"{self.id}/{self.secret}"


class ShownWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What the API shows of a webhook; never its token. `active` is whether it would be called now."""

    id: Annotated[str, Meta(description="Chosen by the server; every call brings it (Webhook-Id).")]
    url: Annotated[str, Meta(description="Where it is called.")]
    endpoints: Annotated[tuple[str, ...], Meta(description="The endpoints whose changes are told; none mean all.")]
    contest_ids: Annotated[tuple[str, ...], Meta(description="The contests whose changes are told; none mean all.")]
    active: Annotated[bool, Meta(description="Whether it would be called now.")]


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How far a webhook has been told of one contest: the place of the last line that was taken, as in its token.

    `failed_for_ms` is for how long calls about this contest have failed, all of them, at a time when somebody called at
    all; None when the last one did not fail.
    """

    position: NonNegativeInteger
    index: NonNegativeInteger
    chain_bits: bytes = b""
    failed_for_ms: NonNegativeInteger | None = None
