"""What the plan of a group does to appends that fit, that do not, and that cannot be judged yet."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore.chain import GENESIS
from eventstore.grouping import group_arguments, plan_group
from eventstore.store import Credential, Head
from tests.eventstore.builders import append_of, new_events

HEADS = {"s": Head(position=5, chain=b"5" * 32), "t": GENESIS}
POSITIONS = st.integers(min_value=3, max_value=9)


def test_consecutive_appends_follow_each_other() -> None:
    appends = [append_of("s", 5, new_events("a", "b")), append_of("s", 7, new_events("c"))]
    plan = plan_group(appends, HEADS, frozenset())
    stream = plan.streams["s"]
    assert stream.base == HEADS["s"]
    assert [extension.head.position for extension in stream.extensions] == [7, 8]
    assert stream.head == stream.extensions[-1].head
    assert (plan.conflicts, plan.unknown_streams) == ([], set())


def test_an_append_that_is_late_is_a_conflict_without_asking() -> None:
    plan = plan_group([append_of("s", 4, new_events("a"))], HEADS, frozenset())
    assert (plan.streams, plan.conflicts, plan.unknown_streams) == ({}, [0], set())


def test_an_append_that_is_ahead_is_judged_only_after_a_look() -> None:
    appends = [append_of("s", 9, new_events("a")), append_of("s", 5, new_events("b"))]
    first = plan_group(appends, HEADS, frozenset())
    assert (first.streams, first.conflicts, first.unknown_streams) == ({}, [], {"s"})
    second = plan_group(appends, HEADS, frozenset({"s"}))
    assert (list(second.streams), second.conflicts, second.unknown_streams) == (["s"], [0], set())


def test_a_stream_that_was_never_seen_is_looked_at() -> None:
    assert plan_group([append_of("new", 0, new_events("a"))], HEADS, frozenset()).unknown_streams == {"new"}


@given(st.lists(st.tuples(st.sampled_from(["s", "t", "u"]), POSITIONS, st.integers(0, 2))), st.booleans())
def test_a_plan_accounts_for_every_append_and_never_leaves_a_gap(
    wanted: list[tuple[str, int, int]], looked: bool
) -> None:
    appends = [append_of(stream, at, new_events(*map(str, range(size)))) for stream, at, size in wanted]
    plan = plan_group(appends, HEADS, frozenset(HEADS) if looked else frozenset())
    planned = [extension for stream in plan.streams.values() for extension in stream.extensions]
    open_ones = {
        index
        for index, append in enumerate(appends)
        if append.stream in plan.unknown_streams
        and index not in plan.conflicts
        and index not in {extension.index for extension in planned}
    }
    indices = [extension.index for extension in planned] + plan.conflicts + list(open_ones)
    assert sorted(indices) == list(range(len(appends)))
    for stream in plan.streams.values():
        position = stream.base.position
        for extension in stream.extensions:
            assert extension.append.expected_position == position
            position = extension.head.position


def test_arguments_are_columns_of_one_length_for_each_table() -> None:
    credential = Credential(scope="s", account_id="a", password_hash=None)
    appends = [
        append_of("s", 5, new_events("a", "b"), credentials=[credential]),
        append_of("t", 0, new_events("c")),
    ]
    columns = group_arguments(list(plan_group(appends, HEADS, frozenset()).streams.values()))
    assert [len(column) for column in columns] == [2] * 5 + [3] * 10 + [2] * 3 + [1] * 4
    assert columns[5] == [1, 1, 2]
    assert columns[6] == [6, 7, 1]
    assert [len(column) for column in group_arguments([])] == [0] * 22
