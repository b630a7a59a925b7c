"""The order of names among teams that share a rank: the Unicode Collation Algorithm.

This module knows names alone. It must not know teams or ranks.
"""

from functools import cache, lru_cache
from typing import Protocol, cast

import pyuca  # type: ignore[import-untyped] # the library carries no types; `_Collator` says what is used of it

COLLATION_KEYS_MAX = 65_536
"""How many names keep their key: more than any contest has teams."""


class _Collator(Protocol):
    """What is used of the library."""

    def sort_key(self, text: str) -> tuple[int, ...]:
        """The key by which a text is ordered."""
        ...


@lru_cache(maxsize=COLLATION_KEYS_MAX)
def collation_key(name: str) -> tuple[int, ...]:
    """A key that puts names in the order of the root collation (JSON Format, "Scoreboard": team names).

    Letters decide first, then accents, then case; en-US, which the specification names, has no order of its own.
    Names that differ in ignorable characters alone have equal keys.
    """
    return tuple(_collator().sort_key(name))


@cache
def _collator() -> _Collator:
    """The collator, made when the first tie asks for it: it reads a table of tens of thousands of lines."""
    return cast("_Collator", pyuca.Collator())
