"""Shadows on the memory store: named, opened when asked for, level with the log, and no contests."""

from collections.abc import Sequence
from uuid import uuid4

import msgspec
import pytest

from cds import shadows as module
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange, Refused
from cds.committing import ATTEMPTS_MAX, Contended
from cds.contests import Contests
from cds.importing import encoded_events, fold_stream
from cds.shadows import Shadows, end_shadow, shadow_stream, shadows_among
from eventstore.memory import MemoryStore
from eventstore.store import Append, Head
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.objects import Contest
from tests.builders import CONTEST, START, put, small_contest, state

TOKENS = TokenMaker(bytes(KEY_BYTES))


async def write(store: MemoryStore, stream: str, contest: Contest = CONTEST) -> None:
    """Append a contest to a stream, as any program may."""
    await append(store, stream, put(contest))


async def append(store: MemoryStore, stream: str, changes: Sequence[ObjectChange]) -> None:
    """Append changes to a stream."""
    head = await store.head(stream)
    appended = await store.append(
        Append(
            stream=stream,
            expected_position=head.position,
            events=encoded_events(changes),
            actor="test",
            cause="test",
            batch_id=uuid4(),
            recorded_at_us=0,
        )
    )
    assert appended is not None


async def dropped(store: MemoryStore, name: str) -> int:
    """End a shadow, as the command does; how many events that took."""
    return await end_shadow(store, "finals", name, actor="test", cause="test", circumstances=SYSTEM)


class Interrupted(MemoryStore):
    """The same log; some appends come too late, since somebody else writes just before them."""

    def __init__(self, store: MemoryStore, stream: str) -> None:
        """A stream of a store."""
        self.__dict__ = store.__dict__
        self.stream = stream
        self.interruptions = 2

    async def append(self, batch: Append) -> Head | None:
        """As there, after another has written."""
        if self.interruptions:
            self.interruptions -= 1
            other = put(msgspec.structs.replace(CONTEST, name=f"Interrupted {self.interruptions}"))
            position = (await self.head(self.stream)).position
            await super().append(
                msgspec.structs.replace(
                    batch, events=encoded_events(other), expected_position=position, batch_id=uuid4()
                )
            )
        return await super().append(batch)


async def test_shadows_have_names_and_are_no_contests(memory_store: MemoryStore) -> None:
    shadows, contests = Shadows(memory_store, TOKENS), Contests(memory_store, TOKENS)
    for contest_id, name in (("finals", "second"), ("finals", "another"), ("finals2", "third")):
        await write(memory_store, shadow_stream(contest_id, name))
    await write(memory_store, "contest:finals")
    assert await shadows.names("finals") == ["another", "second"]
    assert await shadows.names("final") == []
    await contests.load()
    try:
        assert [contest.contest_id for contest in contests] == ["finals"]
        await contests.fresh()
        assert contests.ids() == {"finals"}
        assert await contests.found("shadow:finals/second") is None
    finally:
        await contests.close()


async def test_a_shadow_is_as_the_log_has_it(memory_store: MemoryStore) -> None:
    shadows = Shadows(memory_store, TOKENS)
    assert await shadows.found("finals", "second") is None
    await write(memory_store, shadow_stream("finals", "second"))
    shadow = await shadows.found("finals", "second")
    assert shadow is not None
    assert shadow.position == 1
    await write(memory_store, shadow_stream("finals", "second"), msgspec.structs.replace(CONTEST, name="Other"))
    assert await shadows.found("finals", "second") is shadow
    assert shadow.state.contest is not None
    assert shadow.state.contest.name == "Other"


async def test_only_so_many_stay_in_memory(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHADOWS_OPEN_MAX", 2)
    shadows = Shadows(memory_store, TOKENS)
    found = {}
    for name in ("one", "two", "three"):
        await write(memory_store, shadow_stream("finals", name))
        found[name] = await shadows.found("finals", name)
    assert await shadows.found("finals", "three") is found["three"]
    again = await shadows.found("finals", "one")
    assert again is not None
    assert again is not found["one"]


@pytest.mark.parametrize("name", ["", "a/b", "a b", ".a", "x" * 37, "ä"])
async def test_what_is_no_name_is_refused_and_not_found(memory_store: MemoryStore, name: str) -> None:
    with pytest.raises(Refused):
        shadow_stream("finals", name)
    assert await Shadows(memory_store, TOKENS).found("finals", name) is None


def test_a_contest_id_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(Refused):
        shadow_stream("x" * 190, "second")


async def test_a_shadow_that_has_ended_is_none_and_may_come_again(memory_store: MemoryStore) -> None:
    """Also when its updates have ended, which they have in every contest that is over."""
    stream = shadow_stream("finals", "second")
    shadows = Shadows(memory_store, TOKENS)
    contest = [*small_contest(), *put(state(started=START, end_of_updates=START))]
    await append(memory_store, stream, contest)
    found = await shadows.found("finals", "second")
    assert found is not None
    assert found.state.ended_updates
    assert await dropped(memory_store, "second") == sum(map(len, found.state.objects.values()))
    assert await dropped(memory_store, "second") == 0
    assert await shadows.found("finals", "second") is None
    assert await shadows.names("finals") == []
    assert not any((await fold_stream(memory_store, stream)).objects.values())
    await write(memory_store, stream)
    assert await shadows.names("finals") == ["second"]


async def test_the_shadows_of_one_contest_end_with_it(memory_store: MemoryStore) -> None:
    shadows = Shadows(memory_store, TOKENS)
    for contest_id, name in (("finals", "one"), ("finals", "two"), ("finals2", "three")):
        await write(memory_store, shadow_stream(contest_id, name))
    await shadows.end("finals", actor="test", circumstances=SYSTEM)
    assert await shadows.names("finals") == []
    assert await shadows.names("finals2") == ["three"]


async def test_a_shadow_ends_however_much_is_written_to_it_meanwhile(memory_store: MemoryStore) -> None:
    stream = shadow_stream("finals", "second")
    await write(memory_store, stream)
    store = Interrupted(memory_store, stream)
    await end_shadow(store, "finals", "second", actor="test", cause="test", circumstances=SYSTEM)
    assert store.interruptions == 0
    assert not any((await fold_stream(memory_store, stream)).objects.values())
    store.interruptions = ATTEMPTS_MAX
    await write(memory_store, stream)
    with pytest.raises(Contended):
        await end_shadow(store, "finals", "second", actor="test", cause="test", circumstances=SYSTEM)


def test_streams_of_shadows_are_told_from_others() -> None:
    streams = ["contest:finals", "shadow:finals/b", "source:finals/b", "shadow:a/b/c", "shadow:finals/.no", "shadow:"]
    assert shadows_among(streams) == [("a/b", "c"), ("finals", "b")]
