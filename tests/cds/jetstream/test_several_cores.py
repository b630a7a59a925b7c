"""What edges ask of one of several cores, of which another has written what this one has not read; and of its rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from cds import live_contest
from cds.contests import Contests
from cds.decoding import UnreadableEvent
from cds.live_contest import LiveContest
from eventstore.store import Event
from projections.tokens import PLACE_CHARACTERS, block
from projections.told import decode_page
from schemas.edges import EdgeViewer
from schemas.extensions import CmsContest, ContestExtension
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import DEADLINE_S, Running, append, running
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.jetstream.published import SECRET, becomes
from tests.cds.jetstream.test_publisher import announce

CONTEST = "small"
WITH_SECRET = {"Contest-Edge": SECRET}


@pytest.fixture
async def cores(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Running]]:
    """Two servers on one database, which hear nothing of each other and look at nothing before they answer."""

    async def unheard(_contests: Contests, _stream: str) -> None:
        return None

    async def as_it_is(contests: Contests, contest_id: str) -> LiveContest | None:
        return contests.find(contest_id)

    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(running(fresh_dsn, edge_secret=SECRET)) for _ in range(2)]

        async def known_of_each_other() -> bool:
            return not any(each.store.alone for each in servers)

        await becomes(known_of_each_other)
        monkeypatch.setattr(Contests, "_catch_up", unheard)
        monkeypatch.setattr(Contests, "found", as_it_is)
        yield servers


async def test_lines_behind_a_token_that_another_has_told_are_read_first(cores: list[Running]) -> None:
    """The core that is asked has not applied what the token stands for: it reads the log, and does not refuse it."""
    one, other = cores
    group = {"id": "new", "name": "New"}
    assert (await one.of_role("admin").ask("PUT", f"contests/{CONTEST}/groups/new", json=group)).status == 201
    lines = await one.caller().lines(f"contests/{CONTEST}/event-feed")
    contest = other.service_contest(CONTEST)
    known = one.service_contest(CONTEST)
    assert contest is not None
    assert known is not None
    assert contest.position < known.position, "it is about something"
    path = f"contests/{CONTEST}/x-lines?role=public"
    behind = await other.caller().get(f"{path}&after={token_of(lines[-1])}", headers=WITH_SECRET)
    assert behind.status == 200, behind.body
    assert not decode_page(behind.body).more
    assert contest.position == known.position


async def test_a_token_that_a_newer_program_has_told_is_not_refused(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a rolling upgrade an older core cannot read the newest event: an edge that were refused would begin anew."""
    async with running(fresh_dsn, edge_secret=SECRET) as server:
        await announce(server, 91)
        lines = await server.caller().lines(f"contests/{CONTEST}/event-feed")
    token = token_of(lines[-1])
    real = live_contest.decoded

    def unreadable(event: Event) -> object:
        if event.type == "clarifications" and event.id == "c91":
            raise UnreadableEvent("clarifications of a later version")
        return real(event)

    monkeypatch.setattr(live_contest, "decoded", unreadable)
    async with running(fresh_dsn, edge_secret=SECRET) as server:
        contest = server.service_contest(CONTEST)
        assert contest is not None
        path = f"contests/{CONTEST}/x-lines?role=public&after="
        behind = await server.caller().get(path + token, headers=WITH_SECRET)
        assert behind.status == 503, behind.body
        # Of another log, or of none, it is refused as ever.
        tag = token[PLACE_CHARACTERS:]
        places = server.server.service.tokens.places(block(contest.position + 1, 0, b"another log's chain value here"))
        for made_up in (places[0].decode() + tag, token[:-1]):
            refused = await server.caller().get(path + made_up, headers=WITH_SECRET)
            assert refused.status == 400, refused.body


async def test_where_logins_hold_at_some_addresses_alone_edges_are_told_so(cores: list[Running]) -> None:
    core = cores[0]

    async def by_address() -> bool:
        answer = await core.caller().get(f"contests/{CONTEST}/x-viewer", headers=WITH_SECRET)
        return msgspec.json.decode(answer.body, type=EdgeViewer).by_address

    assert not await by_address()
    restricted = ContestExtension(cms=CmsContest(ip_restriction=True))
    await append(core.store, CONTEST, altered(small_contest(), "contest", "", ext=restricted))
    contest = core.service_contest(CONTEST)
    assert contest is not None
    await contest.catch_up()
    async with asyncio.timeout(DEADLINE_S):
        assert await by_address()
