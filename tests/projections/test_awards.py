"""Awards: which ones the server keeps, and who holds them."""

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from projections.award_rules import award_kind, kept_awards, named_kind
from projections.awards import computed_awards
from schemas.identifiers import ID_CHARACTERS_MAX, bounded_id, is_identifier
from schemas.objects import Organization
from tests.effort import examples
from tests.projections.award_histories import award_history, kept_by_the_server
from tests.projections.scoreboard_builders import (
    START,
    Boards,
    Event,
    contest,
    group,
    judged,
    problem,
    started,
    state,
    submission,
    team,
)
from tests.projections.scoreboard_histories import NAMES
from tests.projections.slow_awards import Awards, slow_awards
from tests.projections.slow_scoreboard import fold
from tests.projections.test_scoreboard_real_contests import DATA, official, package

SITUATIONS = (
    *("winner", "gold-medal", "silver-medal", "bronze-medal", "rank-2", "highest-honors"),
    *("honorable-mention", "first-to-solve-a", "first-to-solve-b", "first-to-solve-a-problem-wi"),
    *("group-winner-main", "group-winner-guests", "organization-winner-uni", "organization-winner-an-orga"),
)
"""Awards that somebody must hold in the histories for the law to mean something, by the beginning of their ids."""


def awards_of(boards: Boards) -> Awards:
    """What is computed, as plain values."""
    computed = computed_awards(boards.state, boards.live)
    return {award_id: (award.citation, award.team_ids or []) for award_id, award in computed.items()}


def holders(boards: Boards, award_id: str) -> list[str]:
    return awards_of(boards)[award_id][1]


def a_contest(*events: Event, **rules: object) -> Boards:
    """Two teams, two problems, and awards that the server keeps."""
    return started(kept_by_the_server(**rules), *events)


def test_the_awards_are_those_of_the_slow_implementation_after_every_event() -> None:
    reached: Counter[str] = Counter()

    # Awards that one history in ten comes to.
    @settings(max_examples=examples(50))
    @given(st.integers(0, 2**32), st.integers(10, 40))
    @example(33, 40)
    @example(0, 40)
    def law(seed: int, length: int) -> None:
        events = award_history(seed, length)
        note(f"{events}")
        boards = Boards()
        for number, event in enumerate(events):
            boards.apply(event)
            computed = awards_of(boards)
            assert computed == slow_awards(fold(events[: number + 1]), boards.state.settings, NAMES.index)
            reached.update(award_id[:27] for award_id, (_, teams) in computed.items() if teams)
            reached["shared"] += any(len(teams) > 1 for _, teams in computed.values())
            assert computed.keys() == kept_awards(boards.state).keys()
            for award_id in computed:
                assert award_kind(boards.state, award_id) == named_kind(boards.state, award_id) is not None

    law()
    assert {situation for situation in (*SITUATIONS, "shared") if not reached[situation]} == set()


def test_every_award_is_there_before_the_start_and_nobody_holds_it() -> None:
    """Requirement 96: a client knows from the beginning which awards are taken care of."""
    uni = ("organizations", "uni", Organization(id="uni", name="Uni", formal_name="The University"))
    member = team("t1", groups=["main"])[2]
    assert member is not None
    of_uni = ("teams", "t1", msgspec.structs.replace(member, organization_id="uni"))
    boards = Boards(
        [
            *(contest(formal_name="The 2026 Finals"), state(), problem("a"), group("main"), group("empty"), uni),
            *(of_uni, team("t2"), kept_by_the_server(rule="world-finals", gold=1, silver=0, bronze=0)),
        ]
    )
    assert awards_of(boards) == {
        "winner": ("Winner of The 2026 Finals", []),
        "gold-medal": ("Gold medal", []),
        "silver-medal": ("Silver medal", []),
        "bronze-medal": ("Bronze medal", []),
        "rank-2": ("Rank 2", []),
        "highest-honors": ("Highest honors", []),
        "high-honors": ("High honors", []),
        "honors": ("Honors", []),
        "honorable-mention": ("Honorable mention", []),
        "first-to-solve-a": ("First to solve problem A", []),
        "group-winner-main": ("Winner of main", []),
        "organization-winner-uni": ("Winner of The University", []),
    }


def test_nothing_is_kept_for_a_source_that_keeps_its_own() -> None:
    assert awards_of(started(kept_by_the_server(computed=False))) == {}
    assert awards_of(Boards([kept_by_the_server()])) == {}


