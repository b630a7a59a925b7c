"""Codeforces: contests in golden form, what is asked, envelopes that say no, and what is said of handles."""

import json

import pytest

from cds.platforms.adapters import codeforces
from cds.platforms.questions import FailureKind, PlatformFailed
from schemas.extensions import ContestExtension, SyncedContest
from schemas.objects import Contest, State
from tests.cds.platforms.adapters.conversations import (
    NOW_MS,
    by_key,
    carried_out,
    carried_out_and_noted,
    failure,
    ok,
    reply,
)

MIRROR = {
    "id": 9002,
    "name": "Sample ICPC Mirror (Unrated, Online Mirror, ICPC Rules)",
    "type": "ICPC",
    "phase": "CODING",
    "frozen": False,
    "durationSeconds": 18000,
    "freezeDurationSeconds": 3600,
    "startTimeSeconds": 1790499100,
    "relativeTimeSeconds": 1000,
    "preparedBy": None,
    "kind": "Official ICPC Contest",
}
ROUND = {
    "id": 9001,
    "name": "Sample Round 1 (Div. 2)",
    "type": "CF",
    "phase": "FINISHED",
    "frozen": False,
    "durationSeconds": 7200,
    "startTimeSeconds": 1790000100,
    "relativeTimeSeconds": 500000,
}


def envelope(result: object) -> bytes:
    """An answer that is well."""
    return json.dumps({"status": "OK", "result": result}).encode()


def test_an_icpc_contest_in_golden_form() -> None:
    row = carried_out(codeforces.contests(NOW_MS), envelope([MIRROR])).rows[0]
    assert row.contest == Contest(
        id="codeforces-9002",
        name="Sample ICPC Mirror (Unrated, Online Mirror, ICPC Rules)",
        start_time="2026-09-27T08:51:40.000Z",
        duration="5:00:00.000",
        scoreboard_freeze_duration="1:00:00.000",
        scoreboard_type="pass-fail",
        penalty_time="0:10:00.000",
        ext=ContestExtension(
            sync=SyncedContest(
                platform="codeforces",
                platform_id="9002",
                type="ICPC",
                phase="CODING",
                url="https://codeforces.com/contest/9002",
                rated=False,
            )
        ),
    )
    assert row.state == State(
        started="2026-09-27T08:51:40.000Z", frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None
    )


def test_a_round_of_codeforces_is_one_of_points_and_final_when_it_says_so() -> None:
    row = carried_out(codeforces.contests(NOW_MS), envelope([ROUND])).rows[0]
    assert (row.contest.scoreboard_type, row.contest.penalty_time) == ("score", None)
    assert row.state is not None
    assert row.state.finalized == row.state.ended == "2026-09-21T16:15:00.000Z"


def test_all_contests_but_gyms_are_asked_for_in_english_with_one_question() -> None:
    _, asked = carried_out_and_noted(codeforces.contests(NOW_MS), envelope([]))
    assert [(question.host, question.method, question.path, question.query) for question in asked] == [
        ("codeforces", "GET", "/api/contest.list", (("gym", "false"), ("lang", "en")))
    ]


def test_a_list_without_contests_is_no_failure() -> None:
    fetched = carried_out(codeforces.contests(NOW_MS), envelope([]))
    assert (fetched.rows, fetched.failed) == ((), ())


def test_a_contest_that_is_listed_twice_is_one() -> None:
    fetched = carried_out(codeforces.contests(NOW_MS), envelope([ROUND, {**ROUND, "name": "again"}]))
    assert [row.contest.name for row in fetched.rows] == ["Sample Round 1 (Div. 2)"]


@pytest.mark.parametrize(
    "broken",
    [
        {"durationSeconds": -7200},
        {"durationSeconds": 0},
        {"durationSeconds": 10**12},
        {"durationSeconds": "7200"},
        {"durationSeconds": None},
        {"startTimeSeconds": -5},
        {"startTimeSeconds": 10**400},
        {"startTimeSeconds": 1.5},
        {"name": None},
        {"name": ""},
        {"freezeDurationSeconds": 10**6},
        {"type": 7},
        {"phase": []},
    ],
)
def test_a_broken_row_fails_by_its_key_and_the_rest_goes_on(broken: dict[str, object]) -> None:
    fetched = carried_out(codeforces.contests(NOW_MS), envelope([{**MIRROR, **broken}, ROUND]))
    assert list(by_key(fetched)) == ["9001"]
    assert [failed.key for failed in fetched.failed] == ["9002"]
    assert fetched.failed[0].reason


