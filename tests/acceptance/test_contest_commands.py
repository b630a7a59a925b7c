"""`cds contest …`: a whole contest conducted from the command line, also while a server runs on the same data."""

import asyncio
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds.cli import main
from schemas.objects import ContestObject
from schemas.times import format_time, parse_time_ms
from tests.acceptance.command_line import Outcome, cds, serving
from tests.builders import clarification, setup, submission
from tests.cds.commands.playing import contest
from tests.cds.contest_api.serving import append, opened

CONTEST_ID = "finals"
COMMANDS = ("start", "pause", "resume", "freeze", "end", "thaw", "finalize", "end-updates", "extend", "settings")
HOUR_MS = 3_600_000


class Desk:
    """Where somebody conducts the contest: a directory, and the database."""

    def __init__(self, room: Path, dsn: str) -> None:
        self.room = room
        self.dsn = dsn

    def conduct(self, *arguments: str) -> Outcome:
        """`cds contest …`, whatever it comes to."""
        return cds("contest", *arguments, cwd=self.room, CDS_DATABASE_URL=self.dsn)

    def says(self, command: str, *arguments: str) -> str:
        """What a command that succeeds says."""
        outcome = self.conduct(command, CONTEST_ID, *arguments)
        assert (outcome.code, outcome.reasons) == (0, []), outcome.err
        return outcome.out

    def refuses(self, command: str, *arguments: str) -> str:
        """Why a command is refused."""
        outcome = self.conduct(command, CONTEST_ID, *arguments)
        assert (outcome.code, outcome.out) == (1, "")
        (reason,) = outcome.reasons
        return reason


@pytest.fixture
async def desk(tmp_path: Path, database_dsn: str) -> Desk:
    """A contest of another system, all set up, that is to start in two hours."""
    async with opened(database_dsn) as store:
        start_time = in_ms(2 * HOUR_MS)
        objects = [change.instance for change in setup() if change.type not in ("contest", "awards")]
        furniture = [instance for instance in objects if isinstance(instance, ContestObject)]
        await append(store, CONTEST_ID, contest(start_time=start_time), *furniture)
    return Desk(tmp_path, database_dsn)


