"""What the answers of all platforms have in common: statuses, JSON, rows of which some may be bad.

This module is pure; it must not know any platform but by its name.
"""

import hashlib
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

import msgspec

from cds.platforms.questions import FailedRow, FetchedContests, PlatformContest, PlatformFailed, Reply

KEY_CHARACTERS_MAX = 200
"""The longest key of a platform that is taken for one."""

REASON_CHARACTERS_MAX = 300
"""So much of what a platform says of its refusal goes into logs."""

ROWS_MAX = 50_000
"""Rows of all answers together, ten times as many as any platform has contests: what lists more has failed."""

OK, TOO_MANY_REQUESTS = 200, 429
PERMANENT_STATUSES = frozenset((400, 401, 404, 405, 410, 422))
"""To ask the same again would be answered the same. 403 is not among them: it is how a busy Cloudflare says wait."""

T = TypeVar("T")


class Untranslatable(ValueError):
    """A row that makes no sense; the text says which property and why."""


class Rows:
    """The rows of all answers of one conversation, each contest once: the first that can be translated counts."""

    def __init__(self) -> None:
        """None has come."""
        self._rows: dict[str, PlatformContest] = {}
        self._failed: dict[str | bytes, FailedRow] = {}
        self._taken = 0
        self._good_lists: set[str] = set()
        self._broken_lists: dict[str, str] = {}

    def take(
        self, raw_rows: Iterable[bytes], translate: Callable[[bytes], PlatformContest | None], listed_in: str = "list"
    ) -> None:
        """Translate some rows. `translate` may raise ValueError; None is a row that is none of ours.

        `listed_in`: which of the lists of the platform they are from. Raises PlatformFailed for too many.
        """
        for raw in raw_rows:
            self.take_one(raw, partial(translate, raw), listed_in=listed_in)

    def take_one(
        self,
        raw: bytes,
        translate: Callable[[], PlatformContest | None],
        key: str | None = None,
        listed_in: str = "list",
    ) -> None:
        """Translate one row; one that fails counts once, however often it comes. `key`: where `raw` is not JSON."""
        self._taken += 1
        if self._taken > ROWS_MAX:
            raise PlatformFailed(f"more than {ROWS_MAX} rows", kind="too_large", permanent=True)
        try:
            translated = translate()
        # A number of a million digits and a thousand brackets are for a row what a missing key is.
        except (ValueError, OverflowError, RecursionError) as error:
            key = key or key_of(raw)
            reason = one_line(str(error))
            self._failed.setdefault(key or raw, FailedRow(key=key, reason=reason))
            self._broken_lists.setdefault(listed_in, reason)
        else:
            self._good_lists.add(listed_in)
            if translated is not None:
                self._rows.setdefault(translated.platform_id, translated)

    def fetched(self, bodies: Iterable[bytes], platform: str) -> FetchedContests:
        """What the rows came to. Raises PlatformFailed when there were rows and none makes sense, in any of the lists.

        A list of which nothing can be read is as good as one that did not come: its contests would look as if gone.
        """
        failed = tuple(row for row in self._failed.values() if row.key not in self._rows)
        if failed and not self._rows:
            raise PlatformFailed(
                f"{platform}: none of {len(failed)} rows can be translated, the first: {failed[0].reason}",
                kind="untranslatable",
            )
        for listed_in, reason in self._broken_lists.items():
            if listed_in not in self._good_lists:
                raise PlatformFailed(
                    f"{platform}: no row of its {listed_in} can be translated, the first: {reason}",
                    kind="untranslatable",
                )
        digest = hashlib.sha256()
        for body in bodies:
            digest.update(body)
        return FetchedContests(rows=tuple(self._rows.values()), failed=failed, bodies_sha256=digest.hexdigest())


def one_line(text: str) -> str:
    """The beginning of what somebody else said, on one line and without characters that cannot be seen."""
    seen = "".join(character if character.isprintable() else " " for character in text[: 2 * REASON_CHARACTERS_MAX])
    return " ".join(seen.split())[:REASON_CHARACTERS_MAX]


def refuse_status(reply: Reply, platform: str) -> None:
    """Raise PlatformFailed for a reply whose status is not 200."""
    if reply.status == OK:
        return
    raise PlatformFailed(
        f"{platform}: answered {reply.status}",
        kind="limited" if reply.status == TOO_MANY_REQUESTS else "status",
        permanent=reply.status in PERMANENT_STATUSES,
        retry_after_s=retry_after_s(reply),
    )


def retry_after_s(reply: Reply) -> float | None:
    """For how long the platform wants to be left alone (RFC 9110, Retry-After); None when it does not say.

    A date counts from the date of the answer itself, so that no clock is needed.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        later, said = parsedate_to_datetime(text), parsedate_to_datetime(reply.headers.get("date", ""))
        return max((later - said).total_seconds(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def decoded(body: bytes, form: type[T], platform: str) -> T:
    """JSON of a form. Raises PlatformFailed for a body that is something else."""
    try:
        return msgspec.json.decode(body, type=form)
    except (ValueError, OverflowError, RecursionError) as error:
        raise PlatformFailed(f"{platform}: {one_line(str(error))}", kind="malformed") from error


class _Keyed(msgspec.Struct):
    """The key of a row, whichever platform it is of."""

    id: int | str | None = None
    titleSlug: str | None = None  # noqa: N815 - a property of LeetCode
    contest_code: str | None = None


def key_of(raw: bytes) -> str | None:
    """The key of a row that could not be translated, as far as it can be read."""
    try:
        keyed = msgspec.json.decode(raw, type=_Keyed)
    except (ValueError, OverflowError, RecursionError):
        return None
    key = keyed.id if keyed.id is not None else keyed.titleSlug or keyed.contest_code
    return None if key is None else one_line(str(key))[:KEY_CHARACTERS_MAX] or None
