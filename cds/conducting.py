"""The commands that conduct a contest: they decide on the log itself, also while servers run on the same data.

This module speaks to the person at the command line; it must not hold rules.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import click

from cds.award_keeping import AwardKeeper
from cds.circumstances import SYSTEM
from cds.commands.contest_clock import decide_duration, decide_start_time, decide_thaw_time
from cds.commands.contest_moments import STATE_MOMENTS, wall_clock_ms, whole_state, written
from cds.commands.contest_settings import SettingsPatch, decide_settings
from cds.commands.contest_state import StatePatch, decide_pause, decide_resume, decide_state
from cds.commands.decision import ObjectChange, Refused
from cds.contest_clock import settle_contest
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest
from cds.place import Place
from cds.token_keeping import token_maker
from projections.contest import ContestState
from schemas.objects import Contest
from schemas.records import ORDINARY_PACE_PERMILLE, Settings
from schemas.times import format_relative_time, parse_relative_time_ms

ACTOR = "command line"
SAID = {True: "on", False: "off"}

Conduct = Callable[[ContestState, int], Sequence[ObjectChange]]
"""A decision: the state of the contest, and the present moment in milliseconds since the epoch."""


@asynccontextmanager
async def desk_at(place: Place, contest_id: str) -> AsyncIterator["Desk"]:
    """The desk from which a contest is conducted. Raises Refused when there is none."""
    async with place.contest(contest_id) as (store, contest):
        desk = Desk(contest, AwardKeeper(Contests(store, await token_maker(store)), SYSTEM))
        await desk.settle()
        yield desk


class Desk:
    """A contest, level with the log; what follows from the clock and from a command is written before it closes."""

    def __init__(self, contest: LiveContest, awards: AwardKeeper) -> None:
        """The desk of this contest."""
        self.contest = contest
        self._awards = awards

    async def carry_out(self, cause: str, decide: Conduct) -> None:
        """Append what is decided, then what follows from it. Raises Refused."""

        def decided(state: ContestState) -> Decision:
            return Decision(events=encoded_events(decide(state, SYSTEM.now_us() // 1_000)))

        await self.contest.transact(decided, actor=ACTOR, cause=cause, circumstances=SYSTEM)
        await self.settle()

    async def settle(self) -> None:
        """Let the clock do what is due, and the awards follow: the last ones before the updates end too."""
        await settle_contest(self.contest, SYSTEM)
        await self._awards.settle(self.contest)


async def start(place: Place, contest_id: str, at: str | None) -> None:
    """Start now, or set the start time."""
    if at is None:
        await _conduct(place, contest_id, "start", _patched(StatePatch(started="now")))
    else:
        await _conduct(place, contest_id, "start", lambda state, now_ms: decide_start_time(state, at, None, now_ms))


async def pause(place: Place, contest_id: str) -> None:
    """Pause the countdown or the contest."""
    await _conduct(place, contest_id, "pause", decide_pause)


async def resume(place: Place, contest_id: str) -> None:
    """Let the countdown or the contest go on."""
    await _conduct(place, contest_id, "resume", decide_resume)


async def freeze(place: Place, contest_id: str) -> None:
    """Freeze now."""
    await _conduct(place, contest_id, "freeze", _patched(StatePatch(frozen="now")))


async def end(place: Place, contest_id: str) -> None:
    """End now."""
    await _conduct(place, contest_id, "end", _patched(StatePatch(ended="now")))


async def thaw(place: Place, contest_id: str, at: str | None) -> None:
    """Thaw now, or set the thaw time."""
    if at is None:
        await _conduct(place, contest_id, "thaw", _patched(StatePatch(thawed="now")))
    else:
        await _conduct(place, contest_id, "thaw", lambda state, now_ms: decide_thaw_time(state, at, now_ms).changes)


async def finalize(place: Place, contest_id: str, extra_bronzes: int | None) -> None:
    """Make the results final."""
    patch = StatePatch(finalized="now")
    if extra_bronzes is not None:
        patch = StatePatch(finalized="now", extra_bronzes=extra_bronzes)
    await _conduct(place, contest_id, "finalize", _patched(patch))


async def end_updates(place: Place, contest_id: str) -> None:
    """End the updates."""
    await _conduct(place, contest_id, "end updates", _patched(StatePatch(end_of_updates="now")))


async def extend(place: Place, contest_id: str, duration_ms: int, *, by: bool) -> None:
    """Give the contest another duration in milliseconds, or (`by`) so much more of it."""

    def decide(state: ContestState, now_ms: int) -> list[ObjectChange]:
        present_ms = 0 if state.contest is None else parse_relative_time_ms(state.contest.duration)
        wanted_ms = duration_ms + (present_ms if by else 0)
        if wanted_ms < present_ms:
            raise Refused(
                f"the contest lasts {format_relative_time(present_ms)} already; `+0:10:00` adds ten minutes, and a "
                "shorter duration is set over the API"
            )
        return decide_duration(state, wanted_ms, now_ms)

    await _conduct(place, contest_id, "extend", decide)


async def show_settings(place: Place, contest_id: str, patch: SettingsPatch) -> None:
    """Change the settings where anything is given, and print them."""
    async with desk_at(place, contest_id) as desk:
        if patch != SettingsPatch():
            await desk.carry_out("settings", lambda state, _now_ms: decide_settings(state, patch))
        for line in _settings_lines(desk.contest.state.settings):
            click.echo(line)


def _patched(patch: StatePatch) -> Conduct:
    return lambda state, now_ms: decide_state(state, patch, now_ms)


async def _conduct(place: Place, contest_id: str, cause: str, decide: Conduct) -> None:
    """Carry out a decision and say what is so now. Raises Refused."""
    async with desk_at(place, contest_id) as desk:
        await desk.carry_out(cause, decide)
        click.echo(f"{contest_id}: {_described(desk.contest.state, SYSTEM.now_us() // 1_000)}")


def _described(state: ContestState, now_ms: int) -> str:
    """What a contest is at, in a line."""
    contest = state.contest
    if contest is None:
        return "gone"
    happened = whole_state(state.state)
    said = [f"{name.replace('_', ' ')} {getattr(happened, name)}" for name in STATE_MOMENTS if getattr(happened, name)]
    return ", ".join([*(said or ["not started"]), *_expected(state, contest, now_ms)])


def _expected(state: ContestState, contest: Contest, now_ms: int) -> Iterator[str]:
    """What is going on, and what is to come."""
    happened, timeline = whole_state(state.state), state.timeline
    if not happened.started and contest.start_time is not None:
        yield f"starts {contest.start_time}"
    if not happened.started and contest.countdown_pause_time is not None:
        yield f"countdown paused with {contest.countdown_pause_time} left"
    if happened.started and not happened.ended:
        yield f"contest time {format_relative_time(timeline.contest_time_ms(now_ms))} of {contest.duration}"
        end_ms = wall_clock_ms(timeline, parse_relative_time_ms(contest.duration))
        yield "paused" if end_ms is None else f"ends {written(contest, end_ms)}"
    if happened.frozen and not happened.thawed and contest.scoreboard_thaw_time is not None:
        yield f"to be thawed {contest.scoreboard_thaw_time}"
    if not state.settings.clock and not happened.ended:
        yield "the clock is not run here"


def _settings_lines(settings: Settings) -> Iterator[str]:
    awards = settings.awards
    yield f"clock: {SAID[settings.clock]}"
    yield f"awards: {SAID[awards.computed]}"
    yield f"rule: {awards.rule}"
    yield f"medals: {awards.gold},{awards.silver},{awards.bronze}"
    yield f"extra bronzes: {awards.extra_bronzes}"
    yield f"kinds: {', '.join(awards.kinds) or 'none'}"
    yield f"exclusive: {', '.join(awards.exclusive) or 'none'}"
    yield f"taken over: {', '.join(awards.taken_over) or 'none'}"
    if settings.playback is not None:
        playback = settings.playback
        yield f"pace: {playback.pace_permille / ORDINARY_PACE_PERMILLE:g}, a replay of {playback.source}"
    elif settings.source_pace_permille != ORDINARY_PACE_PERMILLE:
        yield f"pace: {settings.source_pace_permille / ORDINARY_PACE_PERMILLE:g}, as on the server that is followed"
    yield f"webhooks: inactive after {settings.webhooks.deactivate_after} of failing calls"
