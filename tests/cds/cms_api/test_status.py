"""The scoring information of a submission in every state of its judging, as a script that polls it is told.

The expected answers are those of CMS (requirements-002, 2.8, 2.9, 4.13 and 4.14).
"""

from typing import Any, Literal

import msgspec
import pytest

from cds.cms_api.status import status_object
from schemas.extensions import CmsTask, Subtask
from schemas.objects import Submission
from tests.projections.scoreboard_builders import (
    START,
    Boards,
    Event,
    contest,
    judged,
    judgement,
    judgement_types,
    moment,
    state,
    submission,
    team,
)
from tests.projections.scoring_histories import official, run, task

SMALL = Subtask(name="Small", max_score=40, ordinals=[1, 2], rule="min")
LARGE = Subtask(name="Large", max_score=60, ordinals=[3, 4], rule="sum")
PRIVATE = msgspec.structs.replace(LARGE, public=False)

PLAIN = CmsTask()


def boards(
    *events: Event,
    said: CmsTask | None = PLAIN,
    max_score: float | None = 100,
    kind: Literal["pass-fail", "score"] = "score",
) -> Boards:
    """A contest that runs, with the task a."""
    begun = [contest(kind), state(started=START), *judgement_types(), team("t1"), team("t2")]
    return Boards([*begun, task("a", 0, said, max_score), *events])


def told(of: Boards, submission_id: str = "1", *, shows_private: bool = False) -> dict[str, Any]:
    """What the team of a submission is told."""
    instance = of.state.objects["submissions"][submission_id]
    assert isinstance(instance, Submission)
    answer: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(status_object(of.state, of.live, instance, shows_private=shows_private))
    )
    return answer


SUBMITTED = submission("1", "t1", "a", "0:10:00.000")


@pytest.mark.parametrize(
    ("events", "status", "text"),
    [
        ([], 1, "Compiling..."),
        ([judgement("j", "1", None)], 1, "Compiling..."),
        ([judgement("j", "1", None), run("r1", "j", 1)], 3, "Evaluating..."),
        ([judgement("j", "1", "WA")], 4, "Scoring..."),
        ([judgement("j", "1", "JE")], 1, "Compiling..."),
        ([judgement("j", "1", "JE"), run("r1", "j", 1)], 3, "Evaluating..."),
        ([judgement("j", "1", "JE"), judgement("k", "1", None), run("r1", "k", 1)], 3, "Evaluating..."),
    ],
)
def test_while_it_is_judged_there_is_the_state_alone(events: list[Event], status: int, text: str) -> None:
    assert told(boards(SUBMITTED, *events)) == {"status": status, "status_text": text}


def test_what_is_scored_has_its_score_and_that_of_the_task() -> None:
    of = boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=40))
    assert told(of) == {
        "status": 5,
        "status_text": "Evaluated",
        "task_public_score": 40,
        "task_tokened_score": 0.0,
        "task_score_is_partial": False,
        "task_public_score_message": "40 / 100",
        "task_tokened_score_message": "0 / 100",
        "max_public_score": 100,
        "public_score": 40,
        "public_score_message": "40 / 100",
    }


def test_scores_are_written_with_a_point() -> None:
    """So that scripts with types read them all as the same kind of number, as those of CMS."""
    of = boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=40))
    instance = of.state.objects["submissions"]["1"]
    assert isinstance(instance, Submission)
    written = msgspec.json.encode(status_object(of.state, of.live, instance, shows_private=False))
    assert b'"public_score":40.0' in written
    assert b'"task_tokened_score":0.0' in written


@pytest.mark.parametrize("verdict", ["CE", "CTL"])
def test_what_does_not_compile_has_no_score_of_its_own(verdict: str) -> None:
    """It counts for the task without making it partial, since nothing more comes."""
    events = judged("1", "t1", "a", "0:10:00.000", "WA", score=30)
    if verdict == "CTL":
        _, _, type_told = judgement_types()[3]
        assert type_told is not None
        events = [("judgement-types", "CTL", msgspec.structs.replace(type_told, id="CTL", name="CTL")), *events]
    of = boards(*events, *judged("2", "t1", "a", "0:20:00.000", verdict))
    answer = told(of, "2")
    assert (answer["status"], answer["status_text"]) == (2, "Compilation failed")
    assert "public_score" not in answer
    assert (answer["max_public_score"], answer["task_public_score"], answer["task_score_is_partial"]) == (
        100,
        30,
        False,
    )


def test_the_task_is_partial_while_a_submission_that_counts_has_no_score() -> None:
    first = judged("1", "t1", "a", "0:10:00.000", "WA", score=40)
    of = boards(*first, submission("2", "t1", "a", "0:20:00.000"))
    assert told(of)["task_score_is_partial"] is True
    of.apply(judgement("j2", "2", "WA", "0:20:00.000", score=70))
    assert (told(of)["task_score_is_partial"], told(of)["task_public_score"], told(of)["public_score"]) == (
        False,
        70,
        40,
    )


def test_what_is_unofficial_has_a_score_and_does_not_count() -> None:
    of = boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=40))
    of.apply(official(submission("2", "t1", "a", "0:20:00.000"), said=False), judgement("j2", "2", "AC", score=100))
    assert (told(of, "2")["public_score"], told(of, "2")["task_public_score"]) == (100, 40)
    of.apply(official(submission("3", "t1", "a", "0:30:00.000"), said=False))
    assert told(of)["task_score_is_partial"] is False


