"""Random small histories of a contest for the laws of the scoreboard.

A history follows from its seed and length; the dice are weighted so that ties, rejudgements, moves, freezes and
deletions meet each other within a few dozen events.
"""

from collections.abc import Callable
from random import Random
from typing import Literal

import msgspec

from schemas.objects import RemovedInterval
from tests.projections.scoreboard_builders import (
    START,
    Event,
    contest,
    group,
    judgement,
    judgement_type,
    moment,
    problem,
    state,
    submission,
    team,
)

NAMES = ["äpfel", "Äpfel", "apple", "cote", "Cote", "coté", "côte", "zebra", "Zürich", "Zuse"]
"""In the order of the Unicode Collation Algorithm, written down by hand."""

KINDS: list[Literal["pass-fail", "score"]] = ["pass-fail", "score"]
TEAMS = ["t1", "t2", "t3"]
PROBLEMS = ["a", "b"]
GROUPS = ["main", "guests", "others"]
SUBMISSIONS = [f"s{number}" for number in range(9)]
JUDGEMENTS = [f"j{number}" for number in range(12)]
VERDICTS = ["WA", "AC", "WA", "AC", "CE", "JE", "PA", "unknown", None]
SCORES = [None, 0, 0.1, 0.2, 0.7, 33.3, 40, 99.99, 100, 100.0]
BEFORE_FREEZE = ["0:00:00.000", "0:20:59.999", "0:21:00.000", "1:00:00.000", "2:30:15.250", "3:59:59.999"]
IN_FREEZE = ["4:00:00.000", "4:30:00.000", "4:59:59.999"]
OUTSIDE = ["-0:00:00.001", "5:00:00.000"]
CONTEST_TIMES = [*BEFORE_FREEZE, *BEFORE_FREEZE, *IN_FREEZE, *OUTSIDE]
JUDGING_STARTS = ["0:10:00.000", "2:00:00.000", "4:10:00.000", "4:40:00.000"]
PAUSE = RemovedInterval(start=moment("1:30:00.000"), end=moment("1:40:00.000"), contest_time="1:30:00.000")
OPEN_PAUSE = msgspec.structs.replace(PAUSE, end=None)

DELETABLE: list[tuple[str, list[str]]] = [
    *[("submissions", SUBMISSIONS), ("judgements", JUDGEMENTS)] * 3,
    *[("teams", TEAMS), ("problems", PROBLEMS), ("groups", GROUPS), ("judgement-types", ["AC", "WA"])],
    *[("contest", [""]), ("state", [""])],
]


def history(seed: int, length: int) -> list[Event]:
    """A contest with everything it needs, mostly at the beginning, sometimes in between or never."""
    dice = Random(seed)
    settled = configuration()
    if dice.random() < 0.2:
        dice.shuffle(settled)
        settled.pop()
    late = dice.choice([0, 0, 0, 3, len(settled)])
    steps = dice.choices(list(STEPS), list(STEPS.values()), k=length)
    events = [event for step in steps for event in step(dice)]
    half = len(events) // 2
    return [*some_contest(dice), *settled[late:], *events[:half], *settled[:late], *events[half:]]


def configuration() -> list[Event]:
    """What a contest usually begins with."""
    return [
        judgement_type("AC", solved=True, penalty=False),
        judgement_type("WA"),
        judgement_type("PA", penalty=None),
        judgement_type("CE", penalty=False),
        judgement_type("JE", penalty=False),
        *(problem(identifier, ordinal, 100) for ordinal, identifier in enumerate(PROBLEMS)),
        *(group(identifier) for identifier in GROUPS),
        *(team(identifier, NAMES[number], ["main"]) for number, identifier in enumerate(TEAMS)),
        state(started=START),
    ]


def some_contest(dice: Random) -> list[Event]:
    return [
        contest(
            dice.choice(KINDS),
            start_time=dice.choice([START, START, "2026-03-01T09:30:00.000Z", None]),
            scoreboard_freeze_duration=dice.choice(["1:00:00.000", "1:00:00.000", "0:00:00.000", None]),
            main_scoreboard_group_id=dice.choice([None, "main", "main", "guests"]),
            penalty_time=dice.choice(["0:20:00.000", "0:20:00.000", "0:00:30.000", "0:00:00.000", None]),
        )
    ]


