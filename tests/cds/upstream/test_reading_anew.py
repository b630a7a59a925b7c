"""When a reading anew is at its end: whatever cuts an answer, no past is shown, and nothing is taken back too early."""

import asyncio
import json

import msgspec
import pytest

from cds.upstream.source_log import PAGE_EVENTS
from eventstore.memory import MemoryStore
from tests.cds.dialects.feeds import TEAM
from tests.cds.upstream.said import (
    LINES,
    NOWHERE,
    PLAIN,
    THAWED,
    everything,
    name_of,
    states_shown,
)
from tests.cds.upstream.stage import QUICK, followed, options_for
from tests.cds.upstream.test_following_law import imported
from tests.cds.upstream.upstream import PATH, Upstream, line, serving, with_tokens


async def test_a_reading_anew_that_is_cut_goes_on_in_the_buffer(memory_store: MemoryStore) -> None:
    """It is level only when the upstream has said all of it."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        before = following.contest.position
        other = [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(LINES)]
        upstream.cuts.extend([3_000, 3_000, 3_000])
        upstream.replace(other)
        await following.until(lambda: following.source.following.current.resume_position > len(LINES) + 10)
        assert following.contest.position == before
        assert everything(following) == imported(LINES)


@pytest.mark.parametrize("tokens", [True, False], ids=["with tokens", "without"])
async def test_a_reading_anew_that_ends_properly_is_no_outage(memory_store: MemoryStore, tokens: bool) -> None:
    """The only one is that of the connection which was cut; behind the reading anew the feed is followed at once."""
    upstream = Upstream(LINES if tokens else PLAIN)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        others = [
            *(msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(LINES)),
            line("teams", {"id": "late", "name": "Late", "label": "x"}, token="z"),
        ]
        upstream.replace(others if tokens else [*PLAIN[:10], *PLAIN[11:]])
        await following.until(lambda: len(upstream.asked) > 1 and "stream" in upstream.asked[-2])
        await following.until(lambda: "stream" not in upstream.asked[-1])
        assert following.source.following.buffer is None
        await following.until(lambda: following.source.standing.state == "following")
        assert following.source.standing.outages == 1


@pytest.mark.parametrize("knows", [True, False], ids=["ends on request", "cannot end on request"])
async def test_a_pause_in_a_reading_anew_is_not_taken_for_its_end(memory_store: MemoryStore, knows: bool) -> None:
    """The state that can be asked for says that more is to come; to believe the silence would un-thaw the contest."""
    upstream = Upstream(LINES)
    upstream.knows_stream_parameter = knows
    upstream.files[f"{PATH}/state"] = msgspec.json.encode(THAWED)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        other = [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(LINES)]
        upstream.pauses.extend([20, 20])
        upstream.replace(other)
        await following.until(lambda: "k" not in (following.source.following.current.resume or NOWHERE).value)
        assert everything(following) == imported(LINES)
        thawed = [each.thawed for each in await states_shown(memory_store)]
        assert thawed == sorted(thawed, key=bool)


@pytest.mark.parametrize("cut", ["silence", "an end"])
async def test_a_reading_anew_that_stops_short_takes_nothing_away(memory_store: MemoryStore, cut: str) -> None:
    """Where it has not come to what is known, an upstream that says no more is asked again before that counts."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        others = [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(LINES)]
        if cut == "silence":
            upstream.pauses.extend([20, 20])
            upstream.replace(others)
        else:
            upstream.replace(others[:20])
            await following.until(lambda: len(upstream.asked) > 1 and "since_token" in upstream.asked[-1])
            await following.until(lambda: upstream.asked[-1].get("since_token") == "n19")
            upstream.lines = others
        await following.until(lambda: "k" not in (following.source.following.current.resume or NOWHERE).value)
        await following.until(lambda: following.source.following.current.lines == len(LINES))
        assert everything(following) == imported(LINES)
    events = await memory_store.read("contest:c1", 0, PAGE_EVENTS)
    assert all(each.data is not None for each in events)


def told_twice() -> list[bytes]:
    """A history in which every object is named long before it is what it comes to, with the states last."""
    before = [each for each in PLAIN if json.loads(each)["type"] != "state"]
    names = [line("teams", {**TEAM, "name": f"{n}. name"}) for n in range(8)]
    states = [each for each in PLAIN if json.loads(each)["type"] == "state"]
    return [*before, *names, *states, line("state", THAWED)]


@pytest.mark.parametrize("size", [1, 3, 4])
async def test_answers_that_all_end_properly_and_too_early_show_no_past(memory_store: MemoryStore, size: int) -> None:
    """However often an answer ends well, what comes behind it is asked for before a reading anew counts."""
    # However slow this machine is, so few lines in so long a time are not those of an upstream of the present.
    patience = msgspec.structs.replace(QUICK, quiet_anew_s=10.0)
    history = told_twice()
    upstream = Upstream(with_tokens(history))
    async with serving(upstream), followed(memory_store, options_for(upstream, patience=patience)) as following:
        await following.until_taken(len(history))
        await following.until(lambda: not following.source.following.is_unsettled())
        before = following.contest.position
        upstream.answer_lines = size
        upstream.replace(with_tokens(history, "n"))
        await following.until(lambda: (following.source.following.current.resume or NOWHERE).value.startswith("n"))
        await following.until_taken(2 * len(history))
        assert following.contest.position == before
        assert everything(following) == imported(history)


