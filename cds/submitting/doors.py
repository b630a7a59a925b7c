"""What is common to both APIs by which something can be handed in.

This module must not know either.
"""

from typing import Protocol

from cds.live_play.client import Login
from cds.submitting.standing import Standing
from cds.submitting.work import Work

__all__ = ["Door", "Login"]


class Door(Protocol):
    """A contest on a server, and the API by which it takes submissions."""

    @property
    def name(self) -> str:
        """Which contest and API it is, for people."""
        ...

    async def hand_in(self, work: Work) -> str:
        """Hand it in; the id of the submission. Raises NotSubmitted with the reason where it is refused."""
        ...

    async def standing(self, submission_id: str) -> Standing:
        """What has become so far of what was handed in last. Raises NotSubmitted when that cannot be told."""
        ...
