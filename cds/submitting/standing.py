"""What became of a submission, in the words in which it is told.

Pure. This module must not know which server says it.
"""

import msgspec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the judging is. `state` says it in words; `judged`: it has come to its end, and to `scores` if any.

    `good`: whether the verdict is one to be glad of, None where that is not known.
    """

    state: str
    judged: bool = False
    good: bool | None = None
    scores: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        return "; ".join((self.state, *self.scores))


def points(score: float, of: float | None) -> str:
    """A score, and what could be reached, where that is known."""
    return plain(score) if of is None else f"{plain(score)} of {plain(of)}"


def plain(number: float) -> str:
    """A number without a fraction that says nothing."""
    return str(int(number)) if float(number).is_integer() else f"{number:.6f}".rstrip("0")
