"""A source followed from end to end on a store in memory, with every fault of an upstream."""

import asyncio

import msgspec
import pytest
from aiohttp import web

from cds.upstream.options import source_stream
from cds.upstream.source_log import PAGE_EVENTS
from eventstore.memory import MemoryStore
from tests.cds.dialects.feeds import CONTEST, JUDGEMENT, TEAM, TYPICAL
from tests.cds.upstream.said import (
    ENDED,
    LINES,
    PLAIN,
    TEAMS,
    everything,
    name_of,
    said_to,
    states_shown,
)
from tests.cds.upstream.stage import QUICK, followed, options_for
from tests.cds.upstream.test_following_law import imported
from tests.cds.upstream.upstream import Upstream, event_lines, line, serving, with_tokens


async def test_what_an_upstream_says_is_our_contest(memory_store: MemoryStore) -> None:
    """Its whole history, under our id, and then what it says on."""
    async with serving(Upstream(LINES)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        assert everything(following) == imported(LINES)
        assert upstream.asked == [{}]
        upstream.say(line("teams", {**TEAM, "name": "New"}, token="new"))
        await following.until_taken(len(LINES) + 1)
        assert name_of(following, "teams", "t1") == "New"
        assert following.source.standing.status().state == "following"


async def test_the_end_of_the_updates_ends_the_following(memory_store: MemoryStore) -> None:
    """The state that says so is the very last event."""
    async with (
        serving(Upstream([*LINES, ENDED])) as upstream,
        followed(memory_store, options_for(upstream)) as following,
    ):
        await following.until(following.task.done)
        assert following.contest.state.ended_updates
        assert following.source.standing.status().state == "ended"
    assert (await states_shown(memory_store))[-1].end_of_updates is not None


async def test_a_feed_that_breaks_off_is_resumed_behind_the_last_whole_line(memory_store: MemoryStore) -> None:
    """Wherever it is cut."""
    upstream = Upstream(LINES)
    upstream.cuts.extend(range(400, 2_000, 137))
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        assert everything(following) == imported(LINES)
        assert following.source.standing.outages >= 2
        assert all("since_token" in each for each in upstream.asked[1:])
        types = await said_to(memory_store)
    assert types.count("x-line") == len(LINES)
    assert "x-anew" not in types


async def test_the_oldest_dialect_is_resumed_by_the_ids_of_its_events(memory_store: MemoryStore) -> None:
    """2020-03 has no tokens."""
    upstream = Upstream(event_lines(PLAIN))
    upstream.cuts.append(3_000)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(PLAIN))
        assert everything(following) == imported(PLAIN)
        assert "since_id" in upstream.asked[1]


@pytest.mark.parametrize("resumes", [True, False], ids=["without tokens", "that ignores them"])
async def test_an_upstream_that_cannot_resume_is_compared_with_what_it_said(
    memory_store: MemoryStore,
    resumes: bool,
) -> None:
    """As long as it says the same nothing is written twice, and nothing goes back."""
    upstream = Upstream(PLAIN if resumes else LINES)
    upstream.resumes = resumes
    upstream.cuts.extend([4_000, 4_500])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        await following.until(lambda: len(upstream.asked) >= 3)
        assert everything(following) == imported(LINES)
        assert (await said_to(memory_store)).count("x-line") == len(LINES)
    names = [each.data for each in await memory_store.read("contest:c1", 0, PAGE_EVENTS) if each.id == "t1"]
    assert len(names) == len(set(names))


async def test_a_place_that_is_refused_is_no_harm_when_the_upstream_says_the_same(memory_store: MemoryStore) -> None:
    """It says everything again, and we know it."""
    upstream = Upstream(LINES)
    upstream.cuts.append(4_000)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: following.source.standing.outages > 0)
        upstream.refusals.append(400)
        await following.until_taken(len(LINES))
        assert everything(following) == imported(LINES)
        types = await said_to(memory_store)
    assert types.count("x-line") == len(LINES)


