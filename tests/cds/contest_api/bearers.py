"""Callers who come with a bearer token, and tokens as `cds token` makes them.

This module must not know what the answers should be.
"""

import time
from typing import Protocol

import aiohttp
from aiohttp import hdrs

from cds.bearer_tokens import NOBODY, bearer_tokens
from eventstore.store import EventStore, ServerAccount
from tests.cds.contest_api.serving import Caller

LIFETIME_S = 3_600


async def token_of(store: EventStore, username: str, *, lifetime_s: int = LIFETIME_S, age_s: int = 0) -> str:
    """A token of an account of the server as it is now, made so many seconds ago; of nobody for an empty name."""
    account = ServerAccount(username=NOBODY, role="team", password_hash="")
    if username != NOBODY:
        account = (await store.server_accounts())[username]
    return (await bearer_tokens(store)).token(
        subject=account.username,
        role=account.role,
        password_hash=account.password_hash,
        now_s=int(time.time()) - age_s,
        lifetime_s=lifetime_s,
    )


class Asked(Protocol):
    """A server, or a relay of one."""

    session: aiohttp.ClientSession
    base: str


class Bearer(Caller):
    """Somebody who asks with a token."""

    def __init__(self, asked: Asked, token: str) -> None:
        """A caller of a server."""
        super().__init__(asked.session, asked.base, None)
        self._headers = {hdrs.AUTHORIZATION: f"Bearer {token}"}
