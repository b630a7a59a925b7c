"""The scoreboards of a contest, as far as they follow from what one role is told of it.

The lines are folded into a state as the log is elsewhere, and the same boards follow it. That is enough wherever a role
is shown all that its board rests on; where it is shown less (simplified verdicts that count otherwise than the real
ones), `suffices` says so, and somebody else has to be asked. Nothing is folded before a board is asked for. This module
must not know who asks, nor what a role is shown.
"""

from collections.abc import Iterator
from typing import cast

import msgspec

from projections.contest import SETTINGS, ContestState
from projections.scoreboard import SHAPING_TYPES, Board
from projections.told_view import Seen, ToldView
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import ContestObject, JudgementType
from schemas.records import ORDINARY_PACE_PERMILLE, Settings

RUNS = "runs"
FOLDED_TYPES = tuple(sorted((*SHAPING_TYPES, RUNS), key=TYPE_ORDER.__getitem__))
FOLDED_AT_ONCE = 200
"""Objects that are folded between two turns of whoever makes boards ready beforehand."""

_decoders: dict[str, msgspec.json.Decoder[ContestObject]] = {
    name: msgspec.json.Decoder(OBJECT_TYPES[name].structure) for name in FOLDED_TYPES
}


class ToldBoards:
    """The boards over one view. They are told of its lines from the moment at which the first board is asked for."""

    def __init__(self, view: ToldView) -> None:
        """Nothing has been folded yet."""
        self._view = view
        self._state: ContestState | None = None
        self._boards: dict[bool, Board] = {}

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
        """Fold what there is, some at each step; what is told meanwhile has it begun again."""
        while self._state is None:
            begun_at, state = self._view.lines.last_sequence, ContestState()
            for number, (type_name, identifier, data) in enumerate(self._all(), start=1):
                _apply(state, type_name, identifier, data)
                if number % FOLDED_AT_ONCE == 0:
                    yield
                    if self._view.lines.last_sequence != begun_at:
                        break
            if self._view.lines.last_sequence == begun_at:
                self._follow(state)

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
        board = self._boards.get(frozen)
        if board is None:
            board = self._boards[frozen] = Board(state, frozen=frozen)
        return board

    def note_pace(self) -> None:
        """Contest time may pass at another pace from here on."""
        state = self._state
        if state is not None and state.settings.pace_permille != self._view.pace_permille:
            self._note_in(state, SETTINGS, SINGLETON_ID, Settings(source_pace_permille=self._view.pace_permille))

    def _folded(self) -> ContestState:
        if self._state is None:
            state = ContestState()
            for type_name, identifier, data in self._all():
                _apply(state, type_name, identifier, data)
            return self._follow(state)
        return self._state

    def _follow(self, state: ContestState) -> ContestState:
        if self._view.pace_permille != ORDINARY_PACE_PERMILLE:
            state.apply(
                state.position + 1, SETTINGS, SINGLETON_ID, Settings(source_pace_permille=self._view.pace_permille)
            )
        self._state = state
        self._view.on_line = self._note
        return state

    def _note(self, seen: Seen) -> None:
        type_name, identifier = seen.key
        state = self._state
        if state is None or type_name not in _decoders:
            return
        if seen.moved:
            # Which of two equal ones came first is read off their order, so it is folded anew when somebody looks.
            self._state = None
            self._boards.clear()
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


def _apply(state: ContestState, type_name: str, identifier: str, data: bytes) -> None:
    state.apply(state.position + 1, type_name, identifier, _decoded(type_name, data))


def _decoded(type_name: str, data: bytes | None) -> ContestObject | None:
    return None if data is None else _decoders[type_name].decode(data)
