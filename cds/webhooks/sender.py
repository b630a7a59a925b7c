"""The calls of one webhook: one at a time, in the order of each contest, and no contest before its turn.

What has been taken is written down before the next call; what has not is sent again from the same place, later and
perhaps longer. This module must not know how a call is made, nor who else is called.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import structlog

from cds.live_contest import Circumstances, LiveContest
from cds.metrics import WEBHOOK_CALLS
from cds.view_names import view_name
from cds.webhooks.authority import Authority
from cds.webhooks.batches import Batch, Reader, position_of
from cds.webhooks.calling import Call, Caller, Outcome
from cds.webhooks.lanes import Lane, opened_lane
from cds.webhooks.measuring import tell_lag
from cds.webhooks.register import Change, Register
from cds.webhooks.retrying import pause_s
from eventstore.store import StoreUnavailable
from projections.tokens import TokenMaker
from projections.webhooks import Registration, Registrations
from schemas.times import parse_relative_time_ms
from schemas.viewers import Role, Viewer
from schemas.webhooks import Cursor

LOOK_S = 1.0
"""How long nothing is looked at when nothing is known to happen; accounts change without a word."""

UNAVAILABLE_PAUSE_S = 0.5
ENDING_S_MAX = 2.0
ENDING_LOOK_S = 0.05
"""How long a call may go on when the server is told to stop, and how often it is looked whether it may."""

FAILURES_MIN = 3
"""Calls that must have failed in a row before a webhook is deactivated, however long ago the first one did."""

CALLS_MAX = 128
CALLS_OF_FAILING_MAX = 32
"""Calls at the same time, and how many of them may be of webhooks whose last call failed: those often hang."""

State = Literal["active", "failing", "inactive", "deactivated"]
STATES: tuple[State, ...] = ("active", "failing", "inactive", "deactivated")
"""The last is that of a webhook which this program has deactivated because its calls failed for too long."""

log = structlog.get_logger(__name__)


class Places:
    """Room for calls; webhooks that fail have only some of it, so that they hold up nobody else."""

    def __init__(self) -> None:
        """All free."""
        self._all = asyncio.Semaphore(CALLS_MAX)
        self._of_failing = asyncio.Semaphore(CALLS_OF_FAILING_MAX)

    @asynccontextmanager
    async def place(self, *, failing: bool) -> AsyncIterator[None]:
        """Room for one call, for the length of the block."""
        if failing:
            async with self._of_failing, self._all:
                yield
        else:
            async with self._all:
                yield


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all senders share. `may_call` says whether calling is this process's to do at this moment."""

    register: Register
    authority: Authority
    caller: Caller
    tokens: TokenMaker
    circumstances: Circumstances
    may_call: Callable[[], bool]
    places: Places


class End(msgspec.Struct, frozen=True):
    """Where a contest is: its position, and its `changed`, which is another one as soon as there is anything new."""

    position: int
    changed: asyncio.Event


