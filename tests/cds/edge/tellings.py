"""A contest told over a real NATS server, line by line as a test wants it, with a core that says what it is told to.

This module knows how it is told. It must not know what an edge makes of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from nats.aio.client import Client
from nats.js.api import StorageType, StreamConfig

from cds.edge.audience import EdgeAudience
from cds.edge.contests import EdgeContests
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.fan_out.client import EndReason
from cds.jetstream.subjects import (
    FETCH,
    FETCH_YES,
    GENERATION,
    MESSAGE_ID,
    PREVIOUS,
    all_subjects,
    stream_name,
    subject_of,
)
from cds.relay.upstream import Refusal, Unreachable
from projections.told import Line, Page, Told, encode_told
from projections.told_view import TYPE_NAMES
from schemas.edges import EdgeViewer
from schemas.viewers import Role
from tests.cds.edge.edges import until
from tests.cds.jetstream.published import connection_to
from tests.nats_servers import NatsNode

PREFIX = "cds"
TAG_CHARACTERS = 12
QUICK = EdgeLimits(heartbeat_s=0.2, consumer_pause_s=0.05, discover_s=0.05, level_s_max=20.0, head_s_max=0.3)
"""Nothing waits for long, but a client for what does come."""

CONTEST_DATA = '{"id":"told","name":"Told","duration":"5:00:00.000","scoreboard_type":"pass-fail"}'


class ToldCore:
    """What a core says of lines: the first `count` of a contest, the first of which is the contest itself."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.away = False
        self.knows_it = True
        self.published = True
        self.short_by = 0
        """So many of the lines it has said to be there it does not have."""
        self.secret_refused = False
        self.asked = 0
        self.paged_at_s: list[float] = []
        """When it was asked for lines, by the monotonic clock."""

    async def head(self, _contest_id: str, role: Role) -> tuple[str, str] | None:
        """See Core."""
        self._answer()
        return ("", token(self.count, role)) if self.count else None

    async def anonymous(self, _contest_id: str) -> EdgeViewer:
        """See Core."""
        self._answer()
        return EdgeViewer(role="public", anonymous=True, view_key="", entity_tags_key="", published=self.published)

    async def lines(self, _contest_id: str, role: Role, after: str | None, _until: str | None = None) -> Page:
        """See Core."""
        self._answer()
        self.paged_at_s.append(time.monotonic())
        known = 0 if after is None else int(after[:-TAG_CHARACTERS])
        told = told_of(range(known + 1, self.count - self.short_by + 1))
        return Page((told,) if told.lines else (), {"": token(self.count, role)} if told.lines else {}, more=False)

    def _answer(self) -> None:
        self.asked += 1
        if self.away or self.secret_refused:
            raise Unreachable
        if not self.knows_it:
            raise Refusal(404, {}, b"")


def token(number: int, role: Role) -> str:
    """The token of a line."""
    return f"{number:022}{role:_<{TAG_CHARACTERS}}"


def told_of(numbers: range) -> Told:
    """These lines in one message."""
    return Told(tuple(map(_line, numbers)), 1_000)


def _line(number: int) -> Line:
    name, identifier = "teams", f'"t{number}"'
    data = f'{{"id":"t{number}","name":"Team {number}","label":"{number}"}}'
    if number == 1:
        name, identifier, data = "contest", "null", CONTEST_DATA
    body = f'{{"type":"{name}","id":{identifier},"data":{data},"token":"{number:022}'
    return Line(TYPE_NAMES.index(name), body.encode())


class Teller:
    """Tells contests over a connection."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.jetstream = connection.jetstream()

    async def begin(self, contest_id: str) -> None:
        """Make a stream, in the place of one that is there."""
        await self.end(contest_id)
        # In memory: on disk what was deleted may be in the way of the next for a moment.
        name, subjects = stream_name(PREFIX, contest_id), [all_subjects(PREFIX, contest_id)]
        await self.jetstream.add_stream(StreamConfig(name=name, subjects=subjects, storage=StorageType.MEMORY))

    async def end(self, contest_id: str) -> None:
        """Delete the stream of a contest, if it is there."""
        if contest_id in await self.contests():
            await self.jetstream.delete_stream(stream_name(PREFIX, contest_id))

    async def contests(self) -> list[str]:
        """The contests that there are."""
        streams = await self.jetstream.streams_info()
        return [str(each.config.name).removeprefix(f"{PREFIX}-") for each in streams]

    async def tell(
        self,
        contest_id: str,
        numbers: range,
        *,
        generation: str = "a",
        role: Role = "public",
        data: bytes = b"",
        fetched: bool = False,
    ) -> None:
        """These lines, each in a message of its own; `data`: something else in their place; `fetched`: nothing is."""
        for number in numbers:
            headers = {
                MESSAGE_ID: token(number, role),
                GENERATION: generation,
                PREVIOUS: token(number - 1, role) if number > 1 else "",
            }
            payload = data or encode_told(told_of(range(number, number if fetched else number + 1)))
            if fetched:
                headers[FETCH] = FETCH_YES
            await self.jetstream.publish(subject_of(PREFIX, contest_id, role), payload, headers=headers)


class Followed:
    """What an edge has of it, without HTTP."""

    def __init__(self, core: ToldCore, limits: EdgeLimits) -> None:
        self.core = core
        self.ended: list[tuple[EdgeAudience, EndReason]] = []
        self.contests = EdgeContests(PREFIX, cast("Core", core), limits, self._end)
        self.closing = asyncio.Event()

    async def served(self, contest_id: str, role: Role = "public") -> EdgeAudience:
        """What is served of a role, when there is anything."""
        await until(lambda: contest_id in self.contests and self.contests.ready)
        return await self.contests.audience(contest_id, role)

    def shown(self, contest_id: str, role: Role = "public") -> EdgeAudience | None:
        """What is served or read of a role at this moment."""
        return next((each for each in self.contests if (each.contest_id, each.role) == (contest_id, role)), None)

    async def has(self, contest_id: str, lines: int) -> EdgeAudience:
        """Come back when so many lines have been taken in, served or not."""
        await until(lambda: (found := self.shown(contest_id)) is not None and found.view.line_count >= lines)
        found = self.shown(contest_id)
        assert found is not None
        return found

    def _end(self, audience: EdgeAudience, reason: EndReason) -> None:
        self.ended.append((audience, reason))


@asynccontextmanager
async def telling(node: NatsNode) -> AsyncIterator[Teller]:
    """Somebody who tells over a server, which has nothing when the block begins."""
    connection = await connection_to(node.url)
    teller = Teller(connection)
    try:
        for contest_id in await teller.contests():
            await teller.end(contest_id)
        yield teller
    finally:
        await connection.close()


@asynccontextmanager
async def following(node: NatsNode, core: ToldCore, limits: EdgeLimits = QUICK) -> AsyncIterator[Followed]:
    """What an edge follows over a server for the length of the block."""
    connection = await connection_to(node.url)
    followed = Followed(core, limits)
    looking = asyncio.create_task(followed.contests.look_after(connection, followed.closing))
    try:
        yield followed
    finally:
        followed.closing.set()
        await looking
        await followed.contests.close()
        await connection.close()
