"""An audience in which something fails is given up: it is told of, hurts no other, and is made anew for who asks."""

import asyncio
import json
from collections.abc import Callable, Iterable

import pytest
from structlog.testing import capture_logs

from cds.checkpointing import make_checkpoint
from cds.checkpoints import held_checkpoint
from cds.live_contest import LiveContest, stream_of
from eventstore.memory import MemoryStore
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.feed_lines import FeedLines
from projections.integrity import Key
from projections.packing import Unpackable
from projections.releasing import Release
from schemas.objects import ContestObject
from schemas.viewers import Role
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.raw_feeds import FEED
from tests.cds.contest_api.serving import DEADLINE_S, Running, append, opened
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.contest_api.test_http import check_error
from tests.cds.test_contests import TOKENS, write
from tests.cds.test_releasing import (
    CONTEST_ID,
    LATER,
    READERS,
    SUBMISSIONS,
    THAW,
    Onlooker,
    frozen_contest,
    judged_for,
    transact,
    whole,
)

JUDGE = READERS[2]

Break = Callable[[pytest.MonkeyPatch, Role], None]


def break_advance(patched: pytest.MonkeyPatch, role: Role) -> None:
    """Let every event fail for a role, in the middle of it."""
    advance = Audience.advance

    def failing(audience: Audience, state: ContestState, change: Change, chain: bytes) -> None:
        advance(audience, state, change, chain)
        if audience.role == role:
            raise RuntimeError("this event fails for the test")

    patched.setattr(Audience, "advance", failing)


def break_view(patched: pytest.MonkeyPatch, role: Role) -> None:
    """Let nothing be shown to a role."""
    encoded = Audience.encoded

    def failing(
        audience: Audience, state: ContestState, team_id: str | None, key: Key, instance: ContestObject
    ) -> bytes | None:
        if audience.role == role:
            raise RuntimeError("this view fails for the test")
        return encoded(audience, state, team_id, key, instance)

    patched.setattr(Audience, "encoded", failing)


def break_release(patched: pytest.MonkeyPatch, role: Role) -> None:
    """Let a release fail for a role, in the middle of it."""
    go_on = Release.go_on

    def failing(release: Release, objects_max: int) -> bool:
        more = go_on(release, objects_max)
        if release._audience.role == role:
            raise RuntimeError("this release fails for the test")
        return more

    patched.setattr(Release, "go_on", failing)


def break_beginning(patched: pytest.MonkeyPatch, role: Role) -> None:
    """Let a release fail for a role before it has begun."""
    begin = Release.__init__

    def failing(
        release: Release, audience: Audience, state: ContestState, change: Change, chain: bytes, absent: Iterable[Key]
    ) -> None:
        if audience.role == role:
            raise RuntimeError("this release does not begin for the test")
        begin(release, audience, state, change, chain, absent)

    patched.setattr(Release, "__init__", failing)


