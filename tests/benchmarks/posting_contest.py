"""The contest to which submissions are posted, made over HTTP, and the submissions.

This module must not know what is measured.
"""

import asyncio
import io
import random
import zipfile
from base64 import b64encode
from itertools import count
from pathlib import Path

import aiohttp
import msgspec

from cds.configuration import API_PREFIX
from tests.benchmarks.processes import ADMIN_PASSWORD

CONTEST_ID = "posting"
OF_CONTEST = f"{API_PREFIX}/contests/{CONTEST_ID}"
PATH = f"{OF_CONTEST}/submissions"

TEAMS = 64
PROBLEMS = 12
SOURCE_LINES = (25, 50)
"""From and to; a source has one to two thousand bytes before it is packed."""

POSTS_A_SECOND_MAX = 3_000
"""So many different submissions are made ready for each second of a run; beyond that they come again."""

ANSWER_TIMEOUT_S = 60.0

CONTEST: dict[str, object] = {
    "id": CONTEST_ID,
    "name": "A contest to post to",
    "duration": "5:00:00.000",
    "scoreboard_freeze_duration": "1:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}

Objects = list[dict[str, object]]


def _password(number: int) -> str:
    return f"password of team {number}"


def _objects(teams_count: int) -> dict[str, Objects]:
    """What the contest is made of, in the order in which it can be made."""
    teams = range(1, teams_count + 1)
    return {
        "judgement-types": [{"id": "AC", "name": "Accepted", "solved": True, "penalty": False}],
        "languages": [{"id": "cpp", "name": "C++", "entry_point_required": False, "extensions": ["cc"]}],
        "problems": [
            {"id": f"p{n}", "label": chr(65 + n), "name": f"Problem {n}", "ordinal": n, "test_data_count": 1}
            for n in range(PROBLEMS)
        ],
        "groups": [{"id": "main", "name": "Main Site"}],
        "teams": [{"id": f"t{n}", "name": f"Team {n}", "label": str(n), "group_ids": ["main"]} for n in teams],
        "accounts": [
            {"id": f"team{n}", "username": f"team{n}", "type": "team", "team_id": f"t{n}", "password": _password(n)}
            for n in teams
        ],
    }


async def make_contest(port: int, teams: int = TEAMS) -> None:
    """Make the contest with so many teams and start it. Raises aiohttp.ClientResponseError for what is refused."""
    login = aiohttp.BasicAuth("admin", ADMIN_PASSWORD)
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    base = f"http://127.0.0.1:{port}{OF_CONTEST}"
    async with aiohttp.ClientSession(auth=login, timeout=timeout, raise_for_status=True) as session:
        await (await session.put(base, json=CONTEST)).read()
        for name, objects in _objects(teams).items():
            putting = [session.put(f"{base}/{name}/{each['id']}", json=each) for each in objects]
            await asyncio.gather(*putting)
        await (await session.patch(f"{base}/state", json={"started": "now"})).read()


class Submissions:
    """Files of submissions for one run each, no archive twice."""

    def __init__(self, scratch: Path, seconds: float, teams: int = TEAMS) -> None:
        """Files go into a directory; each has enough for a run of so many seconds, by so many teams in turn."""
        self._scratch = scratch
        self._teams = teams
        self._posts = round(POSTS_A_SECOND_MAX * seconds)
        self._numbers = count(1)

    def file(self) -> Path:
        """A new file: on each line the Authorization header, a tab, and the body."""
        number = next(self._numbers)
        path = self._scratch / f"submissions-{number}"
        chance = random.Random(number)
        path.write_bytes(b"".join(_line(chance, each, each % self._teams + 1) for each in range(self._posts)))
        return path


def _line(chance: random.Random, number: int, team: int) -> bytes:
    body = {
        "problem_id": f"p{number % PROBLEMS}",
        "language_id": "cpp",
        "files": [{"data": b64encode(_archive(chance)).decode(), "mime": "application/zip"}],
    }
    login = aiohttp.BasicAuth(f"team{team}", _password(team)).encode()
    return b"%s\t%s\n" % (login.encode(), msgspec.json.encode(body))


def _archive(chance: random.Random) -> bytes:
    """A zip archive with one source that nobody has sent before."""
    lines = (
        f"    total = (total * {chance.getrandbits(32)} + value) % m;\n" for _ in range(chance.randint(*SOURCE_LINES))
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.cc", "int main() {\n" + "".join(lines) + "}\n")
    return stream.getvalue()
