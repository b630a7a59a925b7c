"""Contests of any length, and the chart; no figure is judged here."""

from pathlib import Path

from cds.live_contest import LiveContest, stream_of
from eventstore.postgres import PostgresStore
from projections.tokens import KEY_BYTES, TokenMaker
from tests.benchmarks.grown_contest import CONTEST_ID, write_grown_contest
from tests.benchmarks.growth import PER_CHANGE, PER_EVENT, Costs, draw

EVENTS = 20_011
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


async def test_a_contest_has_exactly_as_many_events_as_asked_for(store: PostgresStore, database_dsn: str) -> None:
    """And is one that runs: every object names what is there."""
    await write_grown_contest(database_dsn, EVENTS)
    assert (await store.head(stream_of(CONTEST_ID))).position == EVENTS
    contest = LiveContest(CONTEST_ID, store, TokenMaker(bytes(KEY_BYTES)))
    await contest.catch_up()
    assert sum(len(members) for members in contest.state.objects.values()) == EVENTS
    assert len(contest.audience("public").shown["runs"]) > EVENTS // 4
    assert not contest.state.ended_updates


def test_the_chart_is_drawn(tmp_path: Path) -> None:
    """With a line for everything that is measured."""
    took_us = dict.fromkeys((*PER_EVENT, *PER_CHANGE), 1.0)
    draw([Costs(events=events, took_us=took_us) for events in (10, 100)], tmp_path / "docs" / "growth.png")
    assert (tmp_path / "docs" / "growth.png").read_bytes().startswith(PNG_SIGNATURE)
