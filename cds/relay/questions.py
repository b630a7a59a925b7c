"""Questions to the upstream that are under way: each is asked once for all who want the same and may have it.

Some are asked on although nobody waits for the answer any more. This module must not know how anything is asked.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import msgspec

from cds.background import telling_of_failure
from cds.relay.futures import seen
from cds.relay.kept_answers import Asked, Freshness, KeptAnswer, Whole
from cds.relay.upstream import Unreachable

BESIDE_MAX = 1_000
"""Questions that are asked on, whoever waits; each is about something that is kept."""

Found = KeptAnswer | Whole | None
"""What was answered; None where it is too much to be kept, and each has to ask for himself."""


class Asking(msgspec.Struct, frozen=True):
    """A question that is under way: since when, and what comes of it. The future raises Unreachable."""

    since: Freshness
    answer: "asyncio.Future[Found]"


class Questions:
    """Those that are under way, by what is asked."""

    def __init__(self) -> None:
        """None yet."""
        self._asking: dict[Asked, Asking] = {}
        self._beside: set[asyncio.Task[None]] = set()

    @property
    def has_room_beside(self) -> bool:
        """Whether one more may be asked for which nobody has to wait."""
        return len(self._beside) < BESIDE_MAX

    async def close(self) -> None:
        """Be done with what is asked beside."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    def get(self, asked: Asked) -> Asking | None:
        """What is under way and was begun last."""
        return self._asking.get(asked)

    def begin(self, asked: Asked, since: Freshness) -> Asking:
        """A question that is asked from here on; `answered` has to follow."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(seen)
        asking = self._asking[asked] = Asking(since, answer)
        return asking

    @contextmanager
    def answered(self, asked: Asked, asking: Asking) -> Iterator[None]:
        """In the block a question is asked; if that comes to nothing, all who wait hear that it was Unreachable."""
        try:
            yield
        except BaseException as error:
            if not asking.answer.done():
                asking.answer.set_exception(error if isinstance(error, Unreachable) else Unreachable())
            raise
        finally:
            if self.is_last(asked, asking):
                del self._asking[asked]

    def go_on_beside(self, ask: Callable[[], Coroutine[object, object, None]]) -> None:
        """Have something asked whoever waits for it. Whoever does hears from the question that it was Unreachable."""
        task = asyncio.create_task(_asked(ask), name="ask whether an answer is still good")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        task.add_done_callback(telling_of_failure("relay_question_failed"))

    def is_last(self, asked: Asked, asking: Asking) -> bool:
        """Whether the same has not been asked again since, nor its login been refused."""
        return self._asking.get(asked) is asking

    def forget_all_of(self, login: bytes) -> None:
        """What is on its way to a login is for those alone who wait for it."""
        for asked in [each for each in self._asking if each.login == login]:
            del self._asking[asked]


async def _asked(ask: Callable[[], Coroutine[object, object, None]]) -> None:
    try:
        await ask()
    except Unreachable:
        return
