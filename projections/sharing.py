"""Objects that two states of one contest have in common, kept once.

Most of what there was at a moment of the past is as it is today. This module must not know where states come from.
"""

from collections.abc import Iterator

from projections.contest import ContestState

SHARED_AT_ONCE = 1_000
"""Objects that are looked at between two turns of whoever shares."""


def sharing(past: ContestState, present: ContestState) -> Iterator[None]:
    """Put objects of the present state in the place of those in an earlier state of its contest, some at each step.

    What the same event wrote is the same object, so only that is replaced.
    """
    for type_name, members in past.objects.items():
        now = present.objects[type_name]
        for number, identifier in enumerate(list(members), start=1):
            key = (type_name, identifier)
            if present.versions.get(key) == past.versions[key] and identifier in now:
                members[identifier] = now[identifier]
            if number % SHARED_AT_ONCE == 0:
                yield
