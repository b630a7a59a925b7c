"""Marks: how far each contest is known to the workers of one group, in memory that they share.

A worker raises its mark of a contest before it sends or answers anything that rests on what it has just applied. So
one that is behind the highest mark knows it without asking anybody, and catches up before it answers.

Each worker writes its own table alone, cell by cell of eight bytes that are aligned, so there are no locks, nothing is
lost when two raise at the same moment, and a worker that dies in the middle of it leaves nothing half done. This module
knows streams and positions; it must not know what reads them.
"""

import mmap
import os
import tempfile
from typing import Protocol
from zlib import crc32

from eventstore.limits import STREAM_NAME_BYTES_MAX

STREAMS_MAX = 16_384
"""Streams of which one worker can keep a mark. With more, readers look at the log again, as among strangers."""

CELL_BYTES = 8
NAME_BYTES = STREAM_NAME_BYTES_MAX
ENTRY_BYTES = CELL_BYTES + NAME_BYTES
"""Length and checksum of a name in one cell, and the name."""

_LENGTH_BITS = 32
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1


class Mark(Protocol):
    """How far one stream is known to the group."""

    @property
    def position(self) -> int:
        """The highest position that any worker has applied, 0 for none."""
        ...

    def raise_to(self, position: int) -> None:
        """Note that this worker has applied the stream up to there. Lower positions change nothing."""
        ...

    def wait_for_turn(self, since_ns: int, kept_from_ns: int = 0) -> None:
        """Say that we wait for a turn to write, since that moment of the machine's monotonic clock; 0: no more.

        A wait that has been said before keeps its beginning, unless that lies before `kept_from_ns`.
        """
        ...

    def others_go_first(self, counted_from_ns: int = 0) -> bool:
        """Whether somebody else waits for a turn, and we do not or not for as long.

        Waits that began before `counted_from_ns` are passed over.
        """
        ...


class Marks(Protocol):
    """The marks of all streams."""

    @property
    def complete(self) -> bool:
        """Whether every stream has its mark; otherwise only the log tells how far they go."""
        ...

    def of(self, stream: str) -> Mark:
        """The mark of a stream, also of one that nobody has raised yet."""
        ...

    def positions(self) -> dict[str, int]:
        """The highest marks of all streams that any worker has raised, in no particular order."""
        ...


class OwnMark:
    """The mark of a process that is a group of one: what it knows is what there is."""

    position = 0

    def raise_to(self, position: int) -> None:
        """Nobody else is to be told."""

    def wait_for_turn(self, since_ns: int, kept_from_ns: int = 0) -> None:
        """Nobody else would hold back."""

    def others_go_first(self, counted_from_ns: int = 0) -> bool:  # noqa: ARG002 - the name is that of the protocol
        """There is nobody else."""
        return False


class OwnMarks:
    """The marks of a process that is a group of one."""

    complete = True

    def of(self, _stream: str) -> Mark:
        """See Marks."""
        return _OWN_MARK

    def positions(self) -> dict[str, int]:
        """See Marks."""
        return {}


_OWN_MARK = OwnMark()
OWN_MARKS = OwnMarks()


