"""`GET /metrics`: the measurements as Prometheus reads them, for this machine and for staff (roles.md).

They tell of hidden activity (positions of contests during the freeze), so who asks matters: the connection's address
opens them only where nobody else can be behind it. This module must not know what is measured.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs, web
from prometheus_client.exposition import choose_encoder

from cds.addresses import Address, is_among, known_address
from cds.contest_api.edge_word import is_edge
from cds.contest_api.errors import Failure, unauthorized
from cds.contest_api.service import Service, Standing, client_at, from_another_host, service_of, viewer_of
from cds.operations.request_log import REQUEST_LOG
from cds.operations.worker_metrics import Labels, measurements
from cds.upstream.measuring import WithSources
from cds.upstream.status import SourceStatus, all_statuses
from eventstore.store import StoreUnavailable
from schemas.viewers import Role

METRICS_PATH = "/metrics"

READING_ROLES: frozenset[Role] = frozenset({"staff", "admin"})
"""Roles of accounts of the server; those of a contest's accounts end with the contest."""

TRACES_OF_A_PROXY = (
    hdrs.FORWARDED,
    hdrs.X_FORWARDED_FOR,
    hdrs.X_FORWARDED_HOST,
    hdrs.X_FORWARDED_PROTO,
    hdrs.VIA,
    "X-Real-IP",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
)
"""Headers that proxies add: with any of them, the one who asks is not the one who has connected."""

LOOPBACK_NAME = "localhost"
NO_SOURCES: Mapping[str, SourceStatus] = {}


async def get_metrics(request: web.Request) -> web.Response:
    """All measurements of this server, of all its workers. Raises Failure (401, 403)."""
    service = service_of(request)
    if not is_local(request, service):
        await _check_login(request)
    return await measurements_page(request, partial(_is_gone, service), await _sources(service))


async def measurements_page(
    request: web.Request, gone: Callable[[Labels], bool], sources: Mapping[str, SourceStatus] = NO_SOURCES
) -> web.Response:
    """All measurements, for somebody who may read them, but those of what is `gone`; `sources` by their streams."""
    request.app[REQUEST_LOG].flush_measurements()
    encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    # With several workers the files of all are read, and putting thousands of lines together takes a while.
    body = await asyncio.to_thread(lambda: encode(WithSources(measurements(gone), sources)))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"})


async def _sources(service: Service) -> Mapping[str, SourceStatus]:
    """What is known of sources, none while the database is away: then what this process has measured has to do."""
    try:
        return await all_statuses(service.store, service.circumstances.now_us())
    except StoreUnavailable:
        return NO_SOURCES


def _is_gone(service: Service, labels: Labels) -> bool:
    """Whether measurements with these labels are about a contest or webhook that there is no more."""
    if "contest" in labels:
        return service.contests.find(labels["contest"]) is None
    return "webhook" in labels and service.webhooks.register.state.find(labels["webhook"]) is None


def is_local(request: web.Request, service: Standing) -> bool:
    """Whether it is certain that a program on this machine asks: no proxy, and no page in a browser, for others.

    - A proxy on this machine that adds nothing to what it passes on looks like a program here. So where one is
      announced (`--behind-proxy`), only one that is trusted to tell the client's address can show it to be local.
    - A page of another host that a browser on this machine shows comes from here too, and so does one whose name has
      been made to lead here: the address itself or `localhost` has to be what was asked for.
    - An edge on this machine passes on what others ask.
    """
    peer = _address(request.remote)
    if peer is None or not peer.is_loopback or not _names_loopback(request.host):
        return False
    if from_another_host(request, service) or is_edge(request, service.edge_secret):
        return False
    if is_among(peer, service.trusted_proxies):
        client = client_at(request, service)
        return client.certain and known_address(client.address).is_loopback
    return not service.behind_proxy and not _passed_on(request)


def _passed_on(request: web.Request) -> bool:
    """Whether a request shows that a proxy has passed it on. As nginx comes, its one trace is the old version."""
    return request.version < HttpVersion11 or any(trace in request.headers for trace in TRACES_OF_A_PROXY)


async def _check_login(request: web.Request) -> None:
    """Raises Failure (401, 403) for who may not read measurements."""
    viewer = await viewer_of(request, None)
    if viewer.anonymous and hdrs.AUTHORIZATION not in request.headers:
        raise unauthorized("metrics are for programs on this machine and for staff")
    if viewer.server_username is None or viewer.role not in READING_ROLES:
        raise Failure(HTTPStatus.FORBIDDEN, "metrics are for accounts of the server with the role staff or admin")


def _address(text: str | None) -> Address | None:
    try:
        address = known_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _names_loopback(host: str) -> bool:
    """Whether a Host header names this machine as itself, and not by a name that anybody could have given it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    address = _address(name)
    return name == LOOPBACK_NAME if address is None else address.is_loopback
