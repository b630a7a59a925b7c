"""The operations that belong to no object type: metadata, scoreboard, event feed, settings, and the document itself.

This module must not know the object types.
"""

from collections.abc import Mapping

from cds.commands.contest_settings import SettingsPatch
from cds.openapi.examples import example_of
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import (
    NOT_MODIFIED,
    Operation,
    answered,
    answered_as,
    in_path,
    parameter,
    query,
    sent,
)
from cds.openapi.type_endpoints import CONTEST
from schemas.aggregates import Scoreboard
from schemas.metadata import Access, ApiInformation
from schemas.objects import Account
from schemas.viewers import ROLES, Role

TEXT: Schema = {"schema": {"type": "string"}}
STREAM = "text/event-stream"

TAGS: Mapping[str, str] = {
    "information": "What this API is, and what the caller may see and do.",
    "scoreboard": "The board as the caller may see it; never stored, always computed.",
    "event feed": "Every change that the caller may see, from the beginning, as it happens.",
    "x-settings": "How this server runs a contest (not part of the Contest API).",
}

SEE_SETTINGS: tuple[Role, ...] = ("staff", "admin")

FEED_NOTE = (
    "One notification a line: `{type, id, data, token}`; `id` is null for the contest and its state, `data` null for "
    "what is gone. It begins with everything there is, does not end by itself, and an empty line comes when nothing "
    "else does. Resume behind any line with its token: `since_token`, or `Last-Event-ID` for server-sent events "
    "(`Accept: text/event-stream`), whose ids are the tokens. What a client may no longer see comes as gone."
)
BOARD_NOTE = (
    "With `Accept: text/event-stream` a stream of server-sent events: the whole board, then the rows that change. "
    "Whoever has a board names it in `Last-Event-ID`, or in `last_event_id`, and is sent only what changed since. "
    "A group that does not exist, or that the caller may not see, is 404."
)

LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event of the stream that the client got; browsers send it.",
    "schema": {"type": "string"},
}


def other_operations(known: Mapping[str, Schema]) -> list[Operation]:
    """All of them, in the order of the document."""
    return [*_information(known), _scoreboard(known), _event_feed(), *_settings(), *_document()]


def _information(known: Mapping[str, Schema]) -> list[Operation]:
    account: Json = {"id": "team1", "username": "team1", "type": "team", "team_id": "t1"}
    return [
        Operation(
            verb="get",
            path="/",
            identifier="get_api_information",
            tag="information",
            summary="What this API is and who provides it",
            parameters=(parameter("If-None-Match"),),
            answers={
                "200": answered(
                    reference(ApiInformation.__name__),
                    "API information.",
                    example=example_of(known[ApiInformation.__name__], known),
                ),
                "304": NOT_MODIFIED,
            },
        ),
        Operation(
            verb="get",
            path=f"{CONTEST}/access",
            identifier="get_access",
            tag="information",
            summary="What the caller may see and do in a contest",
            description="Depends on neither data nor the phase of the contest, but for one thing: `ext` of a type is "
            "listed, with its namespaces, only where the caller is shown an object that has it.",
            parameters=(*in_path(CONTEST), parameter("at"), parameter("strict"), parameter("If-None-Match")),
            answers={
                "200": answered(
                    reference(Access.__name__),
                    "Capabilities, and the properties of every endpoint.",
                    example={
                        "capabilities": ["team_submit", "post_clar"],
                        "endpoints": [{"type": "groups", "properties": ["id", "icpc_id", "name", "type"]}],
                    },
                ),
                "304": NOT_MODIFIED,
            },
        ),
        Operation(
            verb="get",
            path=f"{CONTEST}/account",
            identifier="get_account",
            tag="information",
            summary="The account that asks",
            description="404 for whoever has none here.",
            roles=tuple(role for role in ROLES if role != "public"),
            parameters=(*in_path(CONTEST), parameter("strict"), parameter("If-None-Match")),
            answers={
                "200": answered(reference(Account.__name__), "The account.", example=account),
                "304": NOT_MODIFIED,
            },
        ),
    ]


