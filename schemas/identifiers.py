"""Identifiers: what the specification takes for an ID, and how an id that is put together is kept short enough.

This module must not know any object. What is done with ids of others that break the rule is not decided here.
"""

import hashlib
import re

ID_CHARACTERS_MAX = 36
"""The longest id (JSON Format, "JSON property types", ID)."""

CHARACTERS_KEPT = 27
HASH_DIGITS = 8
"""Of an id that would be longer, so much of its beginning stays, and so many hexadecimal digits of its hash follow."""

_ID = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,34}[A-Za-z0-9_-])?")


def is_identifier(text: str) -> bool:
    """Whether the text is an ID: letters, digits, `_`, `-` and `.`; not first `-` or `.`, not last `.`."""
    return _ID.fullmatch(text) is not None


RESERVED_CONTEST_IDS = frozenset({"sync"})
"""What no contest is called: below `/contests/` it is another endpoint of this server (requirements-000, 3.12)."""


def is_contest_identifier(text: str) -> bool:
    """Whether the text is an ID that a contest of this server may have."""
    return is_identifier(text) and text not in RESERVED_CONTEST_IDS


def bounded_id(text: str) -> str:
    """The text, or when it is too long for an ID its beginning, `-` and the beginning of its SHA-256."""
    if len(text) <= ID_CHARACTERS_MAX:
        return text
    return f"{text[:CHARACTERS_KEPT]}-{hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]}"
