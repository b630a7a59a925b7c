"""Releases under way: an event that concerns many objects goes to the audiences of a contest in pieces.

In one go it would hold up every request and every feed for as long as tens of thousands of objects take, once for each
audience. This module must not know what an event means, nor where the lines go.
"""

import asyncio
from collections.abc import Callable, Iterable

from cds.background import telling_of_failure
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.releasing import Release, absent_keys

RELEASED_AT_ONCE_MAX = 250
"""Objects of one audience that are shown anew in one go; after so many, others are served."""

GiveUp = Callable[[Audience, Exception], None]
"""Lets go of an audience that cannot be kept level any more, and of the reason why."""


class Releasing:
    """The release of one contest that is under way, if there is one."""

    def __init__(self, publish: Callable[[], None], give_up: GiveUp) -> None:
        """`publish` is called after every piece: its lines stand ready. What fails in one audience ends it alone."""
        self.pieces = 0
        """Pieces that have gone out since the start, of all releases."""
        self._publish = publish
        self._give_up = give_up
        self._task: asyncio.Task[None] | None = None

    def is_needed_for(self, audiences: Iterable[Audience], state: ContestState, change: Change) -> bool:
        """Whether an event concerns so many objects that it may not be brought to the audiences in one go."""
        if not change.further_aspects:
            return len(change.keys) > RELEASED_AT_ONCE_MAX
        return any(concerns_many(audience, state, change) for audience in audiences)

    async def carry_out(self, audiences: Iterable[Audience], state: ContestState, change: Change, chain: bytes) -> None:
        """Bring an event that has just been applied to the audiences. No other may be applied before it is through."""
        under_way: list[tuple[Audience, Release]] = []
        absent = absent_keys(state, change)
        for audience in audiences:
            try:
                concerned = audience.concerned(state, change)
                under_way.append((audience, Release(audience, state, concerned, chain, absent)))
            except Exception as failure:  # noqa: BLE001 - told of where the audience is given up
                self._give_up(audience, failure)
        self._task = task = asyncio.create_task(self._go_on(under_way), name="release")
        task.add_done_callback(self._note_end)
        task.add_done_callback(telling_of_failure("release_failed"))
        await asyncio.shield(task)

    async def finished(self) -> None:
        """Come back when none is under way. It goes on to its end also when nobody waits for it any more."""
        while self._task is not None:
            await asyncio.wait((self._task,))

    def _note_end(self, _task: asyncio.Task[None]) -> None:
        """One that failed is over too: otherwise nothing could ever be applied or read again."""
        self._task = None

    async def _go_on(self, under_way: list[tuple[Audience, Release]]) -> None:
        """All audiences in turn, a piece each, until every one is through or has been given up."""
        while under_way:
            left = []
            for audience, release in under_way:
                try:
                    if release.go_on(RELEASED_AT_ONCE_MAX):
                        left.append((audience, release))
                except Exception as failure:  # noqa: BLE001 - told of where the audience is given up
                    self._give_up(audience, failure)
                self.pieces += 1
                self._publish()
                await asyncio.sleep(0)
            under_way = left


def concerns_many(audience: Audience, state: ContestState, change: Change) -> bool:
    """Whether an event concerns so many objects of an audience that others are to be served in between."""
    return len(audience.concerned(state, change).keys) > RELEASED_AT_ONCE_MAX


async def released_alone(
    audience: Audience, state: ContestState, change: Change, chain: bytes, publish: Callable[[], None]
) -> None:
    """Bring an event that has just been applied to one audience that nobody sees yet, as `Releasing` does to many."""
    release = Release(audience, state, audience.concerned(state, change), chain, absent_keys(state, change))
    more = True
    while more:
        more = release.go_on(RELEASED_AT_ONCE_MAX)
        publish()
        await asyncio.sleep(0)
