"""A little SMTP server on the loopback that keeps what it gets (RFC 5321, as far as a client that sends needs it).

It knows the protocol; it must not know what mails are about.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTPUTF8

DEADLINE_S = 20.0
GREETING = b"220 sink ESMTP\r\n"
EXTENSIONS = b"250-sink\r\n%s250-8BITMIME\r\n250 SMTPUTF8\r\n"
OFFERED = b"250-STARTTLS\r\n"


class MailSink:
    """What has come so far.

    `refusals` are replies to the next so many recipients, `refused` to these ones, in place of accepting them;
    `hanging`: the command that is never answered, nor anything after it.
    """

    def __init__(self, encryption: ssl.SSLContext | None = None) -> None:
        """Nothing yet; `encryption` is offered as STARTTLS."""
        self.encrypted = 0
        self._encryption = encryption
        self.port = 0
        self.senders: list[str] = []
        self.recipients: list[str] = []
        self.verbs: list[str] = []
        self.hanging = ""
        self.messages: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.refusals: list[bytes] = []
        self.refused: dict[str, bytes] = {}
        self.connections = 0
        self._open = 0
        self._came = asyncio.Condition()

    async def mail(self, number: int) -> EmailMessage:
        """The mail of that number, from 0, once it has come."""
        await self.until(lambda: len(self.messages) > number)
        return self.messages[number]

    async def left(self) -> None:
        """Come back when all who came have left."""
        await self.until(lambda: self.connections > 0 and self._open == 0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Come back when something is so. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S), self._came:
            await self._came.wait_for(condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self._open += 1
        writer.write(GREETING)
        try:
            while line := await reader.readline():
                verb = line.decode().split()[0].upper()
                await self._changed(verb)
                if verb == self.hanging:
                    await reader.read()
                    return
                writer.write(await self._reply(line.decode().strip(), reader, writer))
                await writer.drain()
                if line.upper().startswith(b"QUIT"):
                    break
        except (OSError, ValueError):
            # Whoever does not like the certificate leaves.
            return
        finally:
            writer.close()
            self._open -= 1
            await self._changed()

    async def _changed(self, *verbs: str) -> None:
        async with self._came:
            self.verbs.extend(verbs)
            self._came.notify_all()

    async def _reply(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        verb = line.partition(" ")[0].upper()
        if verb == "EHLO":
            return EXTENSIONS % (b"" if self._encryption is None else OFFERED)
        if verb == "STARTTLS" and self._encryption is not None:
            writer.write(b"220 go on\r\n")
            await writer.start_tls(self._encryption)
            self.encrypted += 1
            return b""
        if verb == "MAIL":
            self.senders.append(line.partition("<")[2].partition(">")[0])
        if verb == "RCPT":
            recipient = line.partition("<")[2].partition(">")[0]
            if self.refusals:
                return self.refusals.pop(0)
            if recipient in self.refused:
                return self.refused[recipient]
            self.recipients.append(recipient)
        if verb == "DATA":
            writer.write(b"354 go on\r\n")
            await self._take(await reader.readuntil(b"\r\n.\r\n"))
        return b"221 bye\r\n" if verb == "QUIT" else b"250 OK\r\n"

    async def _take(self, data: bytes) -> None:
        raw = data.removesuffix(b".\r\n")
        message = BytesParser(EmailMessage, policy=SMTPUTF8).parsebytes(raw)
        async with self._came:
            self.raw.append(raw)
            self.messages.append(message)
            self._came.notify_all()


@asynccontextmanager
async def mail_sink(encryption: ssl.SSLContext | None = None) -> AsyncIterator[MailSink]:
    """A sink that listens for the length of the block."""
    sink = MailSink(encryption)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        await server.wait_closed()
