"""Tables that keep their newest entries: what is remembered of requests must not grow with them.

This module must not know what is kept.
"""

from collections import OrderedDict
from typing import TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")


def keep_newest(table: OrderedDict[Key, Kept], key: Key, value: Kept, entries_max: int) -> None:
    """Keep a value; beyond so many entries the oldest go."""
    table[key] = value
    table.move_to_end(key)
    while len(table) > entries_max:
        table.popitem(last=False)
