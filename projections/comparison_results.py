"""What comparing two contests comes to, as structures that can be written as JSON.

`a` and `b` are the two sides everywhere. Lists are cut off at a limit and say how long they are. This module must not
know how anything is compared, nor how it is shown.
"""

from collections.abc import Iterable
from typing import Generic, Literal, TypeVar

import msgspec

from schemas.aggregates import ProblemCell, Score

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LISTED_MAX = 2_000
"""Entries of each list; what is beyond is only counted."""

PENDING = "(pending)"
"""In the place of a verdict: there is no judgement that counts yet. No judgement type can have this id."""

NO_SUBMISSION = "(none)"
"""In the place of a verdict: this side does not have the submission."""


class Listed(msgspec.Struct, Generic[T_co], frozen=True):
    """The first of many."""

    count: int
    shown: tuple[T_co, ...]


def listed(entries: Iterable[T], listed_max: int = LISTED_MAX) -> Listed[T]:
    """Entries in their order, as many as a list may have."""
    all_of_them = tuple(entries)
    return Listed(len(all_of_them), all_of_them[:listed_max])


class VerdictCount(msgspec.Struct, frozen=True):
    """One field of the verdict matrix: how many submissions are `a` on one side and `b` on the other."""

    a: str
    b: str
    count: int

    @property
    def differs(self) -> bool:
        """Whether the sides disagree about these submissions."""
        return self.a != self.b


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One submission on one side. `verdict` is a judgement type or PENDING; `solved` None where that is not known.

    `href` is the address of the submission, where the side has addresses.
    """

    id: str
    verdict: str
    solved: bool | None = None
    score: int | float | None = None
    href: str | None = None


class SubmissionDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A submission whose verdicts or scores differ.

    `matters`: with the verdict of `b`, and nothing else, the cell on the scoreboard of `a` would be another.
    """

    team_id: str | None
    problem_id: str
    language_id: str
    contest_time: str
    a: Judged
    b: Judged
    matters: bool


class MissingObjects(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of one type that one side alone has: `missing` in `b`, or `unknown` to `a`."""

    type: str
    missing: Listed[str]
    unknown: Listed[str]


class PropertyDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A property that differs; `other_id` is the id in `b` where it is another. Absent and null are the same."""

    type: str
    id: str
    other_id: str | None = None
    property: str
    a: msgspec.Raw
    b: msgspec.Raw


class CellDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the scoreboard that differs; None where a side has no such problem."""

    problem_id: str
    a: ProblemCell | None
    b: ProblemCell | None


class Standing(msgspec.Struct, frozen=True):
    """Where a team stands on one side."""

    rank: int
    score: Score


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A team whose rank, score or cells differ; None where a side does not have it on the board."""

    team_id: str
    a: Standing | None
    b: Standing | None
    cells: tuple[CellDifference, ...]

    @property
    def rank_differs(self) -> bool:
        """Whether the team is ranked otherwise, or on one board alone."""
        return self.a is None or self.b is None or self.a.rank != self.b.rank


class ScoreboardComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The live boards of both sides: how many rows, ranks and cells differ, and the rows in the order of `a`."""

    teams: int
    ranks: int
    cells: int
    rows: Listed[RowDifference]


class AwardDifference(msgspec.Struct, frozen=True, kw_only=True):
    """An award that both sides have and that differs: the citations, and the teams that one side alone gives it to."""

    id: str
    citation_a: str
    citation_b: str
    teams_a: tuple[str, ...]
    teams_b: tuple[str, ...]


class Matched(msgspec.Struct, frozen=True):
    """How the submissions of both sides were found to be the same: by their ids, or by what they say."""

    by_id: int
    by_content: int


class OpenFeed(msgspec.Struct, frozen=True, kw_only=True):
    """A side that was read from a feed that did not end: so many lines had come, and more was awaited for `waited_s`.

    What it has not told by then is compared as if it were not there.
    """

    side: Literal["a", "b"]
    lines: int
    waited_s: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All differences between two contests.

    `open_feeds` are the sides that may have had more to tell; `left_out` names types and properties (`TYPE` or
    `TYPE.PROPERTY`) that were not compared; `mattering` counts the submissions whose difference matters. `awards` are
    those that the sides tell of, `computed_awards` those that would follow from both scoreboards by the rules of `a`.
    """

    a: str
    b: str
    equal: bool
    open_feeds: tuple[OpenFeed, ...] = ()
    left_out: tuple[str, ...]
    matched: Matched
    mattering: int
    verdicts: tuple[VerdictCount, ...]
    submissions: Listed[SubmissionDifference]
    missing: tuple[MissingObjects, ...]
    properties: Listed[PropertyDifference]
    scoreboard: ScoreboardComparison
    awards: Listed[AwardDifference]
    computed_awards: Listed[AwardDifference]
