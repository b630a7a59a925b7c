"""The scoreboard as server-sent events: the whole board, then what changed, for each viewer his own."""

import asyncio
import contextlib
from contextlib import AsyncExitStack
from random import Random

import pytest
from aiohttp import hdrs

from cds.contest_api import scoreboard_stream
from cds.contest_api.board_channels import BOARDS_KEPT_MAX, BoardChannel, BoardChannels, BoardEvent, view_of
from cds.contest_api.scoreboard_stream import BOARD_CHANNELS
from cds.fan_out.limits import FeedLimits
from cds.metrics import SCOREBOARD_STREAMS, SCOREBOARD_STREAMS_CUT_OFF
from projections.served_versions import DRAFT
from schemas.viewers import Role
from tests.cds.contest_api.board_streams import EVENT_STREAM, FollowedBoard, following
from tests.cds.contest_api.live_contest_setup import Play, below, moment, playing
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.contest_api.test_http import expect_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOARD = below("scoreboard")
VIEWS = [(who, f"{BOARD}{query}") for who in ("public", "judge") for query in ("", "?frozen=true", "?group_id=guests")]


async def followed_by(stack: AsyncExitStack, play: Play, who: str, path: str = BOARD) -> FollowedBoard:
    """A stream that has been given its first event."""
    board = await stack.enter_async_context(following(play.caller(who), path))
    await board.event()
    return board


def channels_of(play: Play) -> int:
    """How many channels the server has."""
    runner = play.server.server._runner
    assert runner is not None
    return len(runner.app[BOARD_CHANNELS])


async def until(condition: object) -> None:
    """Wait until something callable is true."""
    assert callable(condition)
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("who", "path"), VIEWS)
async def test_the_first_event_is_what_get_answers_and_bears_its_entity_tag(
    refusing: Play, who: str, path: str
) -> None:
    answer = await refusing.caller(who).get(path)
    async with following(refusing.caller(who), path) as board:
        event = await board.event()
    assert (event.kind, event.data.encode()) == ("scoreboard", answer.body)
    assert answer.headers[hdrs.ETAG] == f'"{event.identifier}"'


async def test_the_headers_keep_proxies_from_holding_it_back(refusing: Play) -> None:
    async with following(refusing.caller("public"), BOARD) as board:
        headers = board.response.headers
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert headers["Vary"] == "Authorization, Accept"
    assert (await refusing.caller("public").get(BOARD)).headers["Vary"] == "Authorization, Accept-Encoding, Accept"
    head = await refusing.caller("public").ask("HEAD", BOARD, headers={"Accept": EVENT_STREAM})
    assert (head.status, head.headers["Content-Type"], head.body) == (200, EVENT_STREAM, b"")


async def test_a_verdict_sends_the_row_that_changed_and_no_other(live: Play) -> None:
    submission_id = await live.submitted("team-two")
    async with AsyncExitStack() as stack:
        board = await followed_by(stack, live, "public")
        await live.judged(submission_id, "AC")
        await board.until(await live.get("public", "scoreboard"))
        last = board.events[-1]
    assert last.kind == "changes"
    named = [(row["index"], row["rank"], row["team_id"], "problems" in row) for row in last.json["rows"]]
    assert named == [(0, 1, "t2", True), (1, 2, "t1", False)]
    assert last.json["removed"] == []


async def test_law_every_viewer_comes_to_the_board_that_get_answers(live: Play) -> None:
    """Random writes by everybody, before and in the freeze, and a thaw, while six views are followed."""
    dice = Random(4)
    async with AsyncExitStack() as stack:
        boards = {view: await followed_by(stack, live, *view) for view in VIEWS}
        waiting: list[str] = []
        for minutes in (60.0, 90.0, 250.0, 299.0):
            await live.at(minutes)
            for _ in range(6):
                who, problem = dice.choice(["team-one", "team-two"]), dice.choice(["apples", "bridges"])
                waiting.append(await live.submitted(who, problem_id=problem))
                if dice.random() < 0.7:
                    await live.judged(waiting.pop(dice.randrange(len(waiting))), dice.choice(["AC", "WA", "CE"]))
            for (who, path), board in boards.items():
                await board.until(await live.caller(who).json(path))
        await live.put("root", "teams/t3", {"id": "t3", "name": "Gamma", "label": "3", "group_ids": ["main"]})
        await live.at(301.0)
        await live.patch("root", "", {"id": "live", "scoreboard_thaw_time": moment(301.0)})
        for (who, path), board in boards.items():
            await board.until(await live.caller(who).json(path))
    assert boards[VIEWS[0]].board == boards["judge", BOARD].board
    assert {event.kind for board in boards.values() for event in board.events[1:]} >= {"changes"}


