"""All that has to do with users put together: the register, logins, codes for new passwords, mails.

This module must not hold rules; it wires.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import msgspec
import structlog

from cds.background import telling_of_failure
from cds.bearer_tokens import BearerTokens
from cds.circumstances import Circumstances
from cds.commands.user_names import mailbox
from cds.identity import Identity
from cds.ledgers import Ledger
from cds.loc_api.call import Caller
from cds.mailing import Mail, Mailer, opened_mailer
from cds.student_api.request_buckets import RequestBuckets
from cds.users.logins import Logins
from cds.users.people import People
from cds.users.register import UserRegister
from cds.users.reset_codes import ResetCodes
from cds.users.resets import PasswordResets
from cds.users.settings import UserSettings
from eventstore.store import EventStore
from projections.users import Users

SIGNUPS_AT_ONCE = 200
SIGNUP_REFILL_S = 6.0
"""Sign-ups of one address in a row, and how long until there is one more: a whole hackathon may sit behind it."""

PROFILE_CHANGES_AT_ONCE = 20
PROFILE_REFILL_S = 60.0
"""Changes of a user's own profile: whether an address is somebody's is told by the answer, as by a sign-up's."""

RESETS_AT_ONCE = 20
RESET_REFILL_S = 60.0
"""Codes that are asked for from one address."""

MAILS_AT_ONCE = 3
MAIL_REFILL_S = 300.0
"""Codes that are sent to one user."""

OTHER_MAILS_AT_ONCE = 10
OTHER_MAIL_REFILL_S = 600.0
"""All other mails to one mailbox. They are for whoever somebody else named, so that they must not be without end; and
apart from codes, so that nobody keeps those from their owner with them."""

DRAIN_S_MAX = 2.0
"""How long a server that stops goes on with addresses that wait to be looked up."""

log = structlog.get_logger(__name__)


class ProfileChanges(msgspec.Struct, frozen=True, kw_only=True):
    """How often profiles may be changed."""

    by_user: RequestBuckets
    by_address: RequestBuckets

    def take(self, user_id: str, neighbourhood: str, now_s: float) -> float:
        """Seconds until a user may change the profile from there; 0: now, and it is counted."""
        return self.by_user.take(user_id, now_s) or self.by_address.take(neighbourhood, now_s)


class UserParts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is. `signups`: how often each address may sign up; `profile_changes`: how often each user, and each
    address, may change a profile; `other_mails`: how many mails that are no codes each mailbox gets.
    """

    register: UserRegister
    logins: Logins
    resets: PasswordResets
    mailer: Mailer
    signups: RequestBuckets
    profile_changes: ProfileChanges
    other_mails: RequestBuckets

    async def people(self) -> People:
        """Everybody, as of now. Raises StoreUnavailable."""
        return await self.register.people()

    async def fresh(self) -> Users:
        """All users by id, as of now. Raises StoreUnavailable."""
        return await self.register.fresh()

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """The name of each of these users, or what stands in its place. Raises StoreUnavailable."""
        return (await self.people()).names(ids)

    async def find(self, username: str) -> str | None:
        """The id of the user of that name who is neither banned nor erased. Raises StoreUnavailable."""
        user = (await self.people()).named(username)
        return None if user is None else user.id

    async def caller(self, token: str, *, now_ms: int) -> Caller:
        """Who comes with a token. Raises BearerRefused and StoreUnavailable."""
        return await self.logins.caller(token, now_ms=now_ms)

    def mail(self, mail: Mail) -> None:
        """Have a mail sent soon that is no code, unless its receiver has had too many lately; returns at once."""
        if self.other_mails.take(mailbox(mail.to), time.monotonic()) > 0:
            log.warning("mail_passed_over", reason="too many for one mailbox", subject=mail.subject)
            return
        self.mailer.send(mail)


@asynccontextmanager
async def opened_users(
    store: EventStore,
    ledger: Ledger[Users],
    identity: Identity,
    tokens: BearerTokens,
    circumstances: Circumstances,
    settings: UserSettings,
    *,
    rate_limits: bool,
) -> AsyncIterator[UserParts]:
    """Users for the length of the block. `ledger` and `identity` are those of the server."""
    codes = ResetCodes(store)
    register = UserRegister(store, ledger, codes, circumstances)
    async with opened_mailer(settings.mail) as mailer:
        resets = PasswordResets(
            register,
            codes,
            identity,
            mailer,
            lifetime_s=settings.reset_s,
            by_address=_buckets(RESETS_AT_ONCE, RESET_REFILL_S, limited=rate_limits),
            by_user=_buckets(MAILS_AT_ONCE, MAIL_REFILL_S, limited=rate_limits),
        )
        running = asyncio.create_task(resets.run(), name="send codes for new passwords")
        running.add_done_callback(telling_of_failure("resets_not_sent"))
        try:
            yield UserParts(
                register=register,
                logins=Logins(store, identity, tokens, register, settings),
                resets=resets,
                mailer=mailer,
                signups=_buckets(SIGNUPS_AT_ONCE, SIGNUP_REFILL_S, limited=rate_limits),
                profile_changes=ProfileChanges(
                    by_user=_buckets(PROFILE_CHANGES_AT_ONCE, PROFILE_REFILL_S, limited=rate_limits),
                    by_address=_buckets(SIGNUPS_AT_ONCE, SIGNUP_REFILL_S, limited=rate_limits),
                ),
                other_mails=_buckets(OTHER_MAILS_AT_ONCE, OTHER_MAIL_REFILL_S, limited=rate_limits),
            )
        finally:
            try:
                async with asyncio.timeout(DRAIN_S_MAX):
                    await resets.drained()
            except TimeoutError:
                log.warning("resets_dropped", reason="the server stops")
            running.cancel()
            await asyncio.wait([running])


def _buckets(at_once: int, refill_s: float, *, limited: bool) -> RequestBuckets:
    return RequestBuckets(requests_max=at_once if limited else 0, refill_s=refill_s)
