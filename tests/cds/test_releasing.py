"""A thaw of many objects in a live contest: it goes out in pieces, and nobody sees more or less than they are told."""

import asyncio
from itertools import count

import pytest

from cds import freshness
from cds.circumstances import SYSTEM
from cds.contests import Contests
from cds.freshness import while_it_gets_on
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest, stream_of
from cds.releasing import RELEASED_AT_ONCE_MAX
from eventstore.memory import MemoryStore
from eventstore.store import NewEvent
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.served_versions import DRAFT, ServedVersion
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from tests.builders import Reader, judgement, moment, put, setup, state, submission
from tests.cds.test_contests import TOKENS, write
from tests.independent_fold import Collections, fold
from tests.projections.test_law_feeds import collections, parsed

CONTEST_ID = "released"
SUBMISSIONS = 3 * RELEASED_AT_ONCE_MAX
SUBMISSIONS_OF_SMALL_THAWS = 60
SMALL_THAWS = 20
DEADLINE_S = 60
READERS = (Reader("public"), Reader("team", "t1"), Reader("judge"))
UNTIL_THAW = {"started": moment("0:00:00.000"), "frozen": moment("4:00:00.000"), "ended": moment("5:00:00.000")}
THAW = encoded_events(put(state(**UNTIL_THAW, thawed=moment("6:00:00.000"))))
LATER = encoded_events(put(submission("later", "t2", "a", "0:30:00.000")))


class Onlooker:
    """Reads the feeds of a contest and asks for its collections, again and again."""

    def __init__(self, contest: LiveContest, version: ServedVersion = DRAFT) -> None:
        self.contest = contest
        self.version = version
        self.told: dict[Reader, Collections] = {reader: {} for reader in READERS}
        self.places = dict.fromkeys(READERS, 0)
        self.judged: set[int] = set()

    async def look(self) -> None:
        """Law 1, for all readers, just now."""
        for reader in READERS:
            lines = await self.contest.feed(reader.role, self.version)
            tag = TOKENS.tag(str(reader), ALL_TYPES_MASK)
            while (chunk := lines.after(self.places[reader], tag, ALL_TYPES_MASK, reader.team_id)) is not None:
                fold(chunk.data, self.told[reader])
                self.places[reader] = chunk.sequence
            assert self.told[reader] == self.got(reader), reader
        self.judged.add(len(self.told[READERS[0]].get("judgements", {})))

    def got(self, reader: Reader) -> Collections:
        """What GET gives."""
        audience = self.contest.audience(reader.role, self.version)
        found = {
            name: {
                SINGLETON_ID if row.singleton else parsed(member)["id"]: member
                for member in audience.collection(self.contest.state, name, reader.team_id)
            }
            for name, row in OBJECT_TYPES.items()
        }
        return collections({name: members for name, members in found.items() if members})

    async def look_until(self, done: asyncio.Event) -> None:
        """At every turn of the loop."""
        while not done.is_set():
            await self.look()
            await asyncio.sleep(0)


async def frozen_contest(store: MemoryStore, submissions: int = SUBMISSIONS) -> LiveContest:
    """A contest with many judged submissions in its freeze, as one process holds it."""
    changes = [*setup(), *put(state(**UNTIL_THAW))]
    for number in range(submissions):
        team_id = f"t{number % 2 + 1}"
        changes += put(submission(f"s{number}", team_id, "a", "4:30:00.000"))
        changes += put(judgement(f"j{number}", f"s{number}", "WA", "4:30:05.000"))
    await write(store, CONTEST_ID, encoded_events(changes))
    contest = LiveContest(CONTEST_ID, store, TOKENS)
    await contest.catch_up()
    return contest


async def transact(contest: LiveContest, events: list[NewEvent]) -> None:
    """Write some events."""

    def decide(_state: ContestState) -> Decision:
        return Decision(events=events)

    await contest.transact(decide, actor="test", cause="test", circumstances=SYSTEM)


def judged_for(contest: LiveContest, reader: Reader) -> int:
    """How many judgements a reader gets."""
    return sum(1 for _ in contest.audience(reader.role).collection(contest.state, "judgements", reader.team_id))


async def test_a_thaw_goes_out_in_pieces_between_which_law_one_holds() -> None:
    """Others are served in between; commands that come meanwhile are answered when all of it is out."""
    contest = await frozen_contest(MemoryStore())
    onlooker, done = Onlooker(contest), asyncio.Event()
    await onlooker.look()
    assert onlooker.judged == {0}
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(onlooker.look_until(done))
        thawing = tasks.create_task(transact(contest, THAW))
        await asyncio.sleep(0)
        await transact(contest, LATER)
        assert thawing.done()
        assert judged_for(contest, READERS[0]) == SUBMISSIONS
        done.set()
        await looking
    assert len(onlooker.judged) > 2, "nobody could look between the pieces"
    for role in ("public", "team", "judge"):
        assert contest.audience(role).shown == Audience.of_state(role, contest.state).shown


async def test_a_reader_who_gives_up_leaves_no_release_half_done() -> None:
    """Whoever comes next waits for the rest of it before anything else is applied."""
    store = MemoryStore()
    contest = await frozen_contest(store)
    onlooker = Onlooker(contest)
    await onlooker.look()
    before = contest.position
    await write(store, CONTEST_ID, [*THAW, *LATER])
    reading = asyncio.create_task(contest.catch_up())
    async with asyncio.timeout(DEADLINE_S):
        while contest.position == before:
            await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert judged_for(contest, READERS[0]) < SUBMISSIONS
    await contest.catch_up()
    await onlooker.look()
    assert judged_for(contest, READERS[0]) == SUBMISSIONS
    assert contest.position == (await store.head(stream_of(CONTEST_ID))).position


