"""What a target of fuzzing is: a parser, what it may raise, and a few inputs to begin with."""

from collections.abc import Callable, Sequence

import msgspec


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A parser that takes any bytes. It raises nothing but `refusals`; `seeds` are inputs that lead into it.

    `words` are pieces of text that mean something to it, for whoever puts inputs together. `memory_bytes_max` is what
    it may have allocated at any moment, for an input of at most `bytes_max`.
    """

    parse: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...] = ()
    seeds: Sequence[bytes] = (b"",)
    words: Sequence[bytes] = ()
    bytes_max: int = 4096
    memory_bytes_max: int = 48 * 1024 * 1024

    def run(self, data: bytes) -> None:
        """Parse, and let everything pass that the parser says it may raise."""
        try:
            self.parse(data)
        except self.refusals:
            return
