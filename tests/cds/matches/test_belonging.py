"""The contest of a match is changed at the match alone, whatever anybody else writes, and its id is nobody else's."""

import asyncio
from collections.abc import Sequence
from typing import cast

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.commands.contest_settings import SettingsPatch, WebhooksPatch, decide_settings, shown_settings
from cds.commands.contest_state import StatePatch, decide_state
from cds.commands.decision import ObjectChange, Refused
from cds.commands.matches.belonging import CLOCK
from cds.commands.properties import check_contest_identifier
from cds.importing import encoded_events, import_contest
from cds.packages.contents import Change, ContestContents
from cds.playback.choosing import Wanted, chosen
from cds.playback.recording import Recording
from cds.turn import Decision
from cds.upstream.describing import DescriptionRefused, source_options
from eventstore.memory import MemoryStore
from eventstore.store import EventStore
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, ContestObject, Group, JudgementType, State
from schemas.records import AwardSettings, Settings
from tests.builders import judgement, put, submission
from tests.cds.matches.contest_stage import ContestStage, contest_stage
from tests.cds.matches.stage import ADMIN, END_MS

OTHER = Contest(id="loc-1", name="Other", duration="1:00:00.000", scoreboard_type="score")
WORDS = "this contest is that of the match test-match: it is changed at /v1/admin/match"
OTHERS = ("server:admin", "account:a", "command line", "import", "source", "schedule", "replay")


@pytest.fixture
async def stage() -> ContestStage:
    """A match that is over, of one party."""
    made = await contest_stage()
    slug = await made.matches.made()
    await made.matches.joined(slug, "alice")
    made.matches.end()
    await made.matches.state()
    return made


async def write(stage: ContestStage, changes: Sequence[ObjectChange], actor: str = "server:admin") -> None:
    """Somebody writes to the contest of the match."""
    contest = await stage.contest()
    await contest.transact(
        lambda _state: Decision(events=encoded_events(changes)),
        actor=actor,
        cause="test",
        circumstances=stage.matches.clock,
    )


def change(type_name: str, identifier: str, instance: ContestObject | None) -> ObjectChange:
    """A change of one thing."""
    return ObjectChange(type_name, identifier, instance)


REFUSED = {
    "without its extension": change("contest", SINGLETON_ID, OTHER),
    "deletion": change("contest", SINGLETON_ID, None),
    "state": change("state", SINGLETON_ID, State(started="2020-01-01T00:00:00.000Z")),
    "no state": change("state", SINGLETON_ID, None),
    "problem": change("problems", "project", None),
    "language": change("languages", "project", None),
    "team": change("teams", "p1", None),
    "submission": change("submissions", "s", submission("s", "p1", "project", "1:00:00")),
    "submission gone": change("submissions", "p1", None),
    "award": change("awards", "winner", None),
    "clock": change("x-settings", SINGLETON_ID, Settings(clock=True, match="loc-1")),
    "no clock": change("x-settings", SINGLETON_ID, Settings(match="loc-1")),
    "awards": change(
        "x-settings", SINGLETON_ID, Settings(follows_times=True, match="loc-1", awards=AwardSettings(computed=True))
    ),
    "nobody's": change("x-settings", SINGLETON_ID, Settings(follows_times=True)),
    "no settings": change("x-settings", SINGLETON_ID, None),
}


@pytest.mark.parametrize("actor", OTHERS)
@pytest.mark.parametrize("what", REFUSED)
async def test_nobody_else_changes_what_belongs_to_a_match(stage: ContestStage, what: str, actor: str) -> None:
    before = await stage.events()
    with pytest.raises(Refused) as refused:
        await write(stage, [change("groups", "g", Group(id="g", name="Guests")), REFUSED[what]], actor)
    assert (refused.value.ground, refused.value.reason) == ("conflict", WORDS)
    assert await stage.events() == before


