"""Two running contests for attacks: made over HTTP, with an account of every role, and with things that are hidden.

In `duel` two teams have submitted before the freeze and in it, asked, and been answered; `elsewhere` has accounts of
its own. This module knows the contests and what every refusal must look like. It must not know any attack.
"""

import base64
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.cds.contest_api.serving import (
    CHANGING_HEADERS,
    SERVER_ADMIN,
    Answer,
    Caller,
    Json,
    Running,
    cloned_database,
    running,
)

CONTEST = "duel"
OTHER = "elsewhere"

ACCOUNTS = {
    "team-one": {"type": "team", "team_id": "t1"},
    "team-two": {"type": "team", "team_id": "t2"},
    "judge": {"type": "judge"},
    "analyst": {"type": "analyst"},
    "staff": {"type": "staff"},
    "proxy": {"type": "proxy"},
    "chief": {"type": "admin"},
}
"""The accounts of both contests."""

ROLES = ("public", *ACCOUNTS, "server-admin")
"""Everybody who may ask `duel` something, by name."""

TEAMS = ("team-one", "team-two")
NOT_ADMINISTRATORS = ("public", "team-one", "judge", "analyst", "staff", "proxy")

NOBODYS = "without-a-team"
"""A submission that judges, staff and administrators alone see."""

TYPES = (
    "judgement-types",
    "languages",
    "problems",
    "groups",
    "organizations",
    "teams",
    "persons",
    "accounts",
    "submissions",
    "judgements",
    "runs",
    "clarifications",
    "awards",
    "commentary",
)
"""The collections of a contest (Contest API, "Endpoints")."""


def archive(name: str = "main.c", text: str = "int main() { return 0; }\n") -> bytes:
    """A zip archive with one source file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as entries:
        entries.writestr(name, text)
    return packed.getvalue()


def data(content: bytes) -> str:
    """Bytes as they stand in a body."""
    return base64.b64encode(content).decode()


def submission(content: bytes | None = None, **changed: object) -> Json:
    """A submission that a team may make."""
    files = [{"data": data(archive() if content is None else content)}]
    return {"language_id": "c", "problem_id": "apples", "files": files} | changed


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of what stands in `duel`: submissions, their judgements, questions and answers."""

    submission_one: str
    submission_two: str
    frozen_two: str
    judgement_one: str
    judgement_two: str
    frozen_judgement_two: str
    run_two: str
    frozen_run_two: str
    question_one: str
    question_two: str
    answer_two: str
    commentary: str


class Attacked:
    """The server under attack, and those who attack it."""

    def __init__(self, server: Running, dsn: str, made: Made) -> None:
        """A server on which both contests stand, and the address of its database."""
        self.server = server
        self.dsn = dsn
        self.made = made
        self.everybody = {name: caller_of(server, CONTEST, name) for name in ROLES}
        self.strangers = {name: caller_of(server, OTHER, name) for name in ACCOUNTS}

    def position(self, contest_id: str = CONTEST) -> int:
        """How many events a contest has."""
        contest = self.server.server.service.contests.find(contest_id)
        return 0 if contest is None else contest.position

    def positions(self) -> dict[str, int]:
        """How many events every contest has."""
        return {contest.contest_id: contest.position for contest in self.server.server.service.contests}

    async def refused(self, caller: Caller, method: str, path: str, *statuses: int, **more: Any) -> Answer:
        """A request that must be refused in the error form, with one of these statuses, and must change nothing."""
        before = self.positions()
        answer = await caller.ask(method, path, **more)
        check_error(answer, f"{method} {path[:200]} as {caller.login} with {str(more)[:300]}")
        assert not statuses or answer.status in statuses, (method, path[:200], caller.login, answer.body, more)
        assert self.positions() == before, (method, path, caller.login)
        return answer


def check_error(answer: Answer, what: str) -> None:
    """A refusal says so in JSON, with its own status in it, and is never the server's fault."""
    assert 400 <= answer.status < 500, f"{what}: {answer.status} {answer.body[:500]!r}"
    assert answer.headers["Content-Type"].startswith("application/json"), f"{what}: {answer.headers}"
    error = json.loads(answer.body)
    assert error.keys() == {"code", "message"}, f"{what}: {error}"
    assert error["code"] == answer.status, f"{what}: {error}"
    assert isinstance(error["message"], str), f"{what}: {error}"
    assert error["message"], f"{what}: {error}"


def absent_like(identifier: str) -> str:
    """An id as long that nothing has."""
    return "z" * len(identifier)


