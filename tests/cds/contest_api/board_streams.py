"""Following a scoreboard over HTTP as a browser does: server-sent events, applied to the board that came first.

This module knows the documented events. It must not know what a right board is.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from aiohttp import hdrs

from tests.cds.contest_api.serving import DEADLINE_S, Caller, Json, basic_authorization
from tests.projections.test_law_scoreboard_changes import applied

EVENT_STREAM = "text/event-stream"


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One event: its type, its id, what it says; a comment has the type `comment`."""

    kind: str
    identifier: str
    data: str

    @property
    def json(self) -> Json:
        """What it says, as JSON."""
        return json.loads(self.data)


class FollowedBoard:
    """A board that follows its stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Nothing has been read yet."""
        self.response = response
        self.board: Json = None
        self.events: list[ServerSentEvent] = []

    async def next(self) -> ServerSentEvent:
        """The next event, or comment. Raises EOFError at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\r\n")
                if text:
                    name, _, value = text.partition(":")
                    fields[name or "comment"] = value.removeprefix(" ")
                elif "data" in fields:
                    return ServerSentEvent(fields["event"], fields["id"], fields["data"])
                elif "comment" in fields:
                    return ServerSentEvent("comment", "", fields["comment"])
        raise EOFError

    async def event(self) -> ServerSentEvent:
        """The next event, applied to the board; comments are passed over."""
        while (event := await self.next()).kind == "comment":
            continue
        self.events.append(event)
        self.board = event.json if event.kind == "scoreboard" else applied(self.board, event.json)
        return event

    async def until(self, board: Json) -> None:
        """Follow until this is the board."""
        async with asyncio.timeout(DEADLINE_S):
            while self.board != board:
                await self.event()

    async def to_its_end(self) -> None:
        """Come back when the stream comes to a proper end."""
        try:
            while True:
                await self.event()
        except EOFError:
            return


@asynccontextmanager
async def following(caller: Caller, path: str, **headers: str) -> AsyncIterator[FollowedBoard]:
    """The stream of a scoreboard for the length of the block."""
    asked = {hdrs.ACCEPT: EVENT_STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if caller.login is not None:
        asked[hdrs.AUTHORIZATION] = basic_authorization(caller.login)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=DEADLINE_S)
    async with caller.session.get(caller.url(path), headers=asked, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        assert response.headers[hdrs.CONTENT_TYPE] == EVENT_STREAM
        yield FollowedBoard(response)
