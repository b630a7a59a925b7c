"""AtCoder: rows of the page in golden form, the collection of past contests, and what is neither."""

import json

import pytest

from cds.platforms.adapters import atcoder
from cds.platforms.questions import FailureKind
from schemas.extensions import ContestExtension, SyncedContest
from schemas.objects import Contest
from tests.cds.platforms.adapters.conversations import (
    NOW_MS,
    by_key,
    carried_out,
    carried_out_and_noted,
    failure,
    reply,
)

ROW = """<tr>
<td class="text-center"><a href='http://www.timeanddate.com/worldclock/fixedtime.html?iso=20260926T2100&p1=248'
 target='blank'><time class='fixtime fixtime-full'>2026-09-26 21:00:00+0900</time></a></td>
<td >
<span aria-hidden='true' data-toggle='tooltip' data-placement='top' title="Algorithm">Ⓐ</span>
<span class="user-blue">◉</span>
<a href="/contests/abc901">AtCoder Beginner&#39;s &amp; Contest 901</a>
</td>
<td class="text-center">01:40</td>
<td class="text-center"> - 1999</td>
</tr>
"""
PAST = {
    "id": "agc900",
    "start_epoch_second": 1789400100,
    "duration_second": 9000,
    "title": "AtCoder Grand Contest 900",
    "rate_change": "1200 ~ ",
}
PERMANENT = {**PAST, "id": "practice", "start_epoch_second": 0, "duration_second": 3_153_600_000, "rate_change": "-"}


def row(key: str = "abc901", **replaced: str) -> str:
    """A row of a table; names of replaced parts: time, duration, rated, name."""
    parts = {
        "time": "2026-09-26 21:00:00+0900",
        "duration": "01:40",
        "rated": " - 1999",
        "name": "AtCoder Beginner&#39;s &amp; Contest 901",
    }
    text = ROW.replace("abc901", key)
    for name, part in replaced.items():
        text = text.replace(parts[name], part)
    return text


def page(**tables: str) -> bytes:
    """The page, with the rows of its tables; a permanent contest is always on it."""
    shown = "".join(
        f'<div id="contest-table-{name}"><h3>{name}</h3><table><thead><tr><th>Start Time</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        for name, rows in tables.items()
    )
    permanent = (
        '<div id="contest-table-permanent"><table><tbody><tr><td><a href="/contests/practice">p</a></td><td>-</td></tr>'
        "</tbody></table></div>"
    )
    return f"<!DOCTYPE html><html><body>{permanent}{shown}</body></html>\n".encode()


def past(*contests: object) -> bytes:
    """The collection."""
    return json.dumps(contests).encode()


def test_a_row_of_the_page_in_golden_form() -> None:
    """The name is the text of the link alone, entities decoded."""
    fetched = carried_out(atcoder.contests(NOW_MS), page(upcoming=ROW), past())
    assert [each.contest for each in fetched.rows] == [
        Contest(
            id="atcoder-abc901",
            name="AtCoder Beginner's & Contest 901",
            start_time="2026-09-26T12:00:00.000Z",
            duration="1:40:00.000",
            scoreboard_type="score",
            ext=ContestExtension(
                sync=SyncedContest(
                    platform="atcoder",
                    platform_id="abc901",
                    type="algorithm",
                    phase="FINISHED",
                    url="https://atcoder.jp/contests/abc901",
                    rated=True,
                    rated_range="~ 1999",
                )
            ),
        )
    ]


def test_a_past_contest_of_the_collection_has_the_same_form() -> None:
    contest = carried_out(atcoder.contests(NOW_MS), page(), past(PAST, PERMANENT)).rows[0].contest
    assert contest == Contest(
        id="atcoder-agc900",
        name="AtCoder Grand Contest 900",
        start_time="2026-09-14T15:35:00.000Z",
        duration="2:30:00.000",
        scoreboard_type="score",
        ext=ContestExtension(
            sync=SyncedContest(
                platform="atcoder",
                platform_id="agc900",
                type="algorithm",
                phase="FINISHED",
                url="https://atcoder.jp/contests/agc900",
                rated=True,
                rated_range="1200 ~",
            )
        ),
    )


def test_a_contest_that_both_know_is_shown_as_on_the_page() -> None:
    both = {**PAST, "id": "abc901", "title": "another name"}
    fetched = carried_out(atcoder.contests(NOW_MS), page(recent=ROW), past(both))
    assert [each.contest.name for each in fetched.rows] == ["AtCoder Beginner's & Contest 901"]


def test_nothing_changes_when_a_contest_leaves_the_page_for_the_collection() -> None:
    """The same contest in both forms is the same contest: no event when the source changes."""
    collected = {
        "id": "abc901",
        "start_epoch_second": 1790424000,
        "duration_second": 6000,
        "title": "AtCoder Beginner's & Contest 901",
        "rate_change": " ~ 1999",
    }
    on_page = carried_out(atcoder.contests(NOW_MS), page(recent=ROW), past())
    off_page = carried_out(atcoder.contests(NOW_MS), page(), past(collected))
    assert on_page.rows == off_page.rows


def test_running_coming_daily_and_recent_contests_are_read_and_permanent_ones_are_not() -> None:
    tables = {name: row(f"{name}1") for name in ("action", "upcoming", "daily", "recent")}
    fetched, asked = carried_out_and_noted(atcoder.contests(NOW_MS), page(**tables), past(PERMANENT))
    assert list(by_key(fetched)) == ["action1", "upcoming1", "daily1", "recent1"]
    assert fetched.failed == ()
    assert [(question.host, question.path, question.query) for question in asked] == [
        ("atcoder", "/contests/", (("lang", "en"),)),
        ("kenkoooo", "/atcoder/resources/contests.json", ()),
    ]


