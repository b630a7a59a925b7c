"""CodeChef: contests in golden form, all pages of past ones, and answers that are none."""

import json

import pytest

from cds.platforms.adapters import codechef
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

STARTERS = {
    "contest_code": "START900",
    "contest_name": "Starters 900 (Rated till 5 Stars)",
    "contest_start_date": "16 Sep 2026  20:00:00",
    "contest_end_date": "16 Sep 2026  22:00:00",
    "contest_start_date_iso": "2026-09-16T20:00:00+05:30",
    "contest_end_date_iso": "2026-09-16T22:00:00+05:30",
    "contest_duration": "120",
    "distinct_users": 12345,
}


def starters(number: int, **changed: object) -> dict[str, object]:
    """A contest."""
    return {**STARTERS, "contest_code": f"START{number}", "contest_name": f"Starters {number}", **changed}


def listed(*, past: object = (), present: object = (), future: object = (), status: str = "success") -> bytes:
    """The answer to the first question."""
    lists = {"past_contests": past, "present_contests": present, "future_contests": future, "practice_contests": [1]}
    return json.dumps({"status": status, "message": "All contests list", **lists}).encode()


def page(*contests: object, status: str = "success") -> bytes:
    """A page of past contests."""
    return json.dumps({"status": status, "message": "past contests list", "contests": contests}).encode()


def test_a_contest_in_golden_form() -> None:
    """Its times are those in ISO form; the code may have a suffix for a division."""
    row = carried_out(codechef.contests(NOW_MS), listed(past=[STARTERS]), page(STARTERS)).rows[0]
    assert row.contest == Contest(
        id="codechef-START900",
        name="Starters 900 (Rated till 5 Stars)",
        start_time="2026-09-16T14:30:00.000Z",
        duration="2:00:00.000",
        scoreboard_type="pass-fail",
        penalty_time="0:10:00.000",
        ext=ContestExtension(
            sync=SyncedContest(
                platform="codechef",
                platform_id="START900",
                phase="FINISHED",
                url="https://www.codechef.com/START900",
                rated=True,
                rated_range="till 5 Stars",
                participants=12345,
            )
        ),
    )
    assert row.state is not None
    assert row.state.ended == "2026-09-16T16:30:00.000Z"


def test_present_future_and_past_contests_are_one_list_without_repetition() -> None:
    first = listed(present=[starters(3)], future=[starters(4)], past=[starters(2)])
    fetched = carried_out(codechef.contests(NOW_MS), first, page(starters(2), starters(1)))
    assert list(by_key(fetched)) == ["START3", "START4", "START2", "START1"]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (19, 1), (20, 2), (45, 3), (60, 4)])
def test_all_pages_of_past_contests_are_asked_for(count: int, pages: int) -> None:
    """Until one has fewer than twenty rows."""
    past = [starters(number) for number in range(count)]
    bodies = [page(*past[20 * number : 20 * number + 20]) for number in range(pages)]
    fetched, asked = carried_out_and_noted(codechef.contests(NOW_MS), listed(past=past[:20]), *bodies)
    assert len(fetched.rows) == count
    assert [question.path for question in asked] == [
        "/api/list/contests/all",
        *["/api/list/contests/past"] * pages,
    ]
    assert [dict(question.query)["offset"] for question in asked[1:]] == [str(20 * n) for n in range(pages)]
    assert {dict(question.query)["mode"] for question in asked} == {"all"}


def test_a_contest_that_ends_meanwhile_moves_others_to_the_next_page_and_none_is_lost() -> None:
    past = [starters(number) for number in range(25)]
    fetched = carried_out(codechef.contests(NOW_MS), listed(past=past[:20]), page(*past[:20]), page(*past[19:]))
    assert len(fetched.rows) == 25
    assert fetched.failed == ()


def test_pages_that_never_end_are_a_failure() -> None:
    past = [starters(number) for number in range(20)]
    failed = failure(codechef.contests(NOW_MS), listed(), page(*past), page(*past))
    assert (failed.kind, "page 2" in failed.reason) == ("malformed", True)


def test_a_broken_row_that_is_in_two_lists_fails_once() -> None:
    broken = starters(7, contest_end_date_iso="2026-09-16T19:00:00+05:30")
    fetched = carried_out(
        codechef.contests(NOW_MS),
        listed(past=[broken, STARTERS]),
        page(broken, STARTERS, starters(8, distinct_users="")),
    )
    assert [failed.key for failed in fetched.failed] == ["START7", "START8"]
    assert list(by_key(fetched)) == ["START900"]


@pytest.mark.parametrize(
    "changed",
    [
        {"contest_start_date_iso": "16 Sep 2026  20:00:00"},
        {"contest_start_date_iso": None},
        {"contest_start_date_iso": "2026-09-16T20:00:00"},
        {"contest_start_date_iso": "2026-13-16T20:00:00+05:30"},
        {"contest_start_date_iso": "0000-01-01T00:00:00+05:30"},
        {"contest_end_date_iso": "9999-12-31T23:59:59-12:00"},
        {"contest_end_date_iso": "2026-09-16T20:00:00+05:30"},
        {"contest_name": 3},
        {"contest_code": ""},
        {"distinct_users": -1},
    ],
)
def test_rows_that_make_no_sense(changed: dict[str, object]) -> None:
    fetched = carried_out(codechef.contests(NOW_MS), listed(present=[starters(1, **changed), STARTERS]), page())
    assert (len(fetched.rows), len(fetched.failed)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, listed(status="error"), "refused"),
        (200, b'{"status":"error","message":"Something went wrong"}', "refused"),
        (200, b'{"status":"success","message":"All contests list"}', "malformed"),
        (200, b'{"message":"All contests list"}', "malformed"),
        (200, listed(past={}), "malformed"),
        (200, b"<html>", "malformed"),
        (200, listed()[:-5], "malformed"),
        (403, b"", "status"),
        (429, b"", "limited"),
    ],
)
def test_answers_that_are_none(status: int, body: bytes, kind: FailureKind) -> None:
    assert failure(codechef.contests(NOW_MS), reply(status, body)).kind == kind


@pytest.mark.parametrize(
    ("body", "kind"), [(page(status="failure"), "refused"), (listed(), "malformed"), (b"[]", "malformed")]
)
def test_a_page_that_is_none_fails_all(body: bytes, kind: FailureKind) -> None:
    """What came before it is not all, so it is nothing."""
    assert failure(codechef.contests(NOW_MS), listed(past=[STARTERS]), body).kind == kind


def test_when_every_past_row_is_broken_the_platform_has_failed() -> None:
    """Whatever the other list holds: all that is past would look as if gone."""
    failed = failure(codechef.contests(NOW_MS), listed(present=[STARTERS]), page(starters(1, contest_name=3)))
    assert (failed.kind, "past" in failed.reason) == ("untranslatable", True)


def test_pages_have_a_size_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codechef, "PAGES_BYTES_MAX", 10)
    assert failure(codechef.contests(NOW_MS), listed(), page(STARTERS)).kind == "too_large"
