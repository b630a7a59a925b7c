"""Handing in on a server that follows the contest: refused, with the name of the server that takes it.

What was handed in here would be nobody's: the source gives its numbers to others, and what it says replaces what is
here. Whoever takes the contest over switches its clock on, and from then on it is this server's. This module must not
know how a source is followed, nor what is handed in.
"""

from http import HTTPStatus

from cds.contest_api.errors import Failure
from cds.contest_api.service import Service
from cds.live_contest import LiveContest
from cds.upstream.options import source_stream
from cds.upstream.status import all_statuses


async def refuse_where_followed(service: Service, contest: LiveContest) -> None:
    """Raise Failure (403) where a source is followed that has not ended. Raises what the store raises."""
    if contest.state.settings.clock:
        return
    statuses = await all_statuses(service.store, service.circumstances.now_us())
    status = statuses.get(source_stream(contest.contest_id, None))
    if status is not None and status.state != "ended":
        raise Failure(HTTPStatus.FORBIDDEN, f"this contest is followed from {status.url}; take part there")
