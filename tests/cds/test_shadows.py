"""Shadows on the memory store: named, opened when asked for, level with the log, and no contests."""

from uuid import uuid4

import msgspec
import pytest

from cds import shadows as module
from cds.commands.decision import Refused
from cds.contests import Contests
from cds.importing import encoded_events
from cds.shadows import Shadows, shadow_stream
from eventstore.memory import MemoryStore
from eventstore.store import Append
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.objects import Contest
from tests.builders import CONTEST, put

TOKENS = TokenMaker(bytes(KEY_BYTES))


async def write(store: MemoryStore, stream: str, contest: Contest = CONTEST) -> None:
    """Append a contest to a stream, as any program may."""
    head = await store.head(stream)
    appended = await store.append(
        Append(
            stream=stream,
            expected_position=head.position,
            events=encoded_events(put(contest)),
            actor="test",
            cause="test",
            batch_id=uuid4(),
            recorded_at_us=0,
        )
    )
    assert appended is not None


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
