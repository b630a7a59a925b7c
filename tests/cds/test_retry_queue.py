"""What waits to be tried again: in which order it comes, when, how often, and what goes where it is too much."""

from hypothesis import given
from hypothesis import strategies as st

from cds.retry_queue import RetryQueue, Waiting

PAUSES_S = (10.0, 60.0)


def queue(waiting_max: int = 100) -> RetryQueue[str]:
    """An empty one."""
    return RetryQueue(PAUSES_S, waiting_max)


def taken(waiting: RetryQueue[str], now_s: float) -> list[str]:
    """All that may be tried now, in order."""
    return [each.item for each in iter(lambda: waiting.take(now_s), None)]


def first(waiting: RetryQueue[str], now_s: float) -> Waiting[str]:
    """What comes first, which must be something."""
    found = waiting.take(now_s)
    assert found is not None
    return found


def test_first_come_first_served_but_for_what_is_urgent() -> None:
    waiting = queue()
    for item in ("a", "b", "CODE", "c", "SECOND"):
        waiting.put(item, urgent=item.isupper())
    assert taken(waiting, 0.0) == ["CODE", "SECOND", "a", "b", "c"]
    assert len(waiting) == 0


def test_what_has_failed_comes_back_after_its_pause_until_there_is_no_more() -> None:
    waiting = queue()
    waiting.put("a", urgent=False)
    assert waiting.put_back(first(waiting, 0.0), 0.0)
    assert (waiting.take(9.9), waiting.next_s()) == (None, 10.0)
    assert waiting.put_back(first(waiting, 10.0), 12.0)
    assert (waiting.take(71.9), waiting.next_s()) == (None, 72.0)
    assert not waiting.put_back(first(waiting, 72.0), 72.0)
    assert (len(waiting), waiting.next_s()) == (0, None)


def test_nothing_waits_for_what_fails() -> None:
    """What is new comes before what has failed, and that waits beside the others, not before them."""
    waiting = queue()
    for item in ("bad", "worse"):
        waiting.put(item, urgent=False)
    worse_once = [first(waiting, 0.0), first(waiting, 0.0)][1]
    waiting.put_back(worse_once, 0.0)
    assert waiting.put_back(first(waiting, 10.0), 10.0)
    waiting.put("bad again", urgent=False)
    waiting.put_back(first(waiting, 10.0), 60.0)
    waiting.put("new", urgent=False)
    assert taken(waiting, 10.0) == ["new"]
    waiting.put("newer", urgent=False)
    assert taken(waiting, 100.0) == ["newer", "bad again", "worse"]


def test_where_too_much_waits_the_last_goes() -> None:
    """What has failed before what is new, what came last of what is alike, and what is urgent after all else."""
    waiting = queue(waiting_max=2)
    assert waiting.put("failing", urgent=False) is None
    waiting.put_back(first(waiting, 0.0), 0.0)
    assert waiting.put("a", urgent=False) is None
    assert waiting.put("b", urgent=False) == "failing"
    assert waiting.put("c", urgent=False) == "c"
    assert waiting.put("CODE", urgent=True) == "b"
    assert waiting.put("SECOND", urgent=True) == "a"
    assert waiting.put("THIRD", urgent=True) == "THIRD"
    assert waiting.put("d", urgent=False) == "d"
    assert taken(waiting, 100.0) == ["CODE", "SECOND"]


@given(st.lists(st.tuples(st.sampled_from(("put", "urgent", "take", "fail")), st.integers(0, 50))))
def test_nothing_is_lost_and_nothing_is_there_twice(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order: each is waiting, or was taken, or dropped, or given up."""
    waiting, inside, now_s = queue(waiting_max=4), set[str](), 0.0
    for number, (step, pause_s) in enumerate(steps):
        now_s += pause_s
        if step in ("put", "urgent"):
            inside.add(str(number))
            inside.discard(waiting.put(str(number), urgent=step == "urgent") or "")
        elif (found := waiting.take(now_s)) is not None and not (step == "fail" and waiting.put_back(found, now_s)):
            inside.remove(found.item)
        assert len(waiting) == len(inside) <= 4
    assert sorted(taken(waiting, now_s + 1_000)) == sorted(inside)
