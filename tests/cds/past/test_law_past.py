"""The law of past moments: what is shown at a moment is the feed of that viewer, folded up to it.

With snapshots at other positions every time, for every role, at every token and between any two events.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.live_contest import LiveContest, stream_of
from cds.past import boards, snapshots
from cds.past.pasts import GroupUnseen, Pasts
from cds.past.snapshots import keep_snapshots
from cds.past.states import Moment
from cds.served_versions import EARLIER_VERSIONS
from eventstore.memory import MemoryStore
from projections.contest import ContestState
from projections.past_boards import BoardBeside
from projections.scoreboard import Board
from projections.served_versions import DRAFT, STRICT, ServedVersion
from projections.tokens import KEY_BYTES, TokenMaker
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import State
from schemas.viewers import Viewer
from tests.appended_changes import append_changes
from tests.builders import READERS, START, Played, Reader, put, small_contest
from tests.effort import examples
from tests.histories import History, histories
from tests.independent_fold import Collections, fold, notifications
from tests.projections.scoreboard_histories import history as scoreboard_history

CONTEST_ID = "contest"
STREAM = stream_of(CONTEST_ID)
TOKENS = TokenMaker(bytes(KEY_BYTES))
VERSIONS = (DRAFT, STRICT, *EARLIER_VERSIONS)
SPACINGS = st.sampled_from([1, 3, 7, 20, 1_000])


async def written(changes: Sequence[ObjectChange], spacing: int) -> tuple[MemoryStore, LiveContest, int]:
    """A log of these changes with a snapshot every so many events, the contest, and how many snapshots there are."""
    store = MemoryStore()
    await append_changes(store, STREAM, changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "SNAPSHOT_EVENTS", spacing)
        made = await keep_snapshots(store, STREAM, TOKENS)
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = contests.find(CONTEST_ID) or LiveContest(CONTEST_ID, store, TOKENS)
    await contest.catch_up()
    await contests.close()
    return store, contest, made


async def shown_at(
    pasts: Pasts, contest: LiveContest, moment: Moment, reader: Reader, version: ServedVersion
) -> Collections:
    """What is shown of every type, in the shape of a fold."""
    found: Collections = {}
    for name, row in OBJECT_TYPES.items():
        view = await pasts.collection(contest, moment, reader.role, version, name)
        members = [json.loads(data) for data in view.audience.collection(view.state, name, reader.team_id)]
        if members:
            found[name] = {None: members[0]} if row.singleton else {each["id"]: each for each in members}
    return found


def test_at_a_token_is_the_feed_up_to_its_line() -> None:
    reached: Counter[str] = Counter()

    @settings(deadline=None, max_examples=examples(25))
    @given(histories(), SPACINGS, st.data())
    def law(history: History, spacing: int, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(READERS))
        version = data.draw(st.sampled_from(VERSIONS))
        played = Played(history.changes, roles=(reader.role,), version=version)
        lines = played.feed(reader).splitlines(keepends=True)
        told = [notification for line in lines for notification in notifications(line)]
        places = [played.tokens.read(line["token"], played.view_name(reader), 0) for line in told]
        within = [number for number, (one, other) in enumerate(pairwise(places)) if one.position == other.position]
        numbers = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=8)) if lines else set()
        numbers |= data.draw(st.sets(st.sampled_from(within), max_size=4)) if within else set()

        async def check() -> None:
            store, contest, _ = await written(history.changes, spacing)
            pasts = Pasts(store, TOKENS)
            for number in sorted(numbers):
                line, place = told[number], places[number]
                moment = Moment(place.position, place.index)
                expected = fold(b"".join(lines[: number + 1]))
                assert await shown_at(pasts, contest, moment, reader, version) == expected
                viewer = Viewer(role=reader.role, team_id=reader.team_id)
                key = (line["type"], line["id"] or SINGLETON_ID)
                shown = await pasts.object(contest, moment, viewer, version, key)
                assert (None if shown is None else json.loads(shown)) == line["data"]
                reached["within an event"] += number in within

        asyncio.run(check())

    law()
    assert reached["within an event"]


@pytest.mark.parametrize("reader", READERS, ids=str)
async def test_within_an_event_that_hides_much_every_line_is_a_moment(reader: Reader) -> None:
    """The start is taken back, and with it go problems, submissions, judgements and runs, the last ones first."""
    changes = [*small_contest(), *put(State(started=START)), *put(State(started=None))]
    played = Played(changes, roles=(reader.role,))
    lines = played.feed(reader).splitlines(keepends=True)
    told = [notification for line in lines for notification in notifications(line)]
    places = [played.tokens.read(line["token"], played.view_name(reader), 0) for line in told]
    store, contest, _ = await written(changes, 20)
    pasts = Pasts(store, TOKENS)
    for number, place in enumerate(places):
        if place.position == len(changes):
            moment = Moment(place.position, place.index)
            assert await shown_at(pasts, contest, moment, reader, DRAFT) == fold(b"".join(lines[: number + 1]))
    gone = [
        line for line, place in zip(told, places, strict=True) if place.position == len(changes) and not line["data"]
    ]
    assert len(gone) > 5 or reader.role in ("judge", "staff", "admin")


@settings(deadline=None, max_examples=examples(25))
@given(histories(), SPACINGS, st.data())
def test_after_an_event_is_the_feed_up_to_it(history: History, spacing: int, data: st.DataObject) -> None:
    """Also where no line of the reader's feed tells of the event: the answer stays the same bytes."""
    reader = data.draw(st.sampled_from(READERS))
    positions = sorted(data.draw(st.sets(st.integers(1, len(history.changes)), min_size=1, max_size=6)))

    async def check() -> None:
        store, contest, _ = await written(history.changes, spacing)
        pasts = Pasts(store, TOKENS)
        for position in positions:
            played = Played(history.changes[:position], roles=(reader.role,))
            assert await shown_at(pasts, contest, Moment(position), reader, DRAFT) == fold(played.feed(reader))
            for name in OBJECT_TYPES:
                view = await pasts.collection(contest, Moment(position), reader.role, DRAFT, name)
                bodies = list(view.audience.collection(view.state, name, reader.team_id))
                assert bodies == list(played.audiences[reader.role].collection(played.state, name, reader.team_id))

    asyncio.run(check())


