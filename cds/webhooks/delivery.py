"""The duty of calling: one sender for each webhook, woken by what happens in the log.

One process does this at a time, of all that have the database open; it may be told to stop at any moment, and another
begins where it stopped. This module must not know what is sent, nor how.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import structlog

from cds.background import telling_of_failure
from cds.contests import Contests
from cds.live_contest import LiveContest, UnreadableEvent
from cds.metrics import WEBHOOKS
from cds.webhooks.measuring import forget
from cds.webhooks.sender import STATES, Sender, State, Surroundings
from eventstore.store import EventStore, Hint, StoreUnavailable
from schemas import webhooks

LOOK_S = 0.5
"""How often it is looked for contests of which no word came, and for senders that have failed."""

FAILED_PAUSE_S = 5.0
"""How long a webhook is left alone for which this program has failed."""

log = structlog.get_logger(__name__)


class Delivery:
    """Calls all webhooks for as long as `run` runs."""

    def __init__(self, store: EventStore, contests: Contests, around: Surroundings) -> None:
        """Nothing is called before `run`."""
        self._store = store
        self._contests = contests
        self._around = around

    async def run(self) -> None:
        """Call until cancelled; may be run again afterwards."""
        delivering = _Delivering(self._contests, self._around)
        try:
            with self._around.authority.kept_fresh():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(delivering.follow(self._store.hints()), name="follow the webhooks")
                    tasks.create_task(delivering.look_after(), name="look after the webhooks")
        finally:
            await delivering.stop()


class Senders:
    """The senders of all webhooks, each in a task of its own."""

    def __init__(self, around: Surroundings, contests: Mapping[str, LiveContest]) -> None:
        """None yet. `contests` are those that have been written to, by id, also deleted ones; it may grow."""
        self._around = around
        self._contests = contests
        self._running: dict[str, tuple[Sender, asyncio.Task[None]]] = {}
        self._failed_s: dict[str, float] = {}
        self._told: dict[State, int] = dict.fromkeys(STATES, 0)

    def wake(self) -> None:
        """Something has changed."""
        for sender, _ in self._running.values():
            sender.wake()

    def match(self) -> None:
        """Begin to call those that are new, and again those that failed a while ago; forget those that are deleted."""
        now_s = asyncio.get_running_loop().time()
        self._look_who_has_ended(now_s)
        for registration in self._around.register.state:
            webhook_id = registration.webhook.id
            failed_s = self._failed_s.get(webhook_id)
            if webhook_id not in self._running and (failed_s is None or failed_s + FAILED_PAUSE_S <= now_s):
                self._failed_s.pop(webhook_id, None)
                state: State = "inactive" if failed_s is None else "failing"
                sender = Sender(webhook_id, self._around, self._contests, state)
                task = asyncio.create_task(sender.run(), name=f"webhook {webhook_id}")
                task.add_done_callback(telling_of_failure("webhook_failed"))
                self._running[webhook_id] = sender, task

    def measure(self) -> None:
        """Tell the metrics how many are doing what; one for which this program has failed is failing.

        What has changed is told, not what there is: one process may have several servers, which are counted together.
        """
        states: list[State] = [sender.state for sender, _ in self._running.values()]
        states += ["failing"] * len(self._failed_s)
        for state in STATES:
            WEBHOOKS.labels(state).inc(states.count(state) - self._told[state])
            self._told[state] = states.count(state)

    def _look_who_has_ended(self, now_s: float) -> None:
        for webhook_id, (_, task) in list(self._running.items()):
            if task.done():
                del self._running[webhook_id]
                if not task.cancelled() and task.exception() is not None:
                    self._failed_s[webhook_id] = now_s
                else:
                    forget(webhook_id)
        for webhook_id in [each for each in self._failed_s if self._around.register.state.find(each) is None]:
            del self._failed_s[webhook_id]
            forget(webhook_id)

    async def stop(self) -> None:
        """Stop all of them, also in the middle of a call."""
        await _cancelled([task for _, task in self._running.values()])
        for webhook_id in (*self._running, *self._failed_s):
            forget(webhook_id)
        self._running.clear()
        self._failed_s.clear()
        self.measure()


class _Delivering:
    """One run of the duty: what wakes the senders."""

    def __init__(self, contests: Contests, around: Surroundings) -> None:
        """Nothing is called for before `look_after`."""
        self._contests = contests
        self._around = around
        self._watched: dict[str, LiveContest] = {}
        self._streams: set[str] = set()
        self._senders = Senders(around, self._watched)
        self._watching: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._behind = True

    async def follow(self, hints: AsyncIterator[Hint]) -> None:
        """Look at once when a webhook has changed, or a stream has grown that may be a new contest."""
        async for hint in hints:
            if hint.stream == webhooks.WEBHOOKS:
                self._behind = True
                self._news.set()
            elif hint.stream not in self._streams:
                self._news.set()

    async def look_after(self) -> None:
        """Begin, then look again and again."""
        begun = False
        while True:
            try:
                if not begun:
                    await self._begin()
                    begun = True
                await self._look()
            except StoreUnavailable as away:
                log.warning("webhooks_wait_for_database", reason=str(away))
            except UnreadableEvent:
                # Nobody is told anything new of webhooks until a program reads this that can.
                log.exception("webhooks_unreadable")
            await self._rest()

    async def stop(self) -> None:
        """Stop watching and calling."""
        await _cancelled(self._watching)
        await self._senders.stop()

    async def _begin(self) -> None:
        """Read who is to be called for, and tidy up behind deletions that were not finished."""
        await self._around.authority.fresh()
        await self._around.register.catch_up()
        await self._around.register.erase_deleted(self._around.register.state.deleted)

    async def _look(self) -> None:
        """Take in contests and webhooks that have come. Raises StoreUnavailable and UnreadableEvent."""
        for contest_id in self._contests.ids() - self._watched.keys():
            contest = await self._opened(contest_id)
            if contest is not None:
                self._watched[contest_id] = contest
                self._streams.add(contest.stream)
                self._watching.append(asyncio.create_task(self._watch(contest), name=f"watch {contest_id}"))
        if self._behind:
            self._behind = False
            try:
                await self._around.register.catch_up()
            except BaseException:
                self._behind = True
                raise
            self._senders.wake()
        self._senders.match()
        self._senders.measure()

    async def _opened(self, contest_id: str) -> LiveContest | None:
        try:
            return await self._contests.opened(contest_id)
        except UnreadableEvent:
            # The contest stays as it was before that event, which has been told where the log is followed.
            return self._contests.find(contest_id)

    async def _watch(self, contest: LiveContest) -> None:
        while True:
            changed = contest.changed
            self._senders.wake()
            await changed.wait()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
