"""The design's laws over random histories of commands, for every role: what holds of events holds of what is written.

Law 1: feeds fold to what GET gives after every batch. Law 2: replay equals live. Law 4: no view dangles, and the log
is intact after every single event. Law 5: the same once more adds nothing. Law 6: what was exported comes back.
"""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import HealthCheck, event, given, settings

from cds.commands.contest_clock import due_changes
from cds.commands.decision import ObjectChange, Refused
from cds.commands.reconcile import decide_reconcile
from projections.contest import ContestState
from projections.integrity import dangling
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from schemas.records import RECORD_TYPES
from schemas.viewers import ROLES
from tests.builders import READERS, Played, Reader, encoded
from tests.command_histories import MOVES, CommandHistory, begun, command_histories
from tests.command_stage import Command, Stage, at, decided_changes
from tests.effort import DEAR, examples
from tests.independent_fold import Collections, fold, fold_one, notifications
from tests.projections.test_law_feeds import collections, of_what_exists, viewed
from tests.projections.test_law_references import left_dangling, listed, shown_properties
from tests.projections.test_law_replay import everything, shown

DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    **{name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()},
    **{name: msgspec.json.Decoder(structure) for name, structure in RECORD_TYPES.items()},
}

REPEATABLE = ("PUT", "PATCH")
KINDS_REPEATED_MIN = 6
OFTEN_REFUSED = (
    *("submit", "ask", "settle", "run_test", "honour", "remove", "move_start", "plan_thaw", "advance_state", "pause"),
    "conclude",
)
REPEATED = (
    *("submit", "judge", "settle", "choose_current", "run_test", "honour", "configure", "simplify", "reschedule"),
    *("plan_thaw", "advance_state", "change_settings"),
)
"""Kinds of commands that may come once more, and what they need to be about something."""


