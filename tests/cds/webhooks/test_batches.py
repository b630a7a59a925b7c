"""What goes into one call: cut out of feed lines at any place, under any choice of endpoints."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.webhooks import batches
from cds.webhooks.batches import Found, Reader, end_of, position_of
from projections.feed_lines import ALL_TYPES_MASK, DraftLine, FeedLines
from projections.tokens import KEY_BYTES, TokenMaker, sequence_of
from projections.webhooks import Choice, Registration
from schemas.webhooks import Webhook

TOKENS = TokenMaker(bytes(KEY_BYTES))
VIEW = "a view"
CHAIN = bytes(range(32))
CONTEST_ID = "finals"
TYPES_MAX = 3

Line = tuple[int, int, int]
"""Position, index and type of a line."""


def feed(lines: Sequence[Line]) -> FeedLines:
    """A feed of these lines."""
    made = FeedLines(TOKENS)
    for position, index, type_number in lines:
        body = b'{"type":"%d","id":"%d.%d","data":null,"token":"' % (type_number, position, index)
        made.draft(DraftLine(position, index, type_number, body), CHAIN)
    made.flush()
    return made


def registration(*choices: tuple[int, int]) -> Registration:
    """A webhook with choices, each a mask of types and the position behind which it holds."""
    made = tuple(Choice(mask, frozenset(), {CONTEST_ID: after}) for mask, after in choices)
    webhook = Webhook(id="w", url="http://example.com", owner="admin", secret="s")
    return Registration(webhook, made[0].after, made, 1)


def all_told(reader: Reader, registered: Registration, ends: Sequence[int]) -> list[Line]:
    """Everything that is told when the log is looked at when it has come to these positions."""
    sequence, told = end_of(registered.begin(CONTEST_ID)), []
    for end in ends:
        while (found := reader.look(registered, sequence, end)) != Found(sequence, None):
            batch = found.batch
            if batch is None:
                assert found.sequence > sequence
                sequence = found.sequence
                continue
            payload = json.loads(batch.body)
            assert payload["contest_id"] == CONTEST_ID
            assert len(payload["notifications"]) == batch.count
            assert batch.sequence >= batch.place.sequence > sequence
            sequence = batch.sequence
            for each in payload["notifications"]:
                position, _, index = each["id"].partition(".")
                told.append((int(position), int(index), int(each["type"])))
    return told


some_lines = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(0, TYPES_MAX - 1)),
    unique_by=lambda line: line[:2],
    max_size=30,
).map(sorted)
some_choices = st.lists(st.tuples(st.integers(0, 2**TYPES_MAX - 1), st.integers(0, 12)), min_size=1, max_size=4).map(
    lambda choices: sorted(choices, key=lambda choice: choice[1])
)


@given(lines=some_lines, choices=some_choices, ends=st.lists(st.integers(0, 12), max_size=4))
def test_exactly_what_was_chosen_at_the_time_is_told_once_and_in_order(
    lines: list[Line], choices: list[tuple[int, int]], ends: list[int]
) -> None:
    """However often it is looked, and in whatever pieces."""
    expected = []
    for line in lines:
        masks = [mask for mask, after in choices if after < line[0]]
        if masks and masks[-1] >> line[2] & 1:
            expected.append(line)
    reader = Reader(CONTEST_ID, feed(lines), TOKENS, VIEW)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batches, "NOTIFICATIONS_MAX", 2)
        assert all_told(reader, registration(*choices), [*sorted(ends), 12]) == expected


def test_a_call_holds_whole_lines_up_to_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = feed([(position, 0, 0) for position in range(1, 11)])
    size_bytes = len(lines.after(0, TOKENS.tag(VIEW, ALL_TYPES_MASK)).data) // 10  # type: ignore[union-attr]
    monkeypatch.setattr(batches, "BATCH_BYTES_MAX", 3 * size_bytes + 20)
    batch = Reader(CONTEST_ID, lines, TOKENS, VIEW).look(registration((ALL_TYPES_MASK, 0)), 0, 10).batch
    assert batch is not None
    assert (batch.count, batch.place.position) == (3, 3)
    monkeypatch.setattr(batches, "BATCH_BYTES_MAX", 1)
    batch = Reader(CONTEST_ID, lines, TOKENS, VIEW).look(registration((ALL_TYPES_MASK, 0)), 0, 10).batch
    assert batch is not None
    assert (batch.count, batch.place.position) == (1, 1)


def test_the_place_of_a_batch_is_that_of_its_last_token() -> None:
    reader = Reader(CONTEST_ID, feed([(1, 0, 0), (4, 2, 0)]), TOKENS, VIEW)
    batch = reader.look(registration((ALL_TYPES_MASK, 0)), 0, 9).batch
    assert batch is not None
    assert (batch.place.position, batch.place.index, batch.place.chain_bits) == (4, 2, CHAIN[:7])


@pytest.mark.parametrize("identifier", ["wf", 'quo"te', "é"])
def test_the_contest_is_named_as_json(identifier: str) -> None:
    reader = msgspec.structs.replace(Reader(CONTEST_ID, feed([(1, 0, 0)]), TOKENS, VIEW), contest_id=identifier)
    batch = reader.look(registration((ALL_TYPES_MASK, 0)), 0, 1).batch
    assert batch is not None
    assert json.loads(batch.body)["contest_id"] == identifier


@given(position=st.integers(0, 2**40), index=st.integers(0, 2**24 - 2))
def test_a_place_in_the_middle_of_an_event_counts_as_before_it(position: int, index: int) -> None:
    assert position_of(end_of(position)) == position
    assert position_of(sequence_of(position, index)) == position - 1
