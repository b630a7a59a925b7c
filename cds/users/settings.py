"""How users are handled: how long logins and codes are good, and how mails reach people.

This module must not know how options are spelled.
"""

import msgspec

from cds.mail_settings import MailSettings

DAY_S = 86_400
HOUR_S = 3_600


class UserSettings(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds each is good: a login, one that is to be remembered, a code for a new password.

    Five days, a year and a day are what the contract has (requirements-003, 3.3 and 3.4).
    """

    session_s: int = 5 * DAY_S
    remembered_s: int = 365 * DAY_S
    reset_s: int = 24 * HOUR_S
    mail: MailSettings = MailSettings()