@pytest.mark.parametrize("cut", ["silence", "an end"])
async def test_a_reading_anew_is_level_when_it_has_told_what_get_says(memory_store: MemoryStore, cut: str) -> None:
    """A feed that rests for long, and does so often, is waited for when GET of its objects says more."""
    history = told_twice()
    upstream = Upstream(with_tokens(history))
    upstream.files |= answers(history)
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(history))
        await following.until(lambda: not following.source.following.is_unsettled())
        before, others = following.contest.position, with_tokens(history, "n")
        if cut == "silence":
            upstream.knows_stream_parameter, upstream.pauses_at, upstream.pause_s = False, 12, 8 * QUICK.quiet_anew_s
            upstream.refusals.extend([400, 400])
            upstream.replace(others)
        else:
            upstream.replace(others[:12])
            await following.until(lambda: upstream.asked[-10:].count({"since_token": "n11", "stream": "false"}) == 10)
            upstream.lines = others
        await following.until(lambda: (following.source.following.current.resume or NOWHERE).value.startswith("n"))
        assert following.contest.position == before
        assert following.source.following.current.lines == len(history)
        assert following.source.standing.status().warnings.count == 0


async def test_a_feed_that_stays_other_than_get_is_believed_with_a_warning(memory_store: MemoryStore) -> None:
    """Servers have quirks; what the feed says counts."""
    history = told_twice()
    upstream = Upstream(with_tokens(history))
    upstream.files |= answers([*history, line("teams", {**TEAM, "name": "Otherwise"})])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(history))
        upstream.replace(with_tokens([*history, line("teams", {**TEAM, "name": "Of the feed"})], "n"))
        await following.until(lambda: name_of(following, "teams", "t1") == "Of the feed")
        await following.until(lambda: following.source.following.buffer is None)
        told = [each.text for each in following.source.standing.status().warnings.last]
        assert [each for each in told if "GET" in each] == ["the feed says otherwise than GET of the same: teams t1"]


def answers(history: list[bytes]) -> dict[str, bytes]:
    """What GET of every type answers at the end of a history."""
    standing: dict[str, dict[str | None, object]] = {}
    for said in map(json.loads, history):
        standing.setdefault(said["type"], {})[said["id"]] = said["data"]
    return {
        PATH if name == "contest" else f"{PATH}/{name}": json.dumps(
            objects[None] if name in ("contest", "state") else list(objects.values())
        ).encode()
        for name, objects in standing.items()
    }


async def test_an_answer_that_was_asked_to_end_and_goes_on_later_is_waited_for(memory_store: MemoryStore) -> None:
    """A database that is slow every time: the pause is no end, however often it comes."""
    history = told_twice()
    upstream = Upstream(with_tokens(history))
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(history))
        await following.until(lambda: not following.source.following.is_unsettled())
        before = following.contest.position
        upstream.pauses_at, upstream.pause_s = 10, 6 * QUICK.quiet_anew_s
        upstream.replace(with_tokens(history, "n"))
        await following.until(lambda: (following.source.following.current.resume or NOWHERE).value.startswith("n"))
        assert following.contest.position == before
        assert following.source.following.current.lines == len(history)


@pytest.mark.parametrize("knows", ["ends on request", "does not end", "refuses to end"])
async def test_a_busy_upstream_that_has_lost_something_is_taken_up_again(memory_store: MemoryStore, knows: str) -> None:
    """It always has something more to say, and is believed all the same."""
    patience = msgspec.structs.replace(QUICK, silence_s_max=1.0)
    upstream = Upstream(LINES)
    upstream.knows_stream_parameter = knows == "ends on request"
    async with serving(upstream), followed(memory_store, options_for(upstream, patience=patience)) as following:
        await following.until_taken(len(LINES))
        upstream.refusals.extend([400, 400] if knows == "refuses to end" else [])
        lost = [each for each in PLAIN if json.loads(each)["type"] != "judgements"]
        upstream.replace(with_tokens(lost, "n"))
        busy = asyncio.create_task(_say_on(upstream))
        try:
            await following.until(lambda: not following.contest.state.objects["judgements"])
            await following.until(lambda: following.source.standing.state == "following")
        finally:
            busy.cancel()


async def _say_on(upstream: Upstream) -> None:
    """A line every now and then, until cancelled: less often than it is asked, more often than it would be quiet."""
    number = 0
    while True:
        await asyncio.sleep(QUICK.quiet_s / 3)
        number += 1
        upstream.say(line("teams", {**TEAM, "name": f"Number {number}"}, token=f"b{number}"))
