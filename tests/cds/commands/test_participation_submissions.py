"""What becomes of what a team submits in each phase of its participation, with and without overrides.

CMS ContestWebServer API, 1.5, 2.10, 3.3 and 4.15: one command, whichever API a submission comes through.
"""

import msgspec
import pytest

from cds.commands.decision import ObjectChange, Refused
from cds.commands.participation import WHY_NOT, Phase, WrongPhase
from cds.commands.properties import raw
from cds.commands.write import Impersonation, Overrides, Write
from cds.commands.writing import decide_write
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.visibility import role_view
from schemas.extensions import CmsContest, CmsParticipation
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Judgement, Submission
from schemas.records import Audit
from schemas.viewers import ROLES
from tests.builders import START, Played, Reader, judgement, moment, put, setup, state, submission
from tests.cds.commands.playing import assert_refused, at, take
from tests.cds.commands.taking_part import (
    ACCOUNT,
    OPENED,
    ORDINARY,
    OWN_WINDOWS,
    UNRESTRICTED,
    contest_with,
    official,
    submission_of,
    submitted,
    submitting,
)
from tests.command_stage import JUDGE, PROXY

BEGUN_AT_2 = CmsParticipation(starting_time=moment("2:00:00.000"))
LONGER = CmsParticipation(extra_time=1_200)

Placed = tuple[str, CmsContest, CmsParticipation]
"""A contest time, the rules and the terms by which that is in some phase."""

IN_PHASE: dict[Phase, Placed] = {
    Phase.BEFORE_CONTEST: ("-0:10:00.000", OPENED, ORDINARY),
    Phase.BEFORE_WINDOW: ("1:00:00.000", OWN_WINDOWS, ORDINARY),
    Phase.COMPETING: ("1:00:00.000", OPENED, ORDINARY),
    Phase.AFTER_WINDOW: ("3:30:00.000", OWN_WINDOWS, BEGUN_AT_2),
    Phase.AFTER_CONTEST: ("5:30:00.000", OPENED, ORDINARY),
    Phase.ANALYSIS: ("6:30:00.000", OPENED, ORDINARY),
    Phase.FINISHED: ("7:30:00.000", OPENED, ORDINARY),
}

YES_NO_UNSAID = (None, True, False)


def in_phase(phase: Phase, *, unrestricted: bool) -> tuple[str, ContestState]:
    """When, and in which contest, a participant is in a phase."""
    now, rules, participation = IN_PHASE[phase]
    terms = msgspec.structs.replace(participation, unrestricted=unrestricted or None)
    return now, contest_with(rules, terms, started=phase is not Phase.BEFORE_CONTEST)


@pytest.mark.parametrize("official_override", YES_NO_UNSAID)
@pytest.mark.parametrize("phase_override", YES_NO_UNSAID)
@pytest.mark.parametrize("unrestricted", [False, True])
@pytest.mark.parametrize("phase", Phase)
def test_who_may_submit_in_which_phase_and_what_counts(
    phase: Phase, *, unrestricted: bool, phase_override: bool | None, official_override: bool | None
) -> None:
    now, state = in_phase(phase, unrestricted=unrestricted)
    write = submitting(now, Overrides(phase=phase_override, official=official_override))
    bound = not unrestricted if phase_override is None else not phase_override
    if bound and phase not in (Phase.COMPETING, Phase.ANALYSIS):
        with pytest.raises(WrongPhase, match=WHY_NOT[phase]) as raised:
            decide_write(state, write)
        assert raised.value.phase is phase
        assert_refused(raised, "forbidden", None)
        return
    written = decide_write(state, write)
    usual = None if phase is Phase.COMPETING else False
    assert official(written) == (usual if official_override is None else official_override)
    assert submission_of(written).team_id == "t1"
    assert submission_of(written).contest_time == now


@pytest.mark.parametrize("unrestricted", [False, True])
@pytest.mark.parametrize("phase", Phase)
def test_without_overrides_it_is_the_participation_alone_that_decides(phase: Phase, *, unrestricted: bool) -> None:
    """Whether somebody acts for the team makes no difference where nothing is overridden, but that it is noted."""
    now, before = in_phase(phase, unrestricted=unrestricted)
    found = []
    for overrides in (None, Overrides()):
        try:
            found.append(decide_write(before, submitting(now, overrides)).changes)
        except WrongPhase as wrong:
            found.append([ObjectChange(wrong.reason, "", None)])
    assert found[0] == found[1][:1]
    assert len(found[0]) == 1
    noted = [(change.type, change.instance.kind) for change in found[1][1:] if isinstance(change.instance, Audit)]
    assert noted == ([("x-audit", "impersonation")] if found[0][0].id else [])
    assert len(found[1]) == 1 + len(noted)


# --- Extra time


