"""Scoreboards of past moments.

A board stands on that of the snapshot before it; both rest on states that hold what boards rest on, and no more. This
module must not know how a moment was named, who waits, nor who may see what.
"""

import asyncio
from contextlib import suppress

import msgspec

from cds.decoding import decoded
from cds.live_contest import LiveContest
from cds.past.kept import Kept, Parts, Room
from cds.past.reading import events_of_types_between
from cds.past.snapshots import Selection, last_snapshot, state_before
from cds.past.weights import SUBMISSION_BYTES, bytes_of_draft, bytes_of_rows, bytes_of_state
from eventstore.store import EventStore
from projections.contest import SETTINGS, ContestState
from projections.draft import draft_of
from projections.past_boards import BoardAbove, BoardBeside
from projections.scoreboard import SHAPING_TYPES, Board
from projections.sharing import sharing
from projections.submission_scores import scoring_basis
from projections.tokens import TokenMaker
from schemas.object_types import OBJECT_TYPES

SNAPSHOTS_KEPT_MAX = 32
"""Snapshots that are kept with their boards, at most."""

BOARDS_KEPT_MAX = 8
"""Boards of moments that are kept: many look at the same one. Each shares nearly all with that of its snapshot."""

NAMING_SUBMISSIONS = frozenset(
    name for name, row in OBJECT_TYPES.items() if any(each.target == "submissions" for each in row.references)
)
"""The types whose objects name submissions: the index of references speaks of them all."""

OF_BOARDS = Selection(SHAPING_TYPES | NAMING_SUBMISSIONS, frozenset({"submissions"}))
OF_SCORED_BOARDS = Selection(OF_BOARDS.types | {"runs"}, OF_BOARDS.named | {"judgements"})
"""What boards rest on; where scores come from runs, on those too."""


_Of = tuple[str, Selection]
"""A stream, and what of its state there is."""


class _SnapshotBoards:
    """The boards of one state: the live one and the frozen one, each made when it is first stood on."""

    def __init__(self, state: ContestState, of: "_Of") -> None:
        self.state = state
        self.of = of
        self._boards: dict[bool, Board] = {}

    def parts(self) -> Parts:
        """What it holds in memory."""
        submissions = len(self.state.submission_times_ms) * len(self._boards)
        yield self, bytes_of_state(self.state) + submissions * SUBMISSION_BYTES

    def kept(self, *, frozen: bool) -> Board | None:
        """One of them, where it has been made."""
        return self._boards.get(frozen)

    async def board(self, beside: "_SnapshotBoards | None", *, frozen: bool) -> Board:
        """One of them; what it has in common with that of another state is taken from there."""
        board = self._boards.get(frozen)
        if board is None:
            board = self._begun(beside, frozen=frozen)
            for _ in board.catching_up():
                await asyncio.sleep(0)
            board.scoreboard()
            self._boards[frozen] = board
        return board

    def _begun(self, beside: "_SnapshotBoards | None", *, frozen: bool) -> Board:
        known = None if beside is None else beside.kept(frozen=frozen)
        if beside is not None and known is not None:
            with suppress(ValueError):  # It is made from its beginning then.
                return BoardBeside(known, beside.state, self.state)
        return Board(self.state, frozen=frozen)


class _PastBoard(msgspec.Struct, frozen=True, eq=False):
    """A board at a position, the part of the state behind it, and the snapshot on which both stand."""

    state: ContestState
    board: Board
    snapshot: _SnapshotBoards

    def parts(self) -> Parts:
        """What it holds in memory."""
        yield from self.snapshot.parts()
        yield self.state, bytes_of_draft(self.state, self.snapshot.state) + bytes_of_rows(self.state)


class PastBoards:
    """Boards by position."""

    def __init__(self, store: EventStore, tokens: TokenMaker, room: Room) -> None:
        """None has been asked for yet."""
        self._store = store
        self._tokens = tokens
        self._snapshots = Kept[_SnapshotBoards](SNAPSHOTS_KEPT_MAX, room, _SnapshotBoards.parts)
        self._boards = Kept[_PastBoard](BOARDS_KEPT_MAX, room, _PastBoard.parts)

    async def board(self, contest: LiveContest, position: int, *, frozen: bool) -> tuple[ContestState, Board]:
        """A board as it was after the event at a position, and the part of the state behind it.

        Raises what the store raises.
        """
        asked = (contest.stream, position, frozen)
        kept = self._boards.get(asked)
        if kept is not None:
            return kept.state, kept.board
        scored = scoring_basis(contest.state) is not None
        made = await self._made(contest, position, frozen=frozen, scored=scored)
        if not scored and scoring_basis(made.state) is not None:
            made = await self._made(contest, position, frozen=frozen, scored=True)
        self._boards.keep(asked, made)
        return made.state, made.board

    async def _made(self, contest: LiveContest, position: int, *, frozen: bool, scored: bool) -> _PastBoard:
        selection = OF_SCORED_BOARDS if scored else OF_BOARDS
        snapshot = await self._snapshot(contest, position, selection)
        state = draft_of(snapshot.state)
        beside = None if snapshot.kept(frozen=frozen) else self._nearest(snapshot, frozen=frozen)
        board = BoardAbove(await snapshot.board(beside, frozen=frozen), state)
        types = selection.types | {SETTINGS}
        async for event in events_of_types_between(self._store, contest.stream, state.position, position, types):
            state.apply(event.position, event.type, event.id, decoded(event))
            board.note((event.type, event.id))
        for _ in board.catching_up():
            await asyncio.sleep(0)
        return _PastBoard(state, board, snapshot)

    def _nearest(self, snapshot: _SnapshotBoards, *, frozen: bool) -> _SnapshotBoards | None:
        """Of the same contest, the snapshot that lies nearest to another and has such a board; None where none has."""
        position = snapshot.state.position
        found = [each for each in self._snapshots if each.of == snapshot.of and each.kept(frozen=frozen) is not None]
        return min(found, key=lambda each: abs(each.state.position - position), default=None)

    async def _snapshot(self, contest: LiveContest, position: int, selection: Selection) -> _SnapshotBoards:
        snapshot = await last_snapshot(self._store, contest.stream, position, self._tokens)
        asked = (contest.stream, selection, None if snapshot is None else snapshot.position)
        kept = self._snapshots.get(asked)
        if kept is None:
            state = await state_before(self._store, contest.stream, position + 1, self._tokens, selection)
            for _ in sharing(state, contest.state):
                await asyncio.sleep(0)
            kept = self._snapshots.keep(asked, _SnapshotBoards(state, (contest.stream, selection)))
        return kept
