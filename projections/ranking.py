"""The teams of a board in their order, with their ranks and rows; a team that changes moves alone.

Everything else stays as it was: only rows whose team or rank has changed are encoded anew. What a platform itself says
of a team stands beside what was computed. This module must not know how a team is computed, groups, or what is on a
board besides rows.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import total_ordering

import msgspec

from projections.collation import collation_key
from projections.scoring.sheet import Computed
from schemas.extensions import EXTENSION, ScoreboardRowExtension
from schemas.objects import Team

_ENCODER = msgspec.json.Encoder()
_END = b"}"


@total_ordering
class _Name:
    """Where a team stands among those it ties with: by name, then id. A name is looked at in a tie only."""

    __slots__ = ("_team",)

    def __init__(self, team: Team) -> None:
        self._team = team

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Name) and other._team.id == self._team.id

    def __hash__(self) -> int:
        return hash(self._team.id)

    def __lt__(self, other: "_Name") -> bool:
        return self._key < other._key

    @property
    def _key(self) -> tuple[tuple[int, ...], str]:
        return collation_key(self._team.name), self._team.id


_Place = tuple[tuple[int | float, ...], _Name] | tuple[tuple[int | float, ...]]
"""What teams are sorted by; without a name it stands before all that tie."""


class Ranking:
    """Ranks from 1: equal teams share one, by name among themselves, and the following ranks are skipped."""

    def __init__(self, teams: Iterable[tuple[Computed, Team]]) -> None:
        """The ranking of these teams."""
        self._names: dict[str, _Name] = {}
        self._computed: dict[str, Computed] = {}
        self._extensions: dict[str, bytes] = {}
        self._noted: dict[str, None] = {}
        for computed, team in teams:
            self._names[team.id] = _Name(team)
            self._computed[team.id] = computed
            if team.ext is not None and team.ext.sync is not None:
                self._extensions[team.id] = _encoded_extension(ScoreboardRowExtension(sync=team.ext.sync))
        self._order = sorted(self._computed, key=self._place)
        self._places = [self._place(team_id) for team_id in self._order]
        self._ranks = [0] * len(self._order)
        self._rows: list[bytes | None] = [None] * len(self._order)
        self._rank_anew(0, len(self._order))

    def note(self, team_id: str) -> None:
        """Take note that a team may have changed; it may be none of these."""
        if team_id in self._names:
            self._noted[team_id] = None

    def take_noted(self) -> list[str]:
        """The teams that were noted and not taken since; each has to be given by `replace`."""
        noted = list(self._noted)
        self._noted.clear()
        return noted

    def replace(self, computed: Computed) -> None:
        """Give a team of the ranking as it is now."""
        team_id = computed.team_id
        before = bisect_left(self._places, self._place(team_id))
        unmoved = self._computed[team_id].order == computed.order
        self._computed[team_id] = computed
        if unmoved:
            self._rows[before] = None
            return
        for column in (self._order, self._places, self._ranks, self._rows):
            del column[before]
        place = self._place(team_id)
        after = bisect_left(self._places, place)
        self._order.insert(after, team_id)
        self._places.insert(after, place)
        self._ranks.insert(after, 0)
        self._rows.insert(after, None)
        self._rank_anew(min(before, after), max(before, after) + 1)

    def ranked(self) -> Iterator[tuple[int, Computed]]:
        """The teams in their order, with their ranks."""
        return ((rank, self._computed[team_id]) for rank, team_id in zip(self._ranks, self._order, strict=True))

    def computed(self) -> Iterable[Computed]:
        """The teams in any order."""
        return self._computed.values()

    def rows(self) -> Iterator[bytes]:
        """The encoded rows in their order."""
        for index, kept in enumerate(self._rows):
            yield kept if kept is not None else self._encode(index)

    def _encode(self, index: int) -> bytes:
        team_id = self._order[index]
        row = self._computed[team_id].row(self._ranks[index])
        extension = self._extensions.get(team_id)
        if extension is not None:
            row = row.removesuffix(_END) + extension + _END
        self._rows[index] = row
        return row

    def _place(self, team_id: str) -> _Place:
        return self._computed[team_id].order, self._names[team_id]

    def _rank_anew(self, first: int, last: int) -> None:
        """Rank what stands from `first` to `last`, and all that tie with the team there: the tie may begin earlier."""
        order: tuple[int | float, ...] | None = None
        rank = 0
        for index in range(first, len(self._places)):
            if self._places[index][0] != order:
                if index > last:
                    return
                order = self._places[index][0]
                rank = bisect_left(self._places, (order,)) + 1
            if self._ranks[index] != rank:
                self._ranks[index] = rank
                self._rows[index] = None


def _encoded_extension(extension: ScoreboardRowExtension) -> bytes:
    """The property as it stands in a row behind all others."""
    return b',"%b":%b' % (EXTENSION.encode(), _ENCODER.encode(extension))
