"""A contest as any platform lists it, and what it becomes: a contest with `ext.sync`, and its state.

Here stands what holds for all platforms (requirements-000 §2 and §3.8, mapping.md §4). This module is pure; it must
not know in which form a platform says what it says.
"""

import re

import msgspec

from cds.platforms.adapters.answers import KEY_CHARACTERS_MAX, Untranslatable
from cds.platforms.adapters.naming import contest_id
from cds.platforms.questions import Platform, PlatformContest
from schemas.extensions import ContestExtension, SyncedContest
from schemas.objects import Contest, State
from schemas.times import format_relative_time, format_time

NAME_CHARACTERS_MAX = 1_000

DURATION_S_MAX = 20 * 366 * 86_400
"""Twenty years. Platforms keep contests of several; what they write for "always" is far beyond."""

START_S_MAX = 4_102_444_800
"""The year 2100: what lies beyond is a broken number, and no contest."""

PENALTY_MS = 10 * 60 * 1000
"""Per rejected attempt, where contests are pass-fail: the rule of Codeforces, assumed for CodeChef (mapping.md §4)."""

BEFORE, CODING, FINISHED = "BEFORE", "CODING", "FINISHED"
"""Phases of platforms that have no words for them, in the words of Codeforces."""

INVISIBLE = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
"""Characters that turn the direction of what follows them, or are not seen at all (Unicode TR9, TR36). They may stand
in a name by oversight; joiners are none of them, because scripts and emoji need those."""

_RATED = re.compile(r"[(,]\s*(?P<un>un)?rated\b(?:\s+(?:for\s+)?(?P<whose>[^(),]+))?", re.IGNORECASE)


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """How far a contest is. `final`: the platform says that results do not change any more."""

    name: str
    started: bool
    ended: bool
    final: bool = False
    frozen: bool | None = None
    """What the platform says of its scoreboard; None: it is frozen from the freeze to the end."""


class ListedContest(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform says of a contest. `rated` and `rated_range` as in schemas/extensions.py.

    `may_take_no_time`: where this is kept a length of 0 means that none is known.
    """

    platform: Platform
    key: str
    name: str
    start_s: int | None
    duration_s: int
    may_take_no_time: bool = False
    freeze_s: int | None = None
    pass_fail: bool = False
    type: str | None = None
    phase: Phase | None = None
    url: str
    rated: bool | None = None
    rated_range: str | None = None
    participants: int | None = None


def platform_contest(listed: ListedContest, now_ms: int) -> PlatformContest:
    """The contest and its state at a moment. Raises Untranslatable, naming what is wrong."""
    _check(listed)
    phase = listed.phase or _phase_by_clock(listed, now_ms)
    contest = Contest(
        id=contest_id(listed.platform, listed.key),
        name=one_line_name(listed.name),
        start_time=None if listed.start_s is None else format_time(listed.start_s * 1000),
        duration=format_relative_time(listed.duration_s * 1000),
        scoreboard_freeze_duration=None if not listed.freeze_s else format_relative_time(listed.freeze_s * 1000),
        scoreboard_type="pass-fail" if listed.pass_fail else "score",
        penalty_time=format_relative_time(PENALTY_MS) if listed.pass_fail else None,
        ext=ContestExtension(
            sync=SyncedContest(
                platform=listed.platform,
                platform_id=listed.key,
                type=listed.type,
                phase=phase.name,
                url=listed.url,
                rated=listed.rated,
                rated_range=listed.rated_range,
                participants=listed.participants,
            )
        ),
    )
    return PlatformContest(
        platform=listed.platform, platform_id=listed.key, contest=contest, state=_state(listed, phase, now_ms)
    )


def rated_by_name(name: str) -> tuple[bool | None, str | None]:
    """Whether and for whom a contest is rated, where its name says so: `(Rated for Div. 2)`, `(Unrated, …)`."""
    said = _RATED.search(name)
    if said is None:
        return None, None
    if said["un"]:
        return False, None
    return True, (said["whose"] or "").strip() or None


def _check(listed: ListedContest) -> None:
    key = listed.key
    if not key or len(key) > KEY_CHARACTERS_MAX or not key.isprintable() or key != key.strip():
        raise Untranslatable(f"its key is none: {key[:50]!r}")
    if not (0 if listed.may_take_no_time else 1) <= listed.duration_s <= DURATION_S_MAX:
        raise Untranslatable(f"a duration of {_number(listed.duration_s)} s")
    if listed.start_s is not None and not 0 < listed.start_s <= START_S_MAX:
        raise Untranslatable(f"a start {_number(listed.start_s)} s after 1970")
    if listed.freeze_s is not None and not 0 <= listed.freeze_s <= listed.duration_s:
        raise Untranslatable(f"a freeze of {_number(listed.freeze_s)} s in {listed.duration_s} s")
    if listed.participants is not None and not 0 <= listed.participants < 1 << 31:
        raise Untranslatable(f"{_number(listed.participants)} participants")


def _number(number: int) -> str:
    """A number as it can be told, however long."""
    return str(number) if abs(number) < 1 << 63 else "far too many"


def one_line_name(name: str) -> str:
    """The name with single blanks and nothing invisible. Raises Untranslatable for one that cannot be shown."""
    shown = " ".join("".join(character for character in name if character not in INVISIBLE).split())
    if not shown or len(shown) > NAME_CHARACTERS_MAX:
        raise Untranslatable(f"a name of {len(shown)} characters")
    if any(character < " " or "\x7f" <= character < "\xa0" for character in shown):
        raise Untranslatable("a name with control characters")
    return shown


def name_if_shown(name: str | None) -> str | None:
    """The same name; None for one that cannot be shown, or for none at all."""
    try:
        return None if name is None else one_line_name(name)
    except Untranslatable:
        return None


def _phase_by_clock(listed: ListedContest, now_ms: int) -> Phase:
    if listed.start_s is None or now_ms < listed.start_s * 1000:
        return Phase(name=BEFORE, started=False, ended=False)
    ended = now_ms >= (listed.start_s + listed.duration_s) * 1000
    return Phase(name=FINISHED if ended else CODING, started=True, ended=ended)


def _state(listed: ListedContest, phase: Phase, now_ms: int) -> State | None:
    """What has happened, each at the time at which it was to happen: the platform tells no other.

    Nothing has happened whose time is still to come, whatever the platform calls the contest: a state says what was.
    But where the platform hides its scoreboard, it is hidden here too.
    Only what a platform itself calls finished is final (`finalized`), because then nothing may change any more (JSON
    Format, "Contest state"); of the others nobody says that results stand. Updates never end: names are corrected.
    """
    if listed.start_s is None:
        return None
    start_ms, end_ms = listed.start_s * 1000, (listed.start_s + listed.duration_s) * 1000
    freeze_ms = end_ms - listed.freeze_s * 1000 if listed.freeze_s else None
    started = phase.started and now_ms >= start_ms
    ended = started and phase.ended and now_ms >= end_ms
    frozen = started and freeze_ms is not None and (now_ms >= freeze_ms or phase.frozen is True)
    thawed = frozen and ended and (phase.final if phase.frozen is None else phase.final and not phase.frozen)
    return State(
        started=format_time(start_ms) if started else None,
        frozen=format_time(freeze_ms) if frozen and freeze_ms is not None else None,
        ended=format_time(end_ms) if ended else None,
        thawed=format_time(end_ms) if thawed else None,
        finalized=format_time(end_ms) if ended and phase.final else None,
        end_of_updates=None,
    )
