"""What was acknowledged, written down outside the product: a file to which lines are added, on disk before they count.

What was asked for is kept too, so that what nobody asked for is found as well. This module must not know any API.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

FILE = "acknowledged.ndjson"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """A write that was acknowledged: `kind` of it, its `mark`, which no other has, and what was answered."""

    kind: str
    mark: str
    id: str
    said: dict[str, str] = {}


class Record:
    """All acknowledgements of one round."""

    def __init__(self, directory: Path) -> None:
        """Make the file; it must not be there."""
        self.path = directory / FILE
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY)
        self._asked: dict[str, set[str]] = {}
        self._newest: dict[str, int] = {}
        self.moments_s: list[float] = []
        """When each was written down, in seconds of the loop."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def ask(self, kind: str, mark: str) -> None:
        """Note that something is about to be asked for."""
        self._asked.setdefault(kind, set()).add(mark)

    def asked(self, kind: str) -> set[str]:
        """Everything of a kind that was ever asked for."""
        return self._asked.get(kind, set())

    async def acknowledge(self, kind: str, mark: str, identifier: str, said: Mapping[str, str] | None = None) -> None:
        """Write down that the server has said so; it counts when this returns."""
        line = msgspec.json.encode(Acknowledged(kind=kind, mark=mark, id=identifier, said=dict(said or {}))) + b"\n"
        await asyncio.to_thread(self._keep, line)
        self.moments_s.append(asyncio.get_running_loop().time())

    def read(self) -> list[Acknowledged]:
        """What the file says; nothing that is in memory alone."""
        return [msgspec.json.decode(line, type=Acknowledged) for line in self.path.read_bytes().splitlines()]

    def of(self, kind: str) -> dict[str, Acknowledged]:
        """The last acknowledgement of each mark of a kind."""
        return {each.mark: each for each in self.read() if each.kind == kind}

    def _keep(self, line: bytes) -> None:
        os.write(self._file, line)
        os.fsync(self._file)
