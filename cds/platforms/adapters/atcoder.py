"""AtCoder: its contests, from the page that lists them, and from a collection of all that are past.

AtCoder has no API. Its page shows what is running, what is to come and what has just been; kenkoooo.com keeps all that
is past (upstream-formats.md §4). Only both together are all contests: when either fails the platform has failed,
because a list from which the past is missing would look complete, and all of it as gone.
This module is pure; it must not know who asks, or when.
"""

import re
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from cds.platforms.adapters.answers import Rows, Untranslatable, decoded, one_line, refuse_status
from cds.platforms.adapters.listed import ListedContest, platform_contest
from cds.platforms.questions import Asking, FetchedContests, PlatformContest, PlatformFailed, Question, Reply
from schemas.times import parse_time_ms

if TYPE_CHECKING:
    from bs4 import Tag

ATCODER: Literal["atcoder"] = "atcoder"
KENKOOOO: Literal["kenkoooo"] = "kenkoooo"

TABLES = ("contest-table-action", "contest-table-upcoming", "contest-table-daily", "contest-table-recent")
"""The tables of the page whose rows are contests with a time, in the order in which they are believed."""

PERMANENT_TABLE = "contest-table-permanent"
"""What can be tried at any time is no contest; a page with this table alone is still one that we know."""

PAGE_BYTES_MAX = 512 * 1024
"""The page has a fifth of that. More is another page, and would take many seconds to read."""

END_BYTES = 2_000
"""In so many bytes a whole page ends."""

CELLS = 4

ALWAYS_S = 100 * 365 * 86_400
"""How long what is permanent takes, in the words of kenkoooo."""

TYPES = {"abc": "algorithm", "arc": "algorithm", "agc": "algorithm", "ahc": "heuristic"}
"""How the id of a contest of a series begins → its type; kenkoooo does not say it otherwise."""

_PROLOGUE = re.compile(r"\A\s*<\?xml[^>]*>")
_HREF = re.compile(r"/contests/(?P<key>[A-Za-z0-9_.-]+)/?(?:[?#].*)?\Z", re.ASCII)
_DURATION = re.compile(r"(?P<hours>\d{1,6}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?\Z", re.ASCII)
_SERIES = re.compile(r"(?P<series>[a-z]{3})\d+\Z", re.ASCII)
_RANGE = re.compile(r"\s*[-~]\s*")


class _Past(msgspec.Struct, frozen=True, kw_only=True):
    """A contest in the collection of kenkoooo."""

    id: str
    start_epoch_second: int
    duration_second: int
    title: str
    rate_change: str | None = None


def contests(now_ms: int) -> Asking[FetchedContests]:
    """All contests but the permanent ones. Where both say something of one, the page is believed: it is younger."""
    page = yield Question(host=ATCODER, path="/contests/", query=(("lang", "en"),), check=check_page)
    rows = Rows()
    _take_page(rows, page.body, now_ms)
    past = yield Question(host=KENKOOOO, path="/atcoder/resources/contests.json", check=check_past)
    raw_rows = map(bytes, decoded(past.body, list[msgspec.Raw], KENKOOOO))
    rows.take(raw_rows, lambda raw: past_contest_from(raw, now_ms), KENKOOOO)
    return rows.fetched([page.body, past.body], ATCODER)


def past_contest_from(raw: bytes, now_ms: int) -> PlatformContest | None:
    """A row of the collection, JSON; None for what is permanent. Raises ValueError."""
    row = msgspec.json.decode(raw, type=_Past)
    if row.start_epoch_second == 0 or row.duration_second == ALWAYS_S:
        return None
    series = _SERIES.match(row.id)
    return _contest(
        key=row.id,
        name=row.title,
        start_s=row.start_epoch_second,
        duration_s=row.duration_second,
        type=TYPES.get(series["series"]) if series else None,
        rated_text=row.rate_change or "-",
        now_ms=now_ms,
    )


def check_page(reply: Reply) -> None:
    """Raise PlatformFailed for a reply that is not the whole page of contests."""
    refuse_status(reply, ATCODER)
    if len(reply.body) > PAGE_BYTES_MAX:
        raise PlatformFailed(f"{ATCODER}: a page of {len(reply.body)} bytes", kind="too_large", permanent=True)
    if not any(table.encode() in reply.body for table in (*TABLES, PERMANENT_TABLE)):
        raise PlatformFailed(f"{ATCODER}: a page without a table of contests", kind="malformed")
    if not _is_whole(reply.body.lower()):
        raise PlatformFailed(f"{ATCODER}: a page that was cut short", kind="malformed")
    _text(reply.body)


