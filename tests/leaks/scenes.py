"""A contest as it stood at some moment, with whatever it lacks to have something hidden from every role.

The objects are those of a recorded contest, or of a simulated one; added are a freeze, accounts of every role, persons
with private data, files of teams and questions. This module knows what a contest holds; it must not know what is hidden
from whom.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from random import Random
from typing import TypeVar, cast

import msgspec

from cds.commands.configuring import RUN_HERE
from cds.commands.decision import ObjectChange
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.objects import (
    Account,
    Award,
    Clarification,
    Commentary,
    Contest,
    ContestObject,
    Judgement,
    JudgementType,
    Person,
    PersonRole,
    Problem,
    Run,
    Submission,
    Team,
)
from schemas.properties import FileReference
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms
from tests.builders import NOTHING_HAPPENED, put, state
from tests.cds.contest_api.real_contests import real_contest

Instance = TypeVar("Instance", bound=ContestObject)

MINUTE_MS = 60_000
FREEZE_MS = 240 * MINUTE_MS
SIMULATED = "simulated-"
SIMPLIFIED = "REJECTED"
"""What outsiders are told in the place of any verdict that rejects and costs a penalty."""

ROLES_WITH_ACCOUNT = ("proxy", "analyst", "judge", "staff", "admin")
OWN, OTHER, THIRD = "own", "other", "third"
"""Accounts of three teams: the one that asks, and two others."""


class Moment(Enum):
    """When the contest is looked at: an hour before its start, in its freeze, or over and not thawed."""

    BEFORE = "before"
    FROZEN = "frozen"
    OVER = "over"


NOW_MS: Mapping[Moment, int] = {
    Moment.BEFORE: -60 * MINUTE_MS,
    Moment.FROZEN: 275 * MINUTE_MS,
    Moment.OVER: 310 * MINUTE_MS,
}
"""Contest time of the look."""


DIFFERS_BEFORE_MS, TOLD_BEFORE_MS = 2 * MINUTE_MS, MINUTE_MS
"""So long before the look what is hidden differs, and what everybody sees comes behind it."""


class Batch(msgspec.Struct, frozen=True):
    """Changes that were written together, at a contest time in milliseconds."""

    changes: list[ObjectChange]
    contest_time_ms: int


class Scene(msgspec.Struct, frozen=True):
    """A contest at a moment: what both sides have before the difference, what both have behind it, and who is who.

    `files` are the bytes that objects may name, by what is told of them; `teams` the ids of the asking team and of two
    others. `now_ms` is milliseconds since the epoch.
    """

    contest_id: str
    moment: Moment
    before: list[Batch]
    behind: list[Batch]
    teams: tuple[str, str, str]
    start_ms: int

    @property
    def now_ms(self) -> int:
        """The time of day of the look."""
        return self.start_ms + NOW_MS[self.moment]

    @property
    def past(self) -> list[str]:
        """Contest times at which it may be looked at, and times: before and behind what differs and what follows."""
        now_ms = NOW_MS[self.moment]
        before_ms = (DIFFERS_BEFORE_MS * 2, DIFFERS_BEFORE_MS, TOLD_BEFORE_MS)
        times = [format_relative_time(now_ms - each + 1_000) for each in before_ms]
        return [*times, format_time(self.now_ms - DIFFERS_BEFORE_MS + 1_000)]

    def state(self) -> ContestState:
        """What the changes before the difference come to."""
        found = ContestState()
        for batch in self.before:
            for change in batch.changes:
                found.apply(found.position + 1, change.type, change.id, change.instance)
        return found


def password(username: str) -> str:
    """The password of an account of a scene."""
    return f"password of {username}"


def film(name: str) -> list[FileReference]:
    """A stream that stays where it is."""
    return [FileReference(filename=name, mime="video/m2ts", href=f"https://films.example/{name}")]


def kept_file(filename: str, mime: str, content: str) -> list[FileReference]:
    """A file that the server keeps, by its address."""
    return [FileReference(filename=filename, mime=mime, content=content)]


class Told(msgspec.Struct, frozen=True):
    """What is known of a contest: changes from the first on, and what they come to, by type."""

    changes: list[ObjectChange]
    final: Mapping[str, list[ContestObject]]


@cache
def told(contest_id: str) -> Told:
    """A recorded contest, or (`simulated-SEED`) one that was made up."""
    _, simulated, seed = contest_id.partition(SIMULATED)
    if not simulated:
        contents = real_contest(contest_id)
        changes = [ObjectChange(each.type, each.id, each.instance) for each in contents.changes]
        return Told(changes, {name: list(members.values()) for name, members in contents.final.items()})
    chance = Random(int(seed))
    made = simulate(
        SimulationParameters(
            seed=int(seed),
            contest_id=contest_id,
            teams=chance.randint(10, 20),
            problems=chance.randint(2, 6),
            submissions=chance.randint(120, 250),
            runs_per_judgement=2,
            scoreboard_type="pass-fail" if chance.random() < 0.7 else "score",
            simplified_judgement_types=chance.random() < 0.5,
            logos=False,
            sources=False,
            statements=False,
        )
    )
    changes = [ObjectChange(each.type, each.id, each.instance) for each in made.timeline()]
    return Told(changes, {name: list(members) for name, members in made.objects.items()})


@cache
def scene(contest_id: str, moment: Moment, file_address: str) -> Scene:
    """A contest at a moment; `file_address` is where the bytes of every file are that it is given."""
    recorded = _Recorded(contest_id, moment, file_address)
    teams = recorded.teams()
    before = [Batch([*recorded.configuration(), *recorded.added_configuration(teams)], -90 * MINUTE_MS)]
    behind: list[Batch] = []
    if moment is not Moment.BEFORE:
        before += recorded.played(teams)
        behind = [Batch(recorded.told_in_the_end(teams), NOW_MS[moment] - TOLD_BEFORE_MS)]
    return Scene(contest_id, moment, before, behind, teams, recorded.start_ms)


def run_of(judgement: Judgement, prefix: str) -> Run:
    """The first test case of a judgement, with its verdict."""
    assert judgement.judgement_type_id is not None
    return Run(
        id=f"{prefix}-{judgement.id}"[:36],
        judgement_id=judgement.id,
        ordinal=1,
        judgement_type_id=judgement.judgement_type_id,
        time=judgement.end_time or judgement.start_time,
        run_time=0.5,
    )


class _Recorded:
    """The objects of a contest, sorted by when they came."""

    def __init__(self, contest_id: str, moment: Moment, file_address: str) -> None:
        self._told = told(contest_id)
        self._moment = moment
        self._file_address = file_address
        contest = next(change.instance for change in reversed(self._told.changes) if change.type == "contest")
        self._contest = cast("Contest", contest)
        assert isinstance(self._contest.start_time, str)
        self.start_ms = parse_time_ms(self._contest.start_time)
        self._judgements: dict[str, list[Judgement]] = {}
        for judgement in self._last("judgements", Judgement):
            self._judgements.setdefault(judgement.submission_id, []).append(judgement)

    def time(self, contest_time_ms: int) -> str:
        """The time of day of a contest time."""
        return format_time(self.start_ms + contest_time_ms)

    def teams(self) -> tuple[str, str, str]:
        """Three teams that submitted something both before and in the freeze."""
        early = {each.team_id for each in self._submissions() if self._submitted_ms(each) < FREEZE_MS}
        late = (
            each.team_id
            for each in self._submissions()
            if FREEZE_MS <= self._submitted_ms(each) < NOW_MS[Moment.FROZEN] and each.team_id in early
        )
        own, other, third, *_ = dict.fromkeys(each for each in late if each is not None)
        return own, other, third

    def configuration(self) -> Iterator[ObjectChange]:
        """What stands before the start: the contest with a freeze of an hour, and verdicts with simplified ones."""
        happening = {"submissions", "judgements", "runs", "clarifications", "awards", "commentary", "state", "accounts"}
        yield from put(JudgementType(id=SIMPLIFIED, name="no", penalty=True, solved=False))
        for change in self._told.changes:
            if change.type in happening:
                continue
            instance = change.instance
            if isinstance(instance, Contest):
                instance = msgspec.structs.replace(
                    instance, scoreboard_freeze_duration="1:00:00.000", scoreboard_thaw_time=None
                )
            if isinstance(instance, JudgementType) and instance.penalty and not instance.solved:
                instance = msgspec.structs.replace(instance, simplified_judgement_type_id=SIMPLIFIED)
            yield ObjectChange(change.type, change.id, instance)

    def added_configuration(self, teams: tuple[str, str, str]) -> Iterator[ObjectChange]:
        """Accounts, persons and files, and that this server runs the contest."""
        yield from put(NOTHING_HAPPENED)
        yield ObjectChange("x-settings", SINGLETON_ID, RUN_HERE)
        for name, team_id in zip((OWN, OTHER, THIRD), teams, strict=True):
            yield from put(
                Account(id=f"account-{name}", username=name, type="team", team_id=team_id, ip=f"10.1.1.{len(name)}"),
                Person(
                    id=f"person-{name}",
                    name=f"Person {name}",
                    email=f"{name}@example.org",
                    sex="female",
                    icpc_id="123",
                    roles=[PersonRole(type="contestant", team_id=team_id)],
                ),
                self._with_files(self._team(team_id)),
            )
        for role in ROLES_WITH_ACCOUNT:
            yield from put(Account(id=f"account-{role}", username=role, type=role))
        for problem in self._last("problems", Problem):
            package = kept_file("package.zip", "application/zip", self._file_address)
            statement = kept_file("statement.pdf", "application/pdf", self._file_address)
            yield from put(msgspec.structs.replace(problem, package=package, statement=statement))

    def played(self, teams: tuple[str, str, str]) -> Iterator[Batch]:
        """The contest up to the moment, in batches of half an hour, with the start, the freeze and the end."""
        until_ms = min(NOW_MS[self._moment] - 5 * MINUTE_MS, 300 * MINUTE_MS)
        moments: dict[str, str | None] = {"started": self.time(0)}
        yield Batch(put(state(**moments)), 0)
        first = [
            *put(Award(id="winner", citation="Winner", team_ids=[teams[1]])),
            *put(self._question("question-own", from_team=teams[0]), self._question("question-other", teams[1])),
        ]
        yield Batch(first, MINUTE_MS)
        half_hour = 30 * MINUTE_MS
        for begin_ms in range(0, until_ms, half_hour):
            if begin_ms == FREEZE_MS:
                moments["frozen"] = self.time(FREEZE_MS)
                yield Batch(put(state(**moments)), FREEZE_MS)
            end_ms = min(begin_ms + half_hour, until_ms)
            yield Batch([*self._happened(begin_ms, end_ms)], end_ms)
        if self._moment is Moment.OVER:
            moments["ended"] = self.time(300 * MINUTE_MS)
            yield Batch(put(state(**moments)), 300 * MINUTE_MS)

    def told_in_the_end(self, teams: tuple[str, str, str]) -> list[ObjectChange]:
        """What everybody sees behind the difference: so tokens of later lines are compared too."""
        last = self._submissions()[0]
        return [
            *put(self._question("announcement")),
            *put(
                msgspec.structs.replace(
                    last,
                    id="last-one",
                    team_id=teams[2],
                    account_id=None,
                    time=self.time(NOW_MS[Moment.FROZEN] - 2 * MINUTE_MS),
                    contest_time=format_relative_time(NOW_MS[Moment.FROZEN] - 2 * MINUTE_MS),
                    files=[],
                )
            ),
        ]

    def _question(self, identifier: str, from_team: str | None = None) -> Clarification:
        return Clarification(
            id=identifier,
            from_team_id=from_team,
            text=f"Text of {identifier}",
            time=self.time(MINUTE_MS),
            contest_time=format_relative_time(MINUTE_MS),
        )

    def _happened(self, begin_ms: int, end_ms: int) -> Iterator[ObjectChange]:
        """What was submitted in a stretch of contest time, how it was judged, and what was said of it."""
        for submission in self._submissions():
            if not begin_ms <= self._submitted_ms(submission) < end_ms:
                continue
            files = kept_file("files.zip", "application/zip", self._file_address)
            reaction = film(submission.id)
            yield from put(msgspec.structs.replace(submission, account_id=None, files=files, reaction=reaction))
            for judgement in self._judgements.get(submission.id, ()):
                yield from put(judgement)
                if judgement.judgement_type_id is not None:
                    yield from put(run_of(judgement, "run"))
        for commentary in self._last("commentary", Commentary):
            if begin_ms <= parse_relative_time_ms(commentary.contest_time) < end_ms and not commentary.submission_ids:
                yield from put(commentary)

    def _team(self, team_id: str) -> Team:
        return next(each for each in self._last("teams", Team) if each.id == team_id)

    def _with_files(self, team: Team) -> Team:
        return msgspec.structs.replace(
            team,
            desktop=film(f"desktop-{team.id}"),
            webcam=film(f"webcam-{team.id}"),
            audio=[FileReference(filename="audio", mime="audio/mp4", href=f"https://films.example/audio-{team.id}")],
            backup=kept_file("backup.zip", "application/zip", self._file_address),
            key_log=kept_file("keys.txt", "text/plain", self._file_address),
            tool_data=kept_file("tools.txt", "text/plain", self._file_address),
        )

    def _submissions(self) -> list[Submission]:
        found = [each for each in self._last("submissions", Submission) if each.team_id is not None]
        return sorted(found, key=self._submitted_ms)

    def _submitted_ms(self, submission: Submission) -> int:
        return parse_relative_time_ms(submission.contest_time)

    def _last(self, type_name: str, _structure: type[Instance]) -> Iterable[Instance]:
        return cast("Iterable[Instance]", self._told.final[type_name])
