"""Which moments that two systems tell of are the same: those close together, in their order, the nearest first.

Pure. This module must not know what happened at any moment.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import itemgetter

CLOSE_MS = 1_000
"""What two systems tell of one moment lies closer together than this; some keep whole seconds."""

CROWD_MAX = 16
"""Of more moments of a side that follow each other closely, the next of each are paired without looking further."""

Placed = tuple[int, str]
"""A moment in ms, and the id of what happened then."""

Worth = tuple[int, int]
"""How good some pairs are: how many they are, and less what lies between them in ms."""


def are_close(a_ms: int, b_ms: int) -> bool:
    """Whether two moments may be one."""
    return abs(a_ms - b_ms) < CLOSE_MS


def paired(a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[tuple[str, str]]:
    """Ids of two rows that are sorted by their moments: as many pairs as can be, none crossing, and the nearest."""
    if len(a) == len(b) == 1:
        # So it is with almost everything that happens.
        if are_close(a[0][0], b[0][0]):
            yield a[0][1], b[0][1]
        return
    for crowd_a, crowd_b in _crowds(a, b):
        if max(len(crowd_a), len(crowd_b)) > CROWD_MAX:
            yield from _walked(crowd_a, crowd_b)
        elif crowd_a and crowd_b:
            yield from _best(crowd_a, crowd_b)


def _crowds(a: Iterable[Placed], b: Iterable[Placed]) -> Iterator[tuple[list[Placed], list[Placed]]]:
    """The two rows cut where nothing happens for so long that nothing behind it can be the same as before."""
    both: tuple[list[Placed], list[Placed]] = ([], [])
    last_ms: int | None = None
    sides = ([(each, side) for each in row] for side, row in enumerate((a, b)))
    for placed, side in merge(*sides, key=lambda each: each[0][0]):
        if last_ms is not None and not are_close(last_ms, placed[0]):
            yield both
            both = ([], [])
        both[side].append(placed)
        last_ms = placed[0]
    yield both


def _best(a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[tuple[str, str]]:
    """The best pairs of two short rows; of equally good ones those that come earlier."""
    worth: list[list[Worth]] = [[(0, 0)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for index_a in reversed(range(len(a))):
        for index_b in reversed(range(len(b))):
            choices = (_with_pair(worth, a, b, index_a, index_b), *_alone(worth, index_a, index_b))
            worth[index_a][index_b] = max(choices)
    index_a = index_b = 0
    while index_a < len(a) and index_b < len(b):
        best = worth[index_a][index_b]
        if best == _with_pair(worth, a, b, index_a, index_b):
            yield a[index_a][1], b[index_b][1]
            index_a, index_b = index_a + 1, index_b + 1
        elif best == worth[index_a][index_b + 1]:
            index_b += 1
        else:
            index_a += 1


def _with_pair(
    worth: Sequence[Sequence[Worth]], a: Sequence[Placed], b: Sequence[Placed], index_a: int, index_b: int
) -> Worth:
    """What is best when these two are a pair; nothing at all when they are too far apart."""
    apart_ms = abs(a[index_a][0] - b[index_b][0])
    if apart_ms >= CLOSE_MS:
        return (-1, 0)
    pairs, nearness = worth[index_a + 1][index_b + 1]
    return (pairs + 1, nearness - apart_ms)


def _alone(worth: Sequence[Sequence[Worth]], index_a: int, index_b: int) -> tuple[Worth, Worth]:
    """What is best when one of the two is alone."""
    return worth[index_a + 1][index_b], worth[index_a][index_b + 1]


def _walked(a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[tuple[str, str]]:
    """The next of each where they are close together, else the earlier one is left alone."""
    index_a = index_b = 0
    while index_a < len(a) and index_b < len(b):
        (a_ms, mine), (b_ms, other) = a[index_a], b[index_b]
        if are_close(a_ms, b_ms):
            yield mine, other
            index_a, index_b = index_a + 1, index_b + 1
        elif a_ms < b_ms:
            index_a += 1
        else:
            index_b += 1


def in_order_of_moments(placed: Iterable[Placed]) -> list[Placed]:
    """Sorted by moment; of one moment as they came, since ids of numbers do not sort as text."""
    return sorted(placed, key=itemgetter(0))
