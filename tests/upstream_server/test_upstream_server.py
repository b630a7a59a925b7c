"""The server of recordings says all of its recording, and fails as its table says: else it would prove nothing."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.cds.contest_api.serving import basic_authorization
from tests.upstream_server.bad_line import BadLine
from tests.upstream_server.faults import ODD_LINES, CutPlace, Ending, Fate, Faults
from tests.upstream_server.recording import Recording, place_of
from tests.upstream_server.server import UpstreamServer, serving_upstream

ATTEMPTS_MAX = 100


def teams(count: int, *, prefix: str = "k") -> tuple[bytes, ...]:
    """A contest and its teams, with a character of several bytes in each name."""
    contest = {"type": "contest", "id": "c", "data": {"id": "c", "name": "C"}, "token": f"{prefix}0"}
    others = (
        {"type": "teams", "id": f"t{n}", "data": {"id": f"t{n}", "name": f"Tëam {n}"}, "token": f"{prefix}{n}"}
        for n in range(1, count)
    )
    return tuple(json.dumps(each, ensure_ascii=False).encode() for each in (contest, *others))


RECORDING = Recording("c", teams(60))


class Reader:
    """The simplest client that is right: it takes whole lines, and asks to go on behind the last one."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.broken: list[bytes] = []
        self.statuses: list[int] = []

    @property
    def has_all(self) -> bool:
        """Whether everything that was recorded has come."""
        return set(RECORDING.lines) <= set(self.lines)

    async def read(self, url: str) -> None:
        """Read until everything has come."""
        async with aiohttp.ClientSession() as session:
            for _ in range(ATTEMPTS_MAX):
                if self.has_all:
                    return
                await self._read_once(session, url)
        raise AssertionError(f"{len(set(self.lines))} lines after {ATTEMPTS_MAX} attempts")

    async def _read_once(self, session: aiohttp.ClientSession, url: str) -> None:
        known = [line for line in self.lines if line not in ODD_LINES]
        place = place_of(known[-1]) if known else None
        begun = b""
        async with session.get(f"{url}/event-feed", params={"since_token": place} if place else {}) as answer:
            self.statuses.append(answer.status)
            if answer.status != 200:
                return
            try:
                async for piece in answer.content.iter_any():
                    *lines, begun = (begun + piece).split(b"\n")
                    self.lines += filter(None, lines)
                    if self.has_all:
                        return
            except aiohttp.ClientError:
                pass
        self.broken.append(begun)


@pytest.mark.parametrize("ending", Ending)
@pytest.mark.parametrize("place", CutPlace)
async def test_it_is_cut_where_it_should_be_and_whoever_resumes_misses_nothing(place: CutPlace, ending: Ending) -> None:
    """Every kind of place, every kind of end."""
    reader = Reader()
    async with serving_upstream(RECORDING, Faults(cut_every=10, places=(place,), endings=(ending,))) as upstream:
        await reader.read(upstream.url)
        cuts = 6 if place is CutPlace.WITHIN_CHARACTER else 5
        assert upstream.fate.happened[f"cut {place}"] == cuts
    assert tuple(reader.lines) == RECORDING.lines
    # A reset may take with it what has not been read, so then little can be said about the last piece.
    if ending is not Ending.RESET:
        assert len(reader.broken) == cuts
        for broken in reader.broken:
            assert _is_cut_there(broken, place), broken


def _is_cut_there(broken: bytes, place: CutPlace) -> bool:
    match place:
        case CutPlace.BETWEEN_LINES:
            return broken == b""
        case CutPlace.BEFORE_NEWLINE:
            return broken in RECORDING.lines
        case CutPlace.WITHIN_CHARACTER:
            return broken[-1] >= 0x80 and "�" in broken.decode(errors="replace")
        case CutPlace.WITHIN_PLACE:
            return b'"token": "k' in broken and not broken.endswith(b'"}')
        case CutPlace.WITHIN_LINE:
            return any(line.startswith(broken) and line != broken for line in RECORDING.lines) and broken != b""


