"""The fold: a stream of events becomes the state of a contest.

A state is changed in place by `apply`, for speed, and depends on nothing but the events applied, in their order.
Each application says which objects may look different to somebody afterwards. This module must not know
who may see what, nor where the events come from.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import cast

import msgspec

from projections.integrity import Key, ReferrerIndex
from projections.timeline import Timeline, timeline_of
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import (
    Award,
    Clarification,
    Contest,
    ContestObject,
    Judgement,
    JudgementType,
    Run,
    State,
    Submission,
    Team,
)
from schemas.records import RECORD_TYPES, Login, Settings
from schemas.times import parse_relative_time_ms


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one event may have changed for a viewer: these objects, those that are named before those that name.

    `further_aspects` (see FURTHER_ASPECTS) have changed too; only views in other words than ours rest on them.
    """

    position: int
    keys: tuple[Key, ...]
    further_aspects: tuple[str, ...] = ()


SUBMISSION_NUMBER_DIGITS_MAX = 12
"""A longer id that consists of digits was not counted up; new ids do not go on from it."""

RESHAPED_BY: dict[str, tuple[str, ...]] = {
    "started": ("problems", "submissions", "judgements", "runs", "clarifications", "awards", "commentary"),
    "duration_ms": ("submissions", "judgements", "runs", "commentary"),
    "embargo_ms": ("submissions", "judgements", "runs"),
    "frozen": ("teams", "awards"),
    "simplification": ("judgements", "runs"),
}
"""Which types may look different when an aspect of the whole contest changes (roles.md)."""

CONTEST_TIMES, MAIN_GROUP, COUNTING = FURTHER_ASPECTS = ("contest times", "main group", "counting")
"""Aspects on which no object rests as we show it: which contest time a moment has, whose scoreboard is the main one,
and whether a judgement counts. Other versions say of other objects what follows from them (`served_versions`)."""

FURTHER_TYPES = frozenset({"contest", "state", "judgements"})
"""The types whose objects bring them about."""

EXTENDED_TYPES = frozenset(name for name, row in OBJECT_TYPES.items() if EXTENSION in row.properties)
"""The types whose objects may say more than the JSON format has."""

NOTHING: frozenset[str] = frozenset()
EXTENDED_CONTEST = frozenset({"contest"})

SETTINGS = "x-settings"


