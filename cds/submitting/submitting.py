"""Handing in, and looking until it is judged.

This module knows the order of the steps. It must not know either API, nor a terminal.
"""

import asyncio
import ssl

import msgspec

from cds.submitting.asking import asking
from cds.submitting.doors import Door, Login
from cds.submitting.finding import found_door
from cds.submitting.showing import Shown, shown
from cds.submitting.work import NotSubmitted, Work

LOOK_EVERY_S = 0.5
LOOK_EVERY_S_MAX = 3.0
SLOWER = 1.2
"""Each look comes so much later than the one before, up to the most."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where something is handed in and by whom; `trusted` certificates, None: those of the system."""

    url: str
    contest_id: str | None
    login: Login | None
    trusted: ssl.SSLContext | None = None


async def submit(work: Work, target: Target, wait_s: float) -> None:
    """Hand in, and tell what becomes of it, for so long (0: not at all). Raises NotSubmitted."""
    async with asking(target.trusted) as asker:
        with shown() as screen:
            door = await found_door(asker, target.url, target.contest_id, target.login)
            submission_id = await door.hand_in(work)
            screen.say(f"submission {submission_id} of {work.task}: handed in to {door.name}")
            if wait_s:
                await _look(door, submission_id, wait_s, screen)


async def _look(door: Door, submission_id: str, wait_s: float, screen: Shown) -> None:
    pause_s = LOOK_EVERY_S
    try:
        async with asyncio.timeout(wait_s):
            while True:
                standing = await door.standing(submission_id)
                screen.standing(standing)
                if standing.judged:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * SLOWER, LOOK_EVERY_S_MAX)
    except TimeoutError:
        raise NotSubmitted(f"submission {submission_id} was handed in, and not judged within {wait_s:g} s") from None
