"""Two servers on two databases that run one contest under the same clock, secrets and ids, and what they answer.

They get the same requests but for verdicts that are hidden, and whatever an outsider gets of them is compared. The
text of tokens is encrypted and may differ; their number and length may not. This module must not know which requests
there are.
"""

import asyncio
import re
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from io import BytesIO
from uuid import UUID, uuid4
from zipfile import ZipFile, ZipInfo

import msgspec

from cds.application import ENTITY_TAGS_SECRET, REPETITIONS_SECRET
from cds.importing import encoded_events
from cds.live_contest import stream_of
from cds.token_keeping import TOKENS_SECRET
from eventstore.store import Append, Credential
from projections.contest import ContestState
from projections.tokens import TOKEN_CHARACTERS
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Submission
from schemas.viewers import Viewer
from tests.builders import KEY, moment, small_contest
from tests.cds.contest_api.serving import (
    CHANGING_HEADERS,
    Answer,
    Caller,
    Login,
    Running,
    cloned_database,
    fill,
    opened,
    quick_hash,
    running,
)
from tests.command_stage import ACCOUNTS, ANALYST, PROXY, RUN_BY_THE_SERVER, TEAMS, Command, at, embargoed
from tests.projections.test_law_embargo_with_writes import judged_submission, tells_apart

START = "4:01:00.000"
PATH = "contests/finals"
TOKEN = re.compile(rb'"token":"([^"]*)"}')
LOGINS: dict[str, str] = {
    **{f"account-t{number}": f"team{number}" for number in (1, 2, 3)},
    **{f"account-{role}": role for role in ("judge", "proxy", "analyst", "staff")},
    "account-admin": "root",
}
PAUSES: dict[str, dict[str, object]] = {
    "pause": {"removed_intervals": [{"start": "now"}]},
    "resume": {"removed_intervals": [{"start": moment("4:01:00.000"), "end": "now"}]},
}
"""What stands for a pause on the wire: a stretch of time that does not count."""

OUTSIDERS: tuple[Viewer, ...] = (Viewer(role="public"), PROXY, ANALYST, *TEAMS)


class SameCircumstances:
    """A clock that stands where it is put, and ids that are given."""

    def __init__(self) -> None:
        self.now_ms = at(START)
        self.fresh_id = "fresh"

    def now_us(self) -> int:
        """See Circumstances."""
        return self.now_ms * 1_000

    def batch_id(self) -> UUID:
        """See Circumstances; nobody sees it."""
        return uuid4()

    def identifier(self) -> str:
        """See Circumstances."""
        return self.fresh_id


class Side:
    """One of the two servers."""

    def __init__(self, server: Running, circumstances: SameCircumstances) -> None:
        self.server = server
        self.circumstances = circumstances

    @property
    def state(self) -> ContestState:
        contest = self.server.server.service.contests.find("finals")
        assert contest is not None
        return contest.state

    def caller(self, viewer: Viewer) -> Caller:
        """Somebody with the login of an account of the contest."""
        return self.server.caller(None if viewer.account_id is None else login(viewer.account_id))

    async def wait_until(self, now_ms: int) -> None:
        """Put the clock there, and let happen what is due, and what follows from it for the awards."""
        self.circumstances.now_ms = now_ms
        service = self.server.server.service
        contest = service.contests.find("finals")
        assert contest is not None
        await service.clock.settle(contest)
        await service.awards.settle(contest)

    async def ask(self, command: Command, headers: dict[str, str] | None = None) -> Answer:
        """Send a command."""
        self.circumstances.fresh_id = command.fresh_id
        body = None if command.method == "DELETE" else wire_body(command)
        method = "PATCH" if command.path in PAUSES else command.method
        return await self.caller(command.viewer).ask(method, path_of(command), json=body, headers=headers)


