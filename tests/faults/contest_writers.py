"""Those who write to one contest over the Contest API and over that of CMS, and note what was acknowledged.

Everything carries a mark that nothing else has, so that it can be told whether it is there, and how often. This module
must not know what is broken meanwhile.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from itertools import count
from uuid import uuid4

import aiohttp

from cds.circumstances import SYSTEM
from schemas.times import format_time
from tests.cds.cms_api.stage import HEADER
from tests.cds.contest_api.live_contest_setup import archive, data_of
from tests.cds.contest_api.serving import Answer
from tests.faults.insisting import BODY_SHOWN_BYTES, GaveUp, Insistent
from tests.faults.record import Record

CONTEST_ID = "live"
BELOW = f"contests/{CONTEST_ID}"
PAUSE_S = 0.03
"""Between two writes of one writer."""

PROBLEMS = ("apples", "bridges", "towers")
VERDICTS = ("AC", "WA", "CE", "AC", "WA")
MADE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
CMS = f"/cms/{CONTEST_ID}"


def packed(mark: str) -> str:
    """An archive that no other submission has, as JSON holds it."""
    return data_of(archive({mark: f"class Main {{}} // {mark}"}))


class Writers:
    """What those who write have in common."""

    def __init__(self, record: Record, over: asyncio.Event) -> None:
        """They write until it is `over`; what has been begun is brought to its end."""
        self.record = record
        self.over = over
        self.to_judge: asyncio.Queue[str] = asyncio.Queue()
        self.counted: dict[int, int] = {}
        self._numbers = count(1)

    def new_mark(self, kind: str, ending: str = "") -> str:
        """A mark that nothing has yet, which is going to be asked for."""
        mark = f"{kind}{next(self._numbers)}{ending}"
        self.record.ask(kind, mark)
        return mark

    async def submit(self, team: Insistent) -> None:
        """Submissions, each with an Idempotency-Key of its own; the mark is the name of its entry point."""
        while not self.over.is_set():
            mark = self.new_mark("submission", ".java")
            body = {
                "problem_id": PROBLEMS[len(mark) % len(PROBLEMS)],
                "language_id": "java",
                "entry_point": mark,
                "files": [{"data": packed(mark)}],
            }
            answer = await self._posted(team, f"{BELOW}/submissions", body, "submission", mark)
            if answer is None:
                return
            self.to_judge.put_nowait(answer.json["id"])
            await asyncio.sleep(PAUSE_S)

    async def clarify(self, team: Insistent) -> None:
        """Questions; the mark is the text."""
        while not self.over.is_set():
            mark = self.new_mark("clarification")
            if await self._posted(team, f"{BELOW}/clarifications", {"text": mark}, "clarification", mark) is None:
                return
            await asyncio.sleep(PAUSE_S * 3)

    async def judge(self, judge: Insistent) -> None:
        """One judgement for each submission, which comes to its verdict in a second request."""
        for number in count():
            submission_id = await self._next_to_judge()
            if submission_id is None:
                return
            self.record.ask("judgement", submission_id)
            body = {"submission_id": submission_id, "start_time": format_time(SYSTEM.now_us() // 1_000)}
            answer = await self._posted(judge, f"{BELOW}/judgements", body, "judgement", submission_id)
            if answer is None:
                return
            verdict, identifier = VERDICTS[number % len(VERDICTS)], answer.json["id"]
            path = f"{BELOW}/judgements/{identifier}"
            done, _ = await judge.ask("PATCH", path, {"judgement_type_id": verdict})
            if done.status != HTTPStatus.OK:
                self._unexpected(judge, path, done)
                return
            await self.record.acknowledge("verdict", identifier, identifier, {"judgement_type_id": verdict})

    async def answer_all(self, judge: Insistent) -> None:
        """Judge and answer whatever is left, as a contest that is to be final needs it.

        Some of it was never acknowledged: it was written, and the answer was lost.
        """
        self.to_judge = asyncio.Queue()
        judged = {each["submission_id"] for each in await judge.json(f"{BELOW}/judgements")}
        for each in await judge.json(f"{BELOW}/submissions"):
            if each["id"] not in judged:
                self.to_judge.put_nowait(each["id"])
        await self.judge(judge)
        questions = await judge.json(f"{BELOW}/clarifications")
        answered = {each.get("reply_to_id") for each in questions}
        for each in questions:
            if each.get("from_team_id") and each["id"] not in answered:
                self.record.ask("answer", each["id"])
                body = {"text": "No comment.", "reply_to_id": each["id"], "to_team_ids": [each["from_team_id"]]}
                if await self._posted(judge, f"{BELOW}/clarifications", body, "answer", each["id"]) is None:
                    return

    async def count_up(self, administrator: Insistent, number: int) -> None:
        """An object whose name is a number that grows, by PUT; see `look`."""
        path = f"{BELOW}/groups/w{number}"
        for value in count(1):
            if self.over.is_set():
                return
            self.record.ask(f"group{number}", str(value))
            answer, _ = await administrator.ask("PUT", path, {"id": f"w{number}", "name": str(value)})
            if answer.status not in MADE:
                self._unexpected(administrator, path, answer)
                return
            await self.record.acknowledge(f"group{number}", str(value), f"w{number}")
            self.counted[number] = value
            await asyncio.sleep(PAUSE_S)

    async def look(self, reader: Insistent, number: int) -> None:
        """What was acknowledged before a GET began is in its answer, and no GET is older than the one before."""
        newest = 0
        while not self.over.is_set():
            acknowledged = self.counted.get(number, 0)
            answer = await reader.attempt("GET", f"{BELOW}/groups/w{number}")
            if answer is not None and answer.status == HTTPStatus.OK:
                value = int(answer.json["name"])
                if value < max(newest, acknowledged):
                    known = f"{acknowledged} was acknowledged and {newest} read"
                    reader.findings.found(f"GET groups/w{number} says {value} after {known}")
                newest = max(newest, value)
                reader.findings.counts["reads in order"] += 1
            await asyncio.sleep(PAUSE_S)

    async def submit_by_cms(self, participant: Insistent, username: str, password: str) -> None:
        """Submissions by the API of CMS, which knows no keys: each attempt has a mark of its own in its source."""
        participant.headers |= await self._cms_login(participant, username, password)
        while not self.over.is_set():
            marks: list[str] = []

            def form(_attempt: int, marks: list[str] = marks) -> object:
                marks.append(self.new_mark("source"))
                made = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
                made.add_field("apples.%l", marks[-1].encode(), filename="apples.cpp")
                return made

            path = f"{participant.root}{CMS}/api/apples/submit"
            answer, _ = await participant.ask("POST", path, form=form)
            if answer.status == HTTPStatus.FORBIDDEN:
                return
            if answer.status != HTTPStatus.OK:
                self._unexpected(participant, path, answer)
                return
            await self.record.acknowledge("source", marks[-1], answer.json["id"])
            self.to_judge.put_nowait(answer.json["id"])
            await asyncio.sleep(PAUSE_S * 5)

    async def _cms_login(self, participant: Insistent, username: str, password: str) -> Mapping[str, str]:
        texts = {"username": username, "password": password}
        path = f"{participant.root}{CMS}/api/login"
        answer, _ = await participant.ask("POST", path, form=lambda _: aiohttp.FormData(texts))
        if answer.status != HTTPStatus.OK:
            self._unexpected(participant, path, answer)
            raise GaveUp
        return {HEADER: answer.json["login_data"]}

    async def _posted(self, who: Insistent, path: str, body: object, kind: str, mark: str) -> Answer | None:
        """POST until it is acknowledged, and record that; None when nothing more is taken: the contest is over."""
        answer, _ = await who.ask("POST", path, body, key=str(uuid4()))
        if answer.status == HTTPStatus.FORBIDDEN:
            return None
        if answer.status not in MADE:
            self._unexpected(who, path, answer)
            return None
        await self.record.acknowledge(kind, mark, answer.json["id"])
        return answer

    async def _next_to_judge(self) -> str | None:
        """The next submission to be judged; None when there are no more and there will be none."""
        while not (self.over.is_set() and self.to_judge.empty()):
            try:
                async with asyncio.timeout(PAUSE_S * 3):
                    return await self.to_judge.get()
            except TimeoutError:
                continue
        return None

    def _unexpected(self, who: Insistent, path: str, answer: Answer) -> None:
        who.findings.found(f"{path} as {who.login}: {answer.status} {answer.body[:BODY_SHOWN_BYTES]!r}")
