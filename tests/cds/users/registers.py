"""A register of users on a store, and what goes with it. This module must not know what the answers should be."""

import asyncio
from collections.abc import Awaitable

import msgspec

from cds.bearer_tokens import KEY_BYTES, BearerTokens
from cds.circumstances import SYSTEM, Circumstances
from cds.commands.decision import Refused
from cds.identity import Identity
from cds.ledgers import Ledger
from cds.mailing import Mail, Mailer
from cds.student_api.request_buckets import RequestBuckets
from cds.users.ledger import users_ledger
from cds.users.logins import Logins
from cds.users.register import UserRegister
from cds.users.reset_codes import ResetCodes
from cds.users.resets import PasswordResets
from cds.users.settings import UserSettings
from eventstore.memory import MemoryStore
from eventstore.store import Append, EventStore, Head, StoreUnavailable
from projections.users import Users
from schemas.users import CONTACTS, CREDENTIALS, RESETS, User
from tests.cds.contest_api.serving import quick_hash

PASSWORD = "correct horse"
HASH = quick_hash(PASSWORD)
ADDRESS = "192.0.2.1"
UNLIMITED = 0
RESET_S = 3_600


class KeptMails:
    """Takes mails, and keeps them."""

    def __init__(self) -> None:
        """None yet."""
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        """Keep one."""
        self.mails.append(mail)


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """What one process has of users."""

    ledger: Ledger[Users]
    register: UserRegister
    identity: Identity
    tokens: BearerTokens
    logins: Logins
    resets: PasswordResets
    codes: ResetCodes
    mailer: Mailer
    outbox: KeptMails

    async def enter(self, username: str, *, email: str | None = None) -> User:
        """Somebody who has PASSWORD."""
        return await self.register.sign_up(username, email or f"{username}@example.com", HASH)

    async def token(self, username: str, password: str = PASSWORD) -> str:
        """A token for right credentials."""
        return await self.logins.log_in(username, password, remembered=False, address=ADDRESS, now_ms=now_ms())

    async def holder(self, token: str) -> str:
        """The name of who comes with a token."""
        return (await self.logins.caller(token, now_ms=now_ms())).username


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return SYSTEM.now_us() // 1_000


def process_on(
    store: EventStore,
    *,
    circumstances: Circumstances = SYSTEM,
    throttled: bool = False,
    mails_at_once: int = UNLIMITED,
    resets_at_once: int = UNLIMITED,
) -> Process:
    """A process on a store; nothing runs beside it."""
    ledger, codes, tokens = users_ledger(store), ResetCodes(store), BearerTokens(bytes(KEY_BYTES))
    register = UserRegister(store, ledger, codes, circumstances)
    identity = Identity(store, tokens, throttled=throttled, users=ledger)
    outbox = KeptMails()
    mailer = Mailer(outbox)
    resets = PasswordResets(
        register,
        codes,
        identity,
        mailer,
        lifetime_s=RESET_S,
        by_address=RequestBuckets(requests_max=resets_at_once),
        by_user=RequestBuckets(requests_max=mails_at_once),
    )
    return Process(
        ledger=ledger,
        register=register,
        identity=identity,
        tokens=tokens,
        logins=Logins(store, identity, tokens, register, UserSettings()),
        resets=resets,
        codes=codes,
        mailer=mailer,
        outbox=outbox,
    )


async def outcomes(*racing: Awaitable[object]) -> list[str]:
    """What becomes of several at once: `done`, or the ground of the refusal."""
    settled = await asyncio.gather(*racing, return_exceptions=True)
    told: list[str] = []
    for each in settled:
        if isinstance(each, BaseException) and not isinstance(each, Refused):
            raise each
        told.append(each.ground if isinstance(each, Refused) else "done")
    return told


async def kept_ids(store: EventStore) -> dict[str, set[str]]:
    """The ids under which anything is kept of users."""
    return {kind: set(await store.kept(kind)) for kind in (CONTACTS, CREDENTIALS, RESETS)}


async def named_ids(process: Process) -> dict[str, set[str]]:
    """The ids that users name."""
    users = list(await process.register.fresh())
    return {
        CONTACTS: {user.contact for user in users if user.contact},
        CREDENTIALS: {user.credential for user in users if user.credential},
        RESETS: set(),
    }


class Dying(MemoryStore):
    """A store whose database goes away when something is written."""

    away = False

    async def append(self, append: Append) -> Head | None:
        """Fails while it is away."""
        if self.away:
            raise StoreUnavailable("away")
        return await super().append(append)
