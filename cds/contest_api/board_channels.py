"""One board for all who look at the same: it is computed, compared and framed once, however many follow it.

A channel is one view of one contest's scoreboard. It looks at the board on a beat that does not depend on what happens,
and only when the board differs from the one before is there anything to send: so neither that nor when something is
sent tells of activity that the viewers do not see. This module must not know connections, nor who is behind a view.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from cds.background import telling_of_failure
from cds.fan_out.limits import BOARD_BEAT_S
from projections.scoreboard import UnknownGroup
from projections.scoreboard_changes import ReadBoard, encoded_changes, read_board
from projections.served_versions import ServedVersion
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.viewers import Role

BOARDS_KEPT_MAX = 32
"""Boards from which a difference can still be told; who has an older one gets the whole board."""

WHOLE = "scoreboard"
CHANGES = "changes"


class BoardedContest(Protocol):
    """A contest as far as its boards are concerned. `changed` is another event after every change."""

    changed: asyncio.Event

    @property
    def exists(self) -> bool:
        """Whether it is there (still)."""
        ...

    def scoreboard(self, role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """See LiveContest."""
        ...


class BoardView(msgspec.Struct, frozen=True):
    """Which board: that of the freeze or the live one, with the problems hidden before the start or not, of a group;
    and in which version of the API it is told.
    """

    frozen: bool
    sees_problems_before_start: bool
    group_id: str | None
    version: ServedVersion


class BoardEvent(msgspec.Struct, frozen=True):
    """A server-sent event, ready to be written, and the id of the board to which it leads."""

    board_id: str
    frame: bytes


def view_of(role: Role, version: ServedVersion, *, frozen: bool, group_id: str | None) -> BoardView:
    """The view of a role; roles that see the same share it."""
    return BoardView(frozen or not SEES_LIVE_SCOREBOARD[role], SEES_PROBLEMS_BEFORE_START[role], group_id, version)


class BoardChannel:
    """The boards of one view as they come, with the events that lead to the latest one."""

    def __init__(self, look: Callable[[], bytes | None], board_id: Callable[[bytes], str]) -> None:
        """A channel that has looked once. `look` gives the board as GET does, None when there is none any more."""
        self.changed = asyncio.Event()
        """Set, and replaced, when there is another board or the channel has ended."""
        self.ended = False
        self._look = look
        self._board_id = board_id
        self._body = b""
        self._latest = ""
        self._boards: OrderedDict[str, ReadBoard] = OrderedDict()
        self._events: dict[str | None, BoardEvent] = {}
        self.look()

    def look(self) -> None:
        """Take up the board as it is now, and wake those who follow when it is another one."""
        body = None if self.ended else self._look()
        if body is None:
            self.end()
        elif body != self._body:
            self._body, self._latest = body, self._board_id(body)
            self._boards[self._latest] = read_board(body)
            self._boards.move_to_end(self._latest)
            if len(self._boards) > BOARDS_KEPT_MAX:
                self._boards.popitem(last=False)
            self._events.clear()
            self._wake()

    def end(self) -> None:
        """There is nothing more to come."""
        if not self.ended:
            self.ended = True
            self._wake()

    def event_since(self, board_id: str | None) -> BoardEvent | None:
        """What leads from a board (None, or an unknown one: from nothing) to the latest; None when that is it."""
        if board_id == self._latest:
            return None
        known = board_id if board_id in self._boards else None
        event = self._events.get(known)
        if event is None:
            event = self._events[known] = self._event_since(known)
        return event

    async def follow(self, contest: BoardedContest, closing: asyncio.Event, beat_s: float) -> None:
        """Look whenever the contest has changed, on the beat, until there is no board any more or all closes."""
        until_closing = asyncio.create_task(closing.wait())
        try:
            while not (self.ended or closing.is_set()):
                until_changed = asyncio.create_task(contest.changed.wait())
                self.look()
                try:
                    await asyncio.wait((until_changed, until_closing), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    until_changed.cancel()
                await asyncio.sleep(beat_s - asyncio.get_running_loop().time() % beat_s)
        finally:
            until_closing.cancel()
            self.end()

    def _event_since(self, known: str | None) -> BoardEvent:
        kind, data = WHOLE, self._body
        if known is not None:
            difference = encoded_changes(self._boards[known], self._boards[self._latest])
            if len(difference) < len(self._body):
                kind, data = CHANGES, difference
        frame = b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), self._latest.encode(), data)
        return BoardEvent(self._latest, frame)

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class _Followed(msgspec.Struct):
    """A channel, what keeps it level with its contest, and how many follow it."""

    channel: BoardChannel
    following: asyncio.Task[None]
    followers: int = 0


class BoardChannels:
    """The channels that somebody follows; each is there from the first who comes to the last who leaves."""

    def __init__(self, beat_s: float = BOARD_BEAT_S) -> None:
        """Nobody follows anything yet. What changes within `beat_s` seconds is told together."""
        self._beat_s = beat_s
        self._followed: dict[tuple[BoardedContest, BoardView], _Followed] = {}

    def __len__(self) -> int:
        """How many channels there are."""
        return len(self._followed)

    @contextmanager
    def followed(
        self,
        contest: BoardedContest,
        role: Role,
        view: BoardView,
        board_id: Callable[[bytes], str],
        closing: asyncio.Event,
    ) -> Iterator[BoardChannel]:
        """The channel of a view for the length of the block, with the board as it is now."""
        key = (contest, view)
        followed = self._followed.get(key)
        if followed is None or followed.channel.ended:
            channel = BoardChannel(lambda: _board(contest, role, view), board_id)
            following = asyncio.create_task(channel.follow(contest, closing, self._beat_s), name="follow a board")
            following.add_done_callback(telling_of_failure("board_channel_failed"))
            followed = self._followed[key] = _Followed(channel, following)
        else:
            followed.channel.look()
        followed.followers += 1
        try:
            yield followed.channel
        finally:
            followed.followers -= 1
            if followed.followers == 0:
                followed.following.cancel()
                if self._followed.get(key) is followed:
                    del self._followed[key]


def _board(contest: BoardedContest, role: Role, view: BoardView) -> bytes | None:
    """The board as it is now, None when the contest or the group is gone."""
    if not contest.exists:
        return None
    try:
        return view.version.scoreboard(contest.scoreboard(role, frozen=view.frozen, group_id=view.group_id))
    except UnknownGroup:
        return None
