"""The pace at which a contest goes on may be learnt late: then everything that rests on it looks as it ought to."""

import pytest

from cds.commands.decision import ObjectChange
from cds.served_versions import EARLIER_VERSIONS
from projections.scoreboard import Board
from projections.served_versions import DRAFT, ServedVersion
from projections.versioned_audience import audience_of_state
from schemas.object_types import SINGLETON_ID
from schemas.records import Settings
from tests.builders import (
    READERS,
    START,
    Played,
    Reader,
    moment,
    put,
    setup,
    shown_by,
    small_contest,
    state,
    submission,
)
from tests.independent_fold import fold, notifications
from tests.projections.test_law_feeds import collections

FROZEN_EARLY = state(started=START, frozen=moment("0:02:00.000"))
TWICE = Settings(source_pace_permille=2_000)
ORDINARY = Settings()


def settings(record: Settings) -> ObjectChange:
    """The settings are this from here on."""
    return ObjectChange("x-settings", SINGLETON_ID, record)


@pytest.mark.parametrize("version", [DRAFT, *EARLIER_VERSIONS], ids=lambda version: version.name)
def test_every_feed_and_board_follows_the_pace(version: ServedVersion) -> None:
    """Whenever it changes, before the freeze and in it."""
    changes = [*small_contest(), *put(FROZEN_EARLY, submission("s8", "t1", "a", "0:03:00.000"))]
    for place in range(0, len(changes), 5):
        played = Played(version=version)
        boards = {frozen: Board(played.state, frozen=frozen) for frozen in (True, False)}
        for change in [*changes[:place], settings(TWICE), *changes[place:], settings(ORDINARY), settings(TWICE)]:
            played.play([change])
            for board in boards.values():
                board.note((change.type, change.id))
                board.scoreboard()
            if change.type == "x-settings":
                for reader in READERS:
                    assert collections(played.shown(reader)) == fold(notifications(played.feed(reader)))
                    late = audience_of_state(reader.role, version, played.state)
                    assert played.shown(reader) == shown_by(late, played.state, reader)
                for frozen, board in boards.items():
                    assert board.scoreboard() == Board(played.state, frozen=frozen).scoreboard()


def test_a_freeze_by_hand_is_at_the_contest_time_that_its_pace_makes_of_it() -> None:
    """At twice the pace, two minutes after the start are four minutes of contest time."""
    shown = {}
    for record in (ORDINARY, TWICE):
        played = Played([*setup(), *put(FROZEN_EARLY)])
        played.play([settings(record)])
        shown[record.pace_permille] = played.state.timeline.embargo_ms
        assert played.shown(Reader("public"))
    assert shown == {1_000: 120_000, 2_000: 240_000}