def test_in_extra_time_a_submission_counts_and_says_so() -> None:
    before = contest_with(participation=LONGER)
    assert official(decide_write(before, submitting("4:59:59.999"))) is None
    late = decide_write(before, submitting("5:00:00.000"))
    assert official(late) is True
    take(before, late.changes)
    before.apply(before.position + 1, "judgements", "j1", judgement("j1", submission_of(late).id, "AC", "5:00:01.000"))
    row = msgspec.json.decode(Board(before, frozen=False).scoreboard())["rows"][0]
    assert (row["team_id"], row["score"]["num_solved"], row["score"]["total_time"]) == ("t1", 1, "5:00:00.000")
    assert Board(before, frozen=False).scoreboard() != Board(contest_with(), frozen=False).scoreboard()


def test_extra_time_ends() -> None:
    with pytest.raises(WrongPhase, match="the contest is over"):
        decide_write(contest_with(participation=LONGER), submitting("5:20:00.000"))
    assert official(decide_write(contest_with(participation=LONGER), submitting("5:19:59.999"))) is True


def test_extra_time_goes_on_after_the_end_has_been_told() -> None:
    """The clock says that the contest has ended, at its end, and those with extra time still compete."""
    over = contest_with(participation=LONGER, ended="5:00:00.000")
    assert official(decide_write(over, submitting("5:10:00.000"))) is True
    with pytest.raises(WrongPhase):
        decide_write(contest_with(ended="5:00:00.000"), submitting("5:10:00.000"))


def test_a_submission_in_extra_time_is_judged_like_any_other() -> None:
    played = contest_with(participation=LONGER, ended="5:00:00.000")
    written = decide_write(played, submitting("5:10:00.000"))
    take(played, written.changes)
    verdict = judgement("j1", submission_of(written).id, "AC", "5:10:01.000")
    take(played, put(verdict))
    assert isinstance(played.objects["judgements"]["j1"], Judgement)


def test_what_is_seen_of_a_submission_after_the_end_is_what_it_was() -> None:
    """Its own team and the jury see it, and its judgement follows; nobody else does (roles.md)."""
    played = contest_with(CmsContest(), LONGER, ended="5:00:00.000")
    written = decide_write(played, submitting("5:10:00.000"))
    take(played, written.changes)
    made = submission_of(written)
    seen = {role for role in ROLES if role_view(role).of(played, None, "submissions", made) is not None}
    assert seen == {"judge", "staff", "admin"}
    assert role_view("team").of(played, "t1", "submissions", made) is not None
    assert role_view("team").of(played, "t2", "submissions", made) is None


# --- Before the start


def test_before_the_start_a_hidden_problem_may_be_named_by_whom_no_phase_binds() -> None:
    before = contest_with(participation=UNRESTRICTED, started=False)
    written = decide_write(before, submitting("-0:10:00.000"))
    assert official(written) is False
    assert submission_of(written).contest_time == "-0:10:00.000"
    with pytest.raises(Refused, match="no nothing in problems"):
        decide_write(before, submitting("-0:10:00.000", problem_id="nothing"))


def test_a_submission_before_the_start_gives_no_problem_away() -> None:
    """Not even its own team sees it before the start; no line of any feed names what is hidden."""
    played = Played(setup())
    written = decide_write(played.state, submitting("-0:10:00.000", Overrides(phase=True)))
    played.play(written.changes)
    identifier = submission_of(written).id
    jury = {Reader("judge"), Reader("staff"), Reader("admin")}
    for reader in (Reader("public"), Reader("team", "t1"), Reader("team", "t2"), *jury):
        assert (identifier in played.shown(reader).get("submissions", {})) is (reader in jury), reader
    played.play(put(state(started=START)))
    for reader in (Reader("public"), Reader("team", "t1"), Reader("team", "t2")):
        own = reader.team_id == "t1"
        assert (identifier in played.shown(reader).get("submissions", {})) is own, reader


# --- Those who forward


@pytest.mark.parametrize("phase", Phase)
def test_whoever_forwards_does_so_while_the_contest_runs_whatever_the_windows_of_teams(phase: Phase) -> None:
    now, before = in_phase(phase, unrestricted=True)
    write = submitting(now, viewer=PROXY, team_id="t1")
    if at("0:00:00.000") <= at(now) < at("5:00:00.000"):
        assert official(decide_write(before, write)) is None
    else:
        with pytest.raises(WrongPhase):
            decide_write(before, write)


# --- The clock


def test_a_clock_that_is_behind_near_the_end_of_extra_time_makes_nothing_late() -> None:
    """The one before was made at 5:19:59.000; a clock that is 0.5 s behind keeps the order, and the window."""
    before = contest_with(participation=LONGER)
    take(before, decide_write(before, submitting("5:19:59.000")).changes)
    assert submission_of(decide_write(before, submitting("5:19:58.500"))).contest_time == "5:19:59.000"


def test_no_clock_carries_a_submission_beyond_its_window() -> None:
    others = contest_with(participation=LONGER)
    far = submission_of(decide_write(others, submitting("1:00:00.000")))
    later = msgspec.structs.replace(far, id="far", time=moment("5:20:01.000"), contest_time="5:20:01.000")
    take(others, put(later))
    assert submission_of(decide_write(others, submitting("5:19:59.500"))).contest_time == "5:19:59.500"


# --- A final contest


