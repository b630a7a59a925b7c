"""A reader of pieces of HTML that takes nothing on trust: every tag is closed, in order, and nothing else is there.

This module must not know what a piece should say.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

ALLOWED = frozenset({"style", "section", "p", "span", "table", "caption", "thead", "tbody", "tr", "th", "td"})
"""Whatever tells more than these is not of the details."""

ATTRIBUTES = frozenset({"class", "lang", "aria-label", "scope", "dir"})


@dataclass
class Table:
    """A table: its caption, its head, and the texts of its rows."""

    caption: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)


class Fragment(HTMLParser):
    """A piece of HTML that was read: its tables, its paragraphs, its style."""

    def __init__(self, text: str) -> None:
        """Read a piece. Raises AssertionError for tags that are not closed, or not expected."""
        super().__init__()
        self.tables: list[Table] = []
        self.paragraphs: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        assert tag in ALLOWED, tag
        told = dict(attrs)
        assert told.keys() <= ATTRIBUTES, told
        self._open.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "p":
            self.paragraphs.append("")
        elif tag == "tr" and "tbody" in self._open:
            self.tables[-1].rows.append([])
        elif tag in ("th", "td"):
            self._begin_cell(told.get("scope"), is_title=tag == "th")

    def handle_endtag(self, tag: str) -> None:
        """End the element that was begun last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take the text."""
        if not self._open:
            assert not data.strip()
        elif self._open[-1] == "style":
            self.style += data
        elif "caption" in self._open:
            self.tables[-1].caption += data
        elif "p" in self._open:
            self.paragraphs[-1] += data
        elif self._open[-1] in ("th", "td"):
            table = self.tables[-1]
            cells = table.head if "thead" in self._open else table.rows[-1]
            cells[-1] += data
        else:
            assert not data.strip(), data

    def _begin_cell(self, scope: str | None, *, is_title: bool) -> None:
        table = self.tables[-1]
        in_head = "thead" in self._open
        if is_title:
            assert scope == ("col" if in_head else "row")
            table.scopes.append(scope)
        (table.head if in_head else table.rows[-1]).append("")
