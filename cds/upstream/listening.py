"""Listening to an upstream for as long as there is something to hear: connected again after every outage.

What is heard goes into the inbox; where to go on, the fold of what was written says. An end of the feed before the
upstream has ended its updates is an outage as any other (Contest API, "Event feed"). This module must not know what
becomes of a line.
"""

import asyncio
import random
from contextlib import aclosing

import aiohttp
import structlog

from cds.upstream.connection import Outage, QuestionRefused, listen, said_state
from cds.upstream.inbox import Connected, Inbox, Lines, Rested
from cds.upstream.reading import Reading
from cds.upstream.standing import Standing
from schemas.object_types import SINGLETON_ID

STEADY_S = 60.0
"""A connection that has lasted so long was a good one, even if nothing was said."""

MOMENTS = ("started", "frozen", "ended", "thawed", "finalized")

ENDED = "the feed ended before the updates did"

log = structlog.get_logger(__name__)


class Listener:
    """Listens to one upstream."""

    def __init__(self, session: aiohttp.ClientSession, standing: Standing, inbox: Inbox) -> None:
        """Not connected before `run`."""
        self._session = session
        self._standing = standing
        self._options = standing.options
        self._inbox = inbox
        self._answer: asyncio.Task[None] | None = None
        self._interrupted = False
        self._refused_of: Reading | None = None
        self._in_a_row = 0
        self._histories = 0
        """How often it has said other things than before, with nothing new in between."""
        self._ends_on_request = True
        """Whether the upstream can be asked to end its answer when it has said everything."""
        self._asked: Reading | None = None
        """The reading that the last question was about."""

    def interrupt(self) -> None:
        """Ask anew: what is being answered is not what is needed any more."""
        self._interrupted = True
        if self._answer is not None:
            self._answer.cancel()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            # Where to go on is known when everything that was heard has been written.
            await self._inbox.drained()
            await self._listen_once()

    async def _listen_once(self) -> None:
        standing, loop = self._standing, asyncio.get_running_loop()
        lines, anew, begun_s = standing.following.lines, standing.following.buffer, loop.time()
        self._interrupted = False
        standing.be("connecting" if anew is None else "reading anew")
        self._answer = asyncio.create_task(self._take_answer(), name=f"listen to {self._options.stream}")
        try:
            await self._answer
            reason = None
        except QuestionRefused as refused:
            self._note_refusal(str(refused))
            return
        except Outage as outage:
            reason = str(outage)
        except asyncio.CancelledError:
            self._answer.cancel()
            await asyncio.wait((self._answer,))
            if not self._interrupted:
                raise
            reason = None
        await self._inbox.drained()
        if self._interrupted:
            await self._wait_for_another_history()
            return
        if reason is None and standing.following.reading is not self._asked:
            return  # A reading anew has come to its end, and what comes now is the feed again.
        if reason is None and anew is not None and standing.following.lines > lines:
            return  # What comes behind an end that may have been none?
        if standing.following.lines > lines or loop.time() - begun_s > STEADY_S:
            self._in_a_row = 0
            self._histories = 0 if anew is None else self._histories
        await self._pause(reason or ENDED)

    async def _wait_for_another_history(self) -> None:
        """The upstream says other things than before. One that does so every time is not asked all the time."""
        self._histories += 1
        if self._histories > 1:
            await asyncio.sleep(self._options.patience.pause_after_s(self._histories, 1.0))

    def _note_refusal(self, reason: str) -> None:
        """Ask for less: for everything instead of what is new; or without asking that the answer ends."""
        reading = self._standing.following.reading
        log.warning("source_question_refused", source=self._options.stream, reason=reason)
        self._standing.last_error = reason
        if reading.resume is None or self._refused_of is reading:
            self._ends_on_request = False
        self._refused_of = reading

    async def _pause(self, reason: str) -> None:
        standing = self._standing
        self._in_a_row += 1
        # Where chance comes in, nobody has to be unable to guess it.
        pause_s = self._options.patience.pause_after_s(self._in_a_row, random.random())  # noqa: S311
        if standing.following.wants_to_end:
            # It has said that it ends, so nothing more can be missing but files.
            await self._inbox.put(Rested())
        else:
            standing.failed(reason)
            log.warning("source_outage", source=self._options.stream, reason=reason, retry_in_s=round(pause_s, 3))
        await asyncio.sleep(pause_s)

    async def _take_answer(self) -> None:
        """One answer to its end. Raises Outage."""
        following = self._standing.following
        self._asked = reading = following.reading
        resume = None if self._refused_of is reading else reading.resume
        anew, connected = following.buffer is not None, False
        whole = anew and self._ends_on_request
        # Who repeats what was said before has not said all of it when there is a short pause.
        patient = anew or (resume is None and reading.lines > 0)
        async with aclosing(
            listen(self._session, self._options, resume, whole=whole, anew=patient, patience=self._options.patience)
        ) as pieces:
            async for heard in pieces:
                if not connected:
                    connected, self._refused_of = True, None
                    await self._begin(from_start=resume is None, anew=anew)
                self._standing.heard()
                if heard.lines:
                    await self._inbox.put(Lines(heard.lines, asyncio.get_running_loop().time()))
                if heard.sign is None or (anew and heard.sign != "end" and await self._knows_more(reading)):
                    continue
                await self._inbox.put(Rested(heard.sign))

    async def _begin(self, *, from_start: bool, anew: bool) -> None:
        self._standing.be("reading anew" if anew else "following")
        log.info(
            "source_connected",
            source=self._options.stream,
            url=self._options.address.url,
            resumed=not from_start,
            anew=anew,
        )
        await self._inbox.put(Connected(from_start=from_start))

    async def _knows_more(self, reading: Reading) -> bool:
        """Whether an upstream that has fallen silent says elsewhere that the contest has come further.

        To believe its silence would show a state of the past: a contest that is thawed would be frozen again.
        """
        await self._inbox.drained()
        state = await said_state(self._session, self._options)
        known = reading.translator.objects["state"].get(SINGLETON_ID)
        if state is None:
            return False
        return any(getattr(state, moment) and not getattr(known, moment, None) for moment in MOMENTS)
