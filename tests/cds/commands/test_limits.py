"""How often and how many times a participant may submit (CMS ContestWebServer API, 2.12 and 3.3)."""

import pytest

from cds.commands.decision import Refused
from cds.commands.submission_limits import TOO_FREQUENT, TOO_MANY, LimitReached
from cds.commands.write import Overrides
from cds.commands.writing import decide_write
from projections.contest import ContestState
from schemas.extensions import CmsContest, CmsParticipation, CmsTask
from schemas.objects import Account
from schemas.viewers import Viewer
from tests.builders import put
from tests.cds.commands.playing import assert_refused, take
from tests.cds.commands.taking_part import (
    ANALYSIS,
    ORDINARY,
    TEAM,
    UNRESTRICTED,
    contest_with,
    earlier,
    official,
    submission_of,
    submitted,
    submitting,
)
from tests.command_stage import PROXY

Earlier = list[tuple[str, str]]
"""What has been handed in: the problem and the contest time of each."""

ONE_A_MINUTE = CmsTask(min_submission_interval=60)
TWO = CmsTask(max_submission_number=2)
BOTH = CmsTask(max_submission_number=2, min_submission_interval=60)
CONTEST_ONE_A_MINUTE = CmsContest(min_submission_interval=60)
CONTEST_TWO = CmsContest(max_submission_number=2)
LAST_QUARTER = CmsContest(min_submission_interval=60, min_submission_interval_grace_period=900)

NOW = "1:00:00.000"

CASES: list[tuple[str, CmsContest | None, CmsTask | None, Earlier, str, str | None]] = [
    ("no limits", None, None, [("a", NOW)] * 5, NOW, None),
    ("the first", CmsContest(max_submission_number=1, min_submission_interval=60), BOTH, [], NOW, None),
    ("one is left of two", None, TWO, [("a", "0:10:00.000")], NOW, None),
    ("two of two", None, TWO, [("a", "0:10:00.000"), ("a", "0:20:00.000")], NOW, TOO_MANY),
    ("more than there may be", None, TWO, [("a", "0:10:00.000")] * 3, NOW, TOO_MANY),
    ("on another task", None, TWO, [("b", "0:10:00.000")] * 3, NOW, None),
    ("one is left in the contest", CONTEST_TWO, None, [("b", "0:10:00.000")], NOW, None),
    (
        "two in the contest, on two tasks",
        CONTEST_TWO,
        None,
        [("b", "0:10:00.000"), ("a", "0:10:00.000")],
        NOW,
        TOO_MANY,
    ),
    (
        "contest full, task not",
        CONTEST_TWO,
        CmsTask(max_submission_number=9),
        [("b", "0:10:00.000")] * 2,
        NOW,
        TOO_MANY,
    ),
    ("task full, contest not", CmsContest(max_submission_number=9), TWO, [("a", "0:10:00.000")] * 2, NOW, TOO_MANY),
    ("the same instant", None, ONE_A_MINUTE, [("a", NOW)], NOW, TOO_FREQUENT),
    ("a millisecond too soon", None, ONE_A_MINUTE, [("a", "0:59:00.001")], NOW, TOO_FREQUENT),
    ("a minute later", None, ONE_A_MINUTE, [("a", "0:59:00.000")], NOW, None),
    ("the latest is what counts", None, ONE_A_MINUTE, [("a", "0:59:30.000"), ("a", "0:10:00.000")], NOW, TOO_FREQUENT),
    ("soon after another task", None, ONE_A_MINUTE, [("b", "0:59:59.000")], NOW, None),
    ("soon after another task, by contest", CONTEST_ONE_A_MINUTE, None, [("b", "0:59:59.000")], NOW, TOO_FREQUENT),
    ("the contest's interval is over", CONTEST_ONE_A_MINUTE, None, [("b", "0:59:00.000")], NOW, None),
    (
        "the longer interval is the task's",
        CONTEST_ONE_A_MINUTE,
        CmsTask(min_submission_interval=120),
        [("a", "0:58:30.000")],
        NOW,
        TOO_FREQUENT,
    ),
    (
        "an interval of nothing",
        CmsContest(min_submission_interval=0),
        CmsTask(min_submission_interval=0),
        [("a", NOW)],
        NOW,
        None,
    ),
    ("number before interval", None, BOTH, [("a", "0:59:30.000")] * 2, NOW, TOO_MANY),
    ("before the last minutes", LAST_QUARTER, None, [("a", "4:44:59.000")], "4:44:59.999", TOO_FREQUENT),
    ("in the last minutes", LAST_QUARTER, None, [("a", "4:44:59.000")], "4:45:00.000", None),
    ("in the last minutes, by task", LAST_QUARTER, ONE_A_MINUTE, [("a", "4:59:59.000")], "4:59:59.999", None),
    (
        "numbers hold in the last minutes",
        CmsContest(max_submission_number=1, min_submission_interval_grace_period=900),
        None,
        [("a", "4:00:00.000")],
        "4:59:00.000",
        TOO_MANY,
    ),
    (
        "in the analysis, which has no last minutes",
        CmsContest(min_submission_interval=60, min_submission_interval_grace_period=900, analysis=ANALYSIS),
        None,
        [("a", "6:00:00.000")],
        "6:00:30.000",
        TOO_FREQUENT,
    ),
    (
        "what was handed in before counts in the analysis",
        CmsContest(max_submission_number=1, analysis=ANALYSIS),
        None,
        [("a", "1:00:00.000")],
        "6:00:30.000",
        TOO_MANY,
    ),
]

OVERRIDES = [
    Overrides(max_number=max_number, min_interval=min_interval)
    for max_number in (False, True)
    for min_interval in (False, True)
]


