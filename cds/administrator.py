"""The account of the server's administrator, which there always is.

This module must not know who starts the server, nor how the password reaches anybody.
"""

import asyncio
import secrets

from cds.passwords import matches, password_hash
from eventstore.store import EventStore, ServerAccount

ADMIN_USERNAME = "admin"
PASSWORD_BYTES = 12


async def ensure_admin(store: EventStore, wanted: str | None) -> str | None:
    """See to it that there is an account `admin`; returns its password when one had to be made up."""
    present = (await store.server_accounts()).get(ADMIN_USERNAME)
    if wanted is None and present is not None:
        return None
    if wanted is not None and present is not None and await asyncio.to_thread(matches, present.password_hash, wanted):
        return None
    password = wanted or secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = await asyncio.to_thread(password_hash, password)
    await store.put_server_account(ServerAccount(username=ADMIN_USERNAME, role="admin", password_hash=hashed))
    return None if wanted else password
