"""Random lives of users against a small model: the same answers, and what must always be so."""

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

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
    user_event,
)
from eventstore.store import NewEvent
from projections.users import CLOCKS_APART_S, Users
from schemas.users import FOLLOW, USER, User, UserContact

NAMES = st.sampled_from(["ada", "bob", "cid"])
EMAILS = st.sampled_from(["a@x", "b@x", "c@x"])
IDS = st.integers(1, 5).map(lambda number: f"u{number}")
GENERATIONS = st.integers(0, 3)


class Person(msgspec.Struct):
    """A user as the model has it."""

    name: str
    email: str
    state: str = "active"
    role: str = "user"
    generation: int = 0


class UserHistories(RuleBasedStateMachine):
    """The decisions and the fold beside a model that keeps nothing but what is so."""

    @initialize()
    def begin(self) -> None:
        """Nobody yet."""
        self.state = Users()
        self.log: list[NewEvent] = []
        self.people: dict[str, Person] = {}
        self.follows: list[tuple[str, str]] = []
        self.logouts: set[str] = set()
        self.contacts = UserContacts()
        self.made = 0

    def _decided(self, decide: Callable[[], Sequence[UserEvent]]) -> str:
        """Write what is decided; `done`, or the ground of the refusal."""
        try:
            events = decide()
        except Refused as refused:
            return refused.ground
        for event in events:
            data = None if event.fact is None else msgspec.json.encode(event.fact)
            self.log.append(NewEvent(type=event.type, id=event.id, data=data))
            self.state.apply(len(self.log), event.type, event.id, data)
        return "done"

    def _identifier(self) -> str:
        self.made += 1
        return f"kept{self.made}"

    def _kept(self, name: str, email: str) -> str:
        """The id of personal data that is at hand, whether or not it comes to be anybody's."""
        contact_id = self._identifier()
        self.contacts.put({contact_id: UserContact(username=name, name=None, email=email, made_ms=0)})
        return contact_id

    def _active(self, user_id: str) -> bool:
        return user_id in self.people and self.people[user_id].state == "active"

    def _taken(self, **wanted: str) -> bool:
        return any(
            getattr(person, name) == value
            for person in self.people.values()
            if person.state != "erased"
            for name, value in wanted.items()
        )

    @rule(name=NAMES, email=EMAILS)
    def sign_up(self, name: str, email: str) -> None:
        """A name and an address are one person's, until that is erased."""
        newcomer = Newcomer(username=name, email=email, contact=self._kept(name, email), credential=self._identifier())
        told = self._decided(lambda: [user_event(decide_signup(self.state, self.contacts, newcomer, now_ms=1))])
        assert told == ("conflict" if self._taken(name=name, email=email) else "done")
        if told == "done":
            self.people[f"u{len(self.people) + 1}"] = Person(name, email)

    @rule(user_id=IDS, email=EMAILS)
    def change_address(self, user_id: str, email: str) -> None:
        """Who is gone changes nothing."""
        before = self.state.find(user_id) or User(id=user_id, created_ms=0, contact="x")
        present = self.contacts.find(before.contact)
        contact = self._kept("nobody" if present is None else present.username, email)
        told = self._decided(
            lambda: [user_event(decide_contact(self.state, self.contacts, before, email=email, contact=contact))]
        )
        if not self._active(user_id):
            assert told == "unknown"
        elif self.people[user_id].email != email and self._taken(email=email):
            assert told == "conflict"
        else:
            assert told == "done"
            self.people[user_id].email = email

    @rule(user_id=IDS)
    def change_a_profile_that_has_changed(self, user_id: str) -> None:
        """It has to be made up anew."""
        before = User(id=user_id, created_ms=0, contact="long gone")
        told = self._decided(
            lambda: [user_event(decide_contact(self.state, self.contacts, before, email="n@x", contact="none"))]
        )
        assert told == ("precondition" if self._active(user_id) else "unknown")

    @rule(user_id=IDS, generation=GENERATIONS)
    def change_password(self, user_id: str, generation: int) -> None:
        """Only in the generation in which it was proved."""
        told = self._decided(
            lambda: [
                user_event(
                    decide_password(
                        self.state, user_id, generation=generation, contact=None, credential=self._identifier()
                    )
                )
            ]
        )
        if not self._active(user_id):
            assert told == "unknown"
        elif self.people[user_id].generation != generation:
            assert told == "precondition"
        else:
            assert told == "done"
            self.people[user_id].generation += 1

    @rule(user_id=IDS, banned=st.booleans())
    def ban(self, user_id: str, *, banned: bool) -> None:
        """A ban ends all tokens; the end of one brings none back."""
        told = self._decided(lambda: [user_event(decide_ban(self.state, user_id, banned=banned, now_ms=2))])
        person = self.people.get(user_id)
        if person is None or person.state == "erased":
            assert told == "unknown"
        elif banned == (person.state == "banned"):
            assert told == "conflict"
        else:
            assert told == "done"
            person.state = "banned" if banned else "active"
            person.generation += banned

    @rule(user_id=IDS)
    def erase(self, user_id: str) -> None:
        """Once; what was followed is followed no more."""
        told = self._decided(lambda: [user_event(decide_erasure(self.state, user_id, now_ms=3))])
        person = self.people.get(user_id)
        assert told == ("unknown" if person is None or person.state == "erased" else "done")
        if person is not None and told == "done":
            person.state, person.role = "erased", "user"
            person.generation += 1
            self.follows = [pair for pair in self.follows if user_id not in pair]

    @rule(user_id=IDS, role=st.sampled_from(["user", "admin"]))
    def set_role(self, user_id: str, role: str) -> None:
        """No event where it is so already."""
        before = len(self.log)

        def decide() -> Sequence[UserEvent]:
            changed = decide_role(self.state, user_id, "admin" if role == "admin" else "user")
            return () if changed is None else (user_event(changed),)

        told = self._decided(decide)
        person = self.people.get(user_id)
        if person is None or person.state == "erased":
            assert told == "unknown"
        else:
            assert (told, len(self.log) - before) == ("done", int(person.role != role))
            person.role = role

    @rule(follower=IDS, followee=IDS, follow=st.booleans())
    def follow(self, follower: str, followee: str, *, follow: bool) -> None:
        """Nobody twice, and nobody themselves."""
        told = self._decided(lambda: [decide_follow(self.state, follower, followee, follow=follow, now_ms=4)])
        pair = (follower, followee)
        if not self._active(follower) or not self._active(followee):
            assert told == "unknown"
        elif follower == followee:
            assert told == "invalid"
        elif follow == (pair in self.follows):
            assert told == "conflict"
        else:
            assert told == "done"
            if follow:
                self.follows.append(pair)
            else:
                self.follows.remove(pair)

    @rule(mark=st.sampled_from(["x", "y"]))
    def log_out(self, mark: str) -> None:
        """Once is enough."""
        before = len(self.log)
        assert self._decided(lambda: decide_logout(self.state, mark, expires_s=1, now_s=0)) == "done"
        assert len(self.log) - before == int(mark not in self.logouts)
        self.logouts.add(mark)

    @invariant()
    def it_is_as_the_model_has_it(self) -> None:
        """Everybody, whom they follow, and who is gone."""
        assert [user.id for user in self.state] == list(self.people)
        for user_id, person in self.people.items():
            user = self.state.find(user_id)
            assert user is not None
            assert (user.active, user.erased) == (person.state == "active", person.state == "erased")
            assert (user.generation, user.role) == (person.generation, person.role)
            if not user.erased:
                assert self.contacts.named(self.state, person.name.upper()) == user
                assert self.contacts.addressed(self.state, person.email.upper()) == user
            following = [b for a, b in self.follows if a == user_id and self._active(b)]
            followers = [a for a, b in self.follows if b == user_id and self._active(a)]
            assert (self.state.following(user_id), self.state.followers(user_id)) == (following, followers)
        assert self.state.gone() == {user_id for user_id in self.people if not self._active(user_id)}
        assert self.state.contacts == {user.contact for user in self.state if not user.erased}

    @invariant()
    def replay_is_live(self) -> None:
        """The log holds all there is."""
        replayed = Users()
        for position, event in enumerate(self.log, start=1):
            replayed.apply(position, event.type, event.id, event.data)
        assert vars(replayed) == vars(self.state)


