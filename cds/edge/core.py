"""What an edge asks of the core beyond what any client may: who somebody is, and lines that JetStream no longer has.

Both are given to whoever brings the secret of the edges. This module knows the endpoints, and what an edge says of the
client for whom it asks; it must not know what is done with the answers.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import hdrs, web
from yarl import URL

from cds.cms_api.answers import AUTHORIZATION as CMS_AUTHORIZATION
from cds.contest_api.edge_word import CLIENT_HEADER, KNOWN, OWN_PAGE, PAGE_HEADER, SECRET_HEADER, passing_word
from cds.contest_api.service import Standing, client_at, from_another_host
from cds.edge.limits import VIEWERS_ASKED_AT_ONCE_MAX
from cds.error_forms import CMS_AT_ROOT, CMS_PREFIX
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

OF_OUR_OWN = Asker(authorization=None)
"""Who asks where nobody else does: no client, so nobody whom an address could log in."""

NOT_SURE = "?"

NOBODY_THERE = frozenset({401, 403, 404})
"""How a core answers who does not bring the right secret, or a proxy before it that lets nobody in."""

FAULTS_OF_REQUESTS = frozenset(range(400, 500)) - NOBODY_THERE
"""What is wrong with a request as it was written, and says nothing of who asks, nor of what there is."""

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
        self._own_word: Mapping[str, str] = {SECRET_HEADER: secret}
        self._passing_word: Mapping[str, str] = {SECRET_HEADER: passing_word(secret)}
        self._standing = standing
        self._slots = Slots(VIEWERS_ASKED_AT_ONCE_MAX, SLOT_S_MAX)
        self.secret_refused = False
        """Whether the core did not know us when it was asked last."""

    def asker(self, request: web.Request) -> Asker:
        """For whom a request asks, with the address of the client where that is sure, and with tokens of CMS.

        The secret itself does not stand in what is passed on: what is for edges alone is not for those who ask here.
        """
        client = client_at(request, self._standing)
        told = {CLIENT_HEADER: client.address} if client.certain else {}
        token = request.headers.get(CMS_AUTHORIZATION) if is_of_cms(request.path) else None
        if token is not None:
            told[CMS_AUTHORIZATION] = token
        return msgspec.structs.replace(
            asker_of(request),
            further={**self._passing_word, **told},
            lasting=self._passing_word,
            alone=token is not None,
        )

    def asker_by_address(self, request: web.Request) -> Asker:
        """The same where the address may log in, or keep out. What comes of it is good for nobody else."""
        asker = self.asker(request)
        page = {} if from_another_host(request, self._standing) else {PAGE_HEADER: OWN_PAGE}
        told = {name: asker.further[name] for name in (SECRET_HEADER, CLIENT_HEADER) if name in asker.further} | page
        return msgspec.structs.replace(
            asker,
            further={**asker.further, **page},
            lasting=told,
            alone=True,
            apart=f"{told.get(CLIENT_HEADER, NOT_SURE)} {told.get(PAGE_HEADER, '')}",
        )

    async def be_known(self) -> None:
        """See whether the core knows us. Raises Unreachable."""
        status, headers, _ = await self._answer(self._url(NO_CONTEST, "x-viewer"), OF_OUR_OWN)
        refused = not _knows_us(status, headers)
        if refused and status not in NOBODY_THERE:
            # Something before the core has answered, and says nothing of the secret.
            raise Unreachable
        self._note(refused=refused)
        if refused:
            raise SecretRefused

    async def anonymous(self, contest_id: str) -> EdgeViewer:
        """Who comes to a contest without a login and is not logged in by an address. Raises Refusal and Unreachable."""
        return _viewer(await self._asked(self._url(contest_id, "x-viewer"), OF_OUR_OWN))

    async def viewer(self, contest_id: str, asker: Asker) -> EdgeViewer:
        """Who somebody is in a contest. Raises Refusal for whom the core does not let in, Unreachable, and Busy."""
        slot = self._slots.taken()
        return _viewer(await self._asked(self._url(contest_id, "x-viewer"), asker, slot, faults=FAULTS_OF_REQUESTS))

    async def lines(self, contest_id: str, role: Role, after: str | None, until: str | None = None) -> Page:
        """A page of the lines of a role behind a token. Raises Refusal (400 for an unknown token) and Unreachable."""
        named = (("role", role), ("after", after), ("until", until))
        url = self._url(contest_id, "x-lines").with_query([(name, text) for name, text in named if text is not None])
        body = await self._asked(url, OF_OUR_OWN)
        try:
            return decode_page(body)
        except ValueError as error:
            raise Unreachable from error

    async def head(self, contest_id: str, role: Role) -> tuple[str, str] | None:
        """The team ("" for all) and the token of the last line that a role has been told, None where none has.

        Raises Refusal (404 for a contest that the core does not know) and Unreachable.
        """
        url = self._url(contest_id, "x-lines").with_query(role=role, head="1")
        body = await self._asked(url, OF_OUR_OWN)
        try:
            return next(iter(decode_page(body).last.items()), None)
        except ValueError as error:
            raise Unreachable from error

    def _url(self, contest_id: str, endpoint: str) -> URL:
        return URL(f"{self._upstream.base}/contests/{quote(contest_id, safe='')}/{endpoint}", encoded=True)

    async def _asked(
        self,
        url: URL,
        asker: Asker,
        slot: AbstractAsyncContextManager[object] = NOBODY_WAITS,
        faults: AbstractSet[int] = frozenset(),
    ) -> bytes:
        """The body of an answer. Raises Refusal and Unreachable.

        What does not know us need not be the core: something before it may have found fault (`faults`) with what a
        client has written. So whether our secret is good is asked apart from all clients (`be_known`).
        """
        status, headers, body = await self._answer(url, asker, slot)
        if _knows_us(status, headers):
            self._note(refused=False)
        elif self.secret_refused:
            raise SecretRefused
        elif status not in faults:
            raise Unreachable
        if status != HTTPStatus.OK:
            raise Refusal(status, headers, body)
        return body

    async def _answer(
        self, url: URL, asker: Asker, slot: AbstractAsyncContextManager[object] = NOBODY_WAITS
    ) -> tuple[int, Mapping[str, str], bytes]:
        """What is answered to a question of ours, which brings the secret. Raises Unreachable, also for a 5xx."""
        ours = msgspec.structs.replace(asker, further={**asker.further, **self._own_word})
        try:
            async with slot, self._upstream.own_answer(hdrs.METH_GET, url, ours, {}) as incoming:
                body = await incoming.read()
        except NoSlot:
            raise Busy from None
        if incoming.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable
        return incoming.status, incoming.headers, body

    def _note(self, *, refused: bool) -> None:
        if refused and not self.secret_refused:
            log.error("edge_secret_refused", core=str(self._upstream.base), reason=SECRET_REFUSED)
        elif self.secret_refused and not refused:
            log.info("edge_secret_known", core=str(self._upstream.base))
        self.secret_refused = refused


def is_of_cms(path: str) -> bool:
    """Whether a path may be of the ContestWebServer API, also where that is served at the root."""
    return path.startswith(f"{CMS_PREFIX}/") or CMS_AT_ROOT.fullmatch(path) is not None


def _knows_us(status: int, headers: Mapping[str, str]) -> bool:
    return status == HTTPStatus.OK or headers.get(SECRET_HEADER) == KNOWN


def _viewer(body: bytes) -> EdgeViewer:
    try:
        return msgspec.json.decode(body, type=EdgeViewer)
    except msgspec.MsgspecError as error:
        raise Unreachable from error
