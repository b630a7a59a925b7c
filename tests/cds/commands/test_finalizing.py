"""A contest is made final only when everything is judged and answered; a refusal says what is not."""

import msgspec
import pytest

from cds.commands.decision import Refused
from cds.commands.finalizing import FINALIZE_LISTED_MAX, open_questions, refuse_unfinished
from projections.contest import ContestState
from schemas.extensions import CmsContest, CmsParticipation, CmsSubmission, SubmissionExtension
from schemas.objects import JudgementType, Submission
from tests.builders import clarification, judgement, moment, put, submission
from tests.cds.commands.playing import at, folded, furnished, take
from tests.cds.commands.taking_part import ACCOUNT, OPENED, OWN_WINDOWS, contest_with

ANSWERED = (
    submission("s1", "t1", "a", "1:00:00.000"),
    judgement("j1", "s1", "AC", "1:00:10.000"),
    clarification("question", from_team="t1"),
    clarification("answer", reply_to="question", to_teams=["t1"]),
)

OFFICIAL = [(True, "5:00:00.000", True), (True, "-0:00:01.000", False), (False, "1:00:00.000", False)]
"""What is said of a submission, when it was made, and whether it counts."""


OVER = at("5:00:00.000")
"""The contest is over, for those who have no more time than it takes."""


@pytest.fixture
def finished() -> ContestState:
    """A contest in which nothing is open."""
    state = furnished()
    take(state, put(*ANSWERED))
    return state


def test_a_contest_with_everything_judged_and_answered_has_no_open_questions(finished: ContestState) -> None:
    assert open_questions(finished, OVER) == []
    refuse_unfinished(finished, OVER)
    assert open_questions(folded([]), OVER) == []


def test_a_submission_without_a_judgement_is_open(finished: ContestState) -> None:
    take(finished, put(submission("s2", "t2", "b", "4:59:59.999")))
    assert open_questions(finished, OVER) == ["1 submission without a judgement: s2"]


def test_a_judgement_that_is_no_longer_current_does_not_count(finished: ContestState) -> None:
    old = msgspec.structs.replace(judgement("j1", "s1", "AC", "1:00:10.000"), current=False)
    take(finished, put(old))
    assert open_questions(finished, OVER) == ["1 submission without a judgement: s1"]
    take(finished, put(judgement("j2", "s1", None, "2:00:00.000")))
    assert open_questions(finished, OVER) == ["1 judgement not finished: j2"]
    take(finished, put(judgement("j2", "s1", "WA", "2:00:00.000")))
    assert open_questions(finished, OVER) == []


def test_a_simplified_verdict_is_one(finished: ContestState) -> None:
    simplified = msgspec.structs.replace(
        judgement("j1", "s1", "AC", "1:00:10.000"), judgement_type_id=None, simplified_judgement_type_id="NO"
    )
    take(finished, put(simplified))
    assert open_questions(finished, OVER) == []


@pytest.mark.parametrize(
    "made", [submission("s9", "t1", "a", "5:00:00.000"), submission("s9", None, "a", "1:00:00.000")]
)
def test_a_submission_that_does_not_count_needs_no_judgement(finished: ContestState, made: Submission) -> None:
    take(finished, put(made))
    assert open_questions(finished, OVER) == []


@pytest.mark.parametrize(("official", "contest_time", "counts"), OFFICIAL)
def test_whether_an_official_submission_counts_is_what_is_said_of_it(
    finished: ContestState, contest_time: str, *, official: bool, counts: bool
) -> None:
    """Also after the end, when somebody had more time."""
    ext = SubmissionExtension(cms=CmsSubmission(official=official))
    take(finished, put(msgspec.structs.replace(submission("s9", "t1", "a", contest_time), ext=ext)))
    assert open_questions(finished, OVER) == (["1 submission without a judgement: s9"] if counts else [])


@pytest.mark.parametrize(("identifier", "name"), [("JE", "any"), ("X", "Judging Error")])
def test_a_judging_error_is_open(finished: ContestState, identifier: str, name: str) -> None:
    take(finished, put(JudgementType(id=identifier, name=name, penalty=False, solved=False)))
    take(finished, put(judgement("j1", "s1", identifier, "1:00:10.000")))
    assert open_questions(finished, OVER) == ["1 judgement with a judging error: j1"]


def test_a_question_is_answered_by_judges_alone(finished: ContestState) -> None:
    take(finished, put(clarification("q2", from_team="t2"), clarification("q3", from_team="t2", reply_to="q2")))
    assert open_questions(finished, OVER) == ["2 clarifications from teams without an answer: q2, q3"]
    take(finished, put(clarification("to all"), clarification("a2", reply_to="q2"), clarification("a3", reply_to="q3")))
    assert open_questions(finished, OVER) == []


def test_a_refusal_lists_the_first_of_each_kind_and_counts_the_others(finished: ContestState) -> None:
    many = [submission(f"x{number}", "t1", "a", "2:00:00.000") for number in range(FINALIZE_LISTED_MAX + 3)]
    take(finished, put(*many, clarification("q2", from_team="t2")))
    with pytest.raises(Refused) as raised:
        refuse_unfinished(finished, OVER)
    assert (raised.value.ground, raised.value.property) == ("conflict", "finalized")
    listed = ", ".join(f"x{number}" for number in range(FINALIZE_LISTED_MAX))
    assert raised.value.reason == (
        f"the contest cannot be made final: {FINALIZE_LISTED_MAX + 3} submissions without a judgement: {listed} "
        "and 3 more; 1 clarification from teams without an answer: q2"
    )


@pytest.mark.parametrize(
    ("rules", "participation", "until"),
    [
        (OPENED, CmsParticipation(extra_time=1_200), "5:20:00.000"),
        (OPENED, CmsParticipation(delay_time=600, extra_time=60), "5:11:00.000"),
        (OWN_WINDOWS, CmsParticipation(starting_time=moment("4:30:00.000"), extra_time=60), "5:01:00.000"),
    ],
)
def test_nothing_is_final_while_somebody_has_time_left(
    rules: CmsContest, participation: CmsParticipation, until: str
) -> None:
    """Whoever began late, or has more time than others, is listed until it is over."""
    state = contest_with(rules, participation)
    assert open_questions(state, OVER) == [f"1 account still competing: {ACCOUNT}"]
    assert open_questions(state, at(until) - 1) == [f"1 account still competing: {ACCOUNT}"]
    assert open_questions(state, at(until)) == []


def test_whoever_never_began_stands_against_nothing() -> None:
    assert open_questions(contest_with(OWN_WINDOWS, CmsParticipation(extra_time=600)), OVER) == []