def outcome(state: ContestState, now: str, overrides: Overrides | None = None) -> str | None:
    """The subject of the refusal, None where the submission is accepted."""
    try:
        decide_write(state, submitting(now, overrides))
    except LimitReached as reached:
        return reached.subject
    return None


ROWS = [row[1:] for row in CASES]
NAMES = [row[0] for row in CASES]


@pytest.mark.parametrize(("rules", "task", "before", "now", "expected"), ROWS, ids=NAMES)
def test_limits(
    rules: CmsContest | None, task: CmsTask | None, before: Earlier, now: str, expected: str | None
) -> None:
    state = earlier(contest_with(rules, task=task), before)
    assert outcome(state, now) == expected
    assert outcome(earlier(contest_with(rules, UNRESTRICTED, task), before), now) is None


@pytest.mark.parametrize("overrides", OVERRIDES)
@pytest.mark.parametrize(("rules", "task", "before", "now", "expected"), ROWS, ids=NAMES)
def test_limits_that_are_overridden(
    rules: CmsContest | None,
    task: CmsTask | None,
    before: Earlier,
    now: str,
    expected: str | None,
    overrides: Overrides,
) -> None:
    """Each override takes its own limits away and no other."""
    state = earlier(contest_with(rules, task=task), before)
    found = outcome(state, now, overrides)
    if expected == TOO_MANY and overrides.max_number:
        # The interval may be what is left to speak against it.
        assert found in (None, TOO_FREQUENT)
        assert found is None or not overrides.min_interval
    elif expected == TOO_FREQUENT and overrides.min_interval:
        assert found is None
    else:
        assert found == expected


def test_both_limits_at_once_need_both_overrides() -> None:
    state = earlier(contest_with(task=BOTH), [("a", "0:59:30.000")] * 2)
    found = [outcome(state, NOW, overrides) for overrides in OVERRIDES]
    assert found == [TOO_MANY, TOO_MANY, TOO_FREQUENT, None]


@pytest.mark.parametrize("phase", [None, True, False])
def test_an_override_of_the_phase_does_not_bring_limits_to_an_unrestricted_participation(*, phase: bool | None) -> None:
    state = earlier(contest_with(task=BOTH, participation=UNRESTRICTED), [("a", NOW)] * 2)
    assert outcome(state, NOW, Overrides(phase=phase)) is None


def test_limits_hold_beyond_the_phase() -> None:
    state = earlier(contest_with(task=TWO), [("a", NOW)] * 2)
    assert outcome(state, "8:00:00.000", Overrides(phase=True)) == TOO_MANY


def test_the_last_minutes_are_those_of_ones_own_window() -> None:
    rules = CmsContest(min_submission_interval=60, min_submission_interval_grace_period=900)
    longer = CmsParticipation(extra_time=1_800)
    for participation, now, expected in (
        (ORDINARY, "4:50:00.000", None),
        (longer, "4:50:00.000", TOO_FREQUENT),
        (longer, "5:14:59.999", TOO_FREQUENT),
        (longer, "5:15:00.000", None),
    ):
        state = earlier(contest_with(rules, participation), [("a", now)])
        assert outcome(state, now) == expected, now


def test_what_others_hand_in_does_not_count() -> None:
    state = submitted(contest_with(CmsContest(max_submission_number=1)), submitting("0:59:59.000"))
    take(state, put(Account(id="account-t2", username="team2", type="team", team_id="t2")))
    other = Viewer(role="team", team_id="t2", account_id="account-t2")
    assert submission_of(decide_write(state, submitting(NOW, viewer=other))).team_id == "t2"


def test_all_that_a_team_hands_in_counts_by_whichever_account() -> None:
    """Two accounts of a team have one limit, and what a proxy has forwarded counts with them."""
    state = contest_with(CmsContest(max_submission_number=2))
    take(state, put(Account(id="second", username="second", type="team", team_id="t1")))
    second = Viewer(role="team", team_id="t1", account_id="second")
    submitted(state, submitting("0:10:00.000", viewer=second), submitting("0:20:00.000", viewer=PROXY, team_id="t1"))
    assert outcome(state, NOW) == TOO_MANY


def test_who_forwards_is_not_limited() -> None:
    state = contest_with(CmsContest(max_submission_number=1, min_submission_interval=60))
    submitted(state, *(submitting(NOW, viewer=PROXY, team_id="t1") for _ in range(3)))
    assert len(state.objects["submissions"]) == 3


def test_one_that_is_not_official_counts_too() -> None:
    state = contest_with(CmsContest(max_submission_number=1))
    write = submitting(NOW, Overrides(official=False))
    assert official(decide_write(state, write)) is False
    assert outcome(submitted(state, write), NOW) == TOO_MANY


def test_the_limits_say_what_they_are() -> None:
    rules = CmsContest(max_submission_number=2, min_submission_interval=30)
    refusals = []
    for before in ([("a", "0:10:00.000")] * 2, [("b", NOW)]):
        with pytest.raises(LimitReached) as raised:
            decide_write(earlier(contest_with(rules), before), submitting(NOW))
        assert_refused(raised, "forbidden", None)
        assert raised.value.reason == f"{raised.value.subject} {raised.value.details}"
        refusals.append(raised.value.reason)
    assert refusals == [
        "Too many submissions! No more than 2 may be made in this contest.",
        "Submissions too frequent! There must be 30 seconds between two in this contest.",
    ]


def test_a_problem_that_is_not_there_has_no_limits() -> None:
    with pytest.raises(Refused, match="no nothing in problems"):
        decide_write(contest_with(task=TWO), submitting(NOW, problem_id="nothing"))


def test_the_team_itself_is_what_is_looked_at() -> None:
    assert submission_of(decide_write(contest_with(), submitting(NOW))).account_id == TEAM.account_id
