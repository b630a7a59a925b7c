"""The duty that erases what is left over."""

import asyncio

import msgspec
import pytest

from cds.users import tidying
from cds.users.tidying import keep_tidy
from eventstore.memory import MemoryStore
from eventstore.store import StoreUnavailable
from schemas.users import CREDENTIALS, UserCredential
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.users.registers import Process

LEFT_OVER = msgspec.json.encode(UserCredential(password_hash="hash", made_ms=0))


async def test_it_begins_at_once_and_goes_on_when_the_database_is_back(
    desk: Process, memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "AWAY_PAUSE_S", 0.01)
    monkeypatch.setattr(tidying, "TIDY_EVERY_S", 0.01)
    await desk.enter("ada")
    kept, failures = memory_store.kept, iter((True, True))

    async def faltering(kind: str, ids: object = None) -> dict[str, bytes]:
        if next(failures, False):
            raise StoreUnavailable("away")
        return await kept(kind)

    monkeypatch.setattr(memory_store, "kept", faltering)
    for number in range(2):
        await memory_store.keep(CREDENTIALS, {f"left{number}": LEFT_OVER})
        keeping = asyncio.create_task(keep_tidy(desk.register))
        async with asyncio.timeout(DEADLINE_S):
            while len(await kept(CREDENTIALS)) > 1:
                await asyncio.sleep(0.01)
        keeping.cancel()
    assert await desk.token("ada"), "what is in force stays"
