"""A contest that keeps what imports have written down beside its objects: what tests of their decisions begin with.

This module must not know any import.
"""

from cds.commands.platform_objects import Known
from projections.contest import Change, ContestState
from schemas.objects import ContestObject
from schemas.records import PlatformObjects


class ContestWithRecords(ContestState):
    """The state of a contest; `known` is what is known to be its platform's."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.known = Known()

    def apply(self, position: int, type_name: str, identifier: str, instance: ContestObject | None) -> Change:
        """See ContestState.apply."""
        if isinstance(instance, PlatformObjects):
            assert identifier == str(self.known.records + 1)
            self.known.take(instance)
        return super().apply(position, type_name, identifier, instance)
