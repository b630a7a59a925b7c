"""Where telling stands is seen from the lines alone: what was told last to whom, what is left, where it all ends."""

import pytest

from projections.feed_lines import FeedLines
from projections.tokens import TokenMaker
from projections.told_lines import (
    BEGINNING,
    COMMON,
    Telling,
    count_behind,
    head_of,
    last_place_told,
    next_tellings,
)
from schemas.viewers import ROLES
from tests.builders import Played, small_contest

PACE_PERMILLE = 1_000


def one_by_one(lines: FeedLines) -> list[Telling]:
    """All messages, each with one line."""
    found: list[Telling] = []
    stand = BEGINNING
    while tellings := list(next_tellings(lines, stand, PACE_PERMILLE, bytes_max=1)):
        found += tellings
        stand = tellings[-1].stand
    assert all(len(each.told.lines) == 1 for each in found)
    return found


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.feed_lines.SEGMENT_LINES_MAX", 7)


@pytest.mark.parametrize("role", ROLES)
def test_what_was_told_last_and_what_is_left_is_seen_at_every_stand(role: str) -> None:
    lines = Played(small_contest()).audiences[role].feed_lines  # type: ignore[index]  # it is one of ROLES
    tellings = one_by_one(lines)
    teams = {COMMON, "nobody", *lines.team_lines}
    assert (len(teams) > 2) == (role == "team")
    stand, last = BEGINNING, dict[str, str]()
    for number, telling in enumerate([*tellings, None]):
        assert count_behind(lines, stand) == len(tellings) - number
        assert {team: last_place_told(lines, stand, team) for team in teams} == {team: last.get(team) for team in teams}
        if telling is not None:
            last[telling.told.team_id or COMMON] = telling.last_place
            stand = telling.stand


def test_the_head_is_what_is_told_last_at_every_moment() -> None:
    played, owners = Played(), set[str]()
    assert head_of(played.audiences["public"].feed_lines) is None
    for change in small_contest():
        played.play([change])
        for role in ROLES:
            lines = played.audiences[role].feed_lines
            head, tellings = head_of(lines), one_by_one(lines)
            if not tellings:
                assert head is None
                continue
            assert head is not None
            last = tellings[-1]
            assert (head.team, head.place) == (last.told.team_id or COMMON, last.last_place)
            assert count_behind(lines, head.stand) == 0
            assert list(next_tellings(lines, head.stand, PACE_PERMILLE)) == []
            owners.add("a team" if head.team else "everybody")
    assert owners == {"a team", "everybody"}


def test_nothing_was_told_of_what_is_not_there() -> None:
    lines = FeedLines(TokenMaker(b"k" * 32))
    assert head_of(lines) is None
    assert last_place_told(lines, BEGINNING, COMMON) is None
    assert count_behind(lines, BEGINNING) == 0
