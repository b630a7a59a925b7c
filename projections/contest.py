"""The fold: a stream of events becomes the state of a contest.

A state is changed in place by `apply`, for speed, and depends on nothing but the events applied, in their order.
Each application says which objects may look different to somebody afterwards. This module must not know
who may see what, nor where the events come from.
"""

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec

from projections.integrity import Key, ReferrerIndex
from projections.timeline import Timeline, timeline_of
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import Award, Clarification, Contest, ContestObject, JudgementType, State, Submission, Team
from schemas.times import parse_relative_time_ms


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one event may have changed for a viewer: these objects, those that are named before those that name."""

    position: int
    keys: tuple[Key, ...]


RESHAPED_BY: dict[str, tuple[str, ...]] = {
    "started": ("problems", "submissions", "judgements", "runs", "clarifications", "awards", "commentary"),
    "duration_ms": ("submissions", "judgements", "runs", "commentary"),
    "embargo_ms": ("submissions", "judgements", "runs"),
    "frozen_now": ("teams", "awards"),
    "simplification": ("judgements", "runs"),
}
"""Which types may look different when an aspect of the whole contest changes (roles.md)."""


class ContestState:
    """Everything that the events so far say.

    `objects` holds the collections by type and id in order of creation; `versions` the position of the last
    event of every object, deleted ones included, so that versions never restart.
    """

    def __init__(self) -> None:
        """The state before the first event."""
        self.position = 0
        self.objects: dict[str, dict[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
        self.versions: dict[Key, int] = {}
        self.referrers = ReferrerIndex()
        self.timeline = Timeline()
        self.submission_times_ms: dict[str, int] = {}
        self.awards_at_freeze: dict[str, Award] | None = None

    @property
    def contest(self) -> Contest | None:
        """The contest object, None before it exists and after it was deleted."""
        return cast("Contest | None", self.objects["contest"].get(SINGLETON_ID))

    @property
    def state(self) -> State | None:
        """The state object of the contest."""
        return cast("State | None", self.objects["state"].get(SINGLETON_ID))

    @property
    def ended_updates(self) -> bool:
        """Whether `end_of_updates` is set, after which nothing may change."""
        return self.state is not None and bool(self.state.end_of_updates)

    def simplified_type_id(self, judgement_type_id: str) -> str | None:
        """What outsiders see in place of a judgement type, None when they see the type itself."""
        judgement_type = cast("JudgementType | None", self.objects["judgement-types"].get(judgement_type_id))
        return judgement_type.simplified_judgement_type_id if judgement_type else None

    def apply(self, position: int, type_name: str, identifier: str, instance: ContestObject | None) -> Change:
        """Take in the event at the next position; `instance` None is a deletion."""
        self.position = position
        key = (type_name, identifier)
        collection = self.objects[type_name]
        before = collection.get(identifier)
        if instance is None:
            collection.pop(identifier, None)
        else:
            collection[identifier] = instance
        self.versions[key] = position
        self.referrers.replace(key, before, instance)
        if type_name == "submissions":
            self._note_submission_time(identifier, cast("Submission | None", instance))
        reshaped = self._reshaped_types(type_name, before, instance)
        if reshaped:
            return Change(position, tuple(self._keys_with(key, reshaped)))
        if not _shapes_views(type_name, before, instance):
            return Change(position, (key,))
        return Change(position, tuple(self._keys_depending_on(key, before, instance)))

    def _note_submission_time(self, identifier: str, submission: Submission | None) -> None:
        if submission is None:
            self.submission_times_ms.pop(identifier, None)
        else:
            self.submission_times_ms[identifier] = parse_relative_time_ms(submission.contest_time)

    def _reshaped_types(
        self, type_name: str, before: ContestObject | None, after: ContestObject | None
    ) -> frozenset[str]:
        """The types that may look different because an aspect of the whole contest has changed."""
        if type_name == "judgement-types":
            return _simplification_reshapes(before, after)
        if type_name not in ("contest", "state"):
            return frozenset()
        old, new = self.timeline, timeline_of(self.contest, self.state)
        self.timeline = new
        self._note_awards_at_freeze(old, new)
        return frozenset(
            name
            for aspect, names in RESHAPED_BY.items()
            if getattr(old, aspect, None) != getattr(new, aspect, None)
            for name in names
        )

    def _note_awards_at_freeze(self, old: Timeline, new: Timeline) -> None:
        """Keep what the public saw of the awards when the freeze began, for as long as it lasts."""
        if new.frozen_now and not old.frozen_now:
            self.awards_at_freeze = cast("dict[str, Award]", dict(self.objects["awards"]))
        elif not new.frozen_now:
            self.awards_at_freeze = None

    def _keys_with(self, key: Key, types: Iterable[str]) -> Iterator[Key]:
        """All objects of these types, and the changed one, in the order of table one."""
        for type_name in sorted({key[0], *types}, key=TYPE_ORDER.__getitem__):
            if type_name in types:
                yield from ((type_name, identifier) for identifier in self.objects[type_name])
            if type_name == key[0] and (type_name not in types or key[1] not in self.objects[type_name]):
                yield key

    def _keys_depending_on(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> list[Key]:
        """The object and all whose visibility rests on it, directly or through others."""
        found: dict[Key, None] = {key: None}
        waiting = list(self._directly_depending(key, before, after))
        while waiting:
            dependent = waiting.pop(0)
            if dependent not in found:
                found[dependent] = None
                waiting.extend(self.referrers.of(dependent))
        return sorted(found, key=lambda dependent: TYPE_ORDER[dependent[0]])

    def _directly_depending(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> Iterator[Key]:
        if key[0] == "teams":
            yield from self._clarifications_to_groups_of(cast("Team | None", before), cast("Team | None", after))
        elif key[0] != "persons":
            yield from self.referrers.of(key)

    def _clarifications_to_groups_of(self, before: Team | None, after: Team | None) -> Iterator[Key]:
        """A team that changes groups, comes or goes gains and loses what was addressed to them."""
        groups = dict.fromkeys(group_id for team in (before, after) if team for group_id in team.group_ids or ())
        for group_id in groups:
            for referrer in self.referrers.of(("groups", group_id)):
                if referrer[0] == "clarifications":
                    yield referrer

    def teams_of_groups(self, group_ids: Iterable[str]) -> dict[str, None]:
        """The ids of all teams in any of the groups, in a fixed order."""
        return {
            team_id: None for group_id in group_ids for team_id in self.referrers.of_type(("groups", group_id), "teams")
        }

    def recipients(self, clarification: Clarification) -> dict[str, None]:
        """The ids of the teams to which a clarification is addressed, by team or by group."""
        return dict.fromkeys(clarification.to_team_ids or ()) | self.teams_of_groups(clarification.to_group_ids or ())


def _shapes_views(type_name: str, before: ContestObject | None, after: ContestObject | None) -> bool:
    """Whether others may look different too. What comes or goes is named by nothing; only a team has groups."""
    if before is None or after is None:
        return type_name == "teams"
    return any(
        getattr(before, property) != getattr(after, property) for property in OBJECT_TYPES[type_name].shapes_views
    )


def _simplification_reshapes(before: ContestObject | None, after: ContestObject | None) -> frozenset[str]:
    old = before.simplified_judgement_type_id if isinstance(before, JudgementType) else None
    new = after.simplified_judgement_type_id if isinstance(after, JudgementType) else None
    return frozenset(RESHAPED_BY["simplification"]) if old != new else frozenset()
