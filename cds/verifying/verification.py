"""Verifies a log, and says what differs: every row, the ends of streams, files, and what is derived.

The ends are read first, in one statement; what is appended after that is no difference. This module plans the work and
puts together what comes of it; it must not know how a piece is done, nor how the outcome is shown.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

import asyncpg
import msgspec

from cds.commands.decision import Refused
from cds.live_contest import STREAM_PREFIX
from cds.signed_heads import HeadRefused, SignedHead, check_signature, time_text, with_names_of
from cds.verifying.crew import do_here, do_in_processes
from cds.verifying.replaying import UNREADABLE
from cds.verifying.work import EVENTS, FILES, ROWS, FollowRows, HashFiles, Outcome, Progress, Replay, Work
from cds.verifying.working import is_folded
from eventstore.connecting import Connections, close_quietly, losses_as_unavailable, one_line
from eventstore.migrating import migrate, missing_in
from eventstore.restoring import refuse_half_restored
from eventstore.store import StoreRefused
from eventstore.verifying import (
    Difference,
    StreamEnd,
    chains_at,
    differences_of_end,
    scopes_of_credentials,
    stream_ends,
    stream_named,
    stretches,
)
from eventstore.verifying_checkpoints import CHECKPOINT, SNAPSHOT, streams_with_checkpoints
from eventstore.verifying_files import check_stray_pieces, count_files

STRETCH_ROWS = 25_000
"""Rows that one process follows in one go."""

REPLAYED_EVENTS_MIN = 5_000
"""Small contests are replayed together, until they have so many events."""

SPLIT_EVENTS_MIN = 200_000
"""The state and the feeds of a contest with so many events are replayed by two processes, where there are several."""

HERE_EVENTS_MAX = 20_000
HERE_FILES_MAX = 2_000
"""Up to so many events and files it is done sooner than other processes are started."""

DIFFERENCES_MAX = 1_000
"""After so many differences nothing more is begun."""

FIRST_DIGITS = tuple("123456789abcdef")
"""Files are cut by the first digit of their address."""

LAST_ADDRESS = "\U0010ffff"
"""Behind every address, whatever somebody has made of it."""

REWRITTEN, CUT, GONE = "rewritten", "cut off", "gone"
"""The kinds of differences from a signed head."""

DERIVED = (UNREADABLE, CHECKPOINT, SNAPSHOT)
"""The kinds of differences in what follows from the rows, and most often from another difference there."""


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What is verified: these streams (none: all), against these heads; `quick`: rows and ends alone;
    `thorough`: every snapshot, however long that takes.

    `public_key`: under which the heads have to be signed, None for any. `processes`: how many may work.
    """

    streams: tuple[str, ...] = ()
    heads: tuple[SignedHead, ...] = ()
    public_key: bytes | None = None
    quick: bool = False
    thorough: bool = False
    processes: int = 1


class Verified(msgspec.Struct, kw_only=True):
    """What came of it: the streams that were looked at, differences in order, notes, and counts."""

    ends: Sequence[StreamEnd]
    differences: list[Difference]
    notes: list[str]
    rows: int = 0
    files: int = 0
    checkpoints: int = 0
    snapshots: int = 0
    took_s: float = 0.0


async def verify(dsn: str, choices: Choices, report: Callable[[str, int, int | None], None]) -> Verified:
    """Verify. `report` takes what is being counted, how many, and of how many.

    Raises Refused for streams that are not there, HeadRefused for heads that are not signed as they should be, and
    what the store raises.
    """
    began_s = time.monotonic()
    connection = await Connections(dsn).connect()
    try:
        with losses_as_unavailable():
            await refuse_half_restored(connection)
            if await missing_in(connection):
                await migrate(connection)
            return await _Verification(dsn, connection, choices, report, began_s).verified()
    except asyncpg.PostgresError as error:
        raise StoreRefused(f"the database refuses to be looked at: {one_line(error)}") from error
    finally:
        await close_quietly(connection)


