"""Why a backup cannot be taken or used; the text says what is wrong, and where.

This module must not know how backups are made.
"""

from eventstore.store import StoreRefused


class BackupRefused(StoreRefused):
    """A backup that cannot be taken, or cannot be used."""
