"""The lines of one role, read page by page behind tokens of its views, as edges ask for them.

Others are served while a page is made. This module must not know any wire.
"""

import asyncio

from cds.live_contest import LiveContest
from cds.role_tags import RoleTags
from eventstore.store import EventStore, StoreUnavailable
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import CHAIN_BYTES, PLACE_CHARACTERS, Place, TokenMaker
from projections.told import Page, Told, size_of
from projections.told_lines import BEGINNING, COMMON, Stand, head_of, next_tellings
from schemas.viewers import Role

PAGE_BYTES_MAX = 1024 * 1024
"""A page ends with the first segment of lines behind which it has so many bytes."""


class ToldReading:
    """The lines of one role of one contest."""

    def __init__(self, contest: LiveContest, role: Role, tokens: TokenMaker, store: EventStore) -> None:
        """`store` is asked whether the log can be read at all, where a token is of a place that nobody here knows."""
        self._contest = contest
        self._role: Role = role
        self._tokens = tokens
        self._store = store
        self._tags = RoleTags(contest, role, tokens)

    async def head(self) -> Page:
        """No lines, and the token of the last one that there is by now."""
        head = head_of(await self._contest.feed(self._role))
        return Page((), {} if head is None else {head.team: head.place + self._tags.tag(head.team)}, more=False)

    async def page(self, after: str | None, until: str | None, turns: asyncio.Semaphore) -> Page:
        """The lines behind one token (None: from the beginning) and up to another, or as many as a page takes.

        It never ends between two lines of one place. Raises TokenRefused and StoreUnavailable.
        """
        stand = BEGINNING if after is None else await self._stand(after)
        last_sequence = None if until is None else (await self._stand(until)).sequence
        lines = await self._contest.feed(self._role)
        end = lines.last_sequence if last_sequence is None else min(last_sequence, lines.last_sequence)
        async with turns:
            return await self._made(lines, stand, end)

    async def _made(self, lines: FeedLines, stand: Stand, end: int) -> Page:
        told: list[Told] = []
        last: dict[str, str] = {}
        size_bytes = 0
        while size_bytes < PAGE_BYTES_MAX:
            tellings = list(next_tellings(lines, stand, self._contest.state.settings.pace_permille, until=end))
            if not tellings:
                break
            for telling in tellings:
                team = telling.told.team_id or COMMON
                told.append(telling.told)
                last[team] = telling.last_place + self._tags.tag(team)
                size_bytes += size_of(telling.told.lines)
            stand = tellings[-1].stand
            await asyncio.sleep(0)
        # Lines that were given up meanwhile are right, and go on in others.
        return Page(tuple(told), last, more=bool(told) and (stand.sequence < end or lines.abandoned))

    async def _stand(self, token: str) -> Stand:
        """What has been told when the line of a token has. Raises TokenRefused and StoreUnavailable."""
        team = self._tags.team_of(token[PLACE_CHARACTERS:], await self._teams())
        place = self._tokens.read(token, self._tags.view(team), ALL_TYPES_MASK)
        if place.position > self._contest.position:
            await self._contest.fresh()
        if place.position > self._contest.position:
            await self._check_not_of_later(place)
        self._contest.check_place(place)
        return Stand(place.sequence, frozenset({team}))

    async def _check_not_of_later(self, place: Place) -> None:
        """Raise StoreUnavailable for a place of this log that cannot be read here, or not now.

        Another process has told of it, whose program can read an event that is unreadable to this one.
        """
        if not self._store.reachable:
            raise StoreUnavailable("whether the token is of this log cannot be read now")
        for event in await self._store.read_stored(self._contest.stream, place.position - 1, 1):
            if event.chain[:CHAIN_BYTES] == place.chain_bits:
                raise StoreUnavailable("what the token stands for cannot be read here")

    async def _teams(self) -> tuple[str, ...]:
        """All teams that may have been handed tokens of their own views."""
        if self._role != "team":
            return ()
        return (*self._contest.state.objects["teams"], *(await self._contest.feed(self._role)).team_lines)
