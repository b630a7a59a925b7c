"""An audience: all who see a contest alike, the objects as they see them, and the change log of that view.

The feed of a viewer is not a filtered copy of the log. For each event, every object that may have changed is
viewed again and compared with what was shown: different gives a line with the new view, gone gives `data: null`,
equal gives nothing. So freeze, thaw, a start that reveals problems and a question that becomes visible need no
code of their own. Teams share one audience; beside it stands what each team sees of its own.
This module must not know who is connected.
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import chain

import msgspec

from projections.contest import Change, ContestState
from projections.feed_lines import DraftLine, FeedLines
from projections.integrity import Key
from projections.ownership import OWNERS, Owners, owners
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
    """One object that looks otherwise than before: to one team as its owner, or to all but `replaced_for`."""

    key: Key
    after: bytes | None
    team_id: str | None
    replaced_for: Owners = NOBODY


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
        for type_name, view in self.view.types.items():
            for number, identifier in enumerate(list(view.identifiers(state)), start=1):
                instance = view.instance(state, identifier)
                if instance is not None:
                    self._look(state, (type_name, identifier), instance)
                if number % LOOKED_AT_ONCE == 0:
                    yield

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

    def collection(self, state: ContestState, type_name: str, team_id: str | None) -> Iterator[bytes]:
        """The objects of one type as encoded JSON, in order of creation."""
        identifiers = self.view.types[type_name].identifiers(state)
        for identifier in chain(identifiers, self.leaving[type_name]) if type_name in self.leaving else identifiers:
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
        involved = NOBODY
        if self.has_own:
            involved = yield from self._differences_to_owners(state, key, instance)
        common = None if instance is None else self.encoded(state, None, key, instance)
        if common != self.shown[key[0]].get(key[1]):
            self.show(key, common)
            yield Difference(key, common, None, involved)

    def _differences_to_owners(
        self, state: ContestState, key: Key, instance: ContestObject | None
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
                yield Difference(key, after, team_id)
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
        if difference.team_id is None:
            self.lines.draft(line, chain, difference.replaced_for)
        else:
            self.lines.draft_for_team(difference.team_id, line, chain)

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
