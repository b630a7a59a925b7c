"""Past moments on the wire: `?at=` says what GET said then, byte for byte, and what the feed had told."""

import json
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
import pytest

from cds.contest_api import metadata, objects, past
from cds.past import snapshots
from cds.past.snapshots import keep_snapshots
from tests.cds.contest_api.feeds import TYPES, fold, token_of
from tests.cds.contest_api.live_contest_setup import (
    CONTEST_ID,
    EVERYBODY,
    FROZEN,
    OVER,
    RUNNING,
    Play,
    below,
    moment,
)
from tests.cds.contest_api.serving import Answer, Caller, Running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.contest_api.test_http import check_error
from tests.independent_fold import Collections

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = (
    "",
    *(name for name in TYPES if name != "contest"),
    *("scoreboard", "scoreboard?group_id=guests", "scoreboard?frozen=true", "access", "submissions?team_id=t1"),
    *("judgements?strict=1", "teams/t1", "problems/apples", "submissions/nothing"),
)
Said = Mapping[tuple[str, str], Answer]


async def said_now(play: Play, suffix: str = "") -> Said:
    """What everybody is told everywhere, now or (with `at=…`) as it was."""
    found = {}
    for who in EVERYBODY:
        for path in PATHS:
            joined = path if not suffix else f"{path}{'&' if '?' in path else '?'}{suffix}"
            found[who, path] = await play.caller(who).get(below(joined))
    return found


def same(then: Said, now: Said) -> None:
    """Status, body and entity tag are those of that moment."""
    for asked, answer in then.items():
        again = now[asked]
        assert (again.status, again.body) == (answer.status, answer.body), asked
        for header in ("ETag", "Cache-Control", "Vary", "Content-Type", "Content-Length"):
            assert again.headers.get(header) == answer.headers.get(header), (asked, header)


async def refused(caller: Caller, path: str, says: str) -> str:
    """The request is answered with 400 that names the parameter."""
    answer = await caller.get(path)
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 400)
    message: str = answer.json["message"]
    assert message.startswith("at")
    assert says in message, message
    return message


async def story(play: Play) -> dict[float, Said]:
    """A contest from before its start to its thaw; what everybody was told, by minutes of contest time."""
    told = {-30.0: await said_now(play)}
    await play.at(RUNNING)
    first = await play.submitted()
    await play.judged(first, "WA")
    await play.post("team-one", "clarifications", {"text": "Are apples round?"})
    await play.at(RUNNING + 1)
    told[RUNNING + 1] = await said_now(play)
    await play.at(FROZEN)
    second = await play.submitted(problem_id="bridges")
    await play.at(FROZEN + 1)
    told[FROZEN + 1] = await said_now(play)
    await play.at(FROZEN + 2)
    await play.judged(second, "AC")
    await play.at(FROZEN + 5)
    told[FROZEN + 5] = await said_now(play)
    await play.at(OVER)
    told[OVER] = await said_now(play)
    await play.at(OVER + 1)
    await play.patch("chief", "", {"id": CONTEST_ID, "scoreboard_thaw_time": moment(OVER)})
    await play.at(OVER + 10)
    return told | {OVER + 10: await said_now(play)}