def without(identifier: str, answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All that an answer says, but for the time of day, its random number and, in an error, the id asked for."""
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING_HEADERS}
    repeated = rb"\b%b\b" % re.escape(identifier).encode()
    return answer.status, headers, answer.body if answer.status < 400 else re.sub(repeated, b"ID", answer.body)


async def look_alike(attacked: Attacked, caller: Caller, method: str, path: str, hidden: str, body: Json) -> None:
    """The answers to the very same request about what is hidden and about what is not there are the same."""
    absent = absent_like(hidden)
    answers = []
    for identifier in (hidden, absent):
        asked = path.replace("ID", identifier)
        sent = None if body is None else {key: _named(value, identifier) for key, value in body.items()}
        before = attacked.position()
        answer = await caller.ask(method, asked, json=sent)
        assert attacked.position() == before, (method, asked)
        assert answer.status < 500
        answers.append(without(identifier, answer))
    assert answers[0] == answers[1], (caller.login, method, path, hidden)


def _named(value: Json, identifier: str) -> Json:
    if isinstance(value, list):
        return [_named(each, identifier) for each in value]
    return value.replace("ID", identifier) if isinstance(value, str) else value


def username_of(contest_id: str, name: str) -> str:
    """The user name of an account; contests do not share any."""
    return f"{name}@{contest_id}"


def caller_of(server: Running, contest_id: str, name: str) -> Caller:
    """Who asks under this name in a contest."""
    if name == "public":
        return server.caller()
    if name == "server-admin":
        return server.caller(SERVER_ADMIN)
    username = username_of(contest_id, name)
    return server.caller((username, f"password of {username}"))


@asynccontextmanager
async def attacked_contests(dsn_template: str) -> AsyncIterator[Attacked]:
    """A server with both contests for the length of the block."""
    async with cloned_database(dsn_template) as dsn, running(dsn) as server:
        for contest_id in (CONTEST, OTHER):
            await _configured(server.caller(SERVER_ADMIN), contest_id)
        yield Attacked(server, dsn, await _played(server))


async def done(caller: Caller, method: str, path: str, body: Json) -> Json:
    """A request that must succeed, and what it answers."""
    answer = await caller.ask(method, path, json=body)
    assert answer.status < 300, f"{method} {path} as {caller.login}: {answer.status} {answer.body[:300]!r}"
    return answer.json


async def _configured(admin: Caller, contest_id: str) -> None:
    base = f"contests/{contest_id}"

    async def put(path: str, **properties: object) -> None:
        await done(admin, "PUT", f"{base}/{path}" if path else base, properties)

    await put(
        "",
        id=contest_id,
        name=f"Contest {contest_id}",
        duration="5:00:00",
        scoreboard_freeze_duration="1:00:00",
        scoreboard_type="pass-fail",
        penalty_time="0:20:00",
    )
    for identifier, solved in (("AC", True), ("WA", False)):
        await put(f"judgement-types/{identifier}", id=identifier, name=identifier, solved=solved, penalty=not solved)
    await put("languages/c", id="c", name="C", entry_point_required=False, extensions=["c"])
    await put(
        "languages/java",
        id="java",
        name="Java",
        entry_point_required=True,
        entry_point_name="Main class",
        extensions=["java"],
    )
    for ordinal, identifier in enumerate(("apples", "bridges")):
        await put(
            f"problems/{identifier}",
            id=identifier,
            label="AB"[ordinal],
            name=identifier,
            ordinal=ordinal,
            test_data_count=3,
            statement=[{"data": data(b"%PDF-1.4 " + identifier.encode() + b"\n%%EOF\n")}],
        )
    await put("groups/main", id="main", name="Main")
    await put("organizations/north", id="north", name="North")
    for team_id in ("t1", "t2"):
        await put(
            f"teams/{team_id}", id=team_id, name=team_id, label=team_id, group_ids=["main"], organization_id="north"
        )
    await put("persons/ada", id="ada", name="Ada", roles=[{"type": "contestant", "team_id": "t1"}])
    for name, account in ACCOUNTS.items():
        username = username_of(contest_id, name)
        await put(f"accounts/{name}", id=name, username=username, password=f"password of {username}", **account)
    await done(admin, "PATCH", f"{base}/state", {"started": "now"})


async def _played(server: Running) -> Made:
    """What happens in `duel`."""
    one, two, judge, admin = (caller_of(server, CONTEST, name) for name in ("team-one", "team-two", "judge", "chief"))
    analyst = caller_of(server, CONTEST, "analyst")
    base = f"contests/{CONTEST}"

    async def post(caller: Caller, name: str, **properties: object) -> str:
        identifier: str = (await done(caller, "POST", f"{base}/{name}", properties))["id"]
        return identifier

    async def judged(submission_id: str, verdict: str) -> tuple[str, str]:
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        judgement_id = await post(judge, "judgements", submission_id=submission_id, start_time=started)
        run_id = await post(
            judge, "runs", judgement_id=judgement_id, ordinal=1, judgement_type_id=verdict, time=started, run_time=0.5
        )
        await done(judge, "PATCH", f"{base}/judgements/{judgement_id}", {"judgement_type_id": verdict})
        return judgement_id, run_id

    submission_one = await post(one, "submissions", **submission(archive("one.c")))
    submission_two = await post(two, "submissions", **submission(archive("two.c")))
    judgement_one, _ = await judged(submission_one, "WA")
    judgement_two, run_two = await judged(submission_two, "AC")
    question_one = await post(one, "clarifications", text="Are apples round?", problem_id="apples")
    question_two = await post(two, "clarifications", text="May we eat?")
    answer_two = await post(judge, "clarifications", text="Yes.", reply_to_id=question_two, to_team_ids=["t2"])
    await done(admin, "PATCH", f"{base}/state", {"frozen": "now"})
    frozen_two = await post(two, "submissions", **submission(archive("frozen.c"), problem_id="bridges"))
    frozen_judgement_two, frozen_run_two = await judged(frozen_two, "AC")
    nobodys = submission(id=NOBODYS, time=datetime.now(UTC).isoformat(timespec="milliseconds"))
    await done(admin, "PUT", f"{base}/submissions/{NOBODYS}", nobodys)
    commentary = await post(analyst, "commentary", message="A surprise", team_ids=["t2"], submission_ids=[frozen_two])
    return Made(
        submission_one=submission_one,
        submission_two=submission_two,
        frozen_two=frozen_two,
        judgement_one=judgement_one,
        judgement_two=judgement_two,
        frozen_judgement_two=frozen_judgement_two,
        run_two=run_two,
        frozen_run_two=frozen_run_two,
        question_one=question_one,
        question_two=question_two,
        answer_two=answer_two,
        commentary=commentary,
    )
