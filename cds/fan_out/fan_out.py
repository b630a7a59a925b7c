"""All feed clients of this process: who gets a place, how each is served and looked after, and how all of them end.

This module must not know how a request is read, nor how a line comes about.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeVar

import msgspec
import structlog

from cds import metrics
from cds.fan_out.broadcaster import Broadcaster, FollowedContest, Head
from cds.fan_out.client import EndReason, FeedClient, Subscription, Wire
from cds.fan_out.kept_blocks import KeptBlocks
from cds.fan_out.limits import FeedLimits
from cds.fan_out.places import Places
from cds.fan_out.rounds import Rounds
from cds.fan_out.source import Lines, Selection, Source
from cds.fan_out.waiting import is_set_within
from schemas.viewers import Viewer

SWEEPS_PER_INTERVAL = 4
"""Where signs of life or cut-offs come faster than usual, clients are looked at so often in between."""

CLIENTS_LOOKED_AT_ONCE = 200

log = structlog.get_logger(__name__)

Contest = TypeVar("Contest", bound=FollowedContest)
"""What is followed: a contest of this server, or what another one says of its own."""


class Wanted(msgspec.Struct, Generic[Contest], frozen=True, kw_only=True):
    """What one client asked for: whose view, which lines, behind which place, and whether it stays for what comes."""

    contest: Contest
    viewer: Viewer
    address: str
    lines: Lines
    selection: Selection
    cursor: int
    live: bool
    head: Head | None = None
    """What the head of the answer says; who stays is let go of when that does not hold any more."""


class FanOut(Generic[Contest]):
    """The delivery of all feeds of one server process."""

    def __init__(
        self,
        is_valid: Callable[[Viewer, Contest], bool],
        closing: asyncio.Event,
        keep_alive_s: float,
        limits: FeedLimits | None = None,
    ) -> None:
        """Nobody is there yet. `is_valid` tells whether a viewer may go on; `closing` ends all streams.

        `places` are for feed clients, `board_places` for those who follow scoreboards, which are delivered elsewhere.
        """
        self.limits = limits or FeedLimits()
        self._is_valid = is_valid
        self._closing = closing
        self._keep_alive_s = keep_alive_s
        self._kept = KeptBlocks(self.limits.kept_bytes_max)
        self._rounds = Rounds(self.limits.round_bytes)
        self._broadcasters: dict[Contest, Broadcaster] = {}
        self.places = Places(
            "feed_client_refused",
            places_max=self.limits.clients_max,
            of_contest_max=self.limits.clients_of_contest_max,
            places_for_logins=self.limits.places_for_logins,
        )
        self.board_places = Places(
            "scoreboard_client_refused",
            places_max=self.limits.boards_max,
            of_contest_max=self.limits.boards_of_contest_max,
            places_for_logins=self.limits.places_for_logins,
        )
        self._sweeping: asyncio.Task[None] | None = None

    async def deliver(self, wanted: Wanted[Contest], wire: Wire) -> None:
        """Send what is wanted to a client that has got its headers.

        Comes back when the stream is to be ended properly. Raises ConnectionError when the client has left or was
        cut off.
        """
        contest, viewer, selection = wanted.contest, wanted.viewer, wanted.selection
        with ExitStack() as undoing:
            broadcaster = self._broadcaster(contest)
            undoing.callback(self._forget_unused, contest, broadcaster)
            channel = None
            if wanted.live:
                channel = broadcaster.channel(wanted.lines, selection, viewer.role_told)
                undoing.callback(broadcaster.release, channel)
            subscription = Subscription(
                contest_id=contest.contest_id,
                viewer=viewer,
                address=wanted.address,
                source=Source(wanted.lines, selection, self._kept) if channel is None else channel.source,
                channel=channel,
                cursor=wanted.cursor,
            )
            client = FeedClient(subscription, wire, self._rounds, self.limits)
            undoing.enter_context(
                metrics.FEED_CLIENTS.labels(viewer.role_told, selection.framing.name).track_inprogress()
            )
            # Who wants what there is gets what there was at this moment, so it is only now that the head has to hold.
            broadcaster.join(client, wanted.head if wanted.live else None)
            if wanted.head is not None and not wanted.head.holds:
                client.end("head")
            undoing.callback(_part, wanted, client, broadcaster, wire)
            if self._closing.is_set():
                client.end("closing")
            await client.deliver()

    def end_streams(self, contest: Contest, reason: EndReason) -> None:
        """Let all streams of a contest come to their end."""
        broadcaster = self._broadcasters.get(contest)
        if broadcaster is not None:
            broadcaster.end_all(reason)

    async def end_those(self, contest: Contest, reason: EndReason, concerned: Callable[[FeedClient], bool]) -> None:
        """Let the streams of a contest come to their end that are concerned; some are looked at at a time."""
        broadcaster = self._broadcasters.get(contest)
        clients = [] if broadcaster is None else broadcaster.clients
        for start in range(0, len(clients), CLIENTS_LOOKED_AT_ONCE):
            for client in clients[start : start + CLIENTS_LOOKED_AT_ONCE]:
                if concerned(client):
                    client.end(reason)
            await asyncio.sleep(0)

    def _forget_unused(self, contest: Contest, broadcaster: Broadcaster) -> None:
        if not broadcaster.clients and self._broadcasters.get(contest) is broadcaster:
            del self._broadcasters[contest]

    def _broadcaster(self, contest: Contest) -> Broadcaster:
        broadcaster = self._broadcasters.get(contest)
        if broadcaster is None:
            broadcaster = self._broadcasters[contest] = Broadcaster(
                contest, lambda viewer: self._is_valid(viewer, contest), self._kept, self.limits
            )
        if self._sweeping is None or self._sweeping.done():
            self._begin_to_sweep()
        return broadcaster

    def _begin_to_sweep(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="look after feed clients")
        self._sweeping.add_done_callback(self._end_of_sweeping)

    def _end_of_sweeping(self, sweeping: asyncio.Task[None]) -> None:
        """It ends when nobody is left, or with the server; after a fault, which must be seen, it begins again."""
        if sweeping.cancelled() or sweeping.exception() is None:
            return
        log.error("feed_clients_not_looked_after", exc_info=sweeping.exception())
        if not self._closing.is_set():
            self._begin_to_sweep()  # its first look is a while later, so this does not go round and round
        else:
            self._end_all()

    def _end_all(self) -> None:
        for broadcaster in list(self._broadcasters.values()):
            broadcaster.end_all("closing")

    async def _sweep(self) -> None:
        """Look after all clients at intervals while there are any, and end all streams when the server closes."""
        shortest_s = min(self._keep_alive_s, self.limits.stalled_s) / SWEEPS_PER_INTERVAL
        loop, thorough_at_s = asyncio.get_running_loop(), 0.0
        while not await is_set_within(self._closing, min(shortest_s, self.limits.sweep_s)):
            if not self._broadcasters:
                return
            thoroughly = loop.time() >= thorough_at_s
            if thoroughly:
                thorough_at_s = loop.time() + self.limits.stall_look_s
            for broadcaster in list(self._broadcasters.values()):
                broadcaster.check_logins()
                broadcaster.end_abandoned()
                await self._look_after(broadcaster.clients, thoroughly=thoroughly)
        self._end_all()

    async def _look_after(self, clients: list[FeedClient], *, thoroughly: bool) -> None:
        loop = asyncio.get_running_loop()
        for start in range(0, len(clients), CLIENTS_LOOKED_AT_ONCE):
            now_s = loop.time()
            for client in clients[start : start + CLIENTS_LOOKED_AT_ONCE]:
                client.look(now_s, self._keep_alive_s, thoroughly=thoroughly)
            await asyncio.sleep(0)


def _part(wanted: Wanted[Contest], client: FeedClient, broadcaster: Broadcaster, wire: Wire) -> None:
    """A client that was looked after has gone."""
    # The log of requests tells what the writer has sent.
    wire.writer.output_size += client.given_bytes
    broadcaster.leave(client)
    log.debug("feed_client_gone", contest=wanted.contest.contest_id, role=wanted.viewer.role_told, reason=client.ended)
