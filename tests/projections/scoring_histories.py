"""Random small histories of score contests: tasks with subtasks and modes, official submissions, runs that come late.

A history follows from its seed and length, like those of `scoreboard_histories`, from which it takes its steps.
"""

from collections.abc import Callable
from random import Random

import msgspec

from schemas.extensions import CmsSubmission, CmsTask, ProblemExtension, SubmissionExtension, Subtask
from schemas.objects import Problem, Run, Submission
from tests.projections.scoreboard_builders import Event, contest, judgement, moment, problem, submission
from tests.projections.scoreboard_histories import (
    BEFORE_FREEZE,
    CONTEST_TIMES,
    JUDGEMENTS,
    PROBLEMS,
    SUBMISSIONS,
    TEAMS,
    configuration,
    some_attempt,
    some_deletion,
    some_judgement,
    some_judgement_type,
    some_state,
    some_team,
)

RUNS = [f"r{number}" for number in range(16)]
ORDINALS = [1, 2, 3, 4]
RUN_SCORES = [None, None, 0, 1, 0.5, 0.25, 1 / 3, 1.0, 7, 12.5, 40, -1]
RUN_TIMES = ["0:30:00.000", "2:30:30.000", "4:40:30.000", "6:00:00.000"]
LATE = "5:10:00.000"

SUBTASKS = [
    Subtask(name="small", max_score=10, ordinals=[1], rule="sum"),
    Subtask(name="middle", max_score=30.5, ordinals=[2, 3], rule="min", public=True),
    Subtask(name="large", max_score=59.5, ordinals=[2, 3, 4], rule="sum", public=False),
]


def task(identifier: str, ordinal: int, said: CmsTask | None, max_score: float | None = 100) -> Event:
    """A problem of four test cases of which more is said."""
    type_name, key, instance = problem(identifier, ordinal, max_score)
    assert isinstance(instance, Problem)
    ext = None if said is None else ProblemExtension(cms=said)
    return type_name, key, msgspec.structs.replace(instance, test_data_count=4, ext=ext)


def run(identifier: str, judgement_id: str, ordinal: int, verdict: str = "AC", score: float | None = None) -> Event:
    """A run of a test case; runs with higher ids are later."""
    at = RUN_TIMES[int(identifier.lstrip("r") or 0) % len(RUN_TIMES)]
    plain = Run(
        id=identifier,
        judgement_id=judgement_id,
        ordinal=ordinal,
        judgement_type_id=verdict,
        time=moment(at),
        score=score,
    )
    return "runs", identifier, plain


def official(event: Event, said: bool | None) -> Event:
    """A submission of which it is said whether it counts."""
    type_name, identifier, instance = event
    assert isinstance(instance, Submission)
    ext = None if said is None else SubmissionExtension(cms=CmsSubmission(official=said))
    return type_name, identifier, msgspec.structs.replace(instance, ext=ext)


def score_history(seed: int, length: int) -> list[Event]:
    """A score contest with tasks in it from the beginning; now and then its kind or its tasks change."""
    dice = Random(seed)
    steps = dice.choices(list(STEPS), list(STEPS.values()), k=length)
    begun = [*some_kind(dice), *configuration(), *(event for _ in PROBLEMS for event in some_task(dice))]
    return [*begun, *(event for step in steps for event in step(dice))]


def some_kind(dice: Random) -> list[Event]:
    kind = dice.choice(["score", "score", "score", "score", "pass-fail"])
    return [contest("score" if kind == "score" else "pass-fail")]


def some_task(dice: Random) -> list[Event]:
    said = CmsTask(
        score_mode=dice.choice([None, "max", "max_subtask", "max_subtask", "last", "max_tokened_last"]),
        score_precision=dice.choice([None, 0, 1, 2, 6]),
        run_scores=dice.choice([None, None, "share", "points"]),
        subtasks=dice.choice([None, SUBTASKS, SUBTASKS, SUBTASKS[::-1], SUBTASKS[:2]]),
    )
    number = dice.randrange(len(PROBLEMS))
    return [task(PROBLEMS[number], number, dice.choice([said, said, said, None]), dice.choice([None, 100, 100]))]


