"""Mails: they wait in a queue and are sent beside the requests, so that nobody waits for them, or learns of them.

With an SMTP server they go there (CDS_SMTP_URL), several at once, so that one that hangs holds up no other, and what
is refused for now is tried again for half an hour. Without a server, the log says that a mail was not sent. What waits
is in memory alone: a server that stops drops it, and says how much. A log line never holds an address or a text, for a
mail may hold a code. This module must not know what mails are about.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import localtime, make_msgid
from typing import Protocol

import aiosmtplib
import click
import idna
import msgspec
import structlog

from cds.background import telling_of_failure
from cds.commands.user_names import ENCODED_WORD
from cds.mail_settings import MailSettings, SmtpServer
from cds.retry_queue import RetryQueue, Waiting

MAILS_WAITING_MAX = 1_000
"""Mails that wait to be sent; beyond so many the least of them is dropped, and the log says so."""

SENDERS = 4
"""Mails that are on their way at once."""

PAUSES_S = (10.0, 60.0, 240.0, 600.0, 900.0)
"""How long after each failure a mail is sent again. Servers that refuse strangers at first let them in after some
minutes; after half an hour nobody waits for a mail any more."""

SEND_S_MAX = 18.0
"""For all that is said to the server about one mail, from the first byte on."""

QUIT_S_MAX = 1.0
"""For taking leave of it once it has the mail."""

DRAIN_S_MAX = 3.0
"""How long a server that stops goes on sending what may be sent at once."""

FINAL_CODE = 500
"""Replies from here on mean that trying again is of no use (RFC 5321, 4.2.1)."""

log = structlog.get_logger(__name__)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in plain text. The subject may be logged, so it names nobody; `urgent`: somebody sits and waits for it."""

    to: str
    subject: str
    text: str
    urgent: bool = False


class Backend(Protocol):
    """What takes mails away."""

    async def send(self, mail: Mail) -> None:
        """Send one. Raises aiosmtplib.SMTPException, OSError and TimeoutError."""
        ...


class SmtpBackend:
    """Sends mails over SMTP."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        """Nothing is asked of the server before the first mail."""
        self._server = server
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Send one mail over a connection of its own, which is cut where the server is too slow."""
        message = message_of(mail, self._sender)
        client = self._client()
        try:
            async with asyncio.timeout(SEND_S_MAX):
                await client.connect()
                await client.send_message(message, sender=deliverable(self._sender), recipients=[deliverable(mail.to)])
            with suppress(aiosmtplib.SMTPException):
                # The server has the mail, however it takes leave.
                await client.quit(timeout=QUIT_S_MAX)
        finally:
            _cut(client)

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.username,
            password=self._server.password,
            use_tls=self._server.scheme == "smtps",
            # Encryption that is only offered is taken from whomever it comes, as mail servers do among themselves
            # (RFC 7435): many a local one has a certificate of its own. A password is given to nobody unproven.
            validate_certs=self._server.scheme == "smtps" or self._server.username is not None,
            timeout=SEND_S_MAX,
        )


def _cut(client: aiosmtplib.SMTP) -> None:
    """End a connection here and now, with nothing more said or waited for."""
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()


class LogBackend:
    """Sends nothing, and says so."""

    def __init__(self, *, printed: bool) -> None:
        """`printed`: mails are printed on standard error, with all that is in them.

        Standard output of a worker is what it says to its supervisor (cds/workers).
        """
        self._printed = printed

    async def send(self, mail: Mail) -> None:
        """Say that a mail was not sent."""
        log.warning("mail_not_sent", reason="no SMTP server is configured", subject=mail.subject)
        if self._printed:
            click.echo(f"To: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}", err=True)


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it goes over the wire. Raises ValueError for addresses that would become others in its head."""
    to, sender = deliverable(mail.to), deliverable(sender)
    message = EmailMessage(policy=SMTP if (to + sender).isascii() else SMTPUTF8)
    message["From"] = _address(sender)
    message["To"] = _address(to)
    message["Subject"] = mail.subject
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def deliverable(address: str) -> str:
    """The address, its domain as every server understands it; what stands before it may still need SMTPUTF8."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{idna.encode(domain, uts46=True).decode()}"


