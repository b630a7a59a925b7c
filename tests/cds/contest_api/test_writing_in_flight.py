"""What changes while a request is on its way: a decision is taken on what is so when it is taken."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import hdrs

from cds.contest_api.held_bodies import FREE_BYTES, HeldBodies
from tests.cds.contest_api.live_contest_setup import CONTEST, OVER, Play, archive, below, data_of, submission
from tests.cds.contest_api.serving import Answer
from tests.cds.contest_api.test_http import check_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_BYTES = 10


async def slowly(
    play: Play, who: str, method: str, path: str, body: dict[str, Any], meanwhile: Callable[[], Awaitable[object]]
) -> Answer:
    """A request of which `meanwhile` happens after its first bytes have arrived."""
    sent = json.dumps(body).encode()

    async def parts() -> AsyncIterator[bytes]:
        yield sent[:FIRST_BYTES]
        await meanwhile()
        yield sent[FIRST_BYTES:]

    return await play.caller(who).ask(method, below(path), headers={"Content-Type": "application/json"}, data=parts())


async def test_an_account_that_is_disabled_meanwhile_submits_nothing(live: Play) -> None:
    answer = await slowly(
        live,
        "team-one",
        "POST",
        "submissions",
        submission(),
        lambda: live.patch("root", "accounts/team-one", {"disabled": True}),
    )
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 401)
    assert await live.ids("judge", "submissions") == []


async def test_an_administrator_who_is_one_no_longer_writes_nothing(live: Play) -> None:
    """401 when the change comes between the two looks, 403 when it comes before the first one."""
    evil = {"id": "evil", "username": "evil", "type": "admin", "password": "long enough"}
    answer = await slowly(
        live, "chief", "PUT", "accounts/evil", evil, lambda: live.patch("root", "accounts/chief", {"type": "judge"})
    )
    assert answer.status in (401, 403)
    assert "evil" not in await live.ids("root", "accounts")


async def test_nothing_is_written_to_a_contest_that_is_gone(waiting: Play) -> None:
    late = {"id": "late", "name": "Late"}
    answer = await slowly(waiting, "root", "PUT", "groups/late", late, lambda: waiting.delete("root", ""))
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 404)
    await waiting.put("root", "", CONTEST, 201)
    assert await waiting.ids("root", "groups") == []


async def test_a_final_contest_stays_as_it_is(live: Play) -> None:
    submission_id = await live.submitted()
    await live.judged(submission_id)
    await live.at(OVER)
    await live.patch("root", "state", {"finalized": "now"})
    rejudged = {"submission_id": submission_id, "start_time": CONTEST["start_time"], "judgement_type_id": "WA"}
    await live.refused("judge", "POST", "judgements", rejudged, 403, names="final")
    await live.refused("team-one", "POST", "clarifications", {"text": "Why?"}, 403, names="final")
    late = submission(team_id="t2", time=CONTEST["start_time"])
    await live.refused("root", "POST", "submissions", late, 403, names="final")
    await live.refused("root", "PATCH", "judgement-types/WA", {"solved": True, "penalty": False}, 403, names="final")
    await live.refused("root", "PATCH", "", {"penalty_time": "0:10:00.000"}, 403, names="final")
    await live.patch("root", "teams/t1", {"name": "Alpha of the North"})
    (judged,) = await live.get("judge", "judgements")
    assert await live.put("judge", f"judgements/{judged['id']}", judged) == judged
    await live.patch("root", "state", {"finalized": None})
    await live.post("judge", "judgements", rejudged)


async def test_a_form_on_a_page_of_another_host_writes_nothing(live: Play) -> None:
    """A browser would add the password that it remembers."""
    headers = {"Origin": "https://evil.example", hdrs.CONTENT_TYPE: "text/plain"}
    body = {"text": "I was never asked"}
    await live.refused("team-one", "POST", "clarifications", body, 403, names="another host", headers=headers)
    await live.post("team-one", "clarifications", body, Origin="https://tools.example")
    await live.post("team-one", "clarifications", body, **{"Origin": live.server.root, hdrs.CONTENT_TYPE: "text/plain"})
    foreign = {"Origin": "https://tools.example"}
    assert (await live.ask("root", "DELETE", "persons/ada", headers=foreign)).status == 204


async def test_large_bodies_are_taken_as_long_as_there_is_room_for_them_together(
    live: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldBodies, "limit_bytes", 100)
    noise = {"main.cc": random.Random(1).randbytes(2 * FREE_BYTES)}
    large = submission(files=[{"data": data_of(archive(noise))}])
    answer = await live.ask("team-one", "POST", "submissions", large)
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 503)
    assert answer.headers["Retry-After"] == "1"
    await live.submitted()  # what is small gets through
    monkeypatch.undo()
    await live.post("team-one", "submissions", large)
