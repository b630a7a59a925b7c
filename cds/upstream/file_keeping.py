"""The files that a source names, fetched a few at a time beside the feed and kept by their address.

What cannot be had is asked for again, ever more rarely; after some attempts it is given up, which the feed is told, and
still asked for now and then. This module must not know which object names a file.
"""

import asyncio
import heapq
import random
from collections import deque
from functools import partial

import aiohttp
import msgspec
import structlog

from cds.upstream.fetched_files import FileId
from cds.upstream.fetching import Fetched, FetchFailed, fetch
from cds.upstream.inbox import Inbox
from cds.upstream.standing import Standing
from eventstore.store import EventStore, StoreUnavailable
from schemas.source_records import File, FileGivenUp

FETCHES_MAX = 6
"""Files that are fetched at the same time."""

ATTEMPTS_MAX = 3
"""Attempts after which a file is given up that its upstream says it does not have, or not as it says."""

GIVEN_UP_PAUSE_S_MIN = 2.0
GIVEN_UP_PAUSE_S_MAX = 300.0
"""How rarely a file is asked for that was given up: at first, and in the end."""

UNAVAILABLE_PAUSE_S = 0.5
LOOK_S = 1.0

log = structlog.get_logger(__name__)


class FileKeeper:
    """Fetches the files of one source."""

    def __init__(self, session: aiohttp.ClientSession, store: EventStore, standing: Standing, inbox: Inbox) -> None:
        """Nothing is fetched before `run`."""
        self._session = session
        self._store = store
        self._standing = standing
        self._inbox = inbox
        self._fetching: dict[FileId, asyncio.Task[None]] = {}
        self._failures: dict[FileId, int] = {}
        self._ready: deque[FileId] = deque()
        self._later: list[tuple[float, FileId]] = []
        """Files that are asked for again, as a heap by the time when (of the event loop)."""
        self._told: dict[FileId, File | FileGivenUp] = {}
        """What has been said of files and is not written down yet."""
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look again which files are lacking."""
        self._news.set()

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

    def all_given_up(self, reason: str) -> list[FileGivenUp]:
        """What there is to be written down when every file is given up that has not come until now."""
        return [
            FileGivenUp(href=file_id[0], said_hash=file_id[1], reason=reason)
            for file_id in self._standing.following.lacking_files()
            if file_id not in self._told
        ]

    def _begin_fetches(self) -> None:
        following, now_s = self._standing.following, asyncio.get_running_loop().time()
        self._ready.extend(following.newly_lacking_files())
        while self._later and self._later[0][0] <= now_s:
            self._ready.append(heapq.heappop(self._later)[1])
        while self._ready and len(self._fetching) < FETCHES_MAX:
            file_id = self._ready.popleft()
            if file_id not in self._fetching and not self._is_told(file_id) and following.lacks(file_id):
                task = asyncio.create_task(self._fetch(file_id), name=f"fetch {file_id[0]}")
                self._fetching[file_id] = task
                task.add_done_callback(partial(self._note_end, file_id))

    def _note_end(self, file_id: FileId, task: asyncio.Task[None]) -> None:
        del self._fetching[file_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("source_file_failed", source=self._standing.options.stream, exc_info=task.exception())
            self._ask_again(file_id, GIVEN_UP_PAUSE_S_MAX)
        self._news.set()

    async def _fetch(self, file_id: FileId) -> None:
        options = self._standing.options
        try:
            fetched = await fetch(self._session, options.address, options.login, file_id)
        except FetchFailed as failed:
            await self._note_failure(file_id, failed)
            return
        await self._keep(fetched)
        self._failures.pop(file_id, None)
        await self._tell(file_id, fetched.file)

    async def _keep(self, fetched: Fetched) -> None:
        while True:
            try:
                if await self._store.file_size_bytes(fetched.file.address) is None:
                    await self._store.put_file(fetched.content)
            except StoreUnavailable:
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
            else:
                return

    async def _note_failure(self, file_id: FileId, failed: FetchFailed) -> None:
        given_up = file_id in self._standing.following.files.given_up
        failures = self._failures[file_id] = self._failures.get(file_id, 0) + 1
        patience = self._standing.options.patience
        if failed.lasting:
            patience = msgspec.structs.replace(patience, pause_s_max=GIVEN_UP_PAUSE_S_MAX)
        pause_s = patience.pause_after_s(failures, random.random())  # noqa: S311 - nobody has to be unable to guess it
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
        if failed.lasting and failures >= ATTEMPTS_MAX and not given_up:
            await self._tell(file_id, FileGivenUp(href=file_id[0], said_hash=file_id[1], reason=str(failed)))

    def _ask_again(self, file_id: FileId, pause_s: float) -> None:
        heapq.heappush(self._later, (asyncio.get_running_loop().time() + pause_s, file_id))

    async def _tell(self, file_id: FileId, record: File | FileGivenUp) -> None:
        """Have it written down. Until that is done nobody need fetch the file again."""
        self._told[file_id] = record
        await self._inbox.put(record)

    def _is_told(self, file_id: FileId) -> bool:
        """Whether something has been said of a file that is not written down yet."""
        record, files = self._told.get(file_id), self._standing.following.files
        if record is None:
            return False
        written = files.has(file_id) if isinstance(record, File) else file_id in files.given_up
        if written:
            del self._told[file_id]
        return not written
