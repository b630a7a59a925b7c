"""What Codeforces answers to the three questions about a handle: asked now, or remembered in the cache.

The long lists are kept beside the log the moment they come, so that an answer is small, wherever it is remembered.
This module must not know students, nor what becomes of an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from cds.circumstances import Circumstances
from cds.commands.students import Findings
from cds.platforms.adapters import codeforces
from cds.platforms.adapters.codeforces import CodeforcesUser
from cds.platforms.client import PlatformClient
from cds.platforms.questions import PlatformFailed
from cds.students.cache import CacheKey, ForgivingCache, keys_of
from cds.students.raw_lists import RawLists
from schemas.times import format_time

INFO_S, CONTEST_S, SUBMISSIONS_S = 6 * 3_600, 6 * 3_600, 2 * 3_600
"""How long each answer is remembered (requirements-001, 1.5)."""

PATIENCE_S = 50.0
"""For so long a question about a handle waits for its turn at most: less than clients wait for an answer, and less than
the syncs of contests do."""

RATING_MAX = 1_000_000
"""No rating is greater, nor lower than this below zero."""

T = TypeVar("T")


class KeptList(msgspec.Struct, frozen=True, kw_only=True):
    """A long list: how many rows, under which name, and when the newest accepted submission was, where that counts."""

    count: int
    name: str
    last_accepted_s: int | None = None


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What need not be asked; when the oldest and the newest of it was, in milliseconds since the Unix epoch."""

    user: CodeforcesUser | None = None
    changes: KeptList | None = None
    submissions: KeptList | None = None
    asked_ms: int = 0
    last_asked_ms: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing has to be asked."""
        return None not in (self.user, self.changes, self.submissions)

    @property
    def lists(self) -> frozenset[str]:
        """The names of the lists that are remembered."""
        return frozenset(each.name for each in (self.changes, self.submissions) if each is not None)


NOTHING = Remembered()


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in the cache, and when Codeforces was asked, in milliseconds since the Unix epoch."""

    asked_ms: int
    answer: msgspec.Raw


_entry_decoder = msgspec.json.Decoder(_Entry)


class HandleAnswers:
    """Questions to Codeforces about handles."""

    def __init__(
        self, lists: RawLists, client: PlatformClient, cache: ForgivingCache, circumstances: Circumstances
    ) -> None:
        """`client` is the one of the process, which keeps the limits of Codeforces."""
        self._lists = lists
        self._client = client
        self._cache = cache
        self._circumstances = circumstances

    async def forget(self, handle: str) -> None:
        """Remember nothing of a handle any more."""
        await self._cache.forget(keys_of(handle))

    async def remembered(self, handle: str, after_ms: int) -> Remembered:
        """What was answered of a handle when it was asked at that moment (since the Unix epoch) or later."""
        info, contest, submissions = keys_of(handle)
        asked_ms: list[int] = []
        return Remembered(
            user=_read(await self._cache.get(info), CodeforcesUser, after_ms, asked_ms),
            changes=await self._list(contest, after_ms, asked_ms),
            submissions=await self._list(submissions, after_ms, asked_ms),
            asked_ms=min(asked_ms, default=0),
            last_asked_ms=max(asked_ms, default=0),
        )

    async def _list(self, key: CacheKey, after_ms: int, asked_ms: list[int]) -> KeptList | None:
        """A list that is remembered, and kept in this database.

        A cache in Redis may be shared with another one, and a list that nobody named is erased after a while.
        """
        asked: list[int] = []
        found = _read(await self._cache.get(key), KeptList, after_ms, asked)
        if found is None or not await self._lists.is_kept(found.name):
            return None
        asked_ms += asked
        return found

    async def findings(self, handle: str, remembered: Remembered) -> Findings:
        """What there is to say of a handle; what is not remembered is asked, all at once.

        None goes on when one has failed. Raises PlatformFailed and StoreUnavailable.
        """
        info, contest, submissions = keys_of(handle)
        try:
            async with asyncio.TaskGroup() as group:
                user = group.create_task(
                    self._answer(remembered.user, info, INFO_S, lambda: self._user(handle)),
                )
                changes = group.create_task(
                    self._answer(remembered.changes, contest, CONTEST_S, lambda: self._changes(handle))
                )
                made = group.create_task(
                    self._answer(remembered.submissions, submissions, SUBMISSIONS_S, lambda: self._submissions(handle))
                )
        except BaseExceptionGroup as failures:
            raise _worst(failures.exceptions) from failures
        return _findings(user.result(), changes.result(), made.result())

    async def _answer(self, remembered: T | None, key: CacheKey, lifetime_s: int, ask: Callable[[], Awaitable[T]]) -> T:
        """What is remembered, or else a new answer, which is remembered from now on."""
        if remembered is not None:
            return remembered
        asked_ms = self._circumstances.now_us() // 1_000
        answer = await ask()
        entry = _Entry(asked_ms=asked_ms, answer=msgspec.Raw(msgspec.json.encode(answer)))
        await self._cache.put(key, msgspec.json.encode(entry), lifetime_s)
        return answer

    async def _user(self, handle: str) -> CodeforcesUser:
        user = await self._client.carry_out(codeforces.user_info(handle), patience_s=PATIENCE_S)
        if any(abs(rating or 0) > RATING_MAX for rating in (user.rating, user.max_rating)):
            raise PlatformFailed("codeforces: a rating that cannot be", kind="malformed")
        return user

    async def _changes(self, handle: str) -> KeptList:
        told = await self._client.carry_out(codeforces.user_rating(handle), patience_s=PATIENCE_S)
        return KeptList(count=told.count, name=await self._kept(told.raw))

    async def _submissions(self, handle: str) -> KeptList:
        told = await self._client.carry_out(codeforces.user_status(handle), patience_s=PATIENCE_S)
        return KeptList(count=told.count, name=await self._kept(told.raw), last_accepted_s=told.last_accepted_s)

    async def _kept(self, raw: bytes) -> str:
        try:
            return await self._lists.keep(raw)
        except UnicodeDecodeError:
            raise PlatformFailed("codeforces: an answer that is no text", kind="malformed") from None


def _read(value: bytes | None, form: type[T], after_ms: int, asked_ms: list[int]) -> T | None:
    """What an entry of the cache says; None for one that says nothing, or was asked before that moment.

    When it was asked is added to `asked_ms`.
    """
    if value is None:
        return None
    try:
        entry = _entry_decoder.decode(value)
        if entry.asked_ms < after_ms:
            return None
        answer = msgspec.json.decode(entry.answer, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    asked_ms.append(entry.asked_ms)
    return answer


def _findings(user: CodeforcesUser, changes: KeptList, submissions: KeptList) -> Findings:
    accepted_s = submissions.last_accepted_s
    return Findings(
        rank=user.rank,
        rating=user.rating,
        max_rating=user.max_rating,
        last_active_at=None if accepted_s is None else format_time(accepted_s * 1_000),
        contest_data=changes.name,
        contest_count=changes.count,
        submissions=submissions.name,
        submission_count=submissions.count,
    )


def _worst(failures: Sequence[BaseException]) -> BaseException:
    """Of several failures the one to tell: that there is no such handle, where one of them says so."""
    for failure in failures:
        if isinstance(failure, PlatformFailed) and failure.kind == "not_found":
            return failure
    return failures[0]
