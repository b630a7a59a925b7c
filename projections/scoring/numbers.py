"""Scores as written in decimals: added up and rounded without the errors of floating point.

This module must not know what is scored.
"""

import sys
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

EXACT_INTEGER_MAX = 2**53
"""Whole scores up to here are written as integers; readers may keep larger ones as floating point anyway."""

EXACT_KEPT_MAX = 4_096
"""Scores that are remembered as fractions: a contest has few different ones."""


@lru_cache(maxsize=EXACT_KEPT_MAX)
def exact(score: float) -> Fraction:
    """A score as it is written in decimals."""
    return Fraction(str(score))


def number(score: Fraction) -> int | float:
    """A score as it is written out: whole ones as integers, and none greater than a number can be."""
    if score.denominator == 1 and abs(score.numerator) <= EXACT_INTEGER_MAX:
        return score.numerator
    return float(min(score, Fraction(sys.float_info.max)))


def exact_sum(scores: Iterable[int | float]) -> int | float:
    """The sum of scores as written in decimals: 0.1 and 0.2 give 0.3, and whole sums are integers."""
    return number(sum(map(exact, scores), Fraction(0)))
