"""Two contests compared: what one has and the other lacks, what differs, and what becomes of it on the scoreboard.

Pure: both sides are states that do not change meanwhile. What may be compared is the caller's to say (`Scope`), so that
nobody learns here of a property that he could not ask for. This module must not know where the contests come from.
"""

from collections.abc import Iterator, Mapping

from projections.comparison_boards import award_differences, awards_computed, awards_told, compared_boards
from projections.comparison_pairs import NUMBERED, Pairs, pairs_of
from projections.comparison_properties import WHOLE, Scope, left_out_of, property_differences
from projections.comparison_results import (
    LISTED_MAX,
    AwardDifference,
    Comparison,
    Matched,
    MissingObjects,
    PropertyDifference,
    listed,
)
from projections.comparison_verdicts import Side, submission_differences, verdict_matrix
from schemas.object_types import OBJECT_TYPES

AWARDS = "awards"

TOLD_BY_VERDICTS = frozenset({"judgement_type_id", "simplified_judgement_type_id", "score"})
"""What is not told again of the judgement that counts, where the submission is told to be judged otherwise."""


def compared(a: Side, b: Side, scope: Scope = WHOLE, listed_max: int = LISTED_MAX) -> Comparison:
    """All differences between two sides, as far as the scope goes; lists have at most `listed_max` entries."""
    pairs = _all_pairs(a, b)
    submissions = pairs["submissions"]
    verdicts = verdict_matrix(a, b, submissions.ids, submissions.only_a, submissions.only_b)
    differing = list(submission_differences(a, b, submissions.ids))
    told = frozenset(each.a.id for each in differing)
    properties = list(_property_differences(a, b, pairs, scope, told))
    missing = tuple(_missing(pairs, scope, listed_max))
    scoreboard = compared_boards(a, b, listed_max)
    awards = list(_told_awards(a, b, scope))
    computed_awards = list(_computed_awards(a, b, scope))
    found = (differing, properties, missing, scoreboard.rows.shown, awards, computed_awards)
    return Comparison(
        a=a.name,
        b=b.name,
        equal=not any(found) and not any(each.differs for each in verdicts),
        left_out=left_out_of(scope),
        matched=Matched(len(submissions.ids) - submissions.by_content, submissions.by_content),
        mattering=sum(each.matters for each in differing),
        verdicts=verdicts,
        submissions=listed(differing, listed_max),
        missing=missing,
        properties=listed(properties, listed_max),
        scoreboard=scoreboard,
        awards=listed(awards, listed_max),
        computed_awards=listed(computed_awards, listed_max),
    )


def _all_pairs(a: Side, b: Side) -> Mapping[str, Pairs]:
    """Which objects are the same, by type. What is named is found before what names it, as in table one."""
    pairs: dict[str, Pairs] = {}
    aliases: dict[str, Mapping[str, str]] = {name: {} for name in NUMBERED}
    for name in OBJECT_TYPES:
        pairs[name] = pairs_of(name, a.state.objects[name], b.state.objects[name], aliases)
        aliases[name] = pairs[name].aliases
    return pairs


def _missing(pairs: Mapping[str, Pairs], scope: Scope, listed_max: int) -> Iterator[MissingObjects]:
    for name in scope:
        alone = (pairs[name].only_a, pairs[name].only_b)
        only_a, only_b = ([identifier or name for identifier in ids] for ids in alone)
        if only_a or only_b:
            yield MissingObjects(type=name, missing=listed(only_a, listed_max), unknown=listed(only_b, listed_max))


def _property_differences(
    a: Side, b: Side, pairs: Mapping[str, Pairs], scope: Scope, told: frozenset[str]
) -> Iterator[PropertyDifference]:
    """By type, in the order of table one. What awards say is told apart, and so are the verdicts of submissions."""
    aliases = {name: found.aliases for name, found in pairs.items()}
    counting = {a.counting[each].id for each in told if each in a.counting}
    for name, properties in scope.items():
        if name == AWARDS:
            continue
        sides = (a.state.objects[name], b.state.objects[name])
        for found in property_differences(OBJECT_TYPES[name], properties, pairs[name].ids, sides, aliases):
            if name == "judgements" and found.property in TOLD_BY_VERDICTS and found.id in counting:
                continue
            yield found


def _told_awards(a: Side, b: Side, scope: Scope) -> Iterator[AwardDifference]:
    if AWARDS in scope:
        yield from award_differences(awards_told(a), awards_told(b))


def _computed_awards(a: Side, b: Side, scope: Scope) -> Iterator[AwardDifference]:
    """By the rules of `a` on both sides, so that nothing but the scoreboards makes a difference."""
    if AWARDS in scope:
        settings = a.state.settings.awards
        yield from award_differences(awards_computed(a, settings), awards_computed(b, settings))
