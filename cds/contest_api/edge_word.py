"""What an edge says of the client for whom it asks, and by what it is known to be an edge of ours.

Whoever brings the secret is believed: he says the address of the client, where he is sure of it, and that what is asked
comes from no page of another host. The address of the edge itself never stands for anybody, so a stranger who asks
there is not taken for the machine that passes it on. This module must not know who may log in from where.
"""

import hmac

from aiohttp import web

from cds.addresses import NOWHERE, Client, client_of

SECRET_HEADER = "Contest-Edge"  # noqa: S105 - the name of a header
CLIENT_HEADER = "Contest-Edge-Client"
PAGE_HEADER = "Contest-Edge-Page"
OWN_PAGE = "own"
"""No page asks, or one that was loaded from the very host that is asked."""

KNOWN = "known"
"""In SECRET_HEADER of a refusal: it was the right secret, and what is refused is something else."""


def is_edge(request: web.Request, secret: str | None) -> bool:
    """Whether a request brings the secret of the edges; None: there are none."""
    if secret is None or SECRET_HEADER not in request.headers:
        return False
    brought = request.headers[SECRET_HEADER].encode("utf-8", "surrogateescape")
    return hmac.compare_digest(brought, secret.encode())


def client_of_edge(request: web.Request) -> Client:
    """The client for whom an edge asks; not certain where it does not say an address."""
    told = request.headers.get(CLIENT_HEADER)
    if told is None:
        return Client(request.remote or NOWHERE, certain=False)
    return client_of(told, (), ())


def is_own_page(request: web.Request) -> bool:
    """Whether an edge says that no page of another host asks."""
    return request.headers.get(PAGE_HEADER) == OWN_PAGE
