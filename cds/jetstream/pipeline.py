"""Messages on their way into one stream: in order, many at a time, each accepted only behind the one before it.

The server takes a message when the stream ends where the publisher believes it to (a fence): of two publishers one is
refused, and what was lost on the way is followed by nothing. Whoever publishes then looks at the stream anew. One hole
is left: of many messages that a publisher has on the way when another gets in with few, the later ones are taken, since
their numbers fit again. Each names the one before it, so readers see that something is missing, and have it from the
core; and whoever publishes goes on behind the last of them, whatever JetStream knows already (`KnownAlready`). (Servers
offer to expect that name, too: in a cluster they stop the stream for good when it is another. They also offer to expect
what another subject ends with, where a publisher could note his turn: in a cluster they take one such message at a
time, and refuse those that come before they have kept it.) This module must not know what the messages say.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.subjects import EXPECTED_LAST_SEQUENCE, EXPECTED_STREAM

IN_FLIGHT_MAX = 512
IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024
"""So much is sent at most before the server has said that it keeps it."""

ACKNOWLEDGED_S_MAX = 5.0
"""When the server has said nothing of a message for so long, it is not waited for."""

LOOKED_AT_EVERY_S = 0.5


class Interrupted(Exception):
    """What was sent may be in the stream or not: it has to be looked at. The text says why."""


class KnownAlready(Interrupted):
    """JetStream knows the id of a message again, though the stream does not end with it: it takes ids once in a time.

    So it is where more than one publisher has got in: what was told last is not what was told furthest.
    """


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Acknowledgement(msgspec.Struct, frozen=True):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


class _Sent(msgspec.Struct, frozen=True):
    sequence: int
    size_bytes: int
    at_s: float


_decoder = msgspec.json.Decoder(_Acknowledgement)


class Pipeline:
    """The way into one stream, from `async with` to its end. The first failure is the end of it."""

    def __init__(self, connection: Client, stream: str, last_sequence: int) -> None:
        """`last_sequence` is where the stream ends."""
        self._connection = connection
        self._stream = stream
        self._sequence = last_sequence
        self._inbox = connection.new_inbox()
        self._subscription: Subscription | None = None
        self._sent: deque[_Sent] = deque()
        self._sent_bytes = 0
        self._moved = asyncio.Event()
        self._failure: Interrupted | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._connection.subscribe(f"{self._inbox}.*", cb=self._take_answer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and not self._connection.is_closed:
            await self._subscription.unsubscribe()

    @property
    def sequence(self) -> int:
        """The number in the stream of the message that was sent last."""
        return self._sequence

    @property
    def kept_sequence(self) -> int:
        """The number of the last message of which the server has said that it, and all before it, are kept."""
        return self._sent[0].sequence - 1 if self._sent else self._sequence

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> int:
        """Send the next message, as soon as there is room; its number. Raises Interrupted, and as the client."""
        while len(self._sent) >= IN_FLIGHT_MAX or self._sent_bytes + len(payload) > IN_FLIGHT_BYTES_MAX:
            if not self._sent:
                break  # It is larger than all that there is room for, and alone.
            await self.moved()
        self.check()
        fenced = {**headers, EXPECTED_STREAM: self._stream, EXPECTED_LAST_SEQUENCE: str(self._sequence)}
        self._sequence += 1
        sent = _Sent(self._sequence, len(payload), asyncio.get_running_loop().time())
        self._sent.append(sent)
        self._sent_bytes += sent.size_bytes
        await self._connection.publish(subject, payload, reply=f"{self._inbox}.{sent.sequence}", headers=fenced)
        heed_cancellation()  # The client forgets that while it waits for a server that takes nothing.
        return sent.sequence

    async def settled(self) -> None:
        """Come back when everything that was sent is kept. Raises Interrupted."""
        while self._sent:
            await self.moved()
        self.check()

    async def moved(self) -> None:
        """Come back when the server has said something, or for long nothing. Raises Interrupted."""
        self.check()
        try:
            async with asyncio.timeout(LOOKED_AT_EVERY_S):
                await self._moved.wait()
        except TimeoutError:
            self._give_up_if_silent()
        self._moved.clear()
        self.check()

    def check(self) -> None:
        """Raise Interrupted when something has failed, and when there is no connection."""
        if self._failure is None and not self._connection.is_connected:
            self._fail("the connection to NATS is lost")
        if self._failure is not None:
            raise self._failure

    def _give_up_if_silent(self) -> None:
        if self._sent and asyncio.get_running_loop().time() - self._sent[0].at_s > ACKNOWLEDGED_S_MAX:
            self._fail(f"JetStream has said nothing for {ACKNOWLEDGED_S_MAX:g} s")

    async def _take_answer(self, message: Msg) -> None:
        """Note what the server says of one message; answers come in the order of the messages."""
        sequence = int(message.subject.rpartition(".")[2])
        if message.headers and "Status" in message.headers:
            self._fail(f"JetStream does not answer ({message.headers['Status']})")
            return
        try:
            answer = _decoder.decode(message.data)
        except msgspec.MsgspecError:
            self._fail("JetStream has said something that cannot be read")
            return
        if answer.error is not None:
            self._fail(f"{answer.error.description} ({answer.error.err_code})")
        elif answer.duplicate:
            self._fail(KnownAlready(f"message {sequence} is in the stream as {answer.seq}"))
        elif answer.seq != sequence:
            self._fail(f"message {sequence} is in the stream as {answer.seq}")
        elif not self._sent or self._sent[0].sequence != sequence:
            self._fail(f"the answer to message {sequence} is out of order")
        else:
            self._sent_bytes -= self._sent.popleft().size_bytes
            self._moved.set()

    def _fail(self, reason: str | Interrupted) -> None:
        if self._failure is None:
            self._failure = Interrupted(reason) if isinstance(reason, str) else reason
        self._moved.set()