def check_past(reply: Reply) -> None:
    """Raise PlatformFailed for a reply that is no collection of contests."""
    refuse_status(reply, KENKOOOO)
    decoded(reply.body, list[msgspec.Raw], KENKOOOO)


def _take_page(rows: Rows, page: bytes, now_ms: int) -> None:
    """Take the rows of the page. Raises PlatformFailed for one in which there is no table after all."""
    # Imported here alone: it takes a tenth of the start of every process, and most never read such a page.
    from bs4 import BeautifulSoup, Tag
    from bs4.exceptions import ParserRejectedMarkup

    try:
        # A prologue of XML would change nothing, but the parser warns of it.
        document = BeautifulSoup(_PROLOGUE.sub("", _text(page)), "html.parser")
    except (ParserRejectedMarkup, ValueError, RecursionError) as error:
        raise PlatformFailed(f"{ATCODER}: {one_line(str(error))}", kind="malformed") from error
    found = [(name, table) for name in (*TABLES, PERMANENT_TABLE) if (table := document.find(id=name)) is not None]
    if not found:
        raise PlatformFailed(f"{ATCODER}: a page without a table of contests", kind="malformed")
    for name, table in found:
        if name == PERMANENT_TABLE or not isinstance(table, Tag):
            continue
        for number, row in enumerate(table.find_all("tr")):
            # The head of a table has other cells; a row within a row is none of these tables.
            if row.find("td", recursive=False) is not None and row.find_parent("tr") is None:
                rows.take_one(f"{name} {number}".encode(), partial(_page_contest, row, now_ms), _key(row))


def _is_whole(page: bytes) -> bool:
    """Whether a page, in lower case, has not been cut short: it ends, or where it is but a part its tables do."""
    if b"<html" in page:
        return b"</html>" in page[-END_BYTES:]
    return page.count(b"<table") == page.count(b"</table>")


def _text(page: bytes) -> str:
    """The page as text. Another encoding is not guessed: that would give contests other names."""
    try:
        return page.decode()
    except UnicodeDecodeError as error:
        raise PlatformFailed(f"{ATCODER}: a page that is not UTF-8", kind="malformed") from error


def _page_contest(row: "Tag", now_ms: int) -> PlatformContest:
    cells, key = row.find_all("td", recursive=False), _key(row)
    if len(cells) != CELLS or key is None:
        raise Untranslatable(f"{len(cells)} cells, and {'a' if key else 'no'} link to a contest")
    time, link = cells[0].find("time"), cells[1].find("a", href=_HREF)
    duration = _DURATION.match(cells[2].get_text(strip=True))
    if time is None or link is None or duration is None:
        raise Untranslatable(f"a row without a {'time' if time is None else 'name' if link is None else 'duration'}")
    symbol = cells[1].find("span", title=True)
    type_name = str(symbol["title"]).strip().lower() if isinstance(symbol, type(row)) else ""
    return _contest(
        key=key,
        name=link.get_text(),
        start_s=parse_time_ms(time.get_text(strip=True)) // 1000,
        duration_s=int(duration["hours"]) * 3600 + int(duration["minutes"]) * 60 + int(duration["seconds"] or 0),
        type=type_name or None,
        rated_text=cells[3].get_text(strip=True),
        now_ms=now_ms,
    )


def _key(row: "Tag") -> str | None:
    """The id of the contest to which a row leads."""
    link = row.find("a", href=_HREF)
    match = _HREF.search(str(link["href"])) if isinstance(link, type(row)) else None
    return match["key"] if match else None


def _contest(
    *, key: str, name: str, start_s: int, duration_s: int, type: str | None, rated_text: str, now_ms: int
) -> PlatformContest:
    rated = rated_text.strip() not in ("", "-")
    return platform_contest(
        ListedContest(
            platform=ATCODER,
            key=key,
            name=name,
            start_s=start_s,
            duration_s=duration_s,
            may_take_no_time=True,
            type=type,
            url=f"https://atcoder.jp/contests/{quote(key, safe='')}",
            rated=rated,
            # The page writes " - 1999", the collection " ~ 1999": one of them, so that nothing changes with the source.
            rated_range=_RANGE.sub(" ~ ", rated_text).strip() if rated else None,
        ),
        now_ms,
    )
