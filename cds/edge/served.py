"""What a request may be answered from at an edge: the view of whoever asks, if it is here.

Whatever an edge has no view of (other versions of the API, the strict words, the past, contests that are not
published) is answered by the core. This module must not know what is asked of the view.
"""

from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds import metrics
from cds.configuration import Configuration
from cds.contest_api.answers import AnswerCache
from cds.contest_api.away import STALE_VIEW
from cds.contest_api.errors import RETRY_AFTER_S, Failure
from cds.contest_api.past import wants_past
from cds.contest_api.service import client_at
from cds.contest_api.strict import is_strict
from cds.edge.anonymous import Known
from cds.edge.audience import EdgeAudience
from cds.edge.contests import EdgeContests
from cds.edge.filtering import Filtering
from cds.edge.viewers import EdgeViewers
from cds.operations.request_marks import marks_of
from cds.relay.upstream import Unreachable
from schemas.viewers import Viewer


def behind() -> Failure:
    """503 while what is asked for is on its way. (One for each, since what is raised keeps what it was raised in.)"""
    return Failure(
        HTTPStatus.SERVICE_UNAVAILABLE, "this edge is behind; try again", {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}
    )


class Served(msgspec.Struct, frozen=True):
    """A view, who asks, and the answers that are kept for such as him. `address` is that of the client."""

    audience: EdgeAudience
    known: Known
    answers: AnswerCache
    address: str
    filtering: Filtering

    @property
    def viewer(self) -> Viewer:
        """Who asks."""
        return self.known.viewer


class Views:
    """Finds the view for a request."""

    def __init__(self, contests: EdgeContests, viewers: EdgeViewers, configuration: Configuration) -> None:
        """Of the `configuration` it counts which proxies are believed."""
        self._contests = contests
        self._viewers = viewers
        self._configuration = configuration
        self._filtering = Filtering()
        self._answers: tuple[bytes, AnswerCache] = (b"", AnswerCache(b""))

    async def of(self, request: web.Request) -> Served | None:
        """The view for a request about a contest; None where the core has to answer.

        As long as it has not been read what is published, the core is not asked in the place of views that will be here
        soon: all who come to a new edge would. Raises Refusal for whom the core does not let in, Unreachable where
        nobody can tell who asks, and Failure (503).
        """
        contest_id = request.match_info["contest_id"]
        if request.query_string and (wants_past(request) or is_strict(request.query)):
            return None
        if not self._contests.looked:
            raise behind()
        if contest_id not in self._contests:
            return None
        address = client_at(request, self._configuration).address
        known = self._viewers.at_once(request, contest_id)
        if known is None:
            known = await self._viewers.viewer(request, contest_id)
        try:
            audience = await self._contests.audience(contest_id, known.viewer.role)
        except Unreachable:
            if self._contests.ready:
                return None
            raise behind() from None
        if not audience.exists:
            return None
        if audience.stale:
            request[STALE_VIEW] = True
        marks_of(request).viewer = known.viewer
        metrics.EDGE_ANSWERS.labels("view").inc()
        return Served(audience, known, self._answers_under(known.entity_tags_key), address, self._filtering)

    def _answers_under(self, key: bytes) -> AnswerCache:
        if self._answers[0] != key:
            self._answers = (key, AnswerCache(key))
        return self._answers[1]
