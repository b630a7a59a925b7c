"""GET of x-head: where every stream of this server ends, signed, for staff who hold a later log against it.

Not part of the Contest API. The endpoint lies outside contests, so it is for accounts of the server. This module must
not know how a head is signed.
"""

from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.answers import respond
from cds.contest_api.errors import Failure, unauthorized
from cds.contest_api.service import service_of, viewer_of
from cds.head_keeping import head_of
from cds.signed_heads import printed
from schemas.viewers import Role

HEAD_SEEN_BY: tuple[Role, ...] = ("staff", "admin")
MICROSECONDS_PER_S = 1_000_000


class ShownStream(msgspec.Struct, frozen=True):
    """Where a stream ends; `chain` is hexadecimal."""

    name: str
    position: int
    chain: str


class ShownHead(msgspec.Struct, frozen=True):
    """A signed head: `time_s` since 1970, key and signature in hexadecimal, and all of it as text for paper."""

    time_s: int
    streams: list[ShownStream]
    public_key: str
    signature: str
    text: str


async def get_head(request: web.Request) -> web.StreamResponse:
    """The head as of now. Raises Failure (401, 403)."""
    service, viewer = service_of(request), await viewer_of(request, None)
    if hdrs.AUTHORIZATION not in request.headers:
        raise unauthorized("the signed head needs a login of staff or an administrator")
    if viewer.server_username is None or viewer.role not in HEAD_SEEN_BY:
        raise Failure(
            HTTPStatus.FORBIDDEN, "the signed head is for staff and administrators among the server's own accounts"
        )
    head = await head_of(service.store, (), service.circumstances.now_us() // MICROSECONDS_PER_S)
    shown = ShownHead(
        time_s=head.time_s,
        streams=[ShownStream(name, end.position, end.chain.hex()) for name, end in head.streams],
        public_key=head.public_key.hex(),
        signature=head.signature.hex(),
        text=printed(head),
    )
    return await respond(request, service.answers.passing(msgspec.json.encode(shown)), private=True)
