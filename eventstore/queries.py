"""The named statements of queries.sql.

Knows how the file is cut into statements. It must not know what the statements do.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_NAME_LINE = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def parse_queries(text: str) -> Mapping[str, str]:
    """Statements by name from a text in which each follows a line `-- name: the_name`.

    Raises ValueError for a name that occurs twice or has no statement.
    """
    parts = _NAME_LINE.split(text)[1:]
    queries: dict[str, str] = {}
    for name, statement in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise ValueError(f"query {name!r} is defined twice")
        if not statement.strip():
            raise ValueError(f"query {name!r} has no statement")
        queries[name] = statement.strip()
    return MappingProxyType(queries)


QUERIES = parse_queries(files("eventstore").joinpath("queries.sql").read_text(encoding="utf-8"))
"""All statements by name; a name that is missing fails at import of the module that asks for it."""