TestUserHistories = UserHistories.TestCase
TestUserHistories.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("event_type", "identifier", "data"),
    [
        ("x-nothing", "", b"{}"),
        (USER, "u1", None),
        (USER, "u1", b"{}"),
        (USER, "u1", b'{"id":"u1","created_ms":1,"username":"ada"}'),
        (USER, "u1", b'{"id":"u1","created_ms":1,"name_mark":"0123456789abcdef"}'),
        (FOLLOW, "u1.u2", b'{"follower":"u1","followee":"u2","since_ms":1}'),
        ("x-logouts", "m", None),
    ],
)
def test_what_cannot_be_read_changes_nothing(event_type: str, identifier: str, data: bytes | None) -> None:
    """A newer program may have written it; a name in an event is refused, so that none gets there by mistake."""
    state = Users()
    with pytest.raises(msgspec.DecodeError):
        state.apply(1, event_type, identifier, data)
    assert vars(state) == vars(Users())


def told(state: Users, event: UserEvent) -> None:
    """Let the state take in what was decided."""
    state.apply(state.position + 1, event.type, event.id, msgspec.json.encode(event.fact))


def logged_out(state: Users, mark: str, *, expires_s: int, now_s: int) -> None:
    """A token is given back."""
    for event in decide_logout(state, mark, expires_s=expires_s, now_s=now_s):
        told(state, event)