def test_rows_without_an_id_fail_without_a_key() -> None:
    fetched = carried_out(codeforces.contests(NOW_MS), envelope([{"name": "?"}, None, 5, [[]], ROUND]))
    assert [failed.key for failed in fetched.failed] == [None] * 4
    assert list(by_key(fetched)) == ["9001"]


def test_when_every_row_is_broken_the_platform_failed() -> None:
    failed = failure(codeforces.contests(NOW_MS), envelope([{**ROUND, "durationSeconds": -1}, {}]))
    assert failed.kind == "untranslatable"


def test_a_phase_that_nobody_knows_is_told_by_the_clock() -> None:
    row = carried_out(codeforces.contests(NOW_MS), envelope([{**ROUND, "phase": "HACKING"}])).rows[0]
    assert row.state is not None
    assert (row.state.ended, row.state.finalized) == ("2026-09-21T16:15:00.000Z", None)


@pytest.mark.parametrize(
    ("status", "comment", "kind", "permanent"),
    [
        (400, "Call limit exceeded", "limited", False),
        (200, "Call limit exceeded", "limited", False),
        (400, "handles: User with handle nobody not found", "not_found", True),
        (400, "contestId: Contest with id 7 not found", "not_found", True),
        (400, "contestId: Contest with id 7 has not started", "refused", True),
        (200, "handle: Field should contain between 3 and 24 characters, inclusive", "refused", True),
        (400, "The page is temporarily blocked by administrator.", "refused", False),
    ],
)
def test_an_envelope_that_says_no(status: int, comment: str, kind: FailureKind, permanent: bool) -> None:
    body = json.dumps({"status": "FAILED", "comment": comment}).encode()
    failed = failure(codeforces.user_info("nobody"), reply(status, body))
    assert (failed.kind, failed.permanent) == (kind, permanent)
    assert comment in failed.reason


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"<html>Just a moment...</html>", "status"),
        (403, b"limit", "status"),
        (200, b"<html>Codeforces is temporarily unavailable</html>", "malformed"),
        (200, b"", "malformed"),
        (200, b'{"status":"OK"}', "malformed"),
        (200, b'{"status":"OK","result":null}', "malformed"),
        (200, b'{"status":"MAYBE","result":[]}', "malformed"),
        (200, b'{"result":[]}', "malformed"),
        (200, b'{"status":"OK","result":{}}', "malformed"),
        (200, b'{"status":"OK","result":[', "malformed"),
        (503, b'{"status":"OK","result":[]}', "status"),
        (502, b"", "status"),
        (429, b"", "limited"),
    ],
)
def test_what_is_no_envelope_is_a_failure_that_may_pass(status: int, body: bytes, kind: FailureKind) -> None:
    failed = failure(codeforces.contests(NOW_MS), reply(status, body))
    assert (failed.kind, failed.permanent) == (kind, False)


def test_what_a_refusal_says_is_told_on_one_line_and_not_at_any_length() -> None:
    comment = "first\nsecond\x1b[31m" + "x" * 10_000
    failed = failure(
        codeforces.contests(NOW_MS), reply(400, json.dumps({"status": "FAILED", "comment": comment}).encode())
    )
    assert failed.reason.startswith("codeforces: first second [31mxxx")


def test_a_handle_that_is_rated_and_one_that_is_not() -> None:
    rated = {
        "handle": "Tourist",
        "rank": "newbie",
        "rating": 3800,
        "maxRank": "legendary grandmaster",
        "maxRating": 4000,
    }
    user = carried_out(codeforces.user_info("tourist"), envelope([rated]))
    assert (user.handle, user.rank, user.rating, user.max_rating) == ("Tourist", "newbie", 3800, 4000)
    fresh = carried_out(codeforces.user_info("fresh"), envelope([{"handle": "fresh", "contribution": 0}]))
    assert (fresh.rank, fresh.rating, fresh.max_rank, fresh.max_rating) == (None, None, None, None)


