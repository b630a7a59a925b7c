"""Collections at an edge looked through for what filters match, so that nobody else waits for that.

What can match is known by what is told, so that a filter that finds little is answered at once, however much there is.
Where much can match, one request is answered after the other, in pieces between which live lines go out; and the answer
is kept while nothing changes. This module must not know which properties may be filtered by.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from weakref import ref

from aiohttp import hdrs

from cds.contest_api.answers import Answer, AnswerCache
from cds.contest_api.errors import RETRY_AFTER_S, Failure
from cds.contest_api.objects import as_array, matching_in_pieces
from cds.edge.audience import EdgeAudience
from cds.edge.limits import FILTERS_MAX
from projections.filtering import Filter, matching, possible
from schemas.object_types import ObjectType
from schemas.viewers import Viewer

AT_ONCE_MAX = 256
"""So many objects are looked at in one piece."""


class Filtering:
    """Who waits for much to be looked at: one after the other, and nobody who has logged in for who has not."""

    def __init__(self) -> None:
        """Nobody does."""
        self._turns = {anonymous: asyncio.Lock() for anonymous in (True, False)}
        self._waiting = dict.fromkeys(self._turns, 0)

    async def answer(
        self, audience: EdgeAudience, answers: AnswerCache, row: ObjectType, filters: list[Filter], viewer: Viewer
    ) -> Answer:
        """Those that match, as they are at one moment. Raises Failure (503)."""
        team_id, anonymous = viewer.team_id, viewer.anonymous
        view = audience.view
        found = possible(filters, partial(view.naming, row.name))
        if found is not None and len(found) <= AT_ONCE_MAX:
            return answers.passing(as_array(matching(row, filters, view.some(row.name, found, team_id))))
        if self._waiting[anonymous] >= FILTERS_MAX:
            raise Failure(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many collections are being filtered; try again",
                {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
            )
        self._waiting[anonymous] += 1
        try:
            async with self._turns[anonymous]:
                return await _kept(audience, answers, row, filters, team_id)
        finally:
            self._waiting[anonymous] -= 1


async def _kept(
    audience: EdgeAudience, answers: AnswerCache, row: ObjectType, filters: list[Filter], team_id: str | None
) -> Answer:
    """The answer with many objects, made anew when anything of their type has changed."""
    view = audience.view
    asked = (audience.contest_id, audience.role, team_id, row.name, frozenset(filters))
    stamp = (ref(view), view.changes[row.name])
    answer = answers.present(asked, stamp)
    if answer is not None:
        return answer
    found = possible(filters, partial(view.naming, row.name))
    shown = view.collection(row.name, team_id) if found is None else view.some(row.name, found, team_id)
    return answers.keep(asked, stamp, as_array(await matching_in_pieces(row, filters, list(shown))))
