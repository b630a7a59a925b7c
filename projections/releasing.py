"""A release: one event by which many objects look different, taken into an audience piece by piece.

A thaw or a start concerns every submission, judgement and run. Each piece shows some objects anew and drafts the lines
that say so, in the very order and under the very tokens of `Audience.advance`; between two pieces the audience shows
exactly what its lines tell, and others may be served. What disappears comes last, so until then it stays as it was,
for every viewer. This module must not know how long a piece takes, nor who waits.
"""

from collections.abc import Iterable, Iterator

import msgspec

from projections.audience import NOBODY, Audience, Difference, seeing_otherwise
from projections.contest import Change, ContestState
from projections.integrity import Key
from projections.ownership import Owners
from schemas.objects import ContestObject


def absent_keys(state: ContestState, change: Change) -> list[Key]:
    """Those of the objects of an event that the state, just after it, does not hold; the same for every audience."""
    return [key for key in change.keys if key[1] not in state.objects[key[0]]]


class OwnLook(msgspec.Struct, frozen=True, gc=False):
    """How an object looked and looks to one team whose own it was or is."""

    team_id: str
    before: bytes | None
    after: bytes | None
    owned: bool


class Release:
    """An event on its way into an audience. The state stays as it is until the release is through."""

    def __init__(
        self, audience: Audience, state: ContestState, change: Change, chain: bytes, absent: Iterable[Key]
    ) -> None:
        """Nothing has been shown anew yet; `chain` is the chain value at the position of the event.

        `absent` are the `absent_keys` of the event, which has just been applied to the state.
        """
        self._audience = audience
        self._state = state
        self._change = change
        self._chain = chain
        self._looked_at = 0
        self._gone: list[tuple[int, Difference]] = []
        self._kept_for: dict[Key, Owners] = {}
        for key in absent:
            if audience.view.types[key[0]].instance(state, key[1]) is None:
                audience.leaving.setdefault(key[0], {})[key[1]] = None

    def go_on(self, objects_max: int) -> bool:
        """Take in at most so many objects; False when the release is through."""
        keys = self._change.keys
        end = min(self._looked_at + objects_max, len(keys))
        for index in range(self._looked_at, end):
            self._look_at(index, keys[index])
        left = objects_max - (end - self._looked_at)
        self._looked_at = end
        for _ in range(left):
            self._let_one_go()
        if self._looked_at < len(keys) or self._gone:
            return True
        self._audience.leaving.clear()
        return False

    def _look_at(self, index: int, key: Key) -> None:
        """Show an object as it looks now, and put off for whom it is gone."""
        audience, state = self._audience, self._state
        instance = audience.view.types[key[0]].instance(state, key[1])
        shown = audience.shown[key[0]].get(key[1])
        behind = None if instance is None else audience.place_among_shown(state, key)
        common = None if instance is None else audience.encoded(state, None, key, instance)
        looks = tuple(self._own_looks(key, instance)) if audience.has_own else ()
        leaves = common is None and shown is not None
        for look in looks:
            self._show_to_owner(index, Difference(key, look.after, look.team_id, behind=behind), look, leaves=leaves)
        if common != shown:
            self._publish(index, Difference(key, common, None, tuple(look.team_id for look in looks), behind))

    def _own_looks(self, key: Key, instance: ContestObject | None) -> Iterator[OwnLook]:
        audience, state = self._audience, self._state
        teams_before = audience.owners.get(key, NOBODY)
        teams = NOBODY if instance is None else seeing_otherwise(state, key, instance)
        for team_id in dict.fromkeys((*teams_before, *teams)):
            before = audience.object(key, team_id)
            after = None if instance is None else audience.encoded(state, team_id, key, instance)
            yield OwnLook(team_id, before, after, team_id in teams)
        if teams:
            audience.owners[key] = teams
        else:
            audience.owners.pop(key, None)

    def _show_to_owner(self, index: int, difference: Difference, look: OwnLook, *, leaves: bool) -> None:
        """Show a team its own; `leaves` says that the object goes from all others, whose view may stand for the team's.

        What a team does not own any more it sees as the others do, but not before they do.
        """
        key = difference.key
        if look.before != look.after:
            self._publish(index, difference, before=look.before)
            if look.after is None:
                return
        self._audience.show_to_owner(look.team_id, key, look.after, owned=look.owned or leaves)
        if leaves and not look.owned:
            self._kept_for[key] = (*self._kept_for.get(key, NOBODY), look.team_id)

    def _publish(self, index: int, difference: Difference, before: bytes | None = None) -> None:
        """Show and tell at once what is there; what is gone stays as it is until the others have been told."""
        audience, key = self._audience, difference.key
        if difference.after is None:
            self._gone.append((2 * len(self._change.keys) - 1 - index, difference))
            if difference.team_id is not None:
                audience.show_to_owner(difference.team_id, key, before, owned=True)
            return
        if difference.team_id is None:
            audience.show(key, difference.after)
        audience.draft(difference, self._change.position, index, self._chain)

    def _let_one_go(self) -> None:
        """Let the next object go, for all who lose it: their lines have one place, behind which a reader goes on."""
        index = self._gone[-1][0] if self._gone else None
        while self._gone and self._gone[-1][0] == index:
            self._let_go(*self._gone.pop())

    def _let_go(self, index: int, difference: Difference) -> None:
        """Show and tell that an object is gone."""
        audience, key, team_id = self._audience, difference.key, difference.team_id
        if team_id is None:
            audience.show(key, None)
            for kept_for in self._kept_for.pop(key, NOBODY):
                audience.show_to_owner(kept_for, key, None, owned=False)
        else:
            audience.show_to_owner(team_id, key, None, owned=team_id in audience.owners.get(key, NOBODY))
        audience.draft(difference, self._change.position, index, self._chain)
