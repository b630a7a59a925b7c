"""The live clients of one contest: one task waits for the contest to change, once for all of them.

What came within a tick is published together; a lone change goes out at once. This module must not know HTTP.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
import structlog

from cds import metrics
from cds.commands.accounts import LOGINS
from cds.fan_out.blocks import Block
from cds.fan_out.channel import Channel
from cds.fan_out.client import EndReason, FeedClient
from cds.fan_out.kept_blocks import KeptBlocks
from cds.fan_out.limits import FeedLimits
from cds.fan_out.source import Lines, Selection, Source
from schemas.viewers import Viewer

BLOCK_COUNTS_AS_CLIENTS = 4
"""Making a block takes about as long as writing it to so many clients."""

log = structlog.get_logger(__name__)

LoginStamp = tuple[int | None, int | None]


class Head(msgspec.Struct, frozen=True):
    """What the head of an answer has `said` of the contest, and what tells what would be said `now`."""

    said: int
    now: Callable[[], int]

    @property
    def holds(self) -> bool:
        """Whether the same would be said."""
        return self.said == self.now()


class Versions(Protocol):
    """What tells when something was last changed: `versions` are positions by type and id."""

    @property
    def versions(self) -> Mapping[tuple[str, str], int]:
        """See ContestState."""
        ...


class FollowedContest(Protocol):
    """A contest as far as its followers are concerned; `changed` is another event after every change."""

    contest_id: str
    changed: asyncio.Event

    @property
    def state(self) -> Versions:
        """Where it is seen whether a login may have changed."""
        ...


class Broadcaster:
    """Channels and clients of one contest."""

    def __init__(
        self, contest: FollowedContest, is_valid: Callable[[Viewer], bool], kept: KeptBlocks, limits: FeedLimits
    ) -> None:
        """Nobody is there yet; `is_valid` tells whether somebody who was let in may go on."""
        self._contest = contest
        self._is_valid = is_valid
        self._kept = kept
        self._limits = limits
        self._channels: dict[tuple[int, Selection], Channel] = {}
        self._roles: dict[Channel, str] = {}
        self._clients: dict[FeedClient, Head | None] = {}
        """All clients, each with what was said in the head of its answer, as far as that can cease to hold."""
        self._heads: dict[int, Head] = {}
        """One of these for everything that was said: with so many clients not each of them can be asked at a change."""
        self._held_at: asyncio.Event | None = None
        """The change, by what the contest waits with, at which that was looked at last."""
        self._readers: dict[Viewer, int] = {}
        self._stamps: dict[Viewer, LoginStamp] = {}
        self._turn = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def clients(self) -> list[FeedClient]:
        """All who are there, live or not."""
        return list(self._clients)

    def channel(self, lines: Lines, selection: Selection, role: str) -> Channel:
        """The channel of a selection, a new one where nobody reads the same. To be given back with `release`."""
        key = (id(lines), selection)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(Source(lines, selection, self._kept), self._limits)
            self._roles[channel] = role
        channel.users += 1
        return channel

    def release(self, channel: Channel) -> None:
        """One client fewer uses this channel."""
        channel.users -= 1
        if not channel.users:
            del self._channels[id(channel.source.lines), channel.source.selection]
            del self._roles[channel]

    def join(self, client: FeedClient, head: Head | None = None) -> None:
        """Look after a client from now on, until `leave`. Nothing is done if it cannot be told whether it may stay."""
        viewer = client.viewer
        stamp, is_valid = self._stamp(viewer), self._is_valid(viewer)
        self._clients[client] = head
        self._readers[viewer] = self._readers.get(viewer, 0) + 1
        self._stamps.setdefault(viewer, stamp)
        if not is_valid:
            client.end("login")
        elif head is not None and not head.holds:
            client.end("head")
        elif head is not None:
            self._heads[head.said] = head
        if self._task is None:
            self._task = asyncio.create_task(self._broadcast(), name=f"feeds of {self._contest.contest_id}")
            self._task.add_done_callback(self._report_end)

    def leave(self, client: FeedClient) -> None:
        """The client has gone."""
        del self._clients[client]
        self._readers[client.viewer] -= 1
        if not self._readers[client.viewer]:
            del self._readers[client.viewer], self._stamps[client.viewer]
        if not self._clients and self._task is not None:
            self._task.cancel()
            self._task = None

    def end_all(self, reason: EndReason) -> None:
        """Let all streams come to their end."""
        for client in self.clients:
            client.end(reason)

    def check_logins(self) -> None:
        """End the streams of those whose login does not hold any more; each login is looked at once."""
        self._end_those({viewer for viewer in self._readers if not self._is_valid(viewer)})

    def end_abandoned(self) -> None:
        """End the streams of lines to which nothing will come any more; whoever comes back is given others."""
        if any(channel.source.lines.abandoned for channel in self._channels.values()):
            for client in self.clients:
                if client.abandoned:
                    client.end("failed")

    def _end_untrue(self) -> None:
        """End the streams of those to whom something was said beforehand that does not hold: they may ask again."""
        untrue = {said for said, head in self._heads.items() if not head.holds}
        if not untrue:
            return
        for client, head in list(self._clients.items()):
            if head is not None and head.said in untrue:
                client.end("head")
        for said in untrue:
            del self._heads[said]

    def _check_changed_logins(self) -> None:
        """The same after a change of the contest: only accounts that were touched can have become invalid by it."""
        touched = [viewer for viewer, stamp in self._stamps.items() if self._stamp(viewer) != stamp]
        for viewer in touched:
            self._stamps[viewer] = self._stamp(viewer)
        self._end_those({viewer for viewer in touched if not self._is_valid(viewer)})

    def _stamp(self, viewer: Viewer) -> LoginStamp:
        """The positions of the last events about an account of the contest and about its login."""
        if viewer.account_id is None:
            return (None, None)
        versions = self._contest.state.versions
        return versions.get(("accounts", viewer.account_id)), versions.get((LOGINS, viewer.account_id))

    def _end_those(self, viewers: set[Viewer]) -> None:
        if viewers:
            for client in self.clients:
                if client.viewer in viewers:
                    client.end("login")

    async def _broadcast(self) -> None:
        """Publish whatever comes, at most once for each tick."""
        loop = asyncio.get_running_loop()
        while True:
            changed = self._contest.changed
            if not any(channel.behind for channel in self._channels.values()):
                await changed.wait()
            began_s = loop.time()
            self._check_changed_logins()
            self.end_abandoned()
            await self._publish(began_s)
            await asyncio.sleep(max(began_s + self._limits.tick_s - loop.time(), 0))

    async def _publish(self, began_s: float) -> None:
        """Publish to every channel in turn, in pieces between which others are served."""
        loop = asyncio.get_running_loop()
        work, finished_s = 0, dict[str, float]()
        for channel in self._in_turn():
            role = self._roles.get(channel)
            if role is None:
                continue
            while (block := self._next_block(channel)) is not None:
                work, in_all = work + BLOCK_COUNTS_AS_CLIENTS, 0
                for written in channel.publish(block):
                    work, in_all = work + written, in_all + written
                    channel.last_bytes_s = loop.time()
                    if work >= self._limits.clients_per_piece:
                        work = 0
                        await asyncio.sleep(0)
                metrics.FEED_BYTES.inc(in_all * len(block.wire))
                finished_s[role] = loop.time()
        for role, at_s in finished_s.items():
            metrics.PUBLISH_S.labels(role).observe(at_s - began_s)

    def _next_block(self, channel: Channel) -> Block | None:
        """What comes next, for those alone to whom all still holds that they were told beforehand.

        Others have come since publishing began, perhaps with what made it untrue: nobody is given a line of these.
        """
        if self._contest.changed is not self._held_at:
            self._held_at = self._contest.changed
            self._end_untrue()
        return channel.next_block()

    def _in_turn(self) -> list[Channel]:
        channels = list(self._channels.values())
        self._turn = (self._turn + 1) % max(len(channels), 1)
        return channels[self._turn :] + channels[: self._turn]

    def _report_end(self, task: asyncio.Task[None]) -> None:
        """Broadcasting ends with the last client; anything else is a fault that must be seen, and felt."""
        if not task.cancelled() and task.exception() is not None:
            log.error("feeds_failed", contest=self._contest.contest_id, exc_info=task.exception())
            self._task = None
            self.end_all("failed")
