"""A history as lines: for people, in colours on a terminal, or one JSON object each.

Whatever anybody wrote is shown without anything that a terminal would obey. This module must not know where a history
comes from.
"""

from collections.abc import Iterator
from unicodedata import category

import click
import msgspec
from msgspec import UNSET

from cds.past.history import CREATED, DELETED, Happened
from projections.past_changes import PropertyChange
from schemas.times import format_relative_time, format_time

VALUE_CHARACTERS_MAX = 160
"""As much of a value is shown to people; JSON has all of it."""

ELLIPSIS = "…"
NO_CONTEST_TIME = "-"
INDENT = "    "
OLD, NEW, QUIET, STRONG = "red", "green", "bright_black", "cyan"
"""Colours of what was, what is, where and when, and whatever it is about."""


def as_json(happened: Happened) -> str:
    """One line of JSON; what an object has not is left out, and null where it is null."""
    told = {
        "position": happened.position,
        "time": format_time(happened.recorded_ms),
        "contest_time": _contest_time(happened, None),
        "actor": happened.actor,
        "cause": happened.cause,
        "what": happened.what,
        "type": happened.type,
        "id": happened.id or None,
        "changes": [_change_as_json(change) for change in happened.changes],
    }
    return msgspec.json.encode(told).decode()


def as_text(happened: Happened) -> Iterator[str]:
    """Some lines: when, who and why; what; and a line for each property."""
    when = f"{happened.position}  {format_time(happened.recorded_ms)}  {_contest_time(happened, NO_CONTEST_TIME)}"
    who = _harmless(happened.actor or "nobody")
    why = f"  {_harmless(happened.cause)}" if happened.cause else ""
    yield f"{click.style(when, fg=QUIET)}  {click.style(who, bold=True)}{why}"
    name = " ".join(filter(None, (happened.type, happened.id)))
    colour = {CREATED: NEW, DELETED: OLD}.get(happened.what)
    yield f"  {click.style(_harmless(name), fg=STRONG)} {click.style(happened.what, fg=colour)}"
    if happened.what != DELETED:
        yield from map(_change_as_text, happened.changes)


def _change_as_text(change: PropertyChange) -> str:
    path, values = _harmless(change.path), []
    if change.old is not UNSET:
        values.append(click.style(_value(change.old), fg=OLD))
    if change.new is not UNSET:
        values.append(click.style(_value(change.new), fg=NEW))
    else:
        values.append(click.style("(none)", fg=QUIET))
    return f"{INDENT}{path}: {' → '.join(values)}" if path else f"{INDENT}{' → '.join(values)}"


def _change_as_json(change: PropertyChange) -> dict[str, object]:
    values = {"path": change.path, "old": change.old, "new": change.new}
    return {name: value for name, value in values.items() if value is not UNSET}


def _value(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return _harmless(text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + ELLIPSIS)


def _contest_time(happened: Happened, unknown: str | None) -> str | None:
    return unknown if happened.contest_time_ms is None else format_relative_time(happened.contest_time_ms)


def _harmless(text: str) -> str:
    """The text with control characters, and those that turn the direction of writing, spelled out."""
    return "".join(character if category(character)[0] != "C" else f"\\u{ord(character):04x}" for character in text)
