"""An audience that is told of a contest in the words of a version of the Contest API.

It is an audience like any other: the objects that its role sees, translated, and the change log of what that comes to.
So whatever holds for our own words (a feed equals GET, what is hidden stays so) holds for the translated ones too.
This module must not know any version.
"""

from projections.audience import Audience, encode
from projections.contest import Change, ContestState
from projections.feed_lines import FeedLines
from projections.integrity import Key
from projections.served_versions import DRAFT, ServedVersion
from schemas.object_types import TYPE_ORDER
from schemas.objects import ContestObject
from schemas.viewers import Role


class VersionedAudience(Audience):
    """What the holders of one role are shown in one version."""

    def __init__(self, role: Role, version: ServedVersion, lines: FeedLines | None = None) -> None:
        """An audience of an empty contest; see `Audience`."""
        super().__init__(role, lines)
        self.version = version

    def concerned(self, state: ContestState, change: Change) -> Change:
        """With what the version says of other objects because of an aspect that has changed."""
        if not change.further_aspects:
            return change
        dependents = self.version.dependents
        keys = dict.fromkeys(change.keys)
        for aspect in change.further_aspects:
            if aspect in dependents:
                keys |= dict.fromkeys(dependents[aspect](state, change))
        if len(keys) == len(change.keys):
            return change
        ordered = sorted(keys, key=lambda key: TYPE_ORDER[key[0]])
        return Change(change.position, tuple(ordered))

    def advance(self, state: ContestState, change: Change, chain: bytes) -> None:
        """As `Audience.advance`, over all that is concerned here."""
        super().advance(state, self.concerned(state, change), chain)

    def encoded(self, state: ContestState, team_id: str | None, key: Key, instance: ContestObject) -> bytes | None:
        """An object as it looks to a team, or (None) to all others, translated."""
        shown = self.view.of(state, team_id, key[0], instance)
        told = None if shown is None else self.version.told(state, team_id, key[0], shown)
        return None if told is None else encode(told)


def audience_of(role: Role, version: ServedVersion, lines: FeedLines | None = None) -> Audience:
    """An audience of an empty contest."""
    return Audience(role, lines) if version is DRAFT else VersionedAudience(role, version, lines)


def audience_of_state(role: Role, version: ServedVersion, state: ContestState) -> Audience:
    """The audience of a contest as it stands, without a feed."""
    if version is DRAFT:
        return Audience.of_state(role, state)
    audience = VersionedAudience(role, version)
    audience.look_at_all(state)
    return audience
