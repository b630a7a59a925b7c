"""The ids that things of a platform have here (mapping.md §4): made of the platform's own keys, for good.

This module must not know any platform.
"""

import hashlib
import re

from cds.platforms.questions import Platform
from schemas.identifiers import CHARACTERS_KEPT, HASH_DIGITS, is_identifier

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)


def contest_id(platform: Platform, key: str) -> str:
    """`<platform>-<key>`, as an ID."""
    return identifier(f"{platform}-{key}")


def identifier(plain: str) -> str:
    """The text, or where that is no ID what `hashed` makes of it."""
    return plain if is_identifier(plain) else hashed(plain)


def hashed(plain: str) -> str:
    """The beginning of a text, `-`, and the beginning of its SHA-256; an ID where the text begins like one."""
    digits = hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()[:HASH_DIGITS]
    return f"{_NOT_OF_AN_ID.sub('_', plain)[:CHARACTERS_KEPT]}-{digits}"