async def test_nothing_is_sent_to_who_does_not_see_what_happened(frozen: Play) -> None:
    """Judgements in the freeze move the jury's board; the public gets not a byte until something shows."""
    first, second = await frozen.submitted("team-one"), await frozen.submitted("team-two")
    async with AsyncExitStack() as stack:
        public = await followed_by(stack, frozen, "public")
        jury = await followed_by(stack, frozen, "judge")
        for submission_id in (first, second):
            await frozen.judged(submission_id, "AC")
            await jury.until(await frozen.get("judge", "scoreboard"))
        assert public.response.content.total_bytes == len(public_bytes(public))
        await frozen.submitted("team-one", problem_id="bridges")
        event = await public.event()
        assert [row["team_id"] for row in event.json["rows"]] == ["t1"]
        assert public.board == await frozen.get("public", "scoreboard")


def public_bytes(board: FollowedBoard) -> bytes:
    """All that a stream with one event has sent, put together again."""
    (event,) = board.events
    frame = f"event: {event.kind}\nid: {event.identifier}\ndata: {event.data}\n\n"
    return b"retry: 1000\n\n" + frame.encode()


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        (EVENT_STREAM, True),
        ("text/event-stream;q=0.9, application/json;q=0.5", True),
        ("TEXT/EVENT-STREAM, */*;q=0.1", True),
        ("application/json, text/event-stream", False),
        ("application/*, text/event-stream;q=0.5", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=much", False),
        ("text/*", False),
        ("*/*", False),
        ("", False),
    ],
)
async def test_the_stream_is_for_those_who_prefer_it(refusing: Play, accept: str, *, streams: bool) -> None:
    url = refusing.caller("public").url(BOARD)
    async with refusing.server.session.get(url, headers={"Accept": accept}) as response:
        kind = response.headers["Content-Type"]
        assert kind == (EVENT_STREAM if streams else "application/json")


@pytest.mark.parametrize(
    ("path", "status"), [(f"{BOARD}?group_id=nobody", 404), ("contests/none/scoreboard", 404), (BOARD, 401)]
)
async def test_errors_are_those_of_get(refusing: Play, path: str, status: int) -> None:
    caller = refusing.server.caller(("team-one", "wrong") if status == 401 else None)
    await expect_error(caller, "GET", path, status, headers={"Accept": EVENT_STREAM})


async def test_who_has_a_board_gets_what_changed_since(live: Play) -> None:
    async with following(live.caller("public"), BOARD) as board:
        known, had = (await board.event()).identifier, board.board
        submission_id = await live.submitted()
        await board.until(await live.get("public", "scoreboard"))
        present = board.events[-1].identifier
        async with following(live.caller("public"), BOARD, Last_Event_ID=known) as again:
            again.board = had
            assert (await again.event()).kind == "changes"
            assert again.board == board.board
        async with following(live.caller("public"), BOARD, Last_Event_ID="not known") as again:
            assert (await again.event()).kind == "scoreboard"
        async with following(live.caller("public"), f"{BOARD}?last_event_id={present}") as again:
            again.board = board.board
            await live.judged(submission_id, "AC")
            assert (await again.event()).kind == "changes"
            assert again.board == await live.get("public", "scoreboard")


async def test_all_who_see_the_same_share_one_channel_as_long_as_they_stay(live: Play) -> None:
    before = SCOREBOARD_STREAMS._value.get()
    async with AsyncExitStack() as stack:
        boards = [await followed_by(stack, live, who) for who in ("public", "team-one", "analyst", "judge", "staff")]
        assert channels_of(live) == 2
        assert SCOREBOARD_STREAMS._value.get() == before + len(boards)
        await live.submitted()
        for board in boards:
            assert (await board.event()).kind == "changes"
    async with asyncio.timeout(DEADLINE_S):
        # Who has left is noticed with the next thing that is sent. Streams of tests before this one may end meanwhile.
        while channels_of(live) or SCOREBOARD_STREAMS._value.get() > before:
            await live.submitted()
            await asyncio.sleep(0.05)


