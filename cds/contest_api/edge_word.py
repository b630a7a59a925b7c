"""What an edge says of the client for whom it asks, and by what it is known to be an edge of ours.

There are two words of it. What an edge asks itself brings the secret, which opens what is for edges alone. What it
passes on was chosen by whoever asks there, and brings a word that is made of the secret and opens nothing: whatever the
path, it is answered as to that client. Either is believed of the client: his address, where the edge is sure of it, and
that what is asked comes from no page of another host. The address of the edge itself never stands for anybody, so a
stranger who asks there is not taken for the machine that passes it on. This module must not know who may log in from
where, nor what is for edges alone.
"""

import hashlib
import hmac
from functools import cache

from aiohttp import web

from cds.addresses import NOWHERE, Client, client_of

SECRET_HEADER = "Contest-Edge"  # noqa: S105 - the name of a header
CLIENT_HEADER = "Contest-Edge-Client"
PAGE_HEADER = "Contest-Edge-Page"
OWN_PAGE = "own"
"""No page asks, or one that was loaded from the very host that is asked."""

KNOWN = "known"
"""In SECRET_HEADER of a refusal: it was the right secret, and what is refused is something else."""


_PASSED_ON = b"what an edge passes on for whoever asks there"


@cache
def passing_word(secret: str) -> str:
    """What stands in SECRET_HEADER of what is passed on; whoever reads it does not have the secret."""
    return hmac.new(secret.encode(), _PASSED_ON, hashlib.sha256).hexdigest()


def is_edge(request: web.Request, secret: str | None) -> bool:
    """Whether a request comes from an edge, of its own accord or passed on; None: there are none."""
    return secret is not None and (_brings(request, secret) or _brings(request, passing_word(secret)))


def is_edge_itself(request: web.Request, secret: str | None) -> bool:
    """Whether it is the edge itself that asks, and not somebody there; None: there are none."""
    return secret is not None and _brings(request, secret)


def _brings(request: web.Request, word: str) -> bool:
    if SECRET_HEADER not in request.headers:
        return False
    brought = request.headers[SECRET_HEADER].encode("utf-8", "surrogateescape")
    return hmac.compare_digest(brought, word.encode())


def client_of_edge(request: web.Request) -> Client:
    """The client for whom an edge asks; not certain where it does not say an address."""
    told = request.headers.get(CLIENT_HEADER)
    if told is None:
        return Client(request.remote or NOWHERE, certain=False)
    return client_of(told, (), ())


def is_own_page(request: web.Request) -> bool:
    """Whether an edge says that no page of another host asks."""
    return request.headers.get(PAGE_HEADER) == OWN_PAGE
