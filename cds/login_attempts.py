"""Logins under way: many of the same are one, and whoever guesses is slowed (cds/throttling.py).

This module must not know what is verified, nor whose passwords these are.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from cds.addresses import neighbourhood
from cds.commands.user_names import folded_username
from cds.newest_kept import keep_newest
from cds.throttling import Throttle
from schemas.viewers import Viewer

GUESSED_S = 600.0
GUESSED_MAX = 4_096
"""For so long, and so many, wrong credentials are known again."""

RIGHT_BEFORE_MAX = 16_384
"""Credentials that were right once since the server started; they are never slowed by the failures of others."""

Verify = Callable[[], Awaitable[Viewer]]
Keyed = Callable[..., bytes]
"""Makes of texts what they are remembered under, which tells nothing of them."""


class WrongCredentials(Exception):
    """User name and password belong together nowhere, or to an account that is disabled."""


class Throttled(Exception):
    """After so many failures this password is not looked at before `wait_s` seconds have passed."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


class LoginAttempts:
    """The logins that are being verified, and those that failed or succeeded lately."""

    def __init__(self, keyed: Keyed, *, throttled: bool) -> None:
        """Nobody has tried yet. `throttled`: whether failed logins are slowed down."""
        self._keyed = keyed
        self._throttled = throttled
        self._throttle = Throttle()
        self._right_before: OrderedDict[bytes, None] = OrderedDict()
        self._guessed: OrderedDict[bytes, float] = OrderedDict()
        self._verifying: dict[bytes, asyncio.Task[Viewer]] = {}

    @property
    def under_way(self) -> int:
        """How many logins are being verified."""
        return len(self._verifying)

    def close(self) -> None:
        """Give up what is under way."""
        for verifying in self._verifying.values():
            verifying.cancel()

    async def together(
        self, place: str, username: str, password: str, address: str, verify: Verify, *, anywhere: bool = False
    ) -> Viewer:
        """Many requests that come to a place with the same credentials at once are one login.

        `anywhere`: failures for this name are counted together over all addresses too. Raises what
        `verify` raises, and Throttled.
        """
        asked = self._keyed(place, username, password, address)
        verifying = self._verifying.get(asked)
        if verifying is None:
            work = self._slowly_verified(username, password, address, verify, anywhere=anywhere)
            verifying = self._verifying[asked] = asyncio.create_task(work, name="verify a login")
            verifying.add_done_callback(lambda done: self._verified_at_last(asked, done))
        return await asyncio.shield(verifying)

    async def _slowly_verified(
        self, username: str, password: str, address: str, verify: Verify, *, anywhere: bool
    ) -> Viewer:
        """Verify credentials, unless too many from there failed. Raises as `together`."""
        near = neighbourhood(address)
        # Names that some place takes for the same are one here, so that another spelling is no fresh beginning.
        account, guess = self._keyed(folded_username(username)).hex(), self._keyed(username, password, near)
        # The very same wrong password again is no new guess, and one that was right before is none at all.
        guessed = self._guessed_lately(guess) or self._keyed(username, password) in self._right_before
        counted = self._throttled and not guessed
        if counted and (wait_s := self._throttle.attempt(account, near, time.monotonic(), anywhere=anywhere)) > 0:
            raise Throttled(wait_s)
        try:
            viewer = await verify()
        except WrongCredentials:
            keep_newest(self._guessed, guess, time.monotonic() + GUESSED_S, GUESSED_MAX)
            raise
        except BaseException:
            if counted:
                self._throttle.withdraw(account, near, anywhere=anywhere)
            raise
        if counted:
            self._throttle.withdraw(account, near, anywhere=anywhere)
        self._throttle.forgive(account, near)
        keep_newest(self._right_before, self._keyed(username, password), None, RIGHT_BEFORE_MAX)
        return viewer

    def _guessed_lately(self, guess: bytes) -> bool:
        return self._guessed.get(guess, 0.0) > time.monotonic()

    def _verified_at_last(self, asked: bytes, done: asyncio.Task[Viewer]) -> None:
        del self._verifying[asked]
        if not done.cancelled():
            # Whoever waited has been told; when all of them have left, nobody has to be.
            done.exception()
