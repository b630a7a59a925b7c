"""Who listens while something happens that is hidden hears nothing of it: no line, no event, no sign of life.

Two servers that are alike, each with open feeds and boards of a public client; on one of them all that is hidden
happens, then on both something that everybody sees. Up to there both must have sent the same. And what the public has
made the servers write into their logs holds nothing of what is hidden. This module must not know what is hidden.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import msgspec
import pytest
from aiohttp import hdrs

from cds.commands.decision import ObjectChange
from schemas.objects import Clarification, Submission
from tests.builders import put
from tests.cds.contest_api.serving import DEADLINE_S, Running, opened, position_of
from tests.leaks.asked import Places, everything, thinned
from tests.leaks.comparing import RETRY, TOKEN, Pair
from tests.leaks.differences import Stand, hidden_changes
from tests.leaks.scenes import MINUTE_MS, NOW_MS, SIMULATED, Batch, Moment, Scene
from tests.leaks.sides import append, made, side

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOMENT = Moment.FROZEN
NEVER_S = 3_600.0
"""Signs of life come so seldom that none comes while this is tried: one that comes, comes of something."""

LAST = "the-very-last"
STREAMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("event-feed", {}),
    ("event-feed?types=judgements,runs,awards,submissions,clarifications", {}),
    ("event-feed", {hdrs.ACCEPT: "text/event-stream"}),
    ("scoreboard", {hdrs.ACCEPT: "text/event-stream"}),
)
"""What can be listened to, with the headers that ask for it."""

PUBLIC_FROM = 16
"""Texts of hidden objects that are shorter may stand anywhere."""


class Listening:
    """Open streams of somebody on one server, and what has come of each."""

    def __init__(self, responses: list[aiohttp.ClientResponse]) -> None:
        """Nothing has come yet."""
        self._responses = responses

    async def until_the_last(self) -> list[bytes]:
        """All that has come on each stream when it tells of what is last."""
        return list(await asyncio.gather(*(self._until_the_last(each) for each in self._responses)))

    async def _until_the_last(self, response: aiohttp.ClientResponse) -> bytes:
        lines: list[bytes] = []
        ending = b'"removed"' if "scoreboard" in response.url.path else LAST.encode()
        async with asyncio.timeout(DEADLINE_S):
            while not lines or ending not in lines[-1]:
                line = await response.content.readline()
                assert line, "the stream has ended"
                lines.append(line)
        return TOKEN.sub(lambda found: found[1] + b"." * len(found[2]), RETRY.sub(b"retry:", b"".join(lines)))


@asynccontextmanager
async def listening(server: Running, contest_id: str) -> AsyncIterator[Listening]:
    """Every stream, opened by nobody in particular; their heads have come."""
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                server.session.get(
                    f"{server.base}contests/{contest_id}/{path}",
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=DEADLINE_S),
                )
            )
            for path, headers in STREAMS
        ]
        assert [each.status for each in opened] == [200] * len(STREAMS)
        yield Listening(opened)


def shown_to_all(scene: Scene) -> Batch:
    """A submission to each problem, one of which moves the board, and an announcement: later than all before."""
    submission = next(change.instance for change in scene.behind[0].changes if isinstance(change.instance, Submission))
    question = next(change.instance for change in scene.behind[0].changes if isinstance(change.instance, Clarification))
    more = (
        msgspec.structs.replace(submission, id=f"more-{problem_id}"[:36], problem_id=problem_id)
        for problem_id in scene.state().objects["problems"]
    )
    changes = put(*more, msgspec.structs.replace(question, id=LAST))
    return Batch(changes, NOW_MS[MOMENT] - MINUTE_MS // 2)


async def happen(server: Running, scene: Scene, batch: Batch) -> None:
    """Come back when what another process has written is known to a server, and all that follows from it."""
    url = server.server._configuration.database_url
    assert url is not None
    async with opened(url) as store:
        await append(store, scene, batch)
        await server.level_with(scene.contest_id, await position_of(store, scene.contest_id))
    await server.settle(scene.contest_id)


async def test_what_happens_unseen_is_not_heard(postgres_dsn_template: str) -> None:
    async with made(postgres_dsn_template, f"{SIMULATED}1", MOMENT) as template, AsyncExitStack() as stack:
        scene = template.scene
        hidden = hidden_changes(Stand(scene, scene.state(), template.other_file), "public")
        sides = [await stack.enter_async_context(side(template, [], keep_alive_s=NEVER_S)) for _ in range(2)]
        heard = [await stack.enter_async_context(listening(server, scene.contest_id)) for server in sides]
        for changes in hidden.values():
            await happen(sides[1], scene, Batch(changes, NOW_MS[MOMENT] - MINUTE_MS // 2))
        for server in sides:
            await happen(server, scene, shown_to_all(scene))
        one, other = [await each.until_the_last() for each in heard]
    assert LAST.encode() in one[0]
    for (path, headers), begun, begun_elsewhere in zip(STREAMS, one, other, strict=True):
        assert begun == begun_elsewhere, (path, headers)


def texts_of(changes: Iterator[ObjectChange]) -> set[str]:
    """All texts in objects that are long enough to be nothing else."""
    found: set[str] = set()
    for change in changes:
        found |= set(_texts(json.loads(msgspec.json.encode(change.instance))))
    return {text for text in found if len(text) >= PUBLIC_FROM}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


async def test_logs_tell_nothing_of_it(postgres_dsn_template: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what is hidden nor what nobody but staff is told of accounts, whatever the public asks."""
    async with made(postgres_dsn_template, f"{SIMULATED}1", MOMENT) as template:
        scene = template.scene
        hidden = hidden_changes(Stand(scene, scene.state(), template.other_file), "public")
        changes = [change for each in hidden.values() for change in each]
        known = texts_of(change for batch in (*scene.before, *scene.behind) for change in batch.changes)
        secrets = texts_of(iter(changes)) - known - {change.id for change in changes}
        assert any("Another question" in text for text in secrets)
        async with side(template, changes, outsider="public", access_log=True, log_level="debug") as server:
            capfd.readouterr()
            pair = Pair(server.caller(), server.caller())
            places = Places(scene.contest_id, scene.state(), {}, scene.past)
            await pair.ask_all(thinned(everything(server, places), 23))
    captured = capfd.readouterr()
    written = captured.out + captured.err
    assert "/judgements" in written
    assert {text for text in secrets if text in written} == set()