def _scoreboard(known: Mapping[str, Schema]) -> Operation:
    body = answered(reference(Scoreboard.__name__), "The board.", example=example_of(known[Scoreboard.__name__], known))
    content = body["content"]
    media = {**content, STREAM: TEXT} if isinstance(content, Mapping) else {}
    return Operation(
        verb="get",
        path=f"{CONTEST}/scoreboard",
        identifier="get_scoreboard",
        tag="scoreboard",
        summary="The scoreboard",
        description=BOARD_NOTE,
        parameters=(
            *in_path(CONTEST),
            query("group_id", {"type": "string"}, "Only the teams of this group, ranked by themselves."),
            query("frozen", {"type": "boolean"}, "The board as the public sees it; for those who may see the other."),
            query("last_event_id", {"type": "string"}, "As `Last-Event-ID`, for the first request of a stream."),
            LAST_EVENT_ID,
            parameter("at"),
            parameter("strict"),
            parameter("If-None-Match"),
        ),
        answers={"200": {**body, "content": media}, "304": NOT_MODIFIED},
    )


def _event_feed() -> Operation:
    line = {**TEXT, "x-line": reference("Notification")}
    return Operation(
        verb="get",
        path=f"{CONTEST}/event-feed",
        identifier="get_event_feed",
        tag="event feed",
        summary="The event feed",
        description=FEED_NOTE,
        parameters=(
            *in_path(CONTEST),
            query("since_token", {"type": "string"}, "The token of the last line that the client has."),
            query("since_id", {"type": "string"}, "The same, under its older name."),
            query("types", {"type": "string"}, "Only these types, separated by commas."),
            query("stream", {"type": "boolean", "default": True}, "false: end when everything so far has been sent."),
            parameter("strict"),
            LAST_EVENT_ID,
        ),
        answers={
            "200": answered_as({"application/x-ndjson": line, STREAM: TEXT}, "The lines.", headers=("Cache-Control",))
        },
    )


def _settings() -> list[Operation]:
    path = f"{CONTEST}/x-settings"
    name = SettingsPatch.__name__
    shown = reference(name)
    webhooks: Json = {"deactivate_after": "1:00:00.000"}
    example: Json = {"clock": True, "computed": True, "rule": "places", "medals": [4, 4, 4], "webhooks": webhooks}
    return [
        Operation(
            verb="get",
            path=path,
            identifier="get_settings",
            tag="x-settings",
            summary="How this server runs the contest",
            roles=SEE_SETTINGS,
            parameters=(*in_path(path), parameter("If-None-Match")),
            answers={"200": answered(shown, "The settings.", example=example), "304": NOT_MODIFIED},
            refusals=(403,),
        ),
        Operation(
            verb="patch",
            path=path,
            identifier="patch_settings",
            tag="x-settings",
            summary="Change how this server runs the contest",
            description="The clock and the awards on or off, the rule for medals, which awards clients keep, and "
            "(`webhooks.deactivate_after`) for how long calls of a webhook may fail before it becomes inactive.",
            roles=("admin",),
            parameters=in_path(path),
            body=sent(reference(f"{name}Sent"), {"clock": True, "medals": [4, 4, 4], "webhooks": webhooks}),
            answers={"200": answered(shown, "As they are now.", headers=("Cache-Control",), example=example)},
        ),
    ]


def _document() -> list[Operation]:
    return [
        Operation(
            verb="get",
            path="/openapi.json",
            identifier="get_openapi_document",
            tag="information",
            summary="This document",
            parameters=(parameter("If-None-Match"),),
            answers={"200": answered({"type": "object"}, "OpenAPI 3.1."), "304": NOT_MODIFIED},
        ),
        Operation(
            verb="get",
            path="/docs",
            identifier="get_documentation",
            tag="information",
            summary="This document as a page",
            parameters=(parameter("If-None-Match"),),
            answers={
                "200": answered_as({"text/html": TEXT}, "The page.", headers=("ETag", "Cache-Control")),
                "304": NOT_MODIFIED,
            },
        ),
    ]
