"""What is computed from objects and never stored: the scoreboard, as strict structures.

Properties stand in the order of the specification and encode to exactly what it asks for.
This module knows the shapes; it must not know how a contest is scored nor who sees which board.
"""

import msgspec
from msgspec import UNSET, UnsetType

from schemas.extensions import ScoreboardRowExtension
from schemas.objects import State
from schemas.properties import NonNegativeInteger, RelativeTimeText, TimeText


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a team has reached (JSON Format, "Scoreboard").

    `num_solved` and `total_time` stand in pass-fail contests alone, `score` in score contests alone. `time` is
    the last improvement, written out as null when there has been none.
    """

    num_solved: NonNegativeInteger | UnsetType = UNSET
    total_time: RelativeTimeText | UnsetType = UNSET
    score: int | float | UnsetType = UNSET
    time: RelativeTimeText | None


class ProblemCell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a team has reached on one problem (JSON Format, "Scoreboard").

    `solved` stands in pass-fail contests alone, `score` in score contests alone; `time` is absent, not null,
    unless the problem is solved or has brought points.
    """

    problem_id: str
    num_judged: NonNegativeInteger
    num_pending: NonNegativeInteger
    solved: bool | UnsetType = UNSET
    score: int | float | UnsetType = UNSET
    time: RelativeTimeText | UnsetType = UNSET


class ScoreboardRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place of one team (JSON Format, "Scoreboard"); `problems` by ordinal. `ext` is ours, where there is one."""

    rank: int
    team_id: str
    score: Score
    problems: list[ProblemCell]
    ext: ScoreboardRowExtension | UnsetType = UNSET


class Scoreboard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole board (JSON Format, "Scoreboard"); `time` is that of the last event it takes into account."""

    time: TimeText
    contest_time: RelativeTimeText
    state: State
    rows: list[ScoreboardRow]
