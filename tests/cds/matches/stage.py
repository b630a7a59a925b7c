"""The endpoints about matches without a wire: real rows, real handlers, a register on a store, users without passwords.

The clock stands where a test sets it. This module knows how to ask; it must not know what a right answer is.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from cds.commands.user_contacts import UserContacts
from cds.contest_api.errors import Failure
from cds.contest_api.service import Service
from cds.error_forms import JSEND_DATA
from cds.loc_api import match_administration, matches, parties
from cds.loc_api.asking import Sent, arguments_of
from cds.loc_api.call import Call, Caller
from cds.loc_api.dates import shown_date
from cds.loc_api.rows import Handler, Row
from cds.loc_api.table_of_matches import ADMINISTRATION_OF_MATCHES, MATCHES, MATCHES_OF_USERS, PARTIES
from cds.mailing import Mail
from cds.matches.matches import MatchParts, match_parts
from cds.users.people import People
from eventstore.memory import MemoryStore
from eventstore.store import EventStore
from projections.matches import Matches
from projections.users import Users
from schemas.users import USER, User, UserContact
from tests.cds.contest_api.live_contest_setup import SetClock

ROWS: Mapping[str, Row] = {row.name: row for row in (*MATCHES, *PARTIES, *MATCHES_OF_USERS, *ADMINISTRATION_OF_MATCHES)}

HOUR_MS = 3_600_000
NOW_MS = 1_900_000_000_000 // HOUR_MS * HOUR_MS
"""Where the clock stands at first."""

START_MS = NOW_MS + HOUR_MS
END_MS = START_MS + 5 * HOUR_MS
"""The times of a usual match."""

ADMIN = "admin"
"""An account of the server, which is no user."""

ALICE, BOB, CAROL, DAVE = NAMES = ("alice", "bob", "carol", "dave")


class Reply(msgspec.Struct, frozen=True):
    """An answer: its status, and `data` of a success or a failure, or the message of an error."""

    status: int
    data: Any


class StandInUsers:
    """Users who need no login, with names of their own."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Users `u1`, `u2` and so on."""
        self.state = Users()
        self.mails: list[Mail] = []
        self._contacts = UserContacts()
        for number, name in enumerate(names, start=1):
            contact = UserContact(username=name, name=None, email=f"{name}@example.org", made_ms=0)
            self._contacts.put({f"c{number}": contact})
            self._write(User(id=f"u{number}", created_ms=0, contact=f"c{number}"))

    async def people(self) -> People:
        """Everybody."""
        return People(self.state, self._contacts)

    async def users(self) -> Users:
        """Everybody, without names."""
        return self.state

    def mail(self, mail: Mail) -> None:
        """Keep a mail instead of sending it."""
        self.mails.append(mail)

    def id_of(self, name: str) -> str:
        """The id of the user of that name."""
        user = self._contacts.named(self.state, name)
        assert user is not None
        return user.id

    def change(self, name: str, **changes: Any) -> None:
        """Change a user as the log has it."""
        user = self.state.find(self.id_of(name))
        assert user is not None
        self._write(msgspec.structs.replace(user, **changes))

    def ban(self, name: str) -> None:
        """Ban a user."""
        self.change(name, deleted_ms=1)

    def unban(self, name: str) -> None:
        """Let a user come back."""
        self.change(name, deleted_ms=None)

    def erase(self, name: str) -> None:
        """Erase a user."""
        self.change(name, deleted_ms=1, contact=None)

    def _write(self, user: User) -> None:
        self.state.apply(self.state.position + 1, USER, user.id, msgspec.json.encode(user))


class Stage:
    """A server of matches."""

    def __init__(self, parts: MatchParts, users: StandInUsers, clock: SetClock, store: EventStore) -> None:
        """See `stage`."""
        self.register = parts.register
        self.users = users
        self.clock = clock
        self.store = store
        self.other_contest_ids: list[str] = []
        self._service = cast("Service", SimpleNamespace(matches=parts, users=users, circumstances=clock, contests=self))

    def ids(self) -> frozenset[str]:
        """The ids of the contests that there are beside those of the matches."""
        return frozenset(self.other_contest_ids)

    async def ask(self, name: str, who: str | None = None, **arguments: Any) -> Reply:
        """What the endpoint of that name answers somebody; arguments have their names on the wire, `_` for `-`."""
        row = ROWS[name]
        raw = {key.replace("_", "-"): msgspec.Raw(msgspec.json.encode(each)) for key, each in arguments.items()}
        try:
            call: Call[Any] = Call(
                arguments=arguments_of(Sent(raw, {}), row),
                caller=None if who is None else self._caller(who),
                service=self._service,
                now_ms=self.clock.now_ms,
                address="192.0.2.1",
            )
            answer = await handler_of(name)(call)
        except Failure as failure:
            return Reply(failure.status.value, failure.details.get(JSEND_DATA, failure.message))
        return Reply(answer.status.value, msgspec.to_builtins(answer.data))

    async def data(self, name: str, who: str | None = None, **arguments: Any) -> Any:
        """The data of a success."""
        reply = await self.ask(name, who, **arguments)
        assert reply.status in (HTTPStatus.OK, HTTPStatus.CREATED), reply
        return reply.data

    async def listed(self, name: str, who: str | None = None, **arguments: Any) -> list[Any]:
        """The first page of a list."""
        page = await self.data(name, who, **arguments)
        assert page["page"] == 1
        return cast("list[Any]", page["list"])

    async def made(self, title: str = "Test match", **changes: Any) -> str:
        """A usual match, for parties of one to three; its slug."""
        usual: dict[str, Any] = {
            "title": title,
            "short_description": "In short",
            "long_description": "At length",
            "start_date": shown_date(START_MS),
            "end_date": shown_date(END_MS),
            "min_members": 1,
            "max_members": 3,
            "is_visible": True,
        }
        created = await self.data("create_match", ADMIN, **(usual | changes))
        return cast("str", created["slug"])

    async def joined(self, slug: str, *names: str) -> str:
        """Users who join a match, all in the party of the first; its token."""
        leader, *others = names
        token = (await self.data("join_match", leader, match=slug))["party-token"]
        for name in others:
            await self.data("join_match", name, match=slug)
            await self.data("join_party", name, party=token)
        return cast("str", token)

    def begin(self) -> None:
        """Set the clock to the start of a usual match."""
        self.clock.now_ms = START_MS

    def end(self) -> None:
        """Set the clock to the end of a usual match."""
        self.clock.now_ms = END_MS

    async def state(self) -> Matches:
        """What the register holds when everything is settled."""
        return await self.register.settled()

    def _caller(self, name: str) -> Caller:
        user_id = None if name == ADMIN else self.users.id_of(name)
        return Caller(user_id=user_id, username=name, is_admin=name == ADMIN, token_id="t", expires_at_s=0)


def handler_of(name: str) -> Handler:
    """The handler of a row."""
    for module in (matches, parties, match_administration):
        handler = getattr(module, name, None)
        if handler is not None:
            return cast("Handler", handler)
    raise LookupError(name)


async def stage(
    names: tuple[str, ...] = NAMES,
    store: EventStore | None = None,
    users: StandInUsers | None = None,
    clock: SetClock | None = None,
) -> Stage:
    """A server of matches with these users; on a store of its own in memory, where none is given."""
    users, clock, store = users or StandInUsers(names), clock or SetClock(NOW_MS), store or MemoryStore()
    return Stage(await match_parts(store, users.users, clock), users, clock, store)
