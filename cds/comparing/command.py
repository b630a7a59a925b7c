"""`cds compare`: reads both sides, and tells what differs as text, JSON or a page.

This module speaks to the person at the command line; it must not know what counts as a difference.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import msgspec

from cds.commands.decision import Refused
from cds.comparing.fetching import Access
from cds.comparing.page import comparison_page
from cds.comparing.sources import Opened, opened_sources
from cds.comparing.text import print_report
from cds.comparing.words import captions_of
from cds.place import Place
from cds.progress import shown_progress
from projections.comparison import compared
from projections.comparison_properties import FILES, MEASURED, WHOLE, UnknownProperty, without
from projections.comparison_results import Comparison, OpenFeed


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared and how it is told.

    `left_out`: `TYPE` or `TYPE.PROPERTY`; `verdicts_only`: B judges by itself; `page`: where an HTML report is written;
    `access`: how the servers of A and of B are asked; `base_url`: of the server of the log; `listed_max`: entries of
    each list.
    """

    left_out: Sequence[str]
    verdicts_only: bool
    json: bool
    page: Path | None
    access: tuple[Access, Access]
    base_url: str | None
    listed_max: int


async def compare(a: str, b: str, place: Place, choices: Choices, found: Callable[[Comparison], None]) -> None:
    """Compare two sides, tell the differences, and hand them to `found`.

    Raises Refused, SourceRefused, and what the store raises.
    """
    with shown_progress() as report:
        async with opened_sources(place, choices.base_url, report) as sources:
            side_a = await sources.opened(a, choices.access[0])
            side_b = await sources.opened(b, choices.access[1])
            files = () if side_a.has_files and side_b.has_files else FILES
            measured = MEASURED if choices.verdicts_only else ()
            try:
                scope = without(WHOLE, (*files, *measured, *choices.left_out))
            except UnknownProperty as unknown:
                raise Refused(str(unknown)) from None
            comparison = await asyncio.to_thread(compared, side_a.side, side_b.side, scope, choices.listed_max)
            comparison = msgspec.structs.replace(comparison, open_feeds=tuple(_open_feeds(side_a, side_b)))
            captions = captions_of(side_a.side.state, side_b.side.state)
    if choices.page is not None:
        choices.page.write_text(comparison_page(comparison, captions), encoding="utf-8")
    if choices.json:
        click.echo(msgspec.json.encode(comparison))
    else:
        print_report(comparison, captions)
    found(comparison)


def _open_feeds(a: Opened, b: Opened) -> Iterator[OpenFeed]:
    """The sides that were read from feeds that did not end."""
    if a.still_open is not None:
        yield OpenFeed(side="a", lines=a.still_open.lines, waited_s=a.still_open.waited_s)
    if b.still_open is not None:
        yield OpenFeed(side="b", lines=b.still_open.lines, waited_s=b.still_open.waited_s)
