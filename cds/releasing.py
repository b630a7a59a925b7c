"""Releases under way: an event that concerns many objects goes to the audiences of a contest in pieces.

In one go it would hold up every request and every feed for as long as tens of thousands of objects take, once for each
audience. This module must not know what an event means, nor where the lines go.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.releasing import Release, releases

RELEASED_AT_ONCE_MAX = 250
"""Objects of one audience that are shown anew in one go; after so many, others are served."""

log = structlog.get_logger(__name__)


class Releasing:
    """The release of one contest that is under way, if there is one."""

    def __init__(self, publish: Callable[[], None]) -> None:
        """`publish` is called after every piece: its lines stand ready."""
        self.pieces = 0
        """Pieces that have gone out since the start, of all releases."""
        self._publish = publish
        self._task: asyncio.Task[None] | None = None

    def is_needed_for(self, change: Change) -> bool:
        """Whether an event concerns so many objects that it may not be brought to the audiences in one go."""
        return len(change.keys) > RELEASED_AT_ONCE_MAX

    async def carry_out(self, audiences: Iterable[Audience], state: ContestState, change: Change, chain: bytes) -> None:
        """Bring an event that has just been applied to the audiences. No other may be applied before it is through.

        Raises what went wrong with an audience, after the others have got all of it.
        """
        under_way = releases(audiences, state, change, chain)
        self._task = task = asyncio.create_task(self._go_on(under_way), name="release")
        task.add_done_callback(self._note_end)
        await asyncio.shield(task)

    async def finished(self) -> None:
        """Come back when none is under way. It goes on to its end also when nobody waits for it any more."""
        while self._task is not None:
            await asyncio.wait((self._task,))

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """One that failed is told of and over too: otherwise nothing could ever be applied or read again."""
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            log.error("release_failed", exc_info=task.exception())

    async def _go_on(self, under_way: list[Release]) -> None:
        """All audiences in turn, a piece each, until every one is through.

        One that fails stays where it stands, and shows what its lines have told. Raises the last such failure.
        """
        failure: Exception | None = None
        while under_way:
            left = []
            for release in under_way:
                try:
                    more = release.go_on(RELEASED_AT_ONCE_MAX)
                except Exception as error:  # noqa: BLE001 - raised below, when the other audiences are through
                    failure, more = error, False
                if more:
                    left.append(release)
                self.pieces += 1
                self._publish()
                await asyncio.sleep(0)
            under_way = left
        if failure is not None:
            raise failure


async def released_alone(
    audience: Audience, state: ContestState, change: Change, chain: bytes, publish: Callable[[], None]
) -> None:
    """Bring an event that has just been applied to one audience that nobody sees yet, as `Releasing` does to many."""
    (release,) = releases((audience,), state, change, chain)
    more = True
    while more:
        more = release.go_on(RELEASED_AT_ONCE_MAX)
        publish()
        await asyncio.sleep(0)
