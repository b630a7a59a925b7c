"""Who holds the awards: what they would be if the contest ended now and the board were final.

An award is kept up to date from before the start, with no teams as long as nobody holds it (JSON Format, "Awards").
Which awards there are is in `award_rules`. This module must not know who sees which award, nor who may change one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from projections.award_rules import (
    BRONZE,
    GOLD,
    HIGH_HONORS,
    HIGHEST_HONORS,
    HONORABLE_MENTION,
    HONORS,
    SILVER,
    WINNER,
    Places,
    first_to_solve_id,
    group_winner_id,
    kept_awards,
    organization_winner_id,
    places_of,
    rank_id,
)
from projections.contest import ContestState
from projections.scoreboard import Board, Standing, teams_on_board
from schemas.objects import Award

Given = Iterator[tuple[str, str]]
"""Ids of awards, each with the id of a team that holds it."""


def computed_awards(state: ContestState, board: Board) -> dict[str, Award]:
    """Every award that the server keeps of the contest, by id, as it is now. `board` is a live one of this state.

    Teams stand in the order of the main board. Nobody holds an award before somebody has scored.
    """
    kept = kept_awards(state)
    holders: defaultdict[str, list[str]] = defaultdict(list)
    if kept:
        for award_id, team_id in _given(state, board):
            holders[award_id].append(team_id)
    return {
        award_id: Award(id=award_id, citation=award.citation, team_ids=holders.get(award_id, []))
        for award_id, award in kept.items()
    }


def _given(state: ContestState, board: Board) -> Given:
    """All that is given by any rule; what the settings leave out is given too, and kept by nobody."""
    standing = board.standing()
    scored = [row for row in standing if row.points > 0]
    places = places_of(state.settings.awards)
    yield from _winners(scored)
    yield from _medals(scored, places)
    yield from _ranks_and_honours(standing, places)
    yield from ((first_to_solve_id(problem_id), team_id) for problem_id, team_id in board.first_to_solve().items())
    yield from _leaders(state, scored)


def _winners(scored: Iterable[Standing]) -> Given:
    return ((WINNER, row.team_id) for row in scored if row.rank == 1)


def _medals(scored: Iterable[Standing], places: Places) -> Given:
    """By rank, so teams that share one share the medal; a team that has not scored gets none."""
    for row in scored:
        if row.rank <= places.gold:
            yield GOLD, row.team_id
        elif row.rank <= places.silver:
            yield SILVER, row.team_id
        elif row.rank <= places.bronze:
            yield BRONZE, row.team_id


def _ranks_and_honours(standing: list[Standing], places: Places) -> Given:
    """The World Finals rule (Contest Control System Requirements, "Scoring Data Generation", 7 and 8).

    Down to the last bronze place a team is ranked as on the board. Below, teams that solved fewer problems than the
    median team are not ranked, and the others share a rank with all who solved as many. Honours compare a ranked
    team, medallists too, with the team at the last bronze place: at least as many solved, exactly one less, or
    fewer; who is not ranked is mentioned. Where the text is silent: of an even number of teams the lower one of the
    two in the middle is the median team; a team that has solved nothing is not ranked; with fewer teams than
    medals the last team ranked as on the board stands in for the one at the last bronze place.
    """
    if not any(row.points > 0 for row in standing):
        return
    median = standing[len(standing) // 2].points
    last_medallist = [row.points for row in standing if row.rank <= places.bronze and row.points > 0]
    measure = last_medallist[-1] if last_medallist else None
    ranks: dict[int | float, int] = {}
    for place, row in enumerate(standing, start=1):
        medallist = row.rank <= places.bronze
        if row.points == 0 or not (medallist or row.points >= median):
            yield HONORABLE_MENTION, row.team_id
            continue
        if not medallist:
            yield rank_id(ranks.setdefault(row.points, place)), row.team_id
        yield _honours(row.points, measure), row.team_id


def _honours(solved: float, measure: float | None) -> str:
    """The honours of a ranked team; where no medal is given there is nothing to compare with."""
    if measure is None or solved < measure - 1:
        return HONORS
    return HIGH_HONORS if solved == measure - 1 else HIGHEST_HONORS


def _leaders(state: ContestState, scored: Iterable[Standing]) -> Given:
    """The first of each group and of each organization, among the teams of the main board that have scored."""
    best_ranks: dict[str, int] = {}
    teams = {team.id: team for team in teams_on_board(state)}
    for row in scored:
        team = teams[row.team_id]
        led = [group_winner_id(group_id) for group_id in dict.fromkeys(team.group_ids or ())]
        if team.organization_id is not None:
            led.append(organization_winner_id(team.organization_id))
        for award_id in led:
            if best_ranks.setdefault(award_id, row.rank) == row.rank:
                yield award_id, row.team_id
