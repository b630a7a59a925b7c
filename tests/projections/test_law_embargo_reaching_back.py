"""Law 3 where the freeze moves: it never reaches back to a verdict that has been shown.

Two contests are run by the same commands and differ in verdicts, here also in such as everybody may see when they are
given. Whoever came later, and sees none of them, must not tell the contests apart: so nothing may hide a verdict
again, whose awards stand still in the freeze. That is what is compared, over every way in which a freeze moves.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.objects import Judgement, Submission
from tests.builders import READERS, moment
from tests.command_histories import OFTEN, VERDICTS, Choose, begun, chooser, next_command
from tests.command_stage import JUDGE, TEAMS, Command, JsonObject, Outcome, at, embargoed
from tests.effort import DEAR
from tests.projections.test_law_embargo_with_writes import boards

STEPS_MAX = 16
SEEDS = range(60)
STARTS = ("-1:00:00.000", "3:59:00.000")
MOVING = ("advance_state", "reschedule", "pause")
KINDS = (
    *("submit", "submit"),
    *["judge"] * 4,
    "settle",
    "wait",
    *MOVING * 2,
    *(each for each in OFTEN if each != "conclude"),
)
HIDING = ("cds.commands.contest_clock.refuse_hiding", "cds.commands.contest_state.refuse_hiding")
"""Where the rule stands; taken away, these tests must fail."""


class Pair:
    """Two contests; `told` are the submissions whose verdicts may differ, hidden or not when they were given."""

    def __init__(self, start: str) -> None:
        self.one, self.other = begun(start, roles=OUTSIDERS), begun(start, roles=OUTSIDERS)
        self.told: set[str] = set()
        self.reached: Counter[str] = Counter()

    def perform(self, command: Command) -> Outcome:
        """Carry out a command in both. What is shown before stays shown, and what is hidden tells nothing."""
        self.one.settle_clock(command.now_ms)
        shown = shown_verdicts(self.one.state)
        if command.other_body not in (None, command.body):
            self.told |= judged_by(self.one.state, command)
        outcome = self.one.perform(command)
        other = self.other.perform(command.other)
        assert command.kind not in MOVING or outcome.refused == other.refused, command
        submissions = self.one.state.objects["submissions"]
        assert [each for each in shown if each in submissions and embargoed(self.one.state, each)] == [], command
        self.reached["refused to hide"] += "shown already" in (outcome.refused or ("",))[0]
        self.compare()
        return outcome

    def compare(self) -> None:
        """While no verdict that differs is to be seen, there is no difference for those behind the freeze."""
        present = [each for each in self.told if each in self.one.state.objects["submissions"]]
        if not present or not all(embargoed(self.one.state, each) for each in present):
            return
        own = {cast("Submission", self.one.state.objects["submissions"][each]).team_id for each in present}
        for reader in READERS:
            if reader.role in OUTSIDERS and reader.team_id not in own:
                assert self.one.played.shown(reader) == self.other.played.shown(reader), reader
        assert list(boards(self.one.played)) == list(boards(self.other.played))
        self.reached["compared while hidden"] += 1


OUTSIDERS = tuple(role for role, sees in SEES_LIVE_SCOREBOARD.items() if not sees)


def shown_verdicts(state: ContestState) -> list[str]:
    """The submissions in the contest that have a verdict and stand before the freeze."""
    judgements = cast("Iterable[Judgement]", state.objects["judgements"].values())
    judged = dict.fromkeys(each.submission_id for each in judgements if each.judgement_type_id is not None)
    times_ms = state.submission_times_ms
    return [each for each in judged if state.timeline.within_contest(times_ms[each]) and not embargoed(state, each)]


def judged_by(state: ContestState, command: Command) -> set[str]:
    """The submission that a command judges, if it does."""
    judgement = cast("Judgement | None", state.objects["judgements"].get(command.id))
    found = command.body.get("submission_id", judgement.submission_id if judgement else None)
    return set() if found is None else {str(found)}


def commands_of_a_pair(choose: Choose, start: str, steps: int) -> list[Command]:
    """Commands of which any verdict may be another one in the other contest, as long as nobody has judged before."""
    stage = begun(start, roles=())
    commands = []
    for number in range(steps):
        drawn = next_command(choose, stage, KINDS, number)
        if drawn is None:
            continue
        if drawn.kind in ("judge", "settle") and "judgement_type_id" in drawn.body:
            drawn = msgspec.structs.replace(drawn, other_body={**drawn.body, "judgement_type_id": choose(VERDICTS)})
        elif drawn.other_body is not None:
            drawn = msgspec.structs.replace(drawn, other_body=None)
        stage.perform(drawn)
        commands.append(drawn)
    return commands


def compared(start: str, commands: Iterable[Command]) -> Counter[str]:
    """Give both contests their commands."""
    pair = Pair(start)
    for each in commands:
        pair.perform(each)
    return pair.reached


@st.composite
def pairs(draw: DrawFn) -> tuple[str, list[Command]]:
    """A start, and commands from there on."""
    choose = chooser(draw)
    start = choose(STARTS)
    return start, commands_of_a_pair(choose, start, draw(st.integers(4, STEPS_MAX)))


@given(pairs())
@settings(DEAR, suppress_health_check=[HealthCheck.too_slow])
def test_the_freeze_never_hides_what_has_been_shown(drawn: tuple[str, list[Command]]) -> None:
    """And what it hides from the beginning tells nothing, wherever it moves."""
    compared(*drawn)


def at_random(seed: int) -> Counter[str]:
    """A history from fixed dice."""
    choose = Random(seed).choice
    start = choose(STARTS)
    return compared(start, commands_of_a_pair(choose, start, STEPS_MAX))


def test_freezes_that_reach_back_come_up_and_are_refused() -> None:
    reached: Counter[str] = Counter()
    for seed in SEEDS:
        reached += at_random(seed)
    assert reached["refused to hide"]
    assert reached["compared while hidden"]


def test_a_freeze_that_hides_what_has_been_shown_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The histories come upon it once the rule is taken away."""
    for name in HIDING:
        monkeypatch.setattr(name, let_hide)
    with pytest.raises(AssertionError):
        assert [at_random(seed) for seed in SEEDS]


