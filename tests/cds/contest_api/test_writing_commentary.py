"""Commentary (Contest API, "Modifying commentary")."""

import pytest

from tests.cds.contest_api.live_contest_setup import RUNNING, Play, below, moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

ABOUT = {"team_ids": ["t1"], "problem_ids": ["apples"], "submission_ids": ["1"], "tags": ["submission"]}
WRITERS = ("analyst", "staff", "chief")


@pytest.mark.parametrize("who", WRITERS)
async def test_a_comment_is_answered_with_its_place_and_its_initial_state(live: Play, who: str) -> None:
    """Time and source are the server's: the analyst's account is Cleo's."""
    assert await live.submitted() == "1"
    body = {"message": "{t:t1} tries {p:apples}", **ABOUT}
    answer = await live.ask(who, "POST", "commentary", body)
    assert answer.status == 201, answer.body
    made = answer.json
    expected = {**body, "id": made["id"], "time": moment(RUNNING), "contest_time": "1:00:00.000"}
    assert made == expected | ({"source_id": "cleo"} if who == "analyst" else {})
    assert answer.headers["Location"] == f"/api/{below('commentary')}/{made['id']}"
    followed = await live.caller(who).get(live.server.root + answer.headers["Location"])
    assert (followed.status, followed.body) == (200, answer.body)
    (line,) = [line for line in await live.feed(who) if line["type"] == "commentary"]
    assert (line["id"], line["data"]) == (made["id"], made)


@pytest.mark.parametrize("who", ["public", "team-one", "proxy", "judge"])
async def test_without_the_capability_nobody_comments(refusing: Play, who: str) -> None:
    await refusing.refused(who, "POST", "commentary", {"message": "Hi", "tags": []}, 401 if who == "public" else 403)


@pytest.mark.parametrize("who", WRITERS)
async def test_a_comment_can_only_be_posted(refusing: Play, who: str) -> None:
    for method in ("PUT", "PATCH"):
        await refusing.refused(who, method, "commentary/x", {"id": "x", "message": "Hi", "tags": []}, 405)


@pytest.mark.parametrize("who", WRITERS)
async def test_id_times_and_source_are_the_servers_to_set(refusing: Play, who: str) -> None:
    forbidden = {"id": "x", "time": moment(RUNNING), "contest_time": "1:00:00.000", "source_id": "cleo"}
    for name, value in forbidden.items():
        body = {"message": "Hi", "tags": [], name: value}
        await refusing.refused(who, "POST", "commentary", body, 400, names=name)


@pytest.mark.parametrize("who", WRITERS)
async def test_a_message_is_needed(refusing: Play, who: str) -> None:
    await refusing.refused(who, "POST", "commentary", {"tags": ["submission"]}, 400, names="message")
    for message in (None, "", " ", 7, "x" * 20_001):
        await refusing.refused(who, "POST", "commentary", {"message": message}, 400, names="message")
    for tags in ("submission", [7], {"submission": True}):
        await refusing.refused(who, "POST", "commentary", {"message": "Hi", "tags": tags}, 400, names="tags")


@pytest.mark.parametrize("who", WRITERS)
async def test_what_is_not_there_is_refused(refusing: Play, who: str) -> None:
    for name in ("team_ids", "problem_ids", "submission_ids"):
        body = {"message": "Hi", "tags": [], name: ["nobody"]}
        await refusing.refused(who, "POST", "commentary", body, 400, names="nobody")
