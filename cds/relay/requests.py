"""What a relay does with a request: feeds are fanned out, other reading is passed on, writing is not done here.

Whatever goes wrong becomes an answer in the error form. This module must not know how any of it is done.
"""

from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.configuration import Configuration
from cds.contest_api.cross_origin import preflight_response
from cds.contest_api.errors import RETRY_AFTER_S, Failure, error_response, form_for
from cds.contest_api.service import READING, client_at
from cds.operations.metrics_page import is_local, measurements_page
from cds.operations.request_marks import marks_of
from cds.relay.askers import asker_of, viewer_behind
from cds.relay.event_feed import EventFeeds
from cds.relay.passing_on import PassingOn, passed_on
from cds.relay.scoreboard_stream import ScoreboardStreams, is_scoreboard_stream
from cds.relay.upstream import Asker, Refusal, Unreachable, Upstream

NOT_LET_IN = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS))
"""After these a name is not written down: some type their password where the name belongs."""

log = structlog.get_logger(__name__)


class RelayRequests:
    """The handlers of a relay."""

    def __init__(
        self,
        feeds: EventFeeds,
        scoreboards: ScoreboardStreams,
        passing_on: PassingOn,
        configuration: Configuration,
        upstream: Upstream,
    ) -> None:
        """Requests that are answered by what `upstream` says."""
        self._feeds = feeds
        self._scoreboards = scoreboards
        self._passing_on = passing_on
        self._configuration = configuration
        self._source = upstream.base
        self._relay_id = upstream.relay_id

    async def get_event_feed(self, request: web.Request) -> web.StreamResponse:
        """A feed. Raises Refusal, Unreachable and Failure, as the others."""
        address = client_at(request, self._configuration).address
        return await self._feeds.answer(request, await self._reader(request, self._asker(request)), address)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Everything else."""
        if request.method == hdrs.METH_OPTIONS:
            return preflight_response()
        if request.method not in READING:
            raise Failure(
                HTTPStatus.FORBIDDEN, f"this is a relay, which is for reading; {self._source} is where to write"
            )
        asker = await self._reader(request, self._asker(request))
        if is_scoreboard_stream(request):
            return await self._scoreboards.answer(request, asker, client_at(request, self._configuration).address)
        response = await self._passing_on.answer(request, asker)
        if response.status not in NOT_LET_IN:
            marks_of(request).viewer = viewer_behind(asker)
        return response

    async def get_metrics(self, request: web.Request) -> web.Response:
        """The measurements, for programs on this machine: a relay knows no accounts. Raises Failure (403)."""
        if not is_local(request, self._configuration):
            raise Failure(HTTPStatus.FORBIDDEN, "the metrics of a relay are for programs on its machine")
        return await measurements_page(request, gone=lambda _: False)

    async def _reader(self, _request: web.Request, asker: Asker) -> Asker:
        """For whom something is read: who comes with the same may be another where it hangs on more than that."""
        return asker

    def _asker(self, request: web.Request) -> Asker:
        """For whom a request is passed on. Raises Failure (508) for one that this relay has passed on itself."""
        asker = asker_of(request)
        if self._relay_id in asker.via:
            raise Failure(HTTPStatus.LOOP_DETECTED, f"{self._source} leads back to this relay")
        return asker

    @web.middleware
    async def failures_as_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn whatever goes wrong below into the error form; what the upstream refused, into its own words."""
        marks_of(request).led_to = request.match_info
        form = form_for(request)
        try:
            return await handler(request)
        except Refusal as refusal:
            self._passing_on.note(request.headers.get(hdrs.AUTHORIZATION), refusal.status)
            return web.Response(status=refusal.status, headers=passed_on(refusal.headers), body=refusal.body)
        except Failure as failure:
            return error_response(failure, form)
        except Unreachable as unreachable:
            return error_response(
                Failure(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    str(unreachable) or "the server that is relayed here cannot be reached; try again",
                    {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
                ),
                form,
            )
        except web.HTTPException as exception:
            return error_response(Failure(HTTPStatus(exception.status), exception.reason), form)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            # The one place that catches everything: the client gets the error form, the log gets the traceback.
            log.exception(
                "request_failed", method=request.method, path=request.path, request_id=marks_of(request).request_id
            )
            return error_response(Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "the relay failed to answer this"), form)
