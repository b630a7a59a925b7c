"""What goes wrong with an answer: a table, and when it is due.

This module must not know any platform.
"""

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

import msgspec

CLOUDFLARE_PAGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
    b'<meta name="robots" content="noindex,nofollow"></head><body></body></html>'
)
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><p>We are back soon.</p></body></html>"
TOO_LARGE_BYTES = 33 * 1024 * 1024
HANG_S = 3_600.0
ELSEWHERE = "http://localhost:9/elsewhere"
"""Another host than 127.0.0.1; nobody listens there, and nobody may ask."""

FaultName = Literal[
    "cloudflare",
    "html",
    "not found",
    "limited",
    "busy",
    "error",
    "truncated",
    "cut",
    "closed",
    "slow",
    "hang",
    "wrong type",
    "empty",
    "redirect elsewhere",
    "redirect",
    "too large",
    "bomb",
]
"""`truncated`: half of the body as if that were all; `cut`: the connection breaks within the body; `closed`: before the
head; `slow`: after some time (`PlatformServer.slow_s`); `hang`: never; `wrong type`: JSON of another type;
`limited`: 429, `busy`: 503, both with Retry-After (`PlatformServer.retry_after_s`); `redirect`: within the host, once;
`bomb`: a small answer that unpacks to one that is too large.
"""

Transport = Literal["whole", "cut", "closed"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered, and how the connection takes it."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    delay_s: float = 0.0
    transport: Transport = "whole"


class _Due(msgspec.Struct, kw_only=True):
    name: FaultName
    path: str
    after: int
    times: int | None


class Faults:
    """What is still to go wrong. Faults for the same path come one after the other."""

    def __init__(self) -> None:
        """Nothing goes wrong."""
        self.happened: Counter[FaultName] = Counter()
        self._due: list[_Due] = []

    def add(self, name: FaultName, path: str, after: int, times: int | None) -> None:
        """Let so many requests (None: all) whose path begins like this go wrong, after so many that do not."""
        self._due.append(_Due(name=name, path=path, after=after, times=times))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._due.clear()

    def next(self, path: str) -> FaultName | None:
        """What goes wrong with a request for this path."""
        for due in self._due:
            if not path.startswith(due.path):
                continue
            if due.after > 0:
                due.after -= 1
                return None
            if due.times is not None:
                due.times -= 1
                if due.times <= 0:
                    self._due.remove(due)
            self.happened[due.name] += 1
            return due.name
        return None


def spoiled(answer: Answer, name: FaultName, *, path: str, slow_s: float, retry_after_s: str | None) -> Answer:
    """What becomes of an answer with which something goes wrong."""
    if name == "truncated":
        return msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
    if name in ("cut", "closed"):
        return msgspec.structs.replace(answer, transport=name)
    if name in ("slow", "hang"):
        return msgspec.structs.replace(answer, delay_s=slow_s if name == "slow" else HANG_S)
    headers: dict[str, str] = {}
    if name in ("limited", "busy") and retry_after_s is not None:
        headers["Retry-After"] = retry_after_s
    if name == "redirect":
        headers["Location"] = path
    return msgspec.structs.replace(SPOILED[name](), headers=headers) if headers else SPOILED[name]()


def _page(status: int, body: bytes = HTML_PAGE) -> Callable[[], Answer]:
    return lambda: Answer(status=status, body=body, content_type="text/html")


@cache
def _bomb() -> Answer:
    return Answer(body=gzip.compress(bytes(4 * TOO_LARGE_BYTES), compresslevel=1), headers={"Content-Encoding": "gzip"})


SPOILED: Mapping[FaultName, Callable[[], Answer]] = {
    "cloudflare": _page(403, CLOUDFLARE_PAGE),
    "html": _page(200),
    "not found": _page(404),
    "busy": _page(503),
    "error": _page(500),
    "limited": lambda: Answer(status=429, body=b"Too Many Requests", content_type="text/plain"),
    "wrong type": lambda: Answer(body=b'["this",{"is":[null,1e3]},"something else"]'),
    "empty": lambda: Answer(body=b""),
    "redirect": lambda: Answer(status=302, body=b""),
    "redirect elsewhere": lambda: Answer(status=302, body=b"", headers={"Location": ELSEWHERE}),
    "too large": lambda: Answer(body=b" " * TOO_LARGE_BYTES),
    "bomb": _bomb,
}
"""Answers that have nothing of the good one."""


async def delayed(answer: Answer, closing: asyncio.Event) -> None:
    """Wait as long as the answer is delayed, or until the server closes."""
    if answer.delay_s:
        try:
            async with asyncio.timeout(answer.delay_s):
                await closing.wait()
        except TimeoutError:
            return
