"""The operations on webhooks, and the call that a receiver gets.

This module must not know the object types.
"""

from collections.abc import Mapping

from cds.commands.webhooks import ENTITLED, Registering, WebhookPatch
from cds.openapi.json_schemas import Json, Schema, component_name, reference
from cds.openapi.operations import (
    NOT_MODIFIED,
    Operation,
    answered,
    answered_without_body,
    in_path,
    parameter,
    sent,
)
from cds.webhooks.calling import DELIVERY_HEADER, ID_HEADER, SIGNATURE_HEADER, TOKEN_HEADER
from schemas.webhooks import WEBHOOKS, ShownWebhook

TAGS: Mapping[str, str] = {
    WEBHOOKS: "Where to tell what changes. For accounts of the server itself, not for those of a contest: staff sees "
    "and changes its own, administrators all. Each webhook is told what the account that registered it may see.",
}

ALL = f"/{WEBHOOKS}"
ONE = f"{ALL}/{{id}}"

SENT: Mapping[str, Json] = {
    "url": "https://board.example.org/changes",
    "token": "a secret of the receiver",
    "endpoints": ["submissions", "judgements"],
    "contest_ids": ["wf2031"],
}
SHOWN: Mapping[str, Json] = {
    "id": "w1",
    **{name: value for name, value in SENT.items() if name != "token"},
    "active": True,
}

CALLED: Mapping[str, Json] = {
    "contest_id": "wf2031",
    "notifications": [
        {
            "type": "languages",
            "id": "kotlin",
            "data": {"id": "kotlin", "name": "Kotlin", "entry_point_required": True, "extensions": ["kt"]},
            "token": "AAAAAAAAAAA",
        }
    ],
}

CALL_HEADERS: Mapping[str, str] = {
    TOKEN_HEADER: "The token of the registration.",
    SIGNATURE_HEADER: "`t=SECONDS,v1=HEX`: the time of the call since the epoch, and the HMAC-SHA-256 of that time, a "
    "dot and the body, with the token as its key.",
    ID_HEADER: "The id of the webhook.",
    DELIVERY_HEADER: "Another one for each call.",
}


def webhook_operations() -> list[Operation]:
    """All of them, in the order of the document."""
    return [*_reading(), *_writing()]


def _reading() -> list[Operation]:
    shown = reference(ShownWebhook.__name__)
    several: Schema = {"type": "array", "items": shown}
    return [
        Operation(
            verb="get",
            path=ALL,
            identifier="list_webhooks",
            tag=WEBHOOKS,
            summary="All webhooks that the caller may see",
            roles=ENTITLED,
            parameters=(parameter("If-None-Match"),),
            answers={"200": answered(several, "The webhooks.", example=[SHOWN]), "304": NOT_MODIFIED},
            refusals=(403,),
        ),
        Operation(
            verb="get",
            path=ONE,
            identifier="get_webhook",
            tag=WEBHOOKS,
            summary="One webhook",
            description="`active` is false also while nobody would be called, as when the account may not any more.",
            roles=ENTITLED,
            parameters=(*in_path(ONE), parameter("If-None-Match")),
            answers={"200": answered(shown, "The webhook.", example=SHOWN), "304": NOT_MODIFIED},
            refusals=(403,),
        ),
    ]


def _writing() -> list[Operation]:
    shown = reference(ShownWebhook.__name__)
    return [
        Operation(
            verb="post",
            path=ALL,
            identifier="post_webhook",
            tag=WEBHOOKS,
            summary="Register a webhook",
            description="From now on what changes is told; no endpoints or contests mean all of them.",
            roles=ENTITLED,
            parameters=(parameter("Idempotency-Key"),),
            body=sent(reference(component_name(Registering, "request")), SENT),
            callbacks={"changes": {"{$request.body#/url}": {"post": _call()}}},
            answers={
                "201": answered(shown, "Registered.", headers=("Location", "ETag", "Cache-Control"), example=SHOWN)
            },
            refusals=(422,),
        ),
        Operation(
            verb="patch",
            path=ONE,
            identifier="patch_webhook",
            tag=WEBHOOKS,
            summary="Change a webhook",
            description="One that is activated again goes on where it stopped; `active: true` also has one that fails "
            "called at once. What is null or left out stays as it is.",
            roles=ENTITLED,
            parameters=(*in_path(ONE), parameter("If-Match")),
            body=sent(reference(component_name(WebhookPatch, "request")), {"active": True}),
            answers={"200": answered(shown, "As it is now.", example=SHOWN)},
            refusals=(412,),
        ),
        Operation(
            verb="delete",
            path=ONE,
            identifier="delete_webhook",
            tag=WEBHOOKS,
            summary="Delete a webhook",
            roles=ENTITLED,
            parameters=(*in_path(ONE), parameter("If-Match")),
            answers={"204": answered_without_body("It is gone.")},
            refusals=(412,),
        ),
    ]


def _call() -> Schema:
    """What the receiver gets: a POST about one contest, one at a time and in order."""
    notifications: Schema = {"type": "array", "minItems": 1, "items": reference("Notification")}
    properties: Schema = {"contest_id": reference("Identifier"), "notifications": notifications}
    body: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    headers: list[Schema] = [
        {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
        for name, about in CALL_HEADERS.items()
    ]
    return {
        "summary": "What has changed",
        "description": "The lines of the event feed as the account that registered the webhook gets them, of one "
        "contest, in their order; one call at a time. Check the signature before you believe it.",
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "example": CALLED}}},
        "responses": {
            "2XX": {"description": "Taken; these are not sent again."},
            "default": {"description": "Not taken; they come again, perhaps with more."},
        },
    }
