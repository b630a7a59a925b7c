"""What may be chosen about a simulated contest, the defaults, and the bounds of every choice.

This module must not know how a contest is made from its parameters.
"""

import re
from typing import Literal

import msgspec

from schemas.times import parse_time_ms

Phase = Literal["before", "running", "running-frozen", "ended", "finished-frozen", "finished"]
ScoreboardType = Literal["pass-fail", "score"]

PHASES: dict[str, str] = {
    "before": "configured, not started",
    "running": "well before the freeze, or past the middle where there is none",
    "running-frozen": "in the middle of the freeze",
    "ended": "just over, the last submissions still being judged",
    "finished-frozen": "finalized, not yet thawed: what a resolver starts from",
    "finished": "finalized, thawed and closed: end_of_updates is set",
}
"""Every phase in which a simulated contest may be left, with what it means."""

PHASES_BEHIND_FREEZE = frozenset({"running-frozen", "finished-frozen"})

DEFAULT_START_TIME = "2031-05-17T10:00:00.000+02:00"
"""A day in the future, so that no server takes the contest for one of its past."""

LIMITS: dict[str, tuple[int, int]] = {
    "seed": (0, 2**63 - 1),
    "teams": (1, 20_000),
    "problems": (1, 200),
    "submissions": (0, 2_000_000),
    "runs_per_judgement": (0, 500),
    "organizations": (1, 20_000),
    "groups": (1, 500),
    "clarifications": (0, 100_000),
    "commentary": (0, 100_000),
    "duration_s": (60, 100 * 3600),
    "freeze_s": (0, 100 * 3600),
}
"""The smallest and the largest value of each number, both allowed."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,34}[A-Za-z0-9_-])?")


class SimulationParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole input of a simulation. Raises ValueError, naming the parameter, when one is out of its bounds.

    None for a number means: what follows from the others (see the properties). `runs_per_judgement` is the
    average number of test cases of a problem. `freeze_s` 0 means a contest without freeze. The last four say
    which files are made.
    """

    seed: int = 1
    contest_id: str = "simulated"
    name: str | None = None
    teams: int = 60
    problems: int = 12
    submissions: int | None = None
    runs_per_judgement: int = 6
    organizations: int | None = None
    groups: int = 4
    clarifications: int | None = None
    commentary: int | None = None
    duration_s: int = 5 * 3600
    freeze_s: int = 3600
    start_time: str = DEFAULT_START_TIME
    phase: Phase = "finished"
    scoreboard_type: ScoreboardType = "pass-fail"
    simplified_judgement_types: bool = False
    accounts: bool = True
    logos: bool = True
    photos: bool = False
    sources: bool = True
    statements: bool = True

    def __post_init__(self) -> None:
        """Refuse what no contest can be made from."""
        for parameter, (lowest, highest) in LIMITS.items():
            value = getattr(self, parameter)
            if value is not None and not lowest <= value <= highest:
                raise ValueError(f"{parameter}: {value} is not between {lowest} and {highest}")
        if _IDENTIFIER.fullmatch(self.contest_id) is None:
            raise ValueError(f"contest_id: {self.contest_id!r} is not an identifier of at most 36 characters")
        if self.phase not in PHASES:
            raise ValueError(f"phase: {self.phase!r} is none of {', '.join(PHASES)}")
        if self.scoreboard_type not in ("pass-fail", "score"):
            raise ValueError(f"scoreboard_type: {self.scoreboard_type!r} is neither pass-fail nor score")
        if self.freeze_s >= self.duration_s:
            raise ValueError(f"freeze_s: {self.freeze_s} is not shorter than the contest ({self.duration_s} s)")
        if self.freeze_s == 0 and self.phase in PHASES_BEHIND_FREEZE:
            raise ValueError(f"phase: {self.phase!r} needs a freeze, and freeze_s is 0")
        try:
            parse_time_ms(self.start_time)
        except ValueError as error:
            raise ValueError(f"start_time: {error}") from error

    @property
    def contest_name(self) -> str:
        """The short name of the contest."""
        return self.name or f"Simulated Contest {self.seed}"

    @property
    def organization_count(self) -> int:
        """Two organizations for three teams, unless chosen; never more than teams."""
        chosen = self.organizations if self.organizations is not None else (2 * self.teams + 2) // 3
        return min(chosen, self.teams)

    @property
    def group_count(self) -> int:
        """Sites; never more than teams."""
        return min(self.groups, self.teams)

    @property
    def guest_count(self) -> int:
        """Teams that take part outside the main scoreboard: one in twenty."""
        return self.teams // 20

    @property
    def clarification_count(self) -> int:
        """Questions, answers and announcements together."""
        return self.clarifications if self.clarifications is not None else 2 + self.teams // 2

    @property
    def commentary_count(self) -> int:
        """Comments at the most; there are never more than submissions."""
        return self.commentary if self.commentary is not None else 2 * self.problems + self.teams // 2

    @property
    def duration_ms(self) -> int:
        """The length of the contest."""
        return self.duration_s * 1000

    @property
    def freeze_start_ms(self) -> int | None:
        """The contest time at which the scoreboard freezes, None when it never does."""
        return (self.duration_s - self.freeze_s) * 1000 if self.freeze_s else None
