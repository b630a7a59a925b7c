"""The users of the platform in memory, level with the log.

This module must not know who may change what.
"""

from cds.ledgers import Ledger
from eventstore.store import EventStore
from projections.users import Users
from schemas.users import USERS


def users_ledger(store: EventStore) -> Ledger[Users]:
    """All users of a database; nothing has been read yet."""
    return Ledger(store, USERS, Users, "the users")