class Watched:
    """What every reader has folded of a contest, and how far each has read."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._folded: dict[Reader, Collections] = {reader: {} for reader in READERS}
        self._places = dict.fromkeys(READERS, 0)

    def check(self) -> None:
        """Every line that came since the last time leaves nothing dangling, and together they give what GET gives."""
        played = self._stage.played
        for reader in READERS:
            folded = self._folded[reader]
            for notification in notifications(played.feed(reader, self._places[reader])):
                fold_one(folded, notification)
                assert left_dangling(folded, notification) == [], (reader, notification)
                announced = listed(reader.role).get(notification["type"], frozenset())
                assert set(shown_properties(notification["data"] or {})) <= announced, (reader, notification)
            self._places[reader] = played.last_sequence(reader)
            assert folded == collections(played.shown(reader)), reader
            assert of_what_exists(played, reader) == viewed(played, reader), reader


def played(history: CommandHistory, stage: Stage) -> Stage:
    """The contest after all commands."""
    for each in history.commands:
        stage.perform(each)
    return stage


@given(command_histories())
@settings(DEAR, suppress_health_check=[HealthCheck.too_slow])
def test_feeds_fold_to_views_after_every_batch_and_never_dangle(history: CommandHistory) -> None:
    """Laws 1 and 4 for every reader."""
    stage = begun(history.start)
    watched = Watched(stage)
    watched.check()
    stage.after_batch = watched.check
    for each in history.commands:
        outcome = stage.perform(each)
        event(f"{each.kind}: {'refused' if outcome.refused else 'carried out' if outcome.changes else 'nothing'}")


@DEAR
@given(command_histories())
def test_the_log_is_intact_after_every_event(history: CommandHistory) -> None:
    """What is named is there before what names it, and goes after it, in the middle of a batch too."""
    batches = played(history, begun(history.start, roles=())).batches
    state = ContestState()
    for number, batch in enumerate(batches):
        for change in batch:
            state.apply(state.position + 1, change.type, change.id, change.instance)
            if number > 0:
                assert_intact(state, change)


def assert_intact(state: ContestState, change: ObjectChange) -> None:
    """An event names nothing that is not there, and takes away nothing that is named."""
    row = OBJECT_TYPES.get(change.type)
    if row is None:
        return
    if change.instance is None:
        assert list(state.referrers.of((change.type, change.id))) == [], change
    else:
        assert list(dangling(state.objects, row, change.instance)) == [], change


@DEAR
@given(command_histories())
def test_replay_equals_live(history: CommandHistory) -> None:
    """Law 2: state, records, what every role is shown, and every feed with its tokens."""
    live = played(history, begun(history.start)).played
    replayed = Played()
    for change in played(history, begun(history.start, roles=())).changes:
        data = encoded(change.instance)
        instance: ContestObject | None = None if data is None else DECODERS[change.type].decode(data)
        replayed.play([ObjectChange(change.type, change.id, instance)])
    assert everything(replayed.state) == everything(live.state)
    assert replayed.state.settings == live.state.settings
    assert replayed.state.logins == live.state.logins
    assert replayed.state.highest_submission_number == live.state.highest_submission_number
    assert replayed.state.latest_submission_time_ms == live.state.latest_submission_time_ms
    for role in ROLES:
        assert shown(replayed.audiences[role]) == shown(live.audiences[role])
    for reader in READERS:
        assert replayed.feed(reader) == live.feed(reader)


def test_the_same_once_more_adds_nothing() -> None:
    """Law 5: a PUT or PATCH that was carried out, the clock and the awards come to nothing when they are repeated."""
    reached: Counter[str] = Counter()

    @given(command_histories(REPEATED))
    @settings(max_examples=examples(50))
    def law(history: CommandHistory) -> None:
        stage = begun(history.start, roles=())
        for each in history.commands:
            outcome = stage.perform(each)
            stage.settle_clock(stage.now_ms)
            assert stage.missing_awards() == []
            assert due_changes(stage.state, stage.now_ms) == []
            if each.method in REPEATABLE and outcome.refused is None:
                reached[each.kind] += 1
                assert repeated(stage, each) == [], each

    law()
    assert len(reached) >= KINDS_REPEATED_MIN


def repeated(stage: Stage, command: Command) -> list[ObjectChange]:
    """What the command comes to once more. A time that was `now` is the time that it became."""
    if "now" in command.body.values():
        happened = msgspec.to_builtins(stage.state.state)
        body = {name: happened.get(name) if value == "now" else value for name, value in command.body.items()}
        command = msgspec.structs.replace(command, body=body)
    try:
        return decided_changes(stage.state, command)[0]
    except Refused as refused:
        # A start by countdown, a thaw or an end of updates is not repeated: it has happened.
        return [] if refused.ground == "forbidden" else [ObjectChange("refused", refused.reason, None)]


@DEAR
@given(command_histories())
def test_a_contest_reconciled_with_itself_stays_as_it_is(history: CommandHistory) -> None:
    """Laws 5 and 6: what an export says of a contest, reconciled with it or brought elsewhere, is that contest."""
    state = played(history, begun(history.start, roles=())).state
    exported = {
        name: {
            identifier: DECODERS[name].decode(msgspec.json.encode(instance))
            for identifier, instance in state.objects[name].items()
        }
        for name in OBJECT_TYPES
    }
    if not state.ended_updates:
        assert list(decide_reconcile(state, exported, OBJECT_TYPES)) == []
    elsewhere = ContestState()
    for change in decide_reconcile(elsewhere, exported, OBJECT_TYPES):
        elsewhere.apply(elsewhere.position + 1, change.type, change.id, change.instance)
        assert_intact(elsewhere, change)
    assert {name: dict(members) for name, members in elsewhere.objects.items()} == {
        name: dict(members) for name, members in state.objects.items()
    }


@DEAR
@given(command_histories(starts=("-1:00:00.000", "4:01:00.000"), steps_max=6))
def test_a_contest_that_is_deleted_is_gone_from_the_last_reference_on(history: CommandHistory) -> None:
    """No event of the end of a contest leaves a reference to nothing, in the log or in any feed."""
    stage = played(history, begun(history.start))
    state = stage.state.state
    if state is not None and state.started and not state.ended:
        stage.perform(Command(kind="end", now_ms=at("9:00:00.000"), path="state", body={"ended": "now"}))
    watched = Watched(stage)
    watched.check()
    outcome = stage.perform(Command(kind="end", now_ms=at("9:00:00.000"), method="DELETE", path="contest"))
    if outcome.refused is not None:
        event(f"refused: {outcome.refused[0]}")
        return
    watched.check()
    assert {name: dict(members) for name, members in stage.state.objects.items() if members} == {}
    assert dict(stage.state.logins) == {}
    replayed = ContestState()
    for number, batch in enumerate(stage.batches):
        for change in batch:
            replayed.apply(replayed.position + 1, change.type, change.id, change.instance)
            if number > 0:
                assert_intact(replayed, change)


def test_every_kind_of_command_is_carried_out_and_many_are_refused_too() -> None:
    """Histories in which something never happens would prove nothing about it."""
    carried_out: Counter[str] = Counter()
    refused: Counter[str] = Counter()

    @given(command_histories())
    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    def tell(history: CommandHistory) -> None:
        stage = begun(history.start, roles=())
        for each in history.commands:
            outcome = stage.perform(each)
            (refused if outcome.refused else carried_out)[each.kind] += 1

    tell()
    assert [kind for kind in MOVES if not carried_out[kind]] == []
    assert [kind for kind in OFTEN_REFUSED if not refused[kind]] == []


def test_folding_is_not_fooled() -> None:
    """The feed of the whole contest of a server is not empty for anybody, and its fold is what it shows."""
    stage = begun("4:01:00.000")
    for reader in READERS:
        assert fold(stage.played.feed(reader)) == collections(stage.played.shown(reader)) != {}
