"""Who takes part in a contest of Codeforces: parties, and the teams, persons and groups that they become.

A party is one handle or a team of several; the same one stands in the standings and as author of every submission.
This module is pure; it must not know what a party has submitted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from cds.platforms.adapters.answers import Untranslatable
from cds.platforms.adapters.listed import name_if_shown, one_line_name
from cds.platforms.adapters.naming import hashed, identifier
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.objects import Group, Person, PersonRole, Team

OFFICIAL, UNOFFICIAL = "official", "unofficial"
"""Ids of the two groups: who takes part, and who does so out of competition."""

GROUPS = (Group(id=OFFICIAL, name="Official"), Group(id=UNOFFICIAL, name="Unofficial"))

GROUP_OF: Mapping[str, str] = {"CONTESTANT": OFFICIAL, "OUT_OF_COMPETITION": UNOFFICIAL}
"""Participant types that take part; practice, virtual contests and managers do not (mapping.md §4)."""

MEMBERS_MAX = 100

_LIKE_A_TEAM_ID = re.compile(r"t[0-9]+")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One of a party."""

    handle: str
    name: str | None = None


class Party(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A Party object of the API, as far as it is of use. Ghosts have results and perhaps no handles."""

    participant_type: str
    members: tuple[Member, ...] = ()
    team_id: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] | None = None
    team_name: str | None = None


class Parties:
    """The parties of one contest, each once."""

    def __init__(self) -> None:
        """Nobody takes part."""
        self._teams: dict[str, Team] = {}
        self._members: dict[str, tuple[Member, ...]] = {}
        self._ids: dict[Party, str] = {}

    def id_of(self, party: Party) -> str | None:
        """The id of the team that a party would be; None for one that does not take part. Raises Untranslatable."""
        if party.participant_type not in GROUP_OF:
            return None
        return self._ids.get(party) or _named(party)[0]

    def team_of(self, party: Party) -> str | None:
        """The id of the team that a party is, which is there from now on; None for one that does not take part.

        Raises Untranslatable.
        """
        group_id = GROUP_OF.get(party.participant_type)
        if group_id is None:
            return None
        team_id = self._ids.get(party)
        if team_id is None:
            team_id = self._ids[party] = self._take(party, group_id)
        return team_id

    def note_result(self, team_id: str, result: SyncedTeam) -> None:
        """Take note of what the platform says that a team has come to."""
        team = self._teams[team_id]
        self._teams[team_id] = msgspec.structs.replace(team, ext=TeamExtension(sync=result))

    @property
    def are_official(self) -> bool:
        """Whether anybody takes part in competition."""
        return any(OFFICIAL in (team.group_ids or ()) for team in self._teams.values())

    @property
    def count(self) -> int:
        """How many teams there are."""
        return len(self._teams)

    def teams(self, *, ranked: bool) -> dict[str, Team]:
        """The teams by id, in the order in which they were first met; with the platform's own ranks or without."""
        return dict(self._teams) if ranked else {each.id: _without_rank(each) for each in self._teams.values()}

    def persons(self) -> dict[str, Person]:
        """The persons by id; who is in several teams has a role in each."""
        found: dict[str, Person] = {}
        for team_id, members in self._members.items():
            for member in members:
                role = PersonRole(type="contestant", team_id=team_id)
                person = Person(id=_handle_id(member.handle), name=_name_of(member), roles=[role])
                known = found.get(person.id)
                if known is not None:
                    person = msgspec.structs.replace(known, roles=[*known.roles, role])
                found[person.id] = person
        return found

    def _take(self, party: Party, group_id: str) -> str:
        team_id, name, label = _named(party)
        known = self._teams.get(team_id)
        if known is None:
            self._teams[team_id] = Team(id=team_id, name=name, label=label, group_ids=[group_id])
            self._members[team_id] = tuple(dict.fromkeys(party.members))
        elif group_id == OFFICIAL:
            self._teams[team_id] = msgspec.structs.replace(known, group_ids=[OFFICIAL])
        return team_id


def _without_rank(team: Team) -> Team:
    if team.ext is None or team.ext.sync is None:
        return team
    unranked = msgspec.structs.replace(team.ext.sync, rank=None)
    return msgspec.structs.replace(team, ext=msgspec.structs.replace(team.ext, sync=unranked))


def _named(party: Party) -> tuple[str, str, str]:
    """The id of the team that a party is, its name and its label. Raises Untranslatable.

    A name that cannot be shown is as good as none: then it is called as its members are, or by its number.
    """
    if len(party.members) > MEMBERS_MAX:
        raise Untranslatable(f"a party of {len(party.members)} members")
    handles = [*_handles(party)]
    name = name_if_shown(party.team_name) or name_if_shown(", ".join(handles))
    if party.team_id is not None:
        number = str(party.team_id)
        return identifier(f"cf-t{number}"), name or f"Team {number}", number
    if name is None:
        raise Untranslatable("a party without a team, a name and members")
    if len(handles) == 1:
        return _handle_id(handles[0]), name, handles[0]
    # A ghost, or several handles that are no registered team: nothing but what they are called tells them apart.
    return hashed(f"cf-{name}"), name, name


def _handles(party: Party) -> Iterator[str]:
    for member in party.members:
        if not member.handle.strip():
            raise Untranslatable("a member without a handle")
        one_line_name(member.handle)
        yield member.handle


def _handle_id(handle: str) -> str:
    """The id of whoever has a handle; one that looks like the number of a team is told apart from it."""
    plain = f"cf-{handle}"
    return hashed(plain) if _LIKE_A_TEAM_ID.fullmatch(handle) else identifier(plain)


def _name_of(member: Member) -> str:
    return name_if_shown(member.name) or one_line_name(member.handle)
