"""Which object of one contest is which of another: by id, and where a system numbers otherwise, by what they say.

Submissions and what hangs on them are numbered by each system as it likes. Ids count as far as objects of the same id
say the same; the others are found by what they are about and when (`comparison_moments`). This module must not know
what differs in the end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import msgspec

from projections.comparison_moments import Placed, are_close, in_order_of_moments, paired
from schemas.objects import Clarification, Commentary, ContestObject, Judgement, Run, Submission
from schemas.times import parse_relative_time_ms, parse_time_ms

Subject = tuple[object, ...]
Aliases = Mapping[str, Mapping[str, str]]
"""Type → id on the other side → id on this side, for objects that have different ids."""


class Content(msgspec.Struct, frozen=True):
    """What an object is about, and where it stands among all that are about the same, measured in one or more ways.

    `subjects`: in full, then with less and less, as systems may name languages, problems and teams otherwise. Nothing
    at all is a subject for ids alone: it takes the same id and the same moment.
    """

    subjects: tuple[Subject, ...]
    places: tuple[int, ...]

    def is_near(self, other: "Content") -> bool:
        """Whether the two stand close together by any measure."""
        return any(are_close(mine, place) for mine, place in zip(self.places, other.places, strict=True))


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
    about = (submission.team_id, submission.problem_id, submission.language_id)
    return Content(
        (about, about[:2], ()),
        (parse_relative_time_ms(submission.contest_time), parse_time_ms(submission.time)),
    )


def _of_judgement(instance: ContestObject, aliases: Aliases) -> Content:
    judgement = cast("Judgement", instance)
    submission_id = judgement.submission_id
    about = (aliases["submissions"].get(submission_id, submission_id),)
    return Content((about,), (parse_time_ms(judgement.start_time),))


def _of_run(instance: ContestObject, aliases: Aliases) -> Content:
    run = cast("Run", instance)
    about = (aliases["judgements"].get(run.judgement_id, run.judgement_id), run.ordinal)
    return Content((about,), (0,))


def _of_clarification(instance: ContestObject, _: Aliases) -> Content:
    clarification = cast("Clarification", instance)
    return Content(
        ((clarification.from_team_id, clarification.problem_id, clarification.text),),
        (parse_relative_time_ms(clarification.contest_time), parse_time_ms(clarification.time)),
    )


def _of_commentary(instance: ContestObject, _: Aliases) -> Content:
    comment = cast("Commentary", instance)
    return Content(((comment.message,),), (parse_relative_time_ms(comment.contest_time), parse_time_ms(comment.time)))


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


Contents = Mapping[str, Content]


def _found(a: Contents, b: Contents, *, equal_already: int, in_order: bool) -> dict[str, str]:
    """Ids of `a` with those of `b`: first who agrees in id and content, last who has nothing but the id in common."""
    common = [identifier for identifier in a if identifier in b]
    are_shared = _ids_are_shared(a, b, common, equal_already=equal_already, in_order=in_order)
    found = _themselves({}, _agreeing(a, b, common, 0, in_order=in_order))
    for level in _levels(a):
        if are_shared:
            found = _themselves(found, _about_the_same(a, b, common, level))
        found = _found_by_content(a, b, found, level, in_order=in_order)
    return _themselves(found, common) if are_shared else found


def _ids_are_shared(a: Contents, b: Contents, common: Sequence[str], *, equal_already: int, in_order: bool) -> bool:
    """Whether one id means one thing: at least half of those that both sides have say the same."""
    for level in _levels(a):
        agreeing = _agreeing(a, b, common, level, in_order=in_order)
        if 2 * (len(agreeing) + equal_already) >= len(common) + equal_already:
            return True
    elsewhere: dict[str, str] = {}
    for level in _levels(a):
        elsewhere = _found_by_content(a, b, elsewhere, level, in_order=in_order)
    if 2 * len(elsewhere) >= len(common):
        return False
    # Nothing is found under other ids: then another clock tells all times, or other names are given to everything.
    alike = [_about_the_same(a, b, common, level) for level in _levels(a)]
    if all(() in a[each].subjects for each in common):
        alike.append([each for each in common if a[each].is_near(b[each])])
    return any(2 * len(each) >= len(common) for each in alike)


def _levels(contents: Contents) -> range:
    """How many subjects there are that say anything, in full and with less."""
    return range(max((sum(map(bool, content.subjects)) for content in contents.values()), default=0))


def _about_the_same(a: Contents, b: Contents, common: Sequence[str], level: int) -> list[str]:
    return [each for each in common if a[each].subjects[level] == b[each].subjects[level]]


def _agreeing(a: Contents, b: Contents, common: Sequence[str], level: int, *, in_order: bool) -> list[str]:
    return [each for each in _about_the_same(a, b, common, level) if in_order or a[each].is_near(b[each])]


def _themselves(already: Mapping[str, str], identifiers: Iterable[str]) -> dict[str, str]:
    """What was found already, and of these ids those that are free on both sides as the same."""
    taken = set(already.values())
    return {**already, **{each: each for each in identifiers if each not in already and each not in taken}}


def _found_by_content(
    a: Contents, b: Contents, already: Mapping[str, str], level: int, *, in_order: bool
) -> dict[str, str]:
    """What was found already, and those that are about the same and close together by a measure, the earlier first."""
    found = dict(already)
    for measure in range(max((len(content.places) for content in a.values()), default=0)):
        taken = set(found.values())
        left_a = _by_subject(a, (identifier for identifier in a if identifier not in found), level, measure)
        left_b = _by_subject(b, (identifier for identifier in b if identifier not in taken), level, measure)
        for subject, mine in left_a.items():
            theirs = left_b.get(subject, ())
            one_after_the_other = zip((each for _, each in mine), (each for _, each in theirs), strict=False)
            found.update(one_after_the_other if in_order else paired(mine, theirs))
    return found


def _by_subject(
    contents: Contents, identifiers: Iterable[str], level: int, measure: int
) -> Mapping[Subject, Sequence[Placed]]:
    found: defaultdict[Subject, list[Placed]] = defaultdict(list)
    for identifier in identifiers:
        content = contents[identifier]
        found[content.subjects[level]].append((content.places[measure], identifier))
    return {subject: in_order_of_moments(placed) for subject, placed in found.items()}
