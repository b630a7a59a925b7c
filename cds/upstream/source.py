"""Following one upstream: what it says is written down as it was said, and then put into our contest.

Two commits for everything: the source's stream first, the contest second. Whoever takes over after any moment folds
the first and completes the second. This module puts the parts together; how each of them works is theirs to know.
"""

import asyncio
from collections.abc import Sequence

import structlog

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.importing import hashed_credentials, refuse_costly_hash
from cds.live_contest import LiveContest
from cds.upstream.connection import Sign
from cds.upstream.contest_writing import ContestWriter
from cds.upstream.file_keeping import FileKeeper
from cds.upstream.folding import folded
from cds.upstream.following import Following, Step
from cds.upstream.inbox import Connected, Inbox, Item, Lines, Rested
from cds.upstream.intake import Intake
from cds.upstream.listening import Listener
from cds.upstream.options import SourceOptions
from cds.upstream.pacing import ToldPace
from cds.upstream.rings import name_here
from cds.upstream.secrecy import without_passwords
from cds.upstream.session import upstream_session
from cds.upstream.side_by_side import first_of
from cds.upstream.source_log import SourceLog, line_event, record_event
from cds.upstream.standing import Standing, same_but_for_time
from cds.upstream.status import HEARTBEAT_S, SourceStatus, keep_status
from eventstore.store import Credential, EventStore, NewEvent, StoreUnavailable
from schemas.source_records import Anew, Ended, Level, Oddity, Opened, Paced, Skipped

LOOK_S = 1.0
"""How often it is looked whether something is due: what was refused, or the end of the updates."""

REFUSED_PAUSE_S = 30.0
"""After so long the contest is once more made equal to a source that it did not take."""

END_FILES_S_MAX = 60.0
"""How long the end of the updates waits for files: behind it nothing can be added any more."""

END_UNASKED_S_MAX = 900.0
"""The same, as long as there are files among them that have not been asked for once."""

UNDONE_TOLD_MAX = 20
"""Objects that were changed here and are told of one by one when that is undone; the others are counted."""

DOUBTS_MAX = 2
"""So often it is not believed, in one reading anew, that an upstream has nothing more to say that said other things
before: to end a reading anew too early takes back what is there, and brings it again later."""

STATUS_S = 1.0
WARNINGS_LOGGED_MAX = 20
"""Oddities that are logged one by one of those that come together; the others are counted."""

log = structlog.get_logger(__name__)


