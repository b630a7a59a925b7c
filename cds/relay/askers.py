"""Who asks a relay: as far as it has to know, which is not far. Whether a login is right the upstream says.

This module must not know what is asked for.
"""

from base64 import b64decode

from aiohttp import hdrs, web

from cds.operations.request_marks import request_id_of
from cds.relay.upstream import Asker
from schemas.viewers import PUBLIC, Viewer

UNREADABLE_LOGIN = "-"

LIST_CHARACTERS_MAX = 2_048
"""So much of a list that every hop adds to is passed on, from its end. What a client writes there could otherwise be so
long that it just gets here, and with what we add no further."""


def asker_of(request: web.BaseRequest) -> Asker:
    """For whom a request is passed on, and by whom it has come."""
    forwarded_for = (*_hops(request, hdrs.X_FORWARDED_FOR), request.remote or "unknown")
    return Asker(
        authorization=request.headers.get(hdrs.AUTHORIZATION),
        request_id=request_id_of(request),
        forwarded_for=", ".join(forwarded_for),
        via=", ".join(_hops(request, hdrs.VIA)),
    )


def _hops(request: web.BaseRequest, header: str) -> list[str]:
    """The last ones of a list, as many as are passed on."""
    found: list[str] = []
    room = LIST_CHARACTERS_MAX
    for hop in reversed(",".join(request.headers.getall(header, ())).split(",")):
        room -= len(hop.strip()) + len(", ")
        if room < 0:
            break
        found.append(hop.strip())
    return [hop for hop in reversed(found) if hop]


def viewer_behind(asker: Asker) -> Viewer:
    """Who is noted in logs and gets a place: somebody who has logged in, by that name, or anybody.

    Who brings no login is answered as the public is; the role of all others only the upstream knows.
    """
    if asker.authorization is None:
        return PUBLIC
    return Viewer(role="public", role_known=False, server_username=_username(asker.authorization))


def _username(authorization: str) -> str:
    """The user name of a Basic login (RFC 7617)."""
    try:
        name, colon, _ = b64decode(authorization.partition(" ")[2].strip(), validate=True).decode().partition(":")
    except ValueError:  # also for what is not ASCII, which is no error of base64
        return UNREADABLE_LOGIN
    return name if colon and name.isprintable() else UNREADABLE_LOGIN
