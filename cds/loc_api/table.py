"""The table of the League of Code API: its 44 endpoints but `/info` (requirements-003, 2), and an extension of ours.

This module must not know what the handlers do.
"""

from cds.loc_api.rows import Row
from cds.loc_api.table_of_matches import ADMINISTRATION_OF_MATCHES, MATCHES, MATCHES_OF_USERS, PARTIES
from cds.loc_api.table_of_people import ACCOUNT, ADMINISTRATION_OF_USERS, USERS

ROWS: tuple[Row, ...] = (
    *ACCOUNT,
    *MATCHES,
    *PARTIES,
    *USERS,
    *MATCHES_OF_USERS,
    *ADMINISTRATION_OF_MATCHES,
    *ADMINISTRATION_OF_USERS,
)

INFORMATION_PATH = "/info"
