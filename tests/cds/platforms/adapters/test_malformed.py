"""Whatever an answer is: a translation comes to contests and failed rows, or raises PlatformFailed; nothing else."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.platforms.adapters import codeforces
from cds.platforms.questions import PLATFORMS, FetchedContests, Platform, PlatformFailed, Reply
from schemas.identifiers import is_identifier
from tests.cds.platforms.adapters.conversations import CONVERSATIONS, NOW_MS
from tests.cds.platforms.adapters.good_answers import GOOD

QUESTIONS_MAX = 50


def outcome(platform: Platform, bodies: list[bytes], *, status: int = 200) -> FetchedContests | PlatformFailed:
    """What a conversation comes to; a body that is asked for after the last one is the last one again."""
    asking = CONVERSATIONS[platform](NOW_MS)
    try:
        question = next(asking)
        for number in range(QUESTIONS_MAX):
            reply = Reply(status=status, headers={}, body=bodies[min(number, len(bodies) - 1)])
            question.check(reply)
            question = asking.send(reply)
    except StopIteration as ended:
        fetched: FetchedContests = ended.value
        assert all(is_identifier(row.contest.id) and row.contest.name for row in fetched.rows)
        assert all(failed.reason and "\n" not in failed.reason for failed in fetched.failed)
        return fetched
    except PlatformFailed as failed:
        return failed
    raise AssertionError(f"{platform} asks without an end")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_good_answers_are_good(platform: Platform) -> None:
    """Otherwise what follows would show nothing."""
    good = outcome(platform, GOOD[platform])
    assert isinstance(good, FetchedContests)
    assert good.rows
    assert good.failed == ()


@pytest.mark.parametrize("platform", PLATFORMS)
@given(data=st.data())
def test_any_bytes(platform: Platform, data: st.DataObject) -> None:
    """No bytes of chance are the answer of any platform."""
    bodies = data.draw(st.lists(st.binary(max_size=200), min_size=1, max_size=3))
    assert isinstance(outcome(platform, bodies), PlatformFailed)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(
        [10**40, -1, 0, 2**31, 2**63, 2**64, "", "2026-09-16T20:00:00+05:30", "\x00", "START1", "BEFORE"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["status", "result", "data", "allContests", "contests", "past_contests", "id", "name", "titleSlug", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(data=st.data())
def test_any_json(platform: Platform, data: st.DataObject) -> None:
    outcome(platform, [json.dumps(data.draw(JSON)).encode() for _ in range(2)])


@pytest.mark.parametrize("platform", ["codeforces", "leetcode", "codechef"])
@given(data=st.data())
def test_a_good_answer_with_properties_that_are_something_else(platform: Platform, data: st.DataObject) -> None:
    """One row of a good answer is altered; the others are as good as before."""
    bodies = list(GOOD[platform])
    answer = json.loads(bodies[0])
    rows = {
        "codeforces": lambda: answer["result"],
        "leetcode": lambda: answer["data"]["allContests"],
        "codechef": lambda: answer["past_contests"],
    }[platform]()
    row = rows[data.draw(st.integers(0, len(rows) - 1))]
    for name in data.draw(st.lists(st.sampled_from(sorted(row)), min_size=1, max_size=3)):
        row[name] = data.draw(JSON)
    bodies[0] = json.dumps(answer, allow_nan=True).encode()
    found = outcome(platform, bodies)
    if isinstance(found, FetchedContests):
        assert len(found.rows) >= len(rows) - 1
    else:
        # JSON knows no NaN and no infinity: then the whole body is none.
        assert found.kind == "malformed"
        assert any(word in bodies[0] for word in (b"NaN", b"Infinity"))


@pytest.mark.parametrize("platform", PLATFORMS)
@given(data=st.data())
def test_a_good_answer_that_is_cut_short(platform: Platform, data: st.DataObject) -> None:
    """No beginning of an answer is taken for a whole one."""
    number = data.draw(st.integers(0, len(GOOD[platform]) - 1))
    body = GOOD[platform][number]
    end = data.draw(st.integers(0, len(body.rstrip()) - 1))
    bodies = [*GOOD[platform][:number], body[:end]]
    assert isinstance(outcome(platform, bodies), PlatformFailed)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 20))
def test_a_good_answer_with_some_bytes_changed(platform: Platform, seed: int, changes: int) -> None:
    chance, bodies = random.Random(seed), [bytearray(body) for body in GOOD[platform]]
    for _ in range(changes):
        body = chance.choice(bodies)
        body[chance.randrange(len(body))] = chance.choice(
            b"\x00\xff<>\"'{}[],:9-/ae\\" + bytes([chance.randrange(256)])
        )
    outcome(platform, [bytes(body) for body in bodies])


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"status":"OK","result":[' + b"[" * 100_000,
        b'{"status":"OK","result":[' + b"9" * 100_000 + b"]}",
        b'{"status":"OK","result":[{"id":' + b"9" * 100_000 + b"}]}",
        b'{"status":"OK","result":[{"id":1e999}]}',
        b'{"status":"OK","result":[{"id":NaN}]}',
        b'{"data":{"allContests":[{"titleSlug":"\xff"}]}}',
        b'{"data":{"allContests":[{"titleSlug":"\\ud800","title":"a","startTime":1,"duration":1}]}}',
        b'{"status":"success","contests":[null],"past_contests":[[]],"present_contests":[{}],"future_contests":[0]}',
        b"\xef\xbb\xbf{}",
        b"<div id='contest-table-recent'>" + b"<table><tr><td>" * 20_000 + b"</html>",
        b"<div id='contest-table-recent'><table><tr><td><![CDATA[</html>",
        b"<div id='contest-table-recent'><!DOCTYPE x [<!ENTITY a 'b'>]><tr><td>&a;</html>",
        b"<div id='contest-table-recent'>" + b"<tr><td>&#xFFFFFFFF;<td><td><td>" * 100 + b"</html>",
        b"contest-table-recent\x00\xff<html></html>",
    ],
    ids=range(16),
)
def test_bodies_that_break_parsers(platform: Platform, body: bytes) -> None:
    assert isinstance(outcome(platform, [body]), PlatformFailed)


@given(body=st.binary(max_size=100) | JSON.map(lambda value: json.dumps({"status": "OK", "result": value}).encode()))
def test_answers_about_handles_and_results(body: bytes) -> None:
    """The same holds for what is asked of one handle or one contest."""
    for asking in (codeforces.user_info("a"), codeforces.user_rating("a"), codeforces.user_status("a")):
        question, reply = next(asking), Reply(status=200, headers={}, body=body)
        try:
            question.check(reply)
            asking.send(reply)
        except (PlatformFailed, StopIteration):
            continue
        raise AssertionError("one question was to be enough")
