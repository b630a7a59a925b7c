"""What every decision comes to, and what it raises when it may not be.

This module must not know any particular command.
"""

import msgspec

from schemas.objects import ContestObject

UPDATES_ENDED = "the contest has ended its updates (end_of_updates is set): nothing may change any more"


class Refused(Exception):
    """A command that may not be carried out. `reason` is for whoever asked; `property` names what is wrong."""

    def __init__(self, reason: str, property: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.property = property


class ObjectChange(msgspec.Struct, frozen=True):
    """One object after a change: a type of table one, an id (empty for singletons), None for a deletion."""

    type: str
    id: str
    instance: ContestObject | None
