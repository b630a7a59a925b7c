"""How each kind of fault is brought about, and how it is taken back.

Everything is healed at the end of its time, whatever else has been broken meanwhile. This module must not know what is
written or read.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import asyncpg

from tests.acceptance.command_line import until
from tests.faults.place import Place
from tests.faults.processes import children_of, is_alive, signalled
from tests.faults.schedule import OF_DATABASE, RESTARTING, Kind, Planned

SLOW_S = 0.12
"""How much later everything comes that goes to a slow database or from it."""

HEAL_S_MAX = 60.0
LOOK_S = 0.05
AWAITED_S = 4.0
"""How long it is waited for what is to be killed, cut or paused: an earlier fault may have ended it."""

BEGUN_AGAIN_S = 6.0
"""How long the next fault may wait for a server that was killed."""

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)

FULL_DISK = (
    """CREATE OR REPLACE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$""",
    "CREATE OR REPLACE TRIGGER disk_is_full BEFORE INSERT ON event EXECUTE FUNCTION disk_is_full()",
    "CREATE OR REPLACE TRIGGER disk_is_full BEFORE INSERT ON file_chunk EXECUTE FUNCTION disk_is_full()",
)
"""Every insertion fails as it does on a full disk; a disk that is full in truth needs a file system of its own."""

DISK_AGAIN = ("DROP FUNCTION IF EXISTS disk_is_full() CASCADE",)
READ_ONLY = ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
WRITABLE = (
    "SET default_transaction_read_only = off",
    "ALTER SYSTEM RESET default_transaction_read_only",
    "SELECT pg_reload_conf()",
)


class Breaking:
    """Breaks a place and keeps count of what it has done."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.done: Counter[Kind] = Counter()
        self.begun_s: list[float] = []
        self.database_back_s: list[tuple[float, Kind]] = []
        """When faults began, and when those of the database were over while the server ran; seconds of the loop."""
        self._paused: set[int] = set()
        self._returning: list[asyncio.Task[None]] = []

    async def carry_out(self, planned: Planned) -> None:
        """One fault, from its beginning to its end; what there is nothing of at the moment is not counted."""
        loop = asyncio.get_running_loop()
        self.begun_s.append(loop.time())
        await self._carry_out(planned)
        if planned.kind in RESTARTING:
            self._returning.append(asyncio.create_task(self._note_return(planned.kind)))
        elif planned.kind in OF_DATABASE and self._place.server.is_serving:
            self.database_back_s.append((loop.time(), planned.kind))

    async def _note_return(self, kind: Kind) -> None:
        """Wait until Postgres, which has lost a process or all of them, answers again."""
        await asyncio.sleep(LOOK_S)
        await self._stated(("SELECT 1",))
        if self._place.server.is_serving:
            self.database_back_s.append((asyncio.get_running_loop().time(), kind))

    async def _carry_out(self, planned: Planned) -> None:
        give_up_s = asyncio.get_running_loop().time() + AWAITED_S
        while not await self._attempted(planned) and asyncio.get_running_loop().time() < give_up_s:
            await asyncio.sleep(LOOK_S)

    async def _attempted(self, planned: Planned) -> bool:
        """One fault, if there is something to break."""
        if planned.kind in self._moments:
            done = await self._moments[planned.kind](planned.choice)
            self.done[planned.kind] += int(done)
            return done
        async with self._stretches[planned.kind](planned.choice) as done:
            if done:
                self.done[planned.kind] += 1
                await asyncio.sleep(planned.for_s)
            return done

    @property
    def connections_cut(self) -> int:
        """How many, all in all."""
        place = self._place
        return sum(proxy.cuts for proxy in (place.database, place.clients, place.relay_clients))

    @property
    def notifications_lost(self) -> int:
        """How many of Postgres' were swallowed."""
        return self._place.database.notifications_lost

    async def heal(self) -> None:
        """Take back whatever may still be broken, and come back when everything serves."""
        place = self._place
        for proxy in (place.database, place.clients, place.relay_clients):
            proxy.heal()
        self._go_on(list(self._paused))
        await self._stated(DISK_AGAIN + WRITABLE)
        await asyncio.gather(*self._returning)
        for service in (place.server, place.relay):
            await service.until_serving()

    # --- What happens at a moment

    @property
    def _moments(self) -> Mapping[Kind, Callable[[float], Awaitable[bool]]]:
        return {
            Kind.KILL_SERVER: self._kill_server,
            Kind.KILL_RELAY: self._kill_relay,
            Kind.KILL_WORKER: self._kill_worker,
            Kind.KILL_POSTGRES: self._kill_postgres,
            Kind.KILL_KEEPER: self._kill_keeper,
            Kind.KILL_SESSION: self._kill_session,
            Kind.CUT_DATABASE: self._cut_database,
            Kind.CUT_CLIENTS: self._cut_clients,
        }

    async def _kill_server(self, choice: float) -> bool:
        """Every other time what is broken next finds it serving again; else it is broken while it starts."""
        done = await self._place.server.kill()
        if done and choice > 0.5:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEGUN_AGAIN_S):
                    await self._place.server.until_serving()
        return done

    async def _kill_relay(self, _choice: float) -> bool:
        return await self._place.relay.kill()

    async def _kill_worker(self, choice: float) -> bool:
        return await _killed(_chosen(self._place.workers, choice))

    async def _kill_postgres(self, _choice: float) -> bool:
        status = self._place.postgres
        return await _killed(None if status is None else status.postgres_pid)

    async def _kill_keeper(self, _choice: float) -> bool:
        status = self._place.postgres
        return await _killed(None if status is None else status.keeper_pid)

    async def _kill_session(self, choice: float) -> bool:
        status = self._place.postgres
        return status is not None and await _killed(_chosen(children_of(status.postgres_pid), choice))

    async def _cut_database(self, choice: float) -> bool:
        return self._place.database.cut(choice if choice > 0.5 else 0) > 0

    async def _cut_clients(self, choice: float) -> bool:
        return self._place.clients.cut(choice) + self._place.relay_clients.cut(choice) > 0

    # --- What goes on for a while

    @property
    def _stretches(self) -> Mapping[Kind, Callable[[float], AbstractAsyncContextManager[bool]]]:
        return {
            Kind.PAUSE_SERVER: self._paused_server,
            Kind.PAUSE_POSTGRES: self._paused_postgres,
            Kind.REFUSE_DATABASE: self._refusing_database,
            Kind.HOLD_DATABASE: self._silent_database,
            Kind.SLOW_DATABASE: self._slow_database,
            Kind.LOSE_NOTIFICATIONS: self._lost_notifications,
            Kind.FULL_DISK: partial(self._stating, FULL_DISK, DISK_AGAIN),
            Kind.READ_ONLY: partial(self._stating, READ_ONLY, WRITABLE),
            Kind.HOLD_CLIENTS: self._silent_clients,
        }

    @asynccontextmanager
    async def _paused_server(self, choice: float) -> AsyncIterator[bool]:
        chosen = _chosen(self._place.workers, choice)
        async with self._pausing([] if chosen is None else [chosen]) as done:
            yield done

    @asynccontextmanager
    async def _paused_postgres(self, _choice: float) -> AsyncIterator[bool]:
        status = self._place.postgres
        pids = [] if status is None else [status.postgres_pid, *children_of(status.postgres_pid)]
        async with self._pausing(pids) as done:
            yield done

    @asynccontextmanager
    async def _pausing(self, pids: Sequence[int]) -> AsyncIterator[bool]:
        stopped = [pid for pid in pids if signalled(pid, signal.SIGSTOP)]
        self._paused.update(stopped)
        try:
            yield bool(stopped)
        finally:
            self._go_on(stopped)

    def _go_on(self, pids: Sequence[int]) -> None:
        for pid in pids:
            signalled(pid, signal.SIGCONT)
            self._paused.discard(pid)

    @asynccontextmanager
    async def _refusing_database(self, _choice: float) -> AsyncIterator[bool]:
        self._place.database.refusing = True
        self._place.database.cut()
        try:
            yield True
        finally:
            self._place.database.refusing = False

    @asynccontextmanager
    async def _silent_database(self, _choice: float) -> AsyncIterator[bool]:
        self._place.database.hold()
        try:
            yield True
        finally:
            self._place.database.heal()

    @asynccontextmanager
    async def _slow_database(self, choice: float) -> AsyncIterator[bool]:
        self._place.database.delay_s = SLOW_S * choice
        try:
            yield True
        finally:
            self._place.database.delay_s = 0.0

    @asynccontextmanager
    async def _lost_notifications(self, _choice: float) -> AsyncIterator[bool]:
        self._place.database.deaf = True
        try:
            yield True
        finally:
            self._place.database.deaf = False

    @asynccontextmanager
    async def _silent_clients(self, _choice: float) -> AsyncIterator[bool]:
        self._place.clients.hold()
        self._place.relay_clients.hold()
        try:
            yield True
        finally:
            self._place.clients.heal()
            self._place.relay_clients.heal()

    @asynccontextmanager
    async def _stating(self, before: Sequence[str], after: Sequence[str], _choice: float) -> AsyncIterator[bool]:
        await self._stated(before)
        try:
            yield True
        finally:
            await self._stated(after)

    async def _stated(self, statements: Sequence[str]) -> None:
        """Say something to Postgres, as soon as it listens. Raises TimeoutError."""
        async with asyncio.timeout(HEAL_S_MAX):
            while True:
                with suppress(*AWAY):
                    async with self._place.connected() as connection:
                        for statement in statements:
                            await connection.execute(statement)
                    return
                await asyncio.sleep(LOOK_S)


def _chosen(pids: Sequence[int], choice: float) -> int | None:
    """One of them, by a number in [0, 1)."""
    return pids[int(choice * len(pids))] if pids else None


async def _killed(pid: int | None) -> bool:
    """SIGKILL; comes back when the process is dead. Says whether there was one."""
    if pid is None or not is_alive(pid) or not signalled(pid, signal.SIGKILL):
        return False
    await until(lambda: not is_alive(pid))
    return True
