"""A score contest on a server with the API of CMS, and clients that speak it.

Contest "live" has the tasks sum, prod (output only) and maze; anna and bert take part, each with a team. The clock
stands until a test sets it. This module must not know what the answers should be.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from cds.cms_api.settings import CmsSettings
from eventstore.limits import READ_EVENTS_MAX
from tests.cds.contest_api.live_contest_setup import (
    CONFIGURATION,
    CONTEST,
    RUNNING,
    START,
    Play,
    SetClock,
    data_of,
    playing,
)
from tests.cds.contest_api.serving import Answer, Caller, Json

ADMIN_TOKEN = "an admin token of more than thirty-two characters"
BASE = "/cms/live"
HEADER = "X-CMS-Authorization"
PDF = b"%PDF-1.4 the statement of "

MADE_WITH_NUMBERS_UP_TO = 1_000_000
"""Ids that a stage makes begin behind those with which its database was made."""

PASSWORDS = {"anna": "password of anna", "bert": "password of bert"}

TASKS: Sequence[dict[str, Any]] = (
    {
        "id": "sum",
        "label": "S",
        "name": "Sum",
        "ordinal": 1,
        "max_score": 100,
        "test_data_count": 2,
        "statement": [
            {"data": data_of(PDF + b"sum"), "filename": "sum.en.pdf", "mime": "application/pdf"},
            {"data": data_of(PDF + b"somma"), "filename": "sum.it.pdf", "mime": "application/pdf"},
        ],
    },
    {
        "id": "prod",
        "label": "P",
        "name": "Product",
        "ordinal": 0,
        "max_score": 60,
        "test_data_count": 2,
        "ext": {"cms": {"submission_format": ["output_1.txt", "output_2.txt"]}},
    },
    {
        "id": "maze",
        "label": "M",
        "name": "Maze",
        "ordinal": 2,
        "max_score": 100,
        "test_data_count": 3,
        "ext": {
            "cms": {
                "subtasks": [
                    {"name": "small", "max_score": 40, "ordinals": [1], "rule": "sum", "public": True},
                    {"name": "large", "max_score": 60, "ordinals": [2, 3], "rule": "min", "public": False},
                ]
            }
        },
        "statement": [{"data": data_of(PDF + b"maze"), "filename": "statement.pdf", "mime": "application/pdf"}],
    },
)

OF_CMS: dict[str, list[dict[str, Any]]] = {
    "languages": [
        *CONFIGURATION["languages"],
        {
            "id": "python3",
            "name": "Python 3",
            "entry_point_required": True,
            "entry_point_name": "Main file",
            "extensions": ["py"],
        },
    ],
    "problems": list(TASKS),
    "accounts": [
        *(
            {"id": f"account-{name}", "username": name, "type": "team", "team_id": team_id, "password": PASSWORDS[name]}
            for name, team_id in (("anna", "t1"), ("bert", "t2"))
        ),
        {"id": "judge", "username": "judge", "type": "judge", "password": "password of judge"},
    ],
}
"""What is other than in the contest of the Contest API's tests."""


