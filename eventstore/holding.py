"""Work that one process of all on a database does at a time: whose turn it is, and until when that is certain.

Knows advisory locks of one session, which a task keeps alive by a beat: the same beat tries for what others hold. It
must not know what the work is.

A lock goes with its session, however that ends, so whoever dies is followed at the next beat. Three things keep two
from working at once:

- The work is cancelled the moment its session is lost, and no new turn begins before it has ended.
- `holds` is true for CERTAIN_S after the last beat that was answered was sent, and no longer. Whoever takes over waits
  that long before it begins. So what is done only after a look at `holds` is never done by two.
- A process that is frozen, or whose machine is gone, keeps its session. Those who wait end the session of one that has
  been silent for FROZEN_S, and by then its `holds` has long been false, also when it thaws.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from weakref import WeakValueDictionary

import asyncpg

from eventstore.connecting import FAILURES
from eventstore.queries import QUERIES
from eventstore.store import Hold, StoreRefused, StoreUnavailable

DUTY_CLASS = 0x636475
"""The first number of the locks; the second is made from the name of the work."""

BEAT_S = 0.25
"""How often the session is used: to show that we live, and to try for what others hold."""

BEAT_TIMEOUT_S = 3.0
"""A beat that takes longer means that the session is dead."""

CERTAIN_S = 1.0
"""How long after a beat was sent it is certain that nobody else has begun; and how long whoever takes over waits."""

FROZEN_S = 10.0
"""The silence after which those who wait end the session of whoever holds what they want."""

FROZEN_LOOK_S = 1.0
"""How often those who wait look for the frozen: it asks the database about all of its sessions."""

TRY_S_MAX = 5.0
"""How long a try for a name may take before the database counts as away: two beats, or a session to be opened."""

TRIED_MAX = 10_000
"""Names of which it is remembered that they were tried, and may be others'; with more every name counts as one."""

RECONNECT_FIRST_S = 0.05
RECONNECT_MAX_S = 1.0
"""The waits between attempts to connect again: doubled from the first to the longest."""


class _Turn:
    """One wait for a name, and what becomes of it. `tried`: it has been answered once, with yes or no."""

    def __init__(self) -> None:
        self.granted = asyncio.Event()
        self.lost = asyncio.Event()
        self.tried = asyncio.Event()
        self.had_by_others = False


