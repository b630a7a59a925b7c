"""Listening to an upstream for as long as there is something to hear: connected again after every outage.

What is heard goes into the inbox; where to go on, the fold of what was written says. An end of the feed before the
upstream has ended its updates is an outage as any other (Contest API, "Event feed"). This module must not know what
becomes of a line.
"""

import asyncio
import random
from contextlib import aclosing

import structlog

from cds.upstream.connection import FellSilent, QuestionRefused, Sign, listen, said_servers, said_state
from cds.upstream.inbox import Connected, Inbox, Lines, Rested
from cds.upstream.looking import looked
from cds.upstream.reading import Reading
from cds.upstream.rings import ceases, passed_on
from cds.upstream.session import Outage, UpstreamSession
from cds.upstream.standing import Standing
from cds.upstream.touchstone import Touchstone
from schemas.object_types import SINGLETON_ID
from schemas.source_records import Oddity

STEADY_S = 60.0
"""A connection that has lasted so long was a good one, even if nothing was said."""

MOMENTS = ("started", "frozen", "ended", "thawed", "finalized")

CAUGHT_UP_LINES_MAX = 300
"""An upstream that says fewer lines while it is waited for three times as long as silence is has no past to tell."""
CAUGHT_UP_QUIETS = 3.0

FOLLOWS_US = "the upstream follows us, at once or by way of others, so it is not followed"
BEHIND = "the feed ended before it had told of the state that the contest is in"
ENDED = "the feed ended before the updates did"

log = structlog.get_logger(__name__)


