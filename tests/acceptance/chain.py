"""Servers that follow each other, beside one into which the same was imported: their answers must be the same.

This module knows how to ask for everything that there is to ask for. It must not know how anybody follows.
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence

from tests.cds.contest_api.feeds import file_references, fold
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Json, Login, server_login

SERVER_LOGINS: tuple[Login | None, ...] = (
    None,
    *(server_login(role) for role in ("proxy", "analyst", "judge", "staff")),
    SERVER_ADMIN,
)

WITHOUT_FEED = tuple(map(server_login, ("proxy", "analyst", "judge", "staff")))
"""Whose feeds are not asked for: to make the feeds of all roles takes longer than everything else together."""

SINGLE_OBJECTS = 5
"""So many objects of each collection are asked for one by one too."""

LEVEL_S_MAX = 120.0
POLL_S = 0.1

BOARD_TIME = re.compile(rb'"time":"[^"]*",?')

Asking = Callable[[Login | None], Caller]
Answers = dict[str, bytes]


async def answers(asking: Asking, contest_id: str, logins: Sequence[Login | None]) -> Answers:
    """Every answer to GET about a contest, every file in it once, and what some feeds come to, for several viewers."""
    found: Answers = {}
    for login in logins:
        await _answers_to(asking(login), contest_id, found)
    return found


def without(found: Answers, logins: Sequence[Login]) -> Answers:
    """The answers to all others."""
    usernames = {f"{username} " for username, _ in logins}
    return {asked: body for asked, body in found.items() if not any(asked.startswith(name) for name in usernames)}


async def differences(ours: Asking, expected: Answers, contest_id: str, logins: Sequence[Login | None]) -> list[str]:
    """What is answered otherwise than expected, one line each."""
    found = await answers(ours, contest_id, logins)
    return [
        f"{asked}: {_short(found.get(asked))} and not {_short(expected.get(asked))}"
        for asked in sorted(found.keys() | expected.keys())
        if found.get(asked) != expected.get(asked)
    ]


async def until_same(ours: Asking, expected: Answers, contest_id: str, logins: Sequence[Login | None]) -> None:
    """Wait until everything is answered as expected; what differs in the end is what fails."""
    deadline_s = asyncio.get_running_loop().time() + LEVEL_S_MAX
    while True:
        found = await differences(ours, expected, contest_id, logins)
        if not found:
            return
        assert asyncio.get_running_loop().time() < deadline_s, "\n".join(found[:20])
        await asyncio.sleep(POLL_S)


async def until_followed(admin: Caller, contest_id: str, lines: int) -> Json:
    """Wait until a source has taken so many lines and no file is to be fetched any more; how it stands then."""
    status: Json = None
    try:
        async with asyncio.timeout(LEVEL_S_MAX):
            while True:
                answer = await admin.get(f"contests/{contest_id}/x-source")
                if answer.status == 200 and answer.json:
                    (status,) = answer.json
                    if status["lines"] >= lines and not status["files"]["pending"] and _is_calm(status):
                        return status
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"not followed to the end: {status}") from None


async def _answers_to(caller: Caller, contest_id: str, found: Answers) -> None:
    base, who = f"contests/{contest_id}", caller.login and caller.login[0]
    access = await caller.json(f"{base}/access")
    names = [entry["type"] for entry in access["endpoints"] if entry["type"] != "contest"]
    for path in (base, *(f"{base}/{name}" for name in (*names, "access", "account", "scoreboard"))):
        answer = await caller.get(path)
        body = BOARD_TIME.sub(b"", answer.body, count=1) if path.endswith("/scoreboard") else answer.body
        found[f"{who} {path}"] = b"%d %s" % (answer.status, body)
        said = answer.json if answer.status == 200 else None
        if isinstance(said, list):
            await _answers_about_some(caller, path, said, found)
        await _files_in(caller, said, found)
    if caller.login in WITHOUT_FEED:
        return
    folded = fold(await caller.lines(f"{base}/event-feed"))
    # In which order objects came is no part of what the contest is.
    found[f"{who} {base}/event-feed"] = json.dumps(folded, sort_keys=True).encode()


async def _answers_about_some(caller: Caller, path: str, members: list[Json], found: Answers) -> None:
    step = max(len(members) // SINGLE_OBJECTS, 1)
    for member in members[::step]:
        one = await caller.get(f"{path}/{member['id']}")
        found[f"{caller.login and caller.login[0]} {path}/{member['id']}"] = b"%d %s" % (one.status, one.body)


async def _files_in(caller: Caller, answer: Json, found: Answers) -> None:
    for reference in file_references(answer):
        asked = f"file {reference['href']}"
        if "://" not in reference["href"] and asked not in found:
            file = await caller.get(reference["href"])
            found[asked] = b"%d %s" % (file.status, file.body)


def _is_calm(status: Json) -> bool:
    # A server that ends every answer at once is waited for nearly all the time.
    return status["state"] in ("following", "waiting", "ended") and not status["refused"]


def _short(answer: bytes | None) -> str:
    return "nothing" if answer is None else repr(answer[:300])