def some_official_attempt(dice: Random) -> list[Event]:
    """An attempt with a word on whether it counts, and runs of its judgement, before or after the verdict.

    Sometimes one of them goes again.
    """
    times = [*CONTEST_TIMES, LATE, LATE, LATE]
    identifier, judgement_id = dice.choice(SUBMISSIONS), dice.choice(JUDGEMENTS)
    made = submission(identifier, dice.choice(TEAMS), dice.choice(PROBLEMS), dice.choice(times))
    verdict = judgement(
        judgement_id,
        identifier,
        dice.choice(["AC", "WA", "WA", "PA", "CE", "JE"]),
        dice.choice(["0:10:00.000", "4:10:00.000"]),
        score=dice.choice([None, None, None, 12.5, 40]),
    )
    ran = [some_run_of(dice, judgement_id, ordinal) for ordinal in dice.sample(ORDINALS, dice.randrange(5))]
    judged = [verdict, *ran] if dice.random() < 0.5 else [*ran, verdict]
    gone: list[Event] = [("runs", ran[0][1], None)] if ran and dice.random() < 0.5 else []
    return [official(made, dice.choice([None, None, True, True, False])), *judged, *gone]


def some_tie(dice: Random) -> list[Event]:
    """Two teams that bring as much at the same time."""
    problem_id, score = dice.choice(PROBLEMS), dice.choice([12.5, 40])
    events = []
    for number, team_id in enumerate(dice.sample(TEAMS, 2)):
        identifier = f"tie-{number}"
        events += [
            submission(identifier, team_id, problem_id, "0:20:00.000"),
            judgement(f"j-{identifier}", identifier, "PA", score=score),
        ]
    return events


def some_split(dice: Random) -> list[Event]:
    """A team that brings one subtask with one submission and another with the next."""
    number, team_id = dice.randrange(len(PROBLEMS)), dice.choice(TEAMS)
    precision, score = dice.choice([None, 1]), dice.choice([None, None, 12.5])
    said = CmsTask(score_mode=dice.choice(["max_subtask", "last"]), score_precision=precision, subtasks=SUBTASKS)
    events = [task(PROBLEMS[number], number, said)]
    for ordinals, at in (([1], "0:30:00.000"), ([2, 3], "0:31:00.000"), ([4], "0:32:00.000")):
        identifier = f"split-{ordinals[0]}"
        events += [
            submission(identifier, team_id, PROBLEMS[number], at),
            judgement(f"j-{identifier}", identifier, "PA", score=score),
            *(run(f"r{20 + ordinal}", f"j-{identifier}", ordinal) for ordinal in ordinals),
        ]
    return events


def some_run_of(dice: Random, judgement_id: str, ordinal: int) -> Event:
    verdict = dice.choice(["AC", "AC", "WA", "PA", "unknown"])
    return run(dice.choice(RUNS), judgement_id, ordinal, verdict, dice.choice(RUN_SCORES))


def some_run(dice: Random) -> list[Event]:
    return [some_run_of(dice, dice.choice(JUDGEMENTS), dice.choice([*ORDINALS, 5]))]


def some_run_deletion(dice: Random) -> list[Event]:
    return [("runs", dice.choice(RUNS), None)]


STEPS: dict[Callable[[Random], list[Event]], int] = {
    some_official_attempt: 40,
    some_attempt: 6,
    some_run: 20,
    some_tie: 8,
    some_split: 6,
    some_run_deletion: 6,
    some_judgement: 8,
    some_task: 5,
    some_deletion: 4,
    some_judgement_type: 2,
    some_state: 3,
    some_team: 2,
    some_kind: 2,
}
"""What may happen, and how often."""


def hidden_results(dice: Random, submission_ids: list[str]) -> list[Event]:
    """Judgements of these submissions and their runs, made anew, changed and deleted."""
    events: list[Event] = []
    for _ in range(dice.randrange(4)):
        verdict = judgement(
            f"hidden-{dice.randrange(4)}",
            dice.choice(submission_ids),
            dice.choice(["AC", "WA", "CE", "JE", None]),
            "4:20:00.000",
            score=dice.choice([None, None, 40]),
        )
        ran = [some_run_of(dice, verdict[1], ordinal) for ordinal in dice.sample(ORDINALS, dice.randrange(5))]
        events += [verdict, *(("runs", f"hidden-{key}", _renamed(each)) for _, key, each in ran)]
    gone = [(name, key, None) for name, key, _ in events if dice.random() < 0.1]
    return [*events, *gone]


def seen_attempts(dice: Random, number: int) -> list[Event]:
    """Attempts before the freeze, with everything that belongs to them."""
    events: list[Event] = []
    for _ in range(number):
        (_, identifier, made), *judged = some_official_attempt(dice)
        assert isinstance(made, Submission)
        at = dice.choice(BEFORE_FREEZE)
        events += [
            ("submissions", identifier, msgspec.structs.replace(made, time=moment(at), contest_time=at)),
            *judged,
        ]
    return events


def _renamed(instance: object) -> Run:
    assert isinstance(instance, Run)
    return msgspec.structs.replace(instance, id=f"hidden-{instance.id}")
