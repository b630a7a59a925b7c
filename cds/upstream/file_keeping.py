"""The files that a source names, fetched a few at a time beside the feed and kept by their address.

What cannot be had is asked for again, ever more rarely; after some attempts it is given up, which the feed is told, and
still asked for now and then. A file that no hash describes may be another when its object is told of again, so it is
asked for once more then. This module must not know which object names a file.
"""

import asyncio
import heapq
import random
from functools import partial
from urllib.parse import urlsplit

import msgspec
import structlog

from cds.upstream.fetched_files import FileId
from cds.upstream.fetching import Fetched, FetchFailed, fetch, urls_of
from cds.upstream.file_places import FilePlace, FilePlaces
from cds.upstream.file_queue import FileQueue
from cds.upstream.inbox import Inbox
from cds.upstream.session import UpstreamSession
from cds.upstream.standing import Standing
from eventstore.store import EventStore, StoreUnavailable
from schemas.source_records import File, FileGivenUp, Oddity

FETCHES_MAX = 6
"""Files that are fetched at the same time."""

ATTEMPTS_MAX = 3
"""Attempts after which a file is given up that its upstream says it does not have, or not as it says."""

GIVEN_UP_PAUSE_S_MIN = 2.0
GIVEN_UP_PAUSE_S_MAX = 300.0
"""How rarely a file is asked for that was given up: at first, and in the end."""

REVISION_PAUSE_S_MIN = 60.0
"""A file that may be another by now is asked for again at most so often, however often its object is told of."""

NOT_THERE = "was not there when the updates ended"
NOT_ASKED = "could not be asked for before the updates ended, so many files there were"
"""Why a file is given up at the end that was asked for in vain, and one that was not."""

UNAVAILABLE_PAUSE_S = 0.5
LOOK_S = 1.0

log = structlog.get_logger(__name__)