class Pair:
    """Both servers. `told` are the submissions whose verdicts may differ."""

    def __init__(self, one: Side, other: Side) -> None:
        self.one, self.other = one, other
        self.told: set[str] = set()
        self.reached: Counter[str] = Counter()

    async def perform(self, command: Command) -> None:
        """Send a command to both, each its own, and compare the answers where an outsider asked."""
        for side in (self.one, self.other):
            await side.wait_until(command.now_ms)
        about = judged_submission(self.one.state, command)
        if about is not None and tells_apart(command):
            self.told.add(about)
        if not command.path:
            return
        answer = await self.one.ask(command)
        if command.here_only:
            return
        other = await self.other.ask(command.other)
        assert answer.status < 500, (command, answer.body)
        if command.viewer in self.outsiders():
            assert seen(answer) == seen(other), command
            self.reached["an outsider wrote" if answer.status < 300 else "an outsider was refused"] += 1

    @property
    def hidden(self) -> bool:
        """Whether every verdict that may differ is still embargoed on both sides."""
        return all(embargoed(side.state, each) for side in (self.one, self.other) for each in self.told)

    def outsiders(self) -> list[Viewer]:
        """All behind the freeze but the teams whose own verdicts may differ."""
        own = [self.one.state.objects["submissions"].get(each) for each in self.told]
        teams = {each.team_id for each in own if isinstance(each, Submission)}
        return [viewer for viewer in OUTSIDERS if viewer.team_id is None or viewer.team_id not in teams]

    async def compare_feeds(self) -> None:
        """Lines, and number and length of tokens."""
        for viewer in self.outsiders():
            for query in ("", "&types=judgements,runs,awards,submissions"):
                one, other = await self.both("GET", viewer, f"{PATH}/event-feed?stream=false{query}")
                assert without_tokens(one) == without_tokens(other), viewer
                assert len(one.body) == len(other.body)
            await self._compare_resumed(viewer)

    async def _compare_resumed(self, viewer: Viewer) -> None:
        """Behind the last token there is nothing, and behind one in the middle the same as on the other side."""
        path = f"{PATH}/event-feed?stream=false"
        whole = await self.both("GET", viewer, path)
        for place in (-1, len(TOKEN.findall(whole[0].body)) // 2):
            resumed = [
                await side.caller(viewer).get(f"{path}&since_token={TOKEN.findall(answer.body)[place].decode()}")
                for side, answer in zip((self.one, self.other), whole, strict=True)
            ]
            assert without_tokens(resumed[0]) == without_tokens(resumed[1]), viewer
            assert resumed[0].status == HTTPStatus.OK
            assert place >= 0 or resumed[0].body == b""

    async def compare_everything(self) -> None:
        """Whatever there is to ask for, and what is not there to be found."""
        for viewer in self.outsiders():
            for path in self._paths():
                one, other = await self.both("GET", viewer, path)
                assert seen(one) == seen(other), (viewer, path)
                assert one.status < 500, path
            for path in (f"{PATH}/judgements", f"{PATH}/scoreboard", f"{PATH}/awards"):
                one, other = await self.both("HEAD", viewer, path)
                assert seen(one) == seen(other), (viewer, path)
            await self._compare_attempts(viewer)
        self._note()

    async def _compare_attempts(self, viewer: Viewer) -> None:
        """What outsiders may not write is refused in the same words, whether it is there or not."""
        for method, path in (
            *(("PATCH", f"{PATH}/judgements/{each}") for each in (*self._hidden_ids("judgements"), "nothing")),
            *(("DELETE", f"{PATH}/runs/{each}") for each in (*self._hidden_ids("runs"), "nothing")),
            *(("PUT", f"{PATH}/awards/{each}") for each in ("winner", "nothing")),
            ("PATCH", f"{PATH}/state"),
            ("POST", f"{PATH}/judgements"),
        ):
            one, other = await self.both(method, viewer, path)
            assert seen(one) == seen(other), (viewer, method, path)
            assert one.status in {401, 403, 404, 405}

    def _paths(self) -> Iterator[str]:
        yield from ("", "contests", PATH, f"{PATH}/access", f"{PATH}/account", f"{PATH}/x-settings", f"{PATH}/nothing")
        yield from (f"{PATH}/scoreboard{query}" for query in ("", "?group_id=guests", "?frozen=false", "?frozen=true"))
        for row in OBJECT_TYPES.values():
            if row.name != "contest":
                yield f"{PATH}/{row.endpoint}"
        yield from (
            f"{PATH}/judgements{query}" for query in ("?judgement_type_id=AC", "?submission_id=1", "?current=true")
        )
        yield from (f"{PATH}/runs?judgement_type_id=WA", f"{PATH}/awards?team_ids=t1")
        for name in ("judgements", "runs", "awards", "submissions"):
            yield from (f"{PATH}/{name}/{each}" for each in (*self._hidden_ids(name), "nothing"))
        yield from (f"{PATH}/runs?judgement_id={each}" for each in self._hidden_ids("judgements"))
        for each in self._hidden_ids("submissions"):
            yield f"{PATH}/judgements?submission_id={each}"
            yield from (f"{PATH}/submissions/{each}/{name}" for name in ("files", "reaction", "judgements"))

    def _hidden_ids(self, type_name: str) -> list[str]:
        """Ids that there are on either side."""
        return list(dict.fromkeys(each for side in (self.one, self.other) for each in side.state.objects[type_name]))

    async def both(self, method: str, viewer: Viewer, path: str) -> tuple[Answer, Answer]:
        one, other = await asyncio.gather(
            self.one.caller(viewer).ask(method, path), self.other.caller(viewer).ask(method, path)
        )
        return one, other

    def _note(self) -> None:
        one, other = self.one.state.objects, self.other.state.objects
        self.reached["other verdicts"] += dict(one["judgements"]) != dict(other["judgements"])
        self.reached["other awards"] += dict(one["awards"]) != dict(other["awards"])
        self.reached["other positions"] += self.one.state.position != self.other.state.position


def login(account_id: str) -> Login:
    """How an account of the contest logs in."""
    return LOGINS[account_id], f"password of {account_id}"


def path_of(command: Command) -> str:
    """The path of a command."""
    if command.path == "contest":
        return PATH
    if command.path not in OBJECT_TYPES:
        return f"{PATH}/state" if command.path in PAUSES else f"{PATH}/x-settings"
    row = OBJECT_TYPES[command.path]
    return f"{PATH}/{row.endpoint}/{command.id}" if command.id else f"{PATH}/{row.endpoint}"


def wire_body(command: Command) -> dict[str, object]:
    """The body of a command: bytes where it names files by hash, and a pause as the state that it comes to."""
    if command.path in PAUSES:
        return PAUSES[command.path]
    if command.path not in OBJECT_TYPES:
        return command.body
    names = {each.property for each in OBJECT_TYPES[command.path].file_properties}
    kept = {name: value for name, value in command.body.items() if name not in names}
    return kept | {"files": [ARCHIVE]} if command.path == "submissions" else kept


def _archive() -> dict[str, object]:
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name in ("main.py", "main.cpp"):
            archive.writestr(ZipInfo(name, (2031, 5, 17, 0, 0, 0)), "a program")
    return {"data": b64encode(stream.getvalue()).decode(), "filename": "files.zip", "mime": "application/zip"}


ARCHIVE = _archive()


def seen(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that an answer tells, but for the time of day."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in CHANGING_HEADERS)
    return answer.status, headers, answer.body


def without_tokens(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that a feed tells, the text of its tokens left out."""
    assert {len(token) for token in TOKEN.findall(answer.body)} <= {TOKEN_CHARACTERS}
    return seen(msgspec.structs.replace(answer, body=TOKEN.sub(b"", answer.body)))


@asynccontextmanager
async def side(template_dsn: str) -> AsyncIterator[Side]:
    """A server in the freeze of a contest that it runs, on a database of its own."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned_database(template_dsn))
        await fill(dsn, [])
        await _begin(dsn)
        circumstances = SameCircumstances()
        server = await stack.enter_async_context(running(dsn, circumstances=circumstances))
        made = Side(server, circumstances)
        await made.wait_until(at(START))
        yield made


async def _begin(dsn: str) -> None:
    async with opened(dsn) as store:
        for name in (TOKENS_SECRET, REPETITIONS_SECRET, ENTITY_TAGS_SECRET):
            await store.secret(name, lambda: KEY)
        stream = stream_of("finals")
        passwords = [
            Credential(scope=stream, account_id=account_id, password_hash=quick_hash(login(account_id)[1]))
            for account_id in LOGINS
        ]
        append = Append(
            stream=stream,
            expected_position=0,
            events=encoded_events([*small_contest(), *ACCOUNTS, RUN_BY_THE_SERVER]),
            credentials=passwords,
            actor="test",
            cause="test",
            batch_id=uuid4(),
            recorded_at_us=at(START) * 1_000,
        )
        assert await store.append(append) is not None


@asynccontextmanager
async def two_sides(template_dsn: str) -> AsyncIterator[Pair]:
    """Two servers that nobody can tell apart."""
    async with side(template_dsn) as one, side(template_dsn) as other:
        yield Pair(one, other)
