"""A small contest that was made over HTTP and runs, on a clock that stands still until a test sets it.

Teams t1 and t2 are of the main group, t3 is a guest. The contest lasts five hours with a freeze of one. This module
knows how to make such a contest and how to ask; it must not know what a right answer is, except that it keeps the JSON
schemas wherever these can be had.
"""

import io
import json
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from uuid import UUID

from aiohttp import hdrs
from PIL import Image

from cds.live_contest import LiveContest
from schemas.times import format_time, parse_time_ms
from tests.cds.contest_api.feeds import TYPES
from tests.cds.contest_api.real_contests import SCHEMAS
from tests.cds.contest_api.schema_checks import SCHEMA_OF_TYPE, SchemaChecks, decoded
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, Caller, Json, Login, Running, running
from tests.cds.contest_api.test_http import check_error
from tests.cds.contest_api.test_json_schemas import checks_for

CONTEST_ID = "live"
START = "2031-05-17T08:00:00.000Z"
START_MS = parse_time_ms(START)
MADE_MS = START_MS - 3_600_000
"""When the contest is made: an hour before its start."""

HOUR = 60.0
RUNNING = 1 * HOUR
"""Minutes of contest time at which a running contest is handed to a test."""

FROZEN = 4.5 * HOUR
OVER = 5 * HOUR + 1

ROLE_OF_ACCOUNT = {
    "team-one": "team",
    "team-two": "team",
    "proxy": "proxy",
    "analyst": "analyst",
    "judge": "judge",
    "staff": "staff",
    "chief": "admin",
}
TEAM_OF_ACCOUNT = {"team-one": "t1", "team-two": "t2"}
EVERYBODY = ("public", *ROLE_OF_ACCOUNT)

Body = Mapping[str, Any] | bytes | None

JSON_TYPE = {hdrs.CONTENT_TYPE: "application/json"}


class SetClock:
    """A clock that stands where it is set, and ids that never come twice."""

    def __init__(self, now_ms: int = MADE_MS, first_number: int = 1) -> None:
        self.now_ms = now_ms
        self._numbers = count(first_number)

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return self.now_ms * 1_000

    def batch_id(self) -> UUID:
        """A new identifier of a batch."""
        return UUID(int=next(self._numbers))

    def identifier(self) -> str:
        """A new id of an object."""
        return f"fresh{next(self._numbers):07}"


def moment(minutes: float) -> str:
    """The wall-clock time so many minutes after the start."""
    return format_time(START_MS + round(minutes * 60_000))


def login_of(name: str) -> Login | None:
    """How somebody logs in: an account of the contest, `root` for the server's administrator, `public` for nobody."""
    if name == "public":
        return None
    return SERVER_ADMIN if name == "root" else (name, f"password of {name}")


def archive(files: Mapping[str, bytes | str] | None = None) -> bytes:
    """A zip archive of some files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in ({"main.cc": "int main() {}"} if files is None else files).items():
            written.writestr(zipfile.ZipInfo(name, (2031, 5, 17, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def data_of(content: bytes) -> str:
    """Bytes as `data` of a file reference holds them."""
    return b64encode(content).decode()


def picture(width: int, height: int, colour: str = "gold") -> bytes:
    """A PNG of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "PNG")
    return stream.getvalue()


def submission(**changed: object) -> dict[str, Any]:
    """What a team sends; None leaves a property out."""
    body = {"problem_id": "apples", "language_id": "cpp", "files": [{"data": data_of(archive())}], **changed}
    return {name: value for name, value in body.items() if value is not None}


