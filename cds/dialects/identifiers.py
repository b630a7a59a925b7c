"""Ids of others: the rule, and what is kept although it breaks the rule.

This module knows what is safe in a segment of a URL and in a path. It must not know any object.
"""

import re
import unicodedata

from cds.dialects.results import quoted

ID_CHARACTERS_MAX = 255
"""Ids longer than the rule's 36 characters are kept up to this length."""

_UNSAFE = re.compile(r"[/\\?#%\s\x00-\x1f\x7f]")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def unsafe_reason(identifier: str) -> str | None:
    """Why an id cannot be a segment of a URL or of a path, None when it can."""
    if not identifier:
        return "is an empty id"
    if identifier in (".", ".."):
        return f"is {quoted(identifier)}, which is no id"
    if len(identifier) > ID_CHARACTERS_MAX:
        return f"is an id of more than {ID_CHARACTERS_MAX} characters"
    found = _UNSAFE.search(identifier)
    if found is not None:
        return f"is {quoted(identifier)}: an id must not hold {quoted(found[0])}"
    if not identifier.isascii() and any(unicodedata.category(c) in _UNSAFE_CATEGORIES for c in identifier):
        return f"is {quoted(identifier)}: an id must not hold spaces or control characters"
    return None
