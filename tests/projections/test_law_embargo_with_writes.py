"""Law 3 over histories of commands: verdicts behind the freeze change nothing that others get, until thaw.

Two contests are run by the same commands at the same moments; they differ in the verdicts of submissions that are
embargoed when they are judged, and perhaps in how much is judged behind the freeze. The server keeps the awards of
both. What differs in one embargoed verdict differs in the log by awards too, so positions differ, and with them the
text of tokens, but never how many tokens there are nor how long they are.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.tokens import TOKEN_CHARACTERS
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.objects import Judgement, Run, Submission
from schemas.viewers import Viewer
from tests.builders import READERS, Played, Reader, moment
from tests.command_histories import MOVES, Choose, begun, chooser, next_command
from tests.command_stage import JUDGE, TEAMS, Command, Outcome, Stage, at
from tests.effort import DEAR

TOKEN = re.compile(rb'"token":"([^"]*)"}\n')
JURY = Reader("judge")
STEPS_MAX = 16
SEEDS = range(30)
STARTS = ("3:59:00.000", "4:01:00.000", "4:01:00.000")
HIDING = ("judge", "settle", "choose_current", "run_test")

DEPENDING_ON_VERDICTS = ("remove", "conclude")
"""What an administrator asks for and is granted or not, as the verdicts are: to end the freeze, to delete a type."""

KINDS = (
    *(kind for kind in MOVES if kind not in DEPENDING_ON_VERDICTS),
    *("submit", "submit", "submit", *["judge"] * 8, "settle", "run_test", "wait", *["advance_state"] * 2, "reschedule"),
)

JUDGING = ("submit", "judge")
"""Nothing but verdicts, so that in many histories the awards differ too."""


class Pair:
    """Two contests that differ in what is hidden alone. `told` are the submissions whose verdicts may differ."""

    def __init__(self, start: str) -> None:
        self.one, self.other = begun(start), begun(start)
        self.told: set[str] = set()
        self.reached: Counter[str] = Counter()
        self._places = dict.fromkeys(READERS, (0, 0))

    def perform(self, command: Command) -> None:
        """Carry out a command in both; whoever may not know of a difference sees none in the outcomes."""
        about = judged_submission(self.one.state, command)
        if about is not None and tells_apart(command):
            self.told.add(about)
        outcome = self.one.perform(command)
        if command.here_only:
            self.other.perform(msgspec.structs.replace(command, path=""))
        else:
            self._check_outcomes(command, outcome, self.other.perform(command.other))

    def _check_outcomes(self, command: Command, one: Outcome, other: Outcome) -> None:
        if reader_of(command.viewer) not in self.outsiders():
            return
        assert (one.key, one.refused, one.changes) == (other.key, other.refused, other.changes), command
        self.reached["an outsider wrote"] += one.refused is None
        self.reached["an outsider was refused"] += one.refused is not None

    @property
    def hidden(self) -> bool:
        """Whether every verdict that may differ is still embargoed in both."""
        return all(stage.embargoed(each) for stage in (self.one, self.other) for each in self.told)

    def outsiders(self) -> list[Reader]:
        """All behind the freeze but the teams whose own verdicts may differ."""
        submissions = self.one.state.objects["submissions"]
        own = [submissions.get(each) for each in self.told]
        teams = {each.team_id for each in own if isinstance(each, Submission)}
        return [
            reader
            for reader in READERS
            if not SEES_LIVE_SCOREBOARD[reader.role] and (reader.role != "team" or reader.team_id not in teams)
        ]

    def check(self) -> None:
        """Nobody outside can tell one from the other by what has come since the last time, or by asking."""
        one, other = self.one.played, self.other.played
        for reader in self.outsiders():
            places = self._places[reader]
            feeds = one.feed(reader, places[0]), other.feed(reader, places[1])
            self._places[reader] = one.last_sequence(reader), other.last_sequence(reader)
            assert TOKEN.sub(b"\n", feeds[0]) == TOKEN.sub(b"\n", feeds[1]), reader
            assert {len(token) for feed in feeds for token in TOKEN.findall(feed)} <= {TOKEN_CHARACTERS}
            assert len(feeds[0]) == len(feeds[1])
            assert one.shown(reader) == other.shown(reader), reader
        assert list(boards(one)) == list(boards(other))
        self._note()

    def check_tokens(self) -> None:
        """Where the logs tell of the same objects, the tokens are alike too, under the same chain."""
        if not same_positions(self.one, self.other):
            return
        other = Played(self.other.changes, chains=self.one.played.chains)
        for reader in self.outsiders():
            assert self.one.played.feed(reader) == other.feed(reader), reader

    def _note(self) -> None:
        one, other = self.one, self.other
        jury = one.played.shown(JURY), other.played.shown(JURY)
        self.reached["the jury sees other verdicts"] += jury[0].get("judgements") != jury[1].get("judgements")
        self.reached["the jury sees other awards"] += jury[0].get("awards") != jury[1].get("awards")
        self.reached["other positions"] += one.state.position != other.state.position
        self.reached["same positions"] += same_positions(one, other) and jury[0] != jury[1]
        self.reached["rejudged"] += any(
            sum(1 for _ in one.state.referrers.of_type(("submissions", each), "judgements")) > 1 for each in self.told
        )


def judged_submission(state: ContestState, command: Command) -> str | None:
    """The submission whose verdict a command is about; None for what is about no verdict."""
    if command.kind not in HIDING:
        return None
    judgement_id = command.id
    if command.path == "runs":
        run = cast("Run | None", state.objects["runs"].get(command.id))
        judgement_id = str(command.body.get("judgement_id", run.judgement_id if run else ""))
    judgement = cast("Judgement | None", state.objects["judgements"].get(judgement_id))
    submission_id = command.body.get("submission_id", judgement.submission_id if judgement else None)
    return None if submission_id is None else str(submission_id)


def tells_apart(command: Command) -> bool:
    """Whether a command is another one in the other history, or is not given there."""
    return command.here_only or command.other_body not in (None, command.body)


def reader_of(viewer: Viewer) -> Reader:
    """Who reads with the login that wrote."""
    return Reader(viewer.role, viewer.team_id)


def same_positions(one: Stage, other: Stage) -> bool:
    """Whether the logs tell of the same objects in the same order."""
    return [(each.type, each.id) for each in one.changes] == [(each.type, each.id) for each in other.changes]


def boards(played: Played) -> Iterator[bytes]:
    """Every frozen scoreboard there is."""
    board = Board(played.state, frozen=True)
    for group_id in (None, *played.state.objects["groups"]):
        yield board.scoreboard(group_id, problems_visible=played.state.timeline.started)


def commands_of_a_pair(choose: Choose, start: str, steps: int, kinds: Sequence[str] = KINDS) -> list[Command]:
    """Commands, some of which say something else in the other contest or are not given there."""
    stage = begun(start, roles=())
    commands = []
    for number in range(steps):
        drawn = next_command(choose, stage, kinds, number)
        if drawn is None:
            continue
        about = judged_submission(stage.state, drawn)
        if about is not None and drawn.other_body is not None and stage.embargoed(about):
            drawn = msgspec.structs.replace(drawn, here_only=choose((False, False, True)))
        stage.perform(drawn)
        commands.append(drawn)
    return commands


@st.composite
def pairs(draw: DrawFn) -> tuple[str, list[Command]]:
    """A start, and commands from there on."""
    choose = chooser(draw)
    start = choose(STARTS)
    return start, commands_of_a_pair(choose, start, draw(st.integers(6, STEPS_MAX)))


SITUATIONS = (
    *("the jury sees other verdicts", "the jury sees other awards", "other positions", "same positions", "rejudged"),
    *("an outsider wrote", "an outsider was refused", "thawed", "differs after thaw"),
)


@given(pairs())
@settings(DEAR, suppress_health_check=[HealthCheck.too_slow])
def test_verdicts_behind_the_freeze_change_nothing_that_others_get(drawn: tuple[str, list[Command]]) -> None:
    """Feeds, objects, boards and the answers to what outsiders write, after every command, until thaw."""
    compared(*drawn)


def test_what_is_compared_differs_in_what_only_the_jury_sees() -> None:
    """The same law over fixed histories, which come through everything that makes it mean something."""
    reached: Counter[str] = Counter()
    for seed in SEEDS:
        kinds = JUDGING if seed % 3 == 0 else KINDS
        reached += compared("4:01:00.000", commands_of_a_pair(Random(seed).choice, "4:01:00.000", STEPS_MAX, kinds))
    assert [situation for situation in SITUATIONS if not reached[situation]] == []


def compared(start: str, commands: list[Command]) -> Counter[str]:
    """Give both contests their commands and compare them until a verdict is released that may differ."""
    pair = Pair(start)
    for each in commands:
        pair.perform(each)
        if not pair.hidden:
            return pair.reached
        pair.check()
    pair.check_tokens()
    end(pair)
    return pair.reached


def end(pair: Pair) -> None:
    """Once it is thawed everybody sees the verdicts, and so the difference."""
    before = [(pair.one.played.shown(JURY), pair.other.played.shown(JURY))]
    now_ms = max(pair.one.now_ms, at("12:00:00.000"))
    for body in ({"removed_intervals": None}, {"thawed": "now"}):
        command = Command(kind="end", now_ms=now_ms, method="PATCH", path="state", body=dict(body))
        pair.perform(command)
        if not thawed(pair):
            continue
        pair.reached["thawed"] += 1
        public = Reader("public")
        one, other = (stage.played.shown(public).get("judgements") for stage in (pair.one, pair.other))
        pair.reached["differs after thaw"] += one != other and before[0][0] != before[0][1]


def thawed(pair: Pair) -> bool:
    """Whether both contests are thawed."""
    states = [stage.state.state for stage in (pair.one, pair.other)]
    return all(state is not None and bool(state.thawed) for state in states)


def test_a_correction_of_removed_intervals_reveals_nothing_in_between() -> None:
    """An interval that is taken back moves the freeze and the submissions; no event in between may bare a verdict."""
    stage = begun("4:01:00.000")
    for number, (contest_time, asked) in enumerate(MOVED_TO_AND_FRO):
        outcome = stage.perform(
            msgspec.structs.replace(asked, kind="test", now_ms=at(contest_time), fresh_id=f"fresh-{number}")
        )
        assert outcome.refused is None, outcome
    (hidden,) = (each for each in stage.state.objects["judgements"] if each.startswith("fresh"))
    for reader in READERS:
        if not SEES_LIVE_SCOREBOARD[reader.role] and reader.team_id != "t1":
            assert hidden.encode() not in stage.played.feed(reader), reader


SUBMITTED = {"language_id": "cpp", "problem_id": "a", "files": [{"filename": "f.zip", "mime": "application/zip"}]}
INTERVAL = {"start": moment("1:00:00.000"), "end": moment("1:10:00.000")}
MOVED_TO_AND_FRO: tuple[tuple[str, Command], ...] = (
    ("4:05:00.000", Command(kind="", now_ms=0, viewer=TEAMS[0], path="submissions", body=dict(SUBMITTED))),
    (
        "4:06:00.000",
        Command(
            kind="",
            now_ms=0,
            viewer=JUDGE,
            path="judgements",
            body={"submission_id": "1", "start_time": moment("4:05:01.000"), "judgement_type_id": "AC"},
        ),
    ),
    ("4:20:00.000", Command(kind="", now_ms=0, method="PATCH", path="state", body={"removed_intervals": [INTERVAL]})),
    ("4:25:00.000", Command(kind="", now_ms=0, method="PATCH", path="state", body={"removed_intervals": None})),
)


def test_the_comparison_finds_a_difference() -> None:
    """Two contests that differ in what is not hidden are told apart."""
    pair = Pair("4:01:00.000")
    pair.one.take([ObjectChange("awards", "late", None)] if "late" in pair.one.state.objects["awards"] else [])
    pair.check()
    changed = msgspec.structs.replace(pair.one.state.objects["teams"]["t1"], name="Other")
    pair.one.take([ObjectChange("teams", "t1", changed)])
    with pytest.raises(AssertionError):
        pair.check()


def test_a_freeze_that_was_taken_back_lets_the_awards_move_until_the_next() -> None:
    """What a team solves between a freeze by hand and the planned one is public, and so are its awards."""
    stage = begun("-1:00:00.000")
    frozen, back = ({"frozen": "now"}, {"frozen": None})
    submitted, later = (each for _, each in MOVED_TO_AND_FRO[:2])
    judged = msgspec.structs.replace(later, body={**later.body, "start_time": moment("3:10:01.000")})
    for number, (contest_time, asked) in enumerate(
        (
            ("3:00:00.000", Command(kind="", now_ms=0, method="PATCH", path="state", body=dict(frozen))),
            ("3:05:00.000", Command(kind="", now_ms=0, method="PATCH", path="state", body=dict(back))),
            ("3:10:00.000", submitted),
            ("3:11:00.000", judged),
        )
    ):
        outcome = stage.perform(msgspec.structs.replace(asked, now_ms=at(contest_time), fresh_id=f"fresh-{number}"))
        assert outcome.refused is None, outcome
    assert b'"team_ids":["t1"]' in stage.played.shown(Reader("public"))["awards"]["winner"]
    stage.settle_clock(at("4:00:00.000"))
    again = stage.perform(
        msgspec.structs.replace(
            submitted, viewer=TEAMS[1], body={**submitted.body, "problem_id": "b"}, now_ms=at("4:10:00.000")
        )
    )
    assert again.refused is None
    stage.perform(
        msgspec.structs.replace(
            judged, body={**judged.body, "submission_id": "2"}, now_ms=at("4:11:00.000"), fresh_id="hidden"
        )
    )
    public, jury = (stage.played.shown(reader)["awards"]["first-to-solve-b"] for reader in (Reader("public"), JURY))
    assert (b"t2" in public, b"t2" in jury) == (False, True)


def test_a_freeze_in_which_nobody_submits_keeps_the_awards_still_all_the_same() -> None:
    """A verdict that comes in the freeze, and any change of the contest in it, leave the public awards as they were."""
    stage = begun("-1:00:00.000")
    submitted, later = (each for _, each in MOVED_TO_AND_FRO[:2])
    judged = msgspec.structs.replace(later, body={**later.body, "start_time": moment("3:30:01.000")}, fresh_id="late")
    renamed = Command(kind="", now_ms=at("4:06:00.000"), method="PATCH", path="contest", body={"name": "Other"})
    for asked in (
        msgspec.structs.replace(submitted, now_ms=at("3:30:00.000")),
        msgspec.structs.replace(judged, now_ms=at("4:05:00.000")),
        renamed,
    ):
        assert stage.perform(asked).refused is None
    public, jury = (stage.played.shown(reader)["awards"]["first-to-solve-a"] for reader in (Reader("public"), JURY))
    assert (b"t1" in public, b"t1" in jury) == (False, True)