def some_state(dice: Random) -> list[Event]:
    type_name, identifier, instance = state(
        started=dice.choice([START, START, START, None]),
        frozen=dice.choice([None, moment("3:30:00.000"), moment("4:00:00.000")]),
        ended=dice.choice([None, None, moment("5:00:00.000")]),
        thawed=dice.choice([None, None, moment("5:10:00.000")]),
    )
    assert instance is not None
    intervals = dice.choice([None, None, [PAUSE], [OPEN_PAUSE]])
    return [(type_name, identifier, msgspec.structs.replace(instance, removed_intervals=intervals))]


def some_judgement_type(dice: Random) -> list[Event]:
    identifier = dice.choice(["AC", "WA", "CE", "PA"])
    solved = dice.random() < (0.9 if identifier == "AC" else 0.1)
    return [judgement_type(identifier, solved=solved, penalty=dice.choice([True, False, None]))]


def some_problem(dice: Random) -> list[Event]:
    return [problem(dice.choice(PROBLEMS), dice.choice([0, 1, 2]), dice.choice([None, 100]))]


def some_team(dice: Random) -> list[Event]:
    groups = dice.choice([None, ["main"], ["main"], ["main", "guests"], ["guests"], ["others"]])
    return [team(dice.choice(TEAMS), dice.choice(NAMES), groups)]


def some_group(dice: Random) -> list[Event]:
    return [group(dice.choice(GROUPS))]


def some_submission(dice: Random) -> list[Event]:
    team_id = dice.choice([*TEAMS, *TEAMS, None])
    return [submission(dice.choice(SUBMISSIONS), team_id, dice.choice(PROBLEMS), dice.choice(CONTEST_TIMES))]


def some_judgement(dice: Random, of: str | None = None) -> list[Event]:
    return [
        judgement(
            dice.choice(JUDGEMENTS),
            of or dice.choice(SUBMISSIONS),
            dice.choice(VERDICTS),
            dice.choice(JUDGING_STARTS),
            current=dice.choice([None, None, True, False]),
            score=dice.choice(SCORES),
        )
    ]


def some_attempt(dice: Random) -> list[Event]:
    """A submission and a judgement of it, which sometimes comes first."""
    made = some_submission(dice)
    verdict = some_judgement(dice, of=made[0][1])
    return verdict + made if dice.random() < 0.1 else made + verdict


def some_solve(dice: Random) -> list[Event]:
    """A team that solves a problem with its second try, both in the first hour."""
    first, second = dice.sample(SUBMISSIONS, 2)
    team_id, problem_id = dice.choice(TEAMS), dice.choice(PROBLEMS)
    return [
        submission(first, team_id, problem_id, "0:30:00.000"),
        submission(second, team_id, problem_id, "0:45:30.000"),
        judgement(dice.choice(JUDGEMENTS), first, dice.choice(["WA", "PA", "CE"]), score=dice.choice(SCORES)),
        judgement(dice.choice(JUDGEMENTS), second, "AC", score=dice.choice(SCORES)),
    ]


def some_deletion(dice: Random) -> list[Event]:
    type_name, identifiers = dice.choice(DELETABLE)
    return [(type_name, dice.choice(identifiers), None)]


STEPS: dict[Callable[[Random], list[Event]], int] = {
    some_attempt: 32,
    some_solve: 10,
    some_submission: 15,
    some_judgement: 20,
    some_deletion: 10,
    some_contest: 3,
    some_state: 4,
    some_team: 4,
    some_judgement_type: 2,
    some_problem: 2,
    some_group: 2,
}
"""What may happen, and how often."""


def hidden_judgements(dice: Random, submission_ids: list[str]) -> list[Event]:
    """Judgements of these submissions, made anew, set aside and deleted."""
    events: list[Event] = []
    for _ in range(dice.randrange(9)):
        ((type_name, identifier, instance),) = some_judgement(dice, of=dice.choice(submission_ids))
        kept = instance if dice.random() < 0.9 else None
        events.append(
            (type_name, f"hidden-{identifier}", kept and msgspec.structs.replace(kept, id=f"hidden-{identifier}"))
        )
    return events