def _address(address: str) -> Address:
    """An address by its two parts, so that nothing is found in it. Raises ValueError for what is found all the same."""
    if ENCODED_WORD in address:
        raise ValueError("an encoded word in an address")
    local, _, domain = address.rpartition("@")
    return Address(username=local, domain=domain)


class Mailer:
    """Mails on their way."""

    def __init__(self, backend: Backend) -> None:
        """None yet; `send` takes them, `run` sends them."""
        self._backend = backend
        self._waiting: RetryQueue[Mail] = RetryQueue(PAUSES_S, MAILS_WAITING_MAX)
        self._under_way = 0
        self._changed = asyncio.Event()

    def send(self, mail: Mail) -> None:
        """Have a mail sent soon; returns at once."""
        dropped = self._waiting.put(mail, urgent=mail.urgent)
        if dropped is not None:
            log.warning("mail_dropped", reason=f"{MAILS_WAITING_MAX} mails wait already", subject=dropped.subject)
        self._changed.set()

    async def run(self) -> None:
        """Send what comes, a few at once, until cancelled."""
        async with asyncio.TaskGroup() as senders:
            for _ in range(SENDERS):
                senders.create_task(self._send_on(), name="send mails")

    @property
    def unsent(self) -> int:
        """How many mails wait, for now or for later, or are under way."""
        return len(self._waiting) + self._under_way

    async def drained(self) -> None:
        """Wait until nothing is under way and nothing waits, but for what has failed and is for later."""
        while self._under_way or self._waiting.due(_now_s()):
            await self._change()

    async def _send_on(self) -> None:
        while True:
            waiting = self._waiting.take(_now_s())
            if waiting is None:
                await self._change(until_s=self._waiting.next_s())
                continue
            self._under_way += 1
            try:
                await self._send(waiting)
            finally:
                self._under_way -= 1
                self._changed.set()

    async def _change(self, until_s: float | None = None) -> None:
        """Wait until something has changed, or until a moment. Nothing may be awaited between looking and this."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await self._changed.wait()

    async def _send(self, waiting: Waiting[Mail]) -> None:
        """Try to send a mail; where that fails for now, it waits for the next time."""
        try:
            await self._backend.send(waiting.item)
        except (aiosmtplib.SMTPException, OSError, ValueError, MessageError) as failure:
            given_up = _is_final(failure) or not self._waiting.put_back(waiting, _now_s())
            # What a server says may repeat the address, so its kind alone is told.
            (log.error if given_up else log.warning)(
                "mail_failed",
                reason=type(failure).__name__,
                code=_code(failure),
                attempt=waiting.failures + 1,
                subject=waiting.item.subject,
                given_up=given_up,
            )


def _now_s() -> float:
    """The moment by the clock of the event loop."""
    return asyncio.get_running_loop().time()


def _code(failure: Exception) -> int | None:
    """The reply of the server (RFC 5321, 4.2), None where there was none."""
    if isinstance(failure, aiosmtplib.SMTPRecipientsRefused):
        return next((_code(each) for each in failure.recipients), None)
    return failure.code if isinstance(failure, aiosmtplib.SMTPResponseException) else None


def _is_final(failure: Exception) -> bool:
    """Whether trying again would come to the same."""
    if isinstance(failure, aiosmtplib.SMTPRecipientsRefused):
        return all(_is_final(each) for each in failure.recipients)
    if isinstance(failure, aiosmtplib.SMTPResponseException):
        return failure.code >= FINAL_CODE
    return isinstance(failure, ValueError | MessageError | aiosmtplib.SMTPNotSupported)


@asynccontextmanager
async def opened_mailer(settings: MailSettings) -> AsyncIterator[Mailer]:
    """A mailer that sends for the length of the block, and for a moment longer what still waits."""
    backend: Backend = LogBackend(printed=settings.printed)
    if settings.server is not None:
        backend = SmtpBackend(settings.server, settings.sender)
    mailer = Mailer(backend)
    running = asyncio.create_task(mailer.run(), name="send mails")
    running.add_done_callback(telling_of_failure("mails_not_sent"))
    try:
        yield mailer
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S_MAX):
                await mailer.drained()
        if (unsent := mailer.unsent) > 0:
            log.warning("mails_dropped", reason="the server stops", count=unsent)
        running.cancel()
        await asyncio.wait([running])
