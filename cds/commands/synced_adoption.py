"""Which objects are taken for a platform's where nobody has written down whose they are.

So it is when a contest that was imported with its results comes from an archive that keeps no records. Then an object
is adopted that has an id of the platform's form and looks as its objects do; the others are people's. This module must
not know any platform.
"""

import re
from collections.abc import Iterator, Mapping

from cds.commands.platform_objects import Identifiers, Known
from cds.commands.reconcile import Objects
from cds.commands.synced_judgements import number_of
from projections.contest import ContestState
from schemas.objects import ContestObject, Person, Problem, Submission, Team

Forms = Mapping[str, re.Pattern[str]]
"""The forms that the ids of a platform's objects have, by type."""

BROUGHT_BY_AN_IMPORT = ("judgement-types", "groups")
"""Only a contest that was imported with its results has objects of each of these types just as the platform has them:
a contest that has merely been listed has none, and what is in it people have made."""

DESCRIBING = ("judgement-types", "languages", "groups")
"""Types whose objects describe others: one with the platform's id is the platform's."""


def adopted(state: ContestState, told: Objects, known: Known, forms: Forms) -> Identifiers:
    """The ids of the objects that are taken for the platform's, by type; none where it is known whose they are."""
    if known.records or not _was_imported(state, told):
        return {}
    found: dict[str, set[str]] = {
        name: {each for each in told[name] if each in state.objects[name]} for name in DESCRIBING
    }
    # In this order: of whom and of what an object is comes before the object.
    for type_name, likely in (("problems", _problem), ("teams", _team), ("persons", _person), ("submissions", _made)):
        form = forms[type_name]
        found[type_name] = {
            identifier
            for identifier, instance in state.objects[type_name].items()
            if form.fullmatch(identifier) and likely(state, instance, found)
        }
    return found


def _was_imported(state: ContestState, told: Objects) -> bool:
    synced = None if state.contest is None or state.contest.ext is None else state.contest.ext.sync
    return synced is not None and all(any(_the_same(state, told, name)) for name in BROUGHT_BY_AN_IMPORT)


def _the_same(state: ContestState, told: Objects, type_name: str) -> Iterator[bool]:
    present = state.objects[type_name]
    return (present.get(identifier) == instance for identifier, instance in told[type_name].items())


def _problem(_state: ContestState, problem: ContestObject, _found: Identifiers) -> bool:
    """It is called by its label."""
    return isinstance(problem, Problem) and problem.id.endswith(problem.label)


def _team(_state: ContestState, team: ContestObject, found: Identifiers) -> bool:
    """It has results of the platform, or is in one of its groups."""
    if not isinstance(team, Team):
        return False
    has_results = team.ext is not None and team.ext.sync is not None
    return has_results or not found["groups"].isdisjoint(team.group_ids or ())


def _person(_state: ContestState, person: ContestObject, found: Identifiers) -> bool:
    """All of somebody's roles are in the platform's teams."""
    roles = person.roles if isinstance(person, Person) else []
    return bool(roles) and all(role.team_id in found["teams"] for role in roles)


def _made(state: ContestState, submission: ContestObject, found: Identifiers) -> bool:
    """It is of such a team, to such a problem, and its first judgement began when it was made.

    That is so because the platform tells no times of judging; ids of the same form are given here as well.
    """
    if not isinstance(submission, Submission):
        return False
    return (
        submission.team_id in found["teams"]
        and submission.problem_id in found["problems"]
        and any(
            number_of(each) == 1 and each.start_time == submission.time for each in state.judgements_of(submission.id)
        )
    )
