"""Requests that come twice, that come late, and that may have been carried out (preconditions, repetitions)."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.cds.contest_api.live_contest_setup import (
    OVER,
    RUNNING,
    START,
    Play,
    SetClock,
    archive,
    below,
    data_of,
    moment,
    playing,
    submission,
)
from tests.cds.contest_api.serving import DEADLINE_S, Answer
from tests.eventstore.cutting_proxy import Cut, CuttingProxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "Idempotency-Key"
AT_ONCE = 24
GROUP = {"id": "new", "name": "Third Site"}
MARK = b"a name that is in no other event"


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="cds-") as name:
        yield Path(name)


@pytest_asyncio.fixture(loop_scope="session")
async def cut_off(made_dsn: str, short_directory: Path) -> AsyncIterator[tuple[Play, CuttingProxy]]:
    """The running contest on a server whose connections to the database can be cut."""
    async with (
        CuttingProxy(made_dsn, short_directory) as proxy,
        playing(proxy.dsn, SetClock(first_number=1_000_000)) as play,
    ):
        await play.at(RUNNING)
        yield play, proxy


async def tag_of(live: Play, path: str, who: str = "chief") -> str:
    """The entity tag that GET gives."""
    answer = await live.caller(who).get(below(path))
    assert answer.status == 200
    return answer.headers["ETag"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_if_match_lets_through_who_knows_the_present_object(live: Play, method: str) -> None:
    await live.put("chief", "groups/new", GROUP, 201)
    old = await tag_of(live, "groups/new")
    await live.patch("chief", "groups/new", {"type": "site"})
    present = await tag_of(live, "groups/new")
    assert present != old
    body = {"id": "new", "name": "Fourth Site"}
    for wrong in (old, '"nonsense"', f"W/{present}", f'{old}, "x"'):
        await live.refused("chief", method, "groups/new", body, 412, headers={"If-Match": wrong})
    answer = await live.ask("chief", method, "groups/new", body, headers={"If-Match": f'"x", {present}'})
    assert answer.status in (200, 204)
    if method != "DELETE":
        assert answer.headers["ETag"] == await tag_of(live, "groups/new")


async def test_if_match_with_a_star_asks_for_any_object(live: Play) -> None:
    await live.refused("chief", "PUT", "groups/new", GROUP, 412, headers={"If-Match": "*"})
    await live.put("chief", "groups/new", GROUP, 201)
    answer = await live.ask("chief", "PATCH", "groups/new", {"type": "site"}, headers={"If-Match": "*"})
    assert answer.status == 200


async def test_if_match_holds_for_what_exists_once_too(live: Play) -> None:
    for path, body in (("", {"formal_name": "x"}), ("state", {"ended": "now"})):
        await live.refused("chief", "PATCH", path, body, 412, headers={"If-Match": '"other"'})
        answer = await live.ask("chief", "PATCH", path, body, headers={"If-Match": await tag_of(live, path)})
        assert answer.status == 200, answer.body


async def test_if_none_match_with_a_star_makes_and_never_replaces(live: Play) -> None:
    made = await live.ask("chief", "PUT", "groups/new", GROUP, headers={"If-None-Match": "*"})
    assert made.status == 201
    for body in (GROUP, {**GROUP, "name": "Fourth Site"}):
        await live.refused("chief", "PUT", "groups/new", body, 412, headers={"If-None-Match": "*"})


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
async def test_a_condition_that_cannot_be_read_is_refused(refusing: Play, header: str) -> None:
    for wrong in ("nonsense", "'single'", '"open'):
        answer = await refusing.ask("chief", "PUT", "groups/main", {"id": "main", "name": "x"}, headers={header: wrong})
        assert answer.status == 400, wrong
    assert (await refusing.get("public", "groups/main"))["name"] == "Main Site"


async def test_of_two_who_change_the_same_object_one_is_told(live: Play) -> None:
    """Also when both are decided in one moment."""
    await live.put("chief", "groups/new", GROUP, 201)
    tag = await tag_of(live, "groups/new")
    # While the others are being committed, the changes wait for one another and are decided together.
    others = [live.ask("judge", "POST", "clarifications", {"text": "Hi"}) for _ in range(AT_ONCE)]
    changes = [
        live.ask("chief", "PATCH", "groups/new", {"name": f"Site {number}"}, headers={"If-Match": tag})
        for number in range(AT_ONCE)
    ]
    answers = (await asyncio.gather(*others, *changes))[AT_ONCE:]
    assert sorted(answer.status for answer in answers) == [200, *[412] * (AT_ONCE - 1)]
    (winner,) = [answer.json for answer in answers if answer.status == 200]
    assert await live.get("chief", "groups/new") == winner


async def test_an_identical_put_is_answered_with_the_present_tag_and_writes_nothing(live: Play) -> None:
    first = await live.ask("chief", "PUT", "groups/new", GROUP)
    before, tokens = await live.position(), {who: await live.token(who) for who in ("public", "chief")}
    for _ in range(3):
        again = await live.ask("chief", "PUT", "groups/new", GROUP)
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["ETag"] == first.headers["ETag"] == await tag_of(live, "groups/new")
    assert await live.position() == before
    for who, token in tokens.items():
        assert await live.feed(who, token) == []


@pytest.mark.parametrize(
    ("who", "path", "body", "other"),
    [
        ("team-one", "submissions", submission(), submission(problem_id="bridges")),
        ("team-one", "clarifications", {"text": "May we eat?"}, {"text": "May we sleep?"}),
        ("chief", "groups", {"name": "Third Site"}, {"name": "Fourth Site"}),
        ("chief", "awards", {"citation": "Best", "team_ids": []}, {"citation": "Best", "team_ids": ["t1"]}),
        ("analyst", "commentary", {"message": "Hm", "tags": []}, {"message": "Ah", "tags": []}),
        (
            "chief",
            "accounts",
            {"username": "new", "type": "staff", "password": "many words"},
            {"username": "new", "type": "staff", "password": "other words"},
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_a_post_with_the_same_key_is_carried_out_once(
    live: Play, who: str, path: str, body: dict[str, object], other: dict[str, object]
) -> None:
    headers = {KEY: "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    first = await live.ask(who, "POST", path, body, headers=headers)
    assert first.status == 201, first.body
    before = await live.position()
    live.clock.now_ms += 60_000
    again = await live.ask(who, "POST", path, body, headers=headers)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["ETag"] == first.headers["ETag"]
    await live.refused(who, "POST", path, other, 422, names=KEY, headers=headers)
    assert await live.position() == before
    if path != "accounts":
        third = await live.ask(who, "POST", path, body, headers={KEY: "another"})
        assert third.json["id"] != first.json["id"]


async def test_a_form_with_the_same_key_is_carried_out_once(live: Play) -> None:
    """The boundary, which is another every time, does not count; the sources do."""

    async def send(source: bytes) -> Answer:
        form = aiohttp.FormData({"problem_id": "apples", "language_id": "cpp"})
        form.add_field("files", source, filename="main.cc")
        return await live.caller("team-one").ask("POST", below("submissions"), data=form, headers={KEY: "k"})

    first, again, other = [await send(source) for source in (b"int a;", b"int a;", b"int b;")]
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert other.status == 422
    assert await live.ids("public", "submissions") == ["1"]


async def test_the_same_key_at_once_makes_one_object(live: Play) -> None:
    answers = await asyncio.gather(
        *(live.ask("team-one", "POST", "submissions", submission(), headers={KEY: "k"}) for _ in range(AT_ONCE))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({(answer.body, answer.headers["Location"]) for answer in answers}) == 1
    assert await live.ids("public", "submissions") == ["1"]


async def test_a_key_is_good_after_a_restart_and_on_every_server(live: Play, made_dsn: str) -> None:
    headers = {KEY: "k"}
    first = await live.ask("team-one", "POST", "submissions", submission(), headers=headers)
    async with playing(made_dsn, SetClock(live.clock.now_ms, 2_000_000)) as other:
        again = await other.ask("team-one", "POST", "submissions", submission(), headers=headers)
        assert (again.status, again.body) == (201, first.body)
        assert await other.ids("public", "submissions") == ["1"]


async def test_a_key_is_of_the_account_that_used_it(live: Play) -> None:
    headers = {KEY: "k"}
    first = await live.ask("team-one", "POST", "clarifications", {"text": "May we eat?"}, headers=headers)
    other = await live.ask("team-two", "POST", "clarifications", {"text": "May we eat?"}, headers=headers)
    assert other.status == 201
    assert other.json["id"] != first.json["id"]
    assert other.json["from_team_id"] == "t2"


async def test_a_key_is_answered_also_when_its_request_would_be_refused_by_now(live: Play) -> None:
    """The contest is over, and the team asks whether its last submission came through."""
    headers = {KEY: "k"}
    first = await live.ask("team-one", "POST", "submissions", submission(), headers=headers)
    await live.at(OVER)
    again = await live.ask("team-one", "POST", "submissions", submission(), headers=headers)
    assert (again.status, again.json) == (201, first.json)
    await live.refused("team-one", "POST", "submissions", submission(), 403, headers={KEY: "other"})


async def test_a_refused_request_leaves_its_key_free(live: Play) -> None:
    headers = {KEY: "k"}
    await live.refused("team-one", "POST", "submissions", submission(problem_id="nobody"), 400, headers=headers)
    assert (await live.ask("team-one", "POST", "submissions", submission(), headers=headers)).status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut"])
async def test_what_is_no_key_is_refused(refusing: Play, key: str) -> None:
    await refusing.refused("team-one", "POST", "submissions", submission(), 400, names=KEY, headers={KEY: key})


async def test_nobody_is_shown_the_keys(live: Play) -> None:
    await live.ask("team-one", "POST", "submissions", submission(), headers={KEY: "very secret key"})
    lines = await live.caller("root").lines(below("event-feed"))
    assert not any(b"x-requests" in line or b"very secret" in line for line in lines)
    assert (await live.caller("root").get(below("x-requests"))).status == 404


async def test_a_contest_is_posted_once_under_its_key(live: Play, made_dsn: str) -> None:
    body = {"name": "Second", "duration": "3:00:00", "scoreboard_type": "pass-fail", "start_time": None}
    root = live.caller("root")
    first = await root.ask("POST", "contests", json=body, headers={KEY: "k"})
    assert first.status == 201
    again = await root.ask("POST", "contests", json=body, headers={KEY: "k"})
    assert (again.status, again.body, again.headers["Location"]) == (201, first.body, first.headers["Location"])
    assert [each["id"] for each in await root.json("contests")] == ["live", "second"]
    other = await root.ask("POST", "contests", json={**body, "name": "Third"}, headers={KEY: "k"})
    assert other.status == 422
    async with playing(made_dsn, SetClock(first_number=3_000_000)) as elsewhere:
        there = await elsewhere.caller("root").ask("POST", "contests", json=body, headers={KEY: "k"})
        assert (there.status, there.body) == (201, first.body)
    at_once = await asyncio.gather(
        *(root.ask("POST", "contests", json={**body, "name": "Fourth"}, headers={KEY: "l"}) for _ in range(5))
    )
    assert {(answer.status, answer.body) for answer in at_once} == {(201, at_once[0].body)}
    assert [each["id"] for each in await root.json("contests")] == ["live", "second", "fourth"]


@pytest.mark.parametrize("cut", Cut)
async def test_a_write_whose_connection_died_is_answered_truthfully(
    cut_off: tuple[Play, CuttingProxy], cut: Cut
) -> None:
    """The server looks whether it was carried out; the answer says so, and the same PUT again is a no-op."""
    play, proxy = cut_off
    body = {"id": "new", "name": MARK.decode()}
    proxy.arm(MARK, cut)
    answer = await play.ask("chief", "PUT", "groups/new", body)
    assert proxy.cuts == 1
    assert (answer.status, answer.json) == (201, body)
    again = await play.ask("chief", "PUT", "groups/new", body)
    assert (again.status, again.body) == (200, answer.body)
    assert await play.get("chief", "groups/new") == body
    assert [line["data"] for line in await play.feed("public") if line["id"] == "new"] == [body]


async def test_a_write_while_the_database_is_away_is_not_carried_out_and_can_be_repeated(
    made_dsn: str, short_directory: Path
) -> None:
    """503 with a time after which to try again; what is in memory can still be read."""
    async with AsyncExitStack() as stack:
        first = CuttingProxy(made_dsn, short_directory)
        await first.__aenter__()
        play = await stack.enter_async_context(playing(first.dsn, SetClock(first_number=1_000_000)))
        await play.at(RUNNING)
        assert (await play.caller("chief").get(below("groups"))).status == 200
        await first.__aexit__()
        (short_directory / ".s.PGSQL.5432").unlink(missing_ok=True)
        answer = await play.ask("chief", "PUT", "groups/new", GROUP)
        assert answer.status == 503, answer.body
        assert int(answer.headers["Retry-After"]) > 0
        assert "new" not in await play.ids("public", "groups")
        await stack.enter_async_context(CuttingProxy(made_dsn, short_directory))
        assert (await until_answered(play, GROUP)).status == 201
        assert [line["data"] for line in await play.feed("public") if line["id"] == "new"] == [GROUP]


@pytest.mark.parametrize("cut", Cut)
async def test_a_post_whose_connection_died_is_carried_out_once_under_its_key(
    cut_off: tuple[Play, CuttingProxy], cut: Cut
) -> None:
    play, proxy = cut_off
    proxy.arm(MARK, cut)
    body = {"text": MARK.decode()}
    answers = [await play.ask("team-one", "POST", "clarifications", body, headers={KEY: "k"}) for _ in range(2)]
    assert proxy.cuts == 1
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert await play.get("team-one", "clarifications") == [answers[0].json]


async def test_what_was_answered_is_in_the_next_get_everywhere(live: Play, made_dsn: str) -> None:
    """On the server that was asked and on another one, without waiting for either."""
    async with playing(made_dsn, SetClock(live.clock.now_ms, 3_000_000)) as other:
        for number in range(5):
            made = await live.post("team-one", "submissions", submission())
            assert made["id"] in await live.ids("public", "submissions")
            assert await live.get("team-one", f"submissions/{made['id']}") == made
            assert await other.get("team-one", f"submissions/{made['id']}") == made
            assert len(await other.ids("public", "submissions")) == number + 1


async def test_two_servers_write_one_contest(live: Play, made_dsn: str) -> None:
    """Ids do not clash, and nothing is lost."""
    async with playing(made_dsn, SetClock(live.clock.now_ms, 3_000_000)) as other:
        made = await asyncio.gather(
            *((live, other)[number % 2].post("team-one", "submissions", submission()) for number in range(AT_ONCE))
        )
        assert sorted(int(each["id"]) for each in made) == list(range(1, AT_ONCE + 1))
        for play in (live, other):
            assert len(await play.ids("public", "submissions")) == AT_ONCE


async def test_a_put_that_made_a_submission_can_be_repeated_with_the_bytes(live: Play) -> None:
    """As a proxy site does that lost the answer (requirements A5)."""
    body = submission(id="site1-1", team_id="t1", time=START, files=[{"data": data_of(archive({"a.cc": "int a;"}))}])
    first = await live.ask("chief", "PUT", "submissions/site1-1", body)
    again = await live.ask("chief", "PUT", "submissions/site1-1", body)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert first.json["time"] == moment(0)


async def until_answered(play: Play, body: dict[str, str]) -> Answer:
    """The answer to the same PUT once the database is there again."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await play.ask("chief", "PUT", "groups/new", body)
            if answer.status != 503:
                return answer
            await asyncio.sleep(0.05)
