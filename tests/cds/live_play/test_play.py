"""The play over HTTP against a stage: order, repetition, lateness and refusals."""

import asyncio

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.live_play.client import PlayFailed, connected, retry_after_s
from cds.live_play.play import Play, Played
from cds.live_play.script import Script, script_of
from cds.rehearsal import told
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.live_play.plays import SPEED, contest, players, script
from tests.cds.live_play.stage import Stage, staged

ADMINISTRATOR = ("root", "secret")


def silent(doing: str, done: int, total: int | None) -> None:
    """Nobody wants to hear of the progress."""


async def perform(url: str, script: Script) -> Played:
    async with connected(url, SYSTEM) as client:
        return await Play(client, script, players(), ADMINISTRATOR, silent, SYSTEM).perform()


def everything_at(due_ms: int, played: Script) -> Script:
    """A script with all changes at one moment."""
    changes = [msgspec.structs.replace(change, due_ms=due_ms) for change in played.changes]
    return msgspec.structs.replace(played, changes=changes)


def assert_whole(stage: Stage) -> None:
    """Everything of the script has come to the stage once, every verdict last."""
    for endpoint in ("submissions", "judgements", "runs", "clarifications", "commentary"):
        assert len(stage.of(endpoint)) == len(contest().objects[endpoint]), endpoint
    for judgement in stage.of("judgements").values():
        assert "judgement_type_id" in judgement
    verdicts = {path for method, path, _ in stage.requests if method == "PATCH" and "/judgements/" in path}
    assert len(verdicts) == len(stage.of("judgements"))


async def test_the_whole_contest_comes_to_the_server_and_is_closed() -> None:
    async with staged() as (stage, url):
        stage.grace_s = DEADLINE_S
        played = await perform(url, script())
    assert_whole(stage)
    assert list(stage.state) == ["started", "finalized", "end_of_updates"]
    assert "scoreboard_thaw_time" in stage.objects["contests"]["rehearsed"]
    assert played.retries == 0
    assert not played.tally.late
    assert played.tally.sent["POST submissions"] == len(stage.of("submissions"))
    administrators = [user for method, _, user in stage.requests if method == "PUT"]
    assert set(administrators) == {"root"}
    assert told("rehearsed", played)[0].startswith("rehearsed: played on the server")
    assert any("team01" in line for line in told("rehearsed", played))


async def test_answers_that_are_lost_and_servers_that_are_busy_do_not_double_anything() -> None:
    async with staged(busy=("submissions", "runs"), cut=("submissions", "judgements", "clarifications")) as (
        stage,
        url,
    ):
        stage.grace_s = DEADLINE_S
        played = await perform(url, script())
    assert_whole(stage)
    assert played.retries == 5


ATTEMPTS = 20


async def test_a_server_that_is_away_for_long_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it says so: it is time that counts, not attempts."""
    monkeypatch.setattr("cds.live_play.client.RETRY_WAIT_S_MAX", 0.01)
    async with staged() as (stage, url):
        stage.refused["judgements"] = 503

        async def back() -> None:
            while sum(path.endswith("/judgements") for _, path, _ in stage.requests) < ATTEMPTS:
                await asyncio.sleep(0.01)
            del stage.refused["judgements"]

        _, played = await asyncio.gather(back(), perform(url, everything_at(0, script_of(contest(), SPEED / 3))))
    assert_whole(stage)
    assert played.retries >= ATTEMPTS


async def test_a_server_that_stays_away_ends_the_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.live_play.client.PATIENCE_S", 0.5)
    async with staged() as (stage, url):
        stage.refused["judgements"] = 503
        with pytest.raises(PlayFailed, match=r"^POST /contests/rehearsed/judgements as judge1: 503: not this one$"):
            await perform(url, script())


async def test_what_is_too_late_is_counted_and_what_hangs_on_it_left_out() -> None:
    late = everything_at(script().duration_ms + 50, script())
    async with staged() as (stage, url):
        played = await perform(url, late)
    assert stage.of("submissions") == {}
    assert stage.of("judgements") == {}
    assert played.tally.late["submissions"] == len(contest().objects["submissions"])
    assert played.tally.left_out == sum(
        change.key[0] in ("judgements", "runs", "commentary") for change in late.changes
    )
    assert len(stage.of("clarifications")) == len(contest().objects["clarifications"])


async def test_order_about_one_object_holds_when_everything_comes_at_once() -> None:
    """The contest lasts three times as long as elsewhere, so that nothing is late on a machine that is busy."""
    async with staged() as (stage, url):
        await perform(url, everything_at(0, script_of(contest(), SPEED / 3)))
    assert_whole(stage)
    given: set[str] = set()
    for endpoint in ("submissions", "judgements"):
        given |= stage.of(endpoint).keys()
    assert {each["submission_id"] for each in stage.of("judgements").values()} <= given
    assert {each["judgement_id"] for each in stage.of("runs").values()} <= given


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_any_other_refusal_ends_the_play_and_says_which_request(status: int) -> None:
    async with staged() as (stage, url):
        stage.refused["judgements"] = status
        with pytest.raises(
            PlayFailed, match=rf"^POST /contests/rehearsed/judgements as judge1: {status}: not this one$"
        ):
            await perform(url, script())


async def test_a_contest_that_is_there_is_left_alone() -> None:
    async with staged() as (stage, url):
        stage.objects["contests"]["rehearsed"] = {"id": "rehearsed"}
        with pytest.raises(PlayFailed, match="rehearsed is there already"):
            await perform(url, script())
    assert [method for method, _, _ in stage.requests] == ["GET"]


async def test_a_wrong_address_is_tried_once() -> None:
    async with connected("http://127.0.0.1:1/api", SYSTEM) as client:
        with pytest.raises(PlayFailed, match=r"^GET /contests/rehearsed as root: "):
            await Play(client, script(), players(), ADMINISTRATOR, silent, SYSTEM).perform()
        assert client.retries == 0


def test_only_seconds_are_understood_in_retry_after() -> None:
    assert retry_after_s("3") == 3
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") is None
    assert retry_after_s(None) is None