@pytest.mark.parametrize("spacing", [5, 1_000])
async def test_everybody_is_told_what_was_told_then(
    waiting: Play, spacing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting.at(-30)
    told = await story(waiting)
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", spacing)
    service = waiting.server.server.service
    made = await keep_snapshots(service.store, waiting.contest.stream, service.tokens)
    assert made >= 3 or spacing == 1_000
    await waiting.at(OVER + 100)
    for minutes, said in told.items():
        same(said, await said_now(waiting, f"at={quote(moment(minutes))}"))
        hours, rest = divmod(abs(round(minutes * 60)), 3600)
        contest_time = f"{'-' if minutes < 0 else ''}{hours}:{rest // 60:02}:{rest % 60:02}"
        same(said, await said_now(waiting, f"at={contest_time}"))


async def test_between_hidden_events_everything_stays_the_same_bytes(frozen: Play) -> None:
    second = await frozen.submitted()
    for number in range(1, 4):
        await frozen.at(FROZEN + number)
        await frozen.judged(second, "AC" if number % 2 else "WA")
    await frozen.at(FROZEN + 10)
    at = [await said_now(frozen, f"at={quote(moment(FROZEN + number + 0.5))}") for number in range(1, 4)]
    hidden = {"public", "team-two"}
    for asked in [asked for asked in at[0] if asked[0] in hidden]:
        assert len({(said[asked].body, said[asked].headers["ETag"]) for said in at if said[asked].status == 200}) <= 1
    judge = ("judge", "judgements")
    assert len({said[judge].body for said in at}) == 3


async def everything_at(caller: Caller, contest_id: str, token: str) -> Collections:
    """What GET gives of the moment just after a line."""
    found: Collections = {}
    for name in TYPES:
        path = f"contests/{contest_id}" if name == "contest" else f"contests/{contest_id}/{name}"
        answer = await caller.get(f"{path}?at={token}")
        if name in ("contest", "state"):
            assert answer.status in (200, 404)
            found |= {name: {None: answer.json}} if answer.status == 200 else {}
        elif answer.status == 200 and answer.json:
            found[name] = {each["id"]: each for each in answer.json}
        else:
            assert answer.status in (200, 404)
    return found


@pytest.mark.parametrize("contest_id", ["small", "late"])
async def test_just_after_any_line_is_the_feed_up_to_it(served: Running, contest_id: str) -> None:
    for number, name in enumerate(["public", *ROLE_OF_ACCOUNT]):
        caller = served.caller(None if name == "public" else login(contest_id, name))
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        for place in range(number, len(lines), 23):
            token = token_of(lines[place])
            assert await everything_at(caller, contest_id, token) == fold(lines[: place + 1]), (name, place)


async def test_an_earlier_version_is_told_in_its_own_words(live: Play) -> None:
    await live.judged(await live.submitted(), "WA")
    caller = live.server.caller(None)
    prefix = caller.base.rstrip("/") + "/2023-06/" + below("submissions")
    now = await caller.get(prefix)
    lines = await caller.lines(caller.base.rstrip("/") + "/2023-06/" + below("event-feed"))
    await live.at(RUNNING + 1)
    await live.submitted()
    assert (await caller.get(f"{prefix}?at={token_of(lines[-1])}")).body == now.body
    ours = await live.token("public")
    await refused(caller, f"{prefix}?at={ours}", "another view")


async def test_the_list_of_contests_is_told_as_it_was(live: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = live.caller("public")
    now = await caller.get("contests")
    at = quote(moment(RUNNING))
    await live.at(RUNNING + 1)
    await live.patch("chief", "", {"name": "Another Name"})
    assert (await caller.get("contests")).body != now.body
    assert (await caller.get(f"contests?at={at}")).body == now.body
    assert (await caller.json("contests?at=2031-05-17T06:59:59Z")) == []
    await refused(caller, f"contests?at={await live.token('public')}", "one contest")
    await refused(caller, "contests?at=1:00:00", "one contest")
    await refused(caller, f"contests?at={at}&at={at}", "one moment")
    monkeypatch.setattr(past, "CONTESTS_MAX", 0)
    await refused(caller, f"contests?at={at}", "more than 0 contests")


async def test_what_is_no_moment_is_refused(live: Play) -> None:
    caller, teams = live.caller("public"), below("teams")
    for text in ("", "yesterday", "x" * 33, "x" * 35, "2031-13-17T08:00:00Z", "2031-05-17T08:00:00", "1:60:00"):
        await refused(caller, f"{teams}?at={quote(text)}", "")
    await refused(caller, f"{teams}?at={quote(moment(RUNNING + 0.1))}", "still to come")
    await refused(caller, f"{teams}?at=1:00:00.001", "still to come")
    await refused(caller, f"{teams}?at=-1:00:00.001", "nothing was known")
    await refused(caller, f"{teams}?at=1999-01-01T00:00:00Z", "nothing was known")
    await refused(caller, f"{teams}?at=0:00:00&at=0:00:01", "one moment")
    token = await live.token("public")
    await refused(caller, f"{teams}?at={token}&since_token={token}", "no since_token")
    await refused(live.caller("team-one"), f"{teams}?at={token}", "another view")
    await refused(caller, f"{teams}?strict=1&at={token}", "another view")
    swapped = token[:5] + ("A" if token[5] != "A" else "B") + token[6:]
    await refused(caller, f"{teams}?at={swapped}", "not")


async def test_a_plus_that_was_not_escaped_is_read_as_one(live: Play) -> None:
    caller = live.caller("public")
    escaped = await caller.get(below("state?at=2031-05-17T10:00:00%2B01:30"))
    assert escaped.status == 200
    assert (await caller.get(below("state?at=2031-05-17T10:00:00+01:30"))).body == escaped.body


async def test_what_has_no_past_says_so(live: Play) -> None:
    token = await live.token("judge")
    identifier = await live.submitted()
    judge = live.caller("judge")
    for path in ("event-feed", "account", f"submissions/{identifier}/files"):
        await refused(judge, below(f"{path}?at={token}"), "")
    answer = await judge.get(below(f"scoreboard?at={token}"), headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.json["message"]) == (400, "at: a stream tells of the present")


async def test_what_is_told_of_the_present_alone_says_so(live: Play) -> None:
    """It would be wrong to tell of the present whoever asks for the past."""
    chief = live.caller("chief")
    for path in ("x-settings", "x-source", "x-comparison"):
        await refused(chief, below(f"{path}?at=0:00:00"), "as they are now" if path != "x-source" else "as it is now")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ""),
        ("PATCH", "state"),
        ("PATCH", "x-settings"),
        ("DELETE", "teams/t3"),
        ("PUT", "groups/more"),
        ("POST", "clarifications"),
    ],
)
async def test_the_past_is_not_written(live: Play, method: str, path: str) -> None:
    said = await live.refused(
        "chief", method, f"{path}?at=0:00:00", {"id": "more"}, 400, names="the past is for reading"
    )
    assert said.startswith("at: ")