async def test_another_history_is_read_anew_and_shows_nothing_on_the_way(memory_store: MemoryStore) -> None:
    """Nothing is un-thawed, and what did not change is not touched."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        await following.source.settled()
        before = following.contest.position
        other = [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(LINES)]
        upstream.replace([*other, line("teams", {"id": "late", "name": "Late", "label": "x"}, token="z")])
        await following.until(lambda: "late" in following.contest.state.objects["teams"])
        assert following.contest.position == before + 1
        assert following.source.following.buffer is None
        upstream.say(line("teams", {**TEAM, "name": "On"}, token="on"))
        await following.until(lambda: name_of(following, "teams", "t1") == "On")
    moments = [(each.started, each.frozen, each.thawed) for each in await states_shown(memory_store)]
    assert moments == sorted(moments, key=lambda each: sum(moment is not None for moment in each))
    assert (await said_to(memory_store)).count("x-anew") == 1


async def test_what_is_odd_is_numbered_once_however_often_it_is_read(memory_store: MemoryStore) -> None:
    """A reading anew brings the same oddities; only what is new in it counts."""
    odd = [b'{"type":"teams","id":"x","data":"y"}', b'{"type":"printers","data":{}}']
    lines = [*LINES, *odd]
    upstream = Upstream(lines)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        before = following.source.standing.status().warnings.count
        assert before >= len(odd)
        others = [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(lines)]
        upstream.replace([*others, b'{"type":"screens","data":{}}'])
        await following.until(lambda: following.source.following.current.resume_position > len(lines))
        assert following.source.standing.status().warnings.count == before + 1
        upstream.say(b'{"type":"teams","id":"x","data":"y","token":"again"}')
        await following.until(lambda: following.source.standing.status().warnings.count == before + 2)


async def test_a_shorter_history_is_what_counts_once_it_is_level(memory_store: MemoryStore) -> None:
    """A restored upstream has lost something: so do we, in one go."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        upstream.replace(LINES[:20])
        await following.until(lambda: following.source.following.current.lines == 20)
        await following.source.settled()
        await following.until(lambda: everything(following) == imported(LINES[:20]))


async def test_an_upstream_that_cannot_be_asked_to_end_is_asked_without(memory_store: MemoryStore) -> None:
    """A 400 to `stream=false` is no reason to ask for ever."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        upstream.refusals.extend([400, 400])
        upstream.replace([line("contest", CONTEST, token="a"), line("teams", TEAM, token="b")])
        await following.until(lambda: following.source.following.current.lines == 2)
        await following.until(lambda: list(following.contest.state.objects["teams"]) == ["t1"])


async def test_what_cannot_be_read_is_kept_counted_and_passed_over(memory_store: MemoryStore) -> None:
    """A line of any kind is an oddity with a number, and the rest goes on."""
    odd = [
        b"not JSON",
        b"[]",
        b"7",
        b'{"type":"printers","data":{}}',
        b'{"type":"teams","id":"x","data":"y"}',
        b'{"id":1}',
    ]
    odd += [b'{"type":"teams","id":"t7","data":{"id":"t7"}}', b"\xff\xfe", b'{"type":"teams","op":"burn","id":"e1"}']
    lines = [line("contest", CONTEST), *odd, line("teams", TEAM)]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        assert list(following.contest.state.objects["teams"]) == ["t1"]
        status = following.source.standing.status()
        assert status.warnings.count >= len(odd)
        assert [each.number for each in status.warnings.last] == list(range(1, status.warnings.count + 1))
        kept = {event.position: event for event in await memory_store.read(source_stream("c1", None), 0, PAGE_EVENTS)}
        assert {kept[each.line].data for each in status.warnings.last} >= set(odd[:6])


async def test_a_reference_that_comes_late_is_waited_for(memory_store: MemoryStore) -> None:
    """A judgement before its submission."""
    before = [(name, data) for name, data in TYPICAL if name != "submissions"]
    lines = [*(line(name, data) for name, data in before), line("judgements", JUDGEMENT)]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        assert not following.contest.state.objects["judgements"]
        waiting = following.source.standing.status().waiting_references
        assert waiting.count == 1
        assert [(each.id, each.awaits_type, each.awaits_id) for each in waiting.first] == [("j1", "submissions", "s1")]
        upstream.say(*(line(name, data) for name, data in TYPICAL if name == "submissions"))
        await following.until(lambda: "j1" in following.contest.state.objects["judgements"])


async def test_a_login_is_sent_at_once_and_its_password_is_nowhere(
    memory_store: MemoryStore, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the log of the server, not in any stream."""
    upstream = Upstream(LINES[:5])
    upstream.login = "Basic bWU6c2VzYW1l"
    async with serving(upstream):
        options = options_for(upstream, username="me", password="sesame")
        async with followed(memory_store, options) as following:
            await following.until_taken(5)
            assert len(upstream.asked) == 1
            assert "sesame" not in repr(options)
            assert b"sesame" not in msgspec.json.encode(following.source.standing.status())
    said = capfd.readouterr()
    assert "sesame" not in said.out + said.err


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_refusals_of_any_kind_are_told_and_tried_again(memory_store: MemoryStore, status: int) -> None:
    """For ever, ever more rarely."""
    upstream = Upstream(LINES)
    upstream.refusals.extend([status] * 3)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        assert following.source.standing.outages == 3
        assert str(status) in (following.source.standing.last_error or "")


