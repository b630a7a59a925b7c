"""What an edge asks of the core beyond what any client may: who somebody is, and lines that JetStream no longer has.

Both are given to whoever brings the secret of the edges. This module knows the endpoints, and what an edge says of the
client for whom it asks; it must not know what is done with the answers.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import hdrs, web
from yarl import URL

from cds.cms_api.answers import AUTHORIZATION as CMS_AUTHORIZATION
from cds.contest_api.edge_word import CLIENT_HEADER, KNOWN, OWN_PAGE, PAGE_HEADER, SECRET_HEADER
from cds.contest_api.service import Standing, client_at, from_another_host
from cds.edge.limits import VIEWERS_ASKED_AT_ONCE_MAX
from cds.relay.askers import asker_of
from cds.relay.limits import SLOT_S_MAX
from cds.relay.slots import NoSlot, Slots
from cds.relay.upstream import NOBODY_WAITS, Asker, Busy, Refusal, Unreachable, Upstream
from projections.told import Page, decode_page
from schemas.edges import EdgeViewer
from schemas.viewers import Role

SECRET_REFUSED = "the core does not know this edge by its secret"  # noqa: S105 - a sentence
NO_CONTEST = "-"
"""The id of no contest, by which it is seen whether the core knows us."""

log = structlog.get_logger(__name__)


class SecretRefused(Unreachable):
    """The core answers as if there were nothing for edges: it knows another secret, or none."""

    def __init__(self) -> None:
        """What is told of it."""
        super().__init__(SECRET_REFUSED)


class Core:
    """The core, as an edge asks it."""

    def __init__(self, upstream: Upstream, secret: str, standing: Standing) -> None:
        """`secret` is that of the edges; `standing`: which proxies in front of this edge are believed."""
        self._upstream = upstream
        self._secret: Mapping[str, str] = {SECRET_HEADER: secret}
        self._standing = standing
        self._slots = Slots(VIEWERS_ASKED_AT_ONCE_MAX, SLOT_S_MAX)
        self.secret_refused = False
        """Whether the core did not know us when it was asked last."""

    @property
    def of_our_own(self) -> Asker:
        """Who asks where nobody else does: no client, so nobody whom an address could log in."""
        return Asker(authorization=None, further=self._secret)

    def asker(self, request: web.Request) -> Asker:
        """For whom a request asks, with the address of the client where that is sure, and with tokens of CMS."""
        client = client_at(request, self._standing)
        told = {CLIENT_HEADER: client.address} if client.certain else {}
        token = request.headers.get(CMS_AUTHORIZATION)
        if token is not None:
            told[CMS_AUTHORIZATION] = token
        return msgspec.structs.replace(asker_of(request), further={**self._secret, **told}, alone=token is not None)

    def asker_by_address(self, request: web.Request) -> Asker:
        """The same where the address may log in. What comes of it is good for nobody else."""
        asker = self.asker(request)
        if from_another_host(request, self._standing):
            return msgspec.structs.replace(asker, alone=True)
        return msgspec.structs.replace(asker, alone=True, further={**asker.further, PAGE_HEADER: OWN_PAGE})

    async def be_known(self) -> None:
        """See whether the core knows us. Raises Unreachable."""
        try:
            await self._asked(self._url(NO_CONTEST, "x-viewer"), self.of_our_own)
        except Refusal:
            # There is no such contest, says a core that knows us.
            return

    async def anonymous(self, contest_id: str) -> EdgeViewer:
        """Who comes to a contest without a login and is not logged in by an address. Raises Refusal and Unreachable."""
        return _viewer(await self._asked(self._url(contest_id, "x-viewer"), self.of_our_own))

    async def viewer(self, contest_id: str, asker: Asker) -> EdgeViewer:
        """Who somebody is in a contest. Raises Refusal for whom the core does not let in, Unreachable, and Busy."""
        return _viewer(await self._asked(self._url(contest_id, "x-viewer"), asker, self._slots.taken()))

    async def lines(self, contest_id: str, role: Role, after: str | None, until: str | None = None) -> Page:
        """A page of the lines of a role behind a token. Raises Refusal (400 for an unknown token) and Unreachable."""
        named = (("role", role), ("after", after), ("until", until))
        url = self._url(contest_id, "x-lines").with_query([(name, text) for name, text in named if text is not None])
        body = await self._asked(url, self.of_our_own)
        try:
            return decode_page(body)
        except ValueError as error:
            raise Unreachable from error

    async def head(self, contest_id: str, role: Role) -> tuple[str, str] | None:
        """The team ("" for all) and the token of the last line that a role has been told, None where none has.

        Raises Refusal (404 for a contest that the core does not know) and Unreachable.
        """
        url = self._url(contest_id, "x-lines").with_query(role=role, head="1")
        body = await self._asked(url, self.of_our_own)
        try:
            return next(iter(decode_page(body).last.items()), None)
        except ValueError as error:
            raise Unreachable from error

    def _url(self, contest_id: str, endpoint: str) -> URL:
        return URL(f"{self._upstream.base}/contests/{quote(contest_id, safe='')}/{endpoint}", encoded=True)

    async def _asked(self, url: URL, asker: Asker, slot: AbstractAsyncContextManager[object] = NOBODY_WAITS) -> bytes:
        """The body of an answer. Raises Refusal and Unreachable."""
        try:
            async with slot, self._upstream.own_answer(hdrs.METH_GET, url, asker, {}) as incoming:
                body = await incoming.read()
        except NoSlot:
            raise Busy from None
        if incoming.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable
        self._note(refused=incoming.status != HTTPStatus.OK and incoming.headers.get(SECRET_HEADER) != KNOWN)
        if self.secret_refused:
            raise SecretRefused
        if incoming.status != HTTPStatus.OK:
            raise Refusal(incoming.status, incoming.headers, body)
        return body

    def _note(self, *, refused: bool) -> None:
        if refused and not self.secret_refused:
            log.error("edge_secret_refused", core=str(self._upstream.base), reason=SECRET_REFUSED)
        elif self.secret_refused and not refused:
            log.info("edge_secret_known", core=str(self._upstream.base))
        self.secret_refused = refused


def _viewer(body: bytes) -> EdgeViewer:
    try:
        return msgspec.json.decode(body, type=EdgeViewer)
    except msgspec.MsgspecError as error:
        raise Unreachable from error
