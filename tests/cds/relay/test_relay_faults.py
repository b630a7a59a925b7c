"""An upstream that breaks off, hangs, ends too early or refuses: clients of the relay get each line once, in order."""

import asyncio
import json
from itertools import dropwhile
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cds.relay.audience import STEADY_S
from tests.cds.contest_api.serving import DEADLINE_S, Stream, basic_authorization
from tests.cds.contest_api.test_logins import ended
from tests.cds.relay.faulty_upstream import FEED, REFUSALS, SILENCE_S, FaultyUpstream, Trouble, faulty_upstream
from tests.cds.relay.relays import QUICK, relaying

VERY_QUICK = msgspec.structs.replace(QUICK, first_pause_s=0.01, pause_s_max=0.02, silence_s_max=0.2)

TROUBLES = st.lists(
    st.builds(
        Trouble,
        fault=st.sampled_from(["cut", "short", "unavailable", "limited", "silent"]),
        after=st.integers(0, 700),
    ).map(lambda trouble: trouble if trouble.fault == "cut" else Trouble(trouble.fault, trouble.after % 12)),
    max_size=8,
)


async def lines_of(stream: Stream, count: int) -> list[bytes]:
    """So many lines, signs of life left out."""
    lines: list[bytes] = []
    while len(lines) < count:
        line = await stream.line()
        lines += [line] if line else []
    return lines


@settings(max_examples=25)
@given(
    from_start=st.booleans(),
    troubles=TROUBLES,
    more=st.lists(st.tuples(st.integers(1, 5), TROUBLES), max_size=3),
    resumed=st.integers(0, 11),
)
async def test_every_line_comes_once_whatever_goes_wrong(
    *, from_start: bool, troubles: list[Trouble], more: list[tuple[int, list[Trouble]]], resumed: int
) -> None:
    """Cut within a line or a character, ended early, refused for a while, silent; at the start and later."""
    async with faulty_upstream(12 if from_start else 0) as upstream, relaying(upstream.root, VERY_QUICK) as relay:
        caller = relay.caller()
        if from_start:
            # Who is refused is not let in, which is another matter.
            upstream.troubles.extend(dropwhile(lambda trouble: trouble.fault in REFUSALS, troubles))
        async with caller.stream(FEED) as stream:
            if not from_start:
                assert await stream.line() == b""
                upstream.troubles.extend(troubles)
                upstream.add(12)
            assert await lines_of(stream, 12) == upstream.lines
            async with caller.stream(path_behind(upstream, resumed)) as later:
                assert await lines_of(later, 11 - resumed) == upstream.lines[resumed + 1 :]
                for count, next_troubles in more:
                    upstream.troubles.extend(next_troubles)
                    upstream.add(count)
                    assert await lines_of(stream, count) == upstream.lines[-count:]
                    assert await lines_of(later, count) == upstream.lines[-count:]
                assert await stream.line() == await later.line() == b""
        upstream.troubles.clear()
        assert await caller.lines(FEED) == upstream.lines


def path_behind(upstream: FaultyUpstream, number: int) -> str:
    """The feed behind a line."""
    return f"{FEED}?since_token={quote(upstream.token(number))}"


@pytest.mark.parametrize(("fault", "status"), [("unavailable", 503), ("limited", 429)])
async def test_who_comes_first_is_told_what_the_upstream_says(fault: str, status: int) -> None:
    """Nothing is opened then; the next one is let in."""
    async with faulty_upstream(3) as upstream, relaying(upstream.root, VERY_QUICK) as relay:
        upstream.troubles.append(msgspec.convert({"fault": fault}, Trouble))
        assert (await relay.caller().get(FEED)).status == status
        assert len(relay.audiences) == 0
        assert await relay.caller().lines(FEED) == upstream.lines


async def test_all_who_read_a_log_that_is_another_one_are_ended() -> None:
    """The feed ends, and our own token is refused: the streams end, and lines of before are known no more."""
    async with faulty_upstream(5) as upstream, relaying(upstream.root, VERY_QUICK) as relay:
        caller = relay.caller()
        async with caller.stream(FEED) as stream, caller.stream(FEED) as other:
            for each in (stream, other):
                await lines_of(each, 5)
            path = path_behind(upstream, 4)
            upstream.troubles.append(Trouble("short"))
            upstream.restore(2)
            await asyncio.gather(stream.to_its_end(), other.to_its_end())
        assert (await caller.get(path)).status == 400
        assert await caller.lines(FEED) == upstream.lines


async def test_a_line_that_cannot_be_read_ends_the_audience() -> None:
    """One without a token: nobody could go on behind it. The log says so."""
    async with faulty_upstream(3) as upstream, relaying(upstream.root, VERY_QUICK) as relay:
        upstream.lines.insert(1, json.dumps({"type": "teams", "id": "t", "data": None}).encode())
        with capture_logs() as logs:
            async with relay.caller().stream(FEED) as stream:
                await ended(stream)
        assert [entry["event"] for entry in logs if entry["event"] == "relayed_feed_over"]
        assert len(relay.audiences) == 0


async def test_who_wants_what_there_is_gets_what_the_upstream_has() -> None:
    """Not only what has come through the relay's own feed, which has got stuck without anybody having seen it yet."""
    async with faulty_upstream(3) as upstream, relaying(upstream.root, VERY_QUICK) as relay:
        caller = relay.caller()
        async with caller.stream(FEED) as stream:
            assert await lines_of(stream, 3) == upstream.lines
            upstream.troubles.append(Trouble("silent"))
            upstream.add(2)
            async with asyncio.timeout(DEADLINE_S):
                while upstream.troubles:
                    await asyncio.sleep(0.005)
            assert await caller.lines(FEED) == upstream.lines
            assert await lines_of(stream, 2) == upstream.lines[3:]


async def test_an_upstream_that_hangs_keeps_nobody_waiting_for_long() -> None:
    """A feed may be silent for a while, but not before it has begun: then the client is told to come again."""
    limits = msgspec.structs.replace(QUICK, answer_s_max=0.3, silence_s_max=60.0)
    async with faulty_upstream(3) as upstream, relaying(upstream.root, limits) as relay:
        upstream.hangs = True
        async with asyncio.timeout(SILENCE_S - 1.0):
            assert (await relay.caller().get(FEED)).status == 503


async def test_a_login_that_is_over_is_over_at_once() -> None:
    """A source ends the streams of such a login; whoever relays it asks why before it tells anything more."""
    patient = msgspec.structs.replace(QUICK, first_pause_s=60.0, pause_s_max=60.0)
    somebody = ("somebody", "hunter2")
    async with (
        faulty_upstream(3) as upstream,
        relaying(upstream.root, patient) as first,
        relaying(first.root, patient) as second,
        second.caller(somebody).stream(FEED) as stream,
    ):
        await lines_of(stream, 3)
        await asyncio.sleep(1.1 * STEADY_S)
        upstream.statuses[basic_authorization(somebody)] = 401
        upstream.troubles.append(Trouble("short", 0))
        upstream.add()
        await ended(stream)
        assert len(second.audiences) == 0
        assert (await second.caller(somebody).get(FEED)).status == 401
