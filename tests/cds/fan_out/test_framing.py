"""Lines on the wire: as they are, as server-sent events, compressed, in chunks, and all of that together."""

import json
from itertools import product

import pytest

from cds.fan_out.connection import RECONNECT_FROM_MS, RECONNECT_TO_MS, reconnect_ms
from cds.fan_out.framing import Framing, Tally
from tests.cds.fan_out.fake_feeds import Feed, unzipped

FRAMINGS = [Framing(*chosen) for chosen in product((False, True), repeat=3)]


def lines(count: int) -> bytes:
    """So many lines."""
    feed = Feed()
    feed.add(count)
    return feed.expected(0)


def without_chunks(wire: bytes) -> bytes:
    """The payload of a body in chunks, without the last one (RFC 9112, section 7.1)."""
    payload = b""
    while wire:
        size, _, wire = wire.partition(b"\r\n")
        length = int(size, 16)
        assert length > 0, "an empty chunk would be the end"
        assert wire[length : length + 2] == b"\r\n"
        payload, wire = payload + wire[:length], wire[length + 2 :]
    return payload


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_a_stream_is_its_lines_with_signs_of_life_between(framing: Framing) -> None:
    parts = [
        framing.beginning(1_500),
        framing.of_lines(lines(3)),
        framing.sign_of_life(),
        framing.of_lines(b""),
        framing.of_lines(lines(1)),
    ]
    sent = Tally()
    for part in parts:
        assert part.tally.wire_bytes == len(part.wire)
        sent = sent.plus(part.tally)
    wire = b"".join(part.wire for part in parts) + framing.ending(sent)
    payload = without_chunks(wire) if framing.chunked else wire
    content = unzipped(payload, whole=True) if framing.compressed else payload
    if not framing.server_sent:
        assert content == lines(3) + b"\n" + lines(1)
        return
    events = content.split(b"\n\n")
    assert events[0] == b"retry: 1500"
    assert events[4] == b":"
    assert [event.split(b"\n")[1] for event in events[1:4]] == [b"data: " + line for line in lines(3).splitlines()]


def test_the_id_of_an_event_is_the_token_of_its_line() -> None:
    for event in Framing(True, False, False).of_lines(lines(5)).wire.decode().split("\n\n")[:-1]:
        identifier, data = event.split("\n")
        assert identifier == "id: " + json.loads(data.removeprefix("data: "))["token"]


def test_the_tally_between_two_moments() -> None:
    framing = Framing(False, True, True)
    first, second = framing.of_lines(lines(3)).tally, framing.of_lines(lines(7)).tally
    assert first.plus(second).since(first) == second
    assert first.since(first) == Tally()


def test_an_event_source_is_told_when_to_connect_again_and_not_all_at_the_same_time() -> None:
    assert Framing(server_sent=True, chunked=False).beginning(1_234).wire == b"retry: 1234\n\n"
    chosen = {reconnect_ms() for _ in range(100)}
    assert len(chosen) > 1
    assert RECONNECT_FROM_MS <= min(chosen) <= max(chosen) <= RECONNECT_TO_MS
