"""The tags of the tokens of one role in one contest: which is whose, and whose it is.

A token ends with the tag of the view that it was handed to: everybody's of the role, or that of one team. This module
must not know what the tokens stand for.
"""

from collections.abc import Iterable

from cds.live_contest import LiveContest
from cds.view_names import view_name
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import TokenMaker
from projections.told_lines import COMMON
from schemas.viewers import Role, Viewer


class RoleTags:
    """Tags for feeds of all types, made once for each team."""

    def __init__(self, contest: LiveContest, role: Role, tokens: TokenMaker) -> None:
        """None is made yet."""
        self._contest = contest
        self._role: Role = role
        self._tokens = tokens
        self._tags: dict[str, str] = {}
        self._teams: dict[str, str] = {}

    def view(self, team: str) -> str:
        """The name of the view of a team, or of everybody (COMMON)."""
        return view_name(self._contest, Viewer(role=self._role, team_id=team or None))

    def tag(self, team: str) -> str:
        """The tag of a team's tokens, or of everybody's (COMMON)."""
        tag = self._tags.get(team)
        if tag is None:
            tag = self._tags[team] = self._tokens.tag(self.view(team), ALL_TYPES_MASK).decode("ascii")
            self._teams[tag] = team
        return tag

    def team_of(self, tag: str, teams: Iterable[str]) -> str:
        """Whose a tag is, if it is of one of these teams; COMMON for every other, though it need not be of this role.

        `teams` are looked through only where the tag has not been seen here.
        """
        if tag not in self._teams:
            for team in teams:
                self.tag(team)
        return self._teams.get(tag, COMMON)
