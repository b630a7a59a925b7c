"""What an upstream has to say: the lines of a recorded feed in any dialect, with the files that they name.

Nothing of the program is used here. This module must not know how any of it goes over a wire, nor what goes wrong.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

Notification = dict[str, Any]
"""One line, as `json.loads` gives it; recordings hold anything."""

Objects = dict[str, dict[str, Any]]
"""Type → id → object; what exists once stands under an empty id."""

SPELLINGS = {"contests": "contest"}
SINGLETONS = frozenset({"contest", "state"})


class ServedFile(msgspec.Struct, frozen=True):
    """The bytes behind a reference, and what the server says that they are."""

    content: bytes
    mime: str


class Recording(msgspec.Struct, frozen=True, dict=True):
    """A feed from its beginning, without ends of lines; `files` by their `href` relative to the base URL."""

    contest_id: str
    lines: tuple[bytes, ...]
    files: Mapping[str, ServedFile] = {}

    @cached_property
    def places(self) -> dict[str, int]:
        """The index of the line behind each place at which a client may go on: behind the last that bears it."""
        return {place: index + 1 for index, line in enumerate(self.lines) if (place := place_of(line)) is not None}

    @property
    def resumes(self) -> bool:
        """Whether the lines say where to go on."""
        return bool(self.places)

    def cut_to(self, count: int) -> "Recording":
        """What stood there before more than so many lines had been said."""
        return msgspec.structs.replace(self, lines=self.lines[:count])

    def without_places(self) -> "Recording":
        """The same from a server whose feed cannot be resumed."""
        stripped = tuple(json.dumps(_without_token(line)).encode() for line in self.lines)
        return msgspec.structs.replace(self, lines=stripped)

    def spelled_out(self) -> "Recording":
        """The same with every character as itself, where it was escaped."""
        spelled = tuple(json.dumps(json.loads(line), ensure_ascii=False).encode() for line in self.lines)
        return msgspec.structs.replace(self, lines=spelled)

    def without(self, type_name: str, name: str) -> "Recording":
        """The same with one property less of a type."""
        return msgspec.structs.replace(self, lines=tuple(_without(line, type_name, name) for line in self.lines))

    def objects(self, count: int) -> Objects:
        """What the first so many lines come to: what this server answers to any other question."""
        found: Objects = {}
        for line in self.lines[:count]:
            notification = notification_of(line)
            if notification is not None:
                _take(found, notification)
        return found


def recording_of(path: Path) -> Recording:
    """The recording in an NDJSON file; blank lines are left out."""
    lines = tuple(line.strip() for line in path.read_bytes().split(b"\n") if line.strip())
    contest = next(each for line in lines if (each := notification_of(line)) and _type(each) == "contest")
    return Recording(contest["data"]["id"], lines)


def notification_of(line: bytes) -> Notification | None:
    """The notification that a line is, None for a line that is none."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and isinstance(said.get("type"), str) else None


def place_of(line: bytes) -> str | None:
    """How a client asks to go on behind a line: its token, or in the oldest dialect the id of the event."""
    said = notification_of(line)
    if said is None:
        return None
    place = said["id"] if "op" in said else said.get("token")
    return None if place is None else str(place)


def _without_token(line: bytes) -> Notification:
    said = notification_of(line) or {}
    return {name: value for name, value in said.items() if name != "token"}


def _without(line: bytes, type_name: str, name: str) -> bytes:
    said = notification_of(line)
    if said is None or _type(said) != type_name or not isinstance(said.get("data"), dict):
        return line
    kept = {each: value for each, value in said["data"].items() if each != name}
    return json.dumps({**said, "data": kept}, ensure_ascii=False).encode()


def _type(notification: Notification) -> str:
    name: str = notification["type"]
    return SPELLINGS.get(name, name)


def _take(objects: Objects, notification: Notification) -> None:
    name, data = _type(notification), notification.get("data")
    members = objects.setdefault(name, {})
    if name in SINGLETONS:
        if isinstance(data, dict):
            members[""] = data
    elif isinstance(data, list):
        objects[name] = dict(_members(data))
    elif data is None or notification.get("op") == "delete":
        members.pop(str(notification["id"] if data is None else data["id"]), None)
    else:
        members.update(_members([data]))


def _members(data: Iterable[Notification]) -> Iterable[tuple[str, Notification]]:
    return ((str(each["id"]), each) for each in data if "id" in each)