async def test_what_is_doubled_sent_again_or_odd_comes_beside_what_was_recorded() -> None:
    """Nothing is left out, and the odd lines are those of the table."""
    reader = Reader()
    faults = Faults(doubled=0.3, sent_again=0.3, blank=0.3, odd=0.3, overlap=2, cut_every=7)
    async with serving_upstream(RECORDING, faults) as upstream:
        await reader.read(upstream.url)
        happened = upstream.fate.happened
    assert set(reader.lines) <= {*RECORDING.lines, *ODD_LINES}
    assert len(reader.lines) > len(set(reader.lines))
    assert min(happened[name] for name in ("doubled", "sent again", "blank", "odd")) > 0


async def test_refusals_come_once_each_and_400_waits_for_a_place() -> None:
    """The first request asks for everything, so it cannot be refused with 400."""
    reader = Reader()
    async with serving_upstream(RECORDING, Faults(cut_every=20, refusals={1: 400, 2: 503})) as upstream:
        await reader.read(upstream.url)
    assert sorted(reader.statuses)[-2:] == [400, 503]
    assert reader.statuses[0] == 200


async def test_one_that_was_restored_does_not_know_the_places_of_what_it_lost() -> None:
    """It is on the same port, and what it still has can be resumed."""
    async with serving_upstream(RECORDING) as upstream, aiohttp.ClientSession() as session:
        port = upstream.port
        await upstream.become(RECORDING.cut_to(30))
        assert upstream.port == port
        for token, status in (("k20", 200), ("k45", 400)):
            async with session.get(f"{upstream.url}/event-feed?stream=false&since_token={token}") as answer:
                assert answer.status == status


async def test_it_dies_and_comes_back_and_says_what_is_new() -> None:
    """Whoever listens is cut off; whoever comes meanwhile finds nobody."""
    upstream = UpstreamServer(RECORDING)
    upstream.said = 10
    await upstream.rise()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{upstream.url}/event-feed") as answer:
            assert await answer.content.readline()
            await upstream.die()
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(answer.content.read(), 5)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(upstream.url)
        await upstream.rise()
        upstream.say(20)
        async with session.get(f"{upstream.url}/event-feed?stream=false&since_token=k9") as answer:
            assert (await answer.read()).split(b"\n")[:-1] == list(RECORDING.lines[10:20])
    await upstream.die()


async def test_it_answers_everything_else_as_it_stands() -> None:
    """The contest, its collections, single objects, access; and only to whoever may ask."""
    login = ("shadow", "secret")
    async with serving_upstream(RECORDING, login=login) as upstream:
        async with aiohttp.ClientSession(headers={"Authorization": basic_authorization(login)}) as session:
            assert await _json(session, upstream.url) == {"id": "c", "name": "C"}
            assert len(await _json(session, f"{upstream.url}/teams")) == 59
            assert (await _json(session, f"{upstream.url}/teams/t7"))["name"] == "Tëam 7"
            types = [each["type"] for each in (await _json(session, f"{upstream.url}/access"))["endpoints"]]
            assert types == ["contest", "teams"]
            assert (await session.get(f"{upstream.url}/runs")).status == 404
        async with aiohttp.ClientSession() as session:
            assert (await session.get(f"{upstream.url}/teams")).status == 401
        assert upstream.strangers == 1


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_a_bad_line_lets_everything_pass_in_the_end() -> None:
    """What the server behind it says, cut at the places of the table."""
    reader = Reader()
    async with serving_upstream(RECORDING) as upstream:
        line = BadLine(f"http://127.0.0.1:{upstream.port}", Faults(cut_every=10, refusals={2: 502}))
        async with line.open():
            await reader.read(line.url("c"))
    assert tuple(reader.lines) == RECORDING.lines
    assert sum(count for name, count in line.fate.happened.items() if name.startswith("cut ")) == 6


def test_the_same_seed_is_the_same_fate() -> None:
    """So that what failed fails again."""
    faults = Faults(doubled=0.2, odd=0.2, blank=0.2, sent_again=0.2, seed=7)
    told = [
        [fate.told(index, line, RECORDING.lines[:1]) for index, line in enumerate(RECORDING.lines)]
        for fate in (Fate(faults), Fate(faults))
    ]
    assert told[0] == told[1]
    assert told[0] != [
        Fate(Faults(doubled=0.2, odd=0.2, blank=0.2, sent_again=0.2, seed=8)).told(index, line, RECORDING.lines[:1])
        for index, line in enumerate(RECORDING.lines)
    ]
