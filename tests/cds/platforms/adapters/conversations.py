"""Conversations carried out with replies that are there already: no network, no clock.

This module must not know what any answer means.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from cds.platforms.adapters import atcoder, codechef, codeforces, leetcode
from cds.platforms.questions import (
    Asking,
    FetchedContests,
    Platform,
    PlatformContest,
    PlatformFailed,
    Question,
    Reply,
)

NOW_MS = 1_790_500_000_000
"""2026-09-27T09:06:40Z: among the contests of the samples some are over, one is running, some are to come."""

SHARED = Path(__file__).resolve().parents[4].parent / "shared"

CONVERSATIONS: dict[Platform, Callable[[int], Asking[FetchedContests]]] = {
    "codeforces": codeforces.contests,
    "leetcode": leetcode.contests,
    "codechef": codechef.contests,
    "atcoder": atcoder.contests,
}

T = TypeVar("T")


def carried_out(asking: Asking[T], *replies: Reply | bytes) -> T:
    """What a conversation comes to when it gets these replies, one after the other; a bare body is one with 200."""
    return carried_out_and_noted(asking, *replies)[0]


def carried_out_and_noted(asking: Asking[T], *replies: Reply | bytes) -> tuple[T, list[Question]]:
    """The same, and the questions that were asked. All replies must be used up."""
    asked: list[Question] = []
    waiting = [reply if isinstance(reply, Reply) else ok(reply) for reply in replies]
    try:
        question = next(asking)
        while True:
            asked.append(question)
            reply = waiting.pop(0)
            question.check(reply)
            question = asking.send(reply)
    except StopIteration as ended:
        assert waiting == []
        result: T = ended.value
        return result, asked


def failure(asking: Asking[T], *replies: Reply | bytes) -> PlatformFailed:
    """How a conversation fails."""
    with pytest.raises(PlatformFailed) as raised:
        carried_out(asking, *replies)
    assert "\n" not in raised.value.reason
    assert len(raised.value.reason) < 500
    return raised.value


def ok(body: bytes) -> Reply:
    """A reply with status 200."""
    return Reply(status=200, headers={}, body=body)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    """A reply; `_` in names of headers is `-`."""
    return Reply(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=body)


def by_key(fetched: FetchedContests) -> dict[str, PlatformContest]:
    """The rows by the platform's keys."""
    return {row.platform_id: row for row in fetched.rows}


def shared(path: str) -> bytes:
    """A file of ../shared; without it the test is skipped."""
    file = SHARED / path
    if not file.is_file():
        pytest.skip(f"../shared/{path} is not beside this checkout")
    return file.read_bytes()
