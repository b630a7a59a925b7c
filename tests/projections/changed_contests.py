"""Copies of contests in which some things were changed at random, each of them written down.

This module must not know how two contests are compared.
"""

from collections import defaultdict
from random import Random
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Judgement, JudgementType, Problem, Submission, Team
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms
from tests.projections.slow_scoreboard import Objects, SlowScoreboard

EVIL_NAME = '<script>alert("&")</script> [bold]ÄÖ'
LATER_MS_MAX = 90 * 60_000

Kept = TypeVar("Kept", bound=msgspec.Struct)


class Changed(NamedTuple):
    """A copy: its objects, and what is different in it."""

    objects: Objects
    verdicts: dict[str, str | None]
    """Submissions with their new verdicts."""
    properties: set[tuple[str, str, str]]
    """Type, id and name of every other property that was changed."""


def state_of(objects: Objects) -> ContestState:
    """The state that these objects are, as if they had been created in their order."""
    state = ContestState()
    for type_name, members in objects.items():
        for identifier, instance in members.items():
            state.apply(state.position + 1, type_name, identifier, instance)
    return state


def changed(objects: Objects, seed: int, count: int) -> Changed:
    """A copy with `count` changes, each to an object of its own: verdicts, times of all kinds, names of teams."""
    dice = Random(seed)
    copy = Changed({name: dict(members) for name, members in objects.items()}, {}, set())
    judged_once = _judged_once(objects)
    submissions = dice.sample(list(judged_once), k=min(count, len(judged_once)))
    teams = dice.sample(list(objects["teams"]), k=min(count, len(objects["teams"])))
    for submission_id in submissions:
        judgement = judged_once[submission_id]
        match dice.choice(["verdict", "verdict", "verdict", "submission", "judgement", "name"]):
            case "verdict":
                _flip(copy, dice, submission_id, judgement)
            case "submission":
                _move_submission(copy, dice, submission_id)
            case "judgement":
                _put(copy, "judgements", judgement, start_time=_later(dice, judgement.start_time))
            case _ if teams:
                team = cast("Team", objects["teams"][teams.pop()])
                _put(copy, "teams", team, name=f"{team.name} {EVIL_NAME}")
    return copy


def with_verdict(objects: Objects, submission_id: str, verdict: str | None) -> Objects:
    """A copy in which the one judgement of a submission came to another verdict."""
    judgement = _judged_once(objects)[submission_id]
    judgements = objects["judgements"] | {judgement.id: _replaced(judgement, judgement_type_id=verdict)}
    return {**objects, "judgements": judgements}


def renumbered(objects: Objects, types: tuple[str, ...]) -> Objects:
    """A copy in which the objects of these types have the ids of others, and whoever named them names the new ones."""
    numbers = {name: _shuffled(list(objects.get(name, {}))) for name in types}
    copy: Objects = {}
    for name, members in objects.items():
        copy[name] = {}
        for identifier, instance in members.items():
            new_id = numbers.get(name, {}).get(identifier, identifier)
            values: dict[str, object] = {"id": new_id} if name in numbers else {}
            for reference in OBJECT_TYPES[name].references:
                ids = numbers.get(reference.target, {})
                old = getattr(instance, reference.property)
                if isinstance(old, str):
                    values[reference.property] = ids.get(old, old)
                elif isinstance(old, list) and len(reference.path) == 1:
                    values[reference.property] = [ids.get(each, each) for each in old]
            copy[name][new_id] = msgspec.structs.replace(instance, **values)
    return copy


class IndexedSlowScoreboard(SlowScoreboard):
    """The slow scoreboard, which looks for what belongs to a cell or a submission among that alone."""

    def __init__(self, objects: Objects) -> None:
        """The live board."""
        super().__init__(objects, frozen=False, name_order=str)
        self._submissions: defaultdict[str, list[Submission]] = defaultdict(list)
        self._judgements: defaultdict[str, list[Judgement]] = defaultdict(list)
        for submission in self.submissions:
            self._submissions[f"{submission.team_id}/{submission.problem_id}"].append(submission)
        for judgement in self.judgements:
            self._judgements[judgement.submission_id].append(judgement)

    def counted(self, team_ids: list[str], problem_id: str) -> list[Submission]:
        """As there, for one team at a time."""
        if len(team_ids) == 1:
            self.submissions = self._submissions[f"{team_ids[0]}/{problem_id}"]
        return super().counted(team_ids, problem_id)

    def judgement(self, submission: Submission) -> Judgement | None:
        """As there."""
        self.judgements = self._judgements[submission.id]
        return super().judgement(submission)

    def rows(self) -> dict[str, Any]:
        """The rows of the board by team, as plain JSON values."""
        cells = {team.id: [self.cell(team, problem) for problem in self.problems] for team in self.shown_teams(None)}
        orders = {team_id: self.order(of_team) for team_id, of_team in cells.items()}
        return {
            team_id: {
                "rank": 1 + sum(other < orders[team_id] for other in orders.values()),
                "score": self.score(of_team),
                "problems": {
                    cell["problem_id"]: {name: value for name, value in cell.items() if not name.startswith("_")}
                    for cell in of_team
                },
            }
            for team_id, of_team in cells.items()
        }

    def whole_cell(self, team_id: str, problem_id: str) -> dict[str, Any]:
        """A cell with all that it counts for."""
        teams = {team.id: team for team in self.teams}
        problems: dict[str, Problem] = {problem.id: problem for problem in self.problems}
        return self.cell(teams[team_id], problems[problem_id])


def _judged_once(objects: Objects) -> dict[str, Judgement]:
    """The submissions of teams that have a single judgement, which came to a verdict."""
    by_submission: defaultdict[str, list[Judgement]] = defaultdict(list)
    for judgement in cast("list[Judgement]", list(objects["judgements"].values())):
        by_submission[judgement.submission_id].append(judgement)
    return {
        submission_id: found[0]
        for submission_id, found in by_submission.items()
        if len(found) == 1 and found[0].judgement_type_id is not None and found[0].current is not False
    }


def _flip(copy: Changed, dice: Random, submission_id: str, judgement: Judgement) -> None:
    types = cast("dict[str, JudgementType]", copy.objects["judgement-types"])
    others = [identifier for identifier in types if identifier != judgement.judgement_type_id]
    verdict = dice.choice([*others, None])
    copy.objects["judgements"][judgement.id] = _replaced(judgement, judgement_type_id=verdict)
    copy.verdicts[submission_id] = verdict


def _move_submission(copy: Changed, dice: Random, submission_id: str) -> None:
    submission = cast("Submission", copy.objects["submissions"][submission_id])
    later_ms = dice.randint(5_000, LATER_MS_MAX)
    contest_time = format_relative_time(parse_relative_time_ms(submission.contest_time) + later_ms)
    time = format_time(parse_time_ms(submission.time) + later_ms)
    _put(copy, "submissions", submission, contest_time=contest_time, time=time)


def _later(dice: Random, time: str) -> str:
    return format_time(parse_time_ms(time) + dice.randint(1, 60_000))


def _put(copy: Changed, type_name: str, instance: Judgement | Submission | Team, **values: str) -> None:
    copy.objects[type_name][instance.id] = _replaced(instance, **values)
    copy.properties.update((type_name, instance.id, property) for property in values)


def _replaced(instance: Kept, **values: str | None) -> Kept:
    return msgspec.structs.replace(instance, **values)


def _shuffled(identifiers: list[str]) -> dict[str, str]:
    others = list(identifiers)
    Random(len(identifiers)).shuffle(others)
    return dict(zip(identifiers, others, strict=True))
