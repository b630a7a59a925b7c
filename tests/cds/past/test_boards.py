"""Past boards in cases that histories by chance seldom come to: what scores rest on has changed since, and the like."""

from collections.abc import Sequence

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.live_contest import LiveContest, stream_of
from cds.past import snapshots
from cds.past.pasts import Pasts
from cds.past.snapshots import keep_snapshots
from cds.past.states import Moment
from eventstore.memory import MemoryStore
from projections.contest import SETTINGS, ContestState
from projections.scoreboard import Board
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import SINGLETON_ID
from schemas.objects import Run
from schemas.records import Settings
from schemas.viewers import Viewer
from tests.appended_changes import append_changes
from tests.projections.scoreboard_builders import (
    START,
    contest,
    judgement,
    judgement_types,
    problem,
    state,
    submission,
    team,
)
from tests.projections.scoreboard_histories import history

TOKENS = TokenMaker(bytes(KEY_BYTES))
STAFF = Viewer(role="staff")
SPACING = 15
SEEDS = range(6)


@pytest.fixture(autouse=True)
def close_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot every few events."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", SPACING)


def story(seed: int) -> list[ObjectChange]:
    """What happens in some contest."""
    return [ObjectChange(*event) for event in history(seed, 30)]


async def logged(store: MemoryStore, contest_id: str, changes: Sequence[ObjectChange]) -> LiveContest:
    """A contest of these changes in a store, with its snapshots."""
    await append_changes(store, stream_of(contest_id), changes)
    assert await keep_snapshots(store, stream_of(contest_id), TOKENS)
    live = LiveContest(contest_id, store, TOKENS)
    await live.catch_up()
    return live


def expected(changes: Sequence[ObjectChange], position: int) -> bytes:
    """The board of a state that is made from its beginning."""
    state = ContestState()
    for at, change in enumerate(changes[:position], start=1):
        state.apply(at, change.type, change.id, change.instance)
    return Board(state, frozen=False).scoreboard(None, problems_visible=True)


async def shown(pasts: Pasts, live: LiveContest, position: int) -> bytes:
    return await pasts.scoreboard(live, Moment(position), STAFF, frozen=False, group_id=None)


async def test_a_contest_that_had_scores_is_shown_with_them() -> None:
    """Also when it has none now, so that nobody would think of its runs."""
    run = Run(id="r1", judgement_id="j1", ordinal=1, judgement_type_id="AC", time=START, score=40)
    events = [
        contest("score"),
        *judgement_types(),
        *(team(f"t{number}") for number in range(SPACING)),
        problem("p", max_score=100),
        state(started=START),
        submission("s1", "t1", "p", "0:10:00.000"),
        judgement("j1", "s1", "AC"),
        ("runs", "r1", run),
        contest("pass-fail"),
    ]
    changes, store = [ObjectChange(*event) for event in events], MemoryStore()
    live, pasts = await logged(store, "scored", changes), Pasts(store, TOKENS)
    for position in range(len(changes) - 3, len(changes) + 1):
        assert await shown(pasts, live, position) == expected(changes, position), position
    assert b'"score":40' in expected(changes, len(changes) - 1)


async def test_settings_count_from_where_they_stand() -> None:
    """The pace says which contest time it is."""
    store = MemoryStore()
    paced = ObjectChange(SETTINGS, SINGLETON_ID, Settings(source_pace_permille=60_000))
    changes = [*story(1), paced]
    live, pasts = await logged(store, "paced", changes), Pasts(store, TOKENS)
    boards = [await shown(pasts, live, position) for position in (len(changes) - 1, len(changes))]
    assert boards == [expected(changes, len(changes) - 1), expected(changes, len(changes))]
    times = [msgspec.json.decode(board)["contest_time"] for board in boards]
    assert times[0] != times[1]


async def test_boards_of_one_contest_say_nothing_of_another() -> None:
    store = MemoryStore()
    stories = {f"contest-{seed}": story(seed) for seed in SEEDS}
    lives = {contest_id: await logged(store, contest_id, changes) for contest_id, changes in stories.items()}
    pasts = Pasts(store, TOKENS)
    for position in (SPACING + 2, 2 * SPACING + 3, SPACING + 5):
        for contest_id, changes in stories.items():
            assert await shown(pasts, lives[contest_id], position) == expected(changes, position), contest_id
