"""Scoreboards whose rows say more than the format has: strictly without it, and followed as it changes."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.served_versions import EARLIER_VERSIONS
from projections.scoreboard import Board
from projections.scoreboard_changes import encoded_changes, read_board
from projections.served_versions import DRAFT, STRICT, ServedVersion
from schemas.aggregates import Scoreboard, ScoreboardRow
from schemas.extensions import ScoreboardRowExtension, SyncedTeam
from tests.builders import Played, small_contest
from tests.projections.test_law_scoreboard_changes import applied, encoded

RESULTS = st.one_of(
    st.none(),
    st.builds(SyncedTeam, rank=st.integers(1, 3), points=st.sampled_from([None, 2, 7.5]), penalty=st.none()),
)


def plain_board() -> bytes:
    """The live board of the small contest, which has no extensions."""
    return Board(Played(small_contest(), roles=("judge",)).state, frozen=False).scoreboard()


def with_results(board: bytes, results: list[SyncedTeam | None]) -> bytes:
    """A board with the platform's own results in some of its rows."""
    read = msgspec.json.decode(board, type=Scoreboard)
    rows = [_with_result(row, result) for row, result in zip(read.rows, results, strict=False)]
    return msgspec.json.encode(msgspec.structs.replace(read, rows=[*rows, *read.rows[len(rows) :]]))


def _with_result(row: ScoreboardRow, result: SyncedTeam | None) -> ScoreboardRow:
    if result is None:
        return row
    return msgspec.structs.replace(row, ext=ScoreboardRowExtension(sync=result))


@pytest.mark.parametrize("version", [STRICT, *EARLIER_VERSIONS], ids=lambda version: version.name)
@given(results=st.lists(RESULTS, max_size=3))
def test_every_version_but_ours_tells_the_same_board_without_extensions(
    version: ServedVersion, results: list[SyncedTeam | None]
) -> None:
    """Byte for byte what it would be if there were none."""
    board = plain_board()
    extended = with_results(board, results)
    assert version.scoreboard(extended) == version.scoreboard(board)
    assert DRAFT.scoreboard(extended) == extended


def test_a_strict_board_without_extensions_is_ours() -> None:
    board = plain_board()
    assert STRICT.scoreboard(board) is board
    extended = with_results(board, [SyncedTeam(rank=2, points=7.5, penalty=120)])
    assert json.loads(extended)["rows"][0]["ext"] == {"sync": {"rank": 2, "points": 7.5, "penalty": 120}}
    assert STRICT.scoreboard(extended) == board


@given(before=st.lists(RESULTS, max_size=3), after=st.lists(RESULTS, max_size=3))
def test_changes_of_results_lead_from_one_board_to_the_other(
    before: list[SyncedTeam | None], after: list[SyncedTeam | None]
) -> None:
    """Also where a result is gone, which only a row that is told whole can say."""
    one, other = (with_results(plain_board(), results) for results in (before, after))
    changes = json.loads(encoded_changes(read_board(one), read_board(other)))
    assert encoded(applied(json.loads(one), changes)) == other
    if one == other:
        assert changes["rows"] == []