def test_teams_that_share_a_rank_share_the_medal() -> None:
    """Two gold medals, three teams on the second rank: four teams are given gold, and nobody silver."""
    solved = [judged(f"s{n}", f"t{n}", "a", "0:10:00.000", "AC") for n in (2, 3, 4)]
    events = [team("t3"), team("t4"), team("t5"), *judged("s1", "t1", "a", "0:05:00.000", "AC")]
    boards = a_contest(*events, *(event for pair in solved for event in pair), gold=2, silver=2, bronze=1)
    assert holders(boards, "winner") == ["t1"]
    assert holders(boards, "gold-medal") == ["t1", "t2", "t3", "t4"]
    assert holders(boards, "silver-medal") == holders(boards, "bronze-medal") == []


def test_a_team_that_has_solved_nothing_gets_no_medal() -> None:
    """It shares the second rank with everybody else who has not."""
    boards = a_contest(*judged("s1", "t1", "a", "0:05:00.000", "AC"))
    assert holders(boards, "gold-medal") == ["t1"]
    assert holders(a_contest(*judged("s1", "t1", "a", "0:05:00.000", "WA")), "winner") == []


def test_the_first_to_solve_is_open_while_an_earlier_submission_is() -> None:
    boards = a_contest(submission("s0", "t2", "a", "0:04:00.000"), *judged("s1", "t1", "a", "0:05:00.000", "AC"))
    assert holders(boards, "first-to-solve-a") == []
    boards.apply(*judged("s0", "t2", "a", "0:04:00.000", "WA"))
    assert holders(boards, "first-to-solve-a") == ["t1"]


def test_teams_outside_the_main_board_hold_nothing() -> None:
    """A guest is faster than all, and first nowhere, not even in the group of the guests."""
    events = [
        *(group("main"), group("guests"), team("t1", groups=["main"]), team("t2", groups=["guests"])),
        *judged("s1", "t2", "a", "0:05:00.000", "AC"),
        *judged("s2", "t1", "a", "0:06:00.000", "AC"),
    ]
    boards = a_contest(*events, contest(main_scoreboard_group_id="main"))
    held = {award_id: teams for award_id, (_, teams) in awards_of(boards).items() if teams}
    assert held == {each: ["t1"] for each in ("winner", "gold-medal", "first-to-solve-a", "group-winner-main")}
    assert "group-winner-guests" not in awards_of(boards)


def finals(solved: list[int], **rules: object) -> Boards:
    """A contest of twelve problems in which team n of t01, t02 … solved so many, each a minute after the last."""
    problems = [problem(f"p{number:02}", number) for number in range(12)]
    teams = [team(f"t{number:02}") for number in range(1, len(solved) + 1)]
    events = [*problems, *teams, ("teams", "t1", None), ("teams", "t2", None)]
    for number, count in enumerate(solved, start=1):
        for each in range(count):
            events += judged(f"s{number}-{each}", f"t{number:02}", f"p{each:02}", f"0:{number:02}:00.000", "AC")
    return a_contest(*events, rule="world-finals", **rules)


def numbers(boards: Boards, award_id: str) -> list[int]:
    return [int(team_id.removeprefix("t")) for team_id in holders(boards, award_id)]