async def test_an_upstream_that_comes_back_on_the_same_port_is_followed_on(memory_store: MemoryStore) -> None:
    """It was away for a while."""
    upstream = Upstream(LINES[:30])
    async with serving(upstream):
        port, options = upstream.port, options_for(upstream)
        async with followed(memory_store, options) as following:
            await following.until_taken(30)
    async with followed(memory_store, options) as following:
        await following.until(lambda: following.source.standing.outages >= 2)
        assert following.source.standing.status().state in ("waiting", "connecting")
        again = Upstream(LINES)
        async with serving(again, port):
            await following.until_taken(len(LINES))
            assert everything(following) == imported(LINES)


async def test_another_upstream_is_read_anew_before_it_counts(memory_store: MemoryStore) -> None:
    """Its tokens may mean anything here."""
    upstream, other = Upstream(LINES), Upstream(LINES[:-1])
    async with serving(upstream), serving(other):
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until_taken(len(LINES))
        async with followed(memory_store, options_for(other)) as following:
            await following.until(lambda: following.source.following.current.lines == len(LINES) - 1)
            await following.until(lambda: everything(following) == imported(LINES[:-1]))
    assert other.asked[0] == {"stream": "false"}


async def test_an_upstream_that_has_lost_everything_is_waited_for(memory_store: MemoryStore) -> None:
    """An empty feed is no reason to let go of a contest."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        upstream.replace([])
        await following.until(lambda: following.source.standing.outages > 3)
        assert everything(following) == imported(LINES)
        upstream.replace(LINES[:20])
        await following.until(lambda: everything(following) == imported(LINES[:20]))


async def test_a_group_with_the_id_of_the_one_that_was_made_up_gets_it(memory_store: MemoryStore) -> None:
    """Hidden teams make a group of all others necessary; the source may bring one of that name later."""
    lines = [line("contest", CONTEST), line("teams", {**TEAM, "hidden": True}), TEAMS[0]]
    group = line("groups", {"id": "participants", "name": "Theirs"})
    upstream = Upstream(with_tokens(lines))
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        assert name_of(following, "groups", "participants") == "Participants"
        upstream.say(group)
        await following.until(lambda: len(following.contest.state.objects["groups"]) == 2)
        assert name_of(following, "groups", "participants") == "Theirs"


async def test_lines_that_nobody_understands_are_no_reason_to_ask_soon(memory_store: MemoryStore) -> None:
    """What stands before an upstream may answer in its place, otherwise every time: it is asked ever more rarely."""
    upstream = Sorry(LINES)
    patient = msgspec.structs.replace(QUICK, pause_s=0.1, pause_s_max=30.0)
    async with serving(upstream), followed(memory_store, options_for(upstream, patience=patient)) as following:
        await following.until_taken(len(LINES))
        upstream.sorry = True
        upstream.replace(LINES)
        begun_s = asyncio.get_running_loop().time()
        await following.until(lambda: following.source.standing.outages >= 5)
        # After the first outage it rests for 0.1 s, then for twice as long every time.
        assert asyncio.get_running_loop().time() - begun_s > 0.8 * (0.1 + 0.2 + 0.4 + 0.8)
        upstream.sorry = False
        upstream.say(line("teams", {**TEAM, "name": "New"}, token="new"))
        await following.until(lambda: name_of(following, "teams", "t1") == "New")


class Sorry(Upstream):
    """One that may not be there, and whose proxy says so in lines of its own, with 200."""

    sorry = False

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """GET of the event feed."""
        if not self.sorry:
            return await super().feed(request)
        self.asked.append(dict(request.query))
        return web.Response(text=f"Sorry!\nThis is answer {len(self.asked)}.\n")


async def test_an_upstream_that_says_something_else_every_time_is_not_asked_all_the_time(
    memory_store: MemoryStore,
) -> None:
    """It is read anew again and again, ever more rarely, and the contest keeps what it says the same."""
    upstream = Upstream(PLAIN)
    upstream.stays = False
    upstream.scrambles = True
    patient = msgspec.structs.replace(QUICK, pause_s=0.2, pause_s_max=30.0)
    async with serving(upstream), followed(memory_store, options_for(upstream, patience=patient)) as following:
        await following.until(lambda: len(upstream.asked) >= 6)
        position = following.contest.position
        begun_s = asyncio.get_running_loop().time()
        await following.until(lambda: len(upstream.asked) >= 10)
        assert asyncio.get_running_loop().time() - begun_s > 0.5
        assert following.contest.position == position
