"""What every dialect of the event feed says around its objects: type, id, data, and the place to resume behind.

This module is pure; what the objects mean is the dialects' affair.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import TYPE_SPELLINGS
from cds.dialects.references import Key
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType

RESUME_CHARACTERS_MAX = 2_000
"""A token that is longer is none that could be sent."""


class Resume(msgspec.Struct, frozen=True):
    """How an upstream is asked to go on behind a line: the name of the parameter, and its value.

    Up to 2020-03 the id of an event (`since_id`), later its token (`since_token`).
    """

    parameter: Literal["since_token", "since_id"]
    value: str


def resume_of(notification: JsonValue) -> Resume | None:
    """How to resume behind a notification, None where it does not say."""
    if not isinstance(notification, dict):
        return None
    token = _text(notification.get("token"))
    if token is not None:
        return Resume("since_token", token)
    event_id = _text(notification.get("id")) if "op" in notification else None
    return None if event_id is None else Resume("since_id", event_id)


def row_of(notification: JsonValue) -> ObjectType | None:
    """The type that a notification is about, None for one that nobody knows."""
    name = notification.get("type") if isinstance(notification, dict) else None
    return OBJECT_TYPES.get(TYPE_SPELLINGS.get(name, name)) if isinstance(name, str) else None


def objects_of(row: ObjectType, notification: JsonObject) -> Iterator[tuple[Key, JsonObject | None]]:
    """The objects that a notification brings, each with its id in it; None for one that is gone."""
    data = notification.get("data")
    named = notification.get("id") if "op" not in notification else None
    if notification.get("op") == "delete" and isinstance(data, dict):
        yield (row.name, _id(row, data, named)), None
    elif isinstance(data, dict):
        yield (row.name, _id(row, data, named)), data if "id" in data or named is None else {**data, "id": named}
    elif isinstance(data, list):
        for each in data:
            if isinstance(each, dict):
                yield (row.name, _id(row, each, None)), each
    elif named is not None:
        yield (row.name, _id(row, {}, named)), None


def replaces_collection(notification: JsonObject) -> bool:
    """Whether a notification says all objects of its type, so that the others are gone."""
    return isinstance(notification.get("data"), list)


def _id(row: ObjectType, data: JsonObject, named: JsonValue) -> str:
    said = data.get("id", named)
    return SINGLETON_ID if row.singleton else str(said)


def _text(value: JsonValue) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if text and len(text) <= RESUME_CHARACTERS_MAX and text.isprintable() else None
