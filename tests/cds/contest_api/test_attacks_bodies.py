"""Bodies that somebody sends to hurt: every one is refused in the error form, and nothing is written."""

import asyncio
import gzip
import json
import resource
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from cds.contest_api import bodies
from cds.contest_api.written_bodies import BODY_BYTES_MAX, SUBMISSION_BODY_BYTES_MAX
from tests.cds.contest_api.attacked_contests import (
    CONTEST,
    Attacked,
    attacked_contests,
    check_error,
    submission,
)
from tests.cds.contest_api.raw_requests import path_of, raw_answer, request_head
from tests.cds.contest_api.serving import Caller

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = f"contests/{CONTEST}"
JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024

PLACES = (
    ("team-one", "POST", f"{BASE}/submissions"),
    ("team-one", "POST", f"{BASE}/clarifications"),
    ("judge", "POST", f"{BASE}/judgements"),
    ("judge", "PATCH", f"{BASE}/runs/nothing"),
    ("analyst", "POST", f"{BASE}/commentary"),
    ("chief", "PUT", f"{BASE}/teams/t1"),
    ("chief", "PATCH", f"{BASE}/accounts/staff"),
    ("chief", "PATCH", BASE),
    ("chief", "PATCH", f"{BASE}/state"),
    ("chief", "PATCH", f"{BASE}/x-settings"),
    ("chief", "POST", f"{BASE}/awards"),
    ("server-admin", "POST", "contests"),
    ("server-admin", "PUT", "contests/another"),
)
"""Who may write what: a body of every kind."""

DEEP = 100_000

NO_OBJECTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t ",
    "array": b"[]",
    "array of objects": b'[{"id":"x"}]',
    "text": b'"text"',
    "number": b"17",
    "null": b"null",
    "not JSON": b"id=x&text=y",
    "cut off": b'{"text":"abc',
    "trailing text": b'{"text":"abc"} x',
    "two objects": b'{"text":"a"}{"text":"b"}',
    "comment": b'{"text":"abc" /* no */}',
    "comma at the end": b'{"text":"abc",}',
    "single quotes": b"{'text':'abc'}",
    "byte order mark": b'\xef\xbb\xbf{"text":"abc"}',
    "UTF-16": '{"text":"abc"}'.encode("utf-16"),
    "invalid UTF-8": b'{"text":"\xff\xfe"}',
    "overlong UTF-8": b'{"text":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"text":"\xed\xa0\x80"}',
    "invalid UTF-8 in a name": b'{"te\xffxt":"abc"}',
    "lone high surrogate": b'{"text":"\\ud800"}',
    "lone low surrogate": b'{"text":"\\udc00x"}',
    "lone surrogate in a name": b'{"\\ud800":"abc"}',
    "NUL": b'{"text":"a\\u0000b"}',
    "NUL in a name": b'{"te\\u0000xt":"abc"}',
    "plain NUL": b'{"text":"a\x00b"}',
    "plain newline": b'{"text":"a\nb"}',
    "key twice": b'{"text":"abc","text":"def"}',
    "key twice, one escaped": b'{"text":"abc","te\\u0078t":"def"}',
    "key twice, deeper": b'{"text":"abc","x":[{"a":1,"a":2}]}',
    "id twice": b'{"id":"t1","id":"t2"}',
    "NaN": b'{"text":NaN}',
    "Infinity": b'{"text":Infinity}',
    "minus Infinity": b'{"text":-Infinity}',
    "1e999": b'{"text":1e999}',
    "-1e999": b'{"x":{"y":-1e999}}',
    "10**400": b'{"text":1' + b"0" * 400 + b"}",
    "10**100000": b'{"text":1' + b"0" * 100_000 + b"}",
    "2**63": b'{"ordinal":9223372036854775808}',
    "-2**63-1": b'{"ordinal":-9223372036854775809}',
    "leading zero": b'{"ordinal":01}',
    "hexadecimal": b'{"ordinal":0x10}',
    "deep arrays": b'{"text":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": b'{"a":' * DEEP,
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "very many members": b'{"a":[' + b",".join([b"1"] * 300_000) + b"]}",
}
"""What is no JSON object that everybody reads alike, by what is wrong with it."""

