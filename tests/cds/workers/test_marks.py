"""Marks: what the workers of a group tell each other in shared memory."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cds.workers import marks as marks_module
from cds.workers import turns
from cds.workers.marks import OWN_MARKS, SharedMarks, marks_file
from cds.workers.turns import giving_back, let_others_first, lost

WORKERS = 3
RAISES = 2_000


@pytest.fixture
def descriptor() -> Iterator[int]:
    """The file of a group's marks."""
    made = marks_file(WORKERS)
    yield made
    os.close(made)


@pytest.fixture
def group(descriptor: int) -> Iterator[list[SharedMarks]]:
    """The marks as each worker of a group sees them."""
    group = [SharedMarks(descriptor, workers=WORKERS, own=number) for number in range(WORKERS)]
    yield group
    for marks in group:
        marks.close()


def test_what_one_worker_raises_all_see_at_once(group: list[SharedMarks]) -> None:
    one, other, third = (marks.of("contest:a") for marks in group)
    assert [mark.position for mark in (one, other, third)] == [0, 0, 0]
    one.raise_to(7)
    other.raise_to(5)
    assert [mark.position for mark in (one, other, third)] == [7, 7, 7]
    third.raise_to(8)
    one.raise_to(1)
    assert [mark.position for mark in (one, other, third)] == [8, 8, 8]
    assert all(marks.positions() == {"contest:a": 8} for marks in group)


def test_streams_are_known_by_their_whole_names(group: list[SharedMarks]) -> None:
    names = ["contest:é🎈", "contest:" + "x" * 192, "c", "contest:"]
    for number, name in enumerate(names, 1):
        group[number % WORKERS].of(name).raise_to(number)
    assert all(marks.positions() == {name: number for number, name in enumerate(names, 1)} for marks in group)
    assert group[0].of("contest:x").position == 0


def test_a_worker_that_is_started_again_goes_on_with_what_it_had(group: list[SharedMarks], descriptor: int) -> None:
    group[0].of("contest:a").raise_to(3)
    again = SharedMarks(descriptor, workers=WORKERS, own=0)
    again.of("contest:a").raise_to(2)
    assert group[1].positions() == {"contest:a": 3}
    again.of("contest:b").raise_to(4)
    again.of("contest:a").raise_to(5)
    assert group[1].positions() == {"contest:a": 5, "contest:b": 4}
    again.close()


def test_a_name_that_is_not_whole_yet_is_not_read(group: list[SharedMarks]) -> None:
    """A processor may show the count before what it counts, and a worker may be killed in between."""
    one, other = group[0], group[1]
    entry = one._entry(0, 0)
    one._cells[0] = 1
    assert other.positions() == {}
    one._cells[entry // 8] = 0x1234_5678 << 32 | 9
    assert other.positions() == {}
    one._cells[0] = 0
    one.of("contest:a").raise_to(1)
    assert other.positions() == {"contest:a": 1}


def test_when_a_table_is_full_everybody_knows_that_marks_do_not_tell_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marks_module, "STREAMS_MAX", 2)
    descriptor = marks_file(2)
    one, other = (SharedMarks(descriptor, workers=2, own=number) for number in range(2))
    for name in ("a", "b"):
        one.of(name).raise_to(1)
    assert [marks.complete for marks in (one, other)] == [True, True]
    one.of("c").raise_to(1)
    assert [marks.complete for marks in (one, other)] == [False, False]
    assert other.positions() == {"a": 1, "b": 1}
    for marks in (one, other):
        marks.close()
    os.close(descriptor)


