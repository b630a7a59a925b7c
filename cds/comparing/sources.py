"""Where the two sides of a comparison come from: the log, a package, a recorded feed, or another server.

This module must not know what is compared.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from zipfile import is_zipfile

import msgspec

from cds.commands.decision import Refused
from cds.comparing.fetching import Access, StillOpen, checked_url, fetch_feed, is_url
from cds.dialects.results import SourceRefused, one_line
from cds.live_contest import STREAM_PREFIX, LiveContest, stream_of
from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from cds.place import Place
from cds.progress import Report
from cds.shadows import SHADOW_PREFIX, address_of, shadow_stream
from cds.token_keeping import token_maker
from eventstore.postgres import PostgresStore
from projections.comparison_verdicts import Link, Side, side_of
from projections.contest import ContestState


class Opened(msgspec.Struct, frozen=True):
    """A side, and whether it holds the files that its objects name: feeds and second systems do not.

    `still_open` is there where the side was read from a feed that did not end.
    """

    side: Side
    has_files: bool
    still_open: StillOpen | None = None


class Sources:
    """Opens sides; the log is opened when a side is kept there, once for both."""

    def __init__(self, place: Place, base_url: str | None, report: Report) -> None:
        """`base_url`: where the API of the log's own server is."""
        self._place = place
        self._base_url = base_url
        self._report = report
        self._stack = AsyncExitStack()
        self._store: PostgresStore | None = None

    async def opened(self, source: str, access: Access) -> Opened:
        """The side that a text names.

        A URL, whose server is asked with `access`; `contest:ID` or `shadow:ID/NAME` of the log; a directory or file
        that is there; else a contest of the log. Raises SourceRefused, Refused, and what the store raises.
        """
        if is_url(source):
            return await self._of_server(checked_url(source), access)
        if source.startswith(STREAM_PREFIX):
            return await self._of_log(source, source.removeprefix(STREAM_PREFIX), source)
        if source.startswith(SHADOW_PREFIX):
            contest_id, _, name = source.removeprefix(SHADOW_PREFIX).rpartition("/")
            return await self._of_log(source, contest_id, shadow_stream(contest_id, name))
        if await asyncio.to_thread(Path(source).exists):
            await asyncio.to_thread(_require_readable, Path(source))
            return await self._of_file(source, Path(source))
        return await self._of_log(source, source, stream_of(source))

    async def close(self) -> None:
        """Close the log, if it was opened."""
        await self._stack.aclose()

    async def _of_log(self, name: str, contest_id: str, stream: str) -> Opened:
        if self._store is None:
            self._store = await self._stack.enter_async_context(self._place.store(make=False))
        contest = LiveContest(contest_id, self._store, await token_maker(self._store), stream=stream, eager_roles=())
        await contest.catch_up()
        if not contest.exists:
            raise Refused(f"there is no contest {name} in the log, and no such file", ground="unknown")
        if stream.startswith(SHADOW_PREFIX):
            address = await address_of(self._store, contest_id, stream.rpartition("/")[2])
            return Opened(side_of(name, contest.state, link_below(address)), has_files=False)
        base = None if self._base_url is None else f"{self._base_url.rstrip('/')}/contests/{contest_id}"
        return Opened(side_of(name, contest.state, link_below(base)), has_files=True)

    async def _of_file(self, name: str, path: Path) -> Opened:
        contents = await asyncio.to_thread(read_contest, path, progress=partial(self._report, f"reading {name}"))
        state = await asyncio.to_thread(folded, contents)
        return Opened(side_of(name, state, link_below(None)), await asyncio.to_thread(_is_package, path))

    async def _of_server(self, url: str, access: Access) -> Opened:
        with TemporaryDirectory() as directory:
            feed = Path(directory) / "event-feed.ndjson"
            self._report(f"reading {url}", 0, None)
            still_open = await fetch_feed(url, access, feed)
            contents = await asyncio.to_thread(read_contest, feed, progress=partial(self._report, f"reading {url}"))
        state = await asyncio.to_thread(folded, contents)
        return Opened(side_of(url, state, link_below(url)), has_files=False, still_open=still_open)


@asynccontextmanager
async def opened_sources(place: Place, base_url: str | None, report: Report) -> AsyncIterator[Sources]:
    """Sources for the length of the block."""
    sources = Sources(place, base_url, report)
    try:
        yield sources
    finally:
        await sources.close()


def _require_readable(path: Path) -> None:
    """Raise SourceRefused for what is there but can be neither a package nor a feed, such as a device."""
    if not path.is_dir() and not path.is_file():
        raise SourceRefused(one_line(f"{path}: is neither a directory nor a file"))


def _is_package(path: Path) -> bool:
    """Whether a source that could be read is a package and not a feed."""
    return path.is_dir() or is_zipfile(path)


def folded(contents: ContestContents) -> ContestState:
    """The state that a contest comes to that was read: the one that importing it into an empty log would give."""
    state = ContestState()
    for position, change in enumerate(contents.changes, start=1):
        state.apply(position, change.type, change.id, change.instance)
    return state


def link_below(contest_address: str | None) -> Link:
    """Addresses of submissions below that of a contest; none where it has none."""

    def link(submission_id: str) -> str | None:
        return None if contest_address is None else f"{contest_address}/submissions/{quoted(submission_id)}"

    return link


def quoted(identifier: str) -> str:
    """An id as a segment of a path."""
    return quote(identifier, safe="")
