"""An audience: all who see a contest alike, the objects as they see them, and the change log of that view.

The feed of a viewer is not a filtered copy of the log. For each event, every object that may have changed is
viewed again and compared with what was shown: different gives a line with the new view, gone gives `data: null`,
equal gives nothing. So freeze, thaw, a start that reveals problems and a question that becomes visible need no
code of their own. Teams share one audience; beside it stands what each team sees of its own. Collections list objects
in order of creation, also those that were hidden then, which no feed tells; so with a line that makes an object appear
among others it is kept what it stands behind.
This module must not know who is connected.
"""

from collections.abc import Generator, Iterable, Iterator, Reversible
from itertools import chain
from typing import cast

import msgspec

from projections.award_order import AWARDS, listed
from projections.contest import Change, ContestState
from projections.feed_lines import DraftLine, FeedLines
from projections.integrity import Key
from projections.ownership import OWNERS, Owners, owners
from projections.told import FIRST
from projections.visibility import RoleView, role_view
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER, referenced_ids
from schemas.objects import ContestObject
from schemas.viewers import Role

encode = msgspec.json.Encoder().encode

ROLE_WITH_OWN: Role = "team"
"""The role whose holders see more of their own."""

NOBODY: Owners = ()

LINE_BEGINS = {name: (TYPE_ORDER[name], b'{"type":"%s","id":' % name.encode()) for name in OBJECT_TYPES}
"""The number of a type, and how the lines about its objects begin."""

LOOKED_AT_ONCE = 100
"""Objects that are looked at in one go while an audience is made of a contest as it stands."""