CONFIGURATION: dict[str, list[dict[str, Any]]] = {
    "groups": [{"id": "main", "name": "Main Site"}, {"id": "guests", "name": "Guests"}],
    "judgement-types": [
        {"id": "AC", "name": "Accepted", "solved": True, "penalty": False},
        {"id": "RE", "name": "Rejected", "solved": False, "penalty": True},
        {"id": "WA", "name": "Wrong Answer", "solved": False, "penalty": True, "simplified_judgement_type_id": "RE"},
        {"id": "CE", "name": "Compile Error", "solved": False, "penalty": False},
    ],
    "languages": [
        {"id": "cpp", "name": "C++", "entry_point_required": False, "extensions": ["cc", "cpp"]},
        {
            "id": "java",
            "name": "Java",
            "entry_point_required": True,
            "entry_point_name": "Main class",
            "extensions": ["java"],
        },
    ],
    "problems": [
        {"id": "apples", "label": "A", "name": "Apples", "ordinal": 0, "test_data_count": 2},
        {"id": "bridges", "label": "B", "name": "Bridges", "ordinal": 1, "test_data_count": 0, "code_limit": 1},
    ],
    "organizations": [{"id": "north", "name": "University of the North"}, {"id": "south", "name": "South"}],
    "teams": [
        {"id": "t1", "name": "Alpha", "label": "1", "organization_id": "north", "group_ids": ["main"]},
        {"id": "t2", "name": "Beta", "label": "2", "organization_id": "south", "group_ids": ["main"]},
        {"id": "t3", "name": "Gamma", "label": "3", "group_ids": ["guests"]},
    ],
    "persons": [
        {"id": "ada", "name": "Ada", "roles": [{"type": "contestant", "team_id": "t1"}]},
        {"id": "cleo", "name": "Cleo", "roles": [{"type": "staff", "title": "Commentator"}]},
    ],
    "accounts": [
        {
            "id": name,
            "username": name,
            "type": role,
            "password": f"password of {name}",
            **({"team_id": TEAM_OF_ACCOUNT[name]} if name in TEAM_OF_ACCOUNT else {}),
            **({"person_id": "cleo"} if name == "analyst" else {}),
        }
        for name, role in ROLE_OF_ACCOUNT.items()
    ],
}
"""What the contest is made of, in the order in which it can be made."""