def test_who_waits_longest_for_a_turn_goes_first(group: list[SharedMarks], descriptor: int) -> None:
    """Who does not wait lets all go first who do; a worker that is started again waits for nothing."""
    marks = [each.of("contest:a") for each in group]
    for mark in marks:
        mark.raise_to(1)
    assert not any(mark.others_go_first() for mark in marks)
    marks[1].wait_for_turn(20)
    marks[2].wait_for_turn(10)
    marks[1].wait_for_turn(5)
    assert [mark.others_go_first() for mark in marks] == [True, True, False]
    marks[2].wait_for_turn(0)
    assert [mark.others_go_first() for mark in marks] == [True, False, True]
    assert not group[0].of("contest:b").others_go_first()
    SharedMarks(descriptor, workers=WORKERS, own=1).close()
    assert not any(mark.others_go_first() for mark in marks)
    assert group[0].positions() == {"contest:a": 1}


def test_a_wait_that_is_too_old_is_passed_over_until_it_is_said_again(group: list[SharedMarks]) -> None:
    """Whoever has died never says it again; whoever lives and loses again begins anew."""
    marks = [each.of("contest:a") for each in group]
    for mark in marks:
        mark.raise_to(1)
    marks[0].wait_for_turn(1_000)
    assert marks[1].others_go_first(1_000)
    assert not marks[1].others_go_first(1_001)
    marks[0].wait_for_turn(1_500, 1_000)
    assert not marks[1].others_go_first(1_001), "a wait that counts still keeps its beginning"
    marks[0].wait_for_turn(1_500, 1_001)
    assert marks[1].others_go_first(1_500)
    marks[2].wait_for_turn(1_600, 1_001)
    assert not marks[0].others_go_first(1_001)


async def test_a_turn_of_the_dead_holds_up_no_second_write(
    group: list[SharedMarks], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever time the next write comes, once the turn is over it does not wait at all."""
    monkeypatch.setattr(turns, "LOOK_S", float("inf"))
    for marks in group:
        marks.of("contest:a").raise_to(1)
    group[0].of("contest:a").wait_for_turn(1)
    async with asyncio.timeout(20):
        for _ in range(3):
            await let_others_first(group[1].of("contest:a"))


async def test_nobody_is_let_go_first_for_ever(group: list[SharedMarks]) -> None:
    for marks in group:
        marks.of("contest:a").raise_to(1)
    lost(group[0].of("contest:a"))
    async with asyncio.timeout(20):
        await let_others_first(group[1].of("contest:a"))
        await let_others_first(group[0].of("contest:a"))
    with giving_back(group[0].of("contest:a")):
        lost(group[0].of("contest:a"))
    assert not group[1].of("contest:a").others_go_first()


def test_a_group_of_one_has_nothing_to_share() -> None:
    OWN_MARKS.of("a").raise_to(9)
    assert (OWN_MARKS.complete, OWN_MARKS.positions()) == (True, {})
    assert OWN_MARKS.of("a").position == 0
    lost(OWN_MARKS.of("a"))
    assert not OWN_MARKS.of("a").others_go_first()


def test_no_raise_of_several_processes_is_lost_and_no_mark_ever_falls(
    group: list[SharedMarks], descriptor: int
) -> None:
    """Each process raises marks of many streams at random, and asserts that none that it looks at has fallen."""
    program = f"""
import random, sys
from cds.workers.marks import SharedMarks
marks = SharedMarks({descriptor}, workers={WORKERS}, own=int(sys.argv[1]))
generator, seen, own = random.Random(int(sys.argv[1])), {{}}, {{}}
for _ in range({RAISES}):
    stream = f"contest:{{generator.randrange(40)}}"
    own[stream] = own.get(stream, 0) + generator.randrange(1, 5)
    marks.of(stream).raise_to(own[stream])
    position = marks.of(stream).position
    assert position >= max(seen.get(stream, 0), own[stream]), (stream, position, seen, own)
    seen[stream] = position
print(sorted(own.items()))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(number)], pass_fds=(descriptor,), stdout=subprocess.PIPE, text=True
        )
        for number in range(WORKERS)
    ]
    highest: dict[str, int] = {}
    for process in processes:
        told, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        for stream, position in eval(told):  # noqa: S307 - what our own program has just printed
            highest[stream] = max(position, highest.get(stream, 0))
    assert random.choice(group).positions() == highest
