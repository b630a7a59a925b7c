"""Contests that were really held, played again."""

from collections.abc import Sequence

import pytest

from cds.commands.decision import ObjectChange
from cds.playback.schedule import SETUP_MS, Due
from projections.contest import ContestState
from schemas.objects import Judgement
from tests.cds.contest_api.real_contests import REAL_CONTESTS, needs_shared_data, real_contest
from tests.cds.playback.plays import folded, replayed, rows, settings_of
from tests.cds.playback.soundness import assert_sound

pytestmark = needs_shared_data
HOUR_MS = 3_600_000


def changes_of(contest_id: str) -> list[ObjectChange]:
    """The history of a recorded contest."""
    return [ObjectChange(each.type, each.id, each.instance) for each in real_contest(contest_id).changes]


@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
def test_recorded_contests_come_to_the_board_that_they_had(contest_id: str) -> None:
    changes = changes_of(contest_id)
    plan = assert_sound(changes)
    then, now = folded(changes), folded(replayed(plan))
    for frozen in (True, False):
        assert rows(now, frozen=frozen) == rows(then, frozen=frozen)
    assert now.timeline.freeze_ms == then.timeline.freeze_ms
    assert all(moment_ms > SETUP_MS for moment_ms in _moments_ms(plan.steps, "submissions"))


def _moments_ms(steps: Sequence[Due], type_name: str) -> list[int]:
    return [step.moment_ms for step in steps if step.change.type == type_name]


def test_the_world_finals_show_no_verdict_before_its_time() -> None:
    """At every hour the board is the one that the submissions and verdicts of then give."""
    changes = changes_of("wf44")
    plan = assert_sound(changes)
    told = replayed(plan)
    then, now = ContestState(), folded([settings_of(plan)])
    hours = 0
    for step, change in zip(plan.steps, told[1:], strict=True):
        if step.moment_ms > hours * HOUR_MS and hours <= 5:
            assert rows(then, frozen=True) == rows(now, frozen=True)
            judged = [each for each in now.objects["judgements"].values() if isinstance(each, Judgement)]
            assert bool(judged) == (hours > 0)
            hours += 1
        for state, each in ((then, step.change), (now, change)):
            state.apply(state.position + 1, each.type, each.id, each.instance)
        instance = step.change.instance
        if isinstance(instance, Judgement) and instance.end_time is not None:
            assert step.moment_ms >= plan.times.moment_ms(instance.end_time)
    assert hours == 6