class FileKeeper:
    """Fetches the files of one source."""

    def __init__(self, session: UpstreamSession, store: EventStore, standing: Standing, inbox: Inbox) -> None:
        """Nothing is fetched before `run`."""
        self._session = session
        self._store = store
        self._standing = standing
        self._inbox = inbox
        self._places = FilePlaces(standing.options.patience)
        self._refused: dict[FileId, str] = {}
        """Files that we may not have, as it seems, and which were not given up; with the reason."""
        self._fetching: dict[FileId, asyncio.Task[None]] = {}
        self._failures: dict[FileId, int] = {}
        """How often files were asked for in vain since they came last."""
        self._ready = FileQueue()
        self._later: list[tuple[float, FileId]] = []
        """Files that are asked for again, as a heap by the time when (of the event loop)."""
        self._told: dict[FileId, int] = {}
        """Files of which something has been said that is not written down yet: how much had been before."""
        self._fetched_s: dict[FileId, float] = {}
        """When files were fetched last that no hash describes."""
        self._hurried = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look again which files are lacking."""
        self._news.set()

    def hurry(self) -> None:
        """Nothing can be asked for later: ask at once for what was to be asked for again, or has never been.

        What we may not have is given up now.
        """
        if not self._hurried:
            self._hurried = True
            for file_id, reason in self._refused.items():
                if self._standing.following.lacks(file_id) and not self._is_told(file_id):
                    self._told[file_id] = self._standing.following.files.tidings(file_id)
                    self._inbox.add(FileGivenUp(href=file_id[0], said_hash=file_id[1], reason=reason))
            self._refused.clear()
            for _, file_id in self._later:
                self._queue(file_id)
            self._later.clear()
            self.wake()

    async def run(self) -> None:
        """Fetch what is lacking, until cancelled."""
        try:
            while True:
                self._news.clear()
                self._begin_fetches()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            fetching = list(self._fetching.values())
            for task in fetching:
                task.cancel()
            await asyncio.gather(*fetching, return_exceptions=True)

    def has_unasked(self) -> bool:
        """Whether some file is lacking that has never been asked for to the end, so that it may be there."""
        return any(
            file_id not in self._failures and not self._is_told(file_id)
            for file_id in self._standing.following.lacking_files()
        )

    def all_given_up(self) -> list[FileGivenUp]:
        """What there is to be written down when the updates end: every file is given up that has not come until now."""
        return [
            FileGivenUp(
                href=file_id[0], said_hash=file_id[1], reason=NOT_THERE if file_id in self._failures else NOT_ASKED
            )
            for file_id in self._standing.following.lacking_files()
            if not self._is_told(file_id)
        ]

    def _begin_fetches(self) -> None:
        following, now_s = self._standing.following, asyncio.get_running_loop().time()
        for file_id in following.newly_lacking_files():
            self._queue(file_id)
        while self._later and self._later[0][0] <= now_s:
            self._queue(heapq.heappop(self._later)[1])
        while len(self._fetching) < FETCHES_MAX:
            # At the end there is no later: then each file is asked for once, whatever became of others.
            found = self._ready.next(partial(self._places.may_be_asked, now_s=now_s), all_new=self._hurried)
            if found is None:
                return
            place, file_id = found
            if file_id in self._fetching or self._is_told(file_id) or not following.lacks(file_id):
                continue
            wait_s = self._revision_wait_s(file_id, now_s)
            if wait_s > 0:
                self._ask_again(file_id, wait_s)
                continue
            task = asyncio.create_task(self._fetch(file_id, place), name=f"fetch {file_id[0]}")
            self._fetching[file_id] = task
            self._places.begin(place)
            task.add_done_callback(partial(self._note_end, file_id, place))

    def _queue(self, file_id: FileId) -> None:
        urls = urls_of(self._standing.options.address, file_id)
        place = FilePlace(urlsplit(urls[0]).netloc if urls else "", self._standing.following.kind_of(file_id))
        self._ready.add(place, file_id, again=file_id in self._failures)

    def _revision_wait_s(self, file_id: FileId, now_s: float) -> float:
        """How long a file has to wait that we have, and that may be another by now."""
        fetched_s = self._fetched_s.get(file_id)
        return 0.0 if fetched_s is None or self._hurried else fetched_s + REVISION_PAUSE_S_MIN - now_s

    def _note_end(self, file_id: FileId, place: FilePlace, task: asyncio.Task[None]) -> None:
        del self._fetching[file_id]
        self._places.end(place)
        if not task.cancelled() and task.exception() is not None:
            log.error("source_file_failed", source=self._standing.options.stream, exc_info=task.exception())
            self._ask_again(file_id, GIVEN_UP_PAUSE_S_MAX)
        self._news.set()

    async def _fetch(self, file_id: FileId, place: FilePlace) -> None:
        expectation = self._standing.following.expectation_of(file_id)
        try:
            fetched = await fetch(self._session, self._standing.options, file_id, expectation)
        except FetchFailed as failed:
            await self._note_failure(file_id, place, failed)
            return
        await self._keep(fetched)
        self._failures.pop(file_id, None)
        self._refused.pop(file_id, None)
        self._places.succeeded(place)
        if not file_id[1]:
            self._fetched_s[file_id] = asyncio.get_running_loop().time()
        await self._tell(file_id, fetched.file)

    async def _keep(self, fetched: Fetched) -> None:
        while fetched.content is not None:
            try:
                if await self._store.file_size_bytes(fetched.file.address) is None:
                    await self._store.put_file(fetched.content)
            except StoreUnavailable:
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
            else:
                return

    async def _note_failure(self, file_id: FileId, place: FilePlace, failed: FetchFailed) -> None:
        given_up = file_id in self._standing.following.files.given_up
        failures = self._failures[file_id] = self._failures.get(file_id, 0) + 1
        patience, chance = self._standing.options.patience, random.random()  # noqa: S311 - nobody has to be unable to guess it
        if failed.lasting:
            patience = msgspec.structs.replace(patience, pause_s_max=GIVEN_UP_PAUSE_S_MAX)
        pause_s = patience.pause_after_s(failures, chance)
        if failed.lasting and failures >= ATTEMPTS_MAX:
            pause_s = max(pause_s, GIVEN_UP_PAUSE_S_MIN)
        self._ask_again(file_id, pause_s)
        log.debug(
            "source_file_not_fetched",
            source=self._standing.options.stream,
            href=file_id[0],
            reason=str(failed),
            retry_in_s=round(pause_s, 3),
        )
        if failed.of_host and self._places.failed(place, asyncio.get_running_loop().time(), chance):
            await self._inbox.put(Oddity(text=f"{place} gives no files, so it is asked more rarely: {failed}"))
        if failed.lasting and not given_up:
            refused = failed.of_host
            if failures >= ATTEMPTS_MAX or (refused and self._hurried):
                self._refused.pop(file_id, None)
                await self._tell(file_id, FileGivenUp(href=file_id[0], said_hash=file_id[1], reason=str(failed)))
            elif refused:
                self._refused[file_id] = str(failed)

    def _ask_again(self, file_id: FileId, pause_s: float) -> None:
        heapq.heappush(self._later, (asyncio.get_running_loop().time() + pause_s, file_id))

    async def _tell(self, file_id: FileId, record: File | FileGivenUp) -> None:
        """Have it written down. Until that is done nobody need fetch the file again."""
        self._told[file_id] = self._standing.following.files.tidings(file_id)
        await self._inbox.put(record)

    def _is_told(self, file_id: FileId) -> bool:
        """Whether something has been said of a file that is not written down yet."""
        before = self._told.get(file_id)
        if before is None:
            return False
        if self._standing.following.files.tidings(file_id) > before:
            del self._told[file_id]
            return False
        return True
