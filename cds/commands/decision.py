"""What every decision comes to, and what it raises when it may not be.

This module must not know any particular command, nor how a wire spells a refusal.
"""

from typing import Literal

import msgspec

from schemas.objects import ContestObject

Ground = Literal["invalid", "forbidden", "unknown", "conflict", "precondition", "reused-key"]
"""Why a command is refused: it is wrong in itself; this caller may not, or not now; the object it is about is not
there; it clashes with what is there; the object is not as the caller said; an Idempotency-Key came with another
request."""

UPDATES_ENDED = "the contest has ended its updates (end_of_updates is set): nothing may change any more"


class Refused(Exception):
    """A command that may not be carried out. `reason` is for whoever asked; `property` names what is wrong."""

    def __init__(self, reason: str, property: str | None = None, *, ground: Ground = "invalid") -> None:
        super().__init__(reason)
        self.reason = reason
        self.property = property
        self.ground: Ground = ground


class ObjectChange(msgspec.Struct, frozen=True):
    """One object or record after a change: its type, an id (empty for what exists once), None for a deletion."""

    type: str
    id: str
    instance: ContestObject | None