class Sender:
    """Calls one webhook for as long as it is registered."""

    def __init__(
        self, webhook_id: str, around: Surroundings, contests: Mapping[str, LiveContest], state: State = "inactive"
    ) -> None:
        """Nothing is called before `run`. `contests` are those that there are, by id; it may grow."""
        self.webhook_id = webhook_id
        self.state = state
        self._around = around
        self._contests = contests
        self._lanes: dict[str, Lane] = {}
        self._cursors: Mapping[str, Cursor] | None = None
        self._secrets: Mapping[str, str] = {}
        self._position = 0
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look again: a contest or the webhook has changed."""
        self._news.set()

    async def run(self) -> None:
        """Call until the webhook is deleted."""
        while True:
            self._news.clear()
            try:
                if self._registration() is None:
                    # A call that was under way may have left a cursor behind the deletion.
                    await self._around.register.erase_deleted((self.webhook_id,))
                    return
                wait_s = await self._step()
            except StoreUnavailable as away:
                log.warning("webhook_waits_for_database", webhook=self.webhook_id, reason=str(away))
                self._stop_clocks()
                wait_s = UNAVAILABLE_PAUSE_S
            if wait_s > 0:
                await self._rest(wait_s)

    @property
    def lag_events(self) -> int:
        """Events of all its contests that it has not been told of, where they are for it at all."""
        return sum(lane.contest.position - lane.looked_at for lane in self._lanes.values())

    def _registration(self) -> Registration | None:
        return self._around.register.state.find(self.webhook_id)

    async def _rest(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _step(self) -> float:
        """Make the call whose turn it is; returns how long to wait where there is none."""
        # Where the log is now comes first: a change of the webhook that was made before that is known then.
        ends = {contest_id: End(contest.position, contest.changed) for contest_id, contest in self._contests.items()}
        await self._around.register.fresh()
        registration = self._registration()
        if registration is None or not self._is_active(registration):
            await self._be_inactive(registration)
            return LOOK_S
        await self._open_lanes(registration, ends)
        self._forget_pauses(registration)
        tell_lag(self.webhook_id, self.lag_events)
        now_s = asyncio.get_running_loop().time()
        for contest_id, lane in list(self._lanes.items()):
            if lane.due_s <= now_s and await self._next_batch(registration, lane, ends[contest_id]) is not None:
                # To the end of the row, so that the others have their turn.
                self._lanes[contest_id] = self._lanes.pop(contest_id)
                async with self._around.places.place(failing=lane.failing):
                    return await self._tell(lane)
        self.state = "failing" if any(lane.failing for lane in self._lanes.values()) else "active"
        tell_lag(self.webhook_id, self.lag_events)
        waiting = (lane.due_s - now_s for lane in self._lanes.values() if lane.due_s > now_s)
        return min([LOOK_S, *waiting])

    def _is_active(self, registration: Registration) -> bool:
        webhook = registration.webhook
        return webhook.active and self._around.authority.entitled_role(webhook.owner) is not None

    async def _open_lanes(self, registration: Registration, ends: Mapping[str, End]) -> None:
        if self._cursors is None:
            self._cursors = await self._around.register.cursors(self.webhook_id)
        for contest_id in ends.keys() - self._lanes.keys():
            contest = self._contests[contest_id]
            self._lanes[contest_id] = opened_lane(contest, registration, self._cursors.get(contest_id))

    async def _next_batch(self, registration: Registration, lane: Lane, end: End) -> Batch | None:
        """What a contest has for the webhook; moves over what it has not."""
        contest_id = lane.contest.contest_id
        lane.role = self._around.authority.entitled_role(registration.webhook.owner)
        if lane.role is None or lane.quiet_since is end.changed:
            return None
        batch = None
        if registration.concerns(contest_id):
            batch = await self._looked_for(
                registration, lane, await self._reader(lane.contest, lane.role), end.position
            )
        if batch is None:
            lane.looked_at, lane.quiet_since = max(lane.looked_at, end.position), end.changed
        else:
            lane.looked_at = position_of(lane.sequence)
        return batch

    async def _looked_for(self, registration: Registration, lane: Lane, reader: Reader, up_to: int) -> Batch | None:
        """Look on until there is something or nothing more; others are served in between."""
        while (found := reader.look(registration, lane.sequence, up_to)).batch is None:
            if found.sequence <= lane.sequence:
                return None
            lane.sequence = found.sequence
            await asyncio.sleep(0)
        return found.batch

    async def _reader(self, contest: LiveContest, role: Role) -> Reader:
        return Reader(
            contest_id=contest.contest_id,
            lines=await contest.feed(role),
            tokens=self._around.tokens,
            view=view_name(contest, Viewer(role=role)),
        )

    async def _tell(self, lane: Lane) -> float:
        """Call with what there is now: there may be more of it than before the wait, and the webhook may have changed.

        Returns how long to wait before anything else is looked at.
        """
        end = End(lane.contest.position, lane.contest.changed)
        await self._around.register.fresh()
        registration = self._registration()
        if registration is None or not self._is_active(registration):
            return 0.0
        batch = await self._next_batch(registration, lane, end)
        secret = await self._secret(registration)
        if secret is None or not self._around.may_call():
            self._stop_clocks()
            return UNAVAILABLE_PAUSE_S
        if batch is None or self._around.authority.entitled_role(registration.webhook.owner) != lane.role:
            return 0.0
        circumstances = self._around.circumstances
        call = Call(
            url=registration.webhook.url,
            token=secret,
            body=batch.body,
            webhook_id=self.webhook_id,
            delivery_id=circumstances.identifier(),
            now_ms=circumstances.now_us() // 1_000,
        )
        calling = asyncio.ensure_future(self._called(lane, batch, call, registration))
        try:
            await asyncio.shield(calling)
        finally:
            await self._ended(calling)
        return 0.0

    async def _called(self, lane: Lane, batch: Batch, call: Call, registration: Registration) -> None:
        """Make one call, and note what became of it."""
        outcome = await self._outcome(call)
        WEBHOOK_CALLS.labels(outcome.result).inc()
        if outcome.delivered:
            await self._note_delivery(lane, batch)
        else:
            await self._note_failure(lane, outcome, registration)

    async def _outcome(self, call: Call) -> Outcome:
        """What became of a call, also where it was this program that failed."""
        try:
            return await self._around.caller.call(call)
        except Exception as fault:
            # Told in the log, counted, and repeated ever more rarely as any call that fails: were it to end the sender
            # instead, it would come again and again, and nobody would see the webhook fail.
            log.exception("webhook_call_broken", webhook=self.webhook_id)
            return Outcome("failed", f"a fault of this server: {type(fault).__name__}")

    async def _ended(self, calling: asyncio.Future[None]) -> None:
        """Where the server is told to stop, let a call that is under way end: so it need not be made again.

        Where calling is not ours any more, it ends at once: whoever calls now must not wait for us.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + ENDING_S_MAX
        try:
            while not calling.done() and self._around.may_call() and loop.time() < until_s:
                await asyncio.wait((calling,), timeout=ENDING_LOOK_S)
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)

    async def _secret(self, registration: Registration) -> str | None:
        """The secret of the webhook; None while it is being changed."""
        identifier = registration.webhook.secret_id
        if identifier not in self._secrets:
            self._secrets = await self._around.register.secrets()
        return self._secrets.get(identifier)

    async def _note_delivery(self, lane: Lane, batch: Batch) -> None:
        """Write down how far the webhook has been told, before anything else is sent."""
        if lane.failing:
            log.info("webhook_recovered", webhook=self.webhook_id, contest=lane.contest.contest_id)
        self.state = "active"
        lane.sequence, lane.place = batch.sequence, batch.place
        lane.forget_failures()
        await self._keep(lane)

    async def _note_failure(self, lane: Lane, outcome: Outcome, registration: Registration) -> None:
        """Plan the next call, or deactivate the webhook where it has failed for too long."""
        self.state = "failing"
        # Jitter needs no secrecy.
        wait_s = pause_s(lane.failures + 1, random.random(), outcome.retry_after_s)  # noqa: S311 - see above
        now_ms = self._around.circumstances.now_us() // 1_000
        lane.note_failure(now_ms, asyncio.get_running_loop().time() + wait_s)
        if lane.failures == 1:
            self._log_failure("webhook_failing", lane, outcome, registration, retry_in_s=round(wait_s, 3))
        await self._keep(lane)
        patience_ms = parse_relative_time_ms(lane.contest.state.settings.webhooks.deactivate_after)
        if lane.failures >= FAILURES_MIN and (lane.failed_for_ms or 0) >= patience_ms:
            await self._deactivate()
            self._log_failure("webhook_deactivated", lane, outcome, registration, failures=lane.failures)

    def _log_failure(self, event: str, lane: Lane, outcome: Outcome, registration: Registration, **more: float) -> None:
        # The path of a URL often holds a secret.
        host = urlsplit(registration.webhook.url).netloc
        contest_id = lane.contest.contest_id
        log.warning(event, webhook=self.webhook_id, host=host, contest=contest_id, reason=outcome.reason, **more)

    async def _deactivate(self) -> None:
        def decide(state: Registrations) -> Change | None:
            present = state.find(self.webhook_id)
            if present is None or not present.webhook.active:
                return None
            return Change(self.webhook_id, msgspec.structs.replace(present.webhook, active=False, deactivated=True))

        await self._around.register.transact(
            decide, actor="webhooks", cause="failing", circumstances=self._around.circumstances
        )

    async def _be_inactive(self, registration: Registration | None) -> None:
        """Nobody waits for what it is not told. One that is activated again has all the time there is."""
        self.state = "deactivated" if registration is not None and registration.webhook.deactivated else "inactive"
        tell_lag(self.webhook_id, 0)
        for lane in self._lanes.values():
            failed = lane.failing
            lane.forget_failures()
            if failed and registration is not None:
                await self._keep(lane)

    def _forget_pauses(self, registration: Registration) -> None:
        """Whoever has just changed the webhook, or activated it once more, wants to see it called."""
        if registration.position != self._position:
            self._position = registration.position
            for lane in self._lanes.values():
                lane.forget_pause()

    def _stop_clocks(self) -> None:
        for lane in self._lanes.values():
            lane.stop_clock()

    async def _keep(self, lane: Lane) -> None:
        """Keep the cursor, however long the database stays away: nothing may be sent before."""
        while self._registration() is not None:
            if not self._around.may_call():
                # Somebody else may be calling, and know more than we do.
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
                continue
            try:
                await self._around.register.keep_cursor(self.webhook_id, lane.contest.contest_id, lane.cursor)
            except StoreUnavailable as away:
                log.warning("webhook_waits_for_database", webhook=self.webhook_id, reason=str(away))
                self._stop_clocks()
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
            else:
                return