class Listener:
    """Listens to one upstream."""

    def __init__(self, session: UpstreamSession, standing: Standing, inbox: Inbox, name: str | None) -> None:
        """Not connected before `run`. `name` is that of our contest (see rings), None where nobody can follow it."""
        self._name = name
        self._told_of_ring = False
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
        self._anew: Reading | None = None
        """The reading anew of which the following is said."""
        self._mark_s, self._mark_lines = 0.0, 0
        """Since when, and since which line, fewer lines have come than a past has."""
        self._touchstone = Touchstone()
        self._is_behind = False
        """Whether the feed is behind what the upstream says of the state of the contest."""

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

    async def watch_for_rings(self) -> None:
        """See now and then whether the upstream has come to follow us by now, until cancelled."""
        standing, options = self._standing, self._options
        while True:
            await asyncio.sleep(options.patience.pause_s_max)
            if self._name is None or not standing.servers or standing.state != "following":
                continue
            servers = await said_servers(self._session, options, standing.following.current.resume)
            if servers:
                standing.servers = passed_on(self._name, servers)
                standing.changed.set()
            if ceases(self._name, servers):
                # The next answer says the same in its head.
                self.interrupt()

    async def _refuse_ring(self, servers: tuple[str, ...]) -> None:
        """Note whom the upstream follows. Raises Outage when that is us, and we are the one to cease."""
        if self._name is None:
            return
        self._standing.servers = passed_on(self._name, servers)
        if not ceases(self._name, servers):
            return
        if not self._told_of_ring:
            self._told_of_ring = True
            await self._inbox.put(Oddity(text=FOLLOWS_US))
        raise Outage(FOLLOWS_US)

    async def _listen_once(self) -> None:
        standing, loop = self._standing, asyncio.get_running_loop()
        understood, anew, begun_s = standing.following.understood, standing.following.buffer, loop.time()
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
            self._ends_on_request &= not (isinstance(outage, FellSilent) and anew is not None)
            reason = str(outage)
        except asyncio.CancelledError:
            self._answer.cancel()
            await asyncio.wait((self._answer,))
            task = asyncio.current_task()
            if not self._interrupted or (task is not None and task.cancelling()):
                raise
            reason = None
        await self._inbox.drained()
        if self._interrupted:
            await self._wait_for_another_history()
            return
        brought_news = standing.following.understood > understood
        if brought_news or loop.time() - begun_s > STEADY_S:
            self._in_a_row = 0
            self._histories = 0 if anew is None else self._histories
        if reason is None and standing.following.buffer is not anew:
            return  # A reading anew has come to its end, and what comes now is the feed again.
        if reason is None and anew is not None and brought_news:
            return  # What comes behind an end that may have been none?
        if reason is None and anew is not None and anew.has_contest:
            await (self._pause(BEHIND) if self._is_behind else self._doubt())
            return
        await self._pause(reason or ENDED)

    async def _doubt(self) -> None:
        """An answer has ended as it ought to, and that it was all is not believed: a moment later it may say more."""
        self._in_a_row += 1
        await asyncio.sleep(self._options.patience.pause_after_s(self._in_a_row, random.random()))  # noqa: S311

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
        reading = following.reading
        resume = None if self._refused_of is reading else reading.resume
        anew, connected, lines = following.buffer is not None, False, following.lines
        whole = anew and self._ends_on_request
        self._watch(following.buffer)
        # Who repeats what was said before has not said all of it when there is a short pause.
        patient = anew or (resume is None and reading.lines > 0)
        async with aclosing(
            listen(self._session, self._options, resume, whole=whole, anew=patient, patience=self._options.patience)
        ) as pieces:
            async for heard in pieces:
                if not connected:
                    await self._refuse_ring(heard.servers)
                    connected, self._refused_of = True, None
                    await self._begin(Connected(resume is None, heard.pace_permille), anew=anew)
                self._standing.heard()
                if heard.lines:
                    await self._inbox.put(Lines(heard.lines, asyncio.get_running_loop().time()))
                sign = heard.sign
                if anew:
                    is_open = whole and sign != "end"
                    sign = await self._sign_of_all(sign, reading, brings=following.lines > lines, is_open=is_open)
                if sign is not None:
                    await self._inbox.put(Rested(sign))

    async def _begin(self, connected: Connected, *, anew: bool) -> None:
        self._standing.be("reading anew" if anew else "following")
        log.info(
            "source_connected",
            source=self._options.stream,
            url=self._options.address.url,
            resumed=not connected.from_start,
            anew=anew,
        )
        await self._inbox.put(connected)

    def _watch(self, anew: Reading | None) -> None:
        """Follow how much comes in a reading anew, over all of its answers."""
        if anew is not self._anew:
            self._anew, self._touchstone = anew, Touchstone()
            self._mark_s, self._mark_lines = asyncio.get_running_loop().time(), self._standing.following.lines

    def _has_caught_up(self, *, is_open: bool) -> bool:
        """Whether what came for a while was so little that the upstream tells of the present.

        One that is busy never has nothing to say. `is_open`: it was asked to end its answer, which is patience for
        as long as a feed may be silent.
        """
        now_s, lines, patience = (
            asyncio.get_running_loop().time(),
            self._standing.following.lines,
            self._options.patience,
        )
        if lines - self._mark_lines > CAUGHT_UP_LINES_MAX:
            self._mark_s, self._mark_lines = now_s, lines
        caught_up = now_s - self._mark_s > (
            patience.silence_s_max if is_open else patience.quiet_anew_s * CAUGHT_UP_QUIETS
        )
        if caught_up:
            self._mark_s, self._mark_lines = now_s, lines
        return caught_up

    async def _sign_of_all(self, sign: Sign | None, reading: Reading, *, brings: bool, is_open: bool) -> Sign | None:
        """The sign that a reading anew is at its end, None for none; `brings`: this answer has brought something."""
        if self._has_caught_up(is_open=is_open):
            sign = "busy"
        if sign is None or (brings and sign in ("closed", "end")):
            return sign
        self._is_behind = await self._knows_more(reading)
        if self._is_behind:
            return None
        following = self._standing.following
        look = await looked(self._session, self._options, following.reading_beside(), following.spoken_of())
        if look is None:
            return sign
        still_s = self._options.patience.quiet_anew_s * CAUGHT_UP_QUIETS
        told = reading.translator.objects
        if not self._touchstone.is_told(told, look, asyncio.get_running_loop().time(), still_s):
            return None
        if self._touchstone.oddity is not None:
            await self._inbox.put(Oddity(text=self._touchstone.oddity))
        return "told"

    async def _knows_more(self, reading: Reading) -> bool:
        """Whether an upstream that has nothing more to say says elsewhere that the contest has come further.

        To believe it would show a state of the past: a contest that is thawed would be frozen again.
        """
        await self._inbox.drained()
        state = await said_state(self._session, self._options)
        known = reading.translator.objects["state"].get(SINGLETON_ID)
        if state is None:
            return False
        return any(getattr(state, moment) and not getattr(known, moment, None) for moment in MOMENTS)
