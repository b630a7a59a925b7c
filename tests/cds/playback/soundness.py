"""What every plan must be: in order of time, in an order that a log can take, and true to its history.

This module must not know how a plan is made.
"""

from collections.abc import Sequence

from cds.commands.decision import ObjectChange
from cds.playback.replaying import Plan
from projections.integrity import Key, ReferrerIndex, named_by
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from tests.cds.playback.plays import folded, plan_of


def assert_sound(changes: Sequence[ObjectChange]) -> Plan:
    """A plan never goes back, names nothing that is not there, and ends where the history does."""
    plan = plan_of(changes)
    moments_ms = [step.moment_ms for step in plan.steps]
    assert moments_ms == sorted(moments_ms)
    present: set[Key] = set()
    referrers = ReferrerIndex()
    objects: dict[Key, ContestObject | None] = {}
    for step in plan.steps:
        change = step.change
        key, row = (change.type, change.id), OBJECT_TYPES[change.type]
        if change.instance is None:
            assert not [each for each in referrers.of(key) if each != key], key
            present.discard(key)
        else:
            assert all(named in present or named == key for named in named_by(row, change.instance)), key
            present.add(key)
        referrers.replace(key, objects.get(key), change.instance)
        objects[key] = change.instance
        own_ms = [] if change.instance is None or change.type == "contest" else _told_ms(plan, change)
        assert all(moment_ms <= step.moment_ms for moment_ms in own_ms), change
    assert folded(s.change for s in plan.steps).objects == folded(changes).objects
    return plan


def _told_ms(plan: Plan, change: ObjectChange) -> list[int]:
    """The moments that a change names."""
    assert change.instance is not None
    return list(plan.times.moments_ms(change.type, change.instance).values())
