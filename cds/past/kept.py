"""A few values that took long to make: those that were used last.

This module must not know what they are.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

V = TypeVar("V")

Parts = Iterable[tuple[object, int]]
"""What a value holds in memory, each with its bytes; the same part may be held by several values."""


class Room:
    """Room in memory for values of several kinds together: when there is none left, the one used longest ago goes."""

    def __init__(self, bytes_max: int) -> None:
        """All of it is free."""
        self._bytes_max = bytes_max
        self._used: OrderedDict[tuple[int, Hashable], Callable[[], Parts]] = OrderedDict()
        self._letting_go: dict[int, Callable[[Hashable], None]] = {}

    def furnish(self, kind: int, let_go: Callable[[Hashable], None]) -> None:
        """Have room for values of one more kind; `let_go` is told which one of them goes."""
        self._letting_go[kind] = let_go

    def use(self, kind: int, key: Hashable) -> None:
        """A value has been used now."""
        self._used.move_to_end((kind, key))

    def take_in(self, kind: int, key: Hashable, parts: Callable[[], Parts]) -> None:
        """Have room for one more value, and let go of others until there is; never of what that one holds itself."""
        self._used[kind, key] = parts
        self._used.move_to_end((kind, key))
        held = {id(part) for part, _ in parts()}
        while self.bytes > self._bytes_max:
            freeing = (each for each, of in self._used.items() if any(id(part) not in held for part, _ in of()))
            found = next(freeing, None)
            if found is None:
                return
            self.let_go(*found)
            self._letting_go[found[0]](found[1])

    def let_go(self, kind: int, key: Hashable) -> None:
        """A value is kept no more."""
        del self._used[kind, key]

    @property
    def bytes(self) -> int:
        """What all that is kept takes in memory, about."""
        return sum({id(part): size for parts in self._used.values() for part, size in parts()}.values())


class Kept(Generic[V]):
    """As many values as may be, those that were used last; where they share a room, no more than have room there."""

    def __init__(self, number_max: int, room: Room | None = None, parts: Callable[[V], Parts] = lambda _: ()) -> None:
        """None yet. `parts`: what a value holds in the room; that may change."""
        self._number_max = number_max
        self._room = room
        self._parts = parts
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        if room is not None:
            room.furnish(id(self), self._values.__delitem__)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        """The value that is kept under a key; it has been used now."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
            if self._room is not None:
                self._room.use(id(self), key)
        return value

    def __iter__(self) -> Iterator[V]:
        """All that are kept."""
        return iter(list(self._values.values()))

    def keep(self, key: Hashable, value: V) -> V:
        """Keep a value, and let go of what has not been used for longest."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._number_max:
            oldest, _ = self._values.popitem(last=False)
            if self._room is not None:
                self._room.let_go(id(self), oldest)
        if self._room is not None:
            self._room.take_in(id(self), key, lambda: self._parts(value))
        return value
