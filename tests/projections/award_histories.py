"""Random histories of a contest whose awards the server keeps: those of the scoreboard, with all that awards add.

Teams get organizations, some ids become so long that those of their awards must be shortened, and the settings of
the awards change in between.
"""

from itertools import product
from random import Random
from typing import cast

import msgspec

from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, Organization, Problem, Submission, Team
from schemas.records import AWARD_KINDS, AwardSettings, Settings
from tests.projections.scoreboard_builders import Event, judged
from tests.projections.scoreboard_histories import PROBLEMS, TEAMS, history

ORGANIZATIONS = [
    Organization(id="uni", name="University", formal_name="University of Somewhere"),
    Organization(id="an-organization-with-a-long-id-so-long", name="Long"),
]
LONG_PROBLEM_ID = "a-problem-with-quite-a-long-id"
AWARD_IDS = ["winner", "gold-medal", "rank-3", "honors", "first-to-solve-a", "first-to-solve-gone", "best-costume"]


def award_settings(dice: Random) -> Event:
    """Any settings of the awards, mostly with them kept."""
    return kept_by_the_server(
        computed=dice.random() < 0.9,
        kinds=AWARD_KINDS if dice.random() < 0.7 else tuple(dice.sample(AWARD_KINDS, 4)),
        rule=dice.choice(["places", "world-finals", "world-finals"]),
        gold=dice.choice([0, 1, 1]),
        silver=dice.choice([0, 0, 1]),
        bronze=dice.choice([0, 0, 1]),
        extra_bronzes=dice.choice([0, 0, 1]),
        taken_over=dice.choice([(), (), ("winner",), ("gold-medal", "best-costume")]),
    )


def kept_by_the_server(**changes: object) -> Event:
    """Settings under which the server keeps the awards."""
    awards = msgspec.structs.replace(AwardSettings(computed=True), **changes)
    return cast("Event", ("x-settings", SINGLETON_ID, Settings(awards=awards)))


def award_history(seed: int, length: int) -> list[Event]:
    """A history in which awards move."""
    dice = Random(seed)
    events: list[Event] = [award_settings(dice), *(("organizations", each.id, each) for each in ORGANIZATIONS)]
    long_id = dice.random() < 0.3
    for event in (*history(seed, length), *many_solves(dice)):
        if dice.random() < 0.04:
            events.append(award_settings(dice))
        if dice.random() < 0.04:
            award_id = dice.choice(AWARD_IDS)
            events.append(("awards", award_id, Award(id=award_id, citation="given", team_ids=["t1"])))
        joined = in_organization(event, dice)
        events.append(of_long_problem(joined) if long_id else joined)
    return events


def in_organization(event: Event, dice: Random) -> Event:
    """A team is of one organization or none; anything else is as it was."""
    type_name, identifier, instance = event
    if not isinstance(instance, Team):
        return event
    organization_id = dice.choice([None, *(each.id for each in ORGANIZATIONS)])
    return type_name, identifier, msgspec.structs.replace(instance, organization_id=organization_id)


def of_long_problem(event: Event) -> Event:
    """The same event with another id of the first problem."""
    type_name, identifier, instance = event
    if isinstance(instance, Submission) and instance.problem_id == PROBLEMS[0]:
        return type_name, identifier, msgspec.structs.replace(instance, problem_id=LONG_PROBLEM_ID)
    if type_name == "problems" and identifier == PROBLEMS[0]:
        renamed = instance and msgspec.structs.replace(cast("Problem", instance), id=LONG_PROBLEM_ID)
        return type_name, LONG_PROBLEM_ID, renamed
    return event


def many_solves(dice: Random) -> list[Event]:
    """Most teams solve most problems in the end, so that there is more between the first and the last."""
    return [
        event
        for number, (team_id, problem_id) in enumerate(product(TEAMS, PROBLEMS))
        if dice.random() < 0.6
        for event in judged(f"end-{number}", team_id, problem_id, f"3:{dice.randrange(60):02}:00.000", "AC", score=5)
    ]
