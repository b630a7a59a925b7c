"""An event that concerns many objects comes to the same in pieces as in one go, and law 1 holds between the pieces.

Every event of random histories is released here in pieces of a few objects, as a thaw of thousands is.
"""

from collections.abc import Iterator

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from projections.audience import Audience
from projections.contest import Change
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.releasing import Release, absent_keys
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType
from schemas.viewers import ROLES
from tests.builders import READERS, Played, Reader, moment, put, small_contest, state
from tests.effort import DEAR
from tests.histories import History, histories
from tests.independent_fold import Collections, fold
from tests.projections.test_law_feeds import collections, parsed

PIECES = st.integers(min_value=1, max_value=4)


class InPieces:
    """A second set of audiences beside those of a contest that is played, and feeds of their own."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.lines = {role: FeedLines(played.tokens) for role in ROLES}
        self.audiences = {role: Audience(role, lines) for role, lines in self.lines.items()}
        self.folded: dict[Reader, Collections] = {reader: {} for reader in READERS}
        self.places = dict.fromkeys(READERS, 0)

    def pieces(self, change: Change, objects: int) -> Iterator[None]:
        """Release an event that has been applied; a turn of the loop after every piece."""
        state, chain = self.played.state, self.played.chains[change.position - 1]
        absent = absent_keys(state, change)
        under_way = [Release(audience, state, change, chain, absent) for audience in self.audiences.values()]
        while under_way:
            left = [release for release in under_way if release.go_on(objects)]
            for lines in self.lines.values():
                lines.flush()
            yield
            under_way = left

    def feed(self, reader: Reader, after: int = 0) -> bytes:
        """The feed of a reader behind a place."""
        lines, tag = self.lines[reader.role], self.played.tokens.tag(self.played.view_name(reader), ALL_TYPES_MASK)
        told = b""
        while (chunk := lines.after(after, tag, ALL_TYPES_MASK, reader.team_id)) is not None:
            told, after = told + chunk.data, chunk.sequence
        return told

    def check_law_one(self) -> None:
        """What every reader has been told so far is what GET of the collections gives just now."""
        for reader in READERS:
            fold(self.feed(reader, self.places[reader]), self.folded[reader])
            self.places[reader] = self.lines[reader.role].last_sequence
            assert self.folded[reader] == collections(self.shown(reader)), reader

    def shown(self, reader: Reader) -> dict[str, dict[str, bytes]]:
        """What GET of every collection gives: type → id → bytes, each object once."""
        audience, state = self.audiences[reader.role], self.played.state
        found: dict[str, dict[str, bytes]] = {}
        for name, row in OBJECT_TYPES.items():
            members = list(audience.collection(state, name, reader.team_id))
            by_id = {_id_of(row, member): member for member in members}
            assert len(by_id) == len(members)
            for identifier, member in by_id.items():
                assert audience.object((name, identifier), reader.team_id) == member
            if by_id:
                found[name] = by_id
        return found


def _id_of(row: ObjectType, member: bytes) -> str:
    return SINGLETON_ID if row.singleton else str(parsed(member)["id"])


@DEAR
@given(histories(), PIECES)
def test_between_the_pieces_every_feed_equals_get(history: History, objects: int) -> None:
    """Law 1, at every moment at which anybody could look."""
    played = Played(roles=())
    in_pieces = InPieces(played)
    for change in history.changes:
        applied = played.apply(change)
        for number, _ in enumerate(in_pieces.pieces(applied, objects), start=1):
            if len(applied.keys) > 1:
                event(f"{min(number, 3)} pieces")
                in_pieces.check_law_one()
    in_pieces.check_law_one()


@pytest.mark.parametrize("objects", [1, 2, 3, 4])
def test_law_one_holds_while_a_start_is_taken_back_and_made_again(objects: int) -> None:
    """Everything that rests on the start goes, for all and for those whose own it is, and comes back."""
    played = Played(roles=())
    in_pieces = InPieces(played)
    started = put(state(started=moment("0:00:00.000"), frozen=moment("4:00:00.000")))
    for change in [*small_contest(), *put(state()), *started]:
        for _ in in_pieces.pieces(played.apply(change), objects):
            in_pieces.check_law_one()


@DEAR
@given(histories(), PIECES)
def test_pieces_come_to_the_very_lines_of_one_go(history: History, objects: int) -> None:
    """Bytes, tokens and order, and all that the audience keeps for what comes after."""
    played = Played()
    in_pieces = InPieces(played)
    for change in history.changes:
        for _ in in_pieces.pieces(played.apply(change), objects):
            pass
    played.flush()
    for reader in READERS:
        assert in_pieces.feed(reader) == played.feed(reader)
    for role, audience in in_pieces.audiences.items():
        whole = played.audiences[role]
        assert (audience.shown, audience.owners) == (whole.shown, whole.owners)
        assert {team: own for team, own in audience.shown_to_owner.items() if own} == {
            team: own for team, own in whole.shown_to_owner.items() if own
        }
        assert audience.leaving == {}