def test_a_rejudgement_tells_when_it_comes_to_its_verdict() -> None:
    """Until then what counted goes on counting; one that is called current says so at once."""
    of = boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=40))
    of.apply(judgement("again", "1", None, "0:30:00.000", current=False), run("r1", "again", 1))
    assert (told(of)["status"], told(of)["public_score"]) == (5, 40)
    of.apply(
        judgement("j1", "1", "WA", "0:10:00.000", score=40, current=False),
        judgement("again", "1", "WA", "0:30:00.000", score=55, current=True),
    )
    assert (told(of)["public_score"], told(of)["task_public_score"]) == (55, 55)
    of.apply(
        judgement("again", "1", "WA", "0:30:00.000", score=55, current=False),
        judgement("third", "1", None, "0:40:00.000", current=True),
    )
    assert told(of) == {"status": 1, "status_text": "Compiling..."}


@pytest.mark.parametrize(
    ("said", "score", "expected", "message"),
    [
        (None, 66.7, 67, "67 / 100"),
        (PLAIN, 66.5, 66, "66 / 100"),
        (CmsTask(score_precision=1), 66.66, 66.7, "66.7 / 100"),
        (CmsTask(score_precision=2), 66.5, 66.5, "66.5 / 100"),
        (CmsTask(score_precision=2), 100, 100, "100 / 100"),
    ],
)
def test_scores_are_rounded_to_the_precision_of_the_task(
    said: CmsTask | None, score: float, expected: float, message: str
) -> None:
    answer = told(boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=score), said=said))
    assert (answer["public_score"], answer["task_public_score"]) == (expected, expected)
    assert (answer["public_score_message"], answer["task_public_score_message"]) == (message, message)


def test_without_a_maximum_the_score_stands_alone() -> None:
    answer = told(boards(*judged("1", "t1", "a", "0:10:00.000", "WA", score=40), max_score=None))
    assert (answer["public_score"], answer["public_score_message"]) == (40, "40")
    assert "max_public_score" not in answer


def with_subtasks(subtasks: list[Subtask], *ordinals: int, **more: Any) -> Boards:
    """One submission whose test cases with these ordinals are solved."""
    runs = [run(f"r{ordinal}", "j1", ordinal) for ordinal in ordinals]
    return boards(*judged("1", "t1", "a", "0:10:00.000", "WA", **more), *runs, said=CmsTask(subtasks=subtasks))


def test_subtasks_that_are_public_are_all_of_the_score() -> None:
    answer = told(with_subtasks([SMALL, LARGE], 1, 2, 3))
    assert (answer["public_score"], answer["max_public_score"]) == (70, 100)
    assert not {"score", "max_score", "score_message"} & answer.keys()


def test_private_subtasks_are_told_once_they_may_be() -> None:
    of = with_subtasks([SMALL, PRIVATE], 1, 2, 3)
    before = told(of)
    assert (before["public_score"], before["public_score_message"], before["max_public_score"]) == (40, "40 / 40", 40)
    assert (before["max_score"], before["task_public_score_message"]) == (100, "40 / 40")
    assert not {"score", "score_message"} & before.keys()
    after = told(of, shows_private=True)
    assert after == {**before, "score": 70, "score_message": "70 / 100"}


def test_without_public_points_there_is_no_public_score() -> None:
    of = with_subtasks([PRIVATE], 3, 4)
    assert not {"public_score", "max_public_score", "public_score_message"} & told(of).keys()
    assert told(of)["task_public_score"] == 0
    assert told(of, shows_private=True)["score"] == 60


def test_a_score_without_test_cases_makes_nothing_public() -> None:
    """The judge says 80 of 100 and not where they come from: that any of them is public nobody knows."""
    of = with_subtasks([SMALL, PRIVATE], score=80)
    assert (told(of)["public_score"], told(of)["task_public_score"]) == (0, 0)
    assert told(of, shows_private=True)["score"] == 80


def test_a_freeze_hides_nobodys_own_score() -> None:
    of = boards(*judged("1", "t1", "a", "4:30:00.000", "AC", score=100))
    of.apply(state(started=START, frozen=moment("4:00:00.000")))
    assert (told(of)["public_score"], told(of)["task_public_score"]) == (100, 100)


def test_other_teams_have_tasks_of_their_own() -> None:
    of = boards(
        *judged("1", "t1", "a", "0:10:00.000", "WA", score=10), *judged("2", "t2", "a", "0:20:00.000", "AC", score=100)
    )
    assert [told(of, each)["task_public_score"] for each in ("1", "2")] == [10, 100]


@pytest.mark.parametrize(("verdict", "score"), [("AC", 1), ("WA", 0)])
@pytest.mark.parametrize("said", [None, CmsTask(score_mode="last", subtasks=[SMALL, PRIVATE])])
def test_in_a_contest_without_scores_a_problem_is_worth_a_point(verdict: str, score: int, said: CmsTask | None) -> None:
    of = boards(*judged("1", "t1", "a", "0:10:00.000", verdict), said=said, max_score=None, kind="pass-fail")
    answer = told(of)
    assert (answer["status"], answer["public_score"], answer["public_score_message"]) == (5, score, f"{score} / 1")
    assert (answer["task_public_score"], answer["task_score_is_partial"]) == (score, False)
    of.apply(submission("2", "t1", "a", "0:20:00.000"))
    assert told(of)["task_score_is_partial"] is True
    of.apply(judgement("j2", "2", "WA", "0:20:00.000"))
    assert told(of)["task_public_score"] == score


def test_a_submission_of_no_team_has_no_task_score() -> None:
    of = boards(submission("1", None, "a", "0:10:00.000"), judgement("j", "1", "AC", score=100))
    with pytest.raises(LookupError):
        told(of)
