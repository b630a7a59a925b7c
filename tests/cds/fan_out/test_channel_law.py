"""The law of a channel, at random: every line once and in order, however a client lags, leaves, joins or resumes."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.fan_out.blocks import Block
from cds.fan_out.channel import Channel
from cds.fan_out.framing import Framing, Tally
from cds.fan_out.kept_blocks import KeptBlocks
from cds.fan_out.limits import FeedLimits
from cds.fan_out.source import Selection, Source
from projections import feed_lines
from projections.feed_lines import ALL_TYPES_MASK
from tests.cds.fan_out.fake_feeds import TAG, Feed, unzipped

LIMITS = FeedLimits(
    clients_per_piece=1, buffered_bytes_max=150, live_block_bytes_max=400, ring_blocks_max=2, ring_bytes_max=500
)
CLIENTS_MAX = 4


class Client:
    """A client that keeps what it gets; it catches up one block at a time, when it is told to."""

    def __init__(self, channel: Channel, cursor: int) -> None:
        self.start = self.cursor = cursor
        self.live = False
        self.received = b""
        self.waiting_bytes = 0
        self.left = False
        self.tally = self.joined = Tally()
        self._channel = channel
        beginning = channel.source.selection.framing.beginning(1_500)
        self._take(beginning.wire, beginning.tally)

    def write(self, data: bytes) -> None:
        assert not self.left, "another answer may be under way on its connection"
        self.received += data
        self.waiting_bytes += len(data)

    def buffered_bytes(self) -> int:
        return self.waiting_bytes

    def is_closing(self) -> bool:
        return False

    def fall_behind(self, published: Tally) -> None:
        assert not self.live
        self.tally = self.tally.plus(published.since(self.joined))

    def lag(self) -> None:
        """Be live no longer, for whatever reason, also while a block is being published."""
        if self.live:
            self.fall_behind(self._channel.leave(self))

    def leave(self) -> None:
        """Come to an end."""
        self.lag()
        self.left = True

    def step(self) -> None:
        """Catch up by one block, or become live."""
        if self.live:
            return
        following = self._channel.following(self.cursor)
        if following is None:
            ahead = self.cursor > self._channel.horizon
            assert self._channel.admit(self) != ahead
            self.joined = self._channel.published
            return
        block = following if isinstance(following, Block) else self._channel.source.block(following)
        self._take(block.wire, block.tally)
        self.cursor = block.end

    def _take(self, wire: bytes, tally: Tally) -> None:
        self.write(wire)
        self.tally = self.tally.plus(tally)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("line"), st.integers(0, 2), st.sampled_from([None, "mine", "other"]), st.booleans()),
        st.tuples(st.just("burst"), st.integers(2, 9)),
        st.tuples(st.just("publish")),
        st.tuples(st.just("join"), st.integers(0, 40)),
        st.tuples(st.sampled_from(["step", "step", "take", "lag", "leave"]), st.integers(0, CLIENTS_MAX - 1)),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(
    OPERATIONS,
    st.booleans(),
    st.sampled_from([(ALL_TYPES_MASK, None), (ALL_TYPES_MASK, "mine"), (0b10, None), (0b11, "mine")]),
)
def test_every_client_gets_every_line_once_and_in_order(
    operations: list[tuple[Any, ...]], compressed: bool, selected: tuple[int, str | None]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", 4)
        feed, (types_mask, team_id) = Feed(), selected
        selection = Selection(TAG, types_mask, team_id, Framing(compressed=compressed, chunked=False))
        channel = Channel(Source(feed.lines, selection, KeptBlocks(10_000)), LIMITS)
        clients: list[Client] = []
        publishing: Iterator[int] = iter(())
        for operation in operations:
            publishing = carry_out(operation, feed, channel, clients, publishing)
            for client in clients:
                expected = feed.expected(client.start, types_mask, team_id)
                assert expected.startswith(unzipped(client.received, whole=False) if compressed else client.received)
        come_to_rest(channel, clients, publishing)
        for client in clients:
            assert client.live
            client.leave()
            whole = client.received + channel.source.selection.framing.ending(client.tally)
            content = unzipped(whole, whole=True) if compressed else whole
            assert content == feed.expected(client.start, types_mask, team_id)
            assert client.tally.wire_bytes == len(client.received)


def carry_out(
    operation: tuple[Any, ...], feed: Feed, channel: Channel, clients: list[Client], publishing: Iterator[int]
) -> Iterator[int]:
    """Do one thing; a block that is being published goes on by one client at a time."""
    match operation:
        case ("line", type_number, team_id, replaced):
            teams = ("mine",) if replaced and team_id is None else ()
            feed.add(type_number=type_number, team_id=team_id, replaced_for=teams)
        case ("burst", count):
            feed.add(count)
        case ("publish",):
            if next(publishing, None) is None and (block := channel.next_block()) is not None:
                return channel.publish(block)
        case ("join", position) if len(clients) < CLIENTS_MAX:
            clients.append(Client(channel, feed.sequence(min(int(position), feed.position))))
        case (what, number) if what != "join" and int(number) < len(clients):
            client = clients[int(number)]
            if what == "step":
                client.step()
            elif what == "take":
                client.waiting_bytes = 0
            elif what == "lag":
                client.lag()
            else:
                client.leave()
                clients.remove(client)
    return publishing


def come_to_rest(channel: Channel, clients: list[Client], publishing: Iterator[int]) -> None:
    """Publish what is left, let everybody take what they were given, and catch up."""
    for _ in publishing:
        pass
    while (block := channel.next_block()) is not None:
        for _ in channel.publish(block):
            pass
    for client in clients:
        client.waiting_bytes = 0
        while not client.live:
            client.step()


def test_the_clients_take_turns_at_being_the_first() -> None:
    feed = Feed()
    channel = Channel(Source(feed.lines, Selection(TAG, ALL_TYPES_MASK, None, Framing()), KeptBlocks(0)), LIMITS)
    clients = [Client(channel, 0) for _ in range(5)]
    order: list[int] = []
    for client in clients:
        client.step()
    for _ in range(5):
        feed.add()
        block = channel.next_block()
        assert block is not None
        pieces = channel.publish(block)
        next(pieces)
        order += [number for number, client in enumerate(clients) if client.cursor == channel.level]
        for _ in pieces:
            pass
        for client in clients:
            client.waiting_bytes = 0
    assert sorted(order) == [0, 1, 2, 3, 4]


def test_who_changes_while_a_block_is_published_gets_it_once_or_not_at_all() -> None:
    """One leaves before its turn, one lags, catches up and is live again before its turn, one joins."""
    feed = Feed()
    feed.add(2)
    selection = Selection(TAG, ALL_TYPES_MASK, None, Framing(chunked=False))
    channel = Channel(Source(feed.lines, selection, KeptBlocks(0)), LIMITS)
    clients = [Client(channel, 0) for _ in range(4)]
    for client in clients:
        while not client.live:
            client.step()
    feed.add()
    block = channel.next_block()
    assert block is not None
    pieces = channel.publish(block)
    next(pieces)
    waiting = [client for client in clients if client.cursor != channel.level]
    leaving, lagging, _ = waiting
    leaving.leave()
    lagging.lag()
    joining = Client(channel, feed.sequence(1))
    for client in (lagging, joining):
        while not client.live:
            client.step()
        client.waiting_bytes = 0
    for _ in pieces:
        pass
    assert leaving.received == feed.expected(0)[: len(leaving.received)]
    assert leaving.received.count(b"\n") == 2
    assert joining.received == feed.expected(joining.start)
    assert all(client.received == feed.expected(0) for client in clients if client is not leaving)
