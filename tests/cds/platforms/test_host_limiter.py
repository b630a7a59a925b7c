"""The limiter: turns lie an interval apart, come in the order in which they are asked for, and a host may ask for more.

Its clock is one of the test, which moves only when somebody sleeps, but for two processes on one database.
"""

import asyncio

import pytest

from cds.platforms.host_limiter import HostBusy, HostLimiter
from eventstore.limits import TURN_US_MAX
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import StoreUnavailable, Turn


class Clock:
    """Seconds that pass when somebody sleeps; then others may go on first."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.now_s += wait_s
        await asyncio.sleep(0)

    def store(self) -> MemoryStore:
        """Turns of several processes, by this clock."""
        return MemoryStore(lambda: round(self.now_s * 1_000_000))

    def limiter(self, interval_s: float = 2.0, store: MemoryStore | None = None) -> HostLimiter:
        """A limiter of a process."""
        return HostLimiter("codeforces", interval_s, store or self.store(), self, self.sleep)


class SharedClock(Clock):
    """The same for several who sleep at once: whoever wakes first does so first."""

    def __init__(self) -> None:
        super().__init__()
        self._wakes_s: list[float] = []

    async def sleep(self, wait_s: float) -> None:
        wake_s = self.now_s + wait_s
        self._wakes_s.append(wake_s)
        # Let everybody go to sleep who wants to.
        for _ in range(10):
            await asyncio.sleep(0)
        while min(self._wakes_s) < wake_s:
            await asyncio.sleep(0)
        self._wakes_s.remove(wake_s)
        self.now_s = max(self.now_s, wake_s)


async def turns(limiter: HostLimiter, clock: Clock, count: int) -> list[tuple[int, float]]:
    """Turns that are asked for all at once: who had one, and when."""
    had: list[tuple[int, float]] = []

    async def ask(number: int) -> None:
        await limiter.turn()
        had.append((number, clock.now_s))

    await asyncio.gather(*(ask(number) for number in range(count)))
    return had


async def test_turns_lie_an_interval_apart_in_the_order_in_which_they_are_asked_for() -> None:
    clock = Clock()
    had = await turns(clock.limiter(), clock, 4)
    assert had == [(0, 100.0), (1, 102.0), (2, 104.0), (3, 106.0)]


async def test_who_comes_late_enough_does_not_wait() -> None:
    clock = Clock()
    limiter = clock.limiter()
    await limiter.turn()
    clock.now_s += 1.5
    await limiter.turn()
    clock.now_s += 2.0
    await limiter.turn()
    assert clock.slept == [0.5]


async def test_an_interval_of_nothing_makes_nobody_wait() -> None:
    clock = Clock()
    had = await turns(clock.limiter(0.0), clock, 3)
    assert [time_s for _, time_s in had] == [100.0] * 3
    assert clock.slept == []


async def test_a_host_that_wants_to_be_left_alone_is() -> None:
    clock = Clock()
    limiter = clock.limiter()
    await limiter.turn()
    await limiter.leave_alone(30.0)
    await limiter.leave_alone(5.0)
    await limiter.turn()
    assert clock.now_s == 130.0


async def test_a_host_that_may_be_asked_at_any_speed_is_left_alone_too() -> None:
    """And who will not wait so long is told at once."""
    clock = Clock()
    limiter = clock.limiter(0.0)
    await limiter.leave_alone(30.0)
    with pytest.raises(HostBusy):
        await limiter.turn(29.0)
    assert clock.slept == []
    await limiter.turn(31.0)
    assert clock.now_s == 130.0


async def test_a_host_is_left_alone_even_by_one_who_waits_already() -> None:
    clock = Clock()
    limiter = clock.limiter()

    async def sleep_and_hear(wait_s: float) -> None:
        await clock.sleep(wait_s)
        if len(clock.slept) == 1:
            await limiter.leave_alone(10.0)

    limiter = HostLimiter("codeforces", 2.0, clock.store(), clock, sleep_and_hear)
    await limiter.turn()
    await limiter.turn()
    assert clock.slept == [2.0, 10.0]


async def test_one_who_gives_up_waiting_takes_no_turn() -> None:
    clock = Clock()
    gate = asyncio.Event()

    async def wait_for_the_gate(wait_s: float) -> None:
        await gate.wait()
        clock.now_s += wait_s

    limiter = HostLimiter("codeforces", 2.0, clock.store(), clock, wait_for_the_gate)
    await limiter.turn()
    impatient, patient = (asyncio.create_task(limiter.turn()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    gate.set()
    await patient
    assert impatient.cancelled()
    assert clock.now_s == 102.0


async def test_whoever_would_wait_too_long_is_told_at_once() -> None:
    """So no more wait than have their turns in time; who leaves makes room."""
    clock = Clock()
    limiter = clock.limiter()
    outcomes = await asyncio.gather(*(limiter.turn(3.0) for _ in range(6)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [HostBusy] * 3
    clock.now_s += 10.0
    await limiter.turn(5.0)
    await limiter.leave_alone(60.0)
    with pytest.raises(HostBusy) as busy:
        await limiter.turn(5.0)
    assert busy.value.wait_s == 60.0
    assert clock.slept == [2.0, 2.0]


async def test_two_processes_take_turns_in_the_order_in_which_they_ask() -> None:
    """Whoever has many to ask for does not keep the other one waiting."""
    clock = SharedClock()
    store = clock.store()
    first, second = clock.limiter(store=store), clock.limiter(store=store)
    had: list[tuple[str, float]] = []

    async def ask(name: str, limiter: HostLimiter) -> None:
        await limiter.turn()
        had.append((name, clock.now_s))

    await asyncio.gather(*(ask("first", first) for _ in range(5)), *(ask("second", second) for _ in range(2)))
    assert [time_s for _, time_s in had] == [100.0 + 2 * number for number in range(7)]
    assert [name for name, _ in had[:5]].count("second") == 2


async def test_what_a_host_tells_one_process_all_heed() -> None:
    clock = Clock()
    store = clock.store()
    first, second = clock.limiter(store=store), clock.limiter(store=store)
    await first.turn()
    await first.leave_alone(30.0)
    with pytest.raises(HostBusy):
        await second.turn(20.0)
    await second.turn(40.0)
    assert clock.now_s == 130.0


async def test_a_place_of_one_who_has_left_is_the_next_ones() -> None:
    """Otherwise everybody who gives up would cost all processes an interval."""
    clock = Clock()
    store = clock.store()
    gate = asyncio.Event()

    async def wait_for_the_gate(wait_s: float) -> None:
        await gate.wait()
        clock.now_s += wait_s

    limiter = HostLimiter("codeforces", 2.0, store, clock, wait_for_the_gate)
    await limiter.turn()
    for _ in range(3):
        leaving = asyncio.create_task(limiter.turn())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    gate.set()
    await limiter.turn()
    assert clock.now_s == 102.0


async def test_without_an_interval_no_turn_is_taken_anywhere() -> None:
    clock = Clock()
    store = clock.store()
    await store.close()
    limiter = clock.limiter(0.0, store)
    await limiter.turn()
    await limiter.leave_alone(5.0)
    await limiter.turn()
    assert clock.now_s == 105.0
    with pytest.raises(StoreUnavailable):
        await clock.limiter(store=store).turn()


async def test_nobody_waits_longer_than_they_are_ready_to_whatever_other_processes_do() -> None:
    """Places that never come: others are always faster."""

    class Unlucky(MemoryStore):
        async def take_turn(self, name: str, *, interval_us: int, patience_us: int, held_us: int | None = None) -> Turn:
            assert 0 <= patience_us <= TURN_US_MAX
            return Turn(place_us=1, wait_us=20_000)

    limiter = HostLimiter("codeforces", 0.01, Unlucky(), asyncio.get_running_loop().time)
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*(limiter.turn(0.2) for _ in range(8)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [HostBusy] * 8


async def test_two_processes_on_one_database_ask_no_faster_than_one(database_dsn: str) -> None:
    interval_s = 0.1
    loop = asyncio.get_running_loop()
    stores = [await PostgresStore.open(database_dsn) for _ in range(2)]
    began_s: list[float] = []

    async def ask(limiter: HostLimiter) -> None:
        await limiter.turn(30.0)
        began_s.append(loop.time())

    try:
        limiters = [HostLimiter("codeforces", interval_s, store, loop.time) for store in stores]
        await asyncio.gather(*(ask(limiter) for limiter in limiters for _ in range(5)))
    finally:
        for store in stores:
            await store.close()
    # How fast the database answers is none of the limiter's business; on the whole the pace is kept.
    assert max(began_s) - min(began_s) >= 9 * interval_s - 0.05
    assert len(began_s) == 10
