"""What a client makes of an event feed, and what it gets by asking for everything instead.

Nothing of the program is used here: types and references are typed from the specification, and the fold is the
independent one. This module must not know who may see what.
"""

import json
from collections.abc import Iterable, Iterator

from tests import independent_fold
from tests.cds.contest_api.serving import Caller, Json
from tests.expected_references import REFERENCES
from tests.independent_fold import Collections

TYPES = (
    "contest",
    "judgement-types",
    "languages",
    "problems",
    "groups",
    "organizations",
    "teams",
    "persons",
    "accounts",
    "state",
    "submissions",
    "judgements",
    "runs",
    "clarifications",
    "awards",
    "commentary",
)
"""The notification types of the specification (Contest API, "Notifications")."""


def fold(lines: Iterable[bytes], start: Collections | None = None) -> Collections:
    """The collections that lines lead to, from nothing or from earlier ones, which are left as they are."""
    collections = {name: dict(members) for name, members in (start or {}).items()}
    return independent_fold.fold((json.loads(line) for line in lines), collections)


def pointless_deletions(lines: Iterable[bytes]) -> list[str]:
    """Deletions of what the reader has never been shown, or has been told to delete before."""
    shown: set[tuple[str, str | None]] = set()
    found = []
    for notification in map(json.loads, lines):
        key = (notification["type"], notification["id"])
        if notification["data"] is not None:
            shown.add(key)
        elif key in shown:
            shown.remove(key)
        else:
            found.append(f"{key[0]} {key[1]}")
    return found


def token_of(line: bytes) -> str:
    """The token of a line."""
    token: str = json.loads(line)["token"]
    return token


def without_token(line: bytes) -> bytes:
    """A line up to its token."""
    return line.rpartition(b',"token":')[0]


async def everything(caller: Caller, contest_id: str) -> Collections:
    """What GET gives the caller: every endpoint that their `access` lists."""
    access = await caller.json(f"contests/{contest_id}/access")
    found: Collections = {}
    for entry in access["endpoints"]:
        name = entry["type"]
        path = f"contests/{contest_id}" if name == "contest" else f"contests/{contest_id}/{name}"
        if name not in ("contest", "state"):
            found[name] = {each["id"]: each for each in await caller.json(path)}
            continue
        answer = await caller.get(path)
        assert answer.status in (200, 404)
        found[name] = {None: answer.json} if answer.status == 200 else {}
    return {name: members for name, members in found.items() if members}


def named(type_name: str, instance: Json) -> Iterator[tuple[str, str]]:
    """Type and id of everything that an object names."""
    for path, target in REFERENCES.get(type_name, {}).items():
        first, _, second = path.partition(".")
        values = instance.get(first)
        if second:
            values = [each.get(second) for each in values or ()]
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                yield target, value


def dangling(collections: Collections) -> list[str]:
    """Every reference that leads nowhere."""
    return [
        f"{name} {identifier} names {target} {value}"
        for name, members in collections.items()
        for identifier, instance in members.items()
        for target, value in named(name, instance)
        if value not in collections.get(target, {})
    ]


def file_references(instance: Json) -> Iterator[Json]:
    """Every file reference object anywhere in an answer."""
    if isinstance(instance, list):
        for each in instance:
            yield from file_references(each)
    elif isinstance(instance, dict):
        if "mime" in instance and "filename" in instance:
            yield instance
        for each in instance.values():
            yield from file_references(each)