@pytest.mark.parametrize("broken", [break_advance, break_release, break_beginning])
async def test_what_fails_for_one_role_hurts_no_other_and_is_made_anew(
    broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote is answered, the others get all of it, and that role gets what it would have got."""
    store = MemoryStore()
    contest = await frozen_contest(store)
    onlooker = Onlooker(contest)
    await onlooker.look()
    followed = {reader.role: await contest.feed(reader.role) for reader in READERS}
    with monkeypatch.context() as patched, capture_logs() as logs:
        broken(patched, "judge")
        await transact(contest, [*THAW, *LATER])
    assert {(entry["event"], entry.get("role")) for entry in logs} == {("audience_given_up", "judge")}
    assert {role for role, lines in followed.items() if lines.abandoned} == {"judge"}
    assert judged_for(contest, JUDGE) == SUBMISSIONS
    assert contest.audience("judge").shown == Audience.of_state("judge", contest.state).shown
    await onlooker.look()
    assert judged_for(contest, READERS[0]) == SUBMISSIONS
    again = LiveContest(CONTEST_ID, store, TOKENS)
    await again.catch_up()
    for reader in READERS:
        assert whole(await contest.feed(reader.role)) == whole(await again.feed(reader.role))
    told = whole(followed["judge"])
    assert whole(await contest.feed("judge")).startswith(told)


async def test_lines_that_get_no_tokens_are_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    contest = await frozen_contest(store)
    public, judge = await contest.feed("public"), await contest.feed("judge")
    flush = FeedLines.flush

    def failing(lines: FeedLines) -> None:
        if lines is judge:
            raise RuntimeError("these lines fail for the test")
        flush(lines)

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(FeedLines, "flush", failing)
        await transact(contest, [*LATER])
    assert [entry["event"] for entry in logs] == ["audience_given_up"]
    assert (public.abandoned, judge.abandoned) == (False, True)
    assert await contest.feed("public") is public
    assert len(whole(await contest.feed("judge"))) > len(whole(judge))


async def test_no_checkpoint_is_made_of_an_audience_that_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    store, stream = MemoryStore(), stream_of(CONTEST_ID)
    await frozen_contest(store)
    await make_checkpoint(store, CONTEST_ID, TOKENS, ["judge"])
    before = await held_checkpoint(store, stream, TOKENS)
    await write(store, CONTEST_ID, THAW)
    with monkeypatch.context() as patched:
        break_release(patched, "judge")
        with pytest.raises(Unpackable, match="the feeds of judge"):
            await make_checkpoint(store, CONTEST_ID, TOKENS)
    assert await held_checkpoint(store, stream, TOKENS) == before
    await make_checkpoint(store, CONTEST_ID, TOKENS)
    after = await held_checkpoint(store, stream, TOKENS)
    assert before is not None
    assert after is not None
    assert (after.roles, after.position) == (before.roles, before.position + len(THAW))


async def test_who_follows_a_feed_that_is_given_up_goes_on_in_another(
    fresh: Running, fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream comes to a proper end, and behind its last token comes what was missing; others notice nothing."""
    judge, public = fresh.caller(login("small", "judge")), fresh.caller()
    last = token_of((await judge.lines(FEED))[-1])
    last_public = token_of((await public.lines(FEED))[-1])
    async with (
        opened(fresh_dsn) as store,
        judge.stream(f"{FEED}?since_token={last}") as followed,
        public.stream(f"{FEED}?since_token={last_public}") as other,
    ):
        assert await followed.line() == b""
        with monkeypatch.context() as patched:
            break_advance(patched, "judge")
            await append(store, "small", altered(small_contest(), "teams", "t1", label="100"))
            async with asyncio.timeout(DEADLINE_S):
                await followed.to_its_end()
        assert (await other.notification())["data"]["label"] == "100"
        async with judge.stream(f"{FEED}?since_token={last}") as anew:
            assert (await anew.notification())["data"]["label"] == "100"
            await append(store, "small", altered(small_contest(), "teams", "t1", label="101"))
            assert (await anew.notification())["data"]["label"] == "101"
        assert (await other.notification())["data"]["label"] == "101"


async def test_a_role_for_which_it_fails_again_is_told_so_and_the_others_are_served(
    fresh: Running, fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it works again."""
    judge, public, team = fresh.caller(login("small", "judge")), fresh.caller(), "contests/small/teams/t1"
    assert (await judge.get(f"{FEED}?stream=false")).status == 200
    async with opened(fresh_dsn) as store:
        with monkeypatch.context() as patched:
            break_advance(patched, "judge")
            break_view(patched, "judge")
            await append(store, "small", altered(small_contest(), "teams", "t1", label="100"))
            for path in (team, f"{FEED}?stream=false"):
                answer = await judge.get(path)
                check_error(answer.status, answer.body, answer.headers["Content-Type"], 500)
            assert (await public.json(team))["label"] == "100"
        assert (await judge.json(team))["label"] == "100"
        assert json.loads((await judge.lines(FEED))[-1])["data"]["label"] == "100"