async def test_no_contest_is_made_in_the_past(live: Play) -> None:
    answer = await live.caller("root").ask("POST", "contests?at=0:00:00", json={})
    assert (answer.status, answer.json["message"]) == (
        400,
        "at: the past is for reading; what is written is written now",
    )


async def test_access_tells_of_what_there_was(live: Play) -> None:
    chief = live.caller("chief")
    now = await chief.get(below("access"))
    await live.at(RUNNING + 1)
    await live.patch("root", "teams/t1", {"id": "t1", "ext": {"sync": {"rank": 1}}})
    assert (await chief.get(below("access"))).body != now.body
    assert (await chief.get(below(f"access?at={quote(moment(RUNNING + 0.5))}"))).body == now.body


async def test_filters_hold_for_what_there_was(live: Play) -> None:
    first, second = await live.submitted("team-one"), await live.submitted("team-two", problem_id="bridges")
    await live.at(RUNNING + 1)
    third = await live.submitted("team-two")
    for query, expected in (
        ("", [first, second]),
        ("team_id=t2", [second]),
        ("team_id=t2&problem_id=apples", []),
        ("problem_id=apples", [first]),
        ("entry_point=no-filter", [first, second]),
    ):
        found = await live.get("judge", f"submissions?{query}&at={quote(moment(RUNNING))}")
        assert [each["id"] for each in found] == expected, query
    assert await live.ids("judge", "submissions?team_id=t2&problem_id=apples") == [third]


async def test_when_it_was_last_synced_is_told_of_the_present_alone(
    live: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no part of the contest, so it has no past."""
    monkeypatch.setattr(objects, "with_last_synced", lambda _data, _time: b'"told of the present"')
    monkeypatch.setattr(
        metadata, "listed_with_last_synced", lambda access, _time: msgspec.structs.replace(access, endpoints=[])
    )
    assert await live.get("chief") == "told of the present"
    assert (await live.get("chief", "?at=0:00:00"))["id"] == CONTEST_ID
    assert not (await live.get("chief", "access"))["endpoints"]
    assert (await live.get("chief", "access?at=0:00:00"))["endpoints"]


async def test_whoever_is_not_let_in_now_is_not_let_in_to_the_past(live: Play) -> None:
    token = await live.token("judge")
    assert (await live.caller("judge").get(below(f"commentary?at={token}"))).status == 200
    assert (await live.caller("public").get(below("commentary?at=0:00:00"))).status == 404
    stranger = live.server.caller(("judge", "wrong"))
    assert (await stranger.get(below(f"teams?at={token}"))).status == 401


async def test_a_contest_without_a_start_has_no_contest_times(waiting: Play) -> None:
    await waiting.patch("chief", "", {"id": CONTEST_ID, "start_time": None})
    await refused(waiting.caller("public"), below("teams?at=0:00:00"), "no start time")


async def test_a_clock_that_was_set_back_leaves_the_order_of_the_log(live: Play) -> None:
    """Whatever comes in the log before something counts when that does."""
    await live.post("judge", "clarifications", {"text": "First", "to_team_ids": ["t1"]})
    await live.at(RUNNING - 30)
    await live.post("judge", "clarifications", {"text": "Second", "to_team_ids": ["t1"]})
    await live.at(RUNNING)
    said = await live.caller("judge").json(below("clarifications?at=0:30:00"))
    assert [each["text"] for each in said] == ["First", "Second"]
    assert json.loads((await live.caller("judge").get(below("clarifications?at=0:29:59.999"))).body) == []