async def test_where_others_write_a_reader_waits_for_the_whole_of_it() -> None:
    """What another process has told already is never missing here, however large it is."""
    store = MemoryStore()
    contest = await frozen_contest(store)
    before = contest.position
    await write(store, CONTEST_ID, THAW)
    reading = asyncio.create_task(contest.catch_up())
    async with asyncio.timeout(DEADLINE_S):
        while contest.position == before:
            await asyncio.sleep(0)
        await contest.fresh()
    assert judged_for(contest, READERS[0]) == SUBMISSIONS
    await reading


async def test_a_reader_waits_as_long_as_something_is_being_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a release takes, the database is well, and nobody is told otherwise."""
    store = MemoryStore()
    contest = await frozen_contest(store)
    await contest.feed("judge")
    await write(store, CONTEST_ID, [*THAW, *LATER])
    before, counting = contest.progress, count()
    monkeypatch.setattr(freshness, "LOOK_S_MAX", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(LiveContest, "progress", property(lambda _: next(counting)))
        async with asyncio.timeout(DEADLINE_S):
            await contest.fresh()
    assert next(counting) > 2, "the release was through before anybody looked again"
    assert contest.progress > before + 2, "every piece of a release is progress"
    assert contest._looks.no_answer_at_s == float("-inf")
    assert contest.position == (await store.head(stream_of(CONTEST_ID))).position
    assert judged_for(contest, READERS[0]) == SUBMISSIONS


async def test_what_does_not_get_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "LOOK_S_MAX", 0.0)
    given_up = asyncio.Event()

    async def reading() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    with pytest.raises(TimeoutError):
        await while_it_gets_on(reading(), lambda: 7)
    assert given_up.is_set()


async def test_who_asks_for_all_contests_waits_for_a_release_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of contests is as new as a contest that is asked for by its name."""
    store = MemoryStore()
    await frozen_contest(store)
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = contests.find(CONTEST_ID)
    assert contest is not None
    monkeypatch.setattr(MemoryStore, "group_alone", property(lambda _: True))
    before = contest.position
    await write(store, CONTEST_ID, THAW)
    async with asyncio.timeout(DEADLINE_S):
        while contest.position == before:
            await asyncio.sleep(0)
        assert judged_for(contest, READERS[0]) < SUBMISSIONS
        await contests.fresh()
    assert judged_for(contest, READERS[0]) == SUBMISSIONS
    await contests.close()


async def test_a_server_that_is_alone_lets_nobody_wait_for_a_release_in_order_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether all contests are asked for or one: between two pieces GET shows what the feeds have told."""
    store = MemoryStore()
    await frozen_contest(store)
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = contests.find(CONTEST_ID)
    assert contest is not None
    monkeypatch.setattr(MemoryStore, "alone", property(lambda _: True))
    before = contest.position
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        thawing = tasks.create_task(transact(contest, THAW))
        while contest.position == before:
            await asyncio.sleep(0)
        await contests.fresh()
        assert await contests.found(CONTEST_ID) is contest
        assert not thawing.done()
        assert judged_for(contest, READERS[0]) < SUBMISSIONS
        await Onlooker(contest).look()
    assert judged_for(contest, READERS[0]) == SUBMISSIONS
    await contests.close()


async def test_a_feed_that_is_built_lets_others_be_served_after_so_many_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events none of which concerns too many objects do so together."""
    store = MemoryStore()
    contest = await frozen_contest(store, SUBMISSIONS_OF_SMALL_THAWS)
    back = encoded_events(put(state(**UNTIL_THAW)))
    await write(store, CONTEST_ID, [*THAW, *back] * SMALL_THAWS)
    await contest.catch_up()
    advance, viewed, in_one_go = Audience.advance, list[int](), list[int]()

    def counted(audience: Audience, state: ContestState, change: Change, chain: bytes) -> None:
        viewed.append(len(change.keys))
        advance(audience, state, change, chain)

    async def looks() -> None:
        while True:
            in_one_go.append(sum(viewed))
            viewed.clear()
            await asyncio.sleep(0)

    monkeypatch.setattr(Audience, "advance", counted)
    looking = asyncio.create_task(looks())
    await contest.feed("judge")
    looking.cancel()
    assert sum(in_one_go) > 2 * SMALL_THAWS * SUBMISSIONS_OF_SMALL_THAWS
    assert max(in_one_go) < 2 * RELEASED_AT_ONCE_MAX


async def test_a_feed_that_is_built_later_lets_others_be_served_during_a_thaw(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes to the very lines that were told live, and makes no list of objects that it then throws away."""
    store = MemoryStore()
    live = await frozen_contest(store)
    told = await live.feed("judge")
    await write(store, CONTEST_ID, [*THAW, *LATER])
    await live.catch_up()
    late = LiveContest(CONTEST_ID, store, TOKENS)
    await late.catch_up()
    advance = Audience.advance

    def in_one_go(audience: Audience, state: ContestState, change: Change, chain: bytes) -> None:
        assert len(change.keys) <= RELEASED_AT_ONCE_MAX
        advance(audience, state, change, chain)

    def never(*_: object) -> Audience:
        raise AssertionError("the objects of a role were put together, and nobody had asked for them")

    monkeypatch.setattr(Audience, "advance", in_one_go)
    monkeypatch.setattr(Audience, "of_state", never)
    built = await late.feed("judge")
    assert whole(built) == whole(told)
    assert late.audience("judge").shown == live.audience("judge").shown


def whole(lines: FeedLines) -> bytes:
    """All lines of a feed."""
    tag, after, feed = TOKENS.tag("whole", ALL_TYPES_MASK), 0, b""
    while (chunk := lines.after(after, tag, ALL_TYPES_MASK, None)) is not None:
        feed, after = feed + chunk.data, chunk.sequence
    return feed
