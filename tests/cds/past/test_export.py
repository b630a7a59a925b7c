"""`cds export --at`: the package as it would have been written then."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds.cli import main
from cds.commands.decision import ObjectChange
from cds.exporting import EXPORT_ROLE
from cds.live_contest import LiveContest, stream_of
from cds.packages.reading import read_contest
from cds.past.contest_then import ContestThen
from cds.past.states import Moment
from cds.token_keeping import token_maker
from cds.transfer import export_contest
from cds.view_names import view_name
from eventstore.postgres import PostgresStore
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import TokenMaker, block
from schemas.objects import State
from schemas.times import format_time
from schemas.viewers import Role, Viewer
from tests.appended_changes import append_changes
from tests.builders import START, put, small_contest
from tests.cds.contest_api.test_past_contest_times import HAPPENED, SETTING
from tests.independent_fold import fold, notifications

CONTEST_ID = "contest"
CHANGES = [*small_contest(), *put(State(started=START))]


async def write(store: PostgresStore, changes: Sequence[ObjectChange]) -> None:
    """Append to the contest, now."""
    await append_changes(store, stream_of(CONTEST_ID), changes, recorded_at_us=time.time_ns() // 1_000)


async def exported(dsn: str, room: Path, at: str | None) -> dict[str, bytes]:
    """The files of a package."""
    await export_contest(CONTEST_ID, room, credentials=False, data_dir=room, database_url=dsn, at=at)
    return {str(file.relative_to(room)): file.read_bytes() for file in sorted(room.rglob("*")) if file.is_file()}


def objects(files: dict[str, bytes]) -> dict[str, object]:
    """The objects of a package by the names of its documents."""
    beside = ("api.json", "scoreboard.json")
    return {
        name: json.loads(content) for name, content in files.items() if name.endswith(".json") and name not in beside
    }


async def lines_of(contest: LiveContest, role: Role, tokens: TokenMaker) -> list[bytes]:
    """All lines of the feed of a role."""
    await contest.catch_up()
    tag = tokens.tag(view_name(contest, Viewer(role=role)), ALL_TYPES_MASK)
    lines, sequence, feed = await contest.feed(role), 0, b""
    while (chunk := lines.after(sequence, tag)) is not None:
        sequence, feed = chunk.sequence, feed + chunk.data
    return feed.splitlines(keepends=True)


def token_of(tokens: TokenMaker, view: str, position: int, chain: bytes) -> str:
    """The token of the first line of an event."""
    return (tokens.places(block(position, 0, chain))[0] + tokens.tag(view, ALL_TYPES_MASK)).decode()


async def in_command(dsn: str, room: Path, *arguments: str) -> Result:
    """`cds export`, whatever it comes to."""
    return await asyncio.to_thread(
        CliRunner().invoke, main, ["export", *arguments], env={"CDS_DATABASE_URL": dsn, "CDS_DATA_DIR": str(room)}
    )


async def test_at_a_time_is_what_was_exported_then(store: PostgresStore, database_dsn: str, tmp_path: Path) -> None:
    await write(store, CHANGES[:40])
    then = await exported(database_dsn, tmp_path / "then", None)
    between_ms = time.time_ns() // 1_000_000 + 1
    await asyncio.sleep(0.005)
    await write(store, CHANGES[40:])
    now = await exported(database_dsn, tmp_path / "now", None)
    assert now != then
    assert await exported(database_dsn, tmp_path / "again", format_time(between_ms)) == then
    assert await exported(database_dsn, tmp_path / "present", format_time(time.time_ns() // 1_000_000)) == now
    assert read_contest(tmp_path / "again").changes == read_contest(tmp_path / "then").changes


async def test_at_a_token_is_the_feed_up_to_its_line(store: PostgresStore, database_dsn: str, tmp_path: Path) -> None:
    await write(store, CHANGES)
    tokens = await token_maker(store)
    contest = LiveContest(CONTEST_ID, store, tokens)
    every = await lines_of(contest, EXPORT_ROLE, tokens)
    for number in (10, len(every) // 2, len(every) - 3, len(every) - 1):
        (line,) = notifications(every[number])
        files = await exported(database_dsn, tmp_path / str(number), line["token"])
        assert files["event-feed.ndjson"] == b"".join(every[: number + 1])
        folded = fold(files["event-feed.ndjson"])
        found = {
            name: {each["id"]: each for each in told} for name, told in objects(files).items() if isinstance(told, list)
        }
        assert {f"{name}.json": members for name, members in folded.items() if f"{name}.json" in found} == found


async def test_within_an_event_of_many_lines_it_ends_with_the_one_that_is_asked_for(store: PostgresStore) -> None:
    """No event has more than one line for an administrator; for the public a start that is taken back has."""
    changes = [*CHANGES, *put(State(started=None))]
    await write(store, changes)
    tokens = await token_maker(store)
    role: Role = "public"
    contest = LiveContest(CONTEST_ID, store, tokens)
    every, view = await lines_of(contest, role, tokens), view_name(contest, Viewer(role=role))
    places = [tokens.read(notifications(line)[0]["token"], view, 0) for line in every]
    within = [number for number, place in enumerate(places) if place.position == len(changes)]
    assert len(within) > 2
    for number in within:
        then = ContestThen(CONTEST_ID, store, tokens, role, Moment(places[number].position, places[number].index))
        assert await lines_of(then, role, tokens) == every[: number + 1]


async def test_contest_times_count_by_what_the_log_says_where_it_was_not_recorded_then(
    store: PostgresStore, database_dsn: str, tmp_path: Path
) -> None:
    """As of a demo: all of it is recorded now, and happens in years."""
    await write(store, put(*SETTING, *HAPPENED))
    for at, submissions, judgements in (("1:00:59", 1, 0), ("1:30:00", 1, 1), ("5:00:00", 2, 2)):
        files = await exported(database_dsn, tmp_path / at, at)
        assert len(json.loads(files.get("submissions.json", b"[]"))) == submissions, at
        assert len(json.loads(files.get("judgements.json", b"[]"))) == judgements, at
    result = await in_command(database_dsn, tmp_path, CONTEST_ID, str(tmp_path / "package"), "--at", "5:00:01")
    assert "still to come" in result.stderr


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("yesterday", "neither a token of the feed, nor a time"),
        ("1999-01-01T00:00:00Z", "nothing was known of the contest yet"),
        ("2999-01-01T00:00:00Z", "still to come"),
        ("x" * 34, "the token is not a token"),
    ],
)
async def test_what_is_no_moment_is_refused(
    store: PostgresStore, database_dsn: str, tmp_path: Path, at: str, says: str
) -> None:
    await write(store, CHANGES)
    result = await in_command(database_dsn, tmp_path, CONTEST_ID, str(tmp_path / "package"), "--at", at)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert not (tmp_path / "package").exists()


async def test_a_token_of_another_log_is_refused(store: PostgresStore, database_dsn: str, tmp_path: Path) -> None:
    """As after a restore from an older backup: of the same contest and key, but of events that are not there."""
    await write(store, CHANGES)
    tokens = await token_maker(store)
    contest = LiveContest(CONTEST_ID, store, tokens)
    await contest.catch_up()
    view = view_name(contest, Viewer(role=EXPORT_ROLE))
    (event,) = await store.read(contest.stream, 19, 1)
    for position, chain in ((20, bytes(32)), (21, event.chain), (len(CHANGES) + 1, event.chain)):
        token = token_of(tokens, view, position, chain)
        result = await in_command(database_dsn, tmp_path, CONTEST_ID, str(tmp_path / "package"), "--at", token)
        assert (result.exit_code, result.stderr) == (1, f"cds: {token!r}: the token is not of this log\n")
    token = token_of(tokens, view, 20, event.chain)
    result = await in_command(database_dsn, tmp_path, CONTEST_ID, str(tmp_path / "package"), "--at", token)
    assert result.exit_code == 0


@pytest.mark.usefixtures("store")
async def test_a_contest_that_is_not_there_has_no_past(database_dsn: str, tmp_path: Path) -> None:
    result = await in_command(database_dsn, tmp_path, "nothing", str(tmp_path / "package"), "--at", "0:00:00")
    assert (result.exit_code, result.stderr) == (1, "cds: there is no contest nothing\n")
