"""`cds log`: what happened in a stream, told to people and to programs."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from cds.cli import main
from cds.past import reading
from eventstore.postgres import PostgresStore
from eventstore.store import Append, NewEvent
from schemas.times import parse_time_ms

START = "2031-05-17T08:00:00.000Z"
START_MS = parse_time_ms(START)
CONTEST = {
    "id": "finals",
    "name": "Finals",
    "start_time": START,
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
SUBMISSION = {
    "language_id": "cpp",
    "problem_id": "p",
    "team_id": "t1",
    "time": "2031-05-17T09:00:00.000Z",
    "contest_time": "1:00:00.000",
}
TEAM = {"id": "t1", "name": "One", "ext": {"cms": {"hidden": False}}}


def new(type: str, id: str, data: object) -> NewEvent:
    """An event."""
    return NewEvent(type=type, id=id, data=None if data is None else json.dumps(data).encode())


async def write(store: PostgresStore, stream: str, minutes: float, *events: NewEvent, actor: str, cause: str) -> None:
    """Append at a contest time in minutes."""
    head = await store.append(
        Append(
            stream=stream,
            expected_position=(await store.head(stream)).position,
            events=events,
            actor=actor,
            cause=cause,
            batch_id=uuid4(),
            recorded_at_us=(START_MS + round(minutes * 60_000)) * 1_000,
        )
    )
    assert head is not None


@pytest.fixture
async def history(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """A contest in which a few things happened, read in pages of two; and a stream that is none."""
    monkeypatch.setattr(reading, "PAGE_EVENTS", 2)
    monkeypatch.setattr("cds.past.history.PAGE_EVENTS", 2)
    stream = "contest:finals"
    await write(store, stream, -60, new("contest", "", CONTEST), new("teams", "t1", TEAM), actor="root", cause="set up")
    renamed = TEAM | {"name": "Eins", "label": "1", "ext": {"cms": {"hidden": True}}}
    await write(
        store, stream, 10, new("teams", "t1", renamed), new("teams", "t2", {"id": "t2"}), actor="chief", cause=""
    )
    await write(store, stream, 20, new("x-audit", "a1", {"by": "root", "for": "t1"}), actor="root", cause="cms")
    await write(store, stream, 30, new("teams", "t2", None), actor="chief", cause="DELETE teams/t2")
    await write(
        store, stream, 40, new("teams", "t2", {"id": "t2", "name": "\x1b[31mred\u202e"}), actor="e\x07vil", cause=""
    )
    await write(store, "users", 1, new("users", "u1", {"handle": "anna"}), actor="system", cause="sign up")
    return store


async def told(dsn: str, *arguments: str) -> Result:
    """The command, whatever it comes to."""
    environment = {"CDS_DATABASE_URL": dsn}
    return await asyncio.to_thread(CliRunner().invoke, main, ["log", *arguments], env=environment)


async def lines(dsn: str, *arguments: str) -> list[Any]:
    """What the command tells as JSON."""
    result = await told(dsn, *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


async def positions(dsn: str, *arguments: str) -> list[int]:
    """Of which events the command tells."""
    return [each["position"] for each in await lines(dsn, "finals", *arguments)]


@pytest.mark.usefixtures("history")
async def test_every_event_says_when_who_why_what_and_how_it_differs(database_dsn: str) -> None:
    every = await lines(database_dsn, "finals")
    assert [each["position"] for each in every] == [1, 2, 3, 4, 5, 6, 7]
    assert [each["what"] for each in every] == ["created"] * 2 + ["changed"] + ["created"] * 2 + ["deleted", "created"]
    assert every[2] == {
        "position": 3,
        "time": "2031-05-17T08:10:00.000Z",
        "contest_time": "0:10:00.000",
        "actor": "chief",
        "cause": "",
        "what": "changed",
        "type": "teams",
        "id": "t1",
        "changes": [
            {"path": "name", "old": "One", "new": "Eins"},
            {"path": "ext.cms.hidden", "old": False, "new": True},
            {"path": "label", "new": "1"},
        ],
    }
    assert (every[0]["contest_time"], every[0]["id"]) == ("-1:00:00.000", None)
    assert every[5]["changes"] == [{"path": "id", "old": "t2"}]
    assert every[6]["changes"][1] == {"path": "name", "new": "\x1b[31mred\u202e"}


@pytest.mark.usefixtures("history")
async def test_what_is_told_can_be_chosen(database_dsn: str) -> None:
    for chosen, expected in (
        (("--type", "teams"), [2, 3, 4, 6, 7]),
        (("--type", "contest", "--type", "x-audit"), [1, 5]),
        (("--id", "t2"), [4, 6, 7]),
        (("--actor", "root"), [1, 2, 5]),
        (("--since", "0:10:00"), [3, 4, 5, 6, 7]),
        (("--until", "0:10:00"), [1, 2, 3, 4]),
        (("--since", "0:10:00.001", "--until", "2031-05-17T08:30:00Z"), [5, 6]),
        (("--limit", "2"), [6, 7]),
        (("--limit", "5", "--type", "teams", "--actor", "chief"), [3, 4, 6]),
        (("--since", "4:00:00"), []),
    ):
        assert await positions(database_dsn, *chosen) == expected, chosen


@pytest.mark.usefixtures("history")
async def test_what_was_before_is_known_where_it_is_not_told_of(database_dsn: str) -> None:
    (only,) = await lines(database_dsn, "finals", "--id", "t1", "--since", "0:00:00")
    assert only["changes"][0] == {"path": "name", "old": "One", "new": "Eins"}


@pytest.mark.usefixtures("history")
async def test_people_read_lines_without_anything_a_terminal_obeys(database_dsn: str) -> None:
    result = await told(database_dsn, "finals", "--since", "0:10:00")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:5] == [
        "3  2031-05-17T08:10:00.000Z  0:10:00.000  chief",
        "  teams t1 changed",
        '    name: "One" → "Eins"',
        "    ext.cms.hidden: false → true",
        '    label: "1"',
    ]
    assert "  teams t2 deleted\n" in result.stdout
    assert "e\\u0007vil" in result.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
    coloured = await asyncio.to_thread(
        CliRunner().invoke, main, ["log", "finals"], env={"CDS_DATABASE_URL": database_dsn}, color=True
    )
    assert '\x1b[31m"One"\x1b[0m → \x1b[32m"Eins"\x1b[0m' in coloured.stdout


@pytest.mark.usefixtures("history")
async def test_streams_outside_contests_are_told_by_name(database_dsn: str) -> None:
    (user,) = await lines(database_dsn, "users")
    assert (user["contest_time"], user["changes"]) == (None, [{"path": "handle", "new": "anna"}])
    assert len(await lines(database_dsn, "contest:finals")) == 7


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "there is no contest nothing, and no stream of that name"),
        (("finals", "--since", "yesterday"), "'yesterday': neither a token"),
        (("finals", "--since", "x" * 34), "is neither a time nor a contest time"),
        (("users", "--since", "1:00:00"), "no start time"),
        (("finals", "--type", "contests"), "nothing is of type contests; a contest has contest, "),
        (("finals", "--type", "x-nothing", "--limit", "3"), "nothing is of type x-nothing"),
    ],
)
async def test_what_cannot_be_told_is_refused_in_one_line(
    database_dsn: str, arguments: tuple[str, ...], says: str
) -> None:
    result = await told(database_dsn, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert result.stderr.startswith("cds: ")
    assert result.stderr.count("\n") == 1


async def test_a_contest_that_is_played_ahead_is_told_by_its_own_times(store: PostgresStore, database_dsn: str) -> None:
    """All is recorded within a minute of the clock, an hour of the contest for each event of it."""
    setting = (new("contest", "", CONTEST), new("teams", "t1", TEAM))
    submissions = [
        new("submissions", f"s{hour}", submission | {"id": f"s{hour}", "time": f"2031-05-17T{8 + hour:02}:00:00.000Z"})
        for hour, submission in enumerate([SUBMISSION] * 4)
    ]
    await write(store, "contest:finals", -10, *setting, *submissions, actor="demo", cause="play")
    told_of = await lines(database_dsn, "finals")
    hours = [each["contest_time"] for each in told_of]
    assert hours == [None, None, *(f"{hour}:00:00.000" for hour in range(4))]
    assert {each["time"] for each in told_of} == {"2031-05-17T07:50:00.000Z"}
    for chosen, expected in (
        (("--since", "1:00:00"), [4, 5, 6]),
        (("--since", "1:00:00.001"), [5, 6]),
        (("--until", "1:59:59"), [1, 2, 3, 4]),
        (("--since", "1:00:00", "--until", "2:00:00"), [4, 5]),
        (("--since", "9:00:00"), []),
        (("--since", "2031-05-17T07:50:00Z"), [1, 2, 3, 4, 5, 6]),
        (("--since", "2031-05-17T09:00:00Z"), []),
    ):
        assert await positions(database_dsn, *chosen) == expected, chosen


async def test_an_event_that_cannot_be_read_is_told_of(store: PostgresStore, database_dsn: str) -> None:
    """Whoever looks for it wants to see it; contest times are those of the clock then."""
    await write(store, "contest:finals", -10, new("contest", "", CONTEST), actor="root", cause="")
    await write(store, "contest:finals", 5, new("submissions", "s1", SUBMISSION | {"id": "s1"}), actor="root", cause="")
    await write(store, "contest:finals", 5, new("submissions", "s2", {"time": 7}), actor="root", cause="")
    await write(store, "contest:finals", 6, new("newer", "n1", {"what": 7}), actor="root", cause="")
    assert [each["contest_time"] for each in await lines(database_dsn, "finals")] == [
        "-0:10:00.000",
        "0:05:00.000",
        "0:05:00.000",
        "0:06:00.000",
    ]
    assert [each["id"] for each in await lines(database_dsn, "finals", "--type", "newer")] == ["n1"]


async def test_where_there_is_no_data_none_is_made(tmp_path: Path) -> None:
    result = await asyncio.to_thread(
        CliRunner().invoke, main, ["log", "finals", "--data-dir", str(tmp_path / "none")], env={}
    )
    assert result.exit_code == 1
    assert "there is no data directory" in result.stderr
    assert not (tmp_path / "none").exists()
