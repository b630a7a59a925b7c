"""Handing in by the Contest API (Contest API, "Modifying submissions"), of any server that has it.

The files go as one zip archive in JSON. What becomes of the submission is told by its judgements, and by the
scoreboard where scores are counted. This module must not know how anything is shown.
"""

from base64 import b64encode
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec
from aiohttp import hdrs

from cds.dialects.results import one_line
from cds.live_play.client import IDEMPOTENCY_KEY, Login, basic_authorization
from cds.submitting.asking import Asker
from cds.submitting.standing import Standing, plain, points
from cds.submitting.work import (
    EXTENSION_MARK,
    KnownLanguage,
    KnownTask,
    NotSubmitted,
    Work,
    archive_of,
    chosen_language,
    chosen_task,
    entry_point_of,
    listed,
)

Shape = TypeVar("Shape")


class ListedContest(msgspec.Struct, frozen=True):
    """A contest that a server has."""

    id: str
    scoreboard_type: str | None = None


class _CmsOfProblem(msgspec.Struct, frozen=True):
    submission_format: list[str] | None = None
    allowed_languages: list[str] | None = None


class _ProblemExtension(msgspec.Struct, frozen=True):
    cms: _CmsOfProblem | None = None


class _Problem(msgspec.Struct, frozen=True):
    id: str
    label: str = ""
    name: str = ""
    max_score: float | None = None
    ext: _ProblemExtension | None = None

    @property
    def known(self) -> KnownTask:
        cms = self.ext.cms if self.ext is not None else None
        formats = cms.submission_format if cms is not None else None
        allowed = cms.allowed_languages if cms is not None else None
        return KnownTask(
            id=self.id,
            label=self.label,
            name=self.name,
            max_score=self.max_score,
            formats=None if formats is None else tuple(formats),
            allowed_languages=None if allowed is None else tuple(allowed),
        )


class _File(msgspec.Struct, frozen=True):
    data: str
    filename: str = "files.zip"
    mime: str = "application/zip"


class _Submission(msgspec.Struct, frozen=True, omit_defaults=True):
    problem_id: str
    language_id: str
    files: list[_File]
    entry_point: str | None = None


class _Named(msgspec.Struct, frozen=True):
    """An object of which the id, and perhaps the team, matter alone."""

    id: str
    team_id: str | None = None


class _Judgement(msgspec.Struct, frozen=True):
    id: str
    submission_id: str
    judgement_type_id: str | None = None
    simplified_judgement_type_id: str | None = None
    score: float | None = None
    current: bool | None = None
    start_time: str = ""

    @property
    def verdict(self) -> str | None:
        return self.judgement_type_id or self.simplified_judgement_type_id


