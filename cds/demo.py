"""`cds demo`: a server, and a simulated contest that plays live on it at higher speed.

The player is the source of the demo contest, as another contest server would be: it appends what happens when it
happens. Interrupted, it goes on from where the log stands. This module must not know how the contest is made up.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import cast

import click
import structlog

from cds.application import Server, serve
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.configuration import Configuration
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decide, Decision, LiveContest
from cds.passwords import password_hash
from cds.serving import print_address
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters
from cds.simulation.telling import SimulatedChange
from eventstore.store import Credential, EventStore
from schemas.objects import Account, Contest
from schemas.times import format_time

DEMO_ID = "demo"
TICK_S = 0.05
LEAD_S = 10
"""Seconds of contest time before the start at which the demo begins."""

BATCH_CHANGES_MAX = 500
LOGINS_SHOWN = ("team", "judge", "staff", "admin")

log = structlog.get_logger(__name__)


async def run_demo(configuration: Configuration, parameters: SimulationParameters, speed: float) -> None:
    """Serve, and play the demo contest `speed` times as fast as a real one, until SIGTERM."""
    players: set[asyncio.Task[None]] = set()

    async def announce(server: Server) -> None:
        print_address(configuration, server)
        contest, simulated = await _demo_contest(server.service.contests, parameters)
        await _prepare(server.service.store, simulated)
        _print_demo(configuration, server, simulated, speed)
        player = asyncio.create_task(_play(contest, simulated, speed), name="demo")
        player.add_done_callback(_report_end)
        players.add(player)

    try:
        await serve(configuration, announce)
    finally:
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)


async def _demo_contest(contests: Contests, parameters: SimulationParameters) -> tuple[LiveContest, SimulatedContest]:
    """The demo contest to play: one that was interrupted, or a new one."""
    number = 1
    while True:
        contest_id = DEMO_ID if number == 1 else f"{DEMO_ID}-{number}"
        contest = await contests.opened(contest_id)
        if not contest.state.ended_updates:
            break
        number += 1
    begun = contest.state.contest
    start_time = _start_time(begun)
    values = {name: getattr(parameters, name) for name in parameters.__struct_fields__}
    chosen = SimulationParameters(**values | {"contest_id": contest_id, "start_time": start_time, "phase": "finished"})
    return contest, await asyncio.to_thread(simulate, chosen)


def _start_time(begun: Contest | None) -> str:
    """The start of a contest that was begun, else this second."""
    if begun is not None and begun.start_time is not None:
        return begun.start_time
    return format_time(int(time.time()) * 1000)


async def _prepare(store: EventStore, simulated: SimulatedContest) -> None:
    for content in simulated.contents.values():
        await store.put_file(content)


async def _play(contest: LiveContest, simulated: SimulatedContest, speed: float) -> None:
    """Append what happens, when it happens; what the log holds already is skipped."""
    credentials = await _credentials(contest, simulated)
    changes = simulated.timeline()
    moment_ms = -LEAD_S * 1000
    for _ in range(contest.position):
        moment_ms = max(moment_ms, next(changes).moment_ms)
    began_s = time.monotonic() - moment_ms / 1000 / speed
    for batch in _due_batches(changes, speed):
        await asyncio.sleep(max(0.0, began_s + batch[-1].moment_ms / 1000 / speed - time.monotonic()))
        decision = Decision(
            events=encoded_events([ObjectChange(change.type, change.id, change.instance) for change in batch]),
            credentials=credentials,
        )
        await contest.transact(_decided(decision), actor="demo", cause="play", circumstances=SYSTEM)
        credentials = []


def _decided(decision: Decision) -> Decide:
    """A decision that does not depend on the state: the player is the only one who writes."""
    return lambda _state: decision


async def _credentials(contest: LiveContest, simulated: SimulatedContest) -> list[Credential]:
    """The accounts' password hashes, for a contest that has not begun."""
    if contest.position:
        return []
    return [
        Credential(
            scope=contest.stream,
            account_id=account_id,
            password_hash=await asyncio.to_thread(password_hash, password),
        )
        for account_id, password in simulated.passwords.items()
    ]


def _due_batches(changes: Iterator[SimulatedChange], speed: float) -> Iterator[list[SimulatedChange]]:
    """The changes in batches of those that fall into one tick."""
    batch: list[SimulatedChange] = []
    for change in changes:
        new_tick = batch and (change.moment_ms - batch[0].moment_ms) / 1000 / speed > TICK_S
        if new_tick or len(batch) >= BATCH_CHANGES_MAX:
            yield batch
            batch = []
        batch.append(change)
    if batch:
        yield batch


def _print_demo(configuration: Configuration, server: Server, simulated: SimulatedContest, speed: float) -> None:
    address = f"http://{configuration.host}:{server.port}/api/contests/{simulated.contest_id}"
    click.echo(f"contest {simulated.contest_id} plays at {speed:g} times the speed:")
    click.echo(f"  scoreboard at http://{configuration.host}:{server.port}/contests/{simulated.contest_id}")
    click.echo(f"  curl {address}/scoreboard")
    click.echo(f"  curl -N {address}/event-feed")
    accounts = {account.type: account for account in cast("Sequence[Account]", simulated.objects["accounts"])}
    for account_type in LOGINS_SHOWN:
        account = accounts.get(account_type)
        if account is not None:
            click.echo(f"  login as {account_type}: {account.username} / {simulated.passwords[account.id]}")


def _report_end(player: asyncio.Task[None]) -> None:
    if player.cancelled():
        return
    exception = player.exception()
    if exception is not None:
        log.error("demo_failed", exc_info=exception)
    else:
        log.info("demo_ended")
