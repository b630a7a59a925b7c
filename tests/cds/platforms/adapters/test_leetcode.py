"""LeetCode: contests in golden form, what is asked, and answers that are none."""

import json

import pytest

from cds.platforms.adapters import leetcode
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

WEEKLY = {
    "title": "Weekly Contest 9900",
    "titleSlug": "weekly-contest-9900",
    "startTime": 1790000100,
    "duration": 5400,
    "originStartTime": 1790000100,
    "isVirtual": False,
    "cardImg": None,
    "description": None,
}
BIWEEKLY = {**WEEKLY, "title": "Biweekly Contest 991", "titleSlug": "biweekly-contest-991"}


def answer(*contests: object) -> bytes:
    """An answer that is well."""
    return json.dumps({"data": {"allContests": contests}}).encode()


def test_a_weekly_contest_in_golden_form() -> None:
    row = carried_out(leetcode.contests(NOW_MS), answer(WEEKLY)).rows[0]
    assert row.contest == Contest(
        id="leetcode-weekly-contest-9900",
        name="Weekly Contest 9900",
        start_time="2026-09-21T14:15:00.000Z",
        duration="1:30:00.000",
        scoreboard_type="score",
        ext=ContestExtension(
            sync=SyncedContest(
                platform="leetcode",
                platform_id="weekly-contest-9900",
                type="weekly",
                phase="FINISHED",
                url="https://leetcode.com/contest/weekly-contest-9900",
            )
        ),
    )
    assert row.state is not None
    assert (row.state.ended, row.state.finalized) == ("2026-09-21T15:45:00.000Z", None)


def test_the_original_start_counts_where_the_start_has_moved() -> None:
    moved = {**WEEKLY, "startTime": 1790900000, "isVirtual": True}
    only_one = {**BIWEEKLY, "originStartTime": None}
    rows = by_key(carried_out(leetcode.contests(NOW_MS), answer(moved, only_one)))
    assert rows["weekly-contest-9900"].contest.start_time == "2026-09-21T14:15:00.000Z"
    assert rows["biweekly-contest-991"].contest.start_time == "2026-09-21T14:15:00.000Z"


def test_types_are_told_by_the_slug() -> None:
    rows = carried_out(leetcode.contests(NOW_MS), answer(WEEKLY, BIWEEKLY, {**WEEKLY, "titleSlug": "cup-2026"})).rows
    types = [row.contest.ext.sync.type for row in rows if row.contest.ext is not None and row.contest.ext.sync]
    assert types == ["weekly", "biweekly", None]


def test_the_question_is_one_of_graphql_with_the_headers_that_the_platform_wants() -> None:
    _, (question,) = carried_out_and_noted(leetcode.contests(NOW_MS), answer())
    assert (question.method, question.path, question.query) == ("POST", "/graphql", ())
    assert {"Content-Type": "application/json", "Origin": "https://leetcode.com"}.items() <= dict(
        question.headers
    ).items()
    assert dict(question.headers)["Referer"].startswith("https://leetcode.com")
    body = json.loads(question.body or b"")
    assert set(body) == {"operationName", "variables", "query"}
    for wanted in ("title", "titleSlug", "startTime", "duration", "originStartTime"):
        assert wanted in body["query"]


def test_one_broken_row_fails_by_its_slug() -> None:
    fetched = carried_out(leetcode.contests(NOW_MS), answer(WEEKLY, {**BIWEEKLY, "duration": None}))
    assert [failed.key for failed in fetched.failed] == ["biweekly-contest-991"]
    assert list(by_key(fetched)) == ["weekly-contest-9900"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"errors":[{"message":"Cannot query this","locations":[{"line":1}]}]}', "refused"),
        (200, b'{"errors":[{"message":"slow"}],"data":{"allContests":[]}}', "refused"),
        (200, b'{"errors":[{}]}', "refused"),
        (200, b'{"data":null}', "malformed"),
        (200, b'{"data":{}}', "malformed"),
        (200, b'{"data":{"allContests":null}}', "malformed"),
        (200, b'{"data":{"allContests":{}}}', "malformed"),
        (200, b"{}", "malformed"),
        (200, b"<html>", "malformed"),
        (200, b'{"data":{"allContests":[', "malformed"),
        (403, b"<!DOCTYPE html><html><title>Just a moment...</title></html>", "status"),
        (429, b"", "limited"),
        (200, answer({**WEEKLY, "title": None}), "untranslatable"),
    ],
)
def test_answers_that_are_none(status: int, body: bytes, kind: FailureKind) -> None:
    """No answer is taken for a list without contests: all would look as if they had gone."""
    assert failure(leetcode.contests(NOW_MS), reply(status, body)).kind == kind


def test_an_empty_list_of_errors_is_none() -> None:
    assert carried_out(leetcode.contests(NOW_MS), b'{"errors":[],"data":{"allContests":[]}}').rows == ()