def test_boards_are_those_of_the_state_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: Counter[str] = Counter()

    class Counted(BoardBeside):
        """Tells that it was made."""

        def __init__(self, beside: Board, then: ContestState, state: ContestState) -> None:
            super().__init__(beside, then, state)
            reached["made from another"] += 1

    monkeypatch.setattr(boards, "BoardBeside", Counted)

    @settings(deadline=None, max_examples=examples(25))
    @given(st.integers(0, 2**32), st.integers(10, 60), st.sampled_from([5, 11, 1_000]), st.data())
    def law(seed: int, length: int, spacing: int, data: st.DataObject) -> None:
        changes = [ObjectChange(*event) for event in scoreboard_history(seed, length)]
        positions = data.draw(st.lists(st.integers(1, len(changes)), min_size=1, max_size=8))
        reader = data.draw(st.sampled_from(READERS))
        viewer = Viewer(role=reader.role, team_id=reader.team_id)
        frozen = data.draw(st.booleans())

        async def check() -> None:
            store, contest, made = await written(changes, spacing)
            reached["snapshots"] += made
            pasts = Pasts(store, TOKENS)
            for position in positions:
                state = ContestState()
                for at, change in enumerate(changes[:position], start=1):
                    state.apply(at, change.type, change.id, change.instance)
                board = Board(state, frozen=frozen or not SEES_LIVE_SCOREBOARD[reader.role])
                for group_id in (None, *state.objects["groups"], "no group"):
                    asked = pasts.scoreboard(contest, Moment(position), viewer, frozen=frozen, group_id=group_id)
                    if group_id is not None and group_id not in state.objects["groups"]:
                        with pytest.raises(GroupUnseen):
                            await asked
                        continue
                    visible = SEES_PROBLEMS_BEFORE_START[reader.role] or state.timeline.started
                    assert await asked == board.scoreboard(group_id, problems_visible=visible)
                    reached["boards"] += 1
                    contest_object = state.contest
                    reached["scored"] += contest_object is not None and contest_object.scoreboard_type == "score"

        asyncio.run(check())

    law()
    assert {name for name in ("snapshots", "boards", "scored", "made from another") if not reached[name]} == set()