async def test_a_batch_is_refused_as_one_command_is_and_others_in_it_are_not(stage: ContestStage) -> None:
    outcomes = await asyncio.gather(
        write(stage, [REFUSED["deletion"]]),
        write(stage, [change("groups", "g", Group(id="g", name="Guests"))]),
        write(stage, [REFUSED["state"]]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Refused, type(None), Refused]
    assert await stage.ids("groups") == ["g"]


async def test_people_judge_the_projects_and_set_the_patience_with_webhooks(stage: ContestStage) -> None:
    contest = await stage.contest()
    accepted = JudgementType(id="AC", name="Accepted", penalty=False, solved=True)
    await write(stage, put(accepted, judgement("j", "p1", "AC", "5:00:00")))
    patch = SettingsPatch(webhooks=WebhooksPatch(deactivate_after="2:00:00"))
    await write(stage, decide_settings(contest.state, patch))
    await stage.level()
    assert await stage.ids("judgements") == ["j"]
    settings = (await stage.contest()).state.settings
    assert (settings.webhooks.deactivate_after, settings.match) == ("2:00:00.000", "loc-1")


async def test_settings_neither_show_nor_lose_whose_the_contest_is(stage: ContestStage) -> None:
    contest = await stage.contest()
    assert b"match" not in msgspec.json.encode(shown_settings(contest.state.settings))
    for patch in (SettingsPatch(clock=True), SettingsPatch(computed=True)):
        with pytest.raises(Refused, match="this contest is that of the match"):
            await write(stage, decide_settings(contest.state, patch))


async def test_it_is_said_before_anything_else_that_stands_against_a_change_of_the_times(stage: ContestStage) -> None:
    """Or somebody would judge everything first, to be told that the contest is not to be finalized here."""
    with pytest.raises(Refused, match="this contest is that of the match"):
        decide_state((await stage.contest()).state, StatePatch(finalized="now"), END_MS)


async def test_a_match_that_is_hidden_keeps_its_contest_from_others(stage: ContestStage) -> None:
    await stage.matches.data("change_match", ADMIN, match="test-match", is_visible=False)
    with pytest.raises(Refused, match="this contest is that of the match loc-1"):
        await write(stage, [REFUSED["without its extension"]])
    await stage.matches.data("change_match", ADMIN, match="test-match", is_visible=True)
    assert (await stage.head()).name == "Test match"


async def test_the_clock_writes_and_a_contest_is_a_matchs_with_its_first_events() -> None:
    stage = await contest_stage()
    await stage.matches.made()
    first, *_ = await stage.matches.store.read("contest:loc-1", 0, 100)
    assert (first.type, first.actor) == ("x-settings", "matches")
    await write(stage, [change("state", SINGLETON_ID, State())], CLOCK)


async def test_a_contest_that_has_lost_its_extension_goes_with_its_match_all_the_same(stage: ContestStage) -> None:
    """What makes it the match's is not in any object."""
    await write(stage, [change("contest", SINGLETON_ID, OTHER)], CLOCK)
    await stage.matches.data("delete_match", ADMIN, match="test-match", delete=True)
    assert not (await stage.contest()).exists


async def test_an_import_over_the_contest_of_a_match_is_refused_and_one_of_other_types_is_not(
    stage: ContestStage,
) -> None:
    """Also while the match is hidden and there is no contest to be seen."""
    for visible in (True, False):
        await stage.matches.data("change_match", ADMIN, match="test-match", is_visible=visible)
        before = await stage.log_bytes()
        with pytest.raises(Refused, match="this contest is that of the match"):
            await imported(stage.matches.store, contents("loc-1"))
        assert await stage.log_bytes() == before
    await stage.matches.data("change_match", ADMIN, match="test-match", is_visible=True)
    guests = Group(id="g", name="Guests")
    await imported(stage.matches.store, contents("loc-1", guests=guests))
    assert await stage.ids("groups") == ["g"]
    assert (await stage.head()).name == "Test match"


async def test_an_older_contest_of_such_an_id_keeps_it_and_no_match_gets_its_number() -> None:
    stage = await contest_stage()
    stage.matches.other_contest_ids.extend(["loc-2", "loc-3"])
    for title in ("One", "Two", "Three"):
        await stage.matches.made(title)
    assert [match.id for match in await stage.matches.state()] == ["loc-1", "loc-4", "loc-5"]


# --- The ids of matches' contests.

IDS = ("loc-1", "loc-12", "loc-007")


@pytest.mark.parametrize("contest_id", IDS)
async def test_no_other_contest_is_called_as_a_matchs(contest_id: str) -> None:
    store = MemoryStore()
    with pytest.raises(Refused, match="is for the contest of a match") as refused:
        check_contest_identifier(contest_id)
    assert refused.value.ground == "conflict"
    with pytest.raises(Refused, match="--contest-id"):
        await imported(store, contents(contest_id))
    wish = Wanted(pace_permille=1, from_ms=None, lead_ms=0, pause_ms_max=0)
    with pytest.raises(Refused, match="--contest-id"):
        await chosen(store, cast("Recording", None), wish, contest_id)
    with pytest.raises(DescriptionRefused, match="--contest-id"):
        source_options(f"http://upstream/api/contests/{contest_id}")
    assert await store.heads() == {}


def test_other_ids_are_free_and_a_second_system_is_of_the_contest_of_a_match() -> None:
    for contest_id in ("loc", "loc-", "loc-x", "loc-1-replay", "my-loc-1"):
        check_contest_identifier(contest_id)
        assert source_options("http://upstream/api/contests/loc-1", contest_id=contest_id).contest_id == contest_id
    assert source_options("http://upstream/api/contests/loc-1", shadow="second").contest_id == "loc-1"


def contents(contest_id: str, guests: Group | None = None) -> ContestContents:
    """A package with nothing but the contest, or nothing but a group."""
    contest = msgspec.structs.replace(OTHER, id=contest_id)
    told = Change("contest", SINGLETON_ID, contest) if guests is None else Change("groups", guests.id, guests)
    return ContestContents(
        contest_id=contest_id,
        changes=[told],
        final={told.type: {told.id: contest if guests is None else guests}},
        spoken_of=frozenset({told.type}),
        files={},
        passwords={},
        warnings=[],
    )


async def imported(store: EventStore, package: ContestContents) -> None:
    """`cds import`."""
    await import_contest(store, package, cause="test", circumstances=SYSTEM, progress=lambda _doing, _done, _all: None)
