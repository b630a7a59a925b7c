"""The results of one contest of Codeforces: standings and submissions become objects of a contest (mapping.md §4).

Each page of submissions is translated as it comes, because there may be hundreds of thousands of them. This module is
pure; it must not know how the answers are asked for, nor what is in the log already.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from cds.platforms.adapters.answers import Untranslatable, key_of, one_line
from cds.platforms.adapters.codeforces import CODEFORCES, contest_from
from cds.platforms.adapters.codeforces_judging import (
    ACCEPTED,
    PARTIAL,
    judgement_type_of,
    judgement_types,
    language_of,
)
from cds.platforms.adapters.codeforces_parties import GROUPS, OFFICIAL, Parties, Party
from cds.platforms.adapters.codeforces_penalties import Cell, PenaltyRule, Result, first_test_costs
from cds.platforms.adapters.codeforces_problems import Number, PlatformId, known_number, number, problems_from
from cds.platforms.adapters.listed import DURATION_S_MAX, START_S_MAX
from cds.platforms.questions import FailedRow, PlatformContest, PlatformFailed
from schemas.extensions import SyncedTeam
from schemas.objects import ContestObject, Judgement, Language, Submission
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms

UNKNOWN_RELATIVE_S = 2_147_483_647
"""What the platform writes for a time since a start that there is none of: in practice, and of its oldest contests."""

SUBMISSIONS_MAX = 500_000
"""Submissions made in one contest; more would be none."""

RANKED_LIVE_TEAMS_MAX = 1_000
"""While a contest with more teams goes on no ranks are told: each problem that is solved moves everybody behind it, and
every team that moves is an event to everybody who follows. When it is finished they come, once."""

ID_FORMS: Mapping[str, re.Pattern[str]] = {
    "problems": re.compile(r"[0-9]+[^0-9].*"),
    "teams": re.compile(r"cf-.+"),
    "persons": re.compile(r"cf-.+"),
    "submissions": re.compile(r"[1-9][0-9]*"),
}
"""What the ids look like that objects of this platform have here, by type."""

FINISHED = "FINISHED"
"""The phase in which ranks do not change any more."""

Rank = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    party: Party
    rank: Rank
    points: Number | None = None
    penalty: Number | None = None
    problem_results: list[Result] = []


class _PartyOfRow(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a row as the id of its team is made of."""

    party: Party


class _Standings(msgspec.Struct, frozen=True, kw_only=True):
    contest: msgspec.Raw
    problems: list[msgspec.Raw]
    rows: list[msgspec.Raw]