class Source:
    """One upstream, and the contest that is made of what it says."""

    def __init__(
        self,
        options: SourceOptions,
        store: EventStore,
        contest: LiveContest,
        circumstances: Circumstances,
        version: str,
    ) -> None:
        """Nothing is done before `run`. `version` is that of this program."""
        self.options = options
        self.standing = Standing(options, circumstances)
        self._store = store
        self._version = version
        self._circumstances = circumstances
        self._log = SourceLog(store, options.stream, circumstances)
        self._writer = ContestWriter(store, contest, options.stream, circumstances)
        self._inbox = Inbox()
        self._intake = Intake()
        self._deaf = False
        self._rested = False
        self._told_pace = ToldPace()
        self._brought_news = False
        """Whether the answer that is being given has brought anything new."""
        self._doubts = 0
        """How often it was not believed that this reading anew is at its end."""
        self._heard_s: float | None = None
        self._passwords: dict[str, str] = {}
        self._refused_again_s = 0.0
        self._ending_since_s: float | None = None

    @property
    def following(self) -> Following:
        """What is known of the source."""
        return self.standing.following

    async def run(self) -> None:
        """Follow until the updates have ended and all is here; else until cancelled.

        Raises SourceTaken, what the store refuses, and UnreadableEvent.
        """
        async with upstream_session(self.options, self._version) as session:
            await self._restore()
            listener = Listener(session, self.standing, self._inbox, await self._name())
            files = FileKeeper(session, self._store, self.standing, self._inbox)
            beside = (listener.run(), listener.watch_for_rings(), files.run(), self._keep_status())
            await first_of(self._write(listener, files), *beside)
        self.standing.be("ended")
        await self._put_status(None)

    async def settled(self) -> None:
        """Come back when everything that has been heard by now is in the contest."""
        await self._inbox.drained()

    async def _name(self) -> str | None:
        """The name of our contest among those that follow each other; nobody follows a second system of ours."""
        return None if self.options.shadow is not None else await name_here(self._store, self.options.contest_id)

    # What was known before.

    async def _restore(self) -> None:
        """Fold the source's stream, and put into the contest what was not put there yet."""
        following = self.following
        after = await self._writer.last_source_position()
        async for page in self._log.pages():
            steps = await folded(following, [(each.position, each.type, each.data) for each in page])
            missing = [step for step in steps if after is not None and step.position > after]
            if missing:
                await self._write_steps(missing)
        following.oddities.untold()
        self.standing.restored()
        if following.current.has_contest:
            # What has been written is known, unless that was too long ago: then what differs may be news.
            restores = after is not None
            await self._write_steps([Step(following.position, [], aligns=True, restores=restores)])
            await self._tell_undone()
        await self._open()

    async def _open(self) -> None:
        """Note whom we follow; whoever is not the one before, or finds a contest here, is read before it counts."""
        following, contest, url = self.following, self._writer.contest, self.options.address.url
        before, events = following.url, []
        if before != url:
            events.append(record_event(Opened(url=url)))
        if before is not None and before != url and following.lines:
            events.append(record_event(Anew(reason="another upstream is followed")))
        elif not following.lines and following.buffer is None and contest.exists:
            events.append(record_event(Anew(reason="the contest was here before it was followed")))
        await self._take_in(events, "open")

    # What comes.

    async def _write(self, listener: Listener, files: FileKeeper) -> None:
        """Deal with what comes, until the end."""
        while not await self._conclude(files):
            self._inbox.done()
            items = await self._inbox.take(LOOK_S)
            if items:
                await self._deal_with(items, listener)
                files.wake()

    async def _deal_with(self, items: Sequence[Item], listener: Listener) -> None:
        events: list[NewEvent] = []
        for item in items:
            match item:
                case Connected():
                    self._deaf = self._brought_news = False
                    self._intake.begin(self.following.reading, from_start=item.from_start)
                    self._told_pace.hear(item.pace_permille, asyncio.get_running_loop().time())
                case Lines():
                    events += [] if self._deaf else self._news(item, listener)
                case Rested():
                    self._rest(item, events, listener)
                case Anew():
                    events.append(self._read_anew(item.reason, listener))
                case _:
                    events.append(record_event(item))
        await self._take_in(events, "feed")
        if self._heard_s is not None:
            self.standing.lagged(asyncio.get_running_loop().time() - self._heard_s)
            self._heard_s = None

    def _news(self, heard: Lines, listener: Listener) -> list[NewEvent]:
        """The events of those lines that have not come before."""
        news: list[NewEvent] = []
        reading = self.following.reading
        for said in heard.lines:
            if isinstance(said, int):
                news.append(record_event(Skipped(size_bytes=said)))
                continue
            line, passwords = without_passwords(said)
            verdict = self._intake.look(reading, line)
            if verdict == "other":
                news.append(self._read_anew("it says other things than it said before", listener))
                return news
            if verdict == "news":
                news += self._pace(level=False)
                self._passwords |= passwords
                news.append(line_event(line))
        if news:
            self._rested, self._brought_news = False, True
            self._heard_s = self._heard_s or heard.heard_s
        return news

    def _rest(self, rested: Rested, events: list[NewEvent], listener: Listener) -> None:
        """The upstream has said all for now."""
        if self._deaf:
            return
        if self._intake.repeating:
            if rested.sign == "quiet" or self._intake.ended_short():
                events.append(self._read_anew("it says less than it said before", listener))
            return
        events += self._pace(level=rested.sign not in ("end", "closed"))
        self._rested = self.following.buffer is None or self._is_all(rested.sign)

    def _is_all(self, sign: Sign) -> bool:
        """Whether a reading anew is at its end.

        The end of an answer may have been a cut, however well it ended (a limit of time does that). So it is asked
        what comes behind, until nothing does.
        """
        if sign in ("busy", "told"):
            return True
        if sign != "quiet" and self._brought_news:
            return False
        self._doubts += 1
        return self._doubts > DOUBTS_MAX or not self.following.takes_back()

    def _pace(self, *, level: bool) -> list[NewEvent]:
        """What the answer says of the pace, where that is news; once it is known that it goes on where we are."""
        following, now_s = self.following, asyncio.get_running_loop().time()
        is_shown = following.buffer is None and following.current.has_contest
        told = self._told_pace.news(following.reading.pace_permille, is_shown=is_shown, level=level, now_s=now_s)
        return [] if told is None else [record_event(Paced(pace_permille=told))]

    def _read_anew(self, reason: str, listener: Listener) -> NewEvent:
        """From here on nothing is taken of this answer; it is asked for everything, from the beginning."""
        log.warning("source_reading_anew", source=self.options.stream, reason=reason)
        self._deaf, self._rested, self._doubts = True, False, 0
        listener.interrupt()
        return record_event(Anew(reason=reason))

    # What it comes to.

    async def _take_in(self, events: list[NewEvent], cause: str) -> None:
        """Write events to the source's stream, and what they come to into the contest."""
        if not events:
            return
        passwords, self._passwords = self._passwords, {}
        credentials = await self._credentials(passwords, events) if passwords else []
        placed = [
            (position, event.type, event.data) for position, event in await self._log.append(events, cause, credentials)
        ]
        known = self._writer.contest.state.objects["accounts"]
        changed = [each.account_id for each in credentials if each.account_id in known]
        steps = await folded(self.following, placed)
        if steps:
            await self._write_steps(steps)
        if changed:
            await self._writer.count_passwords(changed)
        self._tell_oddities()
        self.standing.took()

    async def _write_steps(self, steps: Sequence[Step]) -> None:
        await self._writer.write(steps, self.following.wanted())
        self.standing.events, self.standing.refused = self._writer.events, self._writer.refused

    async def _credentials(self, passwords: dict[str, str], events: list[NewEvent]) -> list[Credential]:
        """The hashes of passwords, in the place where those of the contest are; a second system lets nobody in."""
        if self.options.shadow is not None:
            return []
        good = dict(passwords)
        for account_id, password in passwords.items():
            try:
                refuse_costly_hash(account_id, password)
            except Refused as refused:
                del good[account_id]
                events.append(record_event(Oddity(type="accounts", id=account_id, text=refused.reason)))
        return await hashed_credentials(self._store, self._writer.contest.stream, good, _untold)

    async def _tell_undone(self) -> None:
        """Note what was changed here and has been taken back: whoever changed it should be able to learn of it."""
        undone = self._writer.take_undone()
        told = [
            Oddity(type=type_name, id=identifier, text="was not as the source says, and has been made so again")
            for type_name, identifier in undone[:UNDONE_TOLD_MAX]
        ]
        if len(undone) > len(told):
            more = len(undone) - len(told)
            told.append(Oddity(text=f"{more} more objects were not as the source says, and have been made so again"))
        await self._take_in([record_event(each) for each in told], "undone")

    def _tell_oddities(self) -> None:
        untold = self.following.oddities.untold()
        for each in untold[:WARNINGS_LOGGED_MAX]:
            log.warning(
                "source_warning",
                source=self.options.stream,
                number=each.number,
                line=each.line,
                type=each.type,
                id=each.id,
                property=each.property,
                text=each.text,
            )
        if len(untold) > WARNINGS_LOGGED_MAX:
            log.warning("source_warnings", source=self.options.stream, more=len(untold) - WARNINGS_LOGGED_MAX)

    # What follows from it.

    async def _conclude(self, files: FileKeeper) -> bool:
        """Settle what can be settled now; True when there is nothing left to follow."""
        following = self.following
        if self._inbox:
            return False
        anew = following.buffer is not None
        if anew and not following.reading.has_contest:
            # An upstream that has nothing to say yet is no reason to let go of what we have.
            self._rested = False
        if self._rested and following.is_unsettled():
            await self._take_in([record_event(Level())], "level")
            files.wake()
            if anew:
                log.info("source_level", source=self.options.stream, lines=following.lines)
                self.standing.be("following")
        if following.buffer is None and following.current.group_clashes:
            # Through the inbox, because the listener may ask again only when it is written down.
            self._inbox.add(Anew(reason="a group has the id that was given to another"))
        await self._try_again()
        await self._tell_undone()
        if following.wants_to_end and self._rested:
            await self._end(files)
        return following.buffer is None and following.current.ended and self._is_level()

    async def _end(self, files: FileKeeper) -> None:
        """End the updates when the last file is here, or cannot be had."""
        now_s = asyncio.get_running_loop().time()
        if self._ending_since_s is None:
            self._ending_since_s = now_s
            files.hurry()
        if self.following.lacking_files():
            waits_s = END_UNASKED_S_MAX if files.has_unasked() else END_FILES_S_MAX
            if now_s < self._ending_since_s + waits_s:
                return
            await self._take_in([record_event(each) for each in files.all_given_up()], "files")
        await self._take_in([record_event(Ended())], "end")
        log.info("source_ended", source=self.options.stream, lines=self.following.lines)

    async def _try_again(self) -> None:
        """Make the contest equal to the source when it did not take all of it before."""
        now_s = asyncio.get_running_loop().time()
        if self._writer.refused and now_s >= self._refused_again_s:
            self._refused_again_s = now_s + REFUSED_PAUSE_S
            await self._write_steps([Step(self.following.position, [], aligns=True)])

    def _is_level(self) -> bool:
        """Whether the contest has taken everything, or can take nothing any more."""
        return not self._writer.refused or self._writer.contest.state.ended_updates

    # What there is to tell.

    async def _keep_status(self) -> None:
        """Write down how it stands: soon when something has changed, and now and then in any case."""
        kept: SourceStatus | None = None
        while True:
            kept = await self._put_status(kept)
            self.standing.changed.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self.standing.changed.wait()
                await asyncio.sleep(STATUS_S)
            except TimeoutError:
                kept = None

    async def _put_status(self, before: SourceStatus | None) -> SourceStatus:
        status = self.standing.status()
        if not same_but_for_time(before, status):
            try:
                await keep_status(self._store, self.options.stream, status)
            except StoreUnavailable as away:
                log.warning("source_status_not_kept", source=self.options.stream, reason=str(away))
        return status


def _untold(_doing: str, _done: int, _total: int | None) -> None:
    """Nobody is told how far hashing has come."""
