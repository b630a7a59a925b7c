"""Ids that the server chooses: readable ones for what is configured, fresh ones for what happens.

A counter would tell how much there is that the viewer does not see; only submissions, which everybody sees, are
counted. This module must not know any particular type.
"""

from collections.abc import Container

from slugify import slugify

from schemas.identifiers import is_identifier

SLUG_CHARACTERS_MAX = 30
SPOKEN = (("+", "p"), ("#", "sharp"))
"""So that C, C++ and C# are told apart."""

NUMBERED_MAX = 1_000
"""Objects of one name that are told apart by a number; beyond so many the id is a fresh one."""


def readable_id(name: str, taken: Container[str], fresh_id: str, *, spoken: bool = False) -> str:
    """An id made of a name that is not taken yet; `fresh_id` where there is nothing readable in the name.

    `spoken`: signs in it are part of the name, as in C++.
    """
    slug = slugify(name, max_length=SLUG_CHARACTERS_MAX, replacements=SPOKEN if spoken else ())
    if not is_identifier(slug):
        return fresh_id
    candidates = (slug, *(f"{slug}-{number}" for number in range(2, NUMBERED_MAX)))
    return next((candidate for candidate in candidates if candidate not in taken), fresh_id)
