"""Judgements of which a source tells only what they are in the end: which of them counted until when.

A submission that was judged again had a verdict before. Where every judgement of it is told once, with its verdict,
each counted until the next one came to its own. This module must not know how a judgement is told.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from cds.commands.decision import ObjectChange
from cds.playback.source_times import SourceTimes
from schemas.objects import Judgement


class Replacement(msgspec.Struct, frozen=True):
    """How one judgement stood among the others of its submission.

    `gives_way_ms`: the moment at which the next one took its place, None for the last; `current` is what a judgement of
    this submission says while it counts; `replaces`: there was one before it.
    """

    gives_way_ms: int | None
    current: bool | None
    replaces: bool


def replacements(changes: Sequence[ObjectChange], times: SourceTimes) -> dict[str, Replacement]:
    """The judgements that replaced each other, by id; of others nothing is said."""
    versions: Counter[str] = Counter()
    judged: defaultdict[str, list[Judgement]] = defaultdict(list)
    for change in changes:
        if change.type == "judgements":
            versions[change.id] += 1
            if isinstance(change.instance, Judgement):
                judged[change.instance.submission_id].append(change.instance)
    found: dict[str, Replacement] = {}
    for judgements in judged.values():
        if len(judgements) > 1 and all(versions[each.id] == 1 and each.end_time is not None for each in judgements):
            found |= _of_one_submission(judgements, times)
    return found


def _of_one_submission(judgements: Sequence[Judgement], times: SourceTimes) -> dict[str, Replacement]:
    """Each gives way to the next one that came to its verdict, up to the only one that counts in the end."""
    ended_ms = {each.id: times.moments_ms("judgements", each)["end_time"] for each in judgements}
    counting = [each for each in judgements if each.current is not False]
    if len(counting) != 1:
        return {}
    last_ms = ended_ms[counting[0].id]
    before = sorted((each for each in judgements if ended_ms[each.id] < last_ms), key=lambda each: ended_ms[each.id])
    order = [*before, counting[0]]
    return {
        each.id: Replacement(
            gives_way_ms=ended_ms[order[place + 1].id] if place + 1 < len(order) else None,
            current=counting[0].current,
            replaces=place > 0,
        )
        for place, each in enumerate(order)
    }
