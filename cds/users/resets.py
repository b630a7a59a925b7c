"""A new password for who has forgotten the old one: a code goes to the address, and whoever brings it back may choose.

Whether an address is anybody's is looked up beside the requests, so that nobody learns it from an answer or from how
long that takes. This module must not know any wire.
"""

import asyncio
import secrets
import string
import time

import structlog

from cds.commands.decision import Refused
from cds.commands.user_names import is_password
from cds.identity import Identity
from cds.mailing import Mail, Mailer
from cds.student_api.request_buckets import RequestBuckets
from cds.users.register import UserRegister
from cds.users.reset_codes import ResetCodes, code_hash, is_good_for
from eventstore.store import StoreUnavailable
from schemas.users import User, UserReset

CODE_CHARACTERS = 32
CODE_ALPHABET = string.ascii_letters + string.digits

REQUESTS_WAITING_MAX = 1_000
"""Addresses that wait to be looked up; beyond so many a new one is passed over, and the log says so."""

ATTEMPTS_MAX = 5
AWAY_PAUSE_S = 2.0
"""How often, and how long after a failure, an address is looked up again while the database is away."""

SUBJECT = "A new password"
TEXT = """Somebody, hopefully you, wants to choose a new password for your account. This is the code:

{code}

It is good once, within {hours} hours. If it was not you, there is nothing to do: without the code nothing changes.
"""

log = structlog.get_logger(__name__)


class PasswordUnfit(Exception):
    """The password is the user's own name or address."""


class PasswordResets:
    """Codes for new passwords: asked for, looked at, used."""

    def __init__(
        self,
        register: UserRegister,
        codes: ResetCodes,
        identity: Identity,
        mailer: Mailer,
        *,
        lifetime_s: int,
        by_address: RequestBuckets,
        by_user: RequestBuckets,
    ) -> None:
        """Nobody has asked yet. Beyond the limits by the client's address, and by user, requests come to nothing."""
        self._register = register
        self._codes = codes
        self._identity = identity
        self._mailer = mailer
        self._lifetime_s = lifetime_s
        self._by_address = by_address
        self._by_user = by_user
        self._requested: asyncio.Queue[str] = asyncio.Queue(REQUESTS_WAITING_MAX)

    async def request(self, email: str, *, neighbourhood: str) -> None:
        """Have a code sent to an address, should it be somebody's. Raises StoreUnavailable."""
        # Said before anything depends on whose the address is.
        await self._register.fresh()
        if self._by_address.take(neighbourhood, time.monotonic()) > 0:
            log.warning("reset_passed_over", reason="too many from one address")
            return
        try:
            self._requested.put_nowait(email)
        except asyncio.QueueFull:
            log.warning("reset_passed_over", reason=f"{REQUESTS_WAITING_MAX} wait already")

    async def run(self) -> None:
        """Send codes to those who ask, one after the other, until cancelled."""
        while True:
            email = await self._requested.get()
            try:
                await self._send_patiently(email)
            finally:
                self._requested.task_done()

    async def drained(self) -> None:
        """Wait until nobody waits."""
        await self._requested.join()

    async def checked(self, code: str) -> tuple[UserReset, User]:
        """What a code is good for, and whose it is. Raises Refused (unknown) for all that is wrong with it."""
        reset = await self._codes.newest(code) if _is_code(code) else None
        if reset is not None and reset.expires_ms > self._register.now_ms():
            user = (await self._register.fresh()).find(reset.user)
            if user is not None and is_good_for(reset, user):
                return reset, user
        raise Refused("the code is not good", ground="unknown")

    async def use(self, code: str, password: str) -> None:
        """Give the user of a code a new password.

        Raises Refused (unknown), PasswordUnfit, TooManyLogins and StoreUnavailable.

        Of several who come with one code, one is served: the log decides.
        """
        reset, user = await self.checked(code)
        contact = (await self._register.people()).contact(user)
        if contact is not None and not is_password(password, contact.username, contact.email):
            raise PasswordUnfit
        hashed = await self._identity.hashed_in_turn(password)
        try:
            await self._register.change_password(
                user.id, hashed, generation=reset.generation, contact=reset.contact, cause="reset"
            )
        except Refused:
            raise Refused("the code is not good any more", ground="unknown") from None
        await self._codes.erase(user.id)

    async def _send_patiently(self, email: str) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await self._send(email)
            except StoreUnavailable as away:
                log.warning("reset_delayed", reason=str(away), attempt=attempt)
                await asyncio.sleep(AWAY_PAUSE_S)
            else:
                return
        log.error("reset_passed_over", reason="the database was away for too long")

    async def _send(self, email: str) -> None:
        """Send a code, should the address be somebody's. Raises StoreUnavailable."""
        people = await self._register.people()
        user = people.with_email(email)
        contact = None if user is None else people.contact(user)
        if user is None or user.contact is None or contact is None:
            return
        if self._by_user.take(user.id, time.monotonic()) > 0:
            log.warning("reset_passed_over", reason="too many for one user", user=user.id)
            return
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARACTERS))
        reset = UserReset(
            user=user.id,
            code_hash=code_hash(code),
            generation=user.generation,
            contact=user.contact,
            expires_ms=self._register.now_ms() + self._lifetime_s * 1_000,
        )
        await self._codes.put(reset)
        user_now = (await self._register.fresh()).find(user.id)
        if user_now is None or not is_good_for(reset, user_now):
            # Whoever banned or erased them meanwhile may have looked for codes before this one was kept.
            await self._codes.erase(user.id)
            return
        text = TEXT.format(code=code, hours=max(1, self._lifetime_s // 3_600))
        self._mailer.send(Mail(to=contact.email, subject=SUBJECT, text=text, urgent=True))


def _is_code(text: str) -> bool:
    return len(text) == CODE_CHARACTERS and text.isascii() and text.isalnum()