def test_a_contest_in_two_tables_is_one() -> None:
    fetched = carried_out(atcoder.contests(NOW_MS), page(action=ROW, upcoming=row(name="later")), past())
    assert [each.contest.name for each in fetched.rows] == ["AtCoder Beginner's & Contest 901"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("240:00", "240:00:00.000"), ("00:30", "0:30:00.000"), ("01:40:30", "1:40:30.000"), ("100:05", "100:05:00.000")],
)
def test_durations(text: str, expected: str) -> None:
    fetched = carried_out(atcoder.contests(NOW_MS), page(action=row(duration=text)), past())
    assert fetched.rows[0].contest.duration == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" - 1999", (True, "~ 1999")),
        ("All", (True, "All")),
        ("-", (False, None)),
        ("", (False, None)),
        (" 1200 - 2399 ", (True, "1200 ~ 2399")),
        ("2000 - ", (True, "2000 ~")),
    ],
)
def test_rated_ranges(text: str, expected: tuple[bool, str | None]) -> None:
    extension = carried_out(atcoder.contests(NOW_MS), page(action=row(rated=text)), past()).rows[0].contest.ext
    assert extension is not None
    assert extension.sync is not None
    assert (extension.sync.rated, extension.sync.rated_range) == expected


@pytest.mark.parametrize(
    "broken",
    [
        row("abc902", time="soon"),
        row("abc902", time="2026-13-45 21:00:00+0900"),
        row("abc902", duration="1h"),
        row("abc902", duration="-01:00"),
        row("abc902", duration="999999:00"),
        row("abc902", name=" "),
        row("abc902").replace("<time", "<span").replace("</time>", "</span>"),
        '<tr><td>x</td><td><a href="/contests/abc902">y</a></td></tr>',
    ],
)
def test_a_broken_row_fails_by_its_key(broken: str) -> None:
    fetched = carried_out(atcoder.contests(NOW_MS), page(upcoming=broken + ROW), past())
    assert list(by_key(fetched)) == ["abc901"]
    assert [failed.key for failed in fetched.failed] == ["abc902"]


def test_a_row_without_a_link_to_a_contest_fails_without_a_key() -> None:
    elsewhere = ROW.replace("/contests/abc901", "/users/abc901")
    fetched = carried_out(atcoder.contests(NOW_MS), page(upcoming=elsewhere + ROW), past())
    assert [failed.key for failed in fetched.failed] == [None]


def test_a_past_contest_whose_length_nobody_knows_has_none() -> None:
    """The collection keeps 0 for some of the oldest."""
    contest = carried_out(atcoder.contests(NOW_MS), page(), past({**PAST, "duration_second": 0})).rows[0].contest
    assert contest.duration == "0:00:00.000"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html><body><p>Something else</p></body></html>", "malformed"),
        (200, b"contest-table-recent</html>", "malformed"),
        (200, b"contest-table-recent", "malformed"),
        (200, b'<?xml version="1.0"?><p id="contest-table-other"></p></html>', "malformed"),
        (200, b"", "malformed"),
        (200, page(upcoming=ROW)[:-30], "malformed"),
        (200, page(upcoming=ROW) + b" " * (512 * 1024), "too_large"),
        (
            200,
            page(upcoming=ROW.replace("AtCoder", "アットコーダー")).decode().encode("shift_jis", "ignore"),
            "malformed",
        ),
        (403, page(upcoming=ROW), "status"),
        (503, b"<html>", "status"),
        (429, b"", "limited"),
    ],
)
def test_pages_that_are_none(status: int, body: bytes, kind: FailureKind) -> None:
    """A page without a known table is a failure and not "0 contests"."""
    assert failure(atcoder.contests(NOW_MS), reply(status, body)).kind == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"{}", "malformed"),
        (200, b"<html>", "malformed"),
        (200, past(PAST)[:-3], "malformed"),
        (500, past(PAST), "status"),
    ],
)
def test_without_the_collection_of_past_contests_the_platform_has_failed(
    status: int, body: bytes, kind: FailureKind
) -> None:
    """What is on the page alone would look complete, and all that is past as gone."""
    assert failure(atcoder.contests(NOW_MS), page(upcoming=ROW), reply(status, body)).kind == kind


def test_when_every_row_of_both_is_broken_the_platform_failed() -> None:
    broken = page(upcoming=row(duration="?"))
    assert failure(atcoder.contests(NOW_MS), broken, past({**PAST, "title": 1})).kind == "untranslatable"


def test_a_part_of_a_page_is_one_when_its_tables_are_whole() -> None:
    part = page(upcoming=ROW).removeprefix(b"<!DOCTYPE html><html><body>").removesuffix(b"</body></html>\n")
    assert list(by_key(carried_out(atcoder.contests(NOW_MS), part, past()))) == ["abc901"]
    assert failure(atcoder.contests(NOW_MS), part[: -len("</table></div>")]).kind == "malformed"


def test_a_page_that_is_xhtml_is_read_too() -> None:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + page(upcoming=ROW)
    assert list(by_key(carried_out(atcoder.contests(NOW_MS), body, past()))) == ["abc901"]


def test_when_every_past_row_is_broken_the_platform_has_failed_whatever_the_page_holds() -> None:
    """What is on the page alone would look complete, and all that is past as gone."""
    failed = failure(atcoder.contests(NOW_MS), page(upcoming=ROW), past({**PAST, "title": 1}))
    assert (failed.kind, "kenkoooo" in failed.reason) == ("untranslatable", True)
