"""On whose behalf a webhook is called: what the account that registered it is now.

A webhook sees what its account sees, in every contest alike: it is one of the server itself. One that is disabled,
gone, or no longer of a role that may have webhooks, is called for nowhere. This module must not know how anybody is
called.
"""

from contextlib import AbstractContextManager

from cds.commands.webhooks import ENTITLED
from cds.server_accounts import ServerAccounts
from eventstore.store import EventStore
from schemas.viewers import ROLE_OF_ACCOUNT_TYPE, Role


class Authority:
    """Knows the accounts behind webhooks."""

    def __init__(self, store: EventStore) -> None:
        """Accounts are known after `fresh`, or while they are `kept_fresh`."""
        self._server_accounts = ServerAccounts(store)

    def close(self) -> None:
        """Stop reading."""
        self._server_accounts.close()

    async def fresh(self) -> None:
        """Read the server's accounts now. Raises StoreUnavailable."""
        await self._server_accounts.read()

    def kept_fresh(self) -> AbstractContextManager[None]:
        """For the length of the block, follow what other processes change about the server's accounts."""
        return self._server_accounts.kept_fresh()

    def entitled_role(self, username: str) -> Role | None:
        """The role in which an account of the server may have webhooks; None when it may have none."""
        account = self._server_accounts.named(username)
        if account is None or account.disabled:
            return None
        role = ROLE_OF_ACCOUNT_TYPE.get(account.role, "public")
        return role if role in ENTITLED else None
