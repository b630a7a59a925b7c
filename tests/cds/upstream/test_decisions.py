"""What has to change in our contest: what the source has just said, or all of it where that does not fit."""

import msgspec

from cds.dialects.feed import FeedTranslator
from cds.dialects.json_values import decode_json
from cds.dialects.results import Change
from cds.upstream.decisions import Decided, decide_following
from cds.upstream.following import Step, Wanted
from projections.contest import ContestState
from schemas.objects import Clarification, ContestObject, Group, State, Team
from schemas.records import Settings
from tests.cds.dialects.feeds import TYPICAL
from tests.cds.upstream.upstream import line

TEAM_CHANGE = Change("teams", "t9", Team(id="t9", name="Nine", label="9", group_ids=["g9"]))
GROUP_CHANGE = Change("groups", "g9", Group(id="g9", name="Nine"))


class Side:
    """A contest, and the source that it follows."""

    def __init__(self) -> None:
        """Both are level."""
        self.translator = FeedTranslator(contest_id="c1")
        self.contest = ContestState()
        for number, (name, data) in enumerate(TYPICAL, 1):
            for change in self.translator.translate(number, decode_json(line(name, data))):
                self.apply(change.type, change.id, change.instance)

    def apply(self, type_name: str, identifier: str, instance: ContestObject | None) -> None:
        """Something happens in the contest."""
        self.contest.apply(self.contest.position + 1, type_name, identifier, instance)

    def decided(self, *changes: Change, aligns: bool = False) -> Decided:
        """What the source's saying these comes to."""
        for change in changes:
            if change.instance is None:
                self.translator.objects[change.type].pop(change.id, None)
            else:
                self.translator.objects[change.type][change.id] = change.instance
        spoken_of = frozenset(name for name, objects in self.translator.objects.items() if objects) | {"groups"}
        wanted = Wanted(self.translator.objects, spoken_of, 100)
        return decide_following(self.contest, [Step(99, list(changes), aligns=aligns)], wanted)


def told(decided: Decided) -> list[tuple[int, str, str]]:
    """Position, type and id of every change."""
    return [(position, change.type, change.id) for position, change in decided.changes]


def test_what_is_said_is_done_and_names_its_line() -> None:
    """In the order in which it was said; what is so already adds nothing."""
    side = Side()
    decided = side.decided(GROUP_CHANGE, TEAM_CHANGE, TEAM_CHANGE)
    assert told(decided) == [(99, "groups", "g9"), (99, "teams", "t9")]
    assert told(side.decided()) == []


def test_a_level_contest_needs_nothing() -> None:
    """Also when all of it is compared."""
    assert told(Side().decided(aligns=True)) == []


def test_what_was_changed_here_is_named_where_a_reading_anew_takes_it_back() -> None:
    """What the source itself says otherwise than before is none of it."""
    side = Side()
    former = {name: dict(objects) for name, objects in side.translator.objects.items()}
    side.apply("groups", "ours", Group(id="ours", name="Ours"))
    side.translator.objects["groups"]["g9"] = Group(id="g9", name="Nine")
    spoken_of = frozenset(name for name, objects in side.translator.objects.items() if objects) | {"groups"}
    wanted = Wanted(side.translator.objects, spoken_of, 100)
    decided = decide_following(side.contest, [Step(99, [], aligns=True, former=former)], wanted)
    assert set(told(decided)) == {(100, "groups", "g9"), (100, "groups", "ours")}
    assert list(decided.undone) == [("groups", "ours")]


def test_what_was_deleted_here_and_is_named_there_is_put_back() -> None:
    """Everything is compared then, and the last line is the reason."""
    side = Side()
    side.decided(GROUP_CHANGE)
    assert told(side.decided(TEAM_CHANGE)) == [(100, "groups", "g9"), (100, "teams", "t9")]


def test_what_cannot_be_deleted_here_stops_nothing_else() -> None:
    """It is told why, and everything that fits is done."""
    side = Side()
    side.apply("groups", "g9", GROUP_CHANGE.instance)
    side.translator.objects["groups"]["g9"] = Group(id="g9", name="Nine")
    side.apply("clarifications", "q", _question("g9"))
    decided = side.decided(Change("groups", "g9", None), Change("groups", "g8", Group(id="g8", name="Eight")))
    assert told(decided) == [(99, "groups", "g8")]
    assert len(decided.refused) >= 1
    assert "g9" in decided.refused[0]


def test_an_ended_contest_takes_nothing_and_says_so_only_if_something_differs() -> None:
    """Nothing may change any more."""
    side = Side()
    side.apply("state", "", msgspec.structs.replace(_state(side), end_of_updates="2024-01-01T16:00:00.000+01:00"))
    side.translator.objects["state"][""] = _state(side)
    assert told(side.decided(aligns=True)) == []
    assert not side.decided(aligns=True).refused
    decided = side.decided(GROUP_CHANGE)
    assert told(decided) == []
    assert decided.refused


def test_the_clock_of_a_contest_that_runs_here_is_left_alone() -> None:
    """As with imports: whoever started it here has taken it over."""
    side = Side()
    side.apply("x-settings", "", Settings(clock=True))
    ended = msgspec.structs.replace(_state(side), ended="2024-01-01T15:00:00.000+01:00")
    assert told(side.decided(Change("state", "", ended), GROUP_CHANGE)) == [(100, "groups", "g9")]


def _state(side: Side) -> State:
    state = side.contest.state
    assert state is not None
    return state


def _question(group_id: str) -> ContestObject:
    return Clarification(
        id="q",
        text="?",
        time="2024-01-01T10:20:00.000+01:00",
        contest_time="0:20:00.000",
        from_team_id=None,
        to_team_ids=None,
        to_group_ids=[group_id],
    )