STRANGE_ENCODINGS = ("gzip", "deflate", "br", "zstd", "compress", "gzip, gzip", "identity", "x" * 300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests, which no test here may change."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


@pytest.fixture
def shorter_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies have to arrive in a quarter of a second."""
    monkeypatch.setattr(bodies, "BODY_READ_S_MAX", 0.25)


@pytest.mark.parametrize("what", NO_OBJECTS)
async def test_what_is_no_json_object_is_refused_everywhere(attacked: Attacked, what: str) -> None:
    for name, method, path in PLACES:
        await attacked.refused(attacked.everybody[name], method, path, 400, 413, data=NO_OBJECTS[what], headers=JSON)


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["x"], {"id": "x"}, [[["x"]]], "", "x" * 1000, -1, 10**18])
async def test_values_of_a_wrong_type_are_refused(attacked: Attacked, value: object) -> None:
    """In the place of an id, a time, a text, a list, a file list."""
    attacks = (
        ("team-one", "POST", f"{BASE}/submissions", submission(problem_id=value)),
        ("team-one", "POST", f"{BASE}/submissions", submission(team_id=value)),
        ("team-one", "POST", f"{BASE}/submissions", submission() | {"files": value}),
        ("team-one", "POST", f"{BASE}/submissions", submission() | {"files": [value]}),
        ("team-one", "POST", f"{BASE}/submissions", submission() | {"files": [{"data": value}]}),
        ("team-one", "POST", f"{BASE}/clarifications", {"text": "x", "reply_to_id": value}),
        ("judge", "POST", f"{BASE}/clarifications", {"text": "x", "to_team_ids": [value]}),
        ("judge", "POST", f"{BASE}/judgements", {"submission_id": attacked.made.submission_one, "start_time": value}),
        ("chief", "PUT", f"{BASE}/teams/t9", {"id": "t9", "name": "x", "label": "x", "group_ids": [value]}),
        ("chief", "PUT", f"{BASE}/teams/t9", {"id": "t9", "name": "x", "label": "x", "location": value}),
        ("chief", "PATCH", f"{BASE}/teams/t1", {"id": value}),
        ("chief", "PATCH", f"{BASE}/state", {"ended": value}),
        ("chief", "PATCH", BASE, {"id": CONTEST, "duration": value}),
        ("chief", "PATCH", BASE, {"id": CONTEST, "scoreboard_thaw_time": value}),
        ("chief", "PATCH", f"{BASE}/accounts/staff", {"disabled": value} if value is not True else {"type": value}),
    )
    for name, method, path, body in attacks:
        await attacked.refused(attacked.everybody[name], method, path, 400, 403, 404, 409, json=body)


async def test_a_body_of_another_content_type_is_json_or_refused(attacked: Attacked) -> None:
    """What a body is called makes it no form and no text; multipart is for submissions alone."""
    body = b'{"nothing": 1}'
    types = (
        "text/plain",
        "text/html; charset=utf-16",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/mixed; boundary=x",
        "; ; ;",
        "x" * 5000,
        'a/b/c; d="',
    )
    for content_type in types:
        for name, method, path in PLACES:
            headers = {"Content-Type": content_type}
            await attacked.refused(attacked.everybody[name], method, path, 400, 404, data=body, headers=headers)


@pytest.mark.parametrize("coding", STRANGE_ENCODINGS)
async def test_a_body_that_is_not_coded_as_it_says_is_refused(attacked: Attacked, coding: str) -> None:
    headers = JSON | {"Content-Encoding": coding}
    for name, method, path in PLACES:
        for body in (b'{"nothing": ', b"\x1f\x8b\x08\x00garbage", b"\x00" * 100):
            await attacked.refused(attacked.everybody[name], method, path, 400, 404, data=body, headers=headers)


async def test_a_refusal_before_a_body_that_cannot_be_read_ends_the_connection(attacked: Attacked) -> None:
    """Whoever shares connections, such as a proxy, must not send the next request down the same one."""
    for name, path in (("public", f"{BASE}/teams"), ("team-one", f"{BASE}/teams"), ("chief", "nothing")):
        headers = JSON | {"Content-Encoding": "gzip"}
        caller = attacked.everybody[name]
        answer = await attacked.refused(caller, "POST", path, 401, 403, 404, data=b"no gzip", headers=headers)
        assert answer.headers.get("Connection") == "close"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_bomb_is_not_unpacked(attacked: Attacked, coding: str) -> None:
    """Less than a mebibyte that would be an eighth of a gibibyte."""
    bomb = b"".join(_bomb(128, zlib.MAX_WBITS | (16 if coding == "gzip" else 0)))
    assert len(bomb) < MEBIBYTE
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, path in (("team-one", f"{BASE}/clarifications"), ("chief", f"{BASE}/awards")):
        headers = JSON | {"Content-Encoding": coding}
        await attacked.refused(attacked.everybody[name], "POST", path, 413, data=bomb, headers=headers)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024


async def test_a_compressed_body_counts_as_long_as_it_is_unpacked(attacked: Attacked) -> None:
    body = gzip.compress(b'{"text":"' + b"x" * BODY_BYTES_MAX + b'"}')
    team = attacked.everybody["team-one"]
    headers = JSON | {"Content-Encoding": "gzip"}
    await attacked.refused(team, "POST", f"{BASE}/clarifications", 413, data=body, headers=headers)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("endpoint", "limit"), [("clarifications", BODY_BYTES_MAX), ("submissions", SUBMISSION_BODY_BYTES_MAX)]
)
async def test_an_oversized_body_is_refused(attacked: Attacked, endpoint: str, limit: int, *, chunked: bool) -> None:
    """With its length in front and without; the connection may end before all is sent."""
    caller = attacked.everybody["team-one"]
    before = attacked.positions()
    body = b'{"text":"' + b"x" * limit + b'"}'
    headers = JSON | ({"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))})
    head = request_head(caller, "POST", path_of(caller, f"{BASE}/{endpoint}"), headers)
    pieces = [body[start : start + MEBIBYTE] for start in range(0, len(body), MEBIBYTE)]
    sent = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"] if chunked else pieces
    answer = await raw_answer(caller, head, *sent)
    check_error(answer, endpoint)
    assert answer.status == 413
    assert attacked.positions() == before


async def test_a_length_that_is_said_to_be_too_large_is_refused_before_the_body_comes(attacked: Attacked) -> None:
    caller = attacked.everybody["team-one"]
    for length in (BODY_BYTES_MAX + 1, 2**40, 2**63 - 1):
        head = request_head(
            caller, "POST", path_of(caller, f"{BASE}/clarifications"), JSON | {"Content-Length": str(length)}
        )
        answer = await raw_answer(caller, head)
        check_error(answer, str(length))
        assert answer.status == 413


@pytest.mark.usefixtures("shorter_patience")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("endpoint", ["clarifications", "submissions"])
async def test_a_body_that_comes_byte_by_byte_is_given_up(attacked: Attacked, endpoint: str, *, chunked: bool) -> None:
    caller = attacked.everybody["team-one"]
    before = attacked.positions()
    body = json.dumps({"text": "x" * 1000}).encode()
    headers = JSON | ({"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))})
    head = request_head(caller, "POST", path_of(caller, f"{BASE}/{endpoint}"), headers)
    single = [bytes([byte]) for byte in body]
    pieces = [b"1\r\n%b\r\n" % byte for byte in single] if chunked else single
    answer = await raw_answer(caller, head, *pieces, pause_s=0.02)
    check_error(answer, endpoint)
    assert answer.status == 408
    assert attacked.positions() == before


@pytest.mark.usefixtures("shorter_patience")
async def test_many_slow_bodies_do_not_keep_others_from_writing(attacked: Attacked) -> None:
    """They are all given up, and meanwhile everybody else is answered."""
    slow, quick = attacked.everybody["team-one"], attacked.everybody["team-two"]
    head = request_head(slow, "POST", path_of(slow, f"{BASE}/clarifications"), JSON | {"Content-Length": "1000"})
    waiting = [asyncio.create_task(raw_answer(slow, head, b"{")) for _ in range(100)]
    await attacked.refused(quick, "POST", f"{BASE}/clarifications", 400, json={"text": ""})
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {408}


async def test_whoever_goes_away_in_the_middle_of_a_body_leaves_nothing(attacked: Attacked) -> None:
    caller = attacked.everybody["team-one"]
    before = attacked.positions()
    url = caller.url("")
    for part in (b"", b'{"text":', b'{"text":"abc"'):
        head = request_head(caller, "POST", path_of(caller, f"{BASE}/clarifications"), JSON | {"Content-Length": "100"})
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(head + part)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await attacked.refused(caller, "POST", f"{BASE}/clarifications", 400, json={"text": ""})
    assert attacked.positions() == before


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Length": "-5"}, b"{}"),
        ({"Content-Length": "5, 6"}, b"{}"),
        ({"Content-Length": "0x10"}, b"{}"),
        ({"Content-Length": "9" * 5000}, b"{}"),
        ({"Content-Length": "2", "Transfer-Encoding": "chunked"}, b"2\r\n{}\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked"}, b"zz\r\n{}\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked"}, b"-1\r\n{}\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked"}, b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked"}, b"2\r\n{}XX0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked, gzip"}, b"2\r\n{}\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "nothing"}, b"{}"),
    ],
)
async def test_broken_framing_is_refused(attacked: Attacked, headers: dict[str, str], body: bytes) -> None:
    caller = attacked.everybody["team-one"]
    before = attacked.positions()
    head = request_head(caller, "POST", path_of(caller, f"{BASE}/clarifications"), JSON | headers)
    answer = await raw_answer(caller, head, body)
    check_error(answer, str(headers)[:100])
    assert answer.status in (400, 413)
    assert attacked.positions() == before


async def test_raw_bytes_in_paths_and_headers_are_answered_in_the_error_form(attacked: Attacked) -> None:
    caller: Caller = attacked.everybody["chief"]
    base = path_of(caller, BASE).encode()
    before = attacked.positions()
    attacks: list[tuple[bytes, bytes, dict[str, str | bytes]]] = [
        (b"POST", base + b"/clarifications\xff", {}),
        (b"PUT", base + b"/teams/\xff\xfe", {}),
        (b"GET", base + b"/teams/\xed\xa0\x80", {}),
        (b"PUT", base + b"/teams/t\x001", {}),
        (b"PUT", base + b"/teams/" + b"x" * 20_000, {}),
        (b"GET", b"/api/contests/\xff/teams", {}),
        (b"PATCH", base + b"/teams/t1", {"If-Match": b'"\xff"'}),
        (b"POST", base + b"/clarifications", {"Idempotency-Key": b"\xff\xfe"}),
        (b"POST", base + b"/clarifications", {"Idempotency-Key": "x" * 20_000}),
        (b"POST", base + b"/clarifications", {"Content-Type": b"\xff"}),
        (b"POST", base + b"/clarifications", {"Origin": b"\xff"}),
        (b"POST", base + b"/clarifications", {"X-Forwarded-For": b"\xff, ,,"}),
        (b"POST", base + b"/clarifications", {"Expect": "200-ok"}),
        (b"patch", base + b"/teams/t1", {}),
        (b"P\xffST", base + b"/clarifications", {}),
        (b"", base, {}),
        (b"GARBAGE", b"", {}),
        (b"POST", b"http://elsewhere.example" + base + b"/clarifications", {}),
        (b"POST", b"//" + base, {}),
        (b"OPTIONS", b"**", {}),
    ]
    for method, path, headers in attacks:
        head = request_head(caller, method, path, {"Content-Length": "2", **headers})
        answer = await raw_answer(caller, head, b"{}")
        check_error(answer, f"{method!r} {path[:100]!r} {headers}")
    assert attacked.positions() == before


def _bomb(mebibytes: int, window_bits: int) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, window_bits)
    yield packer.compress(b'{"text":"')
    for _ in range(mebibytes):
        yield packer.compress(b"x" * MEBIBYTE)
    yield packer.compress(b'"}')
    yield packer.flush()
