"""What fails for longer: for how long it counts, how it is seen, and what is left of it (requirement 135)."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from cds.webhooks import delivery, retrying
from cds.webhooks.batches import Batch
from cds.webhooks.calling import Call, Caller, Outcome
from cds.webhooks.lanes import Lane
from cds.webhooks.register import Register
from cds.webhooks.sender import End, Sender
from eventstore.store import StoreUnavailable
from projections.webhooks import Registration
from schemas.webhooks import Cursor
from tests.cds.contest_api.live_contest_setup import Play, playing
from tests.cds.contest_api.serving import cloned_database
from tests.cds.contest_api.test_webhook_delivery import comment, counted, deactivated, expected
from tests.cds.contest_api.webhook_play import ask, calling_play, registered, shown, without_webhooks
from tests.cds.contest_api.webhook_receiver import SECRET, Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are repeated sooner than usual."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def passing_server(made_template: str) -> AsyncIterator[Play]:
    """A server of their own for those who let hours pass: its contest is over sooner than that of all others."""
    async with cloned_database(made_template) as dsn, calling_play(dsn) as play:
        yield play


@pytest_asyncio.fixture(loop_scope="session")
async def patient(passing_server: Play) -> AsyncIterator[Play]:
    """The contest with the usual patience of an hour, whatever was set before, and without webhooks."""
    await passing_server.ask("root", "PATCH", "x-settings", {"webhooks": {"deactivate_after": "1:00:00"}})
    yield passing_server
    await without_webhooks(passing_server)


async def test_a_fault_of_this_program_is_a_failure_as_any_other(
    patient: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted, said, and ends in deactivation; others are called meanwhile, and nothing is lost."""
    call, broken = Caller.call, f"{receiver.url}-broken"

    async def breaking(self: Caller, made: Call) -> Outcome:
        if made.url == broken:
            raise OverflowError("date value out of range")
        return await call(self, made)

    monkeypatch.setattr(Caller, "call", breaking)
    since, before = await patient.token("root"), counted("failed")
    answer = await ask(patient, "root", "POST", "", {"url": broken, "token": SECRET})
    await comment(patient, "one")
    await receiver.until(lambda: counted("failed") >= before + 3)
    assert REGISTRY.get_sample_value("cds_webhook_lag_events", {"webhook": answer.json["id"]}) != 0
    await registered(patient, receiver)
    await comment(patient, "two")
    await receiver.until(lambda: len(receiver.told()) == 1)
    await receiver.until(lambda: counted_state("failing") == 1)
    patient.clock.now_ms += 3_600_000
    await deactivated(patient, receiver, answer.json["id"])
    await receiver.until(lambda: counted_state("deactivated") == 1)
    monkeypatch.undo()
    assert len(await expected(patient, since)) >= 2


