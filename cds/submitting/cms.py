"""Handing in by the API of the Contest Management System (CMS ContestWebServer API).

The files go as a form whose fields are named after the submission format. This module must not know how anything is
shown.
"""

from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import msgspec

from cds.dialects.results import one_line
from cds.live_play.client import Login
from cds.submitting.asking import Answer, Asker
from cds.submitting.standing import Standing, plain, points
from cds.submitting.work import KnownTask, NotSubmitted, Work, chosen_task, matched

AUTHORIZATION = "X-CMS-Authorization"

COMPILATION_FAILED = 2
SCORED = 5
"""The values of `status` behind which nothing comes (requirements, 2.8)."""


class _LoginData(msgspec.Struct, frozen=True):
    login_data: str


class _Task(msgspec.Struct, frozen=True):
    name: str
    submission_format: list[str]


class _TaskList(msgspec.Struct, frozen=True):
    tasks: list[_Task]


class _Submitted(msgspec.Struct, frozen=True):
    id: str


class _Status(msgspec.Struct, frozen=True):
    status: int
    status_text: str = ""
    public_score: float | None = None
    max_public_score: float | None = None
    score: float | None = None
    max_score: float | None = None
    task_public_score: float | None = None
    task_score_is_partial: bool | None = None


class CmsDoor:
    """A contest of the Contest Management System at `base`. Without a login, the address has to say who one is."""

    def __init__(self, asker: Asker, base: str, login: Login | None) -> None:
        self._asker = asker
        self._base = base
        self._login = login
        self._headers: dict[str, str] = {}
        self._task = ""

    @property
    def name(self) -> str:
        """The contest and the API."""
        return f"{self._base} by the API of CMS"

    async def hand_in(self, work: Work) -> str:
        """Hand it in, to the task of that name."""
        await self._log_in()
        tasks = (await self._get("api/task_list")).read(_TaskList, "the tasks cannot be seen").tasks
        task = chosen_task(
            [KnownTask(id=each.name, formats=tuple(each.submission_format)) for each in tasks], work.task
        )
        elements = matched(task.formats or (), work.files)
        if work.entry_point is not None:
            raise NotSubmitted("this API has no entry point: leave out --entry-point")

        def form() -> aiohttp.FormData:
            # A field is called exactly as in the format, `%l` and all.
            data = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
            for element, file in elements.items():
                data.add_field(element, file.content, filename=file.name, content_type="application/octet-stream")
            if work.language is not None:
                data.add_field("language", work.language)
            return data

        url = f"{self._base}/api/{quote(task.id, safe='')}/submit"
        answer = await self._asker.post(url, self._headers, form, "not handed in")
        taken = answer.read(_Submitted, "not handed in")
        self._task = task.id
        return taken.id

    async def standing(self, submission_id: str) -> Standing:
        """What the scoring information says; who was logged out for the time it took logs in again."""
        path = f"tasks/{quote(self._task, safe='')}/submissions/{quote(submission_id, safe='')}"
        answer = await self._get(path)
        if answer.status == HTTPStatus.FORBIDDEN and self._login is not None:
            await self._log_in()
            answer = await self._get(path)
        return _standing(answer.read(_Status, "the score cannot be seen"))

    async def _log_in(self) -> None:
        if self._login is None:
            return
        username, password = self._login

        def form() -> aiohttp.FormData:
            return aiohttp.FormData({"username": username, "password": password})

        answer = await self._asker.post(f"{self._base}/api/login", {}, form, "not logged in")
        self._headers = {AUTHORIZATION: answer.read(_LoginData, "not logged in").login_data}

    async def _get(self, path: str) -> Answer:
        return await self._asker.get(f"{self._base}/{path}", self._headers)


def _standing(said: _Status) -> Standing:
    state = one_line(said.status_text.rstrip(".")) or f"status {said.status}"
    if said.status not in (COMPILATION_FAILED, SCORED):
        return Standing(state=state)
    score = said.public_score if said.public_score is not None else said.score
    of = said.max_public_score if said.public_score is not None else said.max_score
    scores = [] if score is None else [f"score {points(score, of)}"]
    if said.task_public_score is not None:
        partial = " so far" if said.task_score_is_partial else ""
        scores.append(f"the task {plain(said.task_public_score)}{partial}")
    good = False if said.status == COMPILATION_FAILED else None if score is None or of is None else score >= of
    return Standing(state=state, judged=True, good=good, scores=tuple(scores))
