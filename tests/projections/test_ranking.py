"""A ranking in which teams change one by one says the same as one that is made of them anew."""

from hypothesis import given
from hypothesis import strategies as st

from projections.ranking import Ranking
from projections.scoring.sheet import Computed
from schemas.objects import Team

NAMES = ("Bee", "ant", "Ant", "Äsche", "Cat", "Cat", "Dog")
TEAMS = [Team(id=f"t{number}", name=name, label=f"{number}") for number, name in enumerate(NAMES)]
ORDERS = st.integers(0, 3)


def computed(team: Team, order: int, version: int) -> Computed:
    row = b',"version":%d}' % version
    return Computed(team_id=team.id, cells={}, order=(order,), known_ms=None, encoded_after_rank=row)


def shown(ranking: Ranking) -> tuple[list[tuple[int, str]], list[bytes]]:
    return [(rank, each.team_id) for rank, each in ranking.ranked()], list(ranking.rows())


@given(
    st.lists(ORDERS, min_size=len(TEAMS), max_size=len(TEAMS)),
    st.lists(st.tuples(st.sampled_from(range(len(TEAMS))), ORDERS), max_size=20),
)
def test_teams_that_move_one_by_one_stand_as_if_ranked_anew(orders: list[int], moves: list[tuple[int, int]]) -> None:
    now = {team.id: (computed(team, order, 0), team) for team, order in zip(TEAMS, orders, strict=True)}
    ranking = Ranking(now.values())
    assert shown(ranking) == shown(Ranking(now.values()))
    for version, (number, order) in enumerate(moves, 1):
        team = TEAMS[number]
        now[team.id] = (computed(team, order, version), team)
        ranking.replace(now[team.id][0])
        assert shown(ranking) == shown(Ranking(now.values()))


def test_rows_whose_team_and_rank_stay_are_not_encoded_again() -> None:
    ranking = Ranking((computed(team, number, 0), team) for number, team in enumerate(TEAMS))
    before = list(ranking.rows())
    ranking.replace(computed(TEAMS[2], 0, 1))
    ranking.replace(computed(TEAMS[5], 5, 1))
    changed = [one is not other for one, other in zip(before, ranking.rows(), strict=True)]
    assert changed == [True, True, True, False, False, True, False]


def test_only_teams_of_the_ranking_are_noted_and_each_is_taken_once() -> None:
    ranking = Ranking((computed(team, 0, 0), team) for team in TEAMS[:2])
    for team in TEAMS:
        ranking.note(team.id)
        ranking.note(team.id)
    assert ranking.take_noted() == ["t0", "t1"]
    assert ranking.take_noted() == []
