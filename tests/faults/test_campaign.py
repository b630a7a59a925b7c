"""The parts of the campaign: a seed breaks the same again, the judge sees what is wrong, the proxy does as told."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.cds.contest_api.webhook_receiver import ReceivedCall
from tests.faults.checking import Judge
from tests.faults.insisting import Findings
from tests.faults.outcomes import Outcome, page, read, recovery, write
from tests.faults.performing import recoveries
from tests.faults.processes import children_of, is_alive, signalled
from tests.faults.proxy import Proxy
from tests.faults.readers import Reader
from tests.faults.record import Acknowledged, Record
from tests.faults.schedule import PROXIED, Deployment, Kind, plan, possible

DEPLOYMENTS: tuple[Deployment, ...] = ("one", "group", "embedded", "embedded group")


def test_a_round_follows_from_its_seed_and_number() -> None:
    assert plan(7, 3, 10.0) == plan(7, 3, 10.0)
    assert len({plan(seed, number, 10.0).faults for seed in range(5) for number in range(5)}) == 25


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_only_what_is_there_is_broken_and_all_of_it_in_its_turn(deployment: Deployment) -> None:
    plans = [plan(1, number, 10.0, deployment) for number in range(200)]
    kinds = {fault.kind for each in plans for fault in each.faults}
    assert kinds == {kind for kind in Kind if possible(kind, deployment)}
    assert kinds.isdisjoint(PROXIED) == deployment.startswith("embedded")
    assert all(fault.at_s <= 10.0 for each in plans for fault in each.faults)


def test_the_final_act_begins_with_each_kind_once() -> None:
    faults = plan(1, 0, 200.0, "group", each_once=True).faults
    assert len({fault.kind for fault in faults[: len(Kind)]}) == len(Kind)


async def test_the_record_is_what_stands_in_the_file(tmp_path: Path) -> None:
    with Record(tmp_path) as record:
        await record.acknowledge("submission", "a", "1")
        await record.acknowledge("submission", "a", "2", {"name": "x"})
        expected = Acknowledged(kind="submission", mark="a", id="2", said={"name": "x"})
        assert record.of("submission") == {"a": expected}
        assert len(record.path.read_bytes().splitlines()) == len(record.moments_s) == 2
    with pytest.raises(FileExistsError):
        Record(tmp_path)


def line(number: int) -> bytes:
    """A line of a feed."""
    said = {"type": "groups", "id": str(number), "data": {"id": str(number)}, "token": f"t{number}"}
    return json.dumps(said).encode()


@pytest.mark.parametrize("wrong", [[0, 2], [0, 1, 1, 2], [1, 0, 2], [0, 1, 2, 3], [0, 1]])
async def test_a_gap_a_line_twice_and_a_step_backwards_are_seen(
    wrong: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.faults.checking.LEVEL_S_MAX", 0.05)
    findings = Findings()
    with Record(tmp_path) as record:
        judge = Judge(record, findings)
        good, bad = (Reader(name=name, role="public", url="", login=None) for name in ("good", "bad"))
        good.lines, bad.lines = [line(n) for n in range(3)], [line(n) for n in wrong]
        await judge.readers([good, bad], {"public": [line(n) for n in range(3)]})
    assert [violation.split()[0] for violation in findings.violations] == ["bad"]


async def test_what_is_lost_twice_or_made_up_is_seen(tmp_path: Path) -> None:
    """One question is lost, one is there twice, one under another id, one nobody asked."""
    findings = Findings()
    with Record(tmp_path) as record:
        for mark in ("lost", "twice", "other", "good"):
            record.ask("clarification", mark)
            await record.acknowledge("clarification", mark, f"id-{mark}")
        texts = {"id-twice": "twice", "x": "twice", "y": "other", "id-good": "good", "z": "made up"}
        members: dict[str | None, object] = {key: {"id": key, "text": text} for key, text in texts.items()}
        groups: dict[str | None, object] = {f"w{n}": {"id": f"w{n}", "name": "0"} for n in (0, 1)}
        view = {"clarifications": members, "groups": groups}
        feed = [
            json.dumps({"type": "clarifications", "id": key, "data": {}, "token": "t"}).encode()
            for key in ("id-twice", "id-good", "id-other", "id-lost")
        ]
        Judge(record, findings).writes(view, feed)
    assert findings.violations == [
        "acknowledged and lost: clarification: 2, such as lost, other",
        "clarification twice: 1, such as twice",
        "clarification: nobody asked for: 1, such as made up",
    ]
    assert (findings.counts["lost"], findings.counts["twice"]) == (2, 1)


@pytest.mark.parametrize(
    ("stretches", "again", "wrong"),
    [
        ([(0, 2), (2, 4)], 0, 0),
        ([(0, 2), (0, 3), (3, 4)], 1, 0),
        ([(0, 1), (1, 2), (0, 4)], 1, 1),
        ([(0, 1), (2, 4)], 0, 1),
    ],
)
async def test_calls_that_are_left_out_or_come_again_are_seen(
    stretches: list[tuple[int, int]], again: int, wrong: int, tmp_path: Path
) -> None:
    tokens = [f"t{n}" for n in range(4)]
    calls = [
        ReceivedCall("/", {}, json.dumps({"notifications": [{"token": t} for t in tokens[a:b]]}).encode(), 204)
        for a, b in stretches
    ]
    findings = Findings()
    with Record(tmp_path) as record:
        assert await Judge(record, findings).called(calls, tokens, "x") == again
    assert len(findings.violations) == wrong


async def test_a_deaf_proxy_swallows_notifications_and_nothing_else(database_dsn: str) -> None:
    host = dict(part.split("=") for part in database_dsn.partition("?")[2].split("&"))["host"]
    name = database_dsn.partition("?")[0].rpartition("/")[2]
    async with Proxy(Path(host) / ".s.PGSQL.5432", speaks_postgres=True) as proxy:
        dsn = f"postgresql://cds@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
        heard: list[object] = []
        listener, speaker = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
        try:
            await listener.add_listener("faults", lambda *said: heard.append(said[-1]))
            for deaf in (True, False):
                proxy.deaf = deaf
                await speaker.execute(f"NOTIFY faults, '{deaf}'")
                assert await listener.fetchval("SELECT repeat('x', 300000)") == "x" * 300_000
            async with asyncio.timeout(20):
                while not heard:
                    await asyncio.sleep(0.01)
            assert (heard, proxy.notifications_lost) == (["False"], 1)
            assert proxy.cut() == 2
            with pytest.raises((ConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError)):
                await speaker.fetchval("SELECT 1")
        finally:
            listener.terminate()
            speaker.terminate()


def test_only_processes_of_our_own_are_ever_touched() -> None:
    """0 would be our own group, and below it stand the first processes of the machine."""
    assert children_of(0) == children_of(1) == []
    assert not signalled(0, signal.SIGSTOP)
    assert not signalled(1, 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children_of(os.getpid())
        assert signalled(child.pid, signal.SIGKILL)
        child.wait()
        assert not is_alive(child.pid)
    assert not signalled(child.pid, signal.SIGKILL)


def test_the_page_tells_what_was_kept(tmp_path: Path) -> None:
    outcomes = [
        Outcome(
            seed=1,
            number=0,
            deployment="group",
            faults={Kind.KILL_SERVER: 2},
            acknowledged=1_234,
            calls=9,
            calls_again=1,
            interruptions=3,
        ),
        Outcome(seed=1, number=1, deployment="one", violations=["x"], counts={"lost": 3}),
        Outcome(seed=1, number=2, deployment="final act", seconds=90.0, interruptions=20),
        Outcome(seed=1, number=3, deployment="tampering", tampered={"files: removed": [5, 4], "rows: moved": [5, 5]}),
    ]
    write(outcomes, tmp_path / "outcomes.ndjson")
    assert read(tmp_path / "outcomes.ndjson") == outcomes
    told = page(outcomes)
    assert "| Writes acknowledged | 1,234 |" in told
    assert "| Acknowledged writes lost | 3 |" in told
    assert "| server killed (SIGKILL) | 2 |" in told
    assert "| two workers, Postgres behind a bad network | 1 |" in told
    assert "five hours" in told
    assert "| Rounds, the final act among them | 3 |" in told
    assert "| Calls that came again after an interruption | 1 |" in told
    assert "| Calls that might come again: one for each webhook and interruption | 6 |" in told
    assert "| Tampering tried | 10 |" in told
    assert "| Tampering found, at its very place | 9 |" in told
    assert "| files: removed | 5 | 4 |" in told


def test_a_recovery_is_measured_where_nothing_else_broke_meanwhile() -> None:
    cut, killed = Kind.CUT_DATABASE, Kind.KILL_POSTGRES
    assert list(recoveries([1.0], [(2.0, cut)], [1.5, 2.01, 2.5, 3.0])) == [(cut, 0.5)]
    assert list(recoveries([1.0, 2.2], [(2.0, cut), (2.3, killed)], [3.0])) == [(killed, 0.7)]
    assert list(recoveries([1.0], [(2.0, cut)], [1.5])) == []
    outcomes = [Outcome(seed=1, number=n, deployment="one", recoveries_s={"x": [n / 2, 2.5]}) for n in (1, 3)]
    assert recovery(outcomes) == [("x", "4", "2.0 s", "2.5 s")]
