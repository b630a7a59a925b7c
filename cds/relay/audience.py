"""One audience of the upstream: its lines as far as they have come, and the one feed that brings them.

All clients that ask for the same feed with the same credentials are one audience. The feed is read from its start up
to where the upstream is, then followed; when it is cut off it is asked for again with the last token, so that the lines
are those of the upstream, each once. This module must not know who reads them, nor how they are delivered.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
import structlog
from yarl import URL

from cds import metrics
from cds.background import telling_of_failure
from cds.contest_api.feed_requests import STREAM_PARAMETER, TOKEN_PARAMETERS, pace_permille_of
from cds.fan_out.client import EndReason
from cds.fan_out.framing import token_of_line
from cds.fan_out.waiting import is_set_within
from cds.relay.futures import seen
from cds.relay.limits import RelayLimits
from cds.relay.line_cutting import LineCutter, LineTooLong
from cds.relay.pauses import pause_s
from cds.relay.relayed_lines import RelayedLines
from cds.relay.upstream import Asker, Incoming, Refusal, Unreachable, Upstream
from schemas.records import ORDINARY_PACE_PERMILLE

ENDING_STATUSES: Mapping[int, EndReason] = {400: "forgotten", 401: "login", 403: "login", 404: "forgotten"}
"""What the upstream may answer when it is asked for the rest of a feed, and what that means for its readers.

