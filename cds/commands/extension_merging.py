"""What PATCH makes of `ext`: what the body says, laid over what was there.

Namespaces belong to different people, and within one the members say things that have nothing to do with each other:
ten minutes more for somebody leave alone when they began. So the body is laid over namespace by namespace, and in each
of them member by member; null takes one away. What stands inside a member is one value and is replaced as a whole.
This module must not know any namespace.
"""

import msgspec

from cds.commands.properties import NULL, Properties, given, members_of, raw


def merged_extension(before: Properties, said: Properties) -> dict[str, msgspec.Raw]:
    """The namespaces of an object that is patched: those that it has, and what the body says of some."""
    merged = {name: _merged(before.get(name, NULL), value) for name, value in said.items()}
    return {**before, **merged}


def _merged(before: msgspec.Raw, said: msgspec.Raw) -> msgspec.Raw:
    """The members of a namespace; null where none is left. What names none is kept, to be judged where it is read."""
    members = members_of(said)
    if not members:
        return said if members is None or NULL in (said, before) else before
    kept = given({**(members_of(before) or {}), **members})
    return raw(kept) if kept else NULL
