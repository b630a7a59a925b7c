"""What becomes of a submission, on a terminal and elsewhere: a line whenever there is news, a moving sign meanwhile.

This module knows a screen; it must not know where the news come from.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cds.submitting.standing import Standing

_STYLES = {True: "bold green", False: "bold red", None: "bold"}


class Shown:
    """Tells what is new; the same twice is told once."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status
        self._told: str | None = None

    def say(self, line: str) -> None:
        """A line about what was done."""
        self._console.print(Text(line), soft_wrap=True)

    def standing(self, standing: Standing) -> None:
        """How far the judging is."""
        if standing.line == self._told:
            return
        self._told = standing.line
        if self._status is not None and not standing.judged:
            self._status.update(Text(standing.line))
            return
        style = _STYLES[standing.good] if standing.judged else ""
        self._console.print(
            Text.assemble((standing.state, style), *(f"; {each}" for each in standing.scores)), soft_wrap=True
        )


@contextmanager
def shown() -> Iterator[Shown]:
    """Somebody who tells, on standard output, while the block lasts."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield Shown(console, None)
        return
    with console.status(Text("asking the server")) as status:
        yield Shown(console, status)