def let_hide(_before: ContestState, _changes: Iterable[ObjectChange], _property: str) -> None:
    """What a server does that has no such rule."""


# --- every way by itself -----------------------------------------------------------------------------------------


def asked(contest_time: str, path: str, body: JsonObject, **more: object) -> Command:
    """A command of an administrator, or of somebody else, at a contest time."""
    command = Command(kind="given", now_ms=at(contest_time), path=path, body=body, fresh_id=f"at-{contest_time}")
    return msgspec.structs.replace(command, **more)


def patch(path: str, **body: object) -> Callable[[str], Command]:
    """A PATCH of the contest or of its state, at a time yet to be said."""
    return lambda contest_time: asked(contest_time, path, body, method="PATCH")


SUBMITTED: JsonObject = {
    "language_id": "cpp",
    "problem_id": "b",
    "files": [{"filename": "f.zip", "mime": "application/zip"}],
}
JUDGED: JsonObject = {"submission_id": "1", "start_time": moment("2:01:00.000")}
INTERVAL = {"start": moment("1:00:00.000"), "end": moment("1:30:00.000")}
FREEZE_FOUR_TO_GO = {"scoreboard_freeze_duration": "4:00:00.000"}

WAYS: dict[str, tuple[list[Command], Callable[[str], Command], str]] = {
    "a freeze in the past": ([], patch("state", frozen=moment("2:00:00.000")), "frozen"),
    "a longer freeze": ([], patch("contest", **FREEZE_FOUR_TO_GO), "scoreboard_freeze_duration"),
    "a shorter contest": ([], patch("contest", duration="3:00:00.000"), "duration"),
    "an interval taken back": (
        [
            patch("state", removed_intervals=[INTERVAL])("1:40:00.000"),
            patch("contest", scoreboard_freeze_duration="3:15:00.000")("1:41:00.000"),
        ],
        patch("state", removed_intervals=None),
        "removed_intervals",
    ),
}
"""What comes before, what moves the freeze before a submission at 2:00:00.000 of the clock, and what is named."""


def judged_in_both(way: str) -> Pair:
    """A submission that the two contests judge differently, before all eyes."""
    pair = Pair("-1:00:00.000")
    verdicts = [{**JUDGED, "judgement_type_id": verdict} for verdict in ("AC", "WA")]
    for command in (
        *WAYS[way][0],
        asked("2:00:00.000", "submissions", SUBMITTED, viewer=TEAMS[1]),
        asked("2:02:00.000", "judgements", verdicts[0], viewer=JUDGE, other_body=verdicts[1]),
    ):
        assert pair.perform(command).refused is None, command
    return pair


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_back_before_a_verdict_that_has_been_shown(way: str) -> None:
    pair = judged_in_both(way)
    refused = pair.perform(WAYS[way][1]("2:10:00.000")).refused
    assert refused is not None
    reason, ground, named = refused
    assert (ground, named) == ("conflict", WAYS[way][2])
    assert "submission 1," in reason


@pytest.mark.parametrize("way", WAYS)
def test_without_the_rule_each_way_would_tell_the_verdict(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: the awards from before the freeze stand still and differ."""
    for name in HIDING:
        monkeypatch.setattr(name, let_hide)
    pair = judged_in_both(way)
    with pytest.raises(AssertionError):
        pair.perform(WAYS[way][1]("2:10:00.000"))
    assert all(embargoed(stage.state, "1") for stage in (pair.one, pair.other))
    with pytest.raises(AssertionError):
        pair.compare()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_judged_yet_may_be_frozen_afterwards(way: str) -> None:
    """From then on its verdict is hidden and changes nothing that others get."""
    pair = Pair("-1:00:00.000")
    verdicts = [{**JUDGED, "judgement_type_id": verdict} for verdict in ("AC", "WA")]
    for command in (
        *WAYS[way][0],
        asked("2:00:00.000", "submissions", SUBMITTED, viewer=TEAMS[1]),
        WAYS[way][1]("2:10:00.000"),
        asked("2:12:00.000", "judgements", verdicts[0], viewer=JUDGE, other_body=verdicts[1]),
    ):
        assert pair.perform(command).refused is None, command
    assert pair.reached["compared while hidden"]
    assert pair.one.missing_awards() == pair.other.missing_awards() == []
    winners = [stage.state.objects["awards"]["first-to-solve-b"] for stage in (pair.one, pair.other)]
    assert winners[0] != winners[1]
