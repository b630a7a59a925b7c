"""Whatever happens to matches, in whatever process: their contests are what they are, and nothing else ever was.

Random histories of two processes on one store, one of which dies now and then between a match and its contest.
"""

import asyncio
from collections.abc import Mapping
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange, Refused
from cds.commands.matches.belonging import OF_MATCH
from cds.commands.matches.contest_of import contest_of, decide_level
from cds.importing import encoded_events
from cds.turn import Decision
from eventstore.memory import MemoryStore
from projections.contest import ContestState
from projections.match_standings import is_open
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, State
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.matches.contest_stage import ContestStage, contest_stage
from tests.cds.matches.stage import ADMIN, HOUR_MS, NAMES, NOW_MS, StandInUsers

DESCRIPTION = "At length"
DRAFT = "a draft"

Step = tuple[str, str, bool]
"""What is done, by whom, and by which of the two processes."""

MOMENT = "2020-01-01T00:00:00.000Z"
OVER = State(started=MOMENT, ended=MOMENT, finalized=MOMENT, end_of_updates=MOMENT)

DEEDS = (
    "join_match",
    "leave_match",
    "join_party",
    "disband",
    "edit",
    "hide",
    "show",
    "delete",
    "undelete",
    "rename",
    "publish",
    "rank",
    "later",
    "meddle",
    "die",
)

steps = st.lists(st.tuples(st.sampled_from(DEEDS), st.sampled_from(NAMES), st.booleans()), max_size=25)


async def do(stage: ContestStage, deed: str, who: str, slug: str) -> None:
    """One thing, which may be refused."""
    matches = stage.matches
    changes: Mapping[str, Mapping[str, object]] = {
        "hide": {"is_visible": False},
        "show": {"is_visible": True},
        "rename": {"title": f"Renamed by {who}", "slug": slug},
        "publish": {"leaderboard": True},
    }
    if deed in ("join_match", "leave_match", "disband"):
        await matches.ask(deed, who, match=slug)
    elif deed == "join_party":
        await join_any_party(stage, who)
    elif deed == "edit":
        await matches.ask("put_submission", who, match=slug, title=DRAFT, description="d", url="u")
    elif deed in changes:
        await matches.ask("change_match", ADMIN, match=slug, **changes[deed])
    elif deed in ("delete", "undelete"):
        await matches.ask("delete_match", ADMIN, match=slug, delete=deed == "delete")
    elif deed == "rank":
        positions = [{"party": who, "position": NAMES.index(who) // 2 + 1}]
        await matches.ask("set_leaderboard", ADMIN, match=slug, positions=positions)
    elif deed == "meddle":
        await meddle(stage)
    elif deed == "later":
        matches.clock.now_ms += HOUR_MS
        await matches.state()


async def meddle(stage: ContestStage) -> None:
    """An administrator writes another contest over what is there, or where nothing is any more, and ends it."""
    contest = await stage.contest()
    head = Contest(id="loc-1", name="Meddled", duration="1:00:00.000", scoreboard_type="score")
    changes = (ObjectChange("state", SINGLETON_ID, OVER), ObjectChange("contest", SINGLETON_ID, head))
    for change in changes:
        if contest.position:  # Before its first event it is the id that keeps others away.
            with pytest.raises(Refused):
                await contest.transact(partial(decided, change), actor=ADMIN, cause="meddle", circumstances=SetClock())


def decided(change: ObjectChange, _state: ContestState) -> Decision:
    """The decision to change this."""
    return Decision(events=encoded_events([change]))


async def join_any_party(stage: ContestStage, who: str) -> None:
    """Try to join the first party of the match."""
    state = await stage.matches.state()
    parties = state.parties_of("loc-1")
    if parties:
        await stage.matches.ask("join_party", who, party=state.token(parties[0]))


async def require_level(stage: ContestStage) -> None:
    """The contest is what the match is, and deciding again brings nothing."""
    matches = await stage.matches.state()
    match = matches.find("loc-1")
    contest = await stage.contest()
    if match is None or not is_open(match):
        assert not contest.exists
        return
    assert {name: dict(contest.state.objects[name]) for name in OF_MATCH} == contest_of(matches, match)
    assert decide_level(contest.state, matches, match, stage.matches.clock.now_ms) == []


async def require_discreet(stage: ContestStage) -> None:
    """No event of the log tells a draft but as the submission that it has become, and none names anybody."""
    contest = await stage.contest()
    for event in await stage.matches.store.read(contest.stream, 0, 10_000):
        data = event.data or b""
        assert DRAFT.encode() not in data or event.type == "submissions"
        assert not any(f'"{name}"'.encode() in data for name in NAMES)


async def play(history: list[Step]) -> None:
    """Play a history, and look at the contest behind every step."""
    store, users, clock = MemoryStore(), StandInUsers(NAMES), SetClock(NOW_MS)
    stages = [await contest_stage(store, users, clock) for _ in range(2)]
    slug = await stages[0].matches.made()
    for deed, who, second in history:
        if deed == "die":
            # It writes once more and tells its contest nothing; the next one finds out.
            dying = await contest_stage(store, users, clock, watching=False)
            await do(dying, "join_match", who, slug)
            stages[second] = await contest_stage(store, users, clock)
            await stages[second].level()
        else:
            await do(stages[second], deed, who, slug)
        await require_level(stages[second])
    for stage in stages:
        await require_level(stage)
    await require_discreet(stages[0])


@settings(deadline=None)
@given(steps)
def test_contests_are_level_with_their_matches_whatever_happens(history: list[Step]) -> None:
    asyncio.run(play(history))


async def test_the_log_of_a_contest_holds_nothing_before_its_time() -> None:
    stage = await contest_stage()
    slug = await stage.matches.made(long_description=DESCRIPTION)
    await stage.matches.joined(slug, "alice", "bob")
    assert DESCRIPTION.encode() not in await stage.log_bytes()
    stage.matches.begin()
    await stage.matches.state()
    assert DESCRIPTION.encode() in await stage.log_bytes()
    assert msgspec.json.encode("alice") not in await stage.log_bytes()
