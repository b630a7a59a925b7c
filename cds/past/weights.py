"""How much memory takes what is kept of the past, about: measured with contests of tens of thousands of events.

It is said by what can be counted at once. This module must not know what it is kept for.
"""

from projections.audience import Audience
from projections.contest import ContestState

KEPT_BYTES_MAX = 256 * 2**20
"""What all that is kept of past moments may take together, but for what the moment asked for last needs itself."""

OBJECT_BYTES = 300
"""An object of a past state, with its place in collections, and who names it: most objects are those of the present."""

GROWN_OBJECT_BYTES = 400
"""The same in a state that has been made event by event, and is no longer packed as tightly."""

CHANGE_BYTES = 1_000
"""What one event has changed in a draft of a state."""

SHOWN_BYTES = 300
"""An object as an audience is shown it, encoded."""

SUBMISSION_BYTES = 1_200
"""A submission on a board of its own, with its judgements. Boards of one contest share what is the same on them."""

ROW_BYTES = 12_000
"""A team on the board of a moment, with what it has in each problem, and as it was encoded."""


def bytes_of_rows(state: ContestState) -> int:
    """Of a board that stands on another one."""
    return len(state.objects["teams"]) * ROW_BYTES


def bytes_of_state(state: ContestState) -> int:
    """Of a state that is no draft."""
    return len(state.versions) * OBJECT_BYTES


def bytes_of_draft(draft: ContestState, state: ContestState) -> int:
    """Of what is in a draft beside the state of which it is one."""
    return (draft.position - state.position) * CHANGE_BYTES


def bytes_of_audience(audience: Audience) -> int:
    """Of all that is shown to all in common, and to owners."""
    shown = sum(map(len, audience.shown.values())) + sum(map(len, audience.shown_to_owner.values()))
    return shown * SHOWN_BYTES
