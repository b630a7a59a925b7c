"""What a core tells an edge of somebody who asks there.

This module must not know how either of them comes about it.
"""

import msgspec

from schemas.viewers import Role


class EdgeViewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is in one contest, and with which keys an edge answers them.

    `view_key` (hexadecimal) makes and checks the tags of this viewer's tokens, and of no other view;
    `entity_tags_key` makes entity tags. `by_address`: in this contest addresses log in, so that whoever brings no login
    has to be asked about by his address. `networks`, told with the anonymous: no address out of them logs anybody in.
    `expires_at_s` (seconds since the Unix epoch): the login is good until then. `published`: lines of this contest are
    to be had over JetStream, or will be.
    """

    role: Role
    team_id: str | None = None
    anonymous: bool
    username: str | None = None
    account_id: str | None = None
    view_key: str
    entity_tags_key: str
    expires_at_s: int | None = None
    by_address: bool = False
    networks: tuple[str, ...] = ()
    published: bool = True
