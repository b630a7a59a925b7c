"""How mails leave: where to, from whom, or not at all.

This module must not know how options are spelled, nor how a mail is sent.
"""

from typing import Literal

import msgspec

SmtpScheme = Literal["smtp", "smtps"]

SENDER = "contest-data-server@localhost"


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mails go. `smtps` is encrypted from the first byte, `smtp` as soon as the server offers it (STARTTLS)."""

    scheme: SmtpScheme
    host: str
    port: int
    username: str | None = None
    password: str | None = None


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`server` None: nothing is sent; `printed`: what is not sent is printed, for trials alone."""

    server: SmtpServer | None = None
    sender: str = SENDER
    printed: bool = False
