"""What is told of two states, or two audiences, that should be the same: nothing, or the first thing that differs."""

from collections.abc import Callable

import pytest

from projections.audience import Audience
from projections.contest import ContestState
from projections.state_differences import (
    PLAIN_PROPERTIES,
    PLAIN_PROPERTIES_OF_AUDIENCES,
    audience_difference,
    state_difference,
)
from schemas.objects import Award
from schemas.records import Login, Settings
from schemas.viewers import ROLES
from tests.builders import Played, small_contest


def played() -> Played:
    """The same contest every time."""
    return Played(small_contest())


def test_what_is_the_same_does_not_differ() -> None:
    one, other = played(), played()
    assert state_difference(one.state, other.state) is None
    for role in ROLES:
        assert audience_difference(one.audiences[role], other.audiences[role]) is None


def test_the_order_of_what_no_answer_rests_on_is_left_out() -> None:
    """A replay from the beginning may have come to know it in another one."""
    one, other = played(), played()
    other.state.extended = dict(reversed(other.state.extended.items()))
    other.state.versions = dict(reversed(list(other.state.versions.items())))
    assert state_difference(one.state, other.state) is None


def another_team(state: ContestState) -> None:
    teams = state.objects["teams"]
    teams["t1"] = teams["t2"]


def teams_turned_round(state: ContestState) -> None:
    state.objects["teams"] = dict(reversed(list(state.objects["teams"].items())))


def one_team_less(state: ContestState) -> None:
    del state.objects["teams"][list(state.objects["teams"])[-1]]


def another_version(state: ContestState) -> None:
    state.versions["teams", "t1"] += 1


def a_version_of_nothing(state: ContestState) -> None:
    state.versions["teams", "nowhere"] = 1


def another_reference(state: ContestState) -> None:
    """What a team names is not named by it any more."""
    team = state.objects["teams"]["t1"]
    state.referrers.replace(("teams", "t1"), team, None)


STATES: dict[Callable[[ContestState], None], str] = {
    another_team: "teams t1",
    teams_turned_round: "teams t",
    one_team_less: "teams t",
    another_version: "version of teams t1",
    a_version_of_nothing: "version of teams nowhere",
    another_reference: "references to ",
    lambda state: setattr(state, "position", state.position + 1): "position",
    lambda state: setattr(state, "settings", Settings(clock=True)): "settings",
    lambda state: state.submission_times_ms.update(x=1): "times of submissions",
    lambda state: setattr(state, "highest_submission_number", 99): "highest submission number",
    lambda state: setattr(state, "latest_submission_time_ms", 1): "latest submission",
    lambda state: state.extended["teams"].update(t1=None): "extended objects",
    lambda state: state.logins.update(x=Login()): "logins",
    lambda state: setattr(state, "awards_at_freeze", {"x": Award(id="x", citation="x")}): "awards at the freeze",
    lambda state: setattr(state, "released_awards", ("x",)): "released awards",
}
"""What is done to a state, and how what is told begins."""


@pytest.mark.parametrize(("change", "told"), STATES.items(), ids=STATES.values())
def test_whatever_differs_between_states_is_named(change: Callable[[ContestState], None], told: str) -> None:
    """Whichever of the two is the one that was changed."""
    one, other = played(), played()
    change(other.state)
    for found in (state_difference(one.state, other.state), state_difference(other.state, one.state)):
        assert found is not None
        assert found.startswith(told)


def test_everything_that_there_is_once_of_a_state_is_tried() -> None:
    assert {name for name, _ in PLAIN_PROPERTIES} <= set(STATES.values())
    assert {name for name, _ in PLAIN_PROPERTIES_OF_AUDIENCES} <= set(AUDIENCES.values())


def another_line(audience: Audience) -> None:
    """As long as it was: one byte of the third."""
    segment = audience.feed_lines.segments[0]
    segment.data[segment.ends[2] - 9] ^= 1


def another_place(audience: Audience) -> None:
    audience.feed_lines.segments[0].sequences[3] += 1


def another_type(audience: Audience) -> None:
    audience.feed_lines.segments[0].type_numbers[3] ^= 1


def for_others(audience: Audience) -> None:
    """A team gets another line in the place of one."""
    audience.feed_lines.segments[0].replaced_for.setdefault("t1", []).append(1)


def own_lines(audience: Audience) -> None:
    """A line that one team alone gets."""
    audience.feed_lines.restore(audience.feed_lines.segments, {"t1": [(1, 1, b"x")]}, audience.feed_lines.last_sequence)


def shown_otherwise(audience: Audience) -> None:
    audience.shown["teams"]["t1"] += b" "


def own_shown_otherwise(audience: Audience) -> None:
    audience.shown_to_owner.setdefault("t1", {})["submissions", "s1"] = b"x"


AUDIENCES: dict[Callable[[Audience], None], str] = {
    another_line: "line 3 of the feed",
    another_place: "line 4 of the feed",
    another_type: "line 4 of the feed",
    for_others: "line 2 of the feed",
    own_lines: "lines that team ",
    shown_otherwise: "what is shown of teams t1",
    own_shown_otherwise: "what is shown to team t1 of its own",
    lambda audience: audience.owners.update({("teams", "x"): ()}): "who owns what",
    lambda audience: audience.changes.update(teams=99_999): "when what is shown has changed last",
    lambda audience: setattr(audience.feed_lines, "last_sequence", 1): "where the feed ends",
}
"""The same of an audience."""


@pytest.mark.parametrize(("change", "told"), AUDIENCES.items(), ids=AUDIENCES.values())
def test_whatever_differs_between_audiences_is_named(change: Callable[[Audience], None], told: str) -> None:
    """In the feed of a team, which has everything that any feed has."""
    one, other = played(), played()
    change(other.audiences["team"])
    for left, right in ((one, other), (other, one)):
        found = audience_difference(left.audiences["team"], right.audiences["team"])
        assert found is not None
        assert found.startswith(told)
