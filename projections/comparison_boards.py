"""Two live scoreboards cell by cell, and the awards of both sides.

Both boards are computed here, from what each side says of submissions and judgements: boards that other systems have
computed themselves are not looked at. This module must not know what else differs.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import cast

import msgspec

from projections.awards import computed_awards
from projections.comparison_results import (
    LISTED_MAX,
    AwardDifference,
    CellDifference,
    RowDifference,
    ScoreboardComparison,
    Standing,
    listed,
)
from projections.comparison_verdicts import Side
from schemas.aggregates import Scoreboard, ScoreboardRow
from schemas.objects import Award
from schemas.records import AwardSettings

_read_board = msgspec.json.Decoder(Scoreboard).decode


def compared_boards(a: Side, b: Side, listed_max: int = LISTED_MAX) -> ScoreboardComparison:
    """The main boards of both sides; rows in the order of `a`, behind them those that `b` alone has."""
    rows_a = {row.team_id: row for row in _read_board(a.board.scoreboard()).rows}
    rows_b = {row.team_id: row for row in _read_board(b.board.scoreboard()).rows}
    team_ids = dict.fromkeys((*rows_a, *rows_b))
    found = [_row_difference(team_id, rows_a.get(team_id), rows_b.get(team_id)) for team_id in team_ids]
    differing = [row for row in found if row is not None]
    return ScoreboardComparison(
        teams=len(team_ids),
        ranks=sum(row.rank_differs for row in differing),
        cells=sum(len(row.cells) for row in differing),
        rows=listed(differing, listed_max),
    )


def award_differences(a: Mapping[str, Award], b: Mapping[str, Award]) -> Iterator[AwardDifference]:
    """The awards that both sides have and that differ, in the order of `a`; the order of teams does not matter."""
    for identifier, award in a.items():
        other = b.get(identifier)
        if other is None:
            continue
        teams, other_teams = award.team_ids or [], other.team_ids or []
        nobody_knows = (award.team_ids is None) != (other.team_ids is None)
        if award.citation != other.citation or set(teams) != set(other_teams) or nobody_knows:
            yield AwardDifference(
                id=identifier,
                citation_a=award.citation,
                citation_b=other.citation,
                teams_a=tuple(team_id for team_id in teams if team_id not in other_teams),
                teams_b=tuple(team_id for team_id in other_teams if team_id not in teams),
            )


def awards_told(side: Side) -> Mapping[str, Award]:
    """The awards that a side tells of itself."""
    return cast("Mapping[str, Award]", side.state.objects["awards"])


def awards_computed(side: Side, settings: AwardSettings) -> Mapping[str, Award]:
    """The awards that follow from the scoreboard of a side by these rules, whoever keeps its awards."""
    state = copy(side.state)
    state.settings = msgspec.structs.replace(state.settings, awards=msgspec.structs.replace(settings, computed=True))
    return computed_awards(state, side.board)


def _row_difference(team_id: str, a: ScoreboardRow | None, b: ScoreboardRow | None) -> RowDifference | None:
    cells_a = {} if a is None else {cell.problem_id: cell for cell in a.problems}
    cells_b = {} if b is None else {cell.problem_id: cell for cell in b.problems}
    standing_a, standing_b = (None if row is None else Standing(row.rank, row.score) for row in (a, b))
    cells = tuple(
        CellDifference(problem_id=problem_id, a=cells_a.get(problem_id), b=cells_b.get(problem_id))
        for problem_id in dict.fromkeys((*cells_a, *cells_b))
        if cells_a.get(problem_id) != cells_b.get(problem_id)
    )
    if standing_a == standing_b and not cells:
        return None
    return RowDifference(team_id=team_id, a=standing_a, b=standing_b, cells=cells)
