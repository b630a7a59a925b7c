"""`cds replay`: a past contest played again, told to whoever started it.

This module speaks to the person at the command line; it must not hold rules.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import click
import msgspec

from cds.circumstances import SYSTEM
from cds.commands.contest_moments import STATE_MOMENTS, whole_state
from cds.commands.decision import ObjectChange, Refused
from cds.importing import hashed_credentials, put_files
from cds.live_contest import LiveContest, stream_of
from cds.place import Place
from cds.playback.again import Again
from cds.playback.choosing import Chosen, Wanted, chosen
from cds.playback.pacing import Pacing
from cds.playback.player import Player, whenever_ours
from cds.playback.recording import Recording, file_of, recording_of_file, recording_of_log
from cds.playback.schedule import Due, schedule
from cds.playback.source_times import SourceTimes
from cds.progress import Report, shown_progress
from cds.token_keeping import token_maker
from eventstore.store import Credential, EventStore
from schemas.objects import State
from schemas.records import ORDINARY_PACE_PERMILLE, Playback
from schemas.times import format_relative_time, format_time, parse_time_ms

MS_PER_S = 1_000
LINE_EVERY_S = 30.0
"""How often it is said how far a play is, where that makes a line each time."""

WAITING_TOLD_S = 5.0
"""After so long somebody is told that another process plays."""


class Plan(msgspec.Struct, frozen=True):
    """All that is to happen again, and the clocks of then and now."""

    steps: Sequence[Due]
    times: SourceTimes
    pacing: Pacing


async def replay(source: str, contest_id: str | None, wanted: Wanted, place: Place) -> None:
    """Play a contest of the log, or of a package or feed file, until its last change, SIGTERM or SIGINT.

    Raises Refused, SourceRefused and what the store raises.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    playing = asyncio.create_task(_replay(source, contest_id, wanted, place), name="replay")
    stopped = asyncio.create_task(stopping.wait(), name="stop")
    await asyncio.wait((playing, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if playing.done():
        playing.result()
        return
    playing.cancel()
    with suppress(asyncio.CancelledError):
        await playing
    click.echo("interrupted; the same command goes on with it")


async def _replay(source: str, contest_id: str | None, wanted: Wanted, place: Place) -> None:
    file = await asyncio.to_thread(file_of, source)
    with shown_progress() as report:
        read = None if file is None else await recording_of_file(file, report)
        async with place.store(make=read is not None) as store:
            recording = read or await recording_of_log(store, source.removeprefix("contest:"))
            choice = await chosen(store, recording, wanted, contest_id)
            if choice.begun is not None:
                recording = recording.beginning(choice.begun.changes)
            if not any(_shows_course(change) for change in recording.changes):
                raise Refused("the contest has not started, and nothing has happened in it that could be played")
            plan = await asyncio.to_thread(planned, recording, wanted)
            await _play(store, recording, plan, choice, wanted, report)


def planned(recording: Recording, wanted: Wanted) -> Plan:
    """When everything of a recording is to happen again. Raises Refused."""
    times = SourceTimes(recording.changes, recording.pace_permille)
    steps = schedule(recording.changes, times)
    moments_ms = {step.moment_ms for step in steps}
    return Plan(steps, times, Pacing(wanted.pace_permille, times.end_ms, wanted.pause_ms_max, moments_ms))


def _shows_course(change: ObjectChange) -> bool:
    """Whether a change is of a contest that has started; not every source tells of its state."""
    state = change.instance
    return change.type == "submissions" or (isinstance(state, State) and state.started is not None)


def begun_now(recording: Recording, plan: Plan, wanted: Wanted, now_ms: int) -> Playback:
    """A replay that begins now: with its lead before the start, or at the contest time from which it is wanted."""
    if wanted.from_ms is None:
        start_ms = -(-(now_ms + wanted.lead_ms) // MS_PER_S) * MS_PER_S
    else:
        start_ms = now_ms - plan.pacing.after_ms(plan.times.moment_of_contest_time_ms(wanted.from_ms))
    return Playback(
        pace_permille=wanted.pace_permille,
        source=recording.source,
        digest=recording.digest(len(recording.changes)),
        changes=len(recording.changes),
        steps=len(plan.steps),
        start_time=format_time(start_ms),
        begins=None if wanted.from_ms is None else format_relative_time(wanted.from_ms),
        pause_ms_max=wanted.pause_ms_max,
    )


async def _play(
    store: EventStore, recording: Recording, plan: Plan, choice: Chosen, wanted: Wanted, report: Report
) -> None:
    credentials: Sequence[Credential] = ()
    if choice.begun is None:
        await put_files(store, recording.files, report)
        credentials = await hashed_credentials(store, stream_of(choice.contest_id), recording.passwords, report)
    contest = LiveContest(choice.contest_id, store, await token_maker(store), eager_roles=())
    teller = Teller(choice.contest_id, plan, report)
    begun = choice.begun

    async def play() -> None:
        nonlocal begun
        if begun is None:
            # Only now, since it may have taken a moment until the duty was ours.
            begun = begun_now(recording, plan, wanted, SYSTEM.now_us() // 1_000)
        again = Again(choice.contest_id, plan.times, plan.pacing, parse_time_ms(begun.start_time))
        await contest.catch_up()
        teller.introduce(begun, again, contest.state.state, goes_on=choice.begun is not None)
        await Player(store, contest, plan.steps, again, begun, credentials, SYSTEM).play(teller.told)

    waiting = asyncio.create_task(teller.tell_of_waiting(), name="wait")
    try:
        await whenever_ours(store, contest.stream, play)
    finally:
        waiting.cancel()
    click.echo(f"{choice.contest_id}: played to its end, {len(plan.steps)} changes")


def _happened(state: State) -> frozenset[str]:
    return frozenset(name for name in STATE_MOMENTS if getattr(whole_state(state), name))


class Teller:
    """Says what is played and how far it is."""

    def __init__(self, contest_id: str, plan: Plan, report: Report) -> None:
        """Nothing has been said yet."""
        self._is_playing = False
        self._contest_id = contest_id
        self._plan = plan
        self._report = report
        self._reported_s = float("-inf")
        self._said: frozenset[str] = frozenset()

    def introduce(self, playback: Playback, again: Again, state: State | None, *, goes_on: bool) -> None:
        """Say what is going to be played, from when to when; once. What `state` says has happened is known already."""
        if self._is_playing:
            return
        self._said = _happened(state or State())
        self._is_playing = True
        start_ms = parse_time_ms(playback.start_time)
        last_ms = max(start_ms, again.happening_ms(self._plan.steps[-1].moment_ms))
        speed = playback.pace_permille / ORDINARY_PACE_PERMILLE
        click.echo(
            f"{playback.source} {'goes on' if goes_on else 'plays'} as {self._contest_id} at {speed:g} times the speed"
        )
        click.echo(
            f"{len(self._plan.steps)} changes, start {format_time(start_ms)}, last change {format_time(last_ms)}"
        )

    def told(self, batch: Sequence[Due], played: int) -> None:
        """Say how far it is, and every state to which the contest comes."""
        for due in batch:
            if isinstance(due.change.instance, State):
                self._tell_state(due, due.change.instance)
        now_s, total = time.monotonic(), len(self._plan.steps)
        if sys.stderr.isatty() or played == total or now_s - self._reported_s >= LINE_EVERY_S:
            self._reported_s = now_s
            self._report(f"playing {self._contest_id}", played, total)

    async def tell_of_waiting(self) -> None:
        """Say so, when another process plays."""
        await asyncio.sleep(WAITING_TOLD_S)
        if not self._is_playing:
            click.echo(f"{self._contest_id} is played by another process; waiting for it", file=sys.stderr)

    def _tell_state(self, due: Due, state: State) -> None:
        happened = _happened(state)
        new = [name.replace("_", " ") for name in STATE_MOMENTS if name in happened - self._said]
        self._said = happened
        if new:
            contest_time = format_relative_time(self._plan.times.contest_time_ms(due.moment_ms))
            click.echo(f"{contest_time} {', '.join(new)}")
