"""Random participations play random contests, and an obvious model of the rules agrees with every answer.

The model goes by wall-clock times in seconds and keeps a plain list of what was accepted (CMS ContestWebServer API, 1.5
and 2.12). It knows neither contest times nor references, which is what the commands go by.
"""

from typing import Literal

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from cds.commands.participation import WrongPhase
from cds.commands.submission_limits import TOO_MANY, LimitReached
from cds.commands.write import Overrides
from cds.commands.writing import decide_write
from schemas.extensions import AnalysisMode, CmsContest, CmsParticipation, CmsTask
from schemas.times import format_relative_time
from tests.builders import moment
from tests.cds.commands.playing import take
from tests.cds.commands.taking_part import contest_with, official, submitting

HOUR = 3_600
DURATION = 5 * HOUR

Answer = Literal["wrong phase", "too many", "too frequent", "official", "unofficial"]


class Try(msgspec.Struct, frozen=True):
    """Somebody submits, so many seconds after the start of the contest."""

    second: int
    problem_id: str
    overrides: Overrides | None


class Case(msgspec.Struct, frozen=True):
    """A contest, a participation in it, and what is tried, in order. All times are in seconds from the start."""

    rules: CmsContest
    task: CmsTask
    participation: CmsParticipation
    began: int | None
    analysis: tuple[int, int] | None
    tries: list[Try]


def text(second: int) -> str:
    """A contest time."""
    return format_relative_time(second * 1_000)


SECONDS = st.integers(-600, 9 * HOUR) | st.sampled_from([0, DURATION - 1, DURATION, DURATION + 600, 6 * HOUR])
NUMBERS = st.none() | st.integers(1, 4)
INTERVALS = st.none() | st.sampled_from([0, 60, HOUR, 3 * HOUR])
LENGTHS = st.none() | st.sampled_from([0, 1, 600, 2 * HOUR])
OVERRIDES = st.none() | st.builds(
    Overrides,
    phase=st.none() | st.booleans(),
    official=st.none() | st.booleans(),
    max_number=st.booleans(),
    min_interval=st.booleans(),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A contest, a participation and some tries, in order of time."""
    began = draw(st.none() | st.integers(-600, DURATION + 600))
    analysis = draw(st.none() | st.sampled_from([(DURATION, 6 * HOUR), (6 * HOUR, 7 * HOUR)]))
    mode = None if analysis is None else AnalysisMode(start=moment(text(analysis[0])), stop=moment(text(analysis[1])))
    rules = CmsContest(
        max_submission_number=draw(NUMBERS),
        min_submission_interval=draw(INTERVALS),
        min_submission_interval_grace_period=draw(LENGTHS),
        per_user_time=draw(st.none() | st.integers(1, 6 * HOUR)),
        analysis=mode,
    )
    participation = CmsParticipation(
        unrestricted=draw(st.none() | st.booleans()),
        delay_time=draw(LENGTHS),
        extra_time=draw(LENGTHS),
        starting_time=None if began is None else moment(text(began)),
    )
    seconds = sorted(draw(st.lists(SECONDS, min_size=1, max_size=8)))
    tries = [Try(second, draw(st.sampled_from("ab")), draw(OVERRIDES)) for second in seconds]
    task = CmsTask(max_submission_number=draw(NUMBERS), min_submission_interval=draw(INTERVALS))
    return Case(rules, task, participation, began, analysis, tries)


class Model:
    """What should become of every try."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.accepted: list[tuple[int, str]] = []

    def window(self) -> tuple[int, int] | None:
        """When the participant competes."""
        begin, end = 0, DURATION
        if self.case.rules.per_user_time is not None:
            if self.case.began is None:
                return None
            begin = max(0, min(DURATION, self.case.began))
            end = max(0, min(DURATION, self.case.began + self.case.rules.per_user_time))
        delay, extra = self.case.participation.delay_time or 0, self.case.participation.extra_time or 0
        return begin + delay, end + delay + extra

    def answer(self, tried: Try) -> Answer:
        """What is answered to a try; one that is accepted is kept."""
        window, second, free = self.window(), tried.second, self.case.participation.unrestricted is True
        overrides = tried.overrides or Overrides()
        competes = window is not None and window[0] <= second < window[1]
        # Before its window nobody is in the analysis, nor is anybody whose window begins only then.
        over = second >= DURATION and (window is None or second >= window[1])
        analysis = self.case.analysis
        analyses = over and analysis is not None and analysis[0] <= second < analysis[1]
        if not (competes or analyses or (free if overrides.phase is None else overrides.phase)):
            return "wrong phase"
        if not free:
            limited = self._limited(tried, overrides, left=window[1] - second if competes and window else None)
            if limited is not None:
                return limited
        self.accepted.append((second, tried.problem_id))
        return "official" if (competes if overrides.official is None else overrides.official) else "unofficial"

    def _limited(self, tried: Try, overrides: Overrides, left: int | None) -> Answer | None:
        everything = [second for second, _ in self.accepted]
        on_task = [second for second, problem_id in self.accepted if problem_id == tried.problem_id]
        limits: list[tuple[CmsContest | CmsTask, list[int]]] = [(self.case.rules, everything)]
        if tried.problem_id == "a":
            limits.append((self.case.task, on_task))
        for limit, times in limits:
            most = limit.max_submission_number
            if most is not None and len(times) + 1 > most and not overrides.max_number:
                return "too many"
        grace = self.case.rules.min_submission_interval_grace_period
        if grace is not None and left is not None and left <= grace:
            return None
        for limit, times in limits:
            interval = limit.min_submission_interval
            if interval and not overrides.min_interval and any(tried.second < then + interval for then in times):
                return "too frequent"
        return None


def answered(case: Case) -> list[Answer]:
    """What the commands answer, one after the other."""
    state, answers = contest_with(case.rules, case.participation, case.task), list[Answer]()
    for tried in case.tries:
        write = submitting(text(tried.second), tried.overrides, problem_id=tried.problem_id)
        try:
            written = decide_write(state, write)
        except WrongPhase:
            answers.append("wrong phase")
        except LimitReached as reached:
            answers.append("too many" if reached.subject == TOO_MANY else "too frequent")
        else:
            take(state, written.changes)
            within = 0 <= tried.second < DURATION
            counts = within if official(written) is None else official(written)
            answers.append("official" if counts else "unofficial")
    return answers


@given(cases())
def test_the_commands_answer_as_the_model_does(case: Case) -> None:
    model = Model(case)
    expected = [model.answer(tried) for tried in case.tries]
    for answer in expected:
        event(answer)
    assert answered(case) == expected