def in_ms(ahead_ms: int) -> str:
    """A moment of the machine's own clock."""
    return format_time(time.time_ns() // 1_000_000 + ahead_ms)


async def test_a_whole_contest_is_conducted_from_the_command_line(desk: Desk) -> None:
    """Issue item 5. Each command says in one line what is so now."""
    later = in_ms(3 * HOUR_MS)
    assert desk.says("start", "--at", later) == f"{CONTEST_ID}: not started, starts {later}\n"
    paused = desk.says("pause")
    assert paused.startswith(f"{CONTEST_ID}: not started, countdown paused with 2:59:")
    assert desk.says("resume").startswith(f"{CONTEST_ID}: not started, starts ")
    started = desk.says("start")
    assert started.startswith(f"{CONTEST_ID}: started ")
    assert " of 5:00:00.000, ends " in started
    assert desk.says("freeze").count("frozen ") == 1
    assert "of 5:10:00.000" in desk.says("extend", "+0:10:00")
    assert desk.says("pause").endswith(", paused\n")
    assert ", ends " in desk.says("resume")
    assert "ended " in desk.says("end")
    assert "thawed " in desk.says("thaw")
    assert "finalized " in desk.says("finalize", "--bronzes", "2")
    assert "extra bronzes: 2\n" in desk.says("settings")
    assert "end of updates " in desk.says("end-updates")
    assert "end_of_updates" in desk.refuses("extend", "+0:10:00")
    async with opened(desk.dsn) as store:
        events = [event for event in await store.read(f"contest:{CONTEST_ID}", 0, 1_000) if event.actor != "test"]
    assert {event.actor for event in events} == {"command line", "awards"}
    assert (events[-1].type, events[-1].cause) == ("state", "end updates")


async def test_a_thaw_is_planned(desk: Desk) -> None:
    desk.says("start")
    desk.says("freeze")
    assert "cannot be thawed before" in desk.refuses("thaw", "--at", in_ms(HOUR_MS))
    thaw = in_ms(6 * HOUR_MS)
    assert desk.says("thaw", "--at", thaw).endswith(f", to be thawed {thaw}\n")


async def test_a_start_may_not_be_near(desk: Desk) -> None:
    assert "within 30 s" in desk.refuses("start", "--at", in_ms(10_000))
    assert "not paused" in desk.refuses("resume")


async def test_what_is_open_is_listed_when_a_contest_cannot_be_final(desk: Desk) -> None:
    desk.says("start")
    async with opened(desk.dsn) as store:
        made = submission("s1", "t1", "a", "0:00:00.000")
        await append(store, CONTEST_ID, made, clarification("q1", from_team="t1"))
    desk.says("end")
    reason = desk.refuses("finalize")
    assert reason == (
        "cds: the contest cannot be made final: 1 submission without a judgement: s1; "
        "1 clarification from teams without an answer: q1"
    )


async def test_what_was_due_while_nothing_ran_has_happened_first(desk: Desk) -> None:
    """A command finds the contest as it is by its clock."""
    async with opened(desk.dsn) as store:
        began = in_ms(-6 * HOUR_MS)
        await append(store, CONTEST_ID, contest(start_time=began))
    assert desk.says("settings", "--clock").startswith("clock: on\n")
    said = desk.says("thaw")
    moments = {word: said.split(f"{word} ")[1].split(",")[0].strip() for word in ("started", "frozen", "ended")}
    after_ms = [parse_time_ms(moments[word]) - parse_time_ms(began) for word in ("started", "frozen", "ended")]
    assert after_ms == [0, 4 * HOUR_MS, 5 * HOUR_MS]


async def test_settings_are_shown_and_changed(desk: Desk) -> None:
    shown = desk.says("settings")
    assert [line.partition(":")[0] for line in shown.splitlines()] == [
        "clock",
        "awards",
        "rule",
        "medals",
        "extra bronzes",
        "kinds",
        "exclusive",
        "taken over",
        "webhooks",
    ]
    assert shown.endswith("\nwebhooks: inactive after 1:00:00.000 of failing calls\n")
    given = ("--clock", "--awards", "--rule", "world-finals", "--medals", "3,2,1", "--exclusive", "winner")
    changed = desk.says("settings", *given, "--kinds", "winner", "--kinds", "medals")
    expected = ("clock: on", "awards: on", "rule: world-finals", "medals: 3,2,1", "exclusive: winner")
    assert set(expected) | {"kinds: winner, medals"} <= set(changed.splitlines())
    assert desk.says("settings", "--exclusive", "none") == changed.replace("exclusive: winner", "exclusive: none")
    patient = desk.says("settings", "--webhooks-deactivate-after", "2:30:00")
    assert "webhooks: inactive after 2:30:00.000 of failing calls\n" in patient


async def test_a_running_server_shows_what_the_command_line_did(desk: Desk) -> None:
    """And the commands find what the server's clients did: both decide on the log."""
    async with serving(desk.room, CDS_DATABASE_URL=desk.dsn) as server:
        caller = server.caller(("admin", "secret"))
        started = await asyncio.to_thread(desk.says, "start")
        moment = started.split("started ")[1].split(",")[0]

        async def shown() -> object:
            return (await caller.json(f"contests/{CONTEST_ID}/state")).get("started")

        async with asyncio.timeout(20):
            while await shown() != moment:
                await asyncio.sleep(0.02)


def test_every_command_explains_itself() -> None:
    group = CliRunner().invoke(main, ["contest", "--help"], prog_name="cds")
    for command in COMMANDS:
        assert f"\n  {command} " in group.output
        explained = CliRunner().invoke(main, ["contest", command, "--help"], prog_name="cds")
        assert explained.exit_code == 0
        assert explained.output.startswith(f"Usage: cds contest {command}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("start",),
        ("extend", "finals"),
        ("extend", "finals", "soon"),
        ("finalize", "finals", "--bronzes", "-1"),
        ("settings", "finals", "--medals", "4,4"),
        ("settings", "finals", "--rule", "none"),
        ("settings", "finals", "--kinds", "none", "--kinds", "winner"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["contest", *arguments]).exit_code == 2


async def test_a_contest_that_does_not_exist_is_refused(desk: Desk) -> None:
    outcome = desk.conduct("start", "nowhere")
    assert (outcome.code, outcome.reasons) == (1, ["cds: there is no contest nowhere"])