400: our own last token is not known any more, so the log is another one; 401 and 403: the login does not hold any
more; 404: there is no such contest any more. Everything else may be over in a while.
"""

UNREADABLE = (LineTooLong, msgspec.DecodeError, UnicodeDecodeError)
"""What is wrong with a line that no feed of a contest can have."""

TAG_BYTES = 12

STEADY_S = 1.0
"""A feed that was followed for so long and has come to a proper end is asked for again at once."""

log = structlog.get_logger(__name__)


class AudienceKey(msgspec.Struct, frozen=True):
    """What makes an audience: a version of the API (None: the one without a name), a contest, a login, and a selection.

    `login` is a fingerprint of the Authorization header and of what else tells one who comes with it from the next,
    empty without any; `selection` is what else the query says.
    """

    version: str | None
    contest_id: str
    login: bytes
    selection: tuple[tuple[str, str], ...]

    @property
    def everything(self) -> bool:
        """Whether it is told of everything that this login may see."""
        return not self.selection


class NothingKnown(msgspec.Struct, frozen=True):
    """The state of a contest as a relay knows it: not at all. Logins are looked after by the upstream."""

    versions: Mapping[tuple[str, str], int] = {}


class Rest(msgspec.Struct, frozen=True):
    """What the upstream has behind a token: the tokens of the first and of the last line, None where there is none."""

    first: str | None
    last: str | None


class RelayedAudience:
    """The lines of one audience; `changed` is another event after every change."""

    def __init__(
        self,
        key: AudienceKey,
        url: URL,
        upstream: Upstream,
        limits: RelayLimits,
        end: Callable[["RelayedAudience", EndReason], None],
    ) -> None:
        """An audience of which nothing has been read. `url` is that of the feed; `end` is told when it is over."""
        self.key = key
        self.contest_id = key.contest_id
        self.changed = asyncio.Event()
        self.state = NothingKnown()
        self.lines = RelayedLines()
        self.tag = secrets.token_bytes(TAG_BYTES)
        self.ended: EndReason | None = None
        self.connected = False
        self.pace_permille = ORDINARY_PACE_PERMILLE
        """The pace at which the contest goes on, as the upstream tells of it."""
        self.users = 0
        self.idle_since_s = 0.0
        self._url = url
        self._upstream = upstream
        self._limits = limits
        self._end = end
        self._level_since_s: float | None = None
        self._failures = 0
        self._connected_s = 0.0
        self._nudged = asyncio.Event()
        self._opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening.add_done_callback(seen)
        self._asker = Asker(authorization=None)
        self._following: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def level(self) -> bool:
        """Whether it has ever been read as far as the upstream was."""
        return self._level_since_s is not None

    def start(self, asker: Asker) -> None:
        """Begin to read, for a client that is the first."""
        self._asker = asker
        self._following = asyncio.create_task(self._follow(), name=f"feed of {self.contest_id}")
        self._following.add_done_callback(telling_of_failure("relayed_feed_failed"))
        self._following.add_done_callback(lambda _: self.end("failed"))

    async def opened(self) -> None:
        """Come back when the upstream has let somebody in. Raises Refusal and Unreachable."""
        await asyncio.shield(self._opening)

    def end(self, reason: EndReason) -> None:
        """Read no more, and be done with."""
        if self.ended is not None:
            return
        self.ended = reason
        if self._following is not None and self._following is not asyncio.current_task():
            self._following.cancel()
        if not self._opening.done():
            self._opening.set_exception(Unreachable())
        self._tell()
        self._end(self, reason)

    async def close(self) -> None:
        """Be done with everything; nobody waits for anything any more."""
        self.end("closing")
        tasks = [task for task in (self._following, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def be_level(self, since_s: float) -> None:
        """Have all lines that the upstream had at a moment of the loop's clock. Raises Unreachable."""
        try:
            async with asyncio.timeout(self._limits.level_s_max):
                while self._level_since_s is None:
                    await self._next_change()
                while self._level_since_s < since_s:
                    await self._look()
        except TimeoutError:
            raise Unreachable from None

    async def reached(self, token: str) -> int:
        """The place of a line that is on its way here. Raises Unreachable when it does not come."""
        try:
            async with asyncio.timeout(self._limits.level_s_max):
                while (sequence := self.lines.sequence(token)) is None:
                    self._nudged.set()
                    await self._next_change()
        except TimeoutError:
            raise Unreachable from None
        return sequence

    async def rest_behind(self, token: str | None, *, first_only: bool = False) -> Rest:
        """What the upstream has behind a token, of this feed or of another. Raises Refusal and Unreachable."""
        first = last = None
        try:
            async with (
                asyncio.timeout(self._limits.level_s_max),
                self._upstream.asking,
                self._upstream.feed(self._feed_url(token, stays=False), self._asker) as incoming,
            ):
                async for lines in _lines(incoming):
                    first = first or token_of_line(lines[0]).decode()
                    last = token_of_line(lines[-1]).decode()
                    if first_only:
                        break
        except (TimeoutError, *UNREADABLE):
            raise Unreachable from None
        return Rest(first, last)

    async def _look(self) -> None:
        """See, once for all who wait together, whether the upstream has more, and have it. Raises Unreachable."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_now(), name=f"look for the end of {self.contest_id}")
            self._looking.add_done_callback(self._has_looked)
        await asyncio.shield(self._looking)

    def _has_looked(self, looking: "asyncio.Task[None]") -> None:
        self._looking = None
        seen(looking)

    async def _look_now(self) -> None:
        began_s = asyncio.get_running_loop().time()
        try:
            rest = await self.rest_behind(self.lines.last_token)
        except Refusal as refusal:
            # Whoever follows the feed would be told the same, a moment later.
            if refusal.status in ENDING_STATUSES:
                self._over(ENDING_STATUSES[refusal.status], str(refusal))
            raise Unreachable from refusal
        if rest.last is not None:
            await self.reached(rest.last)
        self._level_since_s = began_s

    async def _next_change(self) -> None:
        """Wait for lines, or for the end of a stretch of reading. Raises Unreachable when it is all over."""
        if self.ended is not None:
            raise Unreachable
        await self.changed.wait()

    async def _follow(self) -> None:
        """Read until somebody ends it, however often the feed is cut off."""
        while self.ended is None:
            try:
                await self._read()
                reason = "it came to its end"
                if asyncio.get_running_loop().time() - self._connected_s >= STEADY_S:
                    # The upstream has ended it: perhaps since this login is over, which must not be learnt late.
                    continue
            except Unreachable as unreachable:
                reason = type(unreachable.__cause__ or unreachable).__name__
                if self._refused_at_first(unreachable):
                    return
            except Refusal as refusal:
                reason = str(refusal)
                if self._refused_at_first(refusal):
                    return
                if refusal.status in ENDING_STATUSES:
                    self._over(ENDING_STATUSES[refusal.status], reason)
                    return
            except UNREADABLE as error:
                self._over("failed", str(error))
                return
            await self._pause(reason)

    async def _read(self) -> None:
        """Read what there is, then stay for what comes. Raises Unreachable, Refusal and UNREADABLE."""
        began_s = asyncio.get_running_loop().time()
        async with self._upstream.feed(self._feed_url(self.lines.last_token, stays=False), self._asker) as incoming:
            self.pace_permille = pace_permille_of(incoming.headers)
            if not self._opening.done():
                self._opening.set_result(None)
            self._asker = self._asker.later()
            await self._take(incoming)
        async with self._upstream.feed(self._feed_url(self.lines.last_token, stays=True), self._asker) as incoming:
            self.pace_permille = pace_permille_of(incoming.headers)
            # Only now: a server that was being stopped may have ended the first answer too early.
            self._level_since_s = began_s
            self.connected, self._failures = True, 0
            self._connected_s = asyncio.get_running_loop().time()
            self._tell()
            try:
                await self._take(incoming)
            finally:
                self.connected = False

    async def _take(self, incoming: Incoming) -> None:
        async for lines in _lines(incoming):
            self.lines.add(lines)
            metrics.RELAY_LINES.inc(len(lines))
            self._tell()
            # Where the upstream is faster than we are, nothing above waits for anything.
            await asyncio.sleep(0)

    async def _pause(self, reason: str) -> None:
        """Wait before the next attempt, longer each time, and never all at the same moment."""
        whole_s = pause_s(self._failures, self._limits)
        self._failures += 1
        metrics.RELAY_CUT_OFF.inc()
        log.warning(
            "relayed_feed_cut_off",
            contest=self.contest_id,
            reason=reason,
            failures=self._failures,
            pause_s=round(whole_s, 1),
            lines=self.lines.last_sequence,
        )
        self._nudged.clear()
        # Who waits for lines that are known to be there says so again.
        self._tell()
        least_s = min(self._limits.first_pause_s / 2, whole_s)
        await asyncio.sleep(least_s)
        await is_set_within(self._nudged, whole_s - least_s)

    def _refused_at_first(self, reason: Unreachable | Refusal) -> bool:
        """Whether nobody has been let in yet; then nobody is."""
        if self._opening.done():
            return False
        self._opening.set_exception(reason)
        self.end("left")
        return True

    def _over(self, reason: EndReason, told: str) -> None:
        log.warning("relayed_feed_over", contest=self.contest_id, reason=told, lines=self.lines.last_sequence)
        self.end(reason)

    def _tell(self) -> None:
        told, self.changed = self.changed, asyncio.Event()
        told.set()

    def _feed_url(self, token: str | None, *, stays: bool) -> URL:
        query = list(self.key.selection)
        if token is not None:
            query.append((TOKEN_PARAMETERS[0], token))
        if not stays:
            query.append((STREAM_PARAMETER, "false"))
        return self._url.with_query(query)


async def _lines(incoming: Incoming) -> AsyncIterator[list[bytes]]:
    """The lines of a feed as they come, several together, never none. Raises Unreachable and LineTooLong."""
    cutter = LineCutter()
    async for piece in incoming.pieces():
        lines = cutter.lines(piece)
        if lines:
            yield lines