def test_tokens_that_expired_long_ago_are_forgotten_by_the_times_in_the_log() -> None:
    """Of whatever event; clocks may differ by a day, so a token is known a day longer than it is good."""
    state, day_s = Users(), CLOCKS_APART_S
    for number in range(3):
        logged_out(state, f"t{number}", expires_s=number * day_s, now_s=0)
    logged_out(state, "late", expires_s=9 * day_s, now_s=day_s - 1)
    assert [state.is_logged_out(f"t{number}") for number in range(3)] == [True] * 3
    logged_out(state, "later", expires_s=9 * day_s, now_s=day_s)
    assert [state.is_logged_out(f"t{number}") for number in range(3)] == [False, True, True]
    told(state, user_event(User(id="u1", created_ms=2 * day_s * 1_000)))
    assert [state.is_logged_out(f"t{number}") for number in range(3)] == [False, False, True]
    told(state, user_event(User(id="u1", created_ms=0, deleted_ms=3 * day_s * 1_000)))
    assert [state.is_logged_out(mark) for mark in ("t2", "late", "later")] == [False, True, True]
    logged_out(state, "now", expires_s=9 * day_s, now_s=0)
    assert state.is_logged_out("now")


def test_nobody_decides_on_names_without_those_of_all_users() -> None:
    """Somebody else may have signed up whose name is not at hand yet."""
    state, contacts = Users(), UserContacts()
    newcomer = Newcomer(username="ada", email="a@x", contact="c1", credential="p1")
    ada = decide_signup(state, contacts, newcomer, now_ms=1)
    told(state, user_event(ada))
    later = Newcomer(username="bob", email="b@x", contact="c2", credential="p2")
    with pytest.raises(ContactsBehind):
        decide_signup(state, contacts, later, now_ms=2)
    with pytest.raises(ContactsBehind):
        decide_contact(state, contacts, ada, email="c@x", contact="c3")
    contacts.settle(state.position)
    bob = decide_signup(state, contacts, later, now_ms=2)
    told(state, user_event(bob))
    with pytest.raises(ContactsBehind):
        decide_contact(state, contacts, ada, email="c@x", contact="c3")


def test_contacts_at_hand_that_nobody_has_block_no_name() -> None:
    """Also several, and also beside one that is in force; what is let go of has to be looked for again."""
    state, contacts = Users(), UserContacts()
    left_over = UserContact(username="Ada", name=None, email="A@x", made_ms=0)
    contacts.put({"left1": left_over, "left2": left_over})
    ada = decide_signup(state, contacts, Newcomer(username="ada", email="a@x", contact="c1", credential="p1"), now_ms=1)
    contacts.put({"c1": left_over})
    told(state, user_event(ada))
    contacts.put({"left3": left_over})
    assert contacts.named(state, "ADA") == contacts.addressed(state, "a@X") == ada
    contacts.let_go_of_others(state, {"left2"})
    assert len(contacts) == 2
    assert contacts.is_level_with(state)
    assert contacts.named(state, "ADA") == ada
    contacts.let_go(("c1",))
    assert not contacts.is_level_with(state)
    assert contacts.missing(state) == {"c1"}
    assert contacts.named(state, "ada") is None
