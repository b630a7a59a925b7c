"""What the answers of all platforms have in common: Retry-After, statuses, rows that come twice, the hash of bodies."""

import hashlib
import json

import pytest

from cds.platforms.adapters import answers
from cds.platforms.adapters.answers import Rows, refuse_status, retry_after_s
from cds.platforms.adapters.codeforces import contest_from, contests
from cds.platforms.questions import FailureKind, PlatformFailed
from tests.cds.platforms.adapters.conversations import NOW_MS, carried_out, ok, reply

DATE = "Sun, 22 Nov 2026 10:00:00 GMT"
GOOD = {"id": 1, "name": "A round", "type": "CF", "phase": "BEFORE", "durationSeconds": 7200}


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("9" * 400, 999_999_999_999.0),
        ("Sun, 22 Nov 2026 10:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Sun, 99 Nov 2026 10:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, expected_s: float | None) -> None:
    assert retry_after_s(reply(503, retry_after=text, date=DATE)) == expected_s


def test_a_date_to_come_back_says_nothing_without_the_date_of_the_answer() -> None:
    assert retry_after_s(reply(503, retry_after="Sun, 22 Nov 2026 10:01:30 GMT")) is None
    assert retry_after_s(reply(503, retry_after="Sun, 22 Nov 2026 10:01:30 -0000", date=DATE)) is None
    assert retry_after_s(reply(503)) is None


@pytest.mark.parametrize(
    ("status", "kind", "permanent"),
    [
        (429, "limited", False),
        (403, "status", False),
        (408, "status", False),
        (500, "status", False),
        (503, "status", False),
        (204, "status", False),
        (302, "status", False),
        (400, "status", True),
        (401, "status", True),
        (404, "status", True),
        (410, "status", True),
    ],
)
def test_statuses_that_are_no_answer(status: int, kind: FailureKind, permanent: bool) -> None:
    with pytest.raises(PlatformFailed) as raised:
        refuse_status(reply(status, retry_after="5"), "somewhere")
    assert (raised.value.kind, raised.value.permanent, raised.value.retry_after_s) == (kind, permanent, 5.0)
    assert raised.value.reason == f"somewhere: answered {status}"


def test_a_row_that_comes_again_fails_once_and_one_that_is_good_elsewhere_does_not_fail() -> None:
    rows = Rows()
    broken, nameless = json.dumps({**GOOD, "name": ""}).encode(), b'{"nothing":1}'
    for _ in range(3):
        rows.take([broken, nameless], lambda raw: contest_from(raw, NOW_MS))
    rows.take([json.dumps({**GOOD, "id": 2}).encode()], lambda raw: contest_from(raw, NOW_MS))
    assert [failed.key for failed in rows.fetched([], "somewhere").failed] == ["1", None]
    rows.take([json.dumps(GOOD).encode()], lambda raw: contest_from(raw, NOW_MS))
    assert [failed.key for failed in rows.fetched([], "somewhere").failed] == [None]


def test_the_bodies_are_hashed_as_they_came() -> None:
    body = json.dumps({"status": "OK", "result": [GOOD]}).encode()
    assert carried_out(contests(NOW_MS), ok(body)).bodies_sha256 == hashlib.sha256(body).hexdigest()


def test_what_lists_more_rows_than_there_can_be_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small rows, each of them broken, would keep the server busy for a minute."""
    monkeypatch.setattr(answers, "ROWS_MAX", 3)
    rows = Rows()
    rows.take([b"{}"] * 3, lambda raw: contest_from(raw, NOW_MS))
    with pytest.raises(PlatformFailed) as raised:
        rows.take([b"{}"], lambda raw: contest_from(raw, NOW_MS))
    assert (raised.value.kind, raised.value.permanent) == ("too_large", True)
