"""When the freeze begins for those behind it, also where a source never says so (roles.md, "pf" and the awards)."""

import pytest

from projections.audience import Audience
from projections.scoreboard import Board
from schemas.objects import Award, ContestObject, Judgement
from tests.builders import (
    READERS,
    START,
    Played,
    Reader,
    gone,
    judgement,
    moment,
    put,
    running,
    setup,
    shown_by,
    state,
    submission,
)
from tests.independent_fold import fold, notifications
from tests.projections.test_law_feeds import collections

PUBLIC = Reader("public")
LATE = Award(id="late", citation="late", team_ids=["t1"])
IN_THE_FREEZE = submission("s9", "t1", "a", "4:30:00.000")
AFTER_THE_END = submission("s9", "t1", "a", "5:00:00.000")


def before_the_freeze() -> list[ContestObject]:
    """What is in the small contest, less the submission of the freeze."""
    return [
        change.instance
        for change in (*setup(), *running())
        if change.instance is not None and change.id not in ("s3", "j3", "r3")
    ]


@pytest.mark.parametrize(
    ("sign", "hidden"),
    [
        (state(started=START, frozen=moment("4:00:00.000")), True),
        (state(started=START, ended=moment("5:00:00.000")), True),
        (IN_THE_FREEZE, True),
        (AFTER_THE_END, False),
        (state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000")), False),
        (
            state(
                started=START,
                ended=moment("5:00:00.000"),
                finalized=moment("5:30:00.000"),
                end_of_updates=moment("6:00:00.000"),
            ),
            False,
        ),
    ],
)
def test_awards_given_after_a_sign_of_the_freeze_wait_for_the_thaw(sign: ContestObject, hidden: bool) -> None:
    played = Played(put(*before_the_freeze(), sign, LATE))
    assert ("late" in played.shown(PUBLIC)["awards"]) is not hidden
    assert "late" in played.shown(Reader("judge"))["awards"]


def test_what_begins_the_freeze_by_being_moved_takes_its_judgements_along() -> None:
    """A submission behind the end that turns out to be another team's and in the freeze: so is its verdict, at once."""
    played = Played(put(*before_the_freeze(), AFTER_THE_END, judgement("j9", "s9", "AC", "5:00:01.000")))
    for moved in (submission("s9", "t2", "a", "4:30:00.000"), AFTER_THE_END, IN_THE_FREEZE):
        played.play(put(moved))
        for reader in READERS:
            late = Audience.of_state(reader.role, played.state)
            assert played.shown(reader) == shown_by(late, played.state, reader)
            assert fold(notifications(played.feed(reader))) == collections(played.shown(reader))


def test_a_deleted_submission_does_not_end_the_freeze() -> None:
    played = Played([*put(*before_the_freeze(), IN_THE_FREEZE), gone("submissions", "s9"), *put(LATE)])
    assert "late" not in played.shown(PUBLIC)["awards"]


def test_a_verdict_told_only_in_simplified_form_is_a_verdict() -> None:
    """JSON Format, "Judgements": a judgement is complete when one of its two types is there."""
    simplified = Judgement(
        id="j9",
        submission_id="s9",
        simplified_judgement_type_id="AC",
        start_time=moment("3:00:00.000"),
        end_time=moment("3:00:05.000"),
    )
    early = submission("s9", "t2", "a", "3:00:00.000")
    played = Played(put(*before_the_freeze(), early, simplified))
    assert b'"solved":true' in Board(played.state, frozen=False).scoreboard()
    board = Board(played.state, frozen=True).scoreboard()
    assert b'"team_id":"t2","score":{"num_solved":1' in board
