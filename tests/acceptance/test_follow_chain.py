"""A recorded feed on a server that fails in every way, followed by ours, which is followed by a second of ours.

Both must answer everything as a server does into which the feed was imported. `CHAIN=long` tries every recording, with
several seeds, with every fault and without tokens (`make chain`).
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from cds.upstream.describing import source_options
from cds.upstream.options import SourceOptions
from cds.upstream.patience import Patience
from tests.acceptance.chain import SERVER_LOGINS, Answers, answers, until_followed, until_same, without
from tests.acceptance.chain_contests import RECORDED, Chained, recorded, simulated
from tests.cds.contest_api.real_contests import DATA
from tests.cds.contest_api.serving import SERVER_ADMIN, Login, Running, cloned_database, fill, running
from tests.upstream_server.bad_line import BadLine
from tests.upstream_server.faults import CutPlace, Ending, Faults
from tests.upstream_server.server import serving_upstream

LONG = os.environ.get("CHAIN") == "long"
UPSTREAM_LOGIN: Login = ("shadow", "a password: with a colon")
LITTLE = Patience(pause_s=0.02, pause_s_max=0.2, silence_s_max=1.5, quiet_s=0.2, quiet_anew_s=0.5)

RICH = Faults(
    cut_every=200,
    doubled=0.02,
    sent_again=0.02,
    blank=0.02,
    odd=0.01,
    overlap=2,
    refusals={2: 401, 4: 500, 5: 400, 7: 503},
    hangs=frozenset({6}),
    trickles=frozenset({3}),
)
"""Everything that can go wrong with a feed."""

BETWEEN_OURS = Faults(cut_every=200, refusals={2: 400, 4: 502, 6: 400}, endings=(Ending.CLOSED, Ending.RESET), seed=2)
"""What can go wrong on the way from one of our servers to the next."""

FEW_LINES = 1_000
CUTS = 12
"""So often a feed of few lines is cut, so that it is cut at every kind of place."""

ENDED_PROPERLY = ("swerc",) if LONG else ("csus",)
"""Of these every answer that is cut ends as if it were all, as behind a proxy with a limit of time."""

SOME = ("simulated", "csus")
"""What is followed by default: a simulated contest with files, and a recorded one that is not long."""

CAMPAIGN = tuple((contest_id, seed) for contest_id in ("simulated", *RECORDED) for seed in range(1, 4))


def chained(contest_id: str, room: Path, *, whole: bool = LONG) -> Chained:
    """A contest by its id, a recorded one `whole` or without the files of its submissions. Skips what is not there."""
    if contest_id == "simulated":
        return simulated(room)
    if not (DATA / RECORDED[contest_id]).is_file():
        pytest.skip(f"needs ../shared/data/{RECORDED[contest_id]}")
    return recorded(contest_id, room, whole=whole)


def source(url: str, contest_id: str, login: Login) -> SourceOptions:
    """Who is followed, with little patience."""
    username, password = login
    return source_options(url, contest_id=contest_id, username=username, password=password, patience=LITTLE)


@asynccontextmanager
async def follower(template_dsn: str, options: SourceOptions) -> AsyncIterator[Running]:
    """A server that knows nothing but whom to follow."""
    async with cloned_database(template_dsn) as dsn:
        await fill(dsn, ())
        async with running(dsn, sources=(options,)) as server:
            yield server


async def expected_answers(template_dsn: str, contest: Chained, logins: tuple[Login | None, ...]) -> Answers:
    """What a server answers into which the contest was imported."""
    async with cloned_database(template_dsn) as dsn:
        await fill(dsn, [contest.contents])
        async with running(dsn) as server:
            return await answers(server.caller, contest.contest_id, logins)


async def check_chain(template_dsn: str, contest: Chained, first_faults: Faults, second_faults: Faults) -> None:
    """Follow twice in a row, and compare both with the import."""
    contest_id, every_login = contest.contest_id, SERVER_LOGINS + contest.team_logins
    of_second = SERVER_LOGINS if LONG or len(contest.recording.lines) <= FEW_LINES else (None, SERVER_ADMIN)
    expected = await expected_answers(template_dsn, contest, every_login)
    async with (
        serving_upstream(contest.recording, first_faults, login=UPSTREAM_LOGIN) as upstream,
        follower(template_dsn, source(upstream.url, contest_id, UPSTREAM_LOGIN)) as first,
        BadLine(first.root, second_faults).open() as line,
        follower(template_dsn, source(line.url(contest_id), contest_id, SERVER_ADMIN)) as second,
    ):
        await until_followed(first.of_role("admin"), contest_id, len(set(contest.recording.lines)))
        await until_same(first.caller, expected, contest_id, every_login)
        lines = await first.of_role("admin").lines(f"contests/{contest_id}/event-feed")
        await until_followed(second.of_role("admin"), contest_id, len(lines))
        # Passwords are told to nobody, so the second server knows no team.
        left_out = tuple(login for login in every_login if login is not None and login not in of_second)
        await until_same(second.caller, without(expected, left_out), contest_id, of_second)
        happened, happened_between = upstream.fate.happened, line.fate.happened
    ascii_only = all(line.isascii() for line in contest.recording.lines)
    places = [place for place in CutPlace if place is not CutPlace.WITHIN_CHARACTER or not ascii_only]
    by_chance = BY_CHANCE if len(contest.recording.lines) > FEW_LINES // 10 else ()
    for fault in (*CERTAIN, *by_chance, *(f"cut {place}" for place in places)):
        assert happened[fault], (fault, happened)
    assert happened_between["refused with 400"] == 2, happened_between
    assert upstream.strangers == 0


CERTAIN = (*(f"refused with {status}" for status in (400, 401, 500, 503)), "hung", "trickled")
BY_CHANCE = ("doubled", "sent again", "blank", "odd")
"""What befalls some lines of many."""

WITHOUT_OPERATIONS = tuple(contest_id for contest_id in RECORDED if contest_id not in ("csus", "csus-merged", "pc2"))
"""Recordings of the versions in which an event without a token has nothing else to resume by."""


def often_enough(faults: Faults, contest: Chained) -> Faults:
    """The same faults, with more cuts where there are few lines."""
    lines = len(contest.recording.lines)
    return faults if lines > FEW_LINES else msgspec.structs.replace(faults, cut_every=max(lines // CUTS, 2))


@pytest.mark.parametrize(("contest_id", "seed"), CAMPAIGN if LONG else [(contest_id, 0) for contest_id in SOME])
async def test_both_servers_of_a_chain_answer_as_after_an_import(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str, seed: int
) -> None:
    """Cut every 200 lines at every kind of place, with repeated, doubled and odd lines, refusals and silence.

    With another seed other lines are doubled, and the connection is cut in other ways at the same lines.
    """
    contest = chained(contest_id, tmp_path)
    endings = (Ending.PROPER,) if contest_id in ENDED_PROPERLY else RICH.endings
    first = msgspec.structs.replace(RICH, seed=seed, places=turned(RICH.places, seed), endings=endings)
    second = msgspec.structs.replace(BETWEEN_OURS, seed=100 + seed)
    await check_chain(postgres_dsn_template, contest, often_enough(first, contest), often_enough(second, contest))


def turned(places: tuple[CutPlace, ...], by: int) -> tuple[CutPlace, ...]:
    """The same places, beginning with another."""
    return places[by % len(places) :] + places[: by % len(places)]


@pytest.mark.parametrize("contest_id", ["simulated", *(WITHOUT_OPERATIONS if LONG else ())])
async def test_an_upstream_whose_feed_cannot_be_resumed_is_followed_too(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str
) -> None:
    """It begins from its beginning each time; nothing is doubled by that."""
    contest = chained(contest_id, tmp_path)
    recording = contest.recording.without_places()
    every = max(len(recording.lines) // 8, 2)
    faults = Faults(cut_every=every, blank=0.05, refusals={3: 500}, hangs=frozenset({4}))
    expected = await expected_answers(postgres_dsn_template, contest, SERVER_LOGINS)
    async with (
        serving_upstream(recording, faults) as upstream,
        follower(postgres_dsn_template, source(upstream.url, contest.contest_id, UPSTREAM_LOGIN)) as first,
    ):
        await until_followed(first.of_role("admin"), contest.contest_id, len(recording.lines))
        await until_same(first.caller, expected, contest.contest_id, SERVER_LOGINS)
    assert sum(count for name, count in upstream.fate.happened.items() if name.startswith("cut ")) >= 7
    assert all(not {"since_token", "since_id"} & asked.keys() for asked in upstream.asked)