def test_the_world_finals_rule() -> None:
    """Twelve medals, then ranks by problems solved down to the median team, then honourable mentions."""
    solved = [9, 8, 8, 8, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 5, 4, 4, 3, 2, 2, *([1] * 8), *([0] * 4)]
    boards = finals(solved)
    assert numbers(boards, "gold-medal") == [1, 2, 3, 4]
    assert numbers(boards, "silver-medal") == [5, 6, 7, 8]
    assert numbers(boards, "bronze-medal") == [9, 10, 11, 12]
    ranks = {f"rank-{rank}": numbers(boards, f"rank-{rank}") for rank in range(13, len(solved) + 1)}
    held = {award_id: teams for award_id, teams in ranks.items() if teams}
    assert held == {"rank-13": [13, 14], "rank-15": [15, 16], "rank-17": [17, 18]}
    assert solved[len(solved) // 2] == 4
    assert numbers(boards, "highest-honors") == list(range(1, 15))
    assert numbers(boards, "high-honors") == [15, 16]
    assert numbers(boards, "honors") == [17, 18]
    assert numbers(boards, "honorable-mention") == list(range(19, len(solved) + 1))
    assert "rank-12" not in awards_of(boards)


def test_extra_bronzes_move_the_ranks_and_the_honours() -> None:
    """With B = 3 the last bronze has solved five, and the ranks begin at 16."""
    boards = finals([9, 8, 8, 8, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 5, 4, *([3] * 14)], extra_bronzes=3)
    assert numbers(boards, "bronze-medal") == [9, 10, 11, 12, 13, 14, 15]
    assert numbers(boards, "rank-16") == [16]
    assert numbers(boards, "highest-honors") == list(range(1, 17))
    assert "rank-15" not in awards_of(boards)


def test_a_score_contest_has_no_honours_and_no_ranks() -> None:
    """The World Finals rule counts problems; the medals go by the total score."""
    points = judged("s1", "t1", "a", "0:05:00.000", "WA", score=30)
    boards = a_contest(*points, contest("score"), rule="world-finals")
    assert holders(boards, "gold-medal") == ["t1"]
    assert not any(award_id.startswith(("rank-", "ho", "hi")) for award_id in awards_of(boards))
    assert named_kind(boards.state, "honors") is None


@given(st.text(alphabet="abcXYZ019_-.", min_size=1, max_size=60))
def test_an_id_that_is_put_together_is_an_id(text: str) -> None:
    """Requirement of the specification: 36 characters; equal texts give equal ids, long ones that differ others."""
    made = bounded_id(f"first-to-solve-{text}z")
    assert is_identifier(made)
    assert len(made) <= ID_CHARACTERS_MAX
    assert (made == f"first-to-solve-{text}z") == (len(text) <= 20)
    assert bounded_id(f"first-to-solve-{text}{'y' * 40}") != bounded_id(f"first-to-solve-{text}{'z' * 40}")


def test_a_long_id_is_its_beginning_and_its_hash() -> None:
    assert bounded_id("x" * 36) == "x" * 36
    assert bounded_id("x" * 37) == "x" * 27 + "-6ee29e87"


@pytest.mark.parametrize("text", ["", ".a", "-a", "a.", "a b", "ä", "a" * 37, "a/b", "a\n"])
def test_what_is_no_id(text: str) -> None:
    assert not is_identifier(text)


@pytest.mark.parametrize("text", ["a", "_", "0.1-x", "a-", "a" * 36])
def test_what_is_an_id(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded contests in ../shared/data")
def test_the_awards_of_a_real_world_finals() -> None:
    """Medals, ranks and honours as the rule gives them over the official board, which was made by others."""
    boards = Boards([*package("wf44-2020"), kept_by_the_server(rule="world-finals")])
    rows = official("wf44-2020")
    solved = {row["team_id"]: row["score"]["num_solved"] for row in rows}
    order = [row["team_id"] for row in rows]
    assert holders(boards, "winner") == order[:1]
    assert [holders(boards, f"{medal}-medal") for medal in ("gold", "silver", "bronze")] == [
        order[:4],
        order[4:8],
        order[8:12],
    ]
    # The last bronze solved nine, the median team four; a rank is the place at which the teams with so many begin.
    held = {award_id: set(teams) for award_id, (_, teams) in awards_of(boards).items() if teams}
    below = order[12:]
    firsts = {"rank-13": 9, "rank-17": 8, "rank-24": 7, "rank-33": 6, "rank-46": 5, "rank-59": 4}
    assert sorted(solved.values())[58] == 4
    by_rank = {rank: {team_id for team_id in below if solved[team_id] == count} for rank, count in firsts.items()}
    assert {award_id: teams for award_id, teams in held.items() if award_id.startswith("rank-")} == by_rank
    assert held["highest-honors"] == {team_id for team_id in order if solved[team_id] >= 9}
    assert held["high-honors"] == {team_id for team_id in order if solved[team_id] == 8}
    assert held["honors"] == {team_id for team_id in order if 4 <= solved[team_id] <= 7}
    assert held["honorable-mention"] == {team_id for team_id in order if solved[team_id] < 4}


def test_the_order_of_the_holders_is_that_of_the_board() -> None:
    """Names decide inside a tie, so that the same state always gives the same award."""
    dice = Random(1)
    names = dict(zip(("t1", "t2"), dice.sample(NAMES, 2), strict=True))
    both = [*judged("s1", "t1", "a", "0:05:00.000", "AC"), *judged("s2", "t2", "b", "0:05:00.000", "AC")]
    boards = a_contest(*(team(team_id, name) for team_id, name in names.items()), *both, state(started=START))
    assert holders(boards, "winner") == sorted(names, key=lambda team_id: NAMES.index(names[team_id]))