STRIPPED = {
    name: tuple(r for r in row.references if r.when_hidden == "strip" and r.target in OWNERS)
    for name, row in OBJECT_TYPES.items()
}
"""The references, by type, that are left out for those who cannot see what they name, and kept for its owners."""


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One object that looks otherwise than before: to one team as its owner, or to all but `replaced_for`.

    `behind`: where it appears among others of its type (see `Audience.place_among_shown`).
    """

    key: Key
    after: bytes | None
    team_id: str | None
    replaced_for: Owners = NOBODY
    behind: str | None = None


class _Order(msgspec.Struct, frozen=True):
    """The ids of one type in order of creation just after an event, and the number of each."""

    position: int
    type_name: str
    identifiers: list[str]
    numbers: dict[str, int]


_NO_ORDER = _Order(0, "", [], {})


class Audience:
    """What the holders of one role are shown of one contest at one position of its log."""

    def __init__(self, role: Role, lines: FeedLines | None = None) -> None:
        """An audience of an empty contest. With `lines`, every change of the view is drafted there."""
        self.role = role
        self.view: RoleView = role_view(role)
        self.lines = lines
        self.shown: dict[str, dict[str, bytes]] = {name: {} for name in OBJECT_TYPES}
        self.shown_to_owner: dict[str, dict[Key, bytes | None]] = {}
        self.changes = dict.fromkeys(OBJECT_TYPES, 0)
        self.owners: dict[Key, Owners] = {}
        self.has_own = role == ROLE_WITH_OWN
        self._order = _NO_ORDER
        self.leaving: dict[str, dict[str, None]] = {}
        """Objects by type and id that a release has yet to take away: the state does not hold them any more."""

    @property
    def feed_lines(self) -> FeedLines:
        """The lines of an audience that keeps a feed. Raises LookupError where it keeps none."""
        if self.lines is None:
            raise LookupError(f"the audience of {self.role} keeps no feed")
        return self.lines

    @classmethod
    def of_state(cls, role: Role, state: ContestState) -> "Audience":
        """The audience of a contest as it stands, without a feed."""
        audience = cls(role)
        audience.look_at_all(state)
        return audience

    def look_at_all(self, state: ContestState) -> None:
        """Show what there is, in the place of nothing, without drafting a line."""
        for _ in self.looking_at_all(state):
            continue

    def looking_at_all(self, state: ContestState) -> Iterator[None]:
        """Show what there is, some objects at each step, without drafting a line.

        Between two steps the audience may be brought forward with the state (`advance`, or a release): what comes is
        shown by that, and what is looked at here is looked at as it is then.
        """
        for type_name in self.view.types:
            yield from self.looking_at(state, type_name)

    def looking_at(self, state: ContestState, type_name: str) -> Iterator[None]:
        """The same with the objects of one type alone."""
        for number, identifier in enumerate(list(self.view.types[type_name].identifiers(state)), start=1):
            self.look_at(state, (type_name, identifier))
            if number % LOOKED_AT_ONCE == 0:
                yield

    def look_at(self, state: ContestState, key: Key) -> None:
        """Show one object as it is, in the place of nothing, without drafting a line."""
        instance = self.view.types[key[0]].instance(state, key[1])
        if instance is not None:
            self._look(state, key, instance)

    def concerned(self, _state: ContestState, change: Change) -> Change:
        """All that this audience has to look at again after an event, given the state just after it."""
        return change

    def advance(self, state: ContestState, change: Change, chain: bytes) -> None:
        """Look again at what an event may have changed; `state` is the state just after it.

        What disappears follows what appears and changes, children before parents, so that no line of any feed
        leaves a reference to nothing behind it.
        """
        gone: list[tuple[int, Difference]] = []
        for index, key in enumerate(change.keys):
            for difference in self._differences(state, key):
                if difference.after is None:
                    gone.append((2 * len(change.keys) - 1 - index, difference))
                else:
                    self.draft(difference, change.position, index, chain)
        for index, difference in reversed(gone):
            self.draft(difference, change.position, index, chain)
        if self._order.position != change.position:
            self._order = _NO_ORDER

    def collection(self, state: ContestState, type_name: str, team_id: str | None) -> Iterator[bytes]:
        """The objects of one type as encoded JSON, in the order in which they are listed."""
        identifiers = self.view.types[type_name].identifiers(state)
        if type_name in self.leaving:
            identifiers = listed(type_name, chain(identifiers, self.leaving[type_name]))
        for identifier in identifiers:
            data = self.object((type_name, identifier), team_id)
            if data is not None:
                yield data

    def object(self, key: Key, team_id: str | None) -> bytes | None:
        """One object as encoded JSON, None when it is not shown."""
        if team_id is not None:
            own = self.shown_to_owner.get(team_id)
            if own is not None and key in own:
                return own[key]
        return self.shown[key[0]].get(key[1])

    def _look(self, state: ContestState, key: Key, instance: ContestObject) -> None:
        """Take in one object without drafting a line."""
        common = self.encoded(state, None, key, instance)
        if common is not None:
            self.shown[key[0]][key[1]] = common
        teams = seeing_otherwise(state, key, instance) if self.has_own else NOBODY
        if teams:
            self.owners[key] = teams
            for team_id in teams:
                self.shown_to_owner.setdefault(team_id, {})[key] = self.encoded(state, team_id, key, instance)

    def _differences(self, state: ContestState, key: Key) -> Iterator["Difference"]:
        """How one object looks otherwise than before, to everybody in common and to its owners."""
        instance = self.view.types[key[0]].instance(state, key[1])
        behind = None if instance is None else self.place_among_shown(state, key)
        involved = NOBODY
        if self.has_own:
            involved = yield from self._differences_to_owners(state, key, instance, behind)
        common = None if instance is None else self.encoded(state, None, key, instance)
        if common != self.shown[key[0]].get(key[1]):
            self.show(key, common)
            yield Difference(key, common, None, involved, behind)

    def _differences_to_owners(
        self, state: ContestState, key: Key, instance: ContestObject | None, behind: str | None
    ) -> Generator["Difference", None, Owners]:
        """How one object looks otherwise than before to those whose own it was or is; returns who they are."""
        teams_before = self.owners.get(key, NOBODY)
        teams = NOBODY if instance is None else seeing_otherwise(state, key, instance)
        involved = tuple(_united(teams_before, teams))
        for team_id in involved:
            before = self.object(key, team_id)
            after = None if instance is None else self.encoded(state, team_id, key, instance)
            self.show_to_owner(team_id, key, after, owned=team_id in teams)
            if before != after:
                yield Difference(key, after, team_id, behind=behind)
        if teams:
            self.owners[key] = teams
        else:
            self.owners.pop(key, None)
        return involved

    def draft(self, difference: "Difference", position: int, index: int, chain: bytes) -> None:
        """Draft the line that tells of a difference, where there is a feed."""
        if self.lines is None:
            return
        line = _line(position, index, difference.key, difference.after)
        if difference.behind is not None and difference.after is not None:
            self.lines.note_behind(line, difference.behind)
        if difference.team_id is None:
            self.lines.draft(line, chain, difference.replaced_for)
        else:
            self.lines.draft_for_team(difference.team_id, line, chain)

    def place_among_shown(self, state: ContestState, key: Key) -> str | None:
        """The id of the nearest object before this one, in order of creation, that anybody here is shown.

        FIRST where there is none; None where no feed is kept, where the object is shown to somebody already, where
        nothing of its type comes behind it, and where the place of an object follows from its id.
        """
        type_name, identifier = key
        members = state.objects[type_name]
        if self.lines is None or type_name == AWARDS or self._is_shown(key) or identifier not in members:
            return None
        if next(reversed(cast("Reversible[str]", members))) == identifier:
            return None
        before = self._identifiers_before(state, key)
        return next((each for each in before if self._is_shown((type_name, each))), FIRST)

    def _identifiers_before(self, state: ContestState, key: Key) -> Iterator[str]:
        """The ids before one in order of creation, the nearest first; the order is worked out once for an event."""
        type_name, identifier = key
        if (self._order.position, self._order.type_name) != (state.position, type_name):
            identifiers = list(state.objects[type_name])
            numbers = {each: number for number, each in enumerate(identifiers)}
            self._order = _Order(state.position, type_name, identifiers, numbers)
        identifiers = self._order.identifiers
        return (identifiers[number] for number in range(self._order.numbers[identifier] - 1, -1, -1))

    def _is_shown(self, key: Key) -> bool:
        """Whether anybody of this role is shown an object."""
        if key[1] in self.shown[key[0]]:
            return True
        return any(self.shown_to_owner[team_id].get(key) is not None for team_id in self.owners.get(key, NOBODY))

    def show_to_owner(self, team_id: str, key: Key, data: bytes | None, *, owned: bool) -> None:
        """Show a team its own object; what it does not own (any more) it is shown as all others are."""
        own = self.shown_to_owner.setdefault(team_id, {})
        self.changes[key[0]] += 1
        if owned:
            own[key] = data
        else:
            own.pop(key, None)

    def encoded(self, state: ContestState, team_id: str | None, key: Key, instance: ContestObject) -> bytes | None:
        """An object as it looks to a team, or (None) to all others; None when it is hidden."""
        view = self.view.types[key[0]].of(state, team_id, instance)
        return None if view is None else encode(view)

    def show(self, key: Key, data: bytes | None) -> None:
        """Show an object to all; None takes it away."""
        self.changes[key[0]] += 1
        if data is None:
            del self.shown[key[0]][key[1]]
        else:
            self.shown[key[0]][key[1]] = data


def seeing_otherwise(state: ContestState, key: Key, instance: ContestObject) -> Owners:
    """The teams that may see an object otherwise than the others do: its owners, and those of what it may strip.

    So the team that asked sees what an announcement replies to, although the announcement is everybody's.
    """
    own = owners(state, key[0], instance)
    if not STRIPPED[key[0]]:
        return own
    of_named = [
        team_id
        for reference in STRIPPED[key[0]]
        for identifier in referenced_ids(reference, instance)
        if (named := state.objects[reference.target].get(identifier)) is not None
        for team_id in owners(state, reference.target, named)
    ]
    return tuple(dict.fromkeys((*own, *of_named))) if of_named else own


def _united(some: Owners, others: Owners) -> Iterable[str]:
    return some if some == others else dict.fromkeys((*some, *others))


def _line(position: int, index: int, key: Key, data: bytes | None) -> DraftLine:
    type_name, identifier = key
    type_number, begin = LINE_BEGINS[type_name]
    body = b'%s%s,"data":%s,"token":"' % (
        begin,
        b"null" if identifier == SINGLETON_ID else encode(identifier),
        b"null" if data is None else data,
    )
    return DraftLine(position, index, type_number, body)
