"""A dictionary whose values are made when they are first asked for.

This module must not know what the values are.
"""

from _collections_abc import dict_items, dict_keys, dict_values
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NoReturn, TypeVar, overload

V = TypeVar("V")
D = TypeVar("D")


class Later(dict[str, V]):
    """By name, in the order of the makers. A value that is there costs what it costs in any dictionary.

    Whoever asks for all values gets them made at once. Names are neither added nor removed.
    """

    def __init__(self, makers: Mapping[str, Callable[[], V]]) -> None:
        """Nothing is made yet; each maker is called once at most."""
        super().__init__()
        self._makers = dict(makers)
        self._names = dict.fromkeys(makers)
        self._in_order = False

    def __missing__(self, name: str) -> V:
        """The value, made now. Raises KeyError for a name of which there is no maker.

        What a maker raises is raised at every later look too: it may have left what it makes the value from half used.
        """
        maker = self._makers.pop(name)
        try:
            value = self[name] = maker()
        except Exception as reason:
            self._makers[name] = partial(_raise_again, reason)
            raise
        return value

    def __contains__(self, name: object) -> bool:
        """Whether there is a value, made or not."""
        return name in self._names

    def __len__(self) -> int:
        """How many values there are, made or not."""
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._names)

    @overload
    def get(self, name: str, default: None = None, /) -> V | None: ...

    @overload
    def get(self, name: str, default: V, /) -> V: ...

    @overload
    def get(self, name: str, default: D, /) -> V | D: ...

    def get(self, name: str, default: object = None, /) -> object:
        """The value, or else the default."""
        return self[name] if name in self._names else default

    def keys(self) -> "dict_keys[str, V]":
        """The names, in order."""
        self._make_all()
        return super().keys()

    def values(self) -> "dict_values[str, V]":
        """The values, in order."""
        self._make_all()
        return super().values()

    def items(self) -> "dict_items[str, V]":
        """Names and values, in order."""
        self._make_all()
        return super().items()

    def _make_all(self) -> None:
        if not self._in_order:
            made = {name: self[name] for name in self._names}
            self.clear()
            self.update(made)
            self._in_order = True


def _raise_again(reason: Exception) -> NoReturn:
    """Raise what a maker has raised before, without the traces of every look that has met it."""
    raise reason.with_traceback(None)