def marks_file(workers: int) -> int:
    """A new file for the marks of so many workers, in memory where the system can; returns its descriptor.

    It has no name and goes with the last process that has it open.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("marks", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _Layout(workers).size_bytes)
    return descriptor


class _Layout:
    """Where things are in the file: the counts of all tables, the flags, the positions, the turns, the names."""

    def __init__(self, workers: int) -> None:
        self.counts_bytes = workers * CELL_BYTES
        self.full = workers
        self.positions = 2 * workers
        self.to_turns = workers * STREAMS_MAX
        """From the cell of a position to that of the turn of the same worker and stream."""
        self.names_at = (2 + 2 * STREAMS_MAX) * workers * CELL_BYTES
        self.size_bytes = self.names_at + workers * STREAMS_MAX * ENTRY_BYTES


class SharedMarks:
    """The marks of a group, as one of its workers reads and writes them."""

    def __init__(self, descriptor: int, *, workers: int, own: int) -> None:
        """`own` is the number of this worker, from 0: one that is started again goes on with the table it had."""
        self._layout = _Layout(workers)
        self._workers = workers
        self._own = own
        self._memory = mmap.mmap(descriptor, self._layout.size_bytes)
        self._cells = memoryview(self._memory).cast("Q")
        self._seen_counts = bytes(self._layout.counts_bytes)
        self._taken_in = [0] * workers
        self._cells_of: dict[str, list[int]] = {}
        self._own_cells: dict[str, int] = {}
        self.refresh()
        for cell in self._own_cells.values():
            self._cells[cell + self._layout.to_turns] = 0

    @property
    def complete(self) -> bool:
        """See Marks."""
        return not any(self._cells[self._layout.full : self._layout.full + self._workers])

    def of(self, stream: str) -> "SharedMark":
        """See Marks."""
        return SharedMark(self, stream)

    def positions(self) -> dict[str, int]:
        """See Marks."""
        self.refresh()
        return {stream: max(self._cells[cell] for cell in cells) for stream, cells in self._cells_of.items()}

    def position(self, stream: str) -> int:
        """The highest mark of a stream."""
        self.refresh()
        cells = self._cells
        return max([cells[cell] for cell in self._cells_of.get(stream, ())], default=0)

    def raise_own(self, stream: str, position: int) -> None:
        """Raise this worker's mark of a stream."""
        cell = self._own_cells.get(stream)
        if cell is None:
            cell = self._added(stream)
        if cell is not None and position > self._cells[cell]:
            self._cells[cell] = position

    def wait_for_own_turn(self, stream: str, since_ns: int, kept_from_ns: int) -> None:
        """Say since when this worker waits for a turn at a stream, 0 when it does not; see Mark.wait_for_turn."""
        cell = self._own_cells.get(stream)
        if cell is not None:
            turn = cell + self._layout.to_turns
            keeps = since_ns and self._cells[turn] and self._cells[turn] >= kept_from_ns
            if not keeps:
                self._cells[turn] = since_ns

    def others_wait_longer(self, stream: str, counted_from_ns: int) -> bool:
        """Whether another worker has waited for a turn at a stream for longer than this one, which may not wait."""
        self.refresh()
        cells, to_turns, own = self._cells, self._layout.to_turns, self._own_cells.get(stream)
        ours = 0 if own is None else cells[own + to_turns]
        others = [cells[cell + to_turns] for cell in self._cells_of.get(stream, ()) if cell != own]
        return any(since and since >= counted_from_ns and (not ours or since < ours) for since in others)

    def refresh(self) -> None:
        """Take note of streams that have been added to any table."""
        counts = self._memory[: self._layout.counts_bytes]
        if counts == self._seen_counts:
            return
        level = True
        for worker in range(self._workers):
            for number in range(self._taken_in[worker], self._cells[worker]):
                stream = self._name(worker, number)
                if stream is None:
                    # The count has come before what it counts; the next look finds both.
                    level = False
                    break
                self._note(worker, number, stream)
        if level:
            self._seen_counts = counts

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._memory.close()

    def _note(self, worker: int, number: int, stream: str) -> int:
        cell = self._layout.positions + worker * STREAMS_MAX + number
        self._cells_of.setdefault(stream, []).append(cell)
        if worker == self._own:
            self._own_cells[stream] = cell
        self._taken_in[worker] = number + 1
        return cell

    def _added(self, stream: str) -> int | None:
        """The cell of a stream that is new in our table, None when that is full, of which all are told."""
        number = self._cells[self._own]
        name = stream.encode()
        if number >= STREAMS_MAX or len(name) > NAME_BYTES:
            self._cells[self._layout.full + self._own] = 1
            return None
        entry = self._entry(self._own, number)
        self._memory[entry + CELL_BYTES : entry + CELL_BYTES + len(name)] = name
        self._cells[entry // CELL_BYTES] = crc32(name) << _LENGTH_BITS | len(name)
        # Counted last: whoever sees the count finds the name, and a mark of 0 until it is raised.
        self._cells[self._own] = number + 1
        return self._note(self._own, number, stream)

    def _entry(self, worker: int, number: int) -> int:
        return self._layout.names_at + (worker * STREAMS_MAX + number) * ENTRY_BYTES

    def _name(self, worker: int, number: int) -> str | None:
        """The name of an entry, None when it is not whole yet, as processors may show writes in another order."""
        entry = self._entry(worker, number)
        described = self._cells[entry // CELL_BYTES]
        start = entry + CELL_BYTES
        name = self._memory[start : start + (described & _LENGTH_MASK)]
        return name.decode() if name and crc32(name) == described >> _LENGTH_BITS else None


class SharedMark:
    """The mark of one stream in the memory of a group."""

    def __init__(self, marks: SharedMarks, stream: str) -> None:
        """The mark of a stream, whether it has been raised or not."""
        self._marks = marks
        self._stream = stream

    @property
    def position(self) -> int:
        """See Mark."""
        return self._marks.position(self._stream)

    def raise_to(self, position: int) -> None:
        """See Mark."""
        self._marks.raise_own(self._stream, position)

    def wait_for_turn(self, since_ns: int, kept_from_ns: int = 0) -> None:
        """See Mark."""
        self._marks.wait_for_own_turn(self._stream, since_ns, kept_from_ns)

    def others_go_first(self, counted_from_ns: int = 0) -> bool:
        """See Mark."""
        return self._marks.others_wait_longer(self._stream, counted_from_ns)
