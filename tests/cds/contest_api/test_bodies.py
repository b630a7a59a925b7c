"""Bodies of requests: what is accepted, and that everything else is refused with one clear sentence."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from cds.contest_api import bodies
from cds.contest_api.bodies import DEPTH_MAX, MEMBERS_MAX, parse_object, parsed_object, read_body
from cds.contest_api.errors import Failure
from cds.contest_api.held_bodies import HELD_BODIES, HeldBodies
from cds.contest_api.middleware import errors_as_json

LIMIT_BYTES = 1_000

PAUSE_S = 0.02
"""Between two packets, so that the server has begun with the first one."""


def nested(depth: int, innermost: str) -> bytes:
    """An object in which `depth` containers stand in each other."""
    return b'{"a":' + b"[" * (depth - 1) + innermost.encode() + b"]" * (depth - 1) + b"}"


def refusal(body: bytes) -> str:
    """The message with which a body is refused."""
    with pytest.raises(Failure) as refused:
        parse_object(body)
    assert refused.value.status == 400
    assert "\n" not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the request body is empty; it must be a JSON object"),
        (b" \r\n\t", "the request body is empty; it must be a JSON object"),
        (b"[]", "the request body must be a JSON object, not an array"),
        (b'"text"', "the request body must be a JSON object, not a text"),
        (b"1", "the request body must be a JSON object, not a number"),
        (b"1.5", "the request body must be a JSON object, not a number"),
        (b"true", "the request body must be a JSON object, not a boolean"),
        (b"null", "the request body must be a JSON object, not null"),
        (b'{"id":"a","id":"a"}', "the property id is given twice"),
        (b'{"id":1,"\\u0069d":1}', "the property id is given twice"),
        (b'{"a":{"b":[0,{"c":1,"d":2,"c":3}]}}', "the property a.b[1].c is given twice"),
        (b'{"a":{"strange name":1,"strange name":2}}', 'the property a."strange name" is given twice'),
        (b'{"name":"a\\u0000b"}', "the property name holds the character NUL"),
        (b'{"x":["a",["\\u0000"]]}', "the property x[1][0] holds the character NUL"),
        (b'{"a\\u0000":1}', 'the name of the property "a\\u0000" holds the character NUL'),
        (b'{"ordinal":9223372036854775808}', "the property ordinal is an integer beyond 64 bits"),
        (b'{"ordinal":-9223372036854775809}', "the property ordinal is an integer beyond 64 bits"),
        (b'{"ordinal":[' + b"9" * 300 + b"]}", "the property ordinal[0] is an integer beyond 64 bits"),
        (nested(DEPTH_MAX + 1, ""), "the request body is nested deeper than 32 levels"),
        (nested(900, ""), "the request body is nested deeper than 32 levels"),
        (nested(DEPTH_MAX + 1, "1"), "the request body is nested deeper than 32 levels"),
        (b'{"a":' * 100_000, "the request body is nested deeper than 32 levels"),
        (b"[" * 100_000, "the request body is nested deeper than 32 levels"),
        (b'{"a":[' + b"1," * MEMBERS_MAX + b"1]}", f"the request body has more than {MEMBERS_MAX} commas and brackets"),
    ],
)
def test_what_is_refused_names_the_fault_and_its_place(body: bytes, message: str) -> None:
    assert refusal(body) == message


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"\\ud800":1}',
        b'{"a":"\x00"}',
        b'{"a":"line\nbreak"}',
        b'{"a":1,}',
        b'{"a":1} {"a":1}',
        b'{"a":1} x',
        b'{"a":1}\x00',
        b"{a:1}",
        b"{'a':1}",
        b'{"a":1 /* why */}',
        b'{"a"',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b"problem_id=a&language_id=b",
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes) -> None:
    message = refusal(body)
    assert message.startswith("the request body is not valid JSON: ")
    assert "line 1, column" in message


def test_properties_are_handed_on_as_the_text_that_stands_for_them() -> None:
    body = b' {"id":"a", "n":null,"x":[1, 2.50,{"b":true}],"big":9223372036854775807,"e":"\\u00e9"}\r\n'
    assert {name: bytes(raw) for name, raw in parse_object(body).items()} == {
        "id": b'"a"',
        "n": b"null",
        "x": b'[1, 2.50,{"b":true}]',
        "big": b"9223372036854775807",
        "e": b'"\\u00e9"',
    }
    assert parse_object(b"{}") == {}


def test_the_limits_themselves_are_accepted() -> None:
    assert set(parse_object(nested(DEPTH_MAX, ""))) == {"a"}
    assert set(parse_object(nested(DEPTH_MAX, "1"))) == {"a"}
    assert set(parse_object(b'{"a":-9223372036854775808,"b":1e308,"c":5e-324}')) == {"a", "b", "c"}


async def test_a_large_body_is_parsed_beside_the_event_loop_with_the_same_outcome() -> None:
    large = json.dumps({"files": [{"data": "A" * bodies.PARSED_ASIDE_FROM_BYTES}]}).encode()
    assert await parsed_object(large) == parse_object(large)
    with pytest.raises(Failure, match="given twice"):
        await parsed_object(b'{"a":1,' + large[1:-1] + b',"a":2}')


_json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda values: (
        st.lists(values, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), values, max_size=4
        )
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), _json_values),
    st.booleans(),
)
def test_every_sound_object_comes_through_unchanged(value: dict[str, object], ascii_only: bool) -> None:
    found = parse_object(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert {name: json.loads(bytes(raw)) for name, raw in found.items()} == value


_names = st.sampled_from(['"a"', '"b"', '""', '"\\u0061"'])
_texts = st.recursive(
    st.sampled_from(
        ['"a"', '""', '"é"', '"\\\\"', '"\\""', '"\\u0000"', "null", "true", "1", "-1.5", "1e30"]
        + [str(number) for number in (2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1)]
    ),
    lambda texts: (
        st.lists(texts, max_size=4).map(lambda members: f"[{','.join(members)}]")
        | st.lists(st.tuples(_names, texts).map(":".join), max_size=4).map(lambda members: f"{{{','.join(members)}}}")
    ),
    max_leaves=20,
)
"""JSON as it is written, with names that come twice, numbers that are too large, and escapes."""


@given(_texts)
def test_the_short_look_passes_exactly_what_the_thorough_one_does(text: str) -> None:
    body = f'{{"a":{text}}}'
    looked_at: list[str] = []
    for look in (lambda: bodies._check_values(bodies._decoder.decode(body)), lambda: parse_object(body.encode())):
        try:
            look()
            looked_at.append("sound")
        except Failure as refused:
            looked_at.append(refused.message)
    assert looked_at[0] == looked_at[1]


@given(st.binary())
def test_any_bytes_are_an_object_or_a_clear_refusal(body: bytes) -> None:
    with suppress(Failure):
        parse_object(body)


@given(st.lists(st.sampled_from([*'{}[],:"\\u0d8 eE+-.19ntfrualsNI\n', '"a":', "null", "\\ud800", "é"])))
def test_almost_json_is_an_object_or_a_clear_refusal(pieces: list[str]) -> None:
    with suppress(Failure):
        found = parse_object(b'{"a":' + "".join(pieces).encode() + b"}")
        assert all(orjson.loads(bytes(raw)) == msgspec.json.decode(bytes(raw)) for raw in found.values())


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[URL]:
    """A server with one handler, which goes on when its client has gone, as that of the product does."""
    application = web.Application(middlewares=[errors_as_json], client_max_size=1)
    application[HELD_BODIES] = HeldBodies()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield URL.build(scheme="http", host=host, port=port, path="/")
    finally:
        await runner.cleanup()


async def answer_with_size(request: web.Request) -> web.Response:
    """A handler that answers with the size of the body it has read."""
    return web.json_response({"bytes": len(await read_body(request, LIMIT_BYTES))})


async def posted(*packets: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request whose packets are sent as they are, each after a pause."""
    async with serving(answer_with_size) as url:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            for packet in packets:
                writer.write(packet)
                await asyncio.sleep(PAUSE_S)
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                body = await reader.readexactly(int(length.partition(b":")[2]))
        finally:
            writer.close()
            await writer.wait_closed()
    return int(head.split()[1]), body