@pytest.mark.parametrize("result", [[], [{"handle": "a"}, {"handle": "b"}], [{}], {}, [{"handle": "a", "rating": "x"}]])
def test_user_info_that_is_not_of_one_handle_is_a_failure(result: object) -> None:
    assert failure(codeforces.user_info("a"), envelope(result)).kind == "malformed"


@pytest.mark.parametrize("other", ["another", "touris", "tourist ", ""])
def test_another_user_is_not_taken_for_the_one_who_was_asked_for(other: str) -> None:
    failed = failure(codeforces.user_info("tourist"), envelope([{"handle": other, "rating": 3800}]))
    assert (failed.kind, failed.permanent) == ("malformed", True)


def test_rating_changes_come_with_the_list_as_it_was_written() -> None:
    changes = [{"contestId": 1, "newRating": 1400, "oldRating": 0, "further": {"kept": True}}]
    history = carried_out(codeforces.user_rating("a"), ok(envelope(changes)))
    assert (history.count, json.loads(history.raw)) == (1, changes)
    assert carried_out(codeforces.user_rating("a"), envelope([])).count == 0


def test_the_last_accepted_submission_is_the_newest_one_with_ok_of_any_kind() -> None:
    """Practice counts, with a relative time of 2147483647; and so does the order of times, not of rows."""
    submissions = [
        {"id": 4, "creationTimeSeconds": 400},
        {"id": 3, "creationTimeSeconds": 300, "verdict": "WRONG_ANSWER"},
        {"id": 1, "creationTimeSeconds": 100, "verdict": "OK"},
        {"id": 2, "creationTimeSeconds": 200, "verdict": "OK", "relativeTimeSeconds": 2147483647},
    ]
    found = carried_out(codeforces.user_status("a"), envelope(submissions))
    assert (found.count, found.last_accepted_s, json.loads(found.raw)) == (4, 200, submissions)
    assert carried_out(codeforces.user_status("a"), envelope(submissions[:2])).last_accepted_s is None


@pytest.mark.parametrize("made_s", [-1, codeforces.MOMENT_S_MAX + 1, 10**18, 10**40, "5", None])
def test_submissions_of_a_time_that_cannot_be_are_a_failure(made_s: object) -> None:
    submissions = [{"id": 1, "creationTimeSeconds": made_s, "verdict": "OK"}]
    assert failure(codeforces.user_status("a"), envelope(submissions)).kind == "malformed"
    latest = [{"id": 1, "creationTimeSeconds": codeforces.MOMENT_S_MAX, "verdict": "OK"}]
    found = carried_out(codeforces.user_status("a"), envelope(latest))
    assert found.last_accepted_s == codeforces.MOMENT_S_MAX


def test_ten_thousand_submissions_are_asked_for() -> None:
    _, asked = carried_out_and_noted(codeforces.user_status("a"), envelope([]))
    assert dict(asked[0].query) == {"handle": "a", "from": "1", "count": "10000"}


def test_results_of_a_contest_are_asked_for_without_any_further_parameter() -> None:
    """More is refused to anonymous callers; the answer may be large, so it may take longer."""
    raw, asked = carried_out_and_noted(codeforces.standings(7), envelope({"rows": []}))
    assert json.loads(raw) == {"rows": []}
    assert (asked[0].query, asked[0].total_s) == ((("contestId", "7"),), 60.0)
    _, asked = carried_out_and_noted(codeforces.status(7, 1001, 1000), envelope([]))
    assert dict(asked[0].query) == {"contestId": "7", "from": "1001", "count": "1000"}


def test_a_conversation_that_is_given_up_asks_nothing_more() -> None:
    asking = codeforces.contests(NOW_MS)
    next(asking)
    asking.close()
    with pytest.raises(StopIteration):
        next(asking)


def test_a_failure_says_what_it_is() -> None:
    failed = PlatformFailed("codeforces: answered 503", kind="status", retry_after_s=3.0)
    assert (str(failed), failed.permanent, failed.retry_after_s) == ("codeforces: answered 503", False, 3.0)