def final(participation: CmsParticipation | None = None) -> ContestState:
    """A contest that is final, in its analysis from six hours on."""
    after = contest_with(OPENED, participation)
    ended, finalized = moment("5:00:00.000"), moment("5:30:00.000")
    take(after, put(state(started=START, ended=ended, finalized=finalized)))
    return after


def test_a_final_contest_takes_what_does_not_count() -> None:
    after = final()
    written = decide_write(after, submitting("6:30:00.000"))
    assert official(written) is False
    take(after, written.changes)
    judged = decide_write(after, writing("judgements", submission_id=submission_of(written).id))
    assert [change.type for change in judged.changes] == ["judgements"]
    take(after, judged.changes)
    tested = decide_write(after, writing("runs", judgement_id="fresh", ordinal=1, judgement_type_id="AC"))
    assert [change.type for change in tested.changes] == ["runs"]


def writing(type_name: str, **properties: object) -> Write:
    """What a judge writes half an hour into the analysis: a judgement that begins, or a test case of one."""
    time = {"judgements": {"start_time": moment("6:30:00.000")}, "runs": {"time": moment("6:30:00.000")}}
    return Write(
        row=OBJECT_TYPES[type_name],
        method="POST",
        properties={name: raw(value) for name, value in (time[type_name] | properties).items()},
        viewer=JUDGE,
        now_ms=at("6:30:00.000"),
        fresh_id="fresh",
    )


def test_a_final_contest_takes_nothing_that_counts() -> None:
    after = final()
    take(after, put(submission("s1", "t1", "a", "0:30:00.000"), judgement("j1", "s1", None, "0:30:01.000")))
    for write in (
        writing("judgements", submission_id="s1"),
        writing("runs", judgement_id="j1", ordinal=1, judgement_type_id="AC"),
    ):
        with pytest.raises(Refused, match="the contest is final"):
            decide_write(after, write)
    with pytest.raises(Refused, match="the contest is final"):
        decide_write(final(), submitting("6:30:00.000", Overrides(official=True)))
    with pytest.raises(Refused, match="the contest is final"):
        decide_write(final(CmsParticipation(extra_time=3_600)), submitting("5:40:00.000"))


# --- What is noted


def test_each_use_of_an_override_is_noted_with_what_it_made() -> None:
    overrides = Overrides(phase=True, official=False, max_number=True, min_interval=True)
    written = decide_write(contest_with(), submitting("8:00:00.000", overrides))
    made, noted = written.changes
    assert made.type == "submissions"
    assert noted == ObjectChange(
        "x-audit",
        "fresh",
        Audit(
            kind="override",
            account_id=ACCOUNT,
            by="jury",
            address="::1",
            what="submit override_phase_check=1 override_official=0 override_max_number=1 override_min_interval=1",
            submission_id=made.id,
        ),
    )


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (Overrides(phase=False), "override_phase_check=0"),
        (Overrides(official=True), "override_official=1"),
        (Overrides(max_number=True), "override_max_number=1"),
        (Overrides(min_interval=True), "override_min_interval=1"),
    ],
)
def test_one_override_is_noted_alone(overrides: Overrides, said: str) -> None:
    (noted,) = [
        change.instance
        for change in decide_write(contest_with(), submitting("1:00:00.000", overrides)).changes
        if isinstance(change.instance, Audit)
    ]
    assert noted.what == f"submit {said}"


def test_what_is_noted_is_seen_by_nobody() -> None:
    played = Played([*setup(), *put(state(started=START))])
    feeds = {reader: played.feed(reader) for reader in (Reader("admin"), Reader("team", "t1"))}
    written = decide_write(played.state, submitting("1:00:00.000", Overrides(official=True)))
    played.play([change for change in written.changes if change.type == "x-audit"])
    assert {reader: played.feed(reader) for reader in feeds} == feeds
    assert "x-audit" not in played.state.objects


def test_acting_for_somebody_is_no_way_to_say_more_of_a_submission() -> None:
    more = Overrides(official=True)
    with pytest.raises(Refused, match="ext must not be given") as raised:
        decide_write(contest_with(), submitting("1:00:00.000", more, ext={"cms": {"official": True}}))
    assert_refused(raised, "invalid", "ext")


def test_overrides_are_there_for_those_who_act_for_somebody_alone() -> None:
    plain = submitting("1:00:00.000")
    assert plain.overrides == Overrides()
    acting = Impersonation(by="jury", overrides=Overrides(phase=True))
    assert isinstance(plain, Write)
    assert msgspec.structs.replace(plain, impersonation=acting).overrides == Overrides(phase=True)


def test_many_that_come_together_are_decided_one_after_the_other() -> None:
    """Of two at the same instant against one a minute, whichever comes second is refused."""
    before = contest_with(CmsContest(min_submission_interval=60))
    submitted(before, submitting("1:00:00.000"))
    with pytest.raises(Refused, match="Submissions too frequent!"):
        decide_write(before, submitting("1:00:00.000", fresh_id="other"))
    assert len([each for each in before.objects["submissions"].values() if isinstance(each, Submission)]) == 1
