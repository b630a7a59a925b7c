"""Passwords against their hashes: off the event loop, not too many at once, and what came of it remembered shortly.

This module must not know accounts, only that some names have none.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import msgspec

from cds.newest_kept import keep_newest
from cds.passwords import HASHING_THREADS, matches, new_hash, nobodys_hash

REMEMBERED_S = 600.0
REMEMBERED_MAX = 4_096

HASHINGS_WAITING_MAX = 128

NEW_PASSWORDS_WAITING_MAX = 128
"""Passwords that anybody may choose, at a few dozen in a second; they have a thread of their own, so that logins do not
wait for them.
"""

KEYED_BYTES = 32
"""The length of what passwords are remembered under."""


class TooManyLogins(Exception):
    """More passwords wait to be checked, or hashed, than the server takes on."""


class PasswordChecks:
    """Compares passwords with hashes."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="argon2-new")
        self._waiting_for_turns = 0
        self._key = secrets.token_bytes(KEYED_BYTES)
        self._checked: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()
        self._nobodys_hash = nobodys_hash()

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._turns.shutdown(wait=False, cancel_futures=True)

    async def hashed(self, password: str) -> str:
        """The hash under which a new password is kept; made however many wait."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, new_hash, password)

    async def hashed_in_turn(self, password: str) -> str:
        """The same for passwords that come without anybody having logged in. Raises TooManyLogins."""
        if self._waiting_for_turns >= NEW_PASSWORDS_WAITING_MAX:
            raise TooManyLogins
        self._waiting_for_turns += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._turns, new_hash, password)
        finally:
            self._waiting_for_turns -= 1

    async def good(self, stored: str, password: str, whose: str = "") -> bool:
        """Whether a password has a hash; either answer is remembered for a short time. Raises TooManyLogins.

        `whose` tells apart who share a hash, as names do that are nobody's.
        """
        keyed = blake2b(msgspec.json.encode((stored, password, whose)), key=self._key, digest_size=KEYED_BYTES).digest()
        good, until_s = self._checked.get(keyed, (False, 0.0))
        if until_s > time.monotonic():
            return good
        if self._waiting >= HASHINGS_WAITING_MAX:
            raise TooManyLogins
        self._waiting += 1
        try:
            good = await asyncio.get_running_loop().run_in_executor(self._threads, matches, stored, password)
        finally:
            self._waiting -= 1
        keep_newest(self._checked, keyed, (good, time.monotonic() + REMEMBERED_S), REMEMBERED_MAX)
        return good

    async def for_nobody(self, username: str, password: str) -> None:
        """Take as long as with the account that nobody has: the same once more takes no time there either."""
        await self.good(self._nobodys_hash, password, username)
