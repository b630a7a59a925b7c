"""The list of contests as a person reads it: what each is called, whether it runs, and when.

What is said follows from the contest and its state as the public sees them, and the time. This module must not know
requests.
"""

from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

import msgspec

from cds.pages.files import filled
from projections.timeline import moment_ms
from schemas.objects import Contest, State
from schemas.times import parse_relative_time_ms

REFRESH_S = 30
"""How often the list is loaded again."""

ENTRIES_MAX = 500
"""Contests that the list shows; of more those that were over first are but counted."""

Kind = Literal["running", "coming", "over"]

ORDER: tuple[Kind, ...] = ("running", "coming", "over")
"""What people look for first stands first."""


class Listed(msgspec.Struct, frozen=True):
    """A contest in the list. `start_ms` is in milliseconds since the epoch, None where there is no start yet."""

    contest: Contest
    kind: Kind
    phase: str
    start_ms: int | None


def listed(contest: Contest, state: State, now_ms: int) -> Listed:
    """What the list says about a contest."""
    start_ms = moment_ms(state.started) or moment_ms(contest.start_time)
    kind, phase = _phase(contest, state, start_ms, now_ms)
    return Listed(contest, kind, phase, start_ms)


def contests_page(contests: Iterable[Listed], api: str) -> str:
    """The page as HTML; `api` is the address of the API relative to it."""
    found = sorted(contests, key=_order)
    entries = [_entry(each, api) for each in found[:ENTRIES_MAX]]
    body = f'<ul class="entries">{"".join(entries)}</ul>' if entries else filled("no_contests", {})
    if len(found) > ENTRIES_MAX:
        body += filled("further_contests", {"api": api, "count": str(len(found) - ENTRIES_MAX)})
    return filled("contests", {"api": api, "refresh_s": str(REFRESH_S)}, {"contests": body})


def _entry(entry: Listed, api: str) -> str:
    contest = entry.contest
    texts = {
        "api": api,
        "kind": entry.kind,
        "contest_id": contest.id,
        "contest_path": quote(contest.id, safe=""),
        "name": contest.formal_name or contest.name,
        "phase": entry.phase,
        "times": _times(contest),
    }
    return filled("contest_entry", texts)


def _phase(contest: Contest, state: State, start_ms: int | None, now_ms: int) -> tuple[Kind, str]:
    """What a contest is doing, the first that applies; moments in the state count, whatever the clock says."""
    phases: tuple[tuple[bool, Kind, str], ...] = (
        (bool(state.finalized), "over", "final results"),
        (bool(state.ended), "over", "over, results not final yet"),
        (bool(state.started and state.frozen and not state.thawed), "running", "running, scoreboard frozen"),
        (bool(state.started), "running", "running"),
        (contest.countdown_pause_time is not None, "coming", "countdown paused"),
        (start_ms is None, "coming", "not scheduled yet"),
        (start_ms is not None and start_ms <= now_ms, "running", "starting"),
    )
    return next(((kind, phase) for applies, kind, phase in phases if applies), ("coming", "not started yet"))


def _times(contest: Contest) -> str:
    length = contest.duration.partition(".")[0]
    if contest.start_time is None:
        return f"lasts {length}"
    day, _, rest = contest.start_time.partition("T")
    zone = rest[-6:] if rest[-6:-5] in ("+", "-") else "UTC"
    return f"{day} {rest[:5]} {zone}, lasts {length}"


def _order(entry: Listed) -> tuple[int, int, str]:
    """Running before coming before over; what comes next first, what was over last first."""
    start_ms = entry.start_ms if entry.start_ms is not None else 2**62
    ended_ms = start_ms + parse_relative_time_ms(entry.contest.duration)
    return ORDER.index(entry.kind), -ended_ms if entry.kind == "over" else start_ms, entry.contest.id
