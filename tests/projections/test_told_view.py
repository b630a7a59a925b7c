"""A view folded from messages alone shows and streams what the core does, for every reader: law 1 over an edge.

The messages are those that are published, read back from their bytes.
"""

from typing import cast

from hypothesis import event, given

from projections.contest import ContestState
from projections.feed_lines import ALL_TYPES_MASK
from projections.scoreboard import Board, UnknownGroup
from projections.tokens import PLACE_CHARACTERS, ViewTags
from projections.told import decode_told, encode_told
from projections.told_boards import ToldBoards
from projections.told_lines import BEGINNING
from projections.told_view import ToldView
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Judgement, JudgementType
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, Reader, small_contest
from tests.effort import DEAR
from tests.histories import History, histories
from tests.independent_fold import Collections, fold
from tests.projections.test_law_feeds import collections
from tests.projections.test_law_told import PACE_PERMILLE, told_after

BEFORE_FIRST = 7 << 40


class Edge:
    """The views of all roles of one contest, told of what happens in it."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.views = {role: ToldView(role, BEFORE_FIRST) for role in ROLES}
        self.boards = {role: ToldBoards(view) for role, view in self.views.items()}
        self.stands = dict.fromkeys(ROLES, BEGINNING)

    def level(self) -> None:
        """Tell every role what is new."""
        for role, view in self.views.items():
            for telling in told_after(self.played.audiences[role].feed_lines, self.stands[role]):
                view.take(decode_told(encode_told(telling.told)))
                self.stands[role] = telling.stand

    def feed(self, reader: Reader, after: int = 0, mask: int = ALL_TYPES_MASK) -> bytes:
        """The feed of a reader behind a place of the view."""
        tag = ViewTags(self.played.tokens.view_key(self.played.view_name(reader))).tag(mask)
        lines, found = self.views[reader.role].lines, b""
        while (chunk := lines.after(after, tag, mask, reader.team_id)) is not None:
            found, after = found + chunk.data, chunk.sequence
        return found

    def shown(self, reader: Reader) -> dict[str, dict[str, bytes]]:
        """What GET gives a reader by type and id."""
        view = self.views[reader.role]
        found = {
            name: {
                identifier: data
                for identifier in view.identifiers(name)
                if (data := view.object((name, identifier), reader.team_id)) is not None
            }
            for name in OBJECT_TYPES
        }
        return {name: members for name, members in found.items() if members}


@DEAR
@given(histories())
def test_views_and_feeds_are_those_of_the_core_after_every_event(history: History) -> None:
    """Bytes, order, and that the fold of a feed is what is shown; also resumed at any line."""
    played = Played()
    edge = Edge(played)
    folded: dict[Reader, Collections] = {reader: {} for reader in READERS}
    places = dict.fromkeys(READERS, 0)
    for number, change in enumerate(history.changes):
        played.play([change])
        edge.level()
        for reader in READERS:
            fold(edge.feed(reader, places[reader]), folded[reader])
            places[reader] = edge.views[reader.role].lines.last_sequence
            if number < history.base:
                continue
            assert folded[reader] == collections(edge.shown(reader)), reader
            for name in OBJECT_TYPES:
                expected = list(played.audiences[reader.role].collection(played.state, name, reader.team_id))
                assert list(edge.views[reader.role].collection(name, reader.team_id)) == expected, (reader, name)
    for reader in READERS:
        assert edge.feed(reader) == played.feed(reader)
        _resumes_at_every_line(edge, reader)


def _resumes_at_every_line(edge: Edge, reader: Reader) -> None:
    feed = edge.feed(reader)
    rest, view = feed, edge.views[reader.role]
    for line in feed.splitlines(keepends=True):
        rest = rest[len(line) :]
        place = line.rpartition(b'"token":"')[2][:PLACE_CHARACTERS]
        at = view.sequence_of(place, reader.team_id)
        assert at is not None
        assert edge.feed(reader, at) == rest


def test_a_place_that_nobody_was_given_is_not_found() -> None:
    """Neither one that is made up, nor that of a line that only others got."""
    view = ToldView("public")
    assert view.sequence_of(b"A" * PLACE_CHARACTERS, None) is None


def board_of_core(played: Played, board: Board, role: Role, group_id: str | None) -> bytes:
    """The board that the core shows."""
    visible = SEES_PROBLEMS_BEFORE_START[role] or played.state.timeline.started
    return board.scoreboard(group_id, problems_visible=visible)


def _contradicts_itself(state: ContestState) -> bool:
    """Whether a judgement by itself (not its type) says that it is to be told as one that counts otherwise.

    Then a feed tells one thing and the board of the core another, and whoever has the feed alone cannot know.
    """
    types = cast("dict[str, JudgementType]", state.objects["judgement-types"])

    def counts(type_id: str | None) -> tuple[bool, bool] | None:
        found = types.get(type_id or "")
        return None if found is None else (found.solved, bool(found.penalty))

    return any(
        each.simplified_judgement_type_id is not None
        and counts(each.simplified_judgement_type_id) != counts(each.judgement_type_id)
        for each in cast("dict[str, Judgement]", state.objects["judgements"]).values()
    )


@DEAR
@given(histories())
def test_boards_are_those_of_the_core_after_every_event(history: History) -> None:
    """Wherever what is told suffices, and it does unless verdicts are simplified to others that count otherwise."""
    played = Played()
    edge = Edge(played)
    boards = {frozen: Board(played.state, frozen=frozen) for frozen in (False, True)}
    sufficed = 0
    for number, change in enumerate(history.changes):
        played.play([change])
        for board in boards.values():
            board.note((change.type, change.id))
        edge.level()
        if number < history.base or _contradicts_itself(played.state):
            continue
        for role in ROLES:
            if not edge.boards[role].suffices():
                continue
            sufficed += 1
            for group_id in (None, *edge.views[role].shown["groups"]):
                for frozen in (False, True):
                    board = boards[frozen or not SEES_LIVE_SCOREBOARD[role]]
                    try:
                        expected = board_of_core(played, board, role, group_id)
                    except UnknownGroup:
                        continue
                    assert edge.boards[role].scoreboard(frozen=frozen, group_id=group_id) == expected, (role, frozen)
    event(f"boards that follow: {sufficed > 0}")


def test_the_pace_is_that_of_the_last_message() -> None:
    """It stands in the head of a feed."""
    played = Played(small_contest())
    edge = Edge(played)
    edge.level()
    assert {view.pace_permille for view in edge.views.values()} == {PACE_PERMILLE}
