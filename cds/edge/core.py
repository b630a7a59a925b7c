"""What an edge asks of the core beyond what any client may: who somebody is, and lines that JetStream no longer has.

Both are given to whoever brings the secret of the edges. This module knows the two endpoints; it must not know what is
done with the answers.
"""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

import msgspec
from aiohttp import hdrs
from yarl import URL

from cds.relay.upstream import Asker, Refusal, Unreachable, Upstream
from projections.told import Page, decode_page
from schemas.edges import EdgeViewer
from schemas.viewers import Role

SECRET_HEADER = "Contest-Edge"  # noqa: S105 - the name of a header
OF_OUR_OWN = Asker(authorization=None)


class Core:
    """The core, as an edge asks it."""

    def __init__(self, upstream: Upstream, secret: str) -> None:
        """`secret` is that of the edges."""
        self._upstream = upstream
        self._secret: Mapping[str, str] = {SECRET_HEADER: secret}

    async def viewer(self, contest_id: str, asker: Asker, origin: str | None) -> EdgeViewer:
        """Who somebody is in a contest; `origin` is that of the page that asks, if there is one.

        Raises Refusal for whom the core does not let in, and Unreachable.
        """
        # A page of another host is not logged in by its address; whoever is none comes as from the core's own pages.
        headers = {**self._secret, hdrs.ORIGIN: str(self._upstream.base.origin()) if origin is None else origin}
        body = await self._asked(self._url(contest_id, "x-viewer"), asker, headers)
        try:
            return msgspec.json.decode(body, type=EdgeViewer)
        except msgspec.MsgspecError as error:
            raise Unreachable from error

    async def lines(self, contest_id: str, role: Role, after: str | None, until: str | None = None) -> Page:
        """A page of the lines of a role behind a token. Raises Refusal (400 for an unknown token) and Unreachable."""
        named = (("role", role), ("after", after), ("until", until))
        url = self._url(contest_id, "x-lines").with_query([(name, text) for name, text in named if text is not None])
        body = await self._asked(url, OF_OUR_OWN, self._secret)
        try:
            return decode_page(body)
        except ValueError as error:
            raise Unreachable from error

    def _url(self, contest_id: str, endpoint: str) -> URL:
        return URL(f"{self._upstream.base}/contests/{quote(contest_id, safe='')}/{endpoint}", encoded=True)

    async def _asked(self, url: URL, asker: Asker, headers: Mapping[str, str]) -> bytes:
        async with self._upstream.answer(hdrs.METH_GET, url, asker, headers) as incoming:
            body = await incoming.read()
        if incoming.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable
        if incoming.status != HTTPStatus.OK:
            raise Refusal(incoming.status, incoming.headers, body)
        return body
