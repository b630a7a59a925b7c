"""The contest of a round: made over HTTP while nothing is broken yet, and brought to its very end when all is healed.

This module must not know who writes what in between.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from cds.circumstances import SYSTEM
from schemas.times import format_relative_time, format_time
from tests.cds.contest_api.live_contest_setup import CONFIGURATION
from tests.cds.contest_api.serving import Json, Login
from tests.faults.contest_writers import BELOW, CONTEST_ID, PROBLEMS
from tests.faults.insisting import GaveUp, Insistent

START_IN_MS = 3_000
"""It is made while there is time until then; where that is too little, it is made while it goes on."""
LOOK_S = 0.1
STATE_S_MAX = 60.0

ROLES = ("public", "team-one", "team-two", "team-three", "analyst", "judge", "staff", "chief")
"""Everybody who looks: nobody in particular, and the accounts of the contest."""

TEAMS = {"team-one": "t1", "team-two": "t2", "team-three": "t3"}
COUNTERS = 2

MADE: dict[str, list[dict[str, Any]]] = CONFIGURATION | {
    "problems": [
        {"id": name, "label": name[0].upper(), "name": name.title(), "ordinal": ordinal, "test_data_count": 0}
        for ordinal, name in enumerate(PROBLEMS)
    ],
    "accounts": [
        {
            "id": name,
            "username": name,
            "type": "team" if name in TEAMS else "admin" if name == "chief" else name,
            "password": f"password of {name}",
            **({"team_id": TEAMS[name]} if name in TEAMS else {}),
        }
        for name in ROLES
        if name != "public"
    ],
}


def login_of(role: str) -> Login | None:
    """How somebody logs in."""
    return None if role == "public" else (role, f"password of {role}")


async def make_contest(administrator: Insistent, duration_s: float) -> None:
    """Make the contest, and come back when it has started; its second half is frozen."""
    contest = {
        "id": CONTEST_ID,
        "name": "Faults",
        "start_time": format_time(SYSTEM.now_us() // 1_000 + START_IN_MS),
        "duration": format_relative_time(round(duration_s * 1_000)),
        "scoreboard_freeze_duration": format_relative_time(round(duration_s * 500)),
        "scoreboard_type": "pass-fail",
        "penalty_time": "0:20:00.000",
    }
    await _put(administrator, BELOW, contest)
    for name, objects in MADE.items():
        for each in objects:
            await _put(administrator, f"{BELOW}/{name}/{each['id']}", each)
    for number in range(COUNTERS):
        await _put(administrator, f"{BELOW}/groups/w{number}", {"id": f"w{number}", "name": "0"})
    await until_state(administrator, "started")


async def end_contest(administrator: Insistent) -> Json:
    """Finalize, thaw, end the updates: a request each that may be sent again."""
    for name in ("finalized", "thawed", "end_of_updates"):
        state = await administrator.json(f"{BELOW}/state")
        if state.get(name) is None:
            answer, _ = await administrator.ask("PATCH", f"{BELOW}/state", {name: "now"})
            if answer.status != HTTPStatus.OK:
                administrator.findings.found(f"PATCH state {name}: {answer.status} {answer.body!r}")
                raise GaveUp
    return await administrator.json(f"{BELOW}/state")


async def until_state(administrator: Insistent, name: str) -> None:
    """Come back when the contest has come so far. Raises TimeoutError."""
    async with asyncio.timeout(STATE_S_MAX):
        while (await administrator.json(f"{BELOW}/state")).get(name) is None:
            await asyncio.sleep(LOOK_S)


async def _put(administrator: Insistent, path: str, body: object) -> None:
    answer, _ = await administrator.ask("PUT", path, body)
    assert answer.status in (HTTPStatus.OK, HTTPStatus.CREATED), (path, answer.status, answer.body)
