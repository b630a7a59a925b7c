"""Scoreboards that are followed through a relay: one stream of the upstream for each, however many follow it here.

The stream brings a whole board at first, and then tells that there is another one, which is asked for as GET answers
it. So the relay's boards are those of the upstream, with its ids, and what lies between any two of them is told as the
upstream tells it. This module must not know what a board says.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs
from yarl import URL

from cds.background import telling_of_failure
from cds.contest_api.board_channels import WHOLE, BoardChannel
from cds.contest_api.negotiation import EVENT_STREAM, JSON
from cds.relay.audience import ENDING_STATUSES
from cds.relay.audiences import Audiences
from cds.relay.futures import seen
from cds.relay.kept_answers import bare_entity_tag
from cds.relay.limits import BOARD_BYTES_MAX, RelayLimits
from cds.relay.pauses import pause_s
from cds.relay.upstream import Asker, Incoming, Refusal, Unreachable, Upstream

BOARD_IN_URL = "last_event_id"
"""The parameter in which a client may name the board that it has; it makes no other board."""

EVENT_END = b"\n\n"

log = structlog.get_logger(__name__)


class BoardKey(msgspec.Struct, frozen=True):
    """What makes a board: its address at the upstream, and a fingerprint of the login (see Asker.apart)."""

    url: str
    login: bytes


class RelayedBoard:
    """One board as it comes, and its channel once there is a first one."""

    def __init__(
        self,
        contest_id: str,
        url: URL,
        asker: Asker,
        upstream: Upstream,
        limits: RelayLimits,
        refused: Callable[[], None],
    ) -> None:
        """A board of which nothing has come. The upstream is asked for `asker`, of whom the first answer is.

        `refused` is called when the login is not let in any more.
        """
        self.contest_id = contest_id
        self.followers = 0
        self.ended = False
        self.board_id = ""
        self._url = url
        self._asker = asker
        self._upstream = upstream
        self._limits = limits
        self._refused = refused
        self._body: bytes | None = None
        self._failures = 0
        self._channel: asyncio.Future[BoardChannel] = asyncio.get_running_loop().create_future()
        self._channel.add_done_callback(seen)
        self._following = asyncio.create_task(self._follow(), name=f"board of {contest_id}")
        self._following.add_done_callback(telling_of_failure("relayed_board_failed"))
        self._following.add_done_callback(lambda _: self.end())

    async def channel(self) -> BoardChannel:
        """The channel of the board. Raises Refusal and Unreachable where the upstream lets nobody in."""
        return await asyncio.shield(self._channel)

    def end(self) -> None:
        """Be done with it: whoever follows it comes to an end."""
        self.ended = True
        self._following.cancel()
        if not self._channel.done():
            self._channel.set_exception(Unreachable())
        elif self._channel.exception() is None:
            self._channel.result().end()

    async def close(self) -> None:
        """Be done with everything."""
        self.end()
        await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        """Follow the upstream, however often it is cut off, until it lets nobody in any more."""
        while not self.ended:
            try:
                await self._read()
            except (Unreachable, Refusal) as reason:
                ending = ENDING_STATUSES.get(reason.status) if isinstance(reason, Refusal) else None
                if not self._channel.done():
                    self._channel.set_exception(reason)
                    return
                if ending == "login":
                    self._refused()
                if ending is not None:
                    log.warning("relayed_board_over", contest=self.contest_id, reason=str(reason))
                    return
            pause = pause_s(self._failures, self._limits)
            self._failures += 1
            await asyncio.sleep(pause)

    async def _read(self) -> None:
        """Follow until it is cut off, or comes to its end. Raises Unreachable and Refusal."""
        headers: dict[str, str] = {hdrs.ACCEPT: EVENT_STREAM}
        async with self._upstream.stream(hdrs.METH_GET, self._url, self._asker, headers) as incoming:
            await _require(incoming)
            self._asker = self._asker.later()
            async for kind, board_id, data in _events(incoming):
                self._failures = 0
                if kind == WHOLE:
                    self._take(board_id, data)
                else:
                    await self._ask()

    async def _ask(self) -> None:
        """Have the board as it is now. Raises Unreachable and Refusal."""
        headers: dict[str, str] = {hdrs.ACCEPT: JSON}
        async with self._upstream.answer(hdrs.METH_GET, self._url, self._asker, headers) as incoming:
            await _require(incoming)
            body = await incoming.read()
        self._take(bare_entity_tag(incoming.headers.get(hdrs.ETAG, "")), body)

    def _take(self, board_id: str, body: bytes) -> None:
        self.board_id, self._body = board_id, body
        if self._channel.done():
            self._channel.result().look()
        else:
            self._channel.set_result(BoardChannel(lambda: self._body, lambda _: self.board_id))


class RelayedBoards:
    """The boards that somebody follows; each is there from the first who comes to the last who leaves."""

    def __init__(self, upstream: Upstream, audiences: Audiences, limits: RelayLimits) -> None:
        """Nobody follows anything yet."""
        self._upstream = upstream
        self._audiences = audiences
        self._limits = limits
        self._boards: dict[BoardKey, RelayedBoard] = {}

    def __len__(self) -> int:
        """How many boards there are."""
        return len(self._boards)

    @asynccontextmanager
    async def followed(
        self, contest_id: str, url: URL, asker: Asker
    ) -> AsyncIterator[tuple[RelayedBoard, BoardChannel]]:
        """A board and its channel for the length of the block.

        Raises what the upstream says to whom it does not let in: Refusal, Unreachable.
        """
        asked = url.without_query_params(BOARD_IN_URL)
        key = BoardKey(str(asked), self._audiences.fingerprint(asker.authorization, asker.apart))
        board = self._boards.get(key)
        if board is None or board.ended:
            board = self._boards[key] = RelayedBoard(
                contest_id, asked, asker, self._upstream, self._limits, lambda: self._audiences.refused(key.login)
            )
        board.followers += 1
        try:
            yield board, await board.channel()
        finally:
            board.followers -= 1
            if not board.followers:
                board.end()
                if self._boards.get(key) is board:
                    del self._boards[key]

    def stamp(self, login: bytes, contest_id: str) -> tuple[tuple[str, str], ...]:
        """How far all boards of a login in a contest have got, here; another one whenever one of them is another."""
        return tuple(
            sorted(
                (key.url, board.board_id)
                for key, board in self._boards.items()
                if key.login == login and board.contest_id == contest_id
            )
        )

    async def close(self) -> None:
        """Be done with all of them."""
        await asyncio.gather(*(board.close() for board in list(self._boards.values())))


async def _require(incoming: Incoming) -> None:
    """Raises Refusal for an answer that is none."""
    if incoming.status != HTTPStatus.OK:
        raise Refusal(incoming.status, incoming.headers, await incoming.read())


async def _events(incoming: Incoming) -> AsyncIterator[tuple[str, str, bytes]]:
    """Type, id and data of each event of a stream, as our servers write them: one line each. Raises Unreachable."""
    waiting = b""
    async for piece in incoming.pieces():
        *events, waiting = (waiting + piece).split(EVENT_END)
        if len(waiting) > BOARD_BYTES_MAX:
            raise Unreachable
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
            if b"event" in fields and b"data" in fields:
                yield fields[b"event"].decode(), fields.get(b"id", b"").decode(), fields[b"data"]
