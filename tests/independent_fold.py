"""Fold an event feed into collections, knowing nothing but the Contest API's text: no import of the program.

Run as a script it reads NDJSON from standard input and writes the collections as one JSON object, type by type.
It is the judge of the product's feeds, and so it must not use a line of the product.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

Collections = dict[str, dict[str | None, Any]]
"""Type → id → object. Objects that exist once stand under None."""


def notifications(feed: bytes) -> list[dict[str, Any]]:
    """The notifications of a stretch of feed; empty lines are signs of life."""
    return [json.loads(line) for line in feed.split(b"\n") if line.strip()]


def fold_one(collections: Collections, notification: dict[str, Any]) -> None:
    """Take in one notification (Contest API, "Notification format")."""
    name, identifier, data = notification["type"], notification["id"], notification["data"]
    if identifier is None and isinstance(data, list):
        collections[name] = {member["id"]: member for member in data}
    elif data is not None:
        collections.setdefault(name, {})[identifier] = data
    else:
        members = collections.get(name, {})
        members.pop(identifier, None)
        if not members:
            collections.pop(name, None)


def fold(feed: bytes | Iterable[dict[str, Any]], collections: Collections | None = None) -> Collections:
    """The collections after a feed, on top of `collections` (which are changed in place) or of nothing."""
    folded: Collections = {} if collections is None else collections
    for notification in notifications(feed) if isinstance(feed, bytes) else feed:
        fold_one(folded, notification)
    return folded


def main() -> None:
    """Fold standard input; the objects that exist once come out bare, the others as lists."""
    folded = fold(sys.stdin.buffer.read())
    shown = {name: members[None] if None in members else list(members.values()) for name, members in folded.items()}
    json.dump(shown, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