async def test_it_ends_with_the_login(live: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoreboard_stream, "LOGIN_CHECKED_S", 0.05)
    async with AsyncExitStack() as stack:
        public = await followed_by(stack, live, "public")
        analyst = await followed_by(stack, live, "analyst")
        await live.delete("root", "accounts/analyst")
        await analyst.to_its_end()
        await live.submitted()
        assert (await public.event()).kind == "changes"


async def test_it_ends_with_the_group_and_with_the_contest(waiting: Play) -> None:
    async with AsyncExitStack() as stack:
        await waiting.put("root", "groups/late", {"id": "late", "name": "Late"}, 201)
        group = await followed_by(stack, waiting, "public", f"{BOARD}?group_id=late")
        main = await followed_by(stack, waiting, "public")
        await waiting.delete("root", "groups/late")
        await group.to_its_end()
        await waiting.delete("root", "")
        await main.to_its_end()


async def test_it_ends_with_the_server_and_shows_signs_of_life_before(made_dsn: str) -> None:
    async with playing(made_dsn, keep_alive_s=0.05) as play, AsyncExitStack() as stack:
        board = await followed_by(stack, play, "public")
        assert (await board.next()).kind == "comment"
        assert (await board.next()).kind == "comment"
        stopping = asyncio.create_task(play.server.server.stop())
        await board.to_its_end()
        await stopping


async def test_who_takes_nothing_is_cut_off(made_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board of many megabytes stands for the many boards that a stalled client would need."""
    monkeypatch.setattr(BoardChannel, "event_since", lambda _self, _known: BoardEvent("x", b": " + b" " * 32 * 1024**2))
    before = SCOREBOARD_STREAMS_CUT_OFF._value.get()
    async with playing(made_dsn, feed_limits=FeedLimits(stalled_s=0.3)) as play:
        reader, writer = await asyncio.open_connection("127.0.0.1", play.server.server.port, limit=1024)
        try:
            writer.write(f"GET /api/{BOARD} HTTP/1.1\r\nHost: here\r\nAccept: {EVENT_STREAM}\r\n\r\n".encode())
            await until(lambda: SCOREBOARD_STREAMS_CUT_OFF._value.get() == before + 1)
            await until(lambda: channels_of(play) == 0)
            with contextlib.suppress(ConnectionError):  # what the kernel held may be read before the reset is seen
                while await reader.read(1024 * 1024):
                    continue
        finally:
            writer.close()


async def test_a_slow_reader_gets_one_difference_and_a_very_slow_one_the_whole_board() -> None:
    bodies = iter(range(1, 1000))

    def look() -> bytes:
        return (
            b'{"time":"t","contest_time":"c","state":{"n":%d},"rows":[{"rank":1,"team_id":"t","score":{},"problems":[%s]}]}'
            % (next(bodies), b",".join([b"{}"] * 100))
        )

    channel = BoardChannel(look, lambda body: body.split(b'"n":')[1].split(b"}")[0].decode())
    for _ in range(BOARDS_KEPT_MAX):
        channel.look()
    latest = str(BOARDS_KEPT_MAX + 1)
    assert channel.event_since(latest) is None
    difference, whole = channel.event_since("2"), channel.event_since("1")
    assert difference is not None
    assert whole is not None
    assert (difference.board_id, whole.board_id) == (latest, latest)
    assert difference.frame.startswith(b"event: changes\n")
    assert whole.frame.startswith(b"event: scoreboard\n")
    assert channel.event_since("3") is not difference
    assert channel.event_since("2") is difference, "made once for all who need it"


class LookedAt:
    """A contest whose board is another one whenever it is looked at; it counts the looks."""

    exists = True

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.looks = 0

    def scoreboard(self, _role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        self.looks += 1
        return b'{"time":"t","contest_time":"c","state":{"n":%d},"rows":[]}' % self.looks

    async def change(self) -> None:
        """Change once, and let those who wait have their turn."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        await asyncio.sleep(0)


async def test_changes_within_a_beat_are_looked_at_together() -> None:
    view = view_of("public", DRAFT, frozen=False, group_id=None)
    for beat_s, is_long in ((60.0, True), (0.001, False)):
        contest, channels = LookedAt(), BoardChannels(beat_s)
        with channels.followed(contest, "public", view, lambda _: "id", asyncio.Event()):
            for _ in range(50):
                await contest.change()
            if is_long:
                assert contest.looks <= 3, "one who comes, the follower's first, and one at most at a beat's end"
            else:
                async with asyncio.timeout(DEADLINE_S):
                    while contest.looks < 10:
                        await contest.change()
