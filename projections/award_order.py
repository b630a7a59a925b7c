"""The order in which awards are listed: by what they are for, and naturally by id within that; it rests on ids alone.

So whoever knows which awards there are knows their order, and an award that is withdrawn and given again is where it
was. This module must not know who sees an award.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

AWARDS = "awards"

RANKED: tuple[re.Pattern[str], ...] = (
    re.compile("winner"),
    re.compile("gold-medal"),
    re.compile("silver-medal"),
    re.compile("bronze-medal"),
    re.compile("rank-.+", re.DOTALL),
    re.compile("highest-honors"),
    re.compile("high-honors"),
    re.compile("honors"),
    re.compile("honorable-mention"),
    re.compile("first-to-solve-.+", re.DOTALL),
    re.compile("group-winner-.+", re.DOTALL),
    re.compile("organization-winner-.+", re.DOTALL),
)
"""What comes before what; all others come last."""

PLACES_KEPT_MAX = 4_096
"""Ids of which the place is remembered."""

Place = tuple[int, tuple[tuple[str, int, str], ...], str]

_NUMBERS = re.compile("([0-9]{1,12})")


@lru_cache(maxsize=PLACES_KEPT_MAX)
def award_place(award_id: str) -> Place:
    """Where an award stands: of two awards the one with the lower place is listed first."""
    rank = next((number for number, name in enumerate(RANKED) if name.fullmatch(award_id)), len(RANKED))
    texts = _NUMBERS.split(award_id)
    pairs = zip(texts[::2], [*texts[1::2], ""], strict=True)
    # Text, then the number behind it as a number, then as it is written: 2 is before 10, and 2 before 02.
    return rank, tuple((text, int(digits or -1), digits) for text, digits in pairs), award_id


def ordered_awards(identifiers: Iterable[str]) -> list[str]:
    """Ids of awards in the order in which they are listed."""
    return sorted(identifiers, key=award_place)


def listed(type_name: str, identifiers: Iterable[str]) -> Iterable[str]:
    """Ids of objects of a type, given in order of creation, in the order in which they are listed."""
    return ordered_awards(identifiers) if type_name == AWARDS else identifiers