class _Verification:
    """One verification under way."""

    def __init__(
        self,
        dsn: str,
        connection: asyncpg.Connection,
        choices: Choices,
        report: Callable[[str, int, int | None], None],
        began_s: float,
    ) -> None:
        self._dsn = dsn
        self._connection = connection
        self._choices = choices
        self._report = report
        self._began_s = began_s
        self._found: list[Difference] = []
        self._notes: list[str] = []
        self._done: Counter[str] = Counter()
        self._totals: dict[str, int] = {}
        self._compared: Counter[str] = Counter()

    async def verified(self) -> Verified:
        # Before the ends: whatever is kept beside the log by then has its stream there.
        checkpointed = await streams_with_checkpoints(self._connection)
        scopes = await scopes_of_credentials(self._connection)
        every = await stream_ends(self._connection)
        ends = _chosen(every, self._choices.streams)
        self._differences_of_ends(ends)
        await self._hold_against_heads(every, {end.name for end in ends if end.name is not None})
        if not self._choices.streams:
            self._look_beside({end.name for end in every}, checkpointed, scopes)
        await self._do(ends, checkpointed)
        order = {end.where: number for number, end in enumerate(ends)}
        self._found.sort(key=lambda each: _rank(each, order))
        return Verified(
            ends=ends,
            differences=list(dict.fromkeys(self._found)),
            notes=list(dict.fromkeys(self._notes)),
            rows=self._done[ROWS],
            files=self._done[FILES],
            checkpoints=self._compared["checkpoints"],
            snapshots=self._compared["snapshots"],
            took_s=time.monotonic() - self._began_s,
        )

    def _differences_of_ends(self, ends: Sequence[StreamEnd]) -> None:
        for end in ends:
            self._found += differences_of_end(end)
        for where, count in Counter(end.where for end in ends).items():
            if count > 1:
                self._found.append(Difference(kind="head", where=where, told=f"{count} streams have this name"))

    async def _hold_against_heads(self, every: Sequence[StreamEnd], chosen: set[str]) -> None:
        """The log must hold, at the positions of each signed head, the very chain values that it says."""
        present = {end.name: end for end in every if end.name is not None}
        for given in self._choices.heads:
            head = _trusted(given, present, self._choices.public_key)
            told = [each for each in head.streams if not self._choices.streams or each[0] in chosen]
            self._note_untold(chosen - {name for name, _ in told}, head)
            places = {name: end.position for name, end in told if end.position}
            chains = await chains_at(self._connection, places)
            for name, end in told:
                if not end.position or chains.get(name) == end.chain:
                    continue
                kind, reason = REWRITTEN, "another chain value: row {0}, or rows before it, were written anew"
                if name not in present:
                    kind, reason = GONE, "no such stream: all of it was removed, or it was renamed"
                elif name not in chains:
                    kind, reason = CUT, "no row {0}: the last rows were removed"
                told_of = reason.format(end.position)
                text = f"at {end.position} the signed head tells of {end.chain.hex()[:16]}…, and the log has {told_of}"
                self._found.append(Difference(kind=kind, where=stream_named(name), position=end.position, told=text))

    def _note_untold(self, names: Collection[str], head: SignedHead) -> None:
        """Streams that are younger than a head, or that it does not name on purpose, cannot be held against it."""
        if names:
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self._notes.append(f"the head of {time_text(head.time_s)} does not tell of {min(names)}{others}")

    def _look_beside(self, names: Collection[str | None], checkpointed: Sequence[str], scopes: Sequence[str]) -> None:
        """Tables beside the log that speak of streams which are not there."""
        for stream in checkpointed:
            if stream not in names:
                told = f"a {CHECKPOINT} is kept of it, and there is no such stream: it was removed, or renamed"
                self._found.append(Difference(kind=GONE, where=stream_named(stream), told=told))
        for scope in scopes:
            if scope and scope not in names:
                self._notes.append(f"passwords are kept for {scope}, and there is no such stream")

    async def _do(self, ends: Sequence[StreamEnd], checkpointed: Collection[str]) -> None:
        """Do all that is cut into pieces, here or in other processes."""
        replays = [*_replays(ends, self._choices, checkpointed)]
        work: list[Work] = [*replays]
        files = 0
        work += [FollowRows(stretch) for end in ends for stretch in stretches(end, STRETCH_ROWS)]
        self._totals[ROWS] = sum(end.last for end in ends if end.name is not None)
        if not self._choices.quick and not self._choices.streams:
            self._found += await check_stray_pieces(self._connection)
            files = await count_files(self._connection)
            self._totals[FILES] = files
            work += [HashFiles(*each) for each in zip(("", *FIRST_DIGITS), (*FIRST_DIGITS, LAST_ADDRESS), strict=True)]
        if replays:
            self._totals[EVENTS] = sum(events for replay in replays for _, events in replay.streams)
        for doing, total in self._totals.items():
            self._report(doing, 0, total)
        few = self._totals[ROWS] <= HERE_EVENTS_MAX and files <= HERE_FILES_MAX
        if few or self._choices.processes <= 1:
            await do_here(self._dsn, self._until_too_many(work), self._progress, self._take)
        else:
            pieces = self._until_too_many(work)
            await do_in_processes(self._dsn, pieces, self._choices.processes, self._progress, self._take)

    def _until_too_many(self, work: Sequence[Work]) -> Iterator[Work]:
        for piece in work:
            if len(self._found) >= DIFFERENCES_MAX:
                self._notes.append(f"{len(self._found)} differences: the rest was not looked at")
                return
            yield piece

    def _progress(self, progress: Progress) -> None:
        self._done[progress.doing] += progress.more
        done, total = self._done[progress.doing], self._totals.get(progress.doing)
        self._report(progress.doing, done if total is None else min(done, total), total)

    def _take(self, _work: Work, outcome: Outcome) -> None:
        self._found += outcome.differences
        self._notes += outcome.notes
        self._compared.update(checkpoints=outcome.checkpoints, snapshots=outcome.snapshots)


