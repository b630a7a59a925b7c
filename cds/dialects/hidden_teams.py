"""Hidden teams and groups of earlier versions, said in today's words: a main scoreboard group without them.

Until 2026-04 a team was hidden by its own flag or through all of its groups. Today every team is visible, and the
main scoreboard shows the teams of one group. This module must not know how objects are put together otherwise.
"""

from collections.abc import Iterator, Mapping

import msgspec

from schemas.objects import Contest, ContestObject, Group, Team

PARTICIPANTS_GROUP_ID = "participants"
PARTICIPANTS_GROUP_NAME = "Participants"

Objects = Mapping[str, Mapping[str, ContestObject]]


class HiddenTeams:
    """Remembers who is hidden. Once somebody is, the group of all others exists (`group_id` is its id)."""

    def __init__(self, group_ids_taken: frozenset[str] = frozenset()) -> None:
        self.group_id: str | None = None
        self.contest_names_a_group = False
        self._taken = group_ids_taken
        self._teams: set[str] = set()
        self._groups: set[str] = set()

    def mark(self, type_name: str, identifier: str, *, hidden: bool) -> bool:
        """Note what the source says of a team or group; whether that is news."""
        marked = self._teams if type_name == "teams" else self._groups
        news = (identifier in marked) != hidden
        if hidden:
            marked.add(identifier)
        else:
            marked.discard(identifier)
        return news

    def is_marked(self, type_name: str, identifier: str) -> bool:
        """Whether the source said of a team or group that it is hidden; False for all other types."""
        marked = {"teams": self._teams, "groups": self._groups}
        return identifier in marked.get(type_name, ())

    def is_hidden(self, team: Team) -> bool:
        """Whether the team is hidden by its own flag or through all of its groups."""
        if team.id in self._teams:
            return True
        group_ids = [identifier for identifier in team.group_ids or () if identifier != self.group_id]
        return bool(group_ids) and self._groups.issuperset(group_ids)

    def calls_for_group(self, team: Team) -> bool:
        """Whether this team is the first that makes a group of participants necessary."""
        return self.group_id is None and not self.contest_names_a_group and self.is_hidden(team)

    def open_group(self, objects: Objects) -> Iterator[tuple[str, str, ContestObject]]:
        """The changes that bring the group in: itself, the teams that are there, the contest (type, id, object)."""
        taken = self._taken | objects["groups"].keys()
        number = 1
        group_id = PARTICIPANTS_GROUP_ID
        while group_id in taken:
            number += 1
            group_id = f"{PARTICIPANTS_GROUP_ID}-{number}"
        self.group_id = group_id
        yield "groups", group_id, Group(id=group_id, name=PARTICIPANTS_GROUP_NAME)
        yield from self.adjusted_teams(objects)
        for identifier, contest in objects["contest"].items():
            if isinstance(contest, Contest):
                yield "contest", identifier, self.adjusted_contest(contest)

    def adjusted_teams(self, objects: Objects) -> Iterator[tuple[str, str, ContestObject]]:
        """All teams as they ought to be now."""
        for identifier, team in list(objects["teams"].items()):
            if isinstance(team, Team):
                yield "teams", identifier, self.adjusted_team(team)

    def adjusted_team(self, team: Team) -> Team:
        """The team in the group of participants, or out of it when it is hidden."""
        if self.group_id is None:
            return team
        group_ids = [identifier for identifier in team.group_ids or () if identifier != self.group_id]
        if not self.is_hidden(team):
            group_ids.append(self.group_id)
        elif team.group_ids is None:
            return team
        return msgspec.structs.replace(team, group_ids=group_ids)

    def adjusted_contest(self, contest: Contest) -> Contest:
        """The contest, naming the group of participants unless it names another."""
        if self.group_id is None or self.contest_names_a_group:
            return contest
        return msgspec.structs.replace(contest, main_scoreboard_group_id=self.group_id)
