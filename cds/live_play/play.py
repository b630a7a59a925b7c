"""A whole play: setting up, starting, playing, and the ceremony at the end.

The server runs the contest: it starts, freezes and ends it; an administrator thaws, finalizes and ends the updates.
This module knows the order of these steps; it must not know how the contest is made up.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import groupby, islice
from operator import itemgetter

import msgspec

from cds.circumstances import SystemCircumstances
from cds.live_play.client import Answer, Login, PlayClient, PlayFailed
from cds.live_play.player import Player, Tally
from cds.live_play.requests import Cast, PlannedRequest, configuration_request
from cds.live_play.script import Script
from cds.progress import Report
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, State
from schemas.times import format_time

POLL_S = 0.1
SET_UP_AT_ONCE = 64
"""Objects that are put side by side before the start."""

END_AWAITED_S = 60.0
"""How long after its time the end of the contest may be announced."""

Configured = tuple[str, ContestObject]


class BoardScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a row, of a pass-fail or a score contest."""

    num_solved: int | None = None
    total_time: str | None = None
    score: float | None = None


class BoardRow(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a row of the scoreboard as is shown at the end."""

    rank: int
    team_id: str
    score: BoardScore


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The scoreboard."""

    rows: list[BoardRow]


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """How a play went. `retries` counts requests that had to be sent again."""

    tally: Tally
    board: Board
    set_up_s: float
    retries: int


class Play:
    """One play of a script on one server."""

    def __init__(
        self,
        client: PlayClient,
        script: Script,
        players: Cast,
        administrator: Login,
        report: Report,
        circumstances: SystemCircumstances,
    ) -> None:
        """A play; `administrator` is an account of the server that may do everything."""
        self._client = client
        self._script = script
        self._players = players
        self._administrator = administrator
        self._report = report
        self._circumstances = circumstances
        self._address = f"/contests/{script.contest_id}"

    async def perform(self) -> Played:
        """From an empty place to the end of updates. Raises PlayFailed."""
        began_s = time.monotonic()
        await self._set_up()
        set_up_s = time.monotonic() - began_s
        await self._reach("started")
        player = Player(self._client, self._script, self._players, self._report, self._circumstances)
        tally = await player.play(time.monotonic())
        await self._await_end()
        await self._close()
        board = (await self._ask("GET", "/scoreboard")).read(Board)
        return Played(tally=tally, board=board, set_up_s=set_up_s, retries=self._client.retries)

    async def _set_up(self) -> None:
        """Everything that stands before the start, type after type."""
        # A wrong address is told at once: this is asked a single time.
        present = await self._client.send("GET", self._address, self._administrator, patience_s=0)
        if present.status != HTTPStatus.NOT_FOUND:
            raise present.failure if not present.good else PlayFailed(f"{self._script.contest_id} is there already")
        total = len(self._script.configuration)
        done = 0
        for batch in _batches(self._script.configuration):
            for answer in await asyncio.gather(*(self._put(*configured) for configured in batch)):
                if not answer.good:
                    raise answer.failure
            done += len(batch)
            self._report("setting up", done, total)

    async def _put(self, type_name: str, instance: ContestObject) -> Answer:
        return await self._ask_for(configuration_request(self._players, type_name, instance))

    async def _reach(self, property: str) -> None:
        """Set a moment of the state to now. It may have been set by a request whose answer was lost."""
        answer = await self._ask("PATCH", "/state", msgspec.json.encode({property: "now"}))
        if not answer.good and not getattr(await self._state(), property):
            raise answer.failure

    async def _state(self) -> State:
        return (await self._ask("GET", "/state")).read(State)

    async def _await_end(self) -> None:
        deadline_s = time.monotonic() + self._script.duration_ms / 1000 + END_AWAITED_S
        while not (await self._state()).ended:
            if time.monotonic() > deadline_s:
                raise PlayFailed(f"{self._script.contest_id}: the server does not end the contest")
            await asyncio.sleep(POLL_S)

    async def _close(self) -> None:
        """Thaw, finalize, and end the updates."""
        if self._script.freezes:
            now = format_time(self._circumstances.now_us() // 1000)
            body = {"id": self._script.contest_id, "scoreboard_thaw_time": now}
            answer = await self._ask("PATCH", "", msgspec.json.encode(body))
            if not answer.good and not (await self._state()).thawed:
                raise answer.failure
        await self._reach("finalized")
        await self._reach("end_of_updates")

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """A request of the administrator."""
        return await self._client.send(method, self._address + path, self._administrator, body)

    async def _ask_for(self, request: PlannedRequest) -> Answer:
        return await self._ask(request.method, request.path, request.body)


def _batches(configuration: Sequence[Configured]) -> Iterator[list[Configured]]:
    """Objects that may be put side by side: of one type, unless these name each other."""
    for type_name, of_type in groupby(configuration, key=itemgetter(0)):
        alone = any(reference.target == type_name for reference in OBJECT_TYPES[type_name].references)
        while batch := [*islice(of_type, 1 if alone else SET_UP_AT_ONCE)]:
            yield batch
