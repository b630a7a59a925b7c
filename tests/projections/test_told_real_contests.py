"""Recorded contests, told in messages: at every moment tried, views, feeds and boards are those of the core."""

import os

import pytest

from cds.commands.decision import ObjectChange
from projections.scoreboard import Board
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES
from tests.builders import Played, Reader
from tests.cds.contest_api.real_contests import REAL_CONTESTS, needs_shared_data, real_contest, teams_with_account
from tests.projections.test_told_view import Edge, board_of_core

MOMENTS = 12
ALL = os.environ.get("CDS_TEST_ALL_CONTESTS") == "1"
CHEAP = ("mini", "pc2")


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS if ALL else CHEAP)
def test_views_feeds_and_boards_of_a_recorded_contest(contest_id: str) -> None:
    contents = real_contest(contest_id)
    readers = [Reader(role) for role in ROLES] + [Reader("team", each) for each in teams_with_account(contents)]
    played = Played()
    edge = Edge(played)
    boards = {frozen: Board(played.state, frozen=frozen) for frozen in (False, True)}
    every = max(1, len(contents.changes) // MOMENTS)
    compared = 0
    for start in range(0, len(contents.changes), every):
        for change in contents.changes[start : start + every]:
            played.apply(ObjectChange(change.type, change.id, change.instance))
            for board in boards.values():
                board.note((change.type, change.id))
        played.flush()
        edge.level()
        for reader in readers:
            for name in OBJECT_TYPES:
                expected = list(played.audiences[reader.role].collection(played.state, name, reader.team_id))
                assert list(edge.views[reader.role].collection(name, reader.team_id)) == expected, (reader, name)
        for role in ROLES:
            for frozen in (False, True):
                assert edge.boards[role].suffices()
                expected_board = board_of_core(played, boards[frozen or not SEES_LIVE_SCOREBOARD[role]], role, None)
                assert edge.boards[role].scoreboard(frozen=frozen, group_id=None) == expected_board, (role, frozen)
                compared += expected_board.count(b'"rank"')
    assert compared
    for reader in readers:
        assert edge.feed(reader) == played.feed(reader)
