"""Passwords in a feed: they are taken out of the line before it is kept, because the log holds no secrets.

This module is pure; it must not know what becomes of a password.
"""

import re

import orjson

from cds.dialects.json_values import JsonValue, Unreadable, decode_json
from cds.upstream.notifications import objects_of, row_of

ACCOUNTS = "accounts"
LETTER_ESCAPED = re.compile(rb"\\u00[67]")
"""One of `a` to `z`, written as an escape (RFC 8259, section 7)."""

UNREADABLE = b"(a line about accounts that cannot be read; it is not kept, as it may hold passwords)"


def without_passwords(line: bytes) -> tuple[bytes, dict[str, str]]:
    """The line as it may be kept, and the passwords by account id.

    Of a line that may hold one and cannot be read nothing is kept but that there was one.
    """
    # A look at the bytes is enough for nearly all; type and key can be spelled with escapes of their letters, though.
    spelled_otherwise = b"\\u00" in line and LETTER_ESCAPED.search(line) is not None
    if not spelled_otherwise and (b"accounts" not in line or b"password" not in line):
        return line, {}
    try:
        notification = decode_json(line)
    except Unreadable:
        return UNREADABLE, {}
    row = row_of(notification)
    if row is None or row.name != ACCOUNTS or not isinstance(notification, dict):
        return line, {}
    found: dict[str, str] = {}
    for key, source in objects_of(row, notification):
        password = None if source is None else source.get("password")
        if isinstance(password, str) and password:
            found[key[1]] = password
    return orjson.dumps(_stripped(notification)), found


def _stripped(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _stripped(member) for name, member in value.items() if name != "password"}
    if isinstance(value, list):
        return [_stripped(member) for member in value]
    return value
