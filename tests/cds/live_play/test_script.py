"""What of a simulated contest is played: nothing that the server does, everything that clients do, in their order."""

from collections import Counter
from itertools import pairwise

import pytest

from cds.live_play.script import concerned, script_of
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from schemas.objects import Contest, Judgement
from tests.cds.live_play.plays import PARAMETERS, SPEED, contest, script


def test_durations_are_divided_by_the_speed_and_nothing_is_scheduled() -> None:
    contests = [instance for _, instance in script().configuration if isinstance(instance, Contest)]
    for instance in contests:
        assert instance.start_time is None
        assert (instance.duration, instance.scoreboard_freeze_duration) == ("0:00:02.000", "0:00:01.000")
        assert instance.penalty_time == "0:00:00.333"
    assert [instance.main_scoreboard_group_id for instance in contests] == [None, "official"]
    assert script().duration_ms == 2000


def test_moments_are_divided_by_the_speed_and_ascend() -> None:
    due = [change.due_ms for change in script().changes]
    assert all(earlier <= later for earlier, later in pairwise(due))
    first = next(change for change in contest().timeline() if change.type == "submissions")
    played = next(change for change in script().changes if change.key == ("submissions", first.id))
    assert played.due_ms == int(first.moment_ms / SPEED)


def test_everything_that_clients_do_is_played_and_nothing_else() -> None:
    objects = contest().objects
    counts = Counter(change.key[0] for change in script().changes)
    assert counts == {
        "submissions": len(objects["submissions"]),
        "judgements": 2 * len(objects["judgements"]),
        "runs": len(objects["runs"]),
        "clarifications": len(objects["clarifications"]),
        "commentary": len(objects["commentary"]),
    }
    assert {type_name for type_name, _ in script().configuration} == {
        name for name in objects if name not in counts and name not in ("state", "awards")
    }


def test_a_judgement_that_is_replaced_is_told_twice_only() -> None:
    replaced = [j for j in contest().objects["judgements"] if isinstance(j, Judgement) and j.current is False]
    assert replaced
    for judgement in replaced:
        told = [change.instance for change in script().changes if change.key == ("judgements", judgement.id)]
        assert [isinstance(each, Judgement) and each.judgement_type_id for each in told] == [
            None,
            judgement.judgement_type_id,
        ]


def test_what_is_concerned_orders_submission_judgement_runs_and_verdict() -> None:
    """Every change is about something that an earlier change was about, back to the submission."""
    met: set[tuple[str, str]] = set()
    for change in script().changes:
        keys = set(concerned(change))
        assert change.key in keys
        assert keys - {change.key} <= met
        met |= keys


def test_a_speed_that_leaves_nothing_is_refused() -> None:
    brief = simulate(SimulationParameters(teams=1, problems=1, submissions=0, duration_s=60, freeze_s=0))
    with pytest.raises(ValueError, match="speed"):
        script_of(brief, 100_000)
    assert not script_of(brief, 600).freezes
    assert PARAMETERS.freeze_s
    assert script().freezes
