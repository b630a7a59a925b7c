"""Chance that falls the same way on every machine and in every Python from 3.11 on.

Only `random.Random.random` is promised never to change, and only + - * / of floats round alike everywhere, so
nothing here (and nothing that draws from it) uses other methods of Random, nor exp, log, sin or pow.
"""

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

Member = TypeVar("Member")


class Chance:
    """One stream of chance. Each part of a simulation has its own, so that leaving one out changes no other."""

    def __init__(self, seed: int, part: str) -> None:
        """Start the stream that belongs to a seed and a named part."""
        digest = sha256(f"{seed}/{part}".encode()).digest()
        # The seed must be repeatable; nothing secret is ever drawn from it.
        self._random = Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - see the line above
        self.fraction = self._random.random
        """Draws a float in [0, 1)."""

    def below(self, bound: int) -> int:
        """Draw an integer in [0, bound)."""
        return int(self.fraction() * bound)

    def between(self, lowest: int, highest: int) -> int:
        """Draw an integer in [lowest, highest]."""
        return lowest + int(self.fraction() * (highest - lowest + 1))

    def happens(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self.fraction() < probability

    def bell(self) -> float:
        """Draw a float in [0, 1) that likes the middle."""
        return (self.fraction() + self.fraction() + self.fraction()) / 3

    def one_of(self, members: Sequence[Member]) -> Member:
        """Draw a member, each as likely as the others."""
        return members[int(self.fraction() * len(members))]

    def weighted(self, members: Sequence[tuple[Member, float]]) -> Member:
        """Draw a member by its weight; the weights may have any sum."""
        total = 0.0
        for _, weight in members:
            # Not sum(): it adds floats differently from Python 3.12 on.
            total += weight
        rest = self.fraction() * total
        for member, weight in members:
            rest -= weight
            if rest < 0:
                return member
        return members[-1][0]

    def shuffled(self, members: Sequence[Member]) -> list[Member]:
        """A new list of the members in an order drawn (Fisher and Yates)."""
        mixed = list(members)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
