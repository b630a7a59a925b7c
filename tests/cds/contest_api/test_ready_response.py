"""Answers whose headers are bytes already: framed as every version, method and connection of HTTP/1 needs it."""

import asyncio
from http import HTTPStatus

import pytest

from cds.contest_api.ready_response import ReadyResponse, ready_head
from cds.metrics import LATENCY_BUCKETS_S, ManyAtOnce
from tests.cds.contest_api.serving import DEADLINE_S, Running


async def whole_answer(running: Running, request: bytes) -> bytes:
    """Everything that comes until the server closes the connection."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer


async def test_the_connection_goes_on_and_ends_as_was_asked(fresh: Running) -> None:
    path = fresh.caller().url("contests/small/teams").raw_path
    body = (await fresh.caller().get("contests/small/teams")).body
    for version, asked, told in (
        ("1.0", "", b""),
        ("1.0", "Connection: keep-alive\r\n", b"Connection: keep-alive"),
        ("1.1", "", b""),
        ("1.1", "Connection: close\r\n", b"Connection: close"),
    ):
        last = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        first = f"GET {path} HTTP/{version}\r\nHost: a\r\n{asked}\r\n".encode()
        goes_on = told == b"Connection: keep-alive" or (version, asked) == ("1.1", "")
        answer = await whole_answer(fresh, first + last if goes_on else first)
        assert answer.startswith(f"HTTP/{version} 200 OK\r\n".encode())
        assert told in answer.partition(b"\r\n\r\n")[0]
        assert answer.count(body) == (2 if goes_on else 1), (version, asked)


async def test_a_head_has_the_length_and_no_body(fresh: Running) -> None:
    path = fresh.caller().url("contests/small/teams").raw_path
    length = len((await fresh.caller().get("contests/small/teams")).body)
    answer = await whole_answer(fresh, f"HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.endswith(b"\r\n\r\n")
    assert f"\r\nContent-Length: {length}\r\n".encode() in answer


async def test_what_the_client_has_already_comes_without_body_and_length(fresh: Running) -> None:
    first = await fresh.caller().get("contests/small/scoreboard")
    again = await fresh.caller().get("contests/small/scoreboard", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, "Content-Length" in again.headers) == (304, b"", False)
    kept = ("ETag", "Vary", "Cache-Control", "Access-Control-Allow-Origin")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    assert "Accept" in first.headers["Vary"].split(", ")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\0"])
def test_a_header_cannot_begin_another(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        ready_head(HTTPStatus.CREATED, {"Location": value}, 0)


async def test_nothing_is_added_behind_what_was_announced() -> None:
    with pytest.raises(ValueError, match="no more"):
        await ReadyResponse(HTTPStatus.OK, ready_head(HTTPStatus.OK, {}, 0), b"").write_eof(b"more")


def test_many_values_at_once_count_as_one_by_one() -> None:
    values = [0.0, 0.0005, 0.00051, 0.004, 0.004, 9.9, 10.0, 11.0]
    single, together = (
        ManyAtOnce(name, "For a test.", buckets=LATENCY_BUCKETS_S, registry=None) for name in ("single", "together")
    )
    for value in values:
        single.observe(value)
    together.observe_all(values)
    together.observe_all([])
    (one,), (other,) = single.collect(), together.collect()
    assert [sample.value for sample in one.samples] == pytest.approx([sample.value for sample in other.samples])
