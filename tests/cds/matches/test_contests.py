"""A match as a contest of the log: what is there when, and that nothing else ever is."""

import asyncio
from contextlib import suppress

import pytest
import structlog

from cds.commands.decision import ObjectChange
from cds.commands.matches.belonging import ACTOR
from cds.commands.matches.contest_of import contest_of
from cds.importing import encoded_events
from cds.matches import contests as match_contests
from cds.turn import Decision
from eventstore.memory import MemoryStore
from eventstore.store import Append, Head, StoreUnavailable
from projections.matches import Matches
from schemas.extensions import ContestExtension, LeagueOfCodeMatch
from schemas.matches import Match
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, Contest, Group, State, Submission
from schemas.times import format_time
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.matches.contest_stage import ContestStage, as_json, contest_stage
from tests.cds.matches.stage import ADMIN, END_MS, HOUR_MS, NAMES, NOW_MS, START_MS, StandInUsers
from tests.eventstore.builders import eventually

EXTENSION = {"slug": "test-match", "short_description": "In short"}


@pytest.fixture
async def stage() -> ContestStage:
    """A process with matches and contests."""
    return await contest_stage()


async def test_a_match_that_is_not_visible_is_no_contest(stage: ContestStage) -> None:
    slug = await stage.matches.made(is_visible=False)
    assert await stage.events() == 0
    await stage.matches.data("change_match", ADMIN, match=slug, is_visible=True)
    assert (await stage.head()).name == "Test match"


