"""On which terms somebody takes part, and the phase of the contest that they are in by them.

CMS ContestWebServer API, 1.5. All is reckoned in contest time, which stands still while the contest is paused and runs
as fast as the contest does; the analysis mode alone has moments of its own. This module must not know what may be done
in which phase, nor any wire.
"""

from collections.abc import Collection
from enum import IntEnum
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange, Refused
from cds.commands.write import moment_text
from projections.contest import ContestState
from projections.timeline import moment_ms
from schemas.extensions import AccountExtension, CmsContest, CmsParticipation
from schemas.objects import Account
from schemas.times import parse_time_ms


class Phase(IntEnum):
    """The phases of a contest for one participant, as CMS counts them."""

    BEFORE_CONTEST = -2
    BEFORE_WINDOW = -1
    COMPETING = 0
    AFTER_WINDOW = 1
    AFTER_CONTEST = 2
    ANALYSIS = 3
    FINISHED = 4


OPEN_PHASES = frozenset({Phase.COMPETING, Phase.ANALYSIS})
"""Those in which tasks may be handed in."""

WHY_NOT: dict[Phase, str] = {
    Phase.BEFORE_CONTEST: "the contest has not started",
    Phase.BEFORE_WINDOW: "your time in this contest has not begun",
    Phase.COMPETING: "the contest is running",
    Phase.AFTER_WINDOW: "your time in this contest is over",
    Phase.AFTER_CONTEST: "the contest is over",
    Phase.ANALYSIS: "the contest is over",
    Phase.FINISHED: "the contest is over",
}
"""Why something may not be done that belongs to other phases."""

MS_PER_S = 1_000

NOTHING_SAID_OF_CONTEST = CmsContest()
ORDINARY_PARTICIPATION = CmsParticipation()


class WrongPhase(Refused):
    """Something that may not be done in this phase of the contest."""

    def __init__(self, phase: Phase) -> None:
        super().__init__(WHY_NOT[phase], ground="forbidden")
        self.phase = phase


class Window(msgspec.Struct, frozen=True):
    """When a participant competes: contest time in milliseconds, from `begin_ms` on and before `end_ms`."""

    begin_ms: int
    end_ms: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a participant is in the contest at a moment. `window` is None as long as nobody knows when it begins."""

    participation: CmsParticipation
    phase: Phase
    window: Window | None

    def passes(self, phases: Collection[Phase], *, override: bool | None = None) -> bool:
        """Whether something may be done that is for these phases.

        Phases do not bind unrestricted participations. `override` says whether they bind this once (None: nobody does).
        """
        unbound = self.participation.unrestricted is True if override is None else override
        return unbound or self.phase in phases


def contest_rules(state: ContestState) -> CmsContest:
    """What the contest says for all who take part."""
    extension = None if state.contest is None else state.contest.ext
    return NOTHING_SAID_OF_CONTEST if extension is None or extension.cms is None else extension.cms


def participation_of(state: ContestState, account_id: str | None) -> CmsParticipation:
    """The terms on which an account takes part: the ordinary ones, where nothing is said."""
    account = cast("Account | None", state.objects["accounts"].get(account_id or ""))
    extension = None if account is None else account.ext
    return ORDINARY_PARTICIPATION if extension is None or extension.cms is None else extension.cms


def standing_of(state: ContestState, account_id: str | None, now_ms: int) -> Standing:
    """Where the participant with an account is at a moment (milliseconds since the epoch)."""
    participation = participation_of(state, account_id)
    return _standing(state, participation, _window(state, participation), now_ms)


def standing_of_contest(state: ContestState, now_ms: int) -> Standing:
    """The same for those who forward what others do: they are bound by the times of the contest as a whole."""
    return _standing(state, ORDINARY_PARTICIPATION, Window(0, _stop_ms(state)), now_ms)


def decide_start(state: ContestState, account_id: str, now_ms: int) -> list[ObjectChange]:
    """Begin the window of a participant, where everybody has one of their own; nothing when it has begun already.

    Raises Refused: unknown for no account, conflict where all begin with the contest, WrongPhase outside the contest.
    """
    account = cast("Account | None", state.objects["accounts"].get(account_id))
    if account is None:
        raise Refused(f"there is no account {account_id}", ground="unknown")
    if contest_rules(state).per_user_time is None:
        raise Refused("everybody's time begins with the contest", ground="conflict")
    standing = standing_of(state, account_id, now_ms)
    if standing.participation.starting_time is not None:
        return []
    if standing.phase is not Phase.BEFORE_WINDOW:
        raise WrongPhase(standing.phase)
    begun = msgspec.structs.replace(standing.participation, starting_time=moment_text(state, now_ms))
    extension = msgspec.structs.replace(account.ext or AccountExtension(cms=begun), cms=begun)
    return [ObjectChange("accounts", account.id, msgspec.structs.replace(account, ext=extension))]


def _stop_ms(state: ContestState) -> int:
    """The contest time at which the contest stops: that of its end, where it has ended before its time."""
    timeline = state.timeline
    duration_ms = timeline.duration_ms or 0
    ended_ms = None if state.state is None else moment_ms(state.state.ended)
    return duration_ms if ended_ms is None else max(0, min(duration_ms, timeline.contest_time_ms(ended_ms)))


def _window(state: ContestState, participation: CmsParticipation) -> Window | None:
    """When a participant competes; None in a contest with windows while they have not begun theirs.

    A delay puts it off, extra time makes it longer; both also beyond the end of the contest. A start of one's own
    outside the contest counts as one at its nearer end.
    """
    stop_ms, begin_ms = _stop_ms(state), 0
    per_user_time = contest_rules(state).per_user_time
    end_ms = stop_ms
    if per_user_time is not None:
        if participation.starting_time is None:
            return None
        own_ms = state.timeline.contest_time_ms(parse_time_ms(participation.starting_time))
        begin_ms = min(max(own_ms, 0), stop_ms)
        end_ms = min(max(own_ms + per_user_time * MS_PER_S, 0), stop_ms)
    delay_ms = (participation.delay_time or 0) * MS_PER_S
    extra_ms = (participation.extra_time or 0) * MS_PER_S
    return Window(begin_ms + delay_ms, end_ms + delay_ms + extra_ms)


def _standing(state: ContestState, participation: CmsParticipation, window: Window | None, now_ms: int) -> Standing:
    phase = _phase(state, window, now_ms)
    return Standing(participation=participation, phase=phase, window=window)


def _phase(state: ContestState, window: Window | None, now_ms: int) -> Phase:
    contest_time_ms = state.timeline.contest_time_ms(now_ms)
    if not state.timeline.started or contest_time_ms < 0:
        return Phase.BEFORE_CONTEST
    running = contest_time_ms < _stop_ms(state)
    if window is None:
        return Phase.BEFORE_WINDOW if running else _phase_after_contest(state, now_ms)
    if contest_time_ms < window.begin_ms:
        return Phase.BEFORE_WINDOW
    if contest_time_ms < window.end_ms:
        return Phase.COMPETING
    return Phase.AFTER_WINDOW if running else _phase_after_contest(state, now_ms)


def _phase_after_contest(state: ContestState, now_ms: int) -> Phase:
    analysis = contest_rules(state).analysis
    if analysis is None or now_ms >= parse_time_ms(analysis.stop):
        return Phase.FINISHED
    return Phase.AFTER_CONTEST if now_ms < parse_time_ms(analysis.start) else Phase.ANALYSIS