class Holder:
    """What this process holds, and waits for. Its session is opened when something is first wanted."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], is_alone: Callable[[], bool]) -> None:
        """`connect` opens a connection outside any pool (the locks would be lost in one).

        `is_alone`: whether no other process has the database open, so that nobody can be followed by us.
        """
        self._connect = connect
        self._is_alone = is_alone
        self._turns: dict[str, _Turn] = {}
        self._working: set[str] = set()
        # A lock is there for as long as somebody of this process has to do with the name; so many do.
        self._one_here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._here: Counter[str] = Counter()
        self._tried: set[str] = set()
        self._certain_until_s = float("-inf")
        self._looked_for_frozen_s = float("-inf")
        self._wanted = asyncio.Event()
        self._session: asyncpg.Connection | None = None
        self._using = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._closed = False

    def holds(self, name: str) -> bool:
        """Whether this process does the work of that name, and nobody else can have begun it."""
        return name in self._working and asyncio.get_running_loop().time() < self._certain_until_s

    async def hold(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Wait until nobody else holds a name, then do the work; see EventStore.hold."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        async with self._first_here(name):
            turn = self._turns[name] = _Turn()
            self._keep_up()
            try:
                await turn.granted.wait()
                return await self._worked(name, work, turn)
            finally:
                await self._lay_down(name, turn)

    async def hold_if_free(self, name: str, work: Callable[[], Awaitable[None]]) -> Hold:
        """Do the work if nobody holds the name at this moment; see EventStore.hold_if_free."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        # A lock that is free at this moment may have been promised to somebody who waits for it here.
        if self._here[name]:
            return "taken"
        async with self._first_here(name):
            turn = self._turns[name] = _Turn()
            self._keep_up()
            try:
                if not await self._granted_at_once(turn):
                    return "taken"
                return "kept" if await self._worked(name, work, turn) else "lost"
            finally:
                await self._lay_down(name, turn)

    @asynccontextmanager
    async def _first_here(self, name: str) -> AsyncIterator[None]:
        """Wait until nobody else of this process has to do with a name."""
        self._here[name] += 1
        try:
            async with self._one_here.setdefault(name, asyncio.Lock()):
                yield
        finally:
            self._here[name] -= 1
            if not self._here[name]:
                del self._here[name]

    async def _granted_at_once(self, turn: _Turn) -> bool:
        """Whether the first try gets what is wanted. Raises StoreUnavailable when it gets no answer."""
        try:
            async with asyncio.timeout(TRY_S_MAX):
                await turn.tried.wait()
        except TimeoutError:
            raise StoreUnavailable("the database does not say whether somebody is at it already") from None
        return turn.granted.is_set()

    async def _lay_down(self, name: str, turn: _Turn) -> None:
        """Wait no more, and give back what was granted."""
        del self._turns[name]
        if turn.granted.is_set() and not turn.lost.is_set():
            await self._let_go(name)

    async def stop(self) -> None:
        """Give up the session, and with it all that is held."""
        self._closed = True
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    async def _worked(self, name: str, work: Callable[[], Awaitable[None]], turn: _Turn) -> bool:
        """Do the work; cancel it when the hold is lost, and come back when it has ended. Says whether it was kept."""
        if turn.had_by_others:
            # They may not know yet that they have lost it.
            await _ended_or_lost(asyncio.sleep(CERTAIN_S), turn)
        if turn.lost.is_set():
            return False
        self._working.add(name)
        try:
            return await _ended_or_lost(work(), turn)
        finally:
            self._working.discard(name)

    def _keep_up(self) -> None:
        """See to it that there is a session, and that it tries at once."""
        self._wanted.set()
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep(), name="event store duties")

    async def _keep(self) -> None:
        """Keep a session until it is lost, then the next one."""
        wait_s = RECONNECT_FIRST_S
        while True:
            try:
                self._session = session = await self._connect()
            except (StoreUnavailable, StoreRefused):
                # Refused counts as away here, as with hints: a database that starts refuses for a while.
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RECONNECT_MAX_S)
                continue
            wait_s = RECONNECT_FIRST_S
            session.add_termination_listener(self._note_end)
            try:
                await self._beat(session)
            finally:
                self._note_end(session)
                session.terminate()
            await asyncio.sleep(RECONNECT_FIRST_S)

    async def _beat(self, session: asyncpg.Connection) -> None:
        """Use the session again and again until it is of no more use."""
        while not session.is_closed():
            self._wanted.clear()
            try:
                async with self._using:
                    await self._try(session)
                    await self._end_the_frozen(session)
            except FAILURES:
                # Whatever it was, the session counts as lost, and all that it held with it.
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._wanted.wait()

    async def _try(self, session: asyncpg.Connection) -> None:
        """One beat: take what is free of what is waited for. A turn that was given up meanwhile is let go of."""
        sent_s = asyncio.get_running_loop().time()
        waiting = self._waiting()
        rows = await session.fetch(QUERIES["take_duties"], DUTY_CLASS, waiting, timeout=BEAT_TIMEOUT_S)
        self._certain_until_s = sent_s + CERTAIN_S
        taken = {row[0] for row in rows}
        for name in waiting:
            turn = self._turns.get(name)
            if turn is None and name in taken:
                await session.execute(QUERIES["let_go_of_duty"], DUTY_CLASS, name, timeout=BEAT_TIMEOUT_S)
            elif turn is not None:
                # What a process that is alone finds free at its first try was nobody's.
                known = name in self._tried or len(self._tried) >= TRIED_MAX
                first = name in taken and not known and self._is_alone()
                turn.had_by_others = turn.had_by_others or not first
                if name in taken:
                    turn.granted.set()
                turn.tried.set()
        if len(self._tried) < TRIED_MAX:
            self._tried.update(waiting)

    async def _end_the_frozen(self, session: asyncpg.Connection) -> None:
        """End the sessions of those who hold what we want and have not used them for long."""
        waiting, now_s = self._waiting(), asyncio.get_running_loop().time()
        if waiting and now_s >= self._looked_for_frozen_s + FROZEN_LOOK_S:
            self._looked_for_frozen_s = now_s
            silence = timedelta(seconds=FROZEN_S)
            await session.execute(
                QUERIES["end_sessions_of_the_frozen"], DUTY_CLASS, waiting, silence, timeout=BEAT_TIMEOUT_S
            )

    def _waiting(self) -> list[str]:
        """The names that are waited for."""
        return [name for name, turn in self._turns.items() if not turn.granted.is_set()]

    async def _let_go(self, name: str) -> None:
        """Give back what is held; a session that fails at it is given up whole, which comes to the same."""
        session = self._session
        if session is None or session.is_closed():
            return
        try:
            async with self._using:
                await session.execute(QUERIES["let_go_of_duty"], DUTY_CLASS, name, timeout=BEAT_TIMEOUT_S)
            # Ours to the end: if we are still alone when we want it again, nobody can have had it since.
            self._tried.discard(name)
        except FAILURES:
            session.terminate()
        except asyncio.CancelledError:
            session.terminate()
            raise

    def _note_end(self, session: object) -> None:
        """All that a session held is lost from the moment that it is gone."""
        if session is not self._session:
            return
        self._session = None
        self._certain_until_s = float("-inf")
        for name, turn in self._turns.items():
            if turn.granted.is_set():
                turn.lost.set()
                # At once, not when the work has ended: the beats of the next session make nothing of this one certain.
                self._working.discard(name)
        self._wanted.set()


async def _ended_or_lost(work: Awaitable[None], turn: _Turn) -> bool:
    """Wait for the end of some work, which is cancelled when the turn is lost or the caller is. Says whether it ended.

    Raises what the work raises.
    """
    doing = asyncio.ensure_future(work)
    lost = asyncio.ensure_future(turn.lost.wait())
    try:
        await asyncio.wait((doing, lost), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
            return True
        return False
    finally:
        lost.cancel()
        doing.cancel()
        await asyncio.wait((doing, lost))
