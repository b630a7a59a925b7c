"""Places for clients who stay: how many there are, who gets one, and who is turned away.

Nobody is sent away for a newcomer. This module must not know what a client gets.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from schemas.viewers import Viewer

REFUSALS_LOGGED_S = 10.0
"""Refusals within this time are one line of the log: anybody can be refused as often as they like."""

log = structlog.get_logger(__name__)


class Followed(Protocol):
    """What clients follow: a contest, or a part of one."""

    contest_id: str


class NoPlace(Exception):
    """There are as many clients as this process takes; the text is for them."""


class Places:
    """The places for one kind of client in this process, in all and in each contest."""

    def __init__(self, refusal: str, *, places_max: int, of_contest_max: int, places_for_logins: int) -> None:
        """All are free. `refusal` is what the log says of those who are turned away."""
        self._refusal = refusal
        self._places_max = places_max
        self._of_contest_max = of_contest_max
        self._places_for_logins = places_for_logins
        self._taken: dict[Followed, int] = {}
        self._in_all = 0
        self._logged_at_s = float("-inf")
        self._refused_since = 0

    @contextmanager
    def taken(self, contest: Followed, viewer: Viewer) -> Iterator[None]:
        """A place for the length of the block. Raises NoPlace."""
        here = self._taken.get(contest, 0)
        here_max, everywhere_max = (self._open_to(viewer, each) for each in (self._of_contest_max, self._places_max))
        if here >= here_max or self._in_all >= everywhere_max:
            self._refuse(contest, viewer)
        self._taken[contest] = here + 1
        self._in_all += 1
        try:
            yield
        finally:
            self._in_all -= 1
            self._taken[contest] -= 1
            if not self._taken[contest]:
                del self._taken[contest]

    def _open_to(self, viewer: Viewer, places: int) -> int:
        """How many of so many places a viewer may take."""
        return places - min(self._places_for_logins, places // 2) if viewer.anonymous else places

    def _refuse(self, contest: Followed, viewer: Viewer) -> None:
        """Tell of it, not too often. Raises NoPlace."""
        self._refused_since += 1
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._logged_at_s + REFUSALS_LOGGED_S:
            log.warning(
                self._refusal,
                contest=contest.contest_id,
                role=viewer.role_told,
                clients=self._in_all,
                refused=self._refused_since,
            )
            self._logged_at_s, self._refused_since = now_s, 0
        raise NoPlace("this server has as many clients of this kind as it takes; try again")
