"""The scoreboards of a contest, as far as they follow from what one role is told of it.

The lines are folded into a state as the log is elsewhere, and the same boards follow it. That is enough wherever a role
is shown all that its board rests on; where it is shown less (simplified verdicts that count otherwise than the real
ones), `suffices` says so, and somebody else has to be asked. Nothing is folded before a board is asked for, and
then only once, for all who ask meanwhile. This module must not know who asks, nor what a role is shown.
"""

from collections import deque
from collections.abc import Iterator
from typing import cast

import msgspec

from projections.contest import SETTINGS, ContestState
from projections.places import Places
from projections.scoreboard import SHAPING_TYPES, Board
from projections.told_order import ToldOrder
from projections.told_view import Seen, ToldView
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import ContestObject, JudgementType
from schemas.records import ORDINARY_PACE_PERMILLE, Settings

RUNS = "runs"
FOLDED_TYPES = tuple(sorted((*SHAPING_TYPES, RUNS), key=TYPE_ORDER.__getitem__))
PLACED_TYPES = ("submissions", "judgements")
"""Of which it matters which of two came first. Others are ordered by what they say, for a board."""

FOLDED_AT_ONCE = 200
"""Objects that are folded between two turns of whoever makes boards ready beforehand."""

_decoders: dict[str, msgspec.json.Decoder[ContestObject]] = {
    name: msgspec.json.Decoder(OBJECT_TYPES[name].structure) for name in FOLDED_TYPES
}


class ToldPlaces(Places):
    """The places of objects among those of their type, as they have been told: not in the order in which they came."""

    def __init__(self, order: ToldOrder) -> None:
        """The places in this order, which is kept by others."""
        super().__init__(())
        self._order = order

    def note(self, identifier: str, *, present: bool) -> None:
        """The order has it."""

    def has(self, identifier: str) -> bool:
        """Whether an object is there."""
        return identifier in self._order

    def of(self, identifier: str) -> int:
        """The place of an object. Raises KeyError."""
        return self._order.number(identifier)


class ToldBoards:
    """The boards over one view. They are told of its lines from the moment at which the first board is asked for."""

    def __init__(self, view: ToldView) -> None:
        """Nothing has been folded yet."""
        self._view = view
        self._state: ContestState | None = None
        self._folding: Iterator[None] | None = None
        self._boards: dict[bool, Board] = {}
        self._numbered_anew = 0

    def suffices(self) -> bool:
        """Whether the board of this role follows from what it is told."""
        types = {
            identifier: cast("JudgementType", _decoders["judgement-types"].decode(data))
            for identifier, data in self._view.shown["judgement-types"].items()
        }
        return all(
            _counts_alike(each, types.get(each.simplified_judgement_type_id))
            for each in types.values()
            if each.simplified_judgement_type_id is not None
        )

    def making(self) -> Iterator[None]:
        """Fold what there is, some at each step, together with whoever else has it folded at the same time."""
        while self._state is None:
            folding, self._folding = self._folding or self._fold(), None
            if next(folding, self) is not self:
                self._folding = folding
                yield

    def scoreboard(self, *, frozen: bool, group_id: str | None) -> bytes:
        """The scoreboard as JSON, of one group or (None) the main one, live only for a role that may see it so.

        Raises UnknownGroup.
        """
        role = self._view.role
        board = self.board(frozen=frozen)
        state = self._folded()
        visible = SEES_PROBLEMS_BEFORE_START[role] or state.timeline.started
        return board.scoreboard(group_id, problems_visible=visible)

    def board(self, *, frozen: bool) -> Board:
        """The board that knows of the freeze, or (for a role that may see it) the one that does not."""
        state = self._folded()
        frozen = frozen or not SEES_LIVE_SCOREBOARD[self._view.role]
        orders = [self._view.order(name) for name in PLACED_TYPES]
        numbered_anew = sum(order.numbered_anew for order in orders)
        if numbered_anew != self._numbered_anew:
            self._numbered_anew = numbered_anew
            self._boards.clear()
        board = self._boards.get(frozen)
        if board is None:
            submissions, judgements = map(ToldPlaces, orders)
            board = Board(state, frozen=frozen, submission_places=submissions, judgement_places=judgements)
            self._boards[frozen] = board
        return board

    def note_pace(self) -> None:
        """Contest time may pass at another pace from here on."""
        state = self._state
        if state is not None and state.settings.pace_permille != self._view.pace_permille:
            self._note_in(state, SETTINGS, SINGLETON_ID, Settings(source_pace_permille=self._view.pace_permille))

    def _folded(self) -> ContestState:
        for _ in self.making():
            continue
        return cast("ContestState", self._state)

    def _fold(self) -> Iterator[None]:
        """Fold everything, then what has been told since that was begun, until there is nothing more."""
        state, told = ContestState(), deque[Seen]()
        self._view.on_line = told.append
        for number, (type_name, identifier, data) in enumerate(self._all(), start=1):
            _apply(state, type_name, identifier, data)
            if number % FOLDED_AT_ONCE == 0:
                yield
        while told:
            for _ in range(min(FOLDED_AT_ONCE, len(told))):
                seen = told.popleft()
                if seen.key[0] in _decoders:
                    _apply(state, *seen.key, seen.data)
            yield
        self._follow(state)

    def _follow(self, state: ContestState) -> None:
        if self._view.pace_permille != ORDINARY_PACE_PERMILLE:
            state.apply(
                state.position + 1, SETTINGS, SINGLETON_ID, Settings(source_pace_permille=self._view.pace_permille)
            )
        self._state = state
        self._view.on_line = self._note

    def _note(self, seen: Seen) -> None:
        type_name, identifier = seen.key
        state = self._state
        if state is None or type_name not in _decoders:
            return
        self._note_in(state, type_name, identifier, _decoded(type_name, seen.data))

    def _note_in(self, state: ContestState, type_name: str, identifier: str, instance: ContestObject | None) -> None:
        state.apply(state.position + 1, type_name, identifier, instance)
        for board in self._boards.values():
            board.note((type_name, identifier))

    def _all(self) -> Iterator[tuple[str, str, bytes]]:
        for type_name in FOLDED_TYPES:
            shown = self._view.shown[type_name]
            for identifier in list(self._view.identifiers(type_name)):
                if identifier in shown:
                    yield type_name, identifier, shown[identifier]


def _counts_alike(one: JudgementType, other: JudgementType | None) -> bool:
    return other is not None and (one.solved, one.penalty) == (other.solved, other.penalty)


def _apply(state: ContestState, type_name: str, identifier: str, data: bytes | None) -> None:
    state.apply(state.position + 1, type_name, identifier, _decoded(type_name, data))


def _decoded(type_name: str, data: bytes | None) -> ContestObject | None:
    return None if data is None else _decoders[type_name].decode(data)
