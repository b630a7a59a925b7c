"""Random sequences of users, matches, joins, kicks, disbands, leaves, starts, ends and bans beside a small model.

The same answers, invariants kept, and what is read from the log is what lives.
"""

import asyncio
from collections.abc import Coroutine
from itertools import count, cycle
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cds.loc_api.dates import shown_date
from cds.matches.matches import match_parts
from projections.matches import Matches
from schemas.matches import MATCHES
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.matches.model import FRESH, Model, ModelMatch, ModelParty, same
from tests.cds.matches.stage import ADMIN, HOUR_MS, NOW_MS, Reply, Stage, StandInUsers, stage
from tests.effort import DEAR

USERS = ("ada", "bea", "cyd", "dot")
SLUGS = ("match-a", "match-b")
STEPS_MAX = 30

names = st.sampled_from(USERS)
slugs = st.sampled_from(SLUGS)
hours = st.integers(1, 4)

T = TypeVar("T")


class MatchMachine(RuleBasedStateMachine):
    """Endpoints of two servers and a model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        first = self.run(stage(USERS))
        second = self.run(stage(store=first.store, users=first.users, clock=first.clock))
        self.turns = cycle((first, second))
        self.model = Model(NOW_MS)
        self.tokens: list[str] = []
        self.numbers = count(1)

    @property
    def stage(self) -> Stage:
        """One of two servers on one log, in turn."""
        return next(self.turns)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something to its end."""
        return self.runner.run(doing)

    def teardown(self) -> None:
        """At the end another process reads the log, and comes to the same."""
        live, other = self.stage, self.stage
        replayed = _told(self.run(_replayed(live)))
        assert replayed == _told(self.run(live.state())) == _told(self.run(other.state()))
        self.runner.close()

    def both(self, expected: Reply, name: str, who: str | None, **arguments: Any) -> None:
        """What the model has answered is what the endpoint answers; a token is learned."""
        reply = self.run(self.stage.ask(name, who, **arguments))
        assert same(expected, reply), (expected, reply)
        if expected.data == {"party-token": FRESH}:
            assert self.model.new is not None
            self.learn(self.model.new, reply.data["party-token"])

    def learn(self, party: ModelParty, token: str) -> None:
        """The token of a party: always the one that is known, or else one that nobody has ever seen."""
        if party.token is None:
            assert token not in self.tokens
            party.token = token
            self.tokens.append(token)
        assert party.token == token

    @initialize(data=st.data())
    def make_matches(self, data: st.DataObject) -> None:
        """Without any match and party there is little to be seen."""
        for slug in SLUGS:
            self.make(data, slug)
            members = data.draw(st.permutations(USERS))
            self.form_a_party(members[0], members[1 : data.draw(st.integers(2, 4))], slug)

    @rule(data=st.data(), slug=slugs)
    def make_another(self, data: st.DataObject, slug: str) -> None:
        """In the place of one that is over."""
        self.model.settle()
        match = self.model.matches[slug]
        if self.model.now_ms >= match.end_ms and not match.deleted:
            title = f"{slug} {next(self.numbers)}"
            over = self.run(self.stage.data("change_match", ADMIN, match=slug, title=title, is_visible=False))
            assert over["slug"] != slug
            self.make(data, slug)

    def make(self, data: st.DataObject, slug: str) -> None:
        """A match of which the start is a few hours from now, at a full second, as dates are told."""
        fewest, more = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
        start_ms = self.model.now_ms // 1_000 * 1_000 + data.draw(hours) * HOUR_MS
        end_ms = start_ms + data.draw(hours) * HOUR_MS
        times = {"start_date": shown_date(start_ms), "end_date": shown_date(end_ms)}
        self.run(self.stage.made(slug, min_members=fewest, max_members=fewest + more, **times))
        self.model.matches[slug] = ModelMatch(slug, start_ms, end_ms, fewest, fewest + more)

    def active(self, name: str) -> bool:
        """Everything that is due happens in the model; whether a user may ask anything."""
        self.model.settle()
        return name not in self.model.banned

    @rule(name=names, slug=slugs)
    def join(self, name: str, slug: str) -> None:
        """Endpoint 17."""
        if self.active(name):
            self.both(self.model.join(name, slug), "join_match", name, match=slug)

    @rule(name=names, slug=slugs)
    def leave(self, name: str, slug: str) -> None:
        """Endpoint 18."""
        if self.active(name):
            self.both(self.model.leave(name, slug), "leave_match", name, match=slug)

    @precondition(lambda self: self.tokens)
    @rule(name=names, data=st.data())
    def join_party(self, name: str, data: st.DataObject) -> None:
        """Endpoint 23, also with a token that is good no more."""
        token = data.draw(st.sampled_from(self.tokens))
        if self.active(name):
            self.both(self.model.join_party(name, token), "join_party", name, party=token)

    @rule(leader=names, others=st.lists(names, min_size=1, max_size=3, unique=True), slug=slugs)
    def form_a_party(self, leader: str, others: list[str], slug: str) -> None:
        """As many do: all join the match, and then the party of one of them."""
        for name in (leader, *others):
            self.join(name, slug)
        party = self.model.matches[slug].party_of(leader)
        if party is None or party.token is None:
            return
        for name in others:
            if self.active(name):
                self.both(self.model.join_party(name, party.token), "join_party", name, party=party.token)

    @rule(name=names, slug=slugs)
    def leave_party(self, name: str, slug: str) -> None:
        """Endpoint 24."""
        if self.active(name):
            self.both(self.model.leave_party(name, slug), "leave_party", name, match=slug)

    @rule(name=names, slug=slugs, other=names)
    def kick(self, name: str, slug: str, other: str) -> None:
        """Endpoint 25."""
        if self.active(name):
            self.both(self.model.kick(name, slug, other), "kick", name, match=slug, user=other)

    @rule(name=names, slug=slugs)
    def disband(self, name: str, slug: str) -> None:
        """Endpoint 26."""
        if self.active(name):
            self.both(self.model.disband(name, slug), "disband", name, match=slug)

    @rule(name=names, slug=slugs, public=st.booleans())
    def look_for_members(self, name: str, slug: str, public: bool) -> None:
        """Endpoint 27."""
        if self.active(name):
            self.both(self.model.looking(name, slug, public), "set_looking", name, match=slug, lfg=public)

    @rule(name=names, slug=slugs, texts=st.dictionaries(st.sampled_from(["title", "description", "url"]), names))
    def edit(self, name: str, slug: str, texts: dict[str, str]) -> None:
        """Endpoint 22."""
        if self.active(name):
            self.both(self.model.edit(name, slug, texts), "put_submission", name, match=slug, **texts)

    @rule(name=st.none() | names, slug=slugs, leader=st.none() | names)
    def look_at_project(self, name: str | None, slug: str, leader: str | None) -> None:
        """Endpoint 21."""
        if name is None or self.active(name):
            self.model.settle()
            named = {} if leader is None else {"party": leader}
            self.both(self.model.project(name, slug, leader), "get_submission", name, match=slug, **named)

    @rule(slug=slugs, most=st.integers(2, 3))
    def change_size(self, slug: str, most: int) -> None:
        """Parties may become too large, or full ones may not be full any more; none of that once it has started."""
        self.model.settle()
        answer = self.model.resize(slug, most)
        if answer is not None:
            self.both(answer, "change_match", ADMIN, match=slug, max_members=most)

    @rule(slug=slugs)
    def delete_or_undelete(self, slug: str) -> None:
        """It comes back as it was, but for what the clock has done."""
        match = self.model.matches[slug]
        match.deleted = not match.deleted
        self.run(self.stage.data("delete_match", ADMIN, match=slug, delete=match.deleted))

    @rule(name=names)
    def ban_or_unban(self, name: str) -> None:
        """Whoever looks next notices."""
        if name in self.model.banned:
            # Somebody has looked while the ban was there.
            self.model.settle()
            self.run(self.stage.state())
            self.model.banned.remove(name)
            self.stage.users.unban(name)
        else:
            self.model.banned.add(name)
            self.stage.users.ban(name)

    @rule(half_hours=st.integers(1, 4))
    def let_time_pass(self, half_hours: int) -> None:
        """To any moment."""
        self.set_clock(self.model.now_ms + half_hours * HOUR_MS // 2)

    @rule(slug=slugs, end=st.booleans(), before_ms=st.integers(0, 1))
    def let_it_be_time(self, slug: str, end: bool, before_ms: int) -> None:
        """To a start or an end, or to a millisecond before it."""
        match = self.model.matches[slug]
        self.set_clock((match.end_ms if end and match.begun else match.start_ms) - before_ms)

    def set_clock(self, now_ms: int) -> None:
        """Both clocks, never back. Somebody looks before, so that a ban counts for the time in which it was."""
        self.model.settle()
        self.run(self.stage.state())
        self.model.now_ms = self.stage.clock.now_ms = max(now_ms, self.model.now_ms)

    @invariant()
    def all_see_what_the_model_has(self) -> None:
        """The lists of parties, of each user and of each match."""
        self.model.settle()
        for slug in SLUGS:
            for endpoint, expected in (
                ("list_participants", self.model.participants(slug)),
                ("list_looking_parties", self.model.public_parties(slug)),
            ):
                reply = self.run(self.stage.ask(endpoint, match=slug))
                if isinstance(expected, Reply):
                    assert reply == expected
                else:
                    assert sorted(party["members"] for party in reply.data["list"]) == expected
        for name in USERS:
            for endpoint, past in (("list_parties", False), ("list_past_parties", True)):
                listed = self.run(self.stage.listed(endpoint, name))
                found = {each["match"]["slug"]: each["party"] for each in listed}
                parties = dict(self.model.own_parties(name, past))
                assert found.keys() == parties.keys()
                for slug, party in parties.items():
                    assert found[slug]["leader"] == party.members[0]
                    assert found[slug]["members"] == party.members
                    self.learn(party, found[slug]["party-token"])

    @invariant()
    def no_law_is_broken(self) -> None:
        """One party for each user and match, no empty party, and only parties of the right size take part."""
        state = self.run(self.stage.state())
        for match in state:
            parties = state.parties_of(match.id)
            members = [member for party in parties for member in party.members]
            assert len(members) == len(set(members))
            assert all(party.members and party.leader == party.members[0] for party in parties)
            assert all(state.party_of(match.id, member) in parties for member in members)
            assert all(state.of_token(state.token(party)) == party for party in parties)
            assert all(match.started or not party.participating for party in parties)
            assert all((state.project(match.id, party.id) is not None) == party.participating for party in parties)


async def _replayed(live: Stage) -> Matches:
    users: StandInUsers = live.users
    return await (await match_parts(live.store, users.users, SetClock(live.clock.now_ms))).register.fresh()


def _told(state: Matches) -> list[object]:
    """All that a state tells."""
    told: list[object] = [state.position, len(state), [match.id for match in state.unsettled()]]
    for match in state:
        parties = state.parties_of(match.id)
        told += [match, state.of_slug(match.slug), state.next_party_number(match.id), parties]
        told += [(state.token(party), state.project(match.id, party.id)) for party in parties]
        told += [state.party_of(match.id, member) for party in parties for member in party.members]
    return told


async def test_what_happened_to_the_log_is_what_happened(match_stage: Stage) -> None:
    """The machine above compares what a second process reads; here is that it reads anything at all."""
    await match_stage.joined(await match_stage.made(), "alice", "bob")
    replayed = await _replayed(match_stage)
    assert replayed.position == (await match_stage.store.head(MATCHES)).position > 0
    assert _told(replayed) == _told(await match_stage.state())


TestMatchMachine = MatchMachine.TestCase
TestMatchMachine.settings = settings(
    DEAR, stateful_step_count=STEPS_MAX, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
