"""Putting a contest together out of what a source says, so that every step can be taken by a fresh log.

A source says things in any order; a log takes a reference only when its target is there, and a deletion only when
nothing names the object. So what comes too early waits, what is deleted too early stays, and `finish` settles the
rest. This module knows references, judgements in force, hidden teams and the end of updates; no dialect.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from cds.dialects.current_judgements import CurrentJudgements
from cds.dialects.hidden_teams import HiddenTeams
from cds.dialects.known import JUDGEMENT_TYPES
from cds.dialects.references import Key, Missing, is_waited_for, missing_references, referenced_keys, without
from cds.dialects.results import Change, Notices, Place, refusal
from projections.submission_scores import is_beyond, score_max
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import Contest, ContestObject, Judgement, JudgementType, State, Submission, Team
from schemas.times import parse_relative_time_ms

_STATE: Key = ("state", SINGLETON_ID)


class _Saying(msgspec.Struct, frozen=True):
    """What the source says of an object, and where. `closed`: what it names must be there."""

    key: Key
    instance: ContestObject
    place: Place
    closed: bool


class Assembly:
    """A contest that grows. Every method that changes it leaves the changes, in order, for `take_changes`.

    `closed`: the source is complete in itself (a package), so a reference that leads nowhere is refused; else it
    is left out with a warning. `known_types_at_once`: the source has no judgement types, so those of the
    specification are filled in when first named.
    """

    def __init__(
        self,
        notices: Notices,
        *,
        closed: bool,
        known_types_at_once: bool = False,
        hidden_teams: HiddenTeams | None = None,
    ) -> None:
        self.objects: dict[str, dict[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
        self.hidden_teams = hidden_teams or HiddenTeams()
        self.end_of_updates: str | None = None
        self._notices = notices
        self._closed = closed
        self._fills_types = known_types_at_once
        self._judgements = CurrentJudgements()
        self._changes: list[Change] = []
        self._named: dict[Key, int] = {}
        self._sayings: dict[Key, _Saying] = {}
        self._waiting: dict[Key, None] = {}
        self._waiters: dict[Key, dict[Key, None]] = {}
        self._deletions: dict[Key, Place] = {}
        self._overruled_at: dict[str, Place] = {}
        self._place = Place("")
        self._state_filled: State | None = None
        self._queue: deque[Key] = deque()
        self._arrangements: dict[str, Callable[[Key, ContestObject], None]] = {
            "contest": self._stand_contest,
            "teams": self._stand_team,
            "state": self._stand_state,
            "judgements": self._stand_judgement,
        }

    def take_changes(self) -> list[Change]:
        """The changes since the last call."""
        changes, self._changes = self._changes, []
        return changes

    @property
    def has_changes(self) -> bool:
        """Whether there is anything for `take_changes`."""
        return bool(self._changes)

    def awaits(self, key: Key) -> bool:
        """Whether the latest word on an object still waits for what it names, or for being deleted."""
        return key in self._waiting or key in self._deletions

    def ids(self, type_name: str) -> list[str]:
        """The ids of a type that the source has, those that still wait included."""
        waiting = [identifier for name, identifier in self._waiting if name == type_name]
        return [*self.objects[type_name], *(each for each in waiting if each not in self.objects[type_name])]

    def say(
        self, key: Key, instance: ContestObject, place: Place, *, hidden: bool = False, may_dangle: bool = False
    ) -> None:
        """The source says that an object is so; `may_dangle`: its references are taken as if not `closed`."""
        self._deletions.pop(key, None)
        if key[0] in ("teams", "groups"):
            self._place = place
            self._note_hidden(key, hidden=hidden)
        elif isinstance(instance, Contest):
            self.hidden_teams.contest_names_a_group = instance.main_scoreboard_group_id is not None
        self._settle(_Saying(key, instance, place, self._closed and not may_dangle))
        self._run_queue()

    def delete(self, key: Key, place: Place) -> None:
        """The source says that an object is gone; it goes as soon as nothing names it."""
        self._forget_saying(key)
        if key not in self._deletions and key[1] in self.objects[key[0]]:
            self._deletions[key] = place
            self._queue.append(key)
        self._run_queue()

    @property
    def waiting(self) -> int:
        """How many objects wait for what they name, those that stand in part included."""
        return len(self._sayings)

    def awaited(self) -> Iterator[tuple[Key, Key]]:
        """Every object that waits, or stands in part, with each that it names and is missing."""
        for key, saying in self._sayings.items():
            for missing in missing_references(key, saying.instance, self.objects):
                yield key, missing.key

    @property
    def has_unsettled(self) -> bool:
        """Whether anything waits for what it names, or the source has not said a state."""
        return bool(self._sayings) or self.objects["state"].get(SINGLETON_ID) is self._state_filled

    def settle(self, place: Place) -> None:
        """The source has come to a rest: what waits stands in part where it can, and goes on waiting for the rest.

        Nothing is given up by this: what comes later is taken as if it had come in time.
        """
        self._release_for_types()
        for key in sorted(self._waiting, key=lambda waiting: TYPE_ORDER[waiting[0]]):
            saying = self._sayings.get(key)
            if saying is None or key not in self._waiting or saying.closed:
                continue
            missing = missing_references(key, saying.instance, self.objects)
            if missing and self._stand_in_part(saying, missing):
                self._waiting.pop(key, None)
            self._run_queue()
        self._fill_state(place)

    def finish(self, place: Place) -> None:
        """The source has ended: settle what waits, fill in what is lacking, and end the updates if it said so."""
        self._release_for_types()
        self._force_waiting()
        self._report_incomplete()
        for identifier in self._judgements.overruled:
            words = "is current beside a judgement of the same submission that started later, set to false"
            self._notices.warn(self._overruled_at[identifier], "judgements", identifier, "current", words)
        for (type_name, identifier), said_at in self._deletions.items():
            self._notices.warn(said_at, type_name, identifier, "", "is deleted while others name it, kept")
        self._fill_state(place)
        state = self.objects["state"].get(SINGLETON_ID)
        if self.end_of_updates is not None and state is not None:
            self._put(_STATE, msgspec.structs.replace(state, end_of_updates=self.end_of_updates))

    # What is said: stand, stand in part, or wait.

    def _settle(self, saying: _Saying) -> None:
        key, self._place = saying.key, saying.place
        self._forget_saying(key)
        missing = missing_references(key, saying.instance, self.objects)
        if missing and self._fills_types:
            missing = self._fill_types(missing, saying.place)
        if not missing:
            self._stand(saying, saying.instance)
            return
        self._sayings[key] = saying
        awaited = next((each for each in missing if is_waited_for(key, each)), None)
        if awaited is not None:
            self._waiting[key] = None
            self._waiters.setdefault(awaited.key, {})[key] = None
            return
        self._stand_in_part(saying, missing)

    def _stand_in_part(self, saying: _Saying, missing: list[Missing]) -> bool:
        """Make the object without what it names and is missing; whether that is possible."""
        reduced = without(saying.instance, missing, saying.key[0])
        if reduced is None:
            return False
        for each in missing:
            self._waiters.setdefault(each.key, {})[saying.key] = None
        self._stand(saying, reduced)
        return True

    def _forget_saying(self, key: Key) -> None:
        self._sayings.pop(key, None)
        self._waiting.pop(key, None)

    def _run_queue(self) -> None:
        while self._queue:
            key = self._queue.popleft()
            if key in self._deletions and not self._named.get(key):
                del self._deletions[key]
                self._remove(key)
            elif key in self._sayings:
                self._settle(self._sayings[key])

    # What stands: single objects, with what their kind brings along.

    def _stand(self, saying: _Saying, instance: ContestObject) -> None:
        arrangement = self._arrangements.get(saying.key[0], self._put)
        arrangement(saying.key, instance)

    def _stand_contest(self, key: Key, instance: ContestObject) -> None:
        self._put(key, self.hidden_teams.adjusted_contest(instance) if isinstance(instance, Contest) else instance)

    def _stand_team(self, key: Key, instance: ContestObject) -> None:
        if not isinstance(instance, Team):
            return
        if self.hidden_teams.calls_for_group(instance):
            self._put_all(self.hidden_teams.open_group(self.objects))
            words = (
                f"is hidden, which the format no longer knows: all other teams are put into the group "
                f"{self.hidden_teams.group_id}, which becomes the contest's main_scoreboard_group_id"
            )
            self._notices.warn(self._place, key[0], key[1], "hidden", words)
        self._put(key, self.hidden_teams.adjusted_team(instance))

    def _stand_state(self, key: Key, instance: ContestObject) -> None:
        if isinstance(instance, State):
            self.end_of_updates = instance.end_of_updates or None
            instance = msgspec.structs.replace(instance, end_of_updates=None)
        self._put(key, instance)

    def _stand_judgement(self, key: Key, instance: ContestObject) -> None:
        if isinstance(instance, Judgement):
            most = None if instance.score is None else score_max(self.objects, instance)
            if is_beyond(instance.score, most):
                words = f"is {instance.score}, more than the {most} that the problem brings"
                self._notices.warn(self._place, *key, "score", words)
            for identifier, version in self._judgements.arrange(instance, self.objects[key[0]]):
                self._put((key[0], identifier), version)
            for identifier in self._judgements.newly_overruled():
                self._overruled_at[identifier] = self._place

    def _note_hidden(self, key: Key, *, hidden: bool) -> None:
        news = self.hidden_teams.mark(key[0], key[1], hidden=hidden)
        if not news or key[0] != "groups":
            return
        for identifier, team in list(self.objects["teams"].items()):
            if isinstance(team, Team) and key[1] in (team.group_ids or ()):
                self._stand_team(("teams", identifier), team)

    def _put_all(self, versions: Iterable[tuple[str, str, ContestObject]]) -> None:
        for type_name, identifier, instance in versions:
            self._put((type_name, identifier), instance)

    def _put(self, key: Key, instance: ContestObject) -> None:
        standing = self.objects[key[0]]
        before = standing.get(key[1])
        if before == instance:
            return
        self._count_names(key, before, instance)
        standing[key[1]] = instance
        self._changes.append(Change(key[0], key[1], instance))
        if before is None:
            self._queue.extend(self._waiters.pop(key, ()))

    def _remove(self, key: Key) -> None:
        before = self.objects[key[0]].pop(key[1])
        self._count_names(key, before, None)
        self._changes.append(Change(key[0], key[1], None))
        if isinstance(before, Judgement):
            for identifier, version in self._judgements.remove(before, self.objects[key[0]]):
                self._put((key[0], identifier), version)
            for identifier in self._judgements.newly_overruled():
                self._overruled_at[identifier] = self._place

    def _count_names(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> None:
        """Keep count of who is named, and look again at deletions that waited for it."""
        old = referenced_keys(key, before) if before is not None else []
        new = referenced_keys(key, after) if after is not None else []
        if old == new:
            return
        for named in new:
            self._named[named] = self._named.get(named, 0) + 1
        for named in old:
            self._named[named] -= 1
            if not self._named[named] and named in self._deletions:
                self._queue.append(named)

    # What is lacking at the end.

    def _fill_types(self, missing: list[Missing], place: Place) -> list[Missing]:
        """Fill in the judgement types of the specification that are named; what remains missing."""
        remaining: list[Missing] = []
        for each in missing:
            known = JUDGEMENT_TYPES.get(each.id)
            if each.reference.target != "judgement-types" or known is None:
                remaining.append(each)
            elif each.id not in self.objects["judgement-types"]:
                self._fill_type(each.id, place)
        return remaining

    def _fill_type(self, identifier: str, place: Place) -> None:
        known = JUDGEMENT_TYPES[identifier]
        contest = self.objects["contest"].get(SINGLETON_ID)
        penalised = isinstance(contest, Contest) and contest.penalty_time is not None
        filled = JudgementType(
            id=identifier,
            name=known.name,
            solved=known.solved,
            penalty=known.penalty if penalised else None,
        )
        words = "is named and absent, filled in from the list of known judgement types"
        self._notices.warn(place, "judgement-types", identifier, "", words)
        self._put(("judgement-types", identifier), filled)

    def _release_for_types(self) -> None:
        if self._closed and not self._fills_types:
            return
        self._fills_types = True
        self._queue.extend(key for key in self._sayings)
        self._run_queue()

    def _force_waiting(self) -> None:
        """Make what still waits without what never came; what cannot be without it is left out itself."""
        for key in sorted(self._waiting, key=lambda waiting: TYPE_ORDER[waiting[0]]):
            saying = self._sayings.get(key)
            if saying is None or key not in self._waiting:
                continue
            missing = missing_references(key, saying.instance, self.objects)
            never_came = next((each for each in missing if each.key not in self._sayings), None)
            if saying.closed and never_came is not None:
                raise _dangling(saying, never_came)
            self._waiting.pop(key)
            if not self._stand_in_part(saying, missing):
                if saying.closed:
                    raise _dangling(saying, missing[0])
                self._forget_saying(key)
                words = f"names {missing[0].reference.target}/{missing[0].id}, which never came: left out"
                self._notices.warn(saying.place, key[0], key[1], missing[0].reference.property, words)
            self._run_queue()

    def _report_incomplete(self) -> None:
        for key, saying in self._sayings.items():
            for each in missing_references(key, saying.instance, self.objects):
                if saying.closed:
                    raise _dangling(saying, each)
                words = f"names {each.reference.target}/{each.id}, which never came: the reference is left out"
                self._notices.warn(saying.place, key[0], key[1], each.reference.property, words)

    def _fill_state(self, place: Place) -> None:
        standing = self.objects["state"].get(SINGLETON_ID)
        if standing is not None and standing is not self._state_filled:
            return
        contest = self.objects["contest"].get(SINGLETON_ID)
        begun = any(
            isinstance(submission, Submission) and parse_relative_time_ms(submission.contest_time) >= 0
            for submission in self.objects["submissions"].values()
        )
        started = contest.start_time if isinstance(contest, Contest) and begun else None
        nothing = dict.fromkeys(("frozen", "ended", "thawed", "finalized", "end_of_updates"))
        filled = State(started=started, **nothing)
        if filled == standing:
            return
        words = "is absent, filled in as started" if started else "is absent, filled in as not started"
        self._notices.warn(place, "state", "", "", words)
        self._put(_STATE, filled)
        self._state_filled = filled


def _dangling(saying: _Saying, missing: Missing) -> Exception:
    type_name, identifier = saying.key
    return refusal(
        saying.place,
        f"names {missing.reference.target}/{missing.id}, which is not in the package",
        type_name=type_name,
        identifier=identifier,
        property_name=missing.reference.property,
    )