async def test_a_sender_that_dies_is_failing_and_comes_again(
    patient: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FAILED_PAUSE_S", 0.3)
    next_batch, died = Sender._next_batch, list[str]()

    async def dying(self: Sender, registration: Registration, lane: Lane, end: End) -> Batch | None:
        if not died:
            died.append(self.webhook_id)
            raise RuntimeError("died")
        return await next_batch(self, registration, lane, end)

    monkeypatch.setattr(Sender, "_next_batch", dying)
    identifier = await registered(patient, receiver)
    await comment(patient, "one")
    await receiver.until(lambda: counted_state("failing") == 1)
    await receiver.until(lambda: counted_state("active") == 1)
    await receiver.until(lambda: len(receiver.told()) == 1)
    assert died == [identifier]


async def test_time_in_which_nobody_called_does_not_count_against_the_receiver(
    made_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time in which the server was down is left out; that before and after it counts together."""
    monkeypatch.setattr(retrying, "GROWTH", 1.0)
    async with receiving() as receiver:
        receiver.otherwise = 500
        async with calling_play(made_dsn) as play:
            identifier = await registered(play, receiver)
            await comment(play, "one")
            await receiver.until(lambda: len(receiver.calls) >= 2)
            play.clock.now_ms += 1_800_000
            await called_again(receiver, 2)
            clock = play.clock
        clock.now_ms += 100 * 3_600_000
        async with playing(made_dsn, clock, webhook_allow_private=True) as play:
            await called_again(receiver, 4)
            assert (await shown(play, identifier))["active"] is True
            play.clock.now_ms += 1_799_000
            await called_again(receiver, 4)
            assert (await shown(play, identifier))["active"] is True
            play.clock.now_ms += 1_000
            await deactivated(play, receiver, identifier)


async def test_time_without_a_database_does_not_count_either(
    patient: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may be sent then."""
    keep_cursor, refused, away = Register.keep_cursor, list[str](), False

    async def kept_when_there(self: Register, webhook_id: str, contest_id: str, cursor: Cursor) -> None:
        if away:
            refused.append(webhook_id)
            raise StoreUnavailable("away")
        await keep_cursor(self, webhook_id, contest_id, cursor)

    monkeypatch.setattr(Register, "keep_cursor", kept_when_there)
    monkeypatch.setattr(retrying, "GROWTH", 1.0)
    receiver.otherwise = 500
    identifier = await registered(patient, receiver)
    await comment(patient, "one")
    await called_again(receiver, 2)
    away = True
    await receiver.until(lambda: bool(refused))
    patient.clock.now_ms += 100 * 3_600_000
    away = False
    await called_again(receiver, 4)
    assert (await shown(patient, identifier))["active"] is True
    patient.clock.now_ms += 3_600_000
    await deactivated(patient, receiver, identifier)


async def test_one_that_is_activated_once_more_is_called_at_once(
    patient: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its last call failed, and the next would come much later."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 50.0)
    identifier = await registered(patient, receiver)
    receiver.plan = [500]
    await comment(patient, "one")
    await receiver.until(lambda: len(receiver.calls) == 1)
    await receiver.until(lambda: counted_state("failing") == 1)
    assert receiver.told() == []
    assert (await ask(patient, "root", "PATCH", f"/{identifier}", {"active": True})).status == 200
    await receiver.until(lambda: len(receiver.told()) == 1)


async def test_measurements_of_a_webhook_end_with_it(patient: Play, receiver: Receiver) -> None:
    """Nobody waits for what an inactive one is not told, and of a deleted one nothing is left."""

    def lag() -> float | None:
        return REGISTRY.get_sample_value("cds_webhook_lag_events", {"webhook": identifier})

    receiver.otherwise = 500
    identifier = await registered(patient, receiver)
    await comment(patient, "one")
    await receiver.until(lambda: (lag() or 0) > 0)
    await ask(patient, "root", "PATCH", f"/{identifier}", {"active": False})
    await receiver.until(lambda: lag() == 0)
    await ask(patient, "root", "PATCH", f"/{identifier}", {"active": True})
    await receiver.until(lambda: (lag() or 0) > 0)
    await ask(patient, "root", "DELETE", f"/{identifier}")
    await receiver.until(lambda: lag() is None)


async def test_what_is_left_of_a_deleted_webhook_goes_when_the_database_is_back(
    patient: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender, which tidies up behind its last call, waits for the database as ever."""
    identifier = await registered(patient, receiver)
    await receiver.until(lambda: counted_state("active") == 1)
    erase_deleted, asked = Register.erase_deleted, list[frozenset[str]]()

    async def away_once(self: Register, webhook_ids: Iterable[str]) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() == f"webhook {identifier}":
            asked.append(frozenset(webhook_ids))
            if len(asked) == 1:
                raise StoreUnavailable("away")
        await erase_deleted(self, webhook_ids)

    monkeypatch.setattr(Register, "erase_deleted", away_once)
    assert (await ask(patient, "root", "DELETE", f"/{identifier}")).status == 204
    await receiver.until(lambda: len(asked) == 2)
    assert set(asked) == {frozenset({identifier})}
    assert counted_state("failing") == 0


async def called_again(receiver: Receiver, times: int) -> None:
    """Wait until so many more calls have come."""
    calls = len(receiver.calls)
    await receiver.until(lambda: len(receiver.calls) >= calls + times)


def counted_state(state: str) -> float | None:
    """How many webhooks are in this state."""
    return REGISTRY.get_sample_value("cds_webhooks", {"state": state})
