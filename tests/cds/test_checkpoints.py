"""Law 10: with a checkpoint, without one and with a spoilt one, a start comes to the same answers, byte for byte."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cds import checkpoints
from cds.checkpointing import make_checkpoint
from cds.checkpoints import fingerprint, held_checkpoint, program_digest
from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.live_contest import LiveContest, stream_of
from eventstore.memory import MemoryStore
from eventstore.store import Checkpoint, Event, EventStore
from projections import feed_lines
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role
from tests.appended_changes import append_changes
from tests.builders import READERS, Reader, small_contest
from tests.histories import History, histories

CONTEST_ID = "contest"
STREAM = stream_of(CONTEST_ID)
TOKENS = TokenMaker(bytes(KEY_BYTES))
OTHER_TOKENS = TokenMaker(bytes(range(KEY_BYTES)))


class WatchedStore(MemoryStore):
    """A store in memory that remembers from where it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_after: list[int] = []

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """As MemoryStore.read."""
        self.read_after.append(after)
        return await super().read(stream, after, limit)

    def replace_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Put another one in its place, whatever it says."""
        self._checkpoints[STREAM] = checkpoint

    def replace_part(self, number: int, content: bytes | None) -> None:
        """Put other bytes in the place of a part of the checkpoint, or take it away."""
        kept = self._checkpoint_parts[STREAM]
        address = self._checkpoints[STREAM].parts[number]
        if content is None:
            del kept[address]
        else:
            kept[address] = content

    def part(self, number: int) -> bytes:
        """The bytes of a part of the checkpoint."""
        return self._checkpoint_parts[STREAM][self._checkpoints[STREAM].parts[number]]

    def forget_checkpoint(self) -> None:
        """As if the table had been emptied."""
        self._checkpoints.clear()
        self._checkpoint_parts.clear()


async def write(store: EventStore, changes: Sequence[ObjectChange]) -> None:
    """Append to the contest."""
    await append_changes(store, STREAM, changes)


async def started(store: MemoryStore, roles: Sequence[Role] = ("public",), tokens: TokenMaker = TOKENS) -> LiveContest:
    """The contest as a process that has just started has it."""
    contest = LiveContest(CONTEST_ID, store, tokens, eager_roles=roles)
    await contest.catch_up()
    return contest


async def answers(contest: LiveContest, readers: Sequence[Reader] = READERS) -> dict[str, bytes]:
    """Feeds, objects, collections and scoreboards, for every reader."""
    found: dict[str, bytes] = {}
    for reader in readers:
        audience, team_id = contest.audience(reader.role), reader.team_id
        for name in OBJECT_TYPES:
            found[f"{reader} {name}"] = b"\n".join(audience.collection(contest.state, name, team_id))
            for identifier in contest.state.objects[name]:
                found[f"{reader} {name} {identifier}"] = audience.object((name, identifier), team_id) or b""
        for frozen in (True, False):
            found[f"{reader} scoreboard {frozen}"] = contest.scoreboard(reader.role, frozen=frozen, group_id=None)
        lines, after, feed = await contest.feed(reader.role), 0, b""
        while (chunk := lines.after(after, TOKENS.tag(repr(reader), 0), team_id=team_id)) is not None:
            feed, after = feed + chunk.data, chunk.sequence
        found[f"{reader} feed"] = feed
    found["versions"] = msgspec.json.encode(sorted((*key, at) for key, at in contest.state.versions.items()))
    found["chain"] = b"".join(contest._chain_bits_at(position) for position in range(1, contest.position + 1))
    return found


@settings(deadline=None, max_examples=15)
@given(histories(), st.lists(st.integers(0, 1_000), min_size=1, max_size=2), st.sets(st.sampled_from(ROLES)))
def test_a_checkpoint_changes_no_answer(history: History, cuts: list[int], roles: set[Role]) -> None:
    """Made at some positions of a random history, with some feeds, and then the rest of the history."""

    async def check() -> None:
        store, begun, last = WatchedStore(), 0, 0
        for cut in sorted(history.base + cut % (len(history.changes) - history.base + 1) for cut in cuts):
            if cut > begun:
                await write(store, history.changes[begun:cut])
            await make_checkpoint(store, CONTEST_ID, TOKENS, roles)
            begun = last = cut
        if history.changes[begun:]:
            await write(store, history.changes[begun:])
        held = await held_checkpoint(store, STREAM, TOKENS)
        assert held is not None
        assert held.position == last
        assert held.roles == roles.union(["public"])
        store.read_after.clear()
        with_checkpoint = await answers(await started(store))
        assert store.read_after[0] == last
        store.forget_checkpoint()
        assert await answers(await started(store)) == with_checkpoint

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", 7)
        asyncio.run(check())


def cut_short(store: WatchedStore) -> None:
    store.replace_part(3, store.part(3)[:-1])


def one_bit_changed(store: WatchedStore) -> None:
    content = bytearray(store.part(3))
    content[len(content) // 2] ^= 1
    store.replace_part(3, bytes(content))


def a_part_missing(store: WatchedStore) -> None:
    store.replace_part(-1, None)


def contents_changed(store: WatchedStore) -> None:
    store.replace_part(0, b"\x90")


def no_parts(store: WatchedStore) -> None:
    store.replace_checkpoint(msgspec.structs.replace(store._checkpoints[STREAM], parts=()))


def contents_of_another_kind(store: WatchedStore) -> None:
    checkpoint = store._checkpoints[STREAM]
    store.replace_checkpoint(msgspec.structs.replace(checkpoint, parts=(checkpoint.parts[3], *checkpoint.parts)))


def of_another_program(store: WatchedStore) -> None:
    store.replace_checkpoint(msgspec.structs.replace(store._checkpoints[STREAM], fingerprint=bytes(32)))


def of_another_log(store: WatchedStore) -> None:
    store.replace_checkpoint(msgspec.structs.replace(store._checkpoints[STREAM], chain=bytes(32)))


def beyond_the_end(store: WatchedStore) -> None:
    checkpoint = store._checkpoints[STREAM]
    store.replace_checkpoint(msgspec.structs.replace(checkpoint, position=checkpoint.position + 100))


def at_an_earlier_position(store: WatchedStore) -> None:
    """As if somebody had taken the row of a position for that of another, chain value and all."""
    event = store._streams[STREAM][4]
    checkpoint = store._checkpoints[STREAM]
    store.replace_checkpoint(msgspec.structs.replace(checkpoint, position=event.position, chain=event.chain))


SPOILT: tuple[Callable[[WatchedStore], None], ...] = (
    cut_short,
    one_bit_changed,
    a_part_missing,
    contents_changed,
    no_parts,
    contents_of_another_kind,
    of_another_program,
    of_another_log,
    beyond_the_end,
    at_an_earlier_position,
)


@pytest.mark.parametrize("spoil", SPOILT)
async def test_a_spoilt_checkpoint_is_as_good_as_none(spoil: Callable[[WatchedStore], None]) -> None:
    """It is named in the log of the program, the contest is read from its beginning, and a new one can be made."""
    store = WatchedStore()
    await write(store, small_contest())
    expected = await answers(await started(store))
    await make_checkpoint(store, CONTEST_ID, TOKENS, ROLES)
    spoil(store)
    store.read_after.clear()
    with capture_logs() as logs:
        contest = await started(store)
    assert store.read_after[0] == 0
    assert [entry["event"] for entry in logs] == ["checkpoint_ignored"]
    assert await answers(contest) == expected
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    store.read_after.clear()
    assert await answers(await started(store)) == expected
    assert store.read_after[0] == contest.position


async def test_under_another_key_of_tokens_a_checkpoint_does_not_count() -> None:
    """Its lines hold tokens under the old key, which nobody could resume from."""
    store = WatchedStore()
    await write(store, small_contest())
    await make_checkpoint(store, CONTEST_ID, OTHER_TOKENS)
    assert await held_checkpoint(store, STREAM, TOKENS) is None
    contest, never = await started(store), WatchedStore()
    await write(never, small_contest())
    assert await answers(contest) == await answers(await started(never))


async def test_a_feed_that_the_checkpoint_does_not_hold_is_replayed() -> None:
    """At the start and later; the next checkpoint may hold it."""
    store = WatchedStore()
    await write(store, small_contest())
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    expected = await answers(await started(store))
    assert await answers(await started(store, roles=("public", "admin"))) == expected
    await make_checkpoint(store, CONTEST_ID, TOKENS, ["admin"])
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    held = await held_checkpoint(store, STREAM, TOKENS)
    assert held is not None
    assert held.roles == {"public", "admin"}
    contest = await started(store)
    store.read_after.clear()
    await contest.feed("admin")
    assert store.read_after == []
    assert await answers(contest) == expected


async def test_a_checkpoint_ahead_of_a_process_that_is_behind_is_caught_up_with() -> None:
    """Another process has made it from events that this one has not seen yet."""
    store = WatchedStore()
    changes = small_contest()
    await write(store, changes[:-1])
    contest = await started(store)
    await write(store, changes[-1:])
    await make_checkpoint(store, CONTEST_ID, TOKENS, ["admin"])
    await contest.feed("admin")
    store.forget_checkpoint()
    assert await answers(contest) == await answers(await started(store))


async def test_what_is_left_undecoded_is_decoded_in_the_background() -> None:
    """And being asked for meanwhile changes nothing."""
    store = WatchedStore()
    await write(store, small_contest())
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = contests.find(CONTEST_ID)
    assert contest is not None
    found = await answers(contest)
    await contest.settle()
    assert await answers(contest) == found
    await contests.close()


async def test_a_contest_without_events_gets_no_checkpoint() -> None:
    store = WatchedStore()
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    assert await store.checkpoint(STREAM) is None


def test_the_fingerprint_is_of_the_program_and_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of any rule makes older checkpoints worthless; one of what decides nothing does not."""
    monkeypatch.setattr(checkpoints, "DERIVED_BY", ("schemas",))
    before, program_digest_of_all = fingerprint(TOKENS), program_digest()
    program_digest.cache_clear()
    try:
        assert program_digest() != program_digest_of_all
        assert before != fingerprint(TOKENS) != fingerprint(OTHER_TOKENS)
    finally:
        program_digest.cache_clear()
