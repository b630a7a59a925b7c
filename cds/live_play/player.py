"""Plays the script: each change at its moment, changes about one object one after the other, others side by side.

What comes too late because the contest is over is refused by the server, as it would be of any team; it is counted,
and what hangs on it is left out. Any other refusal ends the play. This module must not know how requests are made up.
"""

import asyncio
import time
from collections import Counter
from http import HTTPStatus

import msgspec

from cds.circumstances import SystemCircumstances
from cds.live_play.client import Answer, Login, PlayClient
from cds.live_play.requests import Cast, PlannedRequest, live_request
from cds.live_play.script import Key, PlayedChange, Script, concerned
from cds.progress import Report
from schemas.times import format_time

OPEN_MAX = 1_024
"""Changes that are being played or wait for earlier ones about the same object."""

CLOSING_S = 0.5
"""So long before the end of the contest, by our clock, it may be over by the server's."""

OF_TEAMS = frozenset({"submissions", "clarifications"})
"""What a team sends, and may not send any more when the contest is over."""


class Created(msgspec.Struct, frozen=True):
    """As much of a created object as matters here."""

    id: str


class Tally(msgspec.Struct, kw_only=True):
    """What came of the play. `lag_s` is how long after its moment a change was done at worst."""

    sent: Counter[str] = msgspec.field(default_factory=Counter)
    late: Counter[str] = msgspec.field(default_factory=Counter)
    left_out: int = 0
    lag_s: float = 0.0


class Player:
    """One performance of a script, from the start of the contest on."""

    def __init__(
        self, client: PlayClient, script: Script, players: Cast, report: Report, circumstances: SystemCircumstances
    ) -> None:
        """A player; `report` is told how far it has come."""
        self._client = client
        self._script = script
        self._players = players
        self._report = report
        self._circumstances = circumstances
        self._ids: dict[Key, str] = {}
        self._latest: dict[Key, asyncio.Task[None]] = {}
        self._open = asyncio.Semaphore(OPEN_MAX)
        self._began_s = 0.0
        self._done = 0
        self.tally = Tally()

    async def play(self, began_s: float) -> Tally:
        """Play everything; the contest has begun at `began_s` of the monotonic clock. Raises PlayFailed."""
        self._began_s = began_s
        try:
            async with asyncio.TaskGroup() as tasks:
                for change in self._script.changes:
                    await self._open.acquire()
                    await asyncio.sleep(began_s + change.due_ms / 1000 - time.monotonic())
                    keys = [*concerned(change)]
                    earlier = {self._latest[key] for key in keys if key in self._latest}
                    task = tasks.create_task(self._perform(change, earlier))
                    self._latest.update(dict.fromkeys(keys, task))
        except BaseExceptionGroup as failures:
            # The others were ended because of the first; it is the one to tell of.
            raise failures.exceptions[0] from None
        return self.tally

    async def _perform(self, change: PlayedChange, earlier: set[asyncio.Task[None]]) -> None:
        try:
            if earlier:
                await asyncio.wait(earlier)
            now = format_time(self._circumstances.now_us() // 1000)
            request = live_request(self._players, change, self._ids, now)
            if request is None:
                self.tally.left_out += 1
            else:
                self._note(change, request, await self._sent(request))
        finally:
            self._open.release()
        self._done += 1
        self._report("playing", self._done, len(self._script.changes))

    async def _sent(self, request: PlannedRequest) -> Answer:
        path = f"/contests/{self._script.contest_id}{request.path}"
        return await self._client.send(request.method, path, self._login(request.account_id), request.body)

    def _login(self, account_id: str | None) -> Login:
        """The accounts of a simulated contest have their ids as user names."""
        account = account_id or ""
        return account, self._players.passwords[account]

    def _note(self, change: PlayedChange, request: PlannedRequest, answer: Answer) -> None:
        type_name = change.key[0]
        elapsed_s = time.monotonic() - self._began_s
        by_team = type_name in OF_TEAMS and request.account_id != self._players.judge
        over = elapsed_s >= self._script.duration_ms / 1000 - CLOSING_S
        if answer.status == HTTPStatus.FORBIDDEN and by_team and over:
            self.tally.late[type_name] += 1
            return
        created = answer.read(Created)
        self._ids.setdefault(change.key, created.id)
        self.tally.sent[f"{request.method} {type_name}"] += 1
        self.tally.lag_s = max(self.tally.lag_s, elapsed_s - change.due_ms / 1000)
