"""Whether contest times of a stream count by what it tells itself, and if so by what, for those who are not shown all.

What counts is what everybody was shown when it was written: so any server comes to the same, whenever it reads the log,
and whatever has been taken back since. This module must not know who asks, nor what is done with a position.
"""

from typing import cast

from cds.decoding import decoded
from cds.past.reading import events_of_types_between
from eventstore.store import Event, EventStore
from projections.contest import SETTINGS, Change, ContestState
from projections.integrity import Key
from projections.told_times import STATE, SUBMISSIONS, ToldTimes, recorded_as_it_happened, told_ms_of
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, Judgement, Submission

MICROSECONDS = 1_000

JUDGEMENTS = "judgements"
SHOWN_TYPES = frozenset({STATE, SUBMISSIONS, JUDGEMENTS})
"""The types of which everybody is shown something as soon as it is there, whatever a freeze hides."""


def _named_from(type_name: str) -> frozenset[str]:
    """The types of all that objects of one type name, directly or through others."""
    found, waiting = set[str](), [type_name]
    while waiting:
        targets = {each.target for each in OBJECT_TYPES[waiting.pop()].references} - found
        found |= targets
        waiting += targets
    return frozenset(found)


RESTING_ON = frozenset({"contest", SETTINGS}) | SHOWN_TYPES | _named_from(SUBMISSIONS)
"""What decides whether everybody is shown them."""


def everybody_sees(state: ContestState, key: Key) -> bool:
    """Whether everybody is shown an object as soon as it is there, whatever happens in the contest.

    So verdicts count that no freeze hides, and those of a freeze never do: the same moment is to be the same after the
    thaw.
    """
    if key[0] == JUDGEMENTS:
        judgement = cast("Judgement | None", state.objects[JUDGEMENTS].get(key[1]))
        submission_id = None if judgement is None else judgement.submission_id
        submitted_ms = state.submission_times_ms.get(submission_id or "")
        freeze_ms = state.timeline.freeze_ms
        if submission_id is None or submitted_ms is None or (freeze_ms is not None and submitted_ms >= freeze_ms):
            return False
        key = (SUBMISSIONS, submission_id)
    return key[0] in SHOWN_TYPES and role_view("public").visible(state, None, *key)


class ToldToEverybody:
    """What one stream has told everybody of its times, as far as it has been read."""

    def __init__(self, store: EventStore, stream: str) -> None:
        """Nothing has been read yet."""
        self._store = store
        self._stream = stream
        self._position = 0
        self._state: ContestState | None = ContestState()
        self._written_ms: dict[str, int] = {}
        self._as_it_happened: bool | None = None
        self._told_ids: set[str] = set()
        self._times = ToldTimes()

    @property
    def objects(self) -> int:
        """How many objects are kept in mind: as heavy as that it is."""
        return 0 if self._state is None else len(self._state.versions)

    def is_level(self, end: int) -> bool:
        """Whether nothing has to be read to answer for a stream up to a position."""
        return self._as_it_happened is True or self._position >= end

    async def times(self, end: int, present: ContestState) -> ToldTimes | None:
        """What counts instead of when events were recorded, up to a position that the log has, or somewhat beyond.

        Objects that are still as they were are shared with the present state. None where contest times count by when
        events were recorded: nothing was submitted yet, or it was recorded as it happened, or is in no order. Raises
        UnreadableEvent, and as the store does.
        """
        if not self.is_level(end):
            async for event in events_of_types_between(self._store, self._stream, self._position, end, RESTING_ON):
                # Whoever waits may go at any event; the next one goes on from there.
                self._take(event, present)
                if self._as_it_happened:
                    break
            else:
                self._position = max(self._position, end)
        return self._times if self._as_it_happened is False and self._times.in_order else None

    def _take(self, event: Event, present: ContestState) -> None:
        state = self._state
        if state is None or event.position <= self._position:
            return
        key = (event.type, event.id)
        before = state.timeline
        change = state.apply(event.position, event.type, event.id, _shared(present, event) or decoded(event))
        self._position = event.position
        if event.type == SUBMISSIONS and self._as_it_happened is None:
            self._written_ms[event.id] = event.recorded_at_us // MICROSECONDS
        now = state.timeline
        hides_as_before = (before.started, before.duration_ms, before.freeze_ms) == (
            (now.started, now.duration_ms, now.freeze_ms)
        )
        for shown in _looked_at(change, key, whole=not hides_as_before):
            self._look_at(state, event.position, shown, own=shown == key)
            if self._as_it_happened:
                self._state = None
                self._written_ms.clear()
                return

    def _look_at(self, state: ContestState, position: int, key: Key, *, own: bool) -> None:
        instance = state.objects[key[0]].get(key[1])
        if instance is None or self._is_told_again(key, instance, own=own):
            return
        if not everybody_sees(state, key):
            return
        if isinstance(instance, Submission):
            self._told_ids.add(key[1])
            if self._as_it_happened is None:
                self._as_it_happened = recorded_as_it_happened(instance, self._written_ms[key[1]])
                self._written_ms.clear()
        self._times.take(position, key[0], instance)

    def _is_told_again(self, key: Key, instance: ContestObject, *, own: bool) -> bool:
        """Whether a time is told that was known: what has changed then may be for few to see."""
        if key[0] == SUBMISSIONS and key[1] not in self._told_ids:
            return False
        if key[0] == SUBMISSIONS and not own:
            return True
        told_ms, latest_ms = told_ms_of(key[0], instance), self._times.everything.latest_ms
        return told_ms is None or (latest_ms is not None and told_ms <= latest_ms)


def _shared(present: ContestState, event: Event) -> ContestObject | None:
    """What an event wrote, where the present state still holds that very object."""
    if event.type == SETTINGS or present.versions.get((event.type, event.id)) != event.position:
        return None
    return present.objects[event.type].get(event.id)


def _looked_at(change: Change, key: Key, *, whole: bool) -> list[Key]:
    """What an event may have shown everybody: its own object, and what rests on that or on the times of the contest."""
    if key[0] in ("contest", STATE, SETTINGS) and not whole:
        return [key] if key[0] == STATE else []
    return [each for each in change.keys if each[0] in SHOWN_TYPES]