CONTEST = {
    "id": CONTEST_ID,
    "name": "A Live Contest",
    "start_time": START,
    "duration": "5:00:00.000",
    "scoreboard_freeze_duration": "1:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}

_checks_of: dict[str, SchemaChecks] = {}


class Play:
    """A server with the contest, its clock, and those who write."""

    def __init__(self, server: Running, clock: SetClock) -> None:
        self.server = server
        self.clock = clock

    @property
    def contest(self) -> LiveContest:
        """The contest as the server holds it."""
        contest = self.server.service_contest(CONTEST_ID)
        assert contest is not None
        return contest

    def caller(self, who: str) -> Caller:
        """Somebody by name."""
        return self.server.caller(login_of(who))

    async def at(self, minutes: float) -> None:
        """Set the clock so many minutes after the start, and come back when the contest has followed."""
        self.clock.now_ms = START_MS + round(minutes * 60_000)
        await self.server.settle(CONTEST_ID)

    async def ask(
        self, who: str, method: str, path: str = "", body: Body = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request below the contest; a mapping goes as JSON. What succeeds is checked against the schemas."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(dict(body)).encode()
        data = None if sent is None else io.BytesIO(sent)
        answer = await self.caller(who).ask(method, below(path), headers=JSON_TYPE | (headers or {}), data=data)
        if answer.status in (200, 201) and not path.startswith("x-"):
            await self._keeps_the_schema(who, path, answer)
        return answer

    async def post(self, who: str, path: str, body: Body, **headers: str) -> Json:
        """What a POST that must succeed made: the object in its answer."""
        answer = await self.ask(who, "POST", path, body, headers=headers)
        assert answer.status == 201, answer.body
        return answer.json

    async def put(self, who: str, path: str, body: Body, status: int = 200) -> Json:
        """The answer to a PUT that must succeed."""
        answer = await self.ask(who, "PUT", path, body)
        assert answer.status == status, answer.body
        return answer.json

    async def patch(self, who: str, path: str, body: Body) -> Json:
        """The answer to a PATCH that must succeed."""
        answer = await self.ask(who, "PATCH", path, body)
        assert answer.status == 200, answer.body
        return answer.json

    async def delete(self, who: str, path: str) -> None:
        """A DELETE that must succeed."""
        answer = await self.ask(who, "DELETE", path)
        assert (answer.status, answer.body) == (204, b""), answer.body

    async def refused(
        self,
        who: str,
        method: str,
        path: str,
        body: Body,
        status: int,
        *,
        names: str = "",
        headers: dict[str, str] | None = None,
    ) -> str:
        """The message of a refusal in the form of the specification; nothing may have come of the request."""
        before = await self.position()
        answer = await self.ask(who, method, path, body, headers=headers)
        check_error(answer.status, answer.body, answer.headers["Content-Type"], status)
        message: str = answer.json["message"]
        assert names in message
        assert await self.position() == before
        return message

    async def get(self, who: str, path: str = "") -> Json:
        """The JSON of a GET that must succeed."""
        return await self.caller(who).json(below(path))

    async def ids(self, who: str, path: str) -> list[str]:
        """The ids of a collection."""
        return [each["id"] for each in await self.get(who, path)]

    async def feed(self, who: str, since: str | None = None) -> list[Json]:
        """The lines of the feed, all or those behind a token."""
        lines = await self.caller(who).lines(below("event-feed") + (f"?since_token={since}" if since else ""))
        return [json.loads(line) for line in lines]

    async def token(self, who: str) -> str:
        """The token of the last line of a feed."""
        token: str = (await self.feed(who))[-1]["token"]
        return token

    async def position(self) -> int:
        """How many events the log holds of the contest."""
        head = (await self.server.store.heads()).get(self.contest.stream)
        return 0 if head is None else head.position

    async def submitted(self, who: str = "team-one", **changed: object) -> str:
        """The id of a new submission."""
        identifier: str = (await self.post(who, "submissions", submission(**changed)))["id"]
        return identifier

    async def judged(self, submission_id: str, verdict: str | None = "AC", **more: object) -> str:
        """The id of a new judgement, finished unless `verdict` is None."""
        body = {"submission_id": submission_id, "start_time": format_time(self.clock.now_ms), **more}
        if verdict is not None:
            body["judgement_type_id"] = verdict
        identifier: str = (await self.post("judge", "judgements", body))["id"]
        return identifier

    async def _keeps_the_schema(self, who: str, path: str, answer: Answer) -> None:
        if not SCHEMAS.is_dir():
            return
        checks = _checks_of.get(who)
        if checks is None:
            checks = _checks_of[who] = await checks_for(self.caller(who), CONTEST_ID)
        name = path.partition("/")[0].partition("?")[0] or "contest"
        if name not in TYPES:
            return
        said = decoded(answer.body)
        if isinstance(said, list):
            checks.check_collection(name, said, path)
        elif _whole(who, name, said):
            checks.check(SCHEMA_OF_TYPE[name], said, f"{path} for {who}")


def below(path: str) -> str:
    """A path below the contest, relative to the base URL."""
    return f"contests/{CONTEST_ID}/{path}" if path else f"contests/{CONTEST_ID}"


@asynccontextmanager
async def playing(dsn: str, clock: SetClock | None = None, **configuration: Any) -> AsyncIterator[Play]:
    """A server on a database, with a clock that a test sets, for the length of the block."""
    clock = clock or SetClock()
    async with running(dsn, circumstances=clock, **configuration) as server:
        yield Play(server, clock)


async def make_contest(play: Play) -> None:
    """Make the whole contest over HTTP, as the server's administrator does."""
    answer = await play.caller("root").ask("PUT", f"contests/{CONTEST_ID}", json=CONTEST)
    assert answer.status == 201, answer.body
    for name, objects in CONFIGURATION.items():
        for each in objects:
            await play.put("root", f"{name}/{each['id']}", each, 201)
    await play.patch("root", "", {"main_scoreboard_group_id": "main"})


def _whole(who: str, name: str, said: Json) -> bool:
    """Whether a team is shown everything of an object that the schema demands: its own submissions it is."""
    return name != "submissions" or who not in TEAM_OF_ACCOUNT or said.get("team_id") == TEAM_OF_ACCOUNT[who]
