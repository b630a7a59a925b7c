"""Copying the rows of the log behind those that a backup has, with the chain recomputed on the way.

This module must not know how a row becomes bytes.
"""

import asyncio
from collections.abc import Sequence

from cds.backups.checking import follow, found_segment, segment_entry
from cds.backups.framing import SegmentWriter
from cds.backups.layout import BackupDirectory
from cds.backups.manifest import Manifest, SegmentEntry
from cds.backups.refusal import BackupRefused
from cds.progress import Report
from eventstore.backing_up import LogSource, StreamEnd
from eventstore.chain import GENESIS, ChainBroken, verify_chain
from eventstore.store import Event, Head

COPYING_ROWS = "copying rows"


class RowCopy:
    """The rows of one directory, and how far they go."""

    def __init__(self, directory: BackupDirectory, last: Manifest | None) -> None:
        """Behind the last complete backup, as far as its manifest goes."""
        self.segments: list[SegmentEntry] = [] if last is None else list(last.segments)
        self._directory = directory
        self._ends: dict[str, Head] = {} if last is None else last.heads
        self._packing: asyncio.Task[None] | None = None
        self._done = 0

    async def find_place(self, source: LogSource) -> None:
        """Where to go on: behind the last complete backup, and behind what one that was broken off has left.

        Raises BackupRefused when the directory holds a backup of another log, or not all that its manifest says.
        """
        for entry in self.segments:
            path = self._directory.segment(entry.number)
            if not path.exists() or path.stat().st_size != entry.size_bytes:
                raise BackupRefused(f"{path}: is missing or damaged: take a new directory, and keep this one")
        other = await _differing(source, self._ends)
        if other is not None:
            raise BackupRefused(
                f"{self._directory.path} holds the backup of another log: stream {other!r} is not in the database as "
                f"it was backed up, at position {self._ends[other].position} (has an older backup been restored?). "
                "Take a new directory, and keep this one"
            )
        await self._take_leftovers(source)

    async def _take_leftovers(self, source: LogSource) -> None:
        """Go on behind files that no manifest names, as far as they are whole and of this log; the rest is deleted."""
        ends, found = dict(self._ends), list[SegmentEntry]()
        left = [number for number in self._directory.segments_on_disk() if number > len(self.segments)]
        try:
            for number in left:
                if number != len(self.segments) + len(found) + 1:
                    break
                entry, frames = found_segment(self._directory, number)
                for frame in frames:
                    follow(ends, frame, self._directory.segment(number))
                found.append(entry)
        except BackupRefused:
            # It was being written when that process ended; what stands in it is copied once more.
            ends, found = dict(self._ends), []
        if found and await _differing(source, ends) is None:
            self._ends = ends
            self.segments += found
            for entry in found:
                self._directory.note_found(self._directory.segment(entry.number))
        for number in left:
            if number > len(self.segments):
                self._directory.segment(number).unlink()

    async def copy(self, source: LogSource, streams: Sequence[StreamEnd], report: Report) -> int:
        """Copy all rows up to the ends of the streams; how many those were. Raises BackupRefused for a broken chain."""
        total = sum(stream.head.position - self._end(stream).position for stream in streams)
        report(COPYING_ROWS, 0, total)
        writer = SegmentWriter()
        for stream in streams:
            end = self._end(stream)
            async for events in source.rows(stream, end.position):
                _verify(stream.name, end, events)
                rest: Sequence[Event] = events
                while rest:
                    count = writer.add(stream.name, end, rest)
                    end = Head(position=rest[count - 1].position, chain=rest[count - 1].chain)
                    rest = rest[count:]
                    if writer.full:
                        await self._pack(writer)
                        writer = SegmentWriter()
                self._done += len(events)
                report(COPYING_ROWS, self._done, total)
            if end != stream.head:
                raise BackupRefused(
                    f"the log is damaged: stream {stream.name!r} has rows up to position {end.position}, and should "
                    f"end at {stream.head.position} (`cds verify` says more)"
                )
        if writer.rows:
            await self._pack(writer)
        await self._packed()
        return self._done

    def _end(self, stream: StreamEnd) -> Head:
        """How far the rows of a stream go here."""
        return self._ends.get(stream.name, GENESIS)

    async def _pack(self, writer: SegmentWriter) -> None:
        """Write a file beside the loop; one at a time."""
        await self._packed()
        self._packing = asyncio.create_task(asyncio.to_thread(self._write, writer))

    async def _packed(self) -> None:
        """Come back when no file is being written."""
        packing, self._packing = self._packing, None
        if packing is not None:
            await packing

    def _write(self, writer: SegmentWriter) -> None:
        number = len(self.segments) + 1
        packed = writer.packed()
        self._directory.write(self._directory.segment(number), packed)
        self.segments.append(segment_entry(number, packed, writer.rows))


async def _differing(source: LogSource, ends: dict[str, Head]) -> str | None:
    """The first stream that the database does not have as it is here; None when it has all of them so."""
    found = await source.chains_at({stream: end.position for stream, end in ends.items()})
    return next((stream for stream, end in ends.items() if found.get(stream) != end.chain), None)


def _verify(stream: str, end: Head, events: Sequence[Event]) -> None:
    try:
        verify_chain(stream, end, events)
    except ChainBroken as broken:
        raise BackupRefused(f"the log is damaged: {broken} (`cds verify` says more)") from broken
