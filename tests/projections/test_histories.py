"""The random histories themselves: intact after every change, and full of what the laws are about.

Without this a law could hold because nothing ever happened.
"""

from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings

from projections.contest import ContestState
from projections.integrity import dangling
from projections.timeline import Timeline
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Clarification, ContestObject, Judgement, Submission
from tests.builders import Played, Reader
from tests.histories import MOVES, History, histories

EXAMPLES = 600

PHASES: dict[str, Callable[[Timeline], bool]] = {
    "before the start": lambda timeline: not timeline.started,
    "under embargo": lambda timeline: timeline.started and timeline.embargo_ms is not None,
    "frozen": lambda timeline: timeline.freeze_announced,
    "without a freeze": lambda timeline: timeline.freeze_ms is None,
    "thawed": lambda timeline: timeline.freeze_ms is not None and timeline.embargo_ms is None,
    "interrupted": lambda timeline: bool(timeline.removed),
}


def seen_in(built: ContestState, instance: ContestObject | None) -> list[str]:
    """What is remarkable about an object that was just written."""
    timeline: Timeline = built.timeline
    match instance:
        case Submission():
            submitted_ms = built.submission_times_ms[instance.id]
            return [
                *(["a submission of nobody"] if instance.team_id is None else []),
                *(["a submission before the start"] if submitted_ms < 0 else []),
                *(["a submission exactly at the freeze"] if submitted_ms == timeline.freeze_ms else []),
                *(["a submission at or after the end"] if not timeline.within_contest(max(submitted_ms, 0)) else []),
            ]
        case Judgement():
            return ["a pending judgement" if instance.judgement_type_id is None else "a verdict"]
        case Clarification():
            return ["a reply"] if instance.reply_to_id else ["a question or announcement"]
        case None:
            return ["a deletion"]
        case _:
            return []


REMARKABLE = {
    *PHASES,
    *("a submission of nobody", "a submission before the start", "a submission exactly at the freeze"),
    *("a submission at or after the end", "a pending judgement", "a verdict", "a reply", "a question or announcement"),
    "an extension",
    *("a deletion", "an object that came back", "a line that takes something away from the public"),
}


@settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(histories())
def play(history: History) -> None:
    """Count what a history contains, and check it on the way."""
    built, ever = ContestState(), set()
    MADE.update(history.kinds)
    for number, change in enumerate(history.changes):
        key = (change.type, change.id)
        returns = change.instance is not None and key in ever and change.id not in built.objects[change.type]
        built.apply(built.position + 1, change.type, change.id, change.instance)
        ever.add(key)
        if change.instance is not None:
            assert list(dangling(built.objects, OBJECT_TYPES[change.type], change.instance)) == []
        if number >= history.base:
            CHANGED.update([change.type])
            SEEN.update([name for name, holds in PHASES.items() if holds(built.timeline)])
            SEEN.update(seen_in(built, change.instance))
            SEEN.update(["an object that came back"] if returns else [])
            SEEN.update(["an extension"] if getattr(change.instance, EXTENSION, None) is not None else [])
    if b'"data":null' in Played(history.changes, roles=("public",)).feed(Reader("public")):
        SEEN.update(["a line that takes something away from the public"])


MADE: Counter[str] = Counter()
CHANGED: Counter[str] = Counter()
SEEN: Counter[str] = Counter()


def test_every_kind_of_change_is_made_and_every_phase_is_reached() -> None:
    """All moves, changes to all types, all phases, all edges; the same ones on every run."""
    play()
    assert MADE.keys() == MOVES.keys()
    assert OBJECT_TYPES.keys() == CHANGED.keys()
    assert SEEN.keys() == REMARKABLE
    assert min(MADE.values()) > 10
