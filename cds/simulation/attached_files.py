"""The bytes of a simulated contest's files, by content, and the references that lead to them.

This module knows addresses and hashes; it must not know what the bytes mean.
"""

from collections.abc import Mapping
from hashlib import md5, sha256

from schemas.properties import FileReference


class AttachedFiles:
    """Collects file contents; equal contents are kept once."""

    def __init__(self) -> None:
        """Start without any file."""
        self._contents: dict[str, bytes] = {}

    @property
    def contents(self) -> Mapping[str, bytes]:
        """The bytes by their SHA-256 in hexadecimal."""
        return self._contents

    def attach(self, filename: str, mime: str, content: bytes, size: tuple[int, int] | None = None) -> FileReference:
        """Keep the bytes and refer to them. `size` is width and height of an image in pixels."""
        address = sha256(content).hexdigest()
        self._contents[address] = content
        return FileReference(
            filename=filename,
            hash=md5(content, usedforsecurity=False).hexdigest(),
            mime=mime,
            width=size[0] if size else None,
            height=size[1] if size else None,
            content=address,
        )