class CmsClient:
    """Somebody who speaks the API of CMS with a contest; `token` is what the login gave."""

    def __init__(self, caller: Caller, base: str) -> None:
        """A client that has not logged in; `base` is an address or a path from the root."""
        self._caller = caller
        self.base = base
        self.token: str | None = None

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        """One request below the base, with the token where there is one."""
        own = {} if self.token is None else {HEADER: self.token}
        return await self._caller.ask(method, self.base + path, headers={**own, **(headers or {})}, **more)

    async def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return await self.ask("GET", path, headers=headers)

    async def json(self, path: str) -> Json:
        """The JSON of a GET that must succeed."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    async def post(self, path: str, texts: Mapping[str, str] | None = None, **more: Any) -> Answer:
        """POST of an urlencoded form."""
        return await self.ask("POST", path, data=dict(texts or {}), **more)

    async def send(
        self, path: str, files: Sequence[tuple[str, str, bytes]], texts: Mapping[str, str] | None = None
    ) -> Answer:
        """POST of a form in parts: files as (field, file name, content), then texts."""
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        for field, filename, content in files:
            form.add_field(field, content, filename=filename, content_type="application/octet-stream")
        for name, text in (texts or {}).items():
            form.add_field(name, text)
        return await self.ask("POST", path, data=form)

    async def log_in(self, username: str, password: str | None = None) -> "CmsClient":
        """Log in, which must succeed."""
        return await self._logged_in({"username": username, "password": password or PASSWORDS[username]})

    async def impersonate(self, username: str, admin_token: str = ADMIN_TOKEN) -> "CmsClient":
        """Log in to act for somebody, which must succeed."""
        return await self._logged_in({"username": username, "admin_token": admin_token})

    async def _logged_in(self, texts: Mapping[str, str]) -> "CmsClient":
        answer = await self.post("/api/login", texts)
        assert answer.status == 200, answer.body
        self.token = answer.json["login_data"]
        return self


class CmsStage:
    """The server with its contest. `play` is the way of the Contest API's tests to the same contest."""

    def __init__(self, play: Play) -> None:
        self.play = play

    @property
    def root(self) -> str:
        """The address of the server, without a slash at its end."""
        return self.play.server.root

    def client(self, base: str = BASE) -> CmsClient:
        """Somebody who has not logged in; `base` is a path from the root, empty for the root itself."""
        return CmsClient(self.play.server.caller(), self.root + base)

    async def participant(self, username: str = "anna", base: str = BASE) -> CmsClient:
        """A participant who has logged in."""
        return await self.client(base).log_in(username)

    async def impersonator(self, username: str = "anna", base: str = BASE) -> CmsClient:
        """Somebody who acts for a participant."""
        return await self.client(base).impersonate(username)

    async def at(self, minutes: float) -> None:
        """Set the clock so many minutes after the start of the contest."""
        await self.play.at(minutes)

    async def say(self, path: str, **said: object) -> None:
        """Say of an object below the contest (empty: of the contest itself) what CMS knows of it."""
        await self.play.patch("root", path, {"ext": {"cms": said}})

    async def audits(self) -> list[Json]:
        """The records of who acted for whom, in their order."""
        store = self.play.server.store
        events = await store.read(self.play.contest.stream, 0, READ_EVENTS_MAX)
        return [json.loads(event.data) for event in events if event.type == "x-audit" and event.data is not None]


@asynccontextmanager
async def cms_stage(
    dsn: str, *, cms: CmsSettings | None = None, minutes: float = RUNNING, **configuration: Any
) -> AsyncIterator[CmsStage]:
    """A stage for the length of the block, so many minutes after the start; at the root too unless `cms` says else.

    The contest is made unless the database has it.
    """
    settings = CmsSettings(contest_id="live", admin_token=ADMIN_TOKEN) if cms is None else cms
    async with playing(dsn, SetClock(first_number=MADE_WITH_NUMBERS_UP_TO), cms=settings, **configuration) as play:
        if (await play.caller("root").ask("GET", "contests/live")).status == 404:
            await make_cms_contest(play)
        await play.at(minutes)
        yield CmsStage(play)


async def make_cms_contest(play: Play, contest_id: str = "live") -> None:
    """Make the contest over HTTP, as the server's administrator does."""
    contest = {**CONTEST, "id": contest_id, "scoreboard_type": "score", "start_time": START}
    del contest["penalty_time"]
    root = play.caller("root")
    answer = await root.ask("PUT", f"contests/{contest_id}", json=contest)
    assert answer.status == 201, answer.body
    for name, objects in (CONFIGURATION | OF_CMS).items():
        for each in objects:
            answer = await root.ask("PUT", f"contests/{contest_id}/{name}/{each['id']}", json=each)
            assert answer.status == 201, (name, answer.body)
