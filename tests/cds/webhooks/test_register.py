"""The register of webhooks, as several processes have it."""

import asyncio

import pytest

from cds.circumstances import SYSTEM
from cds.live_contest import UnreadableEvent
from cds.webhooks.register import Change, Register
from eventstore.memory import MemoryStore
from eventstore.store import NewEvent
from projections.webhooks import Registrations
from schemas.webhooks import WEBHOOKS, Cursor, Webhook
from tests.eventstore.builders import append_of


def webhook(identifier: str) -> Webhook:
    """A webhook."""
    return Webhook(id=identifier, url="https://example.com/", owner="admin", secret="s")


async def registered(register: Register, identifier: str) -> None:
    """Register a webhook."""
    change = Change(identifier, webhook(identifier))
    await register.transact(lambda _: change, actor="a", cause="c", circumstances=SYSTEM)


def ids(register: Register) -> list[str]:
    """The webhooks that a register knows."""
    return [registration.webhook.id for registration in register.state]


async def test_what_others_have_written_is_known_after_a_look(memory_store: MemoryStore) -> None:
    one, two = Register(memory_store), Register(memory_store)
    await registered(one, "a")
    assert ids(two) == []
    await asyncio.gather(*(two.fresh() for _ in range(5)))
    assert ids(two) == ["a"]


async def test_those_who_write_at_once_all_come_through(memory_store: MemoryStore) -> None:
    """Each is decided anew on what the others wrote first."""
    registers = [Register(memory_store) for _ in range(4)]
    seen: list[int] = []

    async def counted(number: int) -> None:
        def decide(state: Registrations) -> Change:
            seen.append(len(state))
            return Change(f"w{number}", webhook(f"w{number}"))

        await registers[number].transact(decide, actor="a", cause="c", circumstances=SYSTEM)

    await asyncio.gather(*(counted(number) for number in range(4)))
    await registers[0].fresh()
    assert sorted(ids(registers[0])) == ["w0", "w1", "w2", "w3"]
    assert set(seen) == {0, 1, 2, 3}


async def test_secrets_and_cursors_are_kept_by_webhook_and_go_with_it(memory_store: MemoryStore) -> None:
    register = Register(memory_store)
    for identifier in ("a", "b"):
        await register.keep_secret(identifier, "s", f"secret of {identifier}")
        await register.keep_cursor(identifier, "wf/14", Cursor(position=3, index=1, chain_bits=b"1234567"))
    assert await register.secrets() == {"a/s": "secret of a", "b/s": "secret of b"}
    assert await register.cursors("a") == {"wf/14": Cursor(position=3, index=1, chain_bits=b"1234567")}
    await register.erase_deleted(["a"])
    assert (await register.secrets(), await register.cursors("a")) == ({"b/s": "secret of b"}, {})
    await register.erase_secret("b", "s")
    assert (await register.secrets(), len(await register.cursors("b"))) == ({}, 1)


async def test_many_who_begin_together_cost_few_readings(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reading is of everything; who asks while one is under way gets what was written before asking."""
    register, read = Register(memory_store), list[str]()
    kept = memory_store.kept

    async def counted(kind: str) -> dict[str, bytes]:
        read.append(kind)
        found = await kept(kind)
        await asyncio.sleep(0)
        return found

    monkeypatch.setattr(memory_store, "kept", counted)
    for number in range(20):
        await register.keep_cursor(f"w{number}", "wf", Cursor(position=number, index=0))
        await register.keep_secret(f"w{number}", "s", str(number))
    cursors = await asyncio.gather(*(register.cursors(f"w{number}") for number in range(20)))
    assert [found["wf"].position for found in cursors] == list(range(20))
    secrets = await asyncio.gather(*(register.secrets() for _ in range(20)))
    assert all(found["w19/s"] == "19" for found in secrets)
    assert sorted(read) == ["webhook-cursors", "webhook-secrets"]
    reading = asyncio.create_task(register.secrets())
    await asyncio.sleep(0)
    await register.keep_secret("late", "s", "late")
    assert (await register.secrets())["late/s"] == "late"
    await reading


async def test_an_event_of_a_newer_program_is_not_passed_over(memory_store: MemoryStore) -> None:
    event = NewEvent(type=WEBHOOKS, id="a", data=b'{"id":"a","colour":"red"}')
    await memory_store.append(append_of(WEBHOOKS, 0, [event]))
    register = Register(memory_store)
    with pytest.raises(UnreadableEvent, match="webhooks 1"):
        await register.catch_up()
    assert register.state.position == 0
