"""The audiences of one contest in memory: one for each role, and version of the API, that somebody has asked for.

This module keeps them and has their feeds built; it must not know when something happens, nor who asks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import chain

from projections.audience import Audience
from projections.contest import ContestState
from projections.feed_lines import FeedLines
from projections.served_versions import DRAFT, ServedVersion
from projections.tokens import TokenMaker
from projections.versioned_audience import audience_of, audience_of_state
from schemas.viewers import Role

Asked = tuple[Role, str]
"""A role, and the name of a version."""

Build = Callable[[Role, ServedVersion], Awaitable[Audience]]
"""Makes an audience with its feed that stands, when it comes back, where all the others stand."""


class Audiences:
    """The audiences by role and version. Only those with lines keep a feed."""

    def __init__(self, eager_roles: Iterable[Role], tokens: TokenMaker, build: Build) -> None:
        """Audiences of an empty contest for the eager roles, in our own words; all others are made when asked for."""
        self._audiences: dict[Asked, Audience] = {
            (role, DRAFT.name): Audience(role, FeedLines(tokens)) for role in eager_roles
        }
        self._build = build
        self._building: dict[Asked, asyncio.Task[FeedLines]] = {}
        self._making: dict[Asked, asyncio.Task[Audience]] = {}
        self._growing: list[Audience] = []

    def __iter__(self) -> Iterator[Audience]:
        """All that have to be told what happens: those that are being made too."""
        return chain(self._audiences.values(), self._growing)

    def of(self, role: Role, version: ServedVersion, state: ContestState) -> Audience:
        """The audience of a role in a version, made of the state as it stands when nobody has asked for it yet."""
        asked = (role, version.name)
        audience = self._audiences.get(asked)
        if audience is None:
            audience = self._audiences[asked] = audience_of_state(role, version, state)
        return audience

    async def ready(self, role: Role, version: ServedVersion, state: ContestState) -> Audience:
        """The same as `of`, but made bit by bit, so that nobody is held up by the first who asks."""
        asked = (role, version.name)
        audience = self._audiences.get(asked)
        if audience is not None:
            return audience
        making = self._making.get(asked)
        if making is None:
            making = self._making[asked] = asyncio.create_task(
                self._made(role, version, state), name="make an audience"
            )
            making.add_done_callback(lambda _: self._making.pop(asked, None))
        return await asyncio.shield(making)

    async def _made(self, role: Role, version: ServedVersion, state: ContestState) -> Audience:
        """An audience of the state as it stands; what happens meanwhile is told to it as to the others."""
        audience = audience_of(role, version)
        self._growing.append(audience)
        try:
            for _ in audience.looking_at_all(state):
                await asyncio.sleep(0)
        finally:
            given_up = audience not in self._growing
            if not given_up:
                self._growing.remove(audience)
        return self.of(role, version, state) if given_up else self._audiences.setdefault((role, version.name), audience)

    def in_our_words(self) -> dict[Role, Audience]:
        """Those whose feeds a checkpoint may hold."""
        return {role: audience for (role, version), audience in self._audiences.items() if version == DRAFT.name}

    def with_feed_in_our_words(self) -> dict[Role, Audience]:
        """Those of `in_our_words` that keep a feed."""
        return {role: audience for role, audience in self.in_our_words().items() if audience.lines is not None}

    def restore(self, audiences: Mapping[Role, Audience]) -> None:
        """Take what a checkpoint held; what was made before is of another state."""
        self._audiences = {(role, DRAFT.name): audience for role, audience in audiences.items()}

    async def feed(self, role: Role, version: ServedVersion) -> FeedLines:
        """All lines of a feed. The first to ask waits until the log has been read again."""
        asked = (role, version.name)
        audience = self._audiences.get(asked)
        if audience is not None and audience.lines is not None:
            return audience.lines
        building = self._building.get(asked)
        if building is None:
            building = self._building[asked] = asyncio.create_task(self._built(role, version))
            building.add_done_callback(lambda _: self._building.pop(asked, None))
            # Whoever waits is told of a failure; when all of them have left nobody has to be.
            building.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(building)

    def flush(self) -> Iterator[tuple[Audience, Exception]]:
        """Give the lines that were drafted to those who wait for them; the audiences in which that failed, and why."""
        for audience in list(self._audiences.values()):
            try:
                if audience.lines is not None:
                    audience.lines.flush()
            except Exception as failure:  # noqa: BLE001 - who asks tells of it
                yield audience, failure

    def give_up(self, audience: Audience) -> None:
        """Let go of an audience: who asks next is given another one. Its lines end where they are."""
        if audience.lines is not None:
            audience.lines.abandoned = True
        if audience in self._growing:
            self._growing.remove(audience)
        for asked, kept in list(self._audiences.items()):
            if kept is audience:
                del self._audiences[asked]

    async def _built(self, role: Role, version: ServedVersion) -> FeedLines:
        """Replay the log for one audience beside the live state, until both stand at the same position."""
        audience = self._audiences[role, version.name] = await self._build(role, version)
        return audience.feed_lines
