"""What an audience was shown of the objects of one type at a moment of the past.

Between two events that is what it is shown of the state after the first. Within an event of many lines it is what the
lines up to one of them have told: a release that was stopped there. This module must not know where states come from,
nor who asks.
"""

from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.integrity import Key
from projections.releasing import Release, absent_keys

NO_CHAIN = b""
"""Where no line is drafted, no token is made."""


class PartOfRelease(Release):
    """An event on its way into an audience, of which perhaps only the objects of one type are brought there."""

    def __init__(
        self, audience: Audience, state: ContestState, change: Change, type_name: str | None, chain: bytes
    ) -> None:
        """Nothing has been shown anew yet; the event has just been applied to the state."""
        absent = [key for key in absent_keys(state, change) if type_name in (None, key[0])]
        super().__init__(audience, state, change, chain, absent)
        self._type_name = type_name

    def go_on_to(self, index: int) -> None:
        """Take in all up to and with what the line of that index, among those of the event, tells."""
        keys = self._change.keys
        self.go_on(min(index + 1, len(keys)))
        if index < len(keys):
            return
        while self._gone and self._gone[-1][0] <= index:
            self._let_one_go()
        if not self._gone:
            self._audience.leaving.clear()

    def _look_at(self, index: int, key: Key) -> None:
        if self._type_name in (None, key[0]):
            super()._look_at(index, key)


def is_whole(audience: Audience, state: ContestState, change: Change, index: int) -> bool:
    """Whether no line of an event comes after that of an index, in the feed of any holder of an audience.

    `state` is the state just after the event, and `change` what it has changed.
    """
    objects = len(audience.concerned(state, change).keys)
    return objects <= 1 or index >= 2 * objects - 1


def stop_within(
    audience: Audience,
    state: ContestState,
    change: Change,
    index: int,
    *,
    type_name: str | None = None,
    chain: bytes = NO_CHAIN,
) -> None:
    """Bring part of an event to an audience that shows all objects, or those of one type, as they were before it.

    `state` is the state just after the event, and `index` that of the last line that has been told; `chain` is the
    chain value there, where lines are drafted.
    """
    concerned = audience.concerned(state, change)
    PartOfRelease(audience, state, concerned, type_name, chain).go_on_to(index)
