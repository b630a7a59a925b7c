"""What is kept of users and named by none of them is erased now and then.

A duty of one process. This module must not know what is kept.
"""

import asyncio

import structlog

from cds.users.register import UserRegister
from eventstore.store import StoreUnavailable

DUTY = "users"

TIDY_EVERY_S = 3_600.0
AWAY_PAUSE_S = 30.0
"""How long nothing is tried while the database is away."""

log = structlog.get_logger(__name__)


async def keep_tidy(register: UserRegister) -> None:
    """Erase what is left over, until cancelled."""
    while True:
        try:
            erased = await register.tidy()
        except StoreUnavailable as away:
            log.warning("users_not_tidied", reason=str(away), retry_in_s=AWAY_PAUSE_S)
            await asyncio.sleep(AWAY_PAUSE_S)
            continue
        if erased:
            log.info("unclaimed_data_of_users_erased", count=erased)
        await asyncio.sleep(TIDY_EVERY_S)