async def test_before_the_start_there_is_the_contest_and_nobody_in_it(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    await stage.matches.joined(slug, "alice", "bob")
    head = as_json(await stage.head())
    assert head == {
        "id": "loc-1",
        "name": "Test match",
        "start_time": head["start_time"],
        "duration": "5:00:00.000",
        "scoreboard_type": "score",
        "ext": {"loc": EXTENSION},
    }
    assert await stage.ids("problems") == ["project"]
    assert await stage.ids("teams") == await stage.ids("submissions") == await stage.ids("awards") == []
    assert (await stage.moments()).started is None


async def test_at_the_start_participating_parties_are_teams_and_the_description_is_there(stage: ContestStage) -> None:
    slug = await stage.matches.made(min_members=2)
    await stage.matches.joined(slug, "alice", "bob")
    await stage.matches.joined(slug, "carol")
    stage.matches.begin()
    await stage.matches.state()
    assert as_json(await stage.head())["ext"] == {"loc": {**EXTENSION, "long_description": "At length"}}
    teams = [as_json(team) for team in (await stage.objects("teams")).values()]
    assert teams == [{"id": "p1", "name": "Party 1", "label": "1"}]
    assert (await stage.moments()).started == (await stage.head()).start_time


async def test_edits_of_a_project_are_private_and_one_submission_comes_at_the_end(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    await stage.matches.joined(slug, "alice", "bob")
    await stage.matches.joined(slug, "carol")
    stage.matches.begin()
    await stage.matches.state()
    before = await stage.events()
    for number in range(3):
        await stage.matches.data("put_submission", "alice", match=slug, title=f"Draft {number}", url=f"git://{number}")
    assert await stage.events() == before, "an edit is no event of the contest"
    stage.matches.end()
    await stage.matches.state()
    submissions = [as_json(each) for each in (await stage.objects("submissions")).values()]
    assert [(each["id"], each["team_id"], each["contest_time"]) for each in submissions] == [
        ("p1", "p1", "4:59:59.999"),
        ("p3", "p3", "4:59:59.999"),
    ]
    assert submissions[0]["ext"] == {"loc": {"url": "git://2", "title": "Draft 2", "description": ""}}
    assert (await stage.moments()).ended is not None
    assert b"Draft 0" not in await stage.log_bytes()


async def test_a_published_leaderboard_is_awards_and_one_taken_back_is_none(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    for name in NAMES:
        await stage.matches.joined(slug, name)
    stage.matches.end()
    await stage.matches.state()
    positions = [{"party": name, "position": place} for name, place in zip(NAMES, (2, 1, 2, 4), strict=True)]
    await stage.matches.data("set_leaderboard", ADMIN, match=slug, positions=positions)
    assert await stage.ids("awards") == []
    await stage.matches.data("change_match", ADMIN, match=slug, leaderboard=True)
    awards = {id: each.team_ids for id, each in (await stage.objects("awards")).items() if isinstance(each, Award)}
    assert awards == {"winner": ["p2"], "rank-1": ["p2"], "rank-2": ["p1", "p3"], "rank-4": ["p4"]}
    await stage.matches.data("change_match", ADMIN, match=slug, leaderboard=False)
    assert await stage.ids("awards") == []


async def test_a_match_that_is_deleted_or_hidden_takes_its_contest_away_and_brings_it_back(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    await stage.matches.joined(slug, "alice")
    stage.matches.end()
    await stage.matches.state()
    whole = {name: {**await stage.objects(name)} for name in ("contest", "state", "teams", "submissions")}
    for away, back in (
        ({"delete": True}, {"delete": False}),
        ({"is_visible": False}, {"is_visible": True}),
    ):
        endpoint = "delete_match" if "delete" in away else "change_match"
        await stage.matches.data(endpoint, ADMIN, match=slug, **away)
        contest = await stage.contest()
        assert not contest.exists
        assert not any(contest.state.objects.values())
        await stage.matches.data(endpoint, ADMIN, match=slug, **back)
        assert {name: {**await stage.objects(name)} for name in whole} == whole


async def test_a_match_that_moves_moves_its_contest(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    await stage.matches.data("change_match", ADMIN, match=slug, title="Another title", end_date="2099-01-01 00:00")
    head = await stage.head()
    assert head.name == "Another title"
    assert as_json(head)["ext"] == {"loc": {**EXTENSION, "slug": "another-title"}}
    assert head.id == "loc-1", "ids never change"
    assert head.duration > "5:00:00.000"


async def test_looking_again_adds_nothing(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    await stage.matches.joined(slug, "alice", "bob")
    for moment_ms in (NOW_MS, START_MS, START_MS + HOUR_MS, END_MS, END_MS + HOUR_MS):
        stage.matches.clock.now_ms = moment_ms
        await stage.level()
        before = await stage.events()
        await stage.level()
        assert await stage.events() == before


async def test_nobody_is_named_and_no_token_is_told(stage: ContestStage) -> None:
    slug = await stage.matches.made(is_visible=True)
    token = await stage.matches.joined(slug, "alice", "bob")
    stage.matches.end()
    await stage.matches.state()
    told = await stage.log_bytes()
    for secret in (token, *NAMES, "u1", "example.org"):
        assert secret.encode() not in told


async def test_what_people_have_given_the_contest_of_other_types_stays(stage: ContestStage) -> None:
    slug = await stage.matches.made()
    contest = await stage.contest()
    group = encoded_events([ObjectChange("groups", "g", Group(id="g", name="Guests"))])
    await contest.transact(
        lambda _state: Decision(events=group), actor="test", cause="test", circumstances=stage.matches.clock
    )
    await stage.matches.data("change_match", ADMIN, match=slug, short_description="Other")
    assert await stage.ids("groups") == ["g"]


@pytest.mark.parametrize("ended", [True, False])
async def test_an_older_contest_of_that_id_is_no_matchs_though_it_says_so_and_stays(
    stage: ContestStage, ended: bool
) -> None:
    """What a match says of itself is in what is exported of its contest too, and says nothing of whose this one is."""
    contest = await stage.contest()
    extension = ContestExtension(loc=LeagueOfCodeMatch(slug="another", short_description="s"))
    there = Contest(id="loc-1", name="Ours", duration="1:00:00.000", scoreboard_type="pass-fail", ext=extension)
    moment = format_time(NOW_MS)
    over = State(started=moment, ended=moment, finalized=moment, end_of_updates=moment)
    changes = [ObjectChange("contest", SINGLETON_ID, there), *([ObjectChange("state", SINGLETON_ID, over)] * ended)]
    events = encoded_events(changes)
    await contest.transact(
        lambda _state: Decision(events=events), actor="test", cause="test", circumstances=stage.matches.clock
    )
    slug = await stage.matches.made()
    with structlog.testing.capture_logs() as said:
        await stage.level()
    assert [(each["event"], each["contest"]) for each in said] == [("match_contest_behind", "loc-1")]
    await stage.matches.data("change_match", ADMIN, match=slug, is_visible=False)
    await stage.matches.data("delete_match", ADMIN, match=slug, delete=True)
    assert await stage.head() == there


# --- Several processes, and a process that dies.


async def test_a_process_that_dies_between_the_two_appends_is_made_up_for() -> None:
    store, users, clock = MemoryStore(), StandInUsers(NAMES), SetClock(NOW_MS)
    dead = await contest_stage(store, users, clock, watching=False)
    slug = await dead.matches.made()
    await dead.matches.joined(slug, "alice")
    clock.now_ms = START_MS
    await dead.matches.state()
    assert await dead.events() == 0
    other = await contest_stage(store, users, clock)
    await other.level()
    assert await other.ids("teams") == ["p1"]


async def test_whoever_writes_late_does_not_leave_the_contest_behind_its_match() -> None:
    store, users, clock = MemoryStore(), StandInUsers(NAMES), SetClock(NOW_MS)
    late, other = await contest_stage(store, users, clock), await contest_stage(store, users, clock)
    slug = await late.matches.made()
    stale = await late.matches.register.fresh()
    await other.matches.data("change_match", ADMIN, match=slug, short_description="Newer")
    await late.keeper.bring_level(stale, ["loc-1"])
    assert as_json(await late.head())["ext"] == {"loc": {"slug": slug, "short_description": "Newer"}}


class Unwilling(MemoryStore):
    """A store that takes no events of contests for a while."""

    away = False

    async def append(self, append: Append) -> Head | None:
        """Refuse while away."""
        if self.away and append.stream.startswith("contest"):
            raise StoreUnavailable("away")
        return await super().append(append)


async def test_a_contest_that_cannot_be_written_does_not_stop_its_match_and_follows_later() -> None:
    store = Unwilling()
    stage = await contest_stage(store)
    store.away = True
    slug = await stage.matches.made()
    assert await stage.events() == 0
    store.away = False
    await stage.level()
    assert as_json(await stage.head())["ext"] == {"loc": {"slug": slug, "short_description": "In short"}}


async def test_what_the_duty_has_compared_it_looks_at_again_only_when_something_has_moved() -> None:
    """Match or contest: whoever wrote late may have died before it looked again."""
    store, users, clock = MemoryStore(), StandInUsers(NAMES), SetClock(NOW_MS)
    other, duty = [await contest_stage(store, users, clock, watching=False) for _ in range(2)]
    slug = await other.matches.made()
    for _ in range(2):
        await duty.keeper.compare(await duty.matches.register.settled())
    assert await duty.looks() == []
    stale = contest_of(await other.matches.state(), usual_match(await other.matches.state()))
    await other.matches.data("change_match", ADMIN, match=slug, short_description="Newer")
    assert await duty.looks() == ["loc-1"]
    assert as_json(await duty.head())["ext"] == {"loc": {"slug": slug, "short_description": "Newer"}}
    await duty.looks()
    contest = await other.contest()
    late = encoded_events([ObjectChange("contest", SINGLETON_ID, stale["contest"][SINGLETON_ID])])
    await contest.transact(lambda _state: Decision(events=late), actor=ACTOR, cause="late", circumstances=clock)
    await duty.contest()  # As it is told of it.
    assert await duty.looks() == ["loc-1"]
    assert as_json(await duty.head())["ext"] == {"loc": {"slug": slug, "short_description": "Newer"}}
    await duty.looks()
    assert await duty.looks() == []


async def test_the_duty_tries_again_what_may_pass_and_not_what_was_refused() -> None:
    store = Unwilling()
    stage = await contest_stage(store, watching=False)
    await stage.matches.made()
    store.away = True
    assert [await stage.looks() for _ in range(3)] == [["loc-1"]] * 3
    store.away = False
    await stage.looks()
    assert (await stage.head()).name == "Test match"
    refusing = await contest_stage(watching=False)
    contest = await refusing.contest()
    there = Contest(id="loc-1", name="Ours", duration="1:00:00.000", scoreboard_type="pass-fail")
    await contest.transact(
        lambda _state: Decision(events=encoded_events([ObjectChange("contest", SINGLETON_ID, there)])),
        actor="test",
        cause="test",
        circumstances=refusing.matches.clock,
    )
    await refusing.matches.made()
    assert [await refusing.looks() for _ in range(3)] == [["loc-1"], [], []]


@pytest.mark.parametrize("deed", ["hide", "delete"])
async def test_what_a_dead_process_has_hidden_the_duty_takes_away_at_its_next_look(deed: str) -> None:
    store, users, clock = MemoryStore(), StandInUsers(NAMES), SetClock(NOW_MS)
    dead = await contest_stage(store, users, clock, watching=False)
    duty = await contest_stage(store, users, clock)
    slug = await duty.matches.made()
    await duty.looks()
    if deed == "hide":
        await dead.matches.data("change_match", ADMIN, match=slug, is_visible=False)
    else:
        await dead.matches.data("delete_match", ADMIN, match=slug, delete=True)
    await duty.looks()
    assert not (await duty.contest()).exists


async def test_the_duty_starts_and_ends_matches_on_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_contests, "CHECK_S", 0.01)
    stage = await contest_stage(watching=True)
    slug = await stage.matches.made()
    await stage.matches.joined(slug, "alice")
    keeping = asyncio.create_task(stage.keeper.keep())
    try:
        stage.matches.begin()
        await eventually(lambda: _has(stage, "teams"))
        stage.matches.end()
        await eventually(lambda: _has(stage, "submissions"))
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
    (submission,) = (await stage.objects("submissions")).values()
    assert isinstance(submission, Submission)


def usual_match(matches: Matches) -> Match:
    """The one match that there is."""
    (match,) = matches
    return match


async def _has(stage: ContestStage, type_name: str) -> bool:
    return bool(await stage.objects(type_name))