class _JudgementType(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    solved: bool | None = None


class _Run(msgspec.Struct, frozen=True):
    judgement_id: str


class _Result(msgspec.Struct, frozen=True):
    problem_id: str
    score: float | None = None


class _Row(msgspec.Struct, frozen=True):
    team_id: str | None = None
    problems: list[_Result] = []


class _Scoreboard(msgspec.Struct, frozen=True):
    rows: list[_Row] = []


class ContestApiDoor:
    """A contest of a server with the Contest API at `base`."""

    def __init__(self, asker: Asker, base: str, contest: ListedContest, login: Login | None) -> None:
        self._asker = asker
        self._contest = contest
        self._url = f"{base}/contests/{quote(contest.id, safe='')}"
        self._headers = authorized(login)
        self._task: KnownTask | None = None

    @property
    def name(self) -> str:
        """The contest and the API."""
        return f"contest {self._contest.id} by the Contest API"

    async def hand_in(self, work: Work) -> str:
        """Hand it in, to the problem of that id, label or name."""
        problems = await self._get(list[_Problem], "problems")
        task = chosen_task([problem.known for problem in problems], work.task)
        language = await self._language(task, work)
        submission = _Submission(
            problem_id=task.id,
            language_id=language.id,
            entry_point=entry_point_of(language, work),
            files=[_File(b64encode(archive_of(work.files)).decode())],
        )
        body = msgspec.json.encode(submission)
        headers = {**self._headers, hdrs.CONTENT_TYPE: "application/json", IDEMPOTENCY_KEY: str(uuid4())}
        answer = await self._asker.post(f"{self._url}/submissions", headers, lambda: body, "not handed in")
        taken = answer.read(_Named, "not handed in")
        self._task = task
        return taken.id

    async def standing(self, submission_id: str) -> Standing:
        """What its current judgement says."""
        judgements = await self._get(list[_Judgement], "judgements", f"?submission_id={quote(submission_id, safe='')}")
        own = [each for each in judgements if each.submission_id == submission_id]
        # A rejudgement that is under way is not current, and what was current says nothing new.
        known = [each for each in own if each.current is not False] or own
        if not known:
            return Standing(state="waiting to be judged")
        judgement = max(known, key=lambda each: each.start_time)
        if judgement.verdict is None:
            return Standing(state=await self._state_of_judging(judgement))
        return await self._judged(judgement, judgement.verdict)

    async def _language(self, task: KnownTask, work: Work) -> KnownLanguage:
        languages = await self._get(list[KnownLanguage], "languages")
        output_only = task.formats is not None and not any(EXTENSION_MARK in each for each in task.formats)
        if output_only and work.language is None:
            if len(languages) != 1:
                names = listed([each.id for each in languages])
                raise NotSubmitted(f"{task.id} takes output files; this API wants a --language even so ({names})")
            return languages[0]
        return chosen_language(languages, task, work)

    async def _state_of_judging(self, judgement: _Judgement) -> str:
        runs = await self._get_if_shown(list[_Run], "runs", f"?judgement_id={quote(judgement.id, safe='')}")
        count = sum(1 for run in runs or [] if run.judgement_id == judgement.id)
        return f"being judged, {count} tests done" if count else "being judged"

    async def _judged(self, judgement: _Judgement, verdict: str) -> Standing:
        types = await self._get_if_shown(list[_JudgementType], "judgement-types")
        named = next((each for each in types or [] if each.id == verdict), None)
        scores = []
        if judgement.score is not None:
            of = self._task.max_score if self._task is not None else None
            scores.append(f"score {points(judgement.score, of)}")
        task_score = await self._task_score()
        if task_score is not None:
            scores.append(f"on the scoreboard {plain(task_score)}")
        return Standing(
            state=one_line(named.name) if named is not None and named.name else verdict,
            judged=True,
            good=None if named is None else named.solved,
            scores=tuple(scores),
        )

    async def _task_score(self) -> float | None:
        """What the scoreboard says of the task, None where it does not say it."""
        if self._contest.scoreboard_type != "score" or self._task is None:
            return None
        account = await self._get_if_shown(_Named, "account")
        board = await self._get_if_shown(_Scoreboard, "scoreboard")
        if account is None or board is None or account.team_id is None:
            return None
        rows = [row for row in board.rows if row.team_id == account.team_id]
        results = [result for row in rows for result in row.problems if result.problem_id == self._task.id]
        return results[0].score if results else None

    async def _get(self, shape: type[Shape], endpoint: str, query: str = "") -> Shape:
        answer = await self._asker.get(f"{self._url}/{endpoint}{query}", self._headers)
        return answer.read(shape, endpoint)

    async def _get_if_shown(self, shape: type[Shape], endpoint: str, query: str = "") -> Shape | None:
        """What an endpoint says, None for a server that does not have it or shows it to others alone."""
        answer = await self._asker.get(f"{self._url}/{endpoint}{query}", self._headers)
        return answer.like(shape) if answer.good else None


def authorized(login: Login | None) -> dict[str, str]:
    """The headers of a request by somebody."""
    return {} if login is None else {hdrs.AUTHORIZATION: basic_authorization(login)}
