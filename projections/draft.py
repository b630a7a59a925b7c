"""A draft: a contest state in which something more has happened, while the state itself stays as it is.

Commands that wait together are decided one after the other, each against what the ones before it came to, before
anything of it is written. A draft costs nothing in the size of the contest. This module must not know any command.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from copy import copy
from functools import partial
from typing import TypeVar, overload

from projections.contest import ContestState
from projections.later import Later
from schemas.objects import ContestObject

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class Layer(MutableMapping[K, V]):
    """A mapping with changes of its own over one that is left alone; in the order a dictionary would have."""

    def __init__(self, base: Mapping[K, V]) -> None:
        """A layer in which nothing has changed."""
        self._base = base
        self._changed: dict[K, V] = {}
        self._removed: set[K] = set()

    def __getitem__(self, key: K) -> V:
        """The value in this layer, else the one below."""
        if key in self._changed:
            return self._changed[key]
        if key in self._removed:
            raise KeyError(key)
        return self._base[key]

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...

    @overload
    def get(self, key: K, default: V, /) -> V: ...

    @overload
    def get(self, key: K, default: D, /) -> V | D: ...

    def get(self, key: K, default: object = None, /) -> object:
        """The value, or else the default. What a mapping does by itself raises an error for every key that is not."""
        if key in self._changed:
            return self._changed[key]
        if self._removed and key in self._removed:
            return default
        return self._base.get(key, default)

    def __setitem__(self, key: K, value: V) -> None:
        """Change or add."""
        self._changed[key] = value

    def __delitem__(self, key: K) -> None:
        """Remove from view."""
        if key not in self:
            raise KeyError(key)
        self._changed.pop(key, None)
        if key in self._base:
            self._removed.add(key)

    def __contains__(self, key: object) -> bool:
        """Whether it is to be seen in this layer."""
        return key in self._changed or (key in self._base and key not in self._removed)

    def __iter__(self) -> Iterator[K]:
        """Keys of the base in their places, then what was added; what was removed and came back is at the end."""
        for key in self._base:
            if key not in self._removed:
                yield key
        for key in self._changed:
            if key not in self._base or key in self._removed:
                yield key

    def __reversed__(self) -> Iterator[K]:
        """The keys from the last to the first."""
        return reversed(list(self))

    def __len__(self) -> int:
        """How many keys there are to see."""
        added = sum(1 for key in self._changed if key not in self._base or key in self._removed)
        return len(self._base) - len(self._removed) + added


def draft_of(state: ContestState) -> ContestState:
    """A state that begins as the given one is now. It is good until the given one changes."""
    draft = copy(state)
    draft.objects = Later({name: partial(_layer_over, state, name) for name in state.objects})
    draft.versions = Layer(state.versions)
    draft.referrers = state.referrers.draft()
    draft.submission_times_ms = Layer(state.submission_times_ms)
    draft.extended = {name: Layer(members) for name, members in state.extended.items()}
    draft.logins = Layer(state.logins)
    return draft


def _layer_over(state: ContestState, type_name: str) -> Layer[str, ContestObject]:
    return Layer(state.objects[type_name])