def _chosen(every: Sequence[StreamEnd], named: Sequence[str]) -> Sequence[StreamEnd]:
    """The streams of these names, or of contests of these ids; all where none is named. Raises Refused."""
    if not named:
        return every
    present = {end.name for end in every}
    wanted = {name if name in present else STREAM_PREFIX + name for name in named}
    if missing := sorted(wanted - present - {None}):
        raise Refused(f"there is no stream {missing[0]}", ground="unknown")
    return [end for end in every if end.name in wanted]


def _trusted(head: SignedHead, present: Sequence[str] | dict[str, StreamEnd], key: bytes | None) -> SignedHead:
    """The head under the names that streams have here. Raises HeadRefused unless it is signed, and under that key."""
    if key is not None and head.public_key != key:
        raise HeadRefused(f"the head is signed under another key: {head.public_key.hex()}")
    try:
        check_signature(head)
    except HeadRefused:
        # Typed from paper: the case of names may have been lost.
        head = with_names_of(head, present)
        check_signature(head)
    return head


def _replays(ends: Sequence[StreamEnd], choices: Choices, checkpointed: Collection[str]) -> Iterator[Replay]:
    """Contests and ledgers, the largest first, since nothing else takes as long; small ones together."""
    if choices.quick:
        return
    folded = [
        (end.name, min(end.head.position, end.last)) for end in ends if end.name is not None and is_folded(end.name)
    ]
    together: list[tuple[str, int]] = []
    for name, position in sorted(folded, key=lambda each: -each[1]):
        if position >= SPLIT_EVENTS_MIN and choices.processes > 1 and name in checkpointed:
            yield Replay(((name, position),), "feeds", choices.thorough)
            yield Replay(((name, position),), "state", choices.thorough)
            continue
        together.append((name, position))
        if sum(events for _, events in together) >= REPLAYED_EVENTS_MIN:
            yield Replay(tuple(together), thorough=choices.thorough)
            together = []
    if together:
        yield Replay(tuple(together), thorough=choices.thorough)


def _rank(difference: Difference, order: dict[str, int]) -> tuple[int, int, int, str]:
    """What is told first: what is wrong with streams, in their order and by position; files; then what is derived."""
    number = order.get(difference.where, len(order))
    derived = difference.kind in DERIVED
    return (2 if derived else int(difference.where not in order), number, difference.position or 0, difference.where)
