"""The order in which a history happens again, over random histories, made-up contests and those that were held."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given

from cds.commands.decision import ObjectChange, Refused
from cds.playback.replaying import Plan
from cds.playback.schedule import SETUP_MS
from projections.integrity import Key
from schemas.objects import Judgement, State
from tests.builders import CONTEST, START, gone, judgement, moment, put, setup, small_contest, state, submission, team
from tests.cds.playback.plays import folded, plan_of, playable_histories, rows, simulated
from tests.cds.playback.soundness import assert_sound
from tests.histories import History

HOUR_MS = 3_600_000
CLOSED = put(state(started=START, ended=moment("5:00:00.000"), end_of_updates=moment("4:30:00.000")))


def placed(plan: Plan, type_name: str, identifier: str = "") -> list[int]:
    """The moments of all steps of one object."""
    return [s.moment_ms for s in plan.steps if (s.change.type, s.change.id) == (type_name, identifier)]


def versions(changes: Sequence[ObjectChange]) -> dict[Key, list[object]]:
    """All versions of every object, in order."""
    found: dict[Key, list[object]] = {}
    for change in changes:
        found.setdefault((change.type, change.id), []).append(change.instance)
    return found


@given(playable_histories())
def test_random_histories_are_played_in_an_order_that_a_log_can_take(history: History) -> None:
    plan = assert_sound(history.changes)
    played = versions([step.change for step in plan.steps])
    for key, told in versions(history.changes).items():
        # Every version is there, in order; between them only what they were cut into.
        rest = iter(played[key])
        assert all(any(version == each for each in rest) for version in told), key


@pytest.mark.parametrize("scoreboard_type", ["pass-fail", "score"])
@pytest.mark.parametrize("phase", ["finished", "running-frozen"])
def test_a_contest_that_is_told_in_order_is_played_in_that_order(scoreboard_type: str, phase: str) -> None:
    """What is told as it happened is told just so again."""
    changes = simulated(scoreboard_type=scoreboard_type, phase=phase)
    plan = assert_sound(changes)
    assert [step.change for step in plan.steps] == changes


def test_a_contest_that_is_told_from_its_end_happens_as_it_did() -> None:
    """A package without history: every object once, as it is in the end."""
    told = simulated(seed=7)
    final = folded(told).objects
    changes = [ObjectChange(name, i, each) for name, members in final.items() for i, each in members.items()]
    changes.sort(key=lambda change: change.instance is not None and _ends_updates(change))
    plan = assert_sound(changes)
    seen = folded([])
    for step in plan.steps:
        seen.apply(seen.position + 1, step.change.type, step.change.id, step.change.instance)
        if isinstance(step.change.instance, Judgement) and step.change.instance.verdict is not None:
            end_time = step.change.instance.end_time
            assert end_time is not None
            assert plan.times.moment_ms(end_time) <= step.moment_ms
        if step.moment_ms < 4 * HOUR_MS:
            assert not seen.objects["awards"]
    assert rows(seen, frozen=True) == rows(folded(told), frozen=True)
    assert plan.steps[-1].change.instance == final["state"][""]


def _ends_updates(change: ObjectChange) -> bool:
    return isinstance(change.instance, State) and bool(change.instance.end_of_updates)


def test_the_setup_comes_first_and_what_changes_later_with_what_came_before() -> None:
    late = team("t4", None)
    renamed = msgspec.structs.replace(late, name="Renamed")
    made = submission("s9", "t4", "a", "2:00:00.000")
    plan = assert_sound(
        [*setup(), *put(state(started=START), submission("s8", "t1", "a", "1:00:00.000"), late, made, renamed)]
    )
    assert set(placed(plan, "contest")) == {SETUP_MS}
    assert placed(plan, "teams", "t1") == [SETUP_MS]
    assert placed(plan, "teams", "t4") == [HOUR_MS, 2 * HOUR_MS]


def test_a_team_that_is_told_of_late_is_there_when_it_submits() -> None:
    """A source may say how the contest ended before it tells of teams."""
    over = state(started=START, ended=moment("5:00:00.000"))
    early = submission("s9", "t4", "a", "0:30:00.000")
    plan = assert_sound([*setup(), *put(submission("s8", "t1", "a", "1:00:00.000"), over, team("t4", None), early)])
    assert placed(plan, "teams", "t4") == [HOUR_MS // 2]
    assert placed(plan, "submissions", "s9") == [HOUR_MS // 2]


def test_a_judgement_that_is_replaced_counts_until_the_other_has_its_verdict() -> None:
    first = judgement("j1", "s1", "WA", "1:00:10.000")
    second = msgspec.structs.replace(
        judgement("j2", "s1", "AC", "1:30:00.000"), start_time=moment("1:20:00.000"), current=True
    )
    no_more = msgspec.structs.replace(first, current=False)
    plan = assert_sound([*setup(), *put(submission("s1", "t1", "a", "1:00:00.000"), first, no_more, second)])
    assert placed(plan, "judgements", "j1")[-1] == placed(plan, "judgements", "j2")[-1] == HOUR_MS * 3 // 2 + 10_000


def test_nothing_comes_after_the_end_of_updates() -> None:
    """Though a judgement says that it ended later."""
    late = judgement("j1", "s1", "AC", "6:00:00.000")
    plan = assert_sound([*setup(), *put(submission("s1", "t1", "a", "1:00:00.000"), late), *CLOSED])
    assert plan.steps[-1].change == CLOSED[0]
    assert plan.steps[-1].moment_ms == 6 * HOUR_MS + 10_000


def test_a_deleted_object_goes_after_what_named_it() -> None:
    """And comes back after it has gone."""
    made = submission("s1", "t4", "a", "3:00:00.000")
    plan = assert_sound(
        [
            *setup(),
            *put(team("t4", None), made),
            gone("submissions", "s1"),
            gone("teams", "t4"),
            *put(team("t4", None), submission("s2", "t4", "a", "1:00:00.000")),
        ]
    )
    assert placed(plan, "teams", "t4") == [SETUP_MS, 3 * HOUR_MS, 3 * HOUR_MS]
    assert placed(plan, "submissions", "s2") == [3 * HOUR_MS]


def test_contest_time_counts_where_time_is_of_another_clock() -> None:
    """A judgement keeps its distance from its submission."""
    odd = msgspec.structs.replace(submission("s1", "t1", "a", "1:00:00.000"), time=moment("3:00:00.000"))
    plan = assert_sound([*small_contest()[: len(setup())], *put(odd, judgement("j1", "s1", "AC", "3:00:20.000"))])
    assert placed(plan, "submissions", "s1") == [HOUR_MS]
    assert placed(plan, "judgements", "j1")[-1] == HOUR_MS + 30_000


def test_a_contest_without_a_start_cannot_be_played() -> None:
    with pytest.raises(Refused, match="no start_time"):
        plan_of(put(msgspec.structs.replace(CONTEST, start_time=None)))
    with pytest.raises(Refused, match="no contest"):
        plan_of(put(team("t1", None)))


def test_a_verdict_that_is_told_of_only_as_replaced_counted_before() -> None:
    """Of two judgements of a submission as they are in the end, whichever is told of first."""
    made = submission("s1", "t1", "a", "1:00:00.000")
    wrong = msgspec.structs.replace(judgement("j1", "s1", "WA", "1:00:00.000"), current=False)
    right = msgspec.structs.replace(judgement("j2", "s1", "AC", "1:29:50.000"), start_time=moment("1:20:00.000"))
    for told in ([made, wrong, right], [made, right, wrong]):
        plan = assert_sound([*setup(), *put(*told)])
        steps = [
            (step.moment_ms, step.change.id, step.change.instance.verdict, step.change.instance.current)
            for step in plan.steps
            if isinstance(step.change.instance, Judgement)
        ]
        assert steps[1:] == [
            (HOUR_MS + 10_000, "j1", "WA", True),
            (HOUR_MS * 4 // 3, "j2", None, False),
            (HOUR_MS * 3 // 2, "j1", "WA", False),
            (HOUR_MS * 3 // 2, "j2", "AC", True),
        ]
        assert steps[0][1:] == ("j1", None, True)
