"""Which object of one contest is which of another: by id, and where a system numbers otherwise, by what they say.

Submissions and what hangs on them are numbered by each system as it likes. Ids count as far as objects of the same id
say the same; the others are found by what they are about and when. This module must not know what differs in the end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import msgspec

from schemas.objects import Clarification, Commentary, ContestObject, Judgement, Run, Submission
from schemas.times import parse_relative_time_ms, parse_time_ms

CLOSE_MS = 1_000
"""What two systems tell of one moment lies closer together than this; some keep whole seconds."""

Subject = tuple[object, ...]
Aliases = Mapping[str, Mapping[str, str]]
"""Type → id on the other side → id on this side, for objects that have different ids."""


class Content(msgspec.Struct, frozen=True):
    """What an object is about, and where it stands among all that are about the same, measured in one or more ways."""

    subject: Subject
    places: tuple[int, ...]


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """The objects of a type that are the same: ids of `a` with those of `b`, in the order of `a`; and the others."""

    ids: dict[str, str]
    by_content: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def aliases(self) -> dict[str, str]:
        """Ids of `b` that `a` knows under another id."""
        return {b: a for a, b in self.ids.items() if a != b}


def _of_submission(instance: ContestObject, _: Aliases) -> Content:
    submission = cast("Submission", instance)
    return Content(
        (submission.team_id, submission.problem_id, submission.language_id),
        (parse_relative_time_ms(submission.contest_time), parse_time_ms(submission.time)),
    )


def _of_judgement(instance: ContestObject, aliases: Aliases) -> Content:
    judgement = cast("Judgement", instance)
    submission_id = judgement.submission_id
    return Content((aliases["submissions"].get(submission_id, submission_id),), (parse_time_ms(judgement.start_time),))


def _of_run(instance: ContestObject, aliases: Aliases) -> Content:
    run = cast("Run", instance)
    return Content((aliases["judgements"].get(run.judgement_id, run.judgement_id), run.ordinal), (0,))


def _of_clarification(instance: ContestObject, _: Aliases) -> Content:
    clarification = cast("Clarification", instance)
    return Content(
        (clarification.from_team_id, clarification.problem_id, clarification.text),
        (parse_relative_time_ms(clarification.contest_time), parse_time_ms(clarification.time)),
    )


def _of_commentary(instance: ContestObject, _: Aliases) -> Content:
    comment = cast("Commentary", instance)
    return Content((comment.message,), (parse_relative_time_ms(comment.contest_time), parse_time_ms(comment.time)))


NUMBERED: Mapping[str, Callable[[ContestObject, Aliases], Content]] = {
    "submissions": _of_submission,
    "judgements": _of_judgement,
    "runs": _of_run,
    "clarifications": _of_clarification,
    "commentary": _of_commentary,
}
"""The types whose ids are numbers that a system gives, with what their objects say."""

IN_ORDER = frozenset({"judgements"})
"""Types in which the first of a subject is the first of the other side, however far apart they are."""


def pairs_of(type_name: str, a: Mapping[str, ContestObject], b: Mapping[str, ContestObject], aliases: Aliases) -> Pairs:
    """Which objects of a type are the same; `aliases` for the types before it, those of `b` in terms of `a`."""
    content_of = NUMBERED.get(type_name)
    if content_of is None:
        return _pairs({identifier: identifier for identifier in a if identifier in b}, a, b)
    # What is equal in every word is the same, as long as the words mean the same; most of a contest is.
    words_differ = any(aliases.values())
    equal = {} if words_differ else {each: each for each in a if each in b and a[each] == b[each]}
    nothing: Aliases = {name: {} for name in NUMBERED}
    contents_a = {each: content_of(instance, nothing) for each, instance in a.items() if each not in equal}
    contents_b = {each: content_of(instance, aliases) for each, instance in b.items() if each not in equal}
    found = _found(contents_a, contents_b, equal_already=len(equal), in_order=type_name in IN_ORDER)
    return _pairs(equal | found, a, b)


def _pairs(found: Mapping[str, str], a: Iterable[str], b: Iterable[str]) -> Pairs:
    ids = {identifier: found[identifier] for identifier in a if identifier in found}
    taken = set(ids.values())
    return Pairs(
        ids=ids,
        by_content=sum(1 for mine, other in ids.items() if mine != other),
        only_a=tuple(identifier for identifier in a if identifier not in ids),
        only_b=tuple(identifier for identifier in b if identifier not in taken),
    )


def _found(a: Mapping[str, Content], b: Mapping[str, Content], *, equal_already: int, in_order: bool) -> dict[str, str]:
    """Ids of `a` with those of `b`: first who agrees in id and content, last who has nothing but the id in common."""
    common = [identifier for identifier in a if identifier in b]
    found = {identifier: identifier for identifier in common if _agree(a[identifier], b[identifier], in_order=in_order)}
    same_subject = {identifier: identifier for identifier in common if a[identifier].subject == b[identifier].subject}
    ids_are_shared = 2 * (len(found) + equal_already) >= len(common) + equal_already
    if not ids_are_shared and 2 * len(same_subject) >= len(common):
        # All times differ: another clock, unless by their times the objects are found under other ids.
        ids_are_shared = 2 * len(_found_by_content(a, b, {}, in_order=in_order)) < len(common)
    found |= same_subject if ids_are_shared else {}
    found = _found_by_content(a, b, found, in_order=in_order)
    if ids_are_shared:
        taken = {*found, *found.values()}
        found |= {identifier: identifier for identifier in common if identifier not in taken}
    return found


def _agree(a: Content, b: Content, *, in_order: bool) -> bool:
    close = (abs(mine - other) < CLOSE_MS for mine, other in zip(a.places, b.places, strict=True))
    return a.subject == b.subject and (in_order or any(close))


def _found_by_content(
    a: Mapping[str, Content], b: Mapping[str, Content], already: Mapping[str, str], *, in_order: bool
) -> dict[str, str]:
    """What was found already, and those that are about the same and close together by a measure, the earlier first."""
    found = dict(already)
    for measure in range(max((len(content.places) for content in a.values()), default=0)):
        taken = set(found.values())
        left_a = _by_subject(a, (identifier for identifier in a if identifier not in found), measure)
        left_b = _by_subject(b, (identifier for identifier in b if identifier not in taken), measure)
        for subject, mine in left_a.items():
            found.update(_walked(mine, left_b.get(subject, ()), in_order=in_order))
    return found


Placed = tuple[int, str]


def _by_subject(
    contents: Mapping[str, Content], identifiers: Iterable[str], measure: int
) -> Mapping[Subject, Sequence[Placed]]:
    found: defaultdict[Subject, list[Placed]] = defaultdict(list)
    for identifier in identifiers:
        found[contents[identifier].subject].append((contents[identifier].places[measure], identifier))
    for placed in found.values():
        placed.sort()
    return found


def _walked(a: Sequence[Placed], b: Sequence[Placed], *, in_order: bool) -> Iterable[tuple[str, str]]:
    """Pairs of two sorted rows: the next of each where they are close together, else the earlier one is left alone."""
    index_a = index_b = 0
    while index_a < len(a) and index_b < len(b):
        (place_a, mine), (place_b, other) = a[index_a], b[index_b]
        if in_order or abs(place_a - place_b) < CLOSE_MS:
            yield mine, other
            index_a, index_b = index_a + 1, index_b + 1
        elif place_a < place_b:
            index_a += 1
        else:
            index_b += 1
