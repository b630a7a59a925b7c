"""Comparisons to be told, and a reader of pages that minds how tags are nested.

This module must not know how a report looks.
"""

from html.parser import HTMLParser

from cds.comparing.words import Captions, captions_of
from projections.comparison import compared
from projections.comparison_results import Comparison
from projections.comparison_verdicts import Link, side_of
from tests.projections.changed_contests import Changed, changed, state_of
from tests.projections.slow_scoreboard import Objects

WITHOUT_END = frozenset({"meta"})


class WellFormedPage(HTMLParser):
    """The tags of a page, its links and its text. Every tag must be closed where it was opened."""

    def __init__(self, text: str) -> None:
        """Read the whole page."""
        super().__init__()
        self._open: list[str] = []
        self.tags: set[str] = set()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag."""
        self.tags.add(tag)
        for name, value in attrs:
            if name == "href":
                self.links.append(value or "")
            elif name == "id":
                assert value not in self.anchors
                self.anchors.add(value or "")
        if tag not in WITHOUT_END:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


def compared_with_changes(
    objects: Objects, seed: int, count: int, link: Link = lambda _: None
) -> tuple[Changed, Comparison, Captions]:
    """A contest compared with a copy in which things were changed."""
    after = changed(objects, seed, count)
    a, b = (
        side_of("primary", state_of(objects), link),
        side_of("<b>second</b>", state_of(after.objects), lambda _: None),
    )
    return after, compared(a, b), captions_of(a.state, b.state)
