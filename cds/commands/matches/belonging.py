"""What of a contest belongs to its match, and is therefore changed at the match alone.

That a contest is a match's is written in its own stream, in its settings, with its first events. So it holds whatever
its objects say, for every process, and for everybody who writes: over the Contest API, from the command line, as an
import, a source or a platform. This module must not know what a match makes of its contest, nor who asks.
"""

from collections.abc import Iterable

import msgspec

from cds.commands.decision import ObjectChange, Refused
from projections.contest import SETTINGS, ContestState
from schemas.matches import is_match_id
from schemas.records import Settings

ACTOR = "matches"
"""Who writes what a match comes to."""

CLOCK = "clock"
"""Who writes what has happened by the times of a contest."""

WRITERS = frozenset({ACTOR, CLOCK})
"""Accounts write under other names: `account:` or `server:` comes first."""

OF_MATCH = ("contest", "languages", "problems", "teams", "submissions", "awards")
"""The types of which a match speaks. What people have given the contest of other types stays."""

BELONGING = frozenset({*OF_MATCH, "state"})


def is_of_match(state: ContestState) -> bool:
    """Whether a contest is a match's, also while the match is hidden or deleted and there is none."""
    return state.settings.match is not None


def of_match(state: ContestState) -> str:
    """What is said to whoever would change what belongs to a match, which is named by its slug where there is one."""
    extension = None if state.contest is None else state.contest.ext
    loc = None if extension is None else extension.loc
    match = state.settings.match if loc is None else loc.slug
    return f"this contest is that of the match {match}: it is changed at /v1/admin/match"


def refuse_change_of_match(state: ContestState, actor: str, changes: Iterable[ObjectChange]) -> None:
    """Raise Refused (conflict) where somebody else would change what belongs to a match."""
    if is_of_match(state) and actor not in WRITERS and any(_belongs(state.settings, change) for change in changes):
        raise Refused(of_match(state), ground="conflict")


def refuse_match_id(contest_id: str, hint: str = "choose another one") -> None:
    """Raise Refused (conflict) for an id that no contest may have but that of a match, which perhaps is to come."""
    if is_match_id(contest_id):
        raise Refused(f"the id {contest_id} is for the contest of a match: {hint}", "id", ground="conflict")


def _belongs(present: Settings, change: ObjectChange) -> bool:
    """Of the settings those of webhooks are left to people."""
    if change.type != SETTINGS:
        return change.type in BELONGING
    wanted = change.instance
    if not isinstance(wanted, Settings):
        return True
    return msgspec.structs.replace(wanted, webhooks=present.webhooks) != present