async def test_a_body_within_the_limit_is_read_whatever_the_server_s_own_limit_says() -> None:
    async with serving(answer_with_size) as url, ClientSession() as session:
        async with session.post(url, data=b"x" * LIMIT_BYTES) as answer:
            assert await answer.json() == {"bytes": LIMIT_BYTES}
        async with session.post(url) as answer:
            assert await answer.json() == {"bytes": 0}


async def test_a_body_over_the_limit_is_refused_before_it_is_sent() -> None:
    status, body = await posted(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
    assert status == 413
    assert json.loads(body) == {
        "code": 413,
        "message": f"the request body is too large; at most {LIMIT_BYTES} bytes are accepted here",
    }


async def test_a_body_over_the_limit_is_refused_where_no_length_is_said() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with (
        serving(answer_with_size) as url,
        ClientSession() as session,
        session.post(url, data=endless()) as answer,
    ):
        assert answer.status == 413
        assert (await answer.json())["code"] == 413


async def test_a_compressed_body_counts_unpacked() -> None:
    async with serving(answer_with_size) as url, ClientSession() as session:
        for size, status in ((LIMIT_BYTES, 200), (LIMIT_BYTES + 1, 413), (5_000_000, 413)):
            packed = gzip.compress(b"\0" * size)
            headers = {"Content-Encoding": "gzip"}
            async with session.post(url, data=packed, headers=headers) as answer:
                assert answer.status == status


async def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_READ_S_MAX", 0.05)
    status, body = await posted(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
    assert status == 408
    assert json.loads(body)["message"] == "the request body did not arrive within 0.05 seconds"


async def test_a_body_that_is_not_packed_as_it_says_is_a_bad_request() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"
    for packets in ([head + b"not gzip!"], [head, b"not gzip!"]):
        status, body = await posted(*packets)
        assert (status, json.loads(body)["code"]) == (400, 400)


async def test_a_body_that_stops_being_framed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not tell its handlers, so it is as if nothing more came."""
    monkeypatch.setattr(bodies, "BODY_READ_S_MAX", 3 * PAUSE_S)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, body = await posted(head, b"not a length\r\n")
    assert (status, json.loads(body)["code"]) == (408, 408)


async def test_a_client_that_goes_away_is_no_failure_of_the_request() -> None:
    begun = asyncio.Event()
    raised: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def handle(request: web.Request) -> web.Response:
        begun.set()
        try:
            await read_body(request, LIMIT_BYTES)
        except BaseException as error:
            raised.set_result(error)
            raise
        return web.Response()

    async with serving(handle) as url:
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
        async with asyncio.timeout(10):
            await begun.wait()
            writer.close()
            await writer.wait_closed()
            assert isinstance(await raised, ConnectionError)