class _Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a submission as its id is made of."""

    id: PlatformId


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    index: str


class _Submission(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: PlatformId
    creation_time_seconds: Annotated[int, msgspec.Meta(ge=1, le=START_S_MAX)]
    relative_time_seconds: Annotated[int, msgspec.Meta(ge=-DURATION_S_MAX, le=UNKNOWN_RELATIVE_S)] | None = None
    problem: _Index
    author: Party
    programming_language: str
    verdict: str | None = None
    points: Number | None = None
    time_consumed_millis: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] | None = None
    passed_test_count: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """A submission as it will stand in the contest, and its place: contest time in seconds, then number."""

    place: tuple[int, int]
    submission: Submission
    judgement: Judgement

    @property
    def cell(self) -> Cell:
        """Whose it is, on what."""
        return self.submission.team_id, self.submission.problem_id

    @property
    def judgement_type_id(self) -> str | None:
        """What came of it."""
        return self.judgement.judgement_type_id


class ContestResults:
    """What one contest has come to up to now; it grows with every page of submissions."""

    def __init__(self, standings: bytes, contest_number: int, now_ms: int) -> None:
        """The contest with its problems and the parties of its standings (the result of contest.standings, JSON).

        `now_ms`: the present moment, milliseconds since the epoch. Raises PlatformFailed for standings that cannot be
        read, or of another contest.
        """
        try:
            read = msgspec.json.decode(standings, type=_Standings)
            self.contest: PlatformContest = contest_from(bytes(read.contest), now_ms)
            problems = problems_from(read.problems, contest_number, scores=self._scores)
        except (ValueError, OverflowError, RecursionError) as error:
            raise PlatformFailed(f"{CODEFORCES}: standings: {one_line(str(error))}", kind="malformed") from error
        if self.contest.platform_id != str(contest_number):
            raise PlatformFailed(f"{CODEFORCES}: standings of another contest", kind="malformed")
        self._problems = problems.by_index
        self._columns = problems.columns
        self._parties = Parties()
        self._results: dict[Cell, Result] = {}
        self._penalty_rule = PenaltyRule()
        self._languages: dict[str, Language] = {}
        self._kept: dict[int, _Kept] = {}
        self._understood: Counter[str] = Counter()
        self._failed: dict[tuple[str, str | bytes], FailedRow] = {
            ("problems", str(number)): row for number, row in enumerate(problems.failed)
        }
        for raw in read.rows:
            self._take_row(bytes(raw))
        self._note_penalty_time()

    @property
    def failed(self) -> list[FailedRow]:
        """The rows that make no sense, each with the type of the object that it would have been.

        One that comes again, a page being shifted, counts once, and not at all when it made sense another time.
        """
        kept = {each.submission.id for each in self._kept.values()}
        return [row for row in self._failed.values() if row.type != "submissions" or row.id not in kept]

    @property
    def end_s(self) -> int | None:
        """When the contest ends, seconds since the epoch; None where its start is not known."""
        duration_s = parse_relative_time_ms(self.contest.contest.duration) // 1000
        return None if self._start_s is None else self._start_s + duration_s

    @property
    def _start_s(self) -> int | None:
        start_time = self.contest.contest.start_time
        return None if start_time is None else parse_time_ms(start_time) // 1000

    @property
    def _scores(self) -> bool:
        return self.contest.contest.scoreboard_type == "score"

    @property
    def _penalised(self) -> bool:
        return self.contest.contest.penalty_time is not None

    def take(self, raw_submissions: Sequence[msgspec.Raw]) -> None:
        """Take in one page of submissions. What was there already, a page being shifted, counts once.

        Raises PlatformFailed when there are more than a contest has.
        """
        for raw in raw_submissions:
            self._take_submission(bytes(raw))
        if len(self._kept) > SUBMISSIONS_MAX:
            said = f"{CODEFORCES}: more than {SUBMISSIONS_MAX} submissions in one contest"
            raise PlatformFailed(said, kind="too_large", permanent=True)

    def check(self) -> None:
        """Raise PlatformFailed when there were parties, or submissions, and none of those that count makes sense."""
        failed = self.failed
        for kind in ("teams", "submissions"):
            reasons = [row.reason for row in failed if row.type == kind]
            if reasons and not self._understood[kind]:
                said = f"{CODEFORCES}: none of {len(reasons)} {kind} can be translated: {reasons[-1]}"
                raise PlatformFailed(said, kind="untranslatable")

    @property
    def main_group_id(self) -> str | None:
        """The group whose board is the platform's own; None where everybody is out of competition."""
        return OFFICIAL if self._parties.are_official else None

    def objects(self) -> dict[str, dict[str, ContestObject]]:
        """All objects by type and id, what happened first first. A judgement has the id of its submission."""
        kept = sorted(self._kept.values(), key=lambda each: each.place)
        # A table that is not understood says nothing of single attempts either.
        first_test = self._penalty_rule.minutes is not None and first_test_costs(kept, self._results)
        return {
            "judgement-types": {**judgement_types(penalised=self._penalised, first_test_costs=first_test)},
            "languages": {**self._languages_by_id()},
            "problems": {problem.id: problem for problem in self._problems.values()},
            "groups": {group.id: group for group in GROUPS},
            "teams": {**self._parties.teams(ranked=self._ranked)},
            "persons": {**self._parties.persons()},
            "submissions": {each.submission.id: each.submission for each in kept},
            "judgements": {each.judgement.id: each.judgement for each in kept},
        }

    def _languages_by_id(self) -> dict[str, Language]:
        return {language.id: language for language in sorted(self._languages.values(), key=lambda each: each.id)}

    @property
    def _ranked(self) -> bool:
        """Whether the platform's own ranks are told."""
        extension = self.contest.contest.ext
        synced = None if extension is None else extension.sync
        is_over = synced is not None and synced.phase == FINISHED
        return is_over or self._parties.count <= RANKED_LIVE_TEAMS_MAX

    def _note_penalty_time(self) -> None:
        """The contest with the penalty that its table tells, in place of the usual one."""
        minutes = self._penalty_rule.minutes
        if self._penalised and minutes is not None:
            penalty_time = format_relative_time(minutes * 60_000)
            contest = msgspec.structs.replace(self.contest.contest, penalty_time=penalty_time)
            self.contest = msgspec.structs.replace(self.contest, contest=contest)

    def _take_row(self, raw: bytes) -> None:
        """A row of the standings: the party, and what it has come to."""
        try:
            row = msgspec.json.decode(raw, type=_Row)
            if self._parties.id_of(row.party) is None:
                return
            if len(row.problem_results) != len(self._columns):
                raise Untranslatable(f"{len(row.problem_results)} results of {len(self._columns)} problems")
            team_id = self._parties.team_of(row.party)
        except (ValueError, OverflowError, RecursionError) as error:
            self._note_failed("teams", raw, self._team_id_of(raw), error)
            return
        if team_id is not None:
            self._understood["teams"] += 1
            self._note_results(team_id, row)

    def _note_results(self, team_id: str, row: _Row) -> None:
        result = SyncedTeam(
            rank=row.rank if row.rank > 0 else None,
            points=known_number(row.points),
            penalty=known_number(row.penalty),
        )
        self._parties.note_result(team_id, result)
        self._penalty_rule.note(row.penalty, row.problem_results)
        for index, each in zip(self._columns, row.problem_results, strict=True):
            if index is not None:
                self._results[team_id, self._problems[index].id] = each

    def _take_submission(self, raw: bytes) -> None:
        try:
            row = msgspec.json.decode(raw, type=_Submission)
            if row.id in self._kept:
                return
            kept = self._translated(row)
        except (ValueError, OverflowError, RecursionError) as error:
            self._note_failed("submissions", raw, _submission_id_of(raw), error)
            return
        if kept is not None:
            self._understood["submissions"] += 1
            self._kept[row.id] = kept

    def _note_failed(self, type_name: str, raw: bytes, identifier: str | None, error: Exception) -> None:
        """Take note of a row that makes no sense."""
        row = FailedRow(key=key_of(raw) or identifier, reason=one_line(str(error)), type=type_name, id=identifier)
        self._failed.setdefault((type_name, identifier or raw), row)

    def _team_id_of(self, raw: bytes) -> str | None:
        """The id of the team of a row that failed, as far as it can be read."""
        try:
            return self._parties.id_of(msgspec.json.decode(raw, type=_PartyOfRow).party)
        except (ValueError, OverflowError, RecursionError):
            return None

    def _translated(self, row: _Submission) -> _Kept | None:
        """The submission and its judgement; None for one that was not made in the contest. Raises ValueError."""
        contest_time_s = self._contest_time_s(row)
        if contest_time_s is None or self._parties.id_of(row.author) is None:
            return None
        index = row.problem.index
        if index not in self._problems:
            raise Untranslatable(f"a problem {index[:50]!r}, which the contest does not have")
        type_id = judgement_type_of(row.verdict, on_first_test=self._penalised and row.passed_test_count == 0)
        # What a submission names is not there because of one that fails; so these come last.
        language_id = self._language_id(row.programming_language)
        team_id = self._parties.team_of(row.author)
        if team_id is None:
            return None
        submission_id, time = str(row.id), format_time(row.creation_time_seconds * 1000)
        submission = Submission(
            id=submission_id,
            language_id=language_id,
            problem_id=self._problems[index].id,
            team_id=team_id,
            time=time,
            contest_time=format_relative_time(contest_time_s * 1000),
            entry_point=None,
            files=[],
        )
        judgement = self._judgement(row, type_id, submission, contest_time_s)
        return _Kept((contest_time_s, row.id), submission, judgement)

    def _contest_time_s(self, row: _Submission) -> int | None:
        """How long after the start it was made, None for what was not made in the contest."""
        relative_s = row.relative_time_seconds
        if relative_s is not None and relative_s != UNKNOWN_RELATIVE_S:
            return relative_s
        start_s, end_s = self._start_s, self.end_s
        if start_s is None or end_s is None or not start_s <= row.creation_time_seconds <= end_s:
            return None
        return row.creation_time_seconds - start_s

    def _language_id(self, compiler: str) -> str:
        language = self._languages.get(compiler)
        if language is None:
            language = self._languages[compiler] = language_of(compiler)
        return language.id

    def _judgement(
        self, row: _Submission, type_id: str | None, submission: Submission, contest_time_s: int
    ) -> Judgement:
        """What came of a submission. The platform tells no times of judging, so it is as if it took none."""
        run_ms = row.time_consumed_millis
        return Judgement(
            id=submission.id,
            submission_id=submission.id,
            judgement_type_id=type_id,
            score=self._score(row, submission, contest_time_s) if type_id is not None and self._scores else None,
            start_time=submission.time,
            end_time=None if type_id is None else submission.time,
            max_run_time=None if type_id in (None, "CE") or run_ms is None else number(run_ms / 1000),
        )

    def _score(self, row: _Submission, submission: Submission, contest_time_s: int) -> int | float | None:
        """The points of a submission: its own, or those that its party has for the problem because of it.

        None where that is not known: anonymous callers are shown no results of those out of competition.
        """
        if row.points is not None:
            return max(number(row.points), 0)
        if row.verdict not in (ACCEPTED, PARTIAL):
            return 0
        result = self._results.get((submission.team_id, submission.problem_id))
        if result is None:
            return None
        return max(number(result.points), 0) if result.best_submission_time_seconds == contest_time_s else 0


def _submission_id_of(raw: bytes) -> str | None:
    """The id of a submission that failed, as far as it can be read."""
    try:
        return str(msgspec.json.decode(raw, type=_Numbered).id)
    except (ValueError, OverflowError, RecursionError):
        return None
