"""A sequence, and what all of it comes to, kept in a tree: one change costs the logarithm of the length.

Changing an element in its place or adding one at the end touches the nodes above it alone; whatever comes or goes
further in front moves everything behind it. This module must not know what the elements mean.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fold(Generic[T]):
    """Elements in an order, combined: `combine` is associative, and gets what comes earlier first."""

    def __init__(self, combine: Callable[[T, T], T], elements: Iterable[T]) -> None:
        """The fold of these elements."""
        self._combine = combine
        self._levels = [list(elements)]
        self._renew(0, len(self._levels[0]) - 1)

    def copy(self) -> "Fold[T]":
        """The same elements; what becomes of either leaves the other alone."""
        copied = Fold[T](self._combine, ())
        copied._levels = [list(level) for level in self._levels]
        return copied

    @property
    def total(self) -> T | None:
        """What all elements come to in their order; None where there are none."""
        top = self._levels[-1]
        return top[0] if top else None

    def replace(self, index: int, element: T) -> None:
        """Put an element in the place of another."""
        self._levels[0][index] = element
        self._renew(index, index)

    def insert(self, index: int, element: T) -> None:
        """Put an element before that at the index, or at the end."""
        self._levels[0].insert(index, element)
        self._renew(index, len(self._levels[0]) - 1)

    def remove(self, index: int) -> None:
        """Take an element out."""
        del self._levels[0][index]
        self._renew(index, len(self._levels[0]) - 1)

    def _renew(self, first: int, last: int) -> None:
        """Combine anew what stands above the elements from `first` to `last`, and end where one is left."""
        level = 0
        while len(below := self._levels[level]) > 1:
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            above = self._levels[level]
            first, last = first // 2, last // 2
            del above[(len(below) + 1) // 2 :]
            above[first : last + 1] = [self._pair(below, 2 * index) for index in range(first, last + 1)]
        del self._levels[level + 1 :]

    def _pair(self, below: list[T], index: int) -> T:
        """An element with the one behind it, if there is one."""
        return below[index] if index + 1 == len(below) else self._combine(below[index], below[index + 1])
