"""The server's own accounts as they were read last, and read again while somebody depends on them.

Other processes change them without a word (`cds accounts … --server`), unlike those of contests, which stand in a log
that is followed. This module must not know passwords, nor who is asking.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from cds.background import telling_of_failure
from eventstore.store import EventStore, ServerAccount, StoreUnavailable

SERVER_ACCOUNTS_AGE_S = 2.0
"""How old the accounts may be in memory while somebody depends on them."""

log = structlog.get_logger(__name__)


class ServerAccounts:
    """The accounts of the server itself, in memory."""

    def __init__(self, store: EventStore, look_besides: Callable[[], Awaitable[object]] | None = None) -> None:
        """None are known before `read`. `look_besides` reads what else ends a login; it is called as often."""
        self._store = store
        self._look_besides = look_besides
        self._accounts: dict[str, ServerAccount] = {}
        self._depending = 0
        self._needed_until_s = 0.0
        self._read_at_s = float("-inf")
        self._following_from_s = 0.0
        self._reading = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Stop reading."""
        if self._refreshing is not None:
            self._refreshing.cancel()

    def named(self, username: str) -> ServerAccount | None:
        """The account of that name, as it was read last."""
        return self._accounts.get(username)

    @property
    def followed(self) -> bool:
        """Whether somebody depends on the accounts, so that those in memory are as new as they can be had."""
        following = self._refreshing is not None and not self._refreshing.done()
        return following and self._read_at_s >= self._following_from_s - SERVER_ACCOUNTS_AGE_S

    async def read(self) -> None:
        """Read all accounts now. Raises StoreUnavailable."""
        # One after the other, so that what was read last is also what was written last.
        async with self._reading:
            begun_s = time.monotonic()
            self._accounts = await self._store.server_accounts()
            self._read_at_s = begun_s

    def keep_fresh_for(self, seconds: float) -> None:
        """See to it that for so long the accounts in memory are at most SERVER_ACCOUNTS_AGE_S old."""
        self._needed_until_s = max(self._needed_until_s, time.monotonic() + seconds)
        if self._refreshing is None or self._refreshing.done():
            self._following_from_s = time.monotonic()
            self._refreshing = asyncio.create_task(self._refresh(), name="read the server's accounts")
            self._refreshing.add_done_callback(telling_of_failure("server_accounts_not_followed"))

    @contextmanager
    def kept_fresh(self) -> Iterator[None]:
        """The same, for the length of the block."""
        self._depending += 1
        self.keep_fresh_for(SERVER_ACCOUNTS_AGE_S)
        try:
            yield
        finally:
            self._depending -= 1

    async def _refresh(self) -> None:
        while self._depending > 0 or self._needed_until_s > time.monotonic():
            await asyncio.sleep(SERVER_ACCOUNTS_AGE_S)
            try:
                await self.read()
                if self._look_besides is not None:
                    await self._look_besides()
            except StoreUnavailable as away:
                # What was read last stays good until the database is back, as everything in memory does.
                log.warning("server_accounts_unavailable", reason=str(away))