class ContestState:
    """Everything that the events so far say.

    `objects` holds the collections by type and id in order of creation; `versions` the position of the last
    event of every object and record, deleted ones included, so that versions never restart. `settings` and `logins`
    are records; of answered requests only the position is kept. `highest_submission_number` is the highest id of a
    submission that is a number, also of one that is gone; `latest_submission_time_ms` is the contest time of the
    submission that was written last. `released_awards` are those that were withdrawn in the latest freeze that is over.
    `extended` holds, by type, the ids of the objects that have `ext`.
    `left_judgement_id` is the judgement that the object written last has left: a run that is deleted, or now another's.
    `contest` and `state` are the objects that exist once, None before they exist and after they were deleted: they
    stand among the `objects` too, and are asked for all the time.
    """

    def __init__(self) -> None:
        """The state before the first event."""
        self.position = 0
        self.objects: dict[str, MutableMapping[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
        self.versions: MutableMapping[Key, int] = {}
        self.referrers = ReferrerIndex()
        self.contest: Contest | None = None
        self.state: State | None = None
        self.timeline = Timeline()
        self.submission_times_ms: MutableMapping[str, int] = {}
        self.highest_submission_number = 0
        self.latest_submission_time_ms: int | None = None
        self.extended: dict[str, MutableMapping[str, None]] = {name: {} for name in EXTENDED_TYPES}
        self.settings = Settings()
        self.logins: MutableMapping[str, Login] = {}
        self.awards_at_freeze: dict[str, Award] | None = None
        self.released_awards: tuple[str, ...] = ()
        self.left_judgement_id: str | None = None

    @property
    def ended_updates(self) -> bool:
        """Whether `end_of_updates` is set, after which nothing may change."""
        return self.state is not None and bool(self.state.end_of_updates)

    @property
    def frozen(self) -> bool:
        """Whether the freeze has begun and is not over: the state says so, or something was submitted in it.

        From then on the awards and the streams of teams stand still for those behind the freeze.
        """
        return self.awards_at_freeze is not None

    def withdrawn_awards(self) -> dict[str, Award]:
        """The awards that were there when the freeze began and have been deleted since."""
        present = self.objects["awards"]
        return {i: award for i, award in (self.awards_at_freeze or {}).items() if i not in present}

    def simplified_type_id(self, judgement_type_id: str) -> str | None:
        """What outsiders see in place of a judgement type, None when they see the type itself."""
        judgement_type = cast("JudgementType | None", self.objects["judgement-types"].get(judgement_type_id))
        return judgement_type.simplified_judgement_type_id if judgement_type else None

    def apply(self, position: int, type_name: str, identifier: str, instance: ContestObject | None) -> Change:
        """Take in the event at the next position; `instance` None is a deletion."""
        self.position = position
        if type_name in RECORD_TYPES:
            return self._apply_record(position, (type_name, identifier), instance)
        return self._apply_object(position, (type_name, identifier), instance)

    def _apply_record(self, position: int, key: Key, record: ContestObject | None) -> Change:
        self.versions[key] = position
        if key[0] == SETTINGS:
            return self._apply_settings(position, cast("Settings", record or Settings()))
        if key[0] == "x-logins" and record is None:
            self.logins.pop(key[1], None)
        elif key[0] == "x-logins":
            self.logins[key[1]] = cast("Login", record)
        return Change(position, ())

    def _apply_settings(self, position: int, settings: Settings) -> Change:
        """Nothing that anybody sees rests on the settings but for the pace: it says when a freeze by hand began."""
        pace_permille, self.settings = self.settings.pace_permille, settings
        if settings.pace_permille == pace_permille:
            return Change(position, ())
        aspects = self._changed_times()
        if self._note_freeze(None):
            aspects.append("frozen")
        keys = self._keys_with(("contest", SINGLETON_ID), _reshaped_by(aspects))
        return Change(position, tuple(keys), (CONTEST_TIMES,))

    def _apply_object(self, position: int, key: Key, instance: ContestObject | None) -> Change:
        type_name, identifier = key
        collection = self.objects[type_name]
        before = collection.get(identifier)
        if instance is None:
            collection.pop(identifier, None)
        else:
            collection[identifier] = instance
        self.versions[key] = position
        self.referrers.replace(key, before, instance)
        if type_name in EXTENDED_TYPES:
            self._note_extension(key, instance)
        if type_name == "submissions":
            self._note_submission(identifier, cast("Submission | None", instance))
        self.left_judgement_id = _left_judgement_id(before, instance) if type_name == "runs" else None
        timeline = self.timeline
        reshaped = self._reshaped_types(type_name, before, instance)
        further = self._further_aspects(type_name, before, instance, timeline) if type_name in FURTHER_TYPES else ()
        depending = self._keys_depending_on(key, before, instance) if _shapes_views(type_name, before, instance) else []
        if not reshaped:
            return Change(position, tuple(depending or [key]), further)
        # What begins the freeze, a submission that is moved into it, say, may be what others rest on besides.
        found = dict.fromkeys((*self._keys_with(key, reshaped), *depending))
        return Change(position, tuple(sorted(found, key=self._place) if depending else found), further)

    def _further_aspects(
        self, type_name: str, before: ContestObject | None, after: ContestObject | None, timeline: Timeline
    ) -> tuple[str, ...]:
        """Which of FURTHER_ASPECTS have changed; `timeline` is that before the event."""
        if type_name == "judgements":
            return () if _counts(before) == _counts(after) else (COUNTING,)
        found = []
        if (timeline.start_ms, timeline.removed) != (self.timeline.start_ms, self.timeline.removed):
            found.append(CONTEST_TIMES)
        if type_name == "contest" and _main_group_id(before) != _main_group_id(after):
            found.append(MAIN_GROUP)
        return tuple(found)

    def note_singletons(self) -> None:
        """Have at hand the objects that exist once, and what follows from them."""
        self.contest = cast("Contest | None", self.objects["contest"].get(SINGLETON_ID))
        self.state = cast("State | None", self.objects["state"].get(SINGLETON_ID))
        self.timeline = timeline_of(self.contest, self.state, self.settings.pace_permille)

    def _note_extension(self, key: Key, instance: ContestObject | None) -> None:
        extended = self.extended[key[0]]
        if instance is not None and getattr(instance, EXTENSION) is not None:
            extended[key[1]] = None
        elif key[1] in extended:
            del extended[key[1]]

    def _note_submission(self, identifier: str, submission: Submission | None) -> None:
        if submission is None:
            self.submission_times_ms.pop(identifier, None)
            return
        contest_time_ms = parse_relative_time_ms(submission.contest_time)
        self.submission_times_ms[identifier] = self.latest_submission_time_ms = contest_time_ms
        if len(identifier) <= SUBMISSION_NUMBER_DIGITS_MAX and identifier.isascii() and identifier.isdecimal():
            self.highest_submission_number = max(self.highest_submission_number, int(identifier))

    def _reshaped_types(
        self, type_name: str, before: ContestObject | None, after: ContestObject | None
    ) -> frozenset[str]:
        """The types that may look different because an aspect of the whole contest has changed."""
        if type_name == "judgement-types":
            return _simplification_reshapes(before, after)
        if type_name not in ("contest", "state", "submissions"):
            return NOTHING
        aspects = self._changed_times() if type_name != "submissions" else []
        if self._note_freeze(after):
            aspects.append("frozen")
        # A match tells its task from the start on; a contest without extensions looks the same before and after.
        further = EXTENDED_CONTEST if "started" in aspects and self.extended["contest"] else NOTHING
        return _reshaped_by(aspects) | further

    def _changed_times(self) -> list[str]:
        """Have a timeline that is right; which aspects of the contest that has changed."""
        old = self.timeline
        self.note_singletons()
        return [name for name in RESHAPED_BY if getattr(old, name, None) != getattr(self.timeline, name, None)]

    def _note_freeze(self, after: ContestObject | None) -> bool:
        """Keep what was to be seen of the awards when the freeze began, while it lasts; say whether that changed."""
        was_frozen = self.frozen
        if self.timeline.embargo_ms is None or (was_frozen and self._freeze_taken_back(after)):
            self.released_awards = tuple(self.withdrawn_awards())
            self.awards_at_freeze = None
        elif not was_frozen and (self.timeline.freeze_announced or self._submitted_in_freeze(after)):
            self.awards_at_freeze = cast("dict[str, Award]", dict(self.objects["awards"]))
        return self.frozen != was_frozen

    def _freeze_taken_back(self, after: ContestObject | None) -> bool:
        """A freeze that was put earlier by hand may be taken back before its time, and begins again then."""
        if self.timeline.freeze_announced or not isinstance(after, Contest | State):
            return False
        return not any(
            self.timeline.within_contest(time_ms) and self.timeline.embargoed(time_ms)
            for time_ms in self.submission_times_ms.values()
        )

    def _submitted_in_freeze(self, after: ContestObject | None) -> bool:
        """A source may tell of submissions in the freeze without ever saying that it began."""
        if not isinstance(after, Submission):
            return False
        contest_time_ms = self.submission_times_ms[after.id]
        return self.timeline.within_contest(contest_time_ms) and self.timeline.embargoed(contest_time_ms)

    def _keys_with(self, key: Key, types: Iterable[str]) -> Iterator[Key]:
        """All objects of these types, and the changed one, in the order of table one."""
        for type_name in sorted({key[0], *types}, key=TYPE_ORDER.__getitem__):
            if type_name in types:
                keys = ((type_name, identifier) for identifier in self.objects[type_name])
                yield from sorted(keys, key=self._replies_above) if type_name == "clarifications" else keys
                if type_name == "awards":
                    yield from ((type_name, i) for i in (*self.withdrawn_awards(), *self.released_awards))
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
        return sorted(found, key=self._place)

    def _place(self, key: Key) -> tuple[int, int]:
        """Where an object comes among those that are looked at: behind what it names."""
        return TYPE_ORDER[key[0]], self._replies_above(key)

    def _replies_above(self, key: Key) -> int:
        """How many clarifications stand above one in its thread: a reply comes behind what it replies to."""
        thread: dict[str, None] = {}
        instance = self.objects["clarifications"].get(key[1]) if key[0] == "clarifications" else None
        while isinstance(instance, Clarification) and instance.id not in thread:
            thread[instance.id] = None
            instance = self.objects["clarifications"].get(instance.reply_to_id or "")
        return len(thread)

    def _directly_depending(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> Iterator[Key]:
        if key[0] == "teams":
            yield from self._clarifications_to_groups_of(cast("Team | None", before), cast("Team | None", after))
            yield from (("awards", i) for i, award in (self.awards_at_freeze or {}).items() if _names(award, key[1]))
        elif key[0] != "persons":
            yield from self.referrers.of(key)

    def _clarifications_to_groups_of(self, before: Team | None, after: Team | None) -> Iterator[Key]:
        """A team that changes groups, comes or goes gains and loses what was addressed to them."""
        if not self.objects["clarifications"]:
            return  # A group may have tens of thousands of teams, which come one after the other.
        groups = dict.fromkeys(group_id for team in (before, after) if team for group_id in team.group_ids or ())
        for group_id in groups:
            for referrer in self.referrers.of(("groups", group_id)):
                if referrer[0] == "clarifications":
                    yield referrer

    def judgements_of(self, submission_id: str) -> Iterator[Judgement]:
        """The judgements of a submission, in the order in which they began to name it."""
        for identifier in self.referrers.of_type(("submissions", submission_id), "judgements"):
            yield cast("Judgement", self.objects["judgements"][identifier])

    def teams_of_groups(self, group_ids: Iterable[str]) -> dict[str, None]:
        """The ids of all teams in any of the groups, in a fixed order."""
        return {
            team_id: None for group_id in group_ids for team_id in self.referrers.of_type(("groups", group_id), "teams")
        }

    def recipients(self, clarification: Clarification) -> dict[str, None]:
        """The ids of the teams to which a clarification is addressed, by team or by group."""
        return dict.fromkeys(clarification.to_team_ids or ()) | self.teams_of_groups(clarification.to_group_ids or ())


def _reshaped_by(aspects: Iterable[str]) -> frozenset[str]:
    types = [name for aspect in aspects for name in RESHAPED_BY[aspect]]
    return frozenset(types) if types else NOTHING


def _counts(judgement: ContestObject | None) -> bool:
    """Whether a judgement counts; one that is not there does as far as others are concerned, since nothing names it."""
    return not isinstance(judgement, Judgement) or judgement.current is not False


def _left_judgement_id(before: ContestObject | None, after: ContestObject | None) -> str | None:
    """The judgement that a run was of and is no more."""
    if not isinstance(before, Run) or (isinstance(after, Run) and after.judgement_id == before.judgement_id):
        return None
    return before.judgement_id


def _main_group_id(contest: ContestObject | None) -> str | None:
    return contest.main_scoreboard_group_id if isinstance(contest, Contest) else None


def _names(award: Award, team_id: str) -> bool:
    return award.team_ids is not None and team_id in award.team_ids


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
