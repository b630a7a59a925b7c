"""The register of users: their stream in memory, level with the log, and their names and password hashes beside it.

What is kept beside the log is kept under an id of its own before an event names it, and erased once none does any more;
so what the log names is there, and what is erased is gone for good. A decision about names is taken on the contacts
that the log names, so whoever is second in the log finds who was first. This module must not know who may change what,
nor any wire.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Never

import msgspec

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.user_contacts import ContactsBehind, UserContacts
from cds.commands.users import (
    Newcomer,
    UserEvent,
    decide_ban,
    decide_contact,
    decide_erasure,
    decide_follow,
    decide_logout,
    decide_password,
    decide_role,
    decide_signup,
    kept_user,
    known_user,
    user_event,
)
from cds.committing import Contended
from cds.ledgers import Ledger
from cds.shared_reading import SharedReading
from cds.users.erasures import Erasures
from cds.users.keeping import Kept
from cds.users.people import People
from cds.users.reset_codes import ResetCodes, is_good_for
from eventstore.store import EventStore, NewEvent, StoreRefused
from projections.users import Users
from schemas.users import (
    CONTACTS,
    CREDENTIALS,
    User,
    UserContact,
    UserCredential,
    UserErasure,
    UserReset,
    UserRole,
)

ATTEMPTS_MAX = 8
"""Tries to change a profile behind others who change the same, or to meet contacts that stay while they are read."""

READINGS_MAX = 32
"""Tries to decide on names behind others who sign up at the same time, and whose contacts have to be read first."""

NOT_WRITTEN = (Refused, Contended, StoreRefused)
"""After these it is certain that nothing was written."""

PUBLIC_ACTOR = "public"

NOBODYS_CREDENTIAL = "nobody"
"""An id under which nothing is kept; ids that are made have nothing but hexadecimal digits."""

NOTHING_KEPT: Mapping[str, Never] = {}


def actor_of(user_id: str) -> str:
    """Who a user is, as the log names them."""
    return f"user:{user_id}"


class UserRegister:
    """All users in memory."""

    def __init__(
        self,
        store: EventStore,
        ledger: Ledger[Users],
        codes: ResetCodes,
        circumstances: Circumstances,
    ) -> None:
        """Nothing has been read yet."""
        self._codes = codes
        self._ledger = ledger
        self._circumstances = circumstances
        self._contacts = UserContacts()
        # Contacts that an event of this process is about to name.
        self._wanted: set[str] = set()
        # The position of the stream at which contacts that are in force no more were let go of.
        self._tidied = 0
        self._contacts_kept = Kept(store, CONTACTS, UserContact)
        self._credentials_kept = Kept(store, CREDENTIALS, UserCredential)
        self._erasures = Erasures(store)
        self._changing_profile = asyncio.Lock()
        self._reading = SharedReading(self._read_contacts, "read the names of users")

    async def fresh(self) -> Users:
        """All users, with everything that any process had written before this call. Raises StoreUnavailable."""
        return await self._ledger.fresh()

    async def people(self) -> People:
        """Everybody with their names, as of now. Raises StoreUnavailable."""
        state = await self.fresh()
        for _ in range(ATTEMPTS_MAX):
            if self._contacts.is_level_with(state):
                break
            await self._reading.now()
            state = await self.fresh()
        if self._tidied < state.position:
            # Whatever another process has erased is not to stay in the memory of this one.
            self._contacts.let_go_of_moved(state, self._tidied, self._wanted)
            self._tidied = state.position
        return People(state, self._contacts)

    async def password_hash(self, user: User | None) -> str | None:
        """The password hash of a user, None when it is not kept any more. Raises StoreUnavailable.

        For nobody (None) it is looked for all the same, so that it takes as long.
        """
        name = NOBODYS_CREDENTIAL if user is None or user.credential is None else user.credential
        found = await self._credentials_kept.read([name])
        return found[name].password_hash if name in found else None

    async def sign_up(self, username: str, email: str, password_hash: str) -> User:
        """Enter a user. Raises Refused where the name or the address is somebody's, and StoreUnavailable."""
        now_ms = self.now_ms()
        newcomer = Newcomer(username=username, email=email, contact=self._identifier(), credential=self._identifier())
        contact = UserContact(username=username, name=None, email=email, made_ms=now_ms)
        credential = UserCredential(password_hash=password_hash, made_ms=now_ms)
        return await self._written(
            lambda state: decide_signup(state, self._contacts, newcomer, now_ms=now_ms),
            contacts={newcomer.contact: contact},
            credentials={newcomer.credential: credential},
            actor=PUBLIC_ACTOR,
            cause="signup",
        )

    async def change_profile(self, user_id: str, *, name: str | None, email: str) -> UserContact:
        """Change the name (None: as it is) and the address of a user; what is kept now.

        Raises Refused for who is gone, and where the address is somebody else's; Contended and StoreUnavailable.
        """
        # In a process one after the other, so that only other processes can be in between.
        async with self._changing_profile:
            for _ in range(ATTEMPTS_MAX):
                before, contact = await self._present_profile(user_id)
                wanted = msgspec.structs.replace(
                    contact, name=contact.name if name is None else name, email=email, made_ms=self.now_ms()
                )
                try:
                    return await self._change_contact(before, contact, wanted)
                except Refused as refused:
                    if refused.ground != "precondition":
                        raise
        raise Contended(f"user {user_id}: changed by others {ATTEMPTS_MAX} times in a row")

    async def change_password(
        self, user_id: str, password_hash: str, *, generation: int, contact: str | None, cause: str
    ) -> None:
        """Give a user another password; see decide_password. Raises Refused and StoreUnavailable."""
        credential_id = self._identifier()
        kept = {credential_id: UserCredential(password_hash=password_hash, made_ms=self.now_ms())}

        def decide(state: Users) -> User:
            return decide_password(state, user_id, generation=generation, contact=contact, credential=credential_id)

        await self._written(decide, credentials=kept, actor=actor_of(user_id), cause=cause)

    async def ban(self, user_id: str, *, banned: bool, actor: str) -> User:
        """Ban a user, or have them back; who that is now. Raises Refused and StoreUnavailable."""
        now_ms = self.now_ms()
        cause = "ban" if banned else "unban"
        user = await self._written(
            lambda state: decide_ban(state, user_id, banned=banned, now_ms=now_ms), actor=actor, cause=cause
        )
        if banned:
            await self._codes.erase(user_id)
        return user

    async def erase(self, user_id: str, *, actor: str, generation: int | None = None) -> None:
        """Erase all that is kept of a user; `generation`, where it is given, is the one that has to be.

        Raises Refused, and StoreUnavailable, after which it is brought to an end sooner or later, or by asking again.
        """
        present = kept_user(await self.fresh(), user_id)
        if generation is not None and present.generation != generation:
            raise Refused("the password has changed meanwhile", ground="precondition")
        await self._erasures.begin(user_id, UserErasure(actor=actor))
        await self._erase_now(present, actor)

    async def _erase_now(self, present: User, actor: str) -> None:
        now_ms = self.now_ms()

        def decide(state: Users) -> User:
            return decide_erasure(state, present.id, now_ms=now_ms)

        # First what must not stay, so that it is gone for certain when the log says so.
        await self._erase(_no_more([present.contact], None), _no_more([present.credential], None))
        with suppress(Refused):
            # Refused where somebody else has brought it to an end meanwhile.
            await self._written(decide, actor=actor, cause="forget")
        # Behind the event: whoever made a code meanwhile either finds that nobody is there, or is found here.
        await self._codes.erase(present.id)
        await self._erasures.end(present.id)

    async def set_role(self, user_id: str, role: UserRole, *, actor: str) -> None:
        """Give a user another role. Raises Refused and StoreUnavailable."""

        def decide(state: Users) -> Sequence[UserEvent]:
            changed = decide_role(state, user_id, role)
            return () if changed is None else (user_event(changed),)

        await self._transact(decide, actor=actor, cause="role")

    async def follow(self, follower: str, followee: str, *, follow: bool) -> None:
        """Have a user follow another, or not any more. Raises Refused and StoreUnavailable."""
        now_ms = self.now_ms()

        def decide(state: Users) -> Sequence[UserEvent]:
            return (decide_follow(state, follower, followee, follow=follow, now_ms=now_ms),)

        await self._transact(decide, actor=actor_of(follower), cause="follow" if follow else "unfollow")

    async def log_out(self, token_mark: str, *, expires_s: int, actor: str) -> None:
        """Let a token count no more. Raises StoreUnavailable."""
        await self._transact(
            lambda state: decide_logout(state, token_mark, expires_s=expires_s, now_s=self.now_ms() // 1_000),
            actor=actor,
            cause="logout",
        )

    async def tidy(self) -> int:
        """Erase what no user names and none will, and whoever was not erased to the end; how much there was.

        Raises StoreUnavailable.
        """
        begun = await self._erasures.begun()
        for user_id, erasure in begun.items():
            user = (await self.fresh()).find(user_id)
            if user is not None:
                await self._erase_now(user, erasure.actor)
        now_ms, state = self.now_ms(), await self.fresh()
        users = list(state)
        # Also what is left of newcomers of whom it was never known whether they were written down.
        self._contacts.let_go_of_others(state, self._wanted)
        contacts = await self._contacts_kept.unclaimed({user.contact for user in users}, now_ms)
        credentials = await self._credentials_kept.unclaimed({user.credential for user in users}, now_ms)
        await self._contacts_kept.erase(contacts)
        await self._credentials_kept.erase(credentials)

        def good(reset: UserReset) -> bool:
            user = state.find(reset.user)
            return reset.expires_ms > now_ms and user is not None and is_good_for(reset, user)

        return len(begun) + len(contacts) + len(credentials) + await self._codes.tidy(good)

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self._circumstances.now_us() // 1_000

    async def _present_profile(self, user_id: str) -> tuple[User, UserContact]:
        """A user, and what is kept of them. Raises Refused for who is gone."""
        people = await self.people()
        user = known_user(people.state, user_id)
        contact = people.contact(user)
        if contact is None:
            raise Refused("the profile is not kept any more", ground="unknown")
        return user, contact

    async def _change_contact(self, before: User, present: UserContact, wanted: UserContact) -> UserContact:
        """Put other personal data in the place of what a user had. Raises Refused; `precondition` where it is newer."""
        if msgspec.structs.replace(wanted, made_ms=present.made_ms) == present:
            known_user(await self.fresh(), before.id)
            return present
        contact_id = self._identifier()
        await self._written(
            lambda state: decide_contact(state, self._contacts, before, email=wanted.email, contact=contact_id),
            contacts={contact_id: wanted},
            actor=actor_of(before.id),
            cause="profile",
        )
        return wanted

    async def _written(
        self,
        decide: Callable[[Users], User],
        *,
        contacts: Mapping[str, UserContact] = NOTHING_KEPT,
        credentials: Mapping[str, UserCredential] = NOTHING_KEPT,
        actor: str,
        cause: str,
    ) -> User:
        """Keep what an event names, write it, and erase what it names no more; or nothing of all this.

        Raises what `decide` (but for ContactsBehind) and the store raise, and Contended.
        """
        written: list[User] = []
        before: list[User] = []

        def events(state: Users) -> Sequence[UserEvent]:
            written[:] = [decide(state)]
            before[:] = [user for user in (state.find(written[0].id),) if user is not None]
            return [user_event(written[0])]

        self._wanted.update(contacts)
        try:
            await self._contacts_kept.keep(contacts)
            await self._credentials_kept.keep(credentials)
            # Once they are kept: what is at hand may be in force.
            self._contacts.put(contacts)
            await self._decided_with_names(events, actor=actor, cause=cause)
        except NOT_WRITTEN:
            await self._erase(contacts, credentials)
            raise
        finally:
            self._wanted.difference_update(contacts)
        (after,) = written
        await self._erase(
            _no_more([user.contact for user in before], after.contact),
            _no_more([user.credential for user in before], after.credential),
        )
        return after

    async def _decided_with_names(
        self, decide: Callable[[Users], Sequence[UserEvent]], *, actor: str, cause: str
    ) -> None:
        """Decide and write, with the names at hand of everybody who is in the log by then."""
        for _ in range(READINGS_MAX):
            try:
                return await self._transact(decide, actor=actor, cause=cause)
            except ContactsBehind:
                await self._reading.now()
        raise Contended(f"the users: others signed up {READINGS_MAX} times in a row")

    async def _transact(self, decide: Callable[[Users], Sequence[UserEvent]], *, actor: str, cause: str) -> None:
        def events(state: Users) -> Sequence[NewEvent]:
            return [_encoded(event) for event in decide(state)]

        await self._ledger.transact(events, actor=actor, cause=cause, circumstances=self._circumstances)

    async def _erase(self, contacts: Collection[str], credentials: Collection[str]) -> None:
        await self._contacts_kept.erase(contacts)
        self._contacts.let_go(contacts)
        await self._credentials_kept.erase(credentials)

    async def _read_contacts(self) -> None:
        """Read the contacts that are in force and not at hand."""
        for _ in range(ATTEMPTS_MAX):
            state = await self.fresh()
            position, missing = state.position, self._contacts.missing(state)
            self._contacts.put(await self._contacts_kept.read(missing))
            # Another process may have put a later contact in the place of one that is missing, and erased this.
            if (await self.fresh()).position == position:
                self._contacts.settle(position)
                return

    def _identifier(self) -> str:
        return self._circumstances.identifier() + self._circumstances.identifier()


def _encoded(event: UserEvent) -> NewEvent:
    data = None if event.fact is None else msgspec.json.encode(event.fact)
    return NewEvent(type=event.type, id=event.id, data=data)


def _no_more(named: Iterable[str | None], in_force: str | None) -> set[str]:
    """What was named before, and is in force no more."""
    return {id for id in named if id is not None and id != in_force}
