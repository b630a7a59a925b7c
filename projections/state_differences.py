"""The first difference between two states of a contest, or between two audiences of it, that should be the same.

For whoever holds what was kept against what a replay comes to. The order of what answers do not rest on is left out.
This module must not know where either comes from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import TypeVar

from projections.audience import LINE_BEGINS, Audience
from projections.contest import ContestState
from projections.feed_lines import FeedLines
from projections.integrity import Key
from schemas.object_types import OBJECT_TYPES

K = TypeVar("K")

PLAIN_PROPERTIES: tuple[tuple[str, Callable[[ContestState], object]], ...] = (
    ("position", lambda state: state.position),
    ("settings", lambda state: state.settings),
    ("times of submissions", lambda state: dict(state.submission_times_ms)),
    ("highest submission number", lambda state: state.highest_submission_number),
    ("latest submission", lambda state: state.latest_submission_time_ms),
    ("extended objects", lambda state: {name: set(members) for name, members in state.extended.items()}),
    ("logins", lambda state: dict(state.logins)),
    ("awards at the freeze", lambda state: state.awards_at_freeze),
    ("released awards", lambda state: state.released_awards),
)
"""What there is once of a state, beside its objects, their versions and their references."""

PLAIN_PROPERTIES_OF_AUDIENCES: tuple[tuple[str, Callable[[Audience], object]], ...] = (
    ("who owns what", lambda audience: dict(audience.owners)),
    ("when what is shown has changed last", lambda audience: audience.changes),
    ("where the feed ends", lambda audience: audience.feed_lines.last_sequence),
)
"""The same of an audience."""

_TYPE_NAMES = {number: name for name, (number, _) in LINE_BEGINS.items()}


def state_difference(kept: ContestState, replayed: ContestState) -> str | None:
    """The first thing that a kept state says otherwise than a replayed one, None when there is none."""
    for name in OBJECT_TYPES:
        found = _first_unlike(kept.objects[name].items(), replayed.objects[name].items())
        if found is not None:
            return f"{name} {found}".strip()
    key = _first_unlike_in(kept.versions, replayed.versions)
    if key is not None:
        return f"version of {_named(key)}"
    for key in dict.fromkeys((*kept.referrers.targets(), *replayed.referrers.targets())):
        if set(kept.referrers.of(key)) != set(replayed.referrers.of(key)):
            return f"references to {_named(key)}"
    return next((name for name, of in PLAIN_PROPERTIES if of(kept) != of(replayed)), None)


def audience_difference(kept: Audience, replayed: Audience) -> str | None:
    """The same of two audiences of one role that keep feeds."""
    for number, (ours, theirs) in enumerate(zip_longest(_lines(kept.feed_lines), _lines(replayed.feed_lines)), 1):
        if ours != theirs:
            told = theirs or ours
            return f"line {number} of the feed ({_TYPE_NAMES.get(told[1], '?') if told is not None else '?'})"
    found = _first_unlike_in(kept.feed_lines.team_lines, replayed.feed_lines.team_lines)
    if found is not None:
        return f"lines that team {found} alone gets"
    for name in OBJECT_TYPES:
        found = _first_unlike_in(kept.shown[name], replayed.shown[name])
        if found is not None:
            return f"what is shown of {_named((name, found))}"
    found = _first_unlike_in(kept.shown_to_owner, replayed.shown_to_owner)
    if found is not None:
        return f"what is shown to team {found} of its own"
    return next((name for name, of in PLAIN_PROPERTIES_OF_AUDIENCES if of(kept) != of(replayed)), None)


def _lines(lines: FeedLines) -> Iterator[tuple[int, int, bytes, tuple[str, ...]]]:
    """Every line that is for more than one: its place, the number of its type, its bytes, and who gets another."""
    for segment in lines.segments:
        replaced: dict[int, list[str]] = {}
        for team_id, numbers in segment.replaced_for.items():
            for number in numbers:
                replaced.setdefault(number, []).append(team_id)
        for number, (sequence, type_number) in enumerate(zip(segment.sequences, segment.type_numbers, strict=True)):
            yield sequence, type_number, segment.line(number), tuple(sorted(replaced.get(number, ())))


def _first_unlike(kept: Iterable[tuple[str, object]], replayed: Iterable[tuple[str, object]]) -> str | None:
    """The id of the first object that is another one, or stands elsewhere: collections have an order."""
    for ours, theirs in zip_longest(kept, replayed):
        if ours != theirs:
            return (theirs or ours or ("", None))[0]
    return None


def _first_unlike_in(kept: Mapping[K, object], replayed: Mapping[K, object]) -> K | None:
    """The first key that leads to something else, or to nothing, in one of two mappings."""
    return next((key for key in dict.fromkeys((*kept, *replayed)) if kept.get(key) != replayed.get(key)), None)


def _named(key: Key) -> str:
    return " ".join(key).strip()
