"""The laws of the fold, over random histories: what is known of a source rests on its stream alone."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cds.dialects.feed import FeedTranslator
from cds.upstream.addresses import upstream_address
from cds.upstream.decisions import decide_following
from cds.upstream.following import Following, Step
from cds.upstream.source_log import line_event, record_event
from eventstore.store import NewEvent
from projections.contest import ContestState
from schemas.objects import Clarification, ContestObject
from schemas.source_records import Anew, Ended, Level
from tests.cds.dialects.feeds import CONTEST, TYPICAL
from tests.cds.upstream.upstream import line, with_tokens
from tests.effort import DEAR
from tests.histories import History, histories

ADDRESS = upstream_address("http://127.0.0.1:9/api/contests/up")

State = dict[str, dict[str, ContestObject]]


def lines_of(history: History) -> list[bytes]:
    """A history as today's version tells it."""
    said = []
    for change in history.changes:
        data = None if change.instance is None else msgspec.to_builtins(change.instance)
        said.append(msgspec.json.encode({"type": change.type, "id": change.id or None, "data": data}))
    return with_tokens(said)


class Kept:
    """A stream of a source, folded by one who comes and goes, and the contest that is made of it."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.following = Following("c1", ADDRESS)
        self.contest = ContestState()
        self.shown: list[State] = []

    def take(self, *events: NewEvent, contest: bool = True) -> None:
        """Write events, and put what they come to into the contest, unless the process dies in between."""
        steps = []
        for event in events:
            self.events.append(event)
            step = self.following.take(len(self.events), event.type, event.data)
            steps += [] if step is None else [step]
        if contest:
            self.put(steps)

    def put(self, steps: Sequence[Step]) -> None:
        """Put steps into the contest, as the shell does."""
        decided = decide_following(self.contest, steps, self.following.wanted())
        assert not decided.refused
        for _, change in decided.changes:
            self.contest.apply(self.contest.position + 1, change.type, change.id, change.instance)
            self.shown.append(objects_of(self.contest))

    def restart(self, put_until: int) -> None:
        """Another process folds the stream from its beginning, and puts in what was not there yet."""
        self.following = Following("c1", ADDRESS)
        steps = [
            step
            for position, event in enumerate(self.events, 1)
            if (step := self.following.take(position, event.type, event.data)) is not None and position > put_until
        ]
        self.put([*steps, Step(self.following.position, [], aligns=True)])


def objects_of(state: ContestState) -> State:
    """Everything in it, without types of which there is nothing."""
    return {name: dict(objects) for name, objects in state.objects.items() if objects}


def imported(lines: Sequence[bytes]) -> State:
    """What importing the lines as a file gives."""
    has_types = any(b'"judgement-types"' in each for each in lines)
    translator = FeedTranslator(contest_id="c1", known_types_at_once=not has_types)
    for number, each in enumerate(lines, 1):
        translator.translate(number, msgspec.json.decode(each))
    translator.finish()
    return {name: dict(objects) for name, objects in translator.objects.items() if objects}


@DEAR
@given(history=histories(), data=st.data())
def test_following_comes_to_what_importing_the_same_lines_comes_to(history: History, data: st.DataObject) -> None:
    """Wherever the process dies, also between the two commits, and whatever is sent again."""
    lines, kept = lines_of(history), Kept()
    for number, each in enumerate(lines):
        dies = data.draw(st.booleans(), label="dies behind the first commit")
        kept.take(line_event(each), contest=not dies)
        if dies:
            kept.restart(put_until=len(kept.events) - 1)
        if data.draw(st.integers(0, 3), label="sends again") == 0:
            again = data.draw(st.integers(0, number), label="line")
            before = objects_of(kept.contest)
            assert kept.following.reading.knows(lines[again])
            kept.take(line_event(lines[again]))
            assert objects_of(kept.contest) == before
    kept.take(record_event(Level()))
    kept.take(record_event(Ended()))
    assert objects_of(kept.contest) == imported(lines)


@DEAR
@given(history=histories(), data=st.data())
def test_folding_again_gives_the_same(history: History, data: st.DataObject) -> None:
    """What waits, what is odd and under which number, and where to go on."""
    kept = Kept()
    for each in lines_of(history):
        odd = data.draw(
            st.sampled_from([None, b"not JSON", b'{"type":"nothing"}', b"[]", b'{"type":"teams","data":7}'])
        )
        kept.take(*([] if odd is None else [line_event(odd)]), line_event(each))
    again = Kept()
    for event in kept.events:
        again.take(event)
    one, other = kept.following, again.following
    assert objects_of(again.contest) == objects_of(kept.contest)
    assert list(one.oddities.last) == list(other.oddities.last)
    assert one.oddities.count == other.oddities.count
    assert (one.reading.resume, one.reading.waiting, one.lines) == (
        other.reading.resume,
        other.reading.waiting,
        other.lines,
    )


@DEAR
@given(history=histories(), cut=st.integers(0, 30))
def test_a_reading_anew_shows_nothing_until_it_is_level(history: History, cut: int) -> None:
    """And then only what really differs: nothing goes back on the way, and nothing comes and goes."""
    lines, kept = lines_of(history), Kept()
    kept.take(*(line_event(each) for each in lines))
    before, shown = objects_of(kept.contest), len(kept.shown)
    kept.take(record_event(Anew(reason="a test")))
    kept.take(*(line_event(each) for each in lines[: min(cut, len(lines))]))
    kept.restart(put_until=len(kept.events))
    kept.take(*(line_event(each) for each in lines[min(cut, len(lines)) :]))
    assert len(kept.shown) == shown
    kept.take(record_event(Level()))
    assert objects_of(kept.contest) == before
    assert kept.shown[shown:] == []


@DEAR
@given(history=histories(), other=histories())
def test_a_reading_anew_goes_straight_to_what_it_comes_to(history: History, other: History) -> None:
    """From what was there to what is there: no state in between is one that neither of both has."""
    kept = Kept()
    kept.take(*(line_event(each) for each in lines_of(history)))
    before, shown = objects_of(kept.contest), len(kept.shown)
    kept.take(record_event(Anew(reason="a test")))
    kept.take(*(line_event(each) for each in lines_of(other)))
    kept.take(record_event(Level()))
    after = objects_of(kept.contest)
    for state in kept.shown[shown:]:
        moments = state.get("state", {})
        assert moments in (before.get("state", {}), after.get("state", {}))
    assert after == objects_of(_fresh(other).contest)


def _fresh(history: History) -> Kept:
    kept = Kept()
    kept.take(*(line_event(each) for each in lines_of(history)), record_event(Level()))
    return kept


def _question(kept: Kept) -> Clarification:
    found = kept.contest.objects["clarifications"]["q2"]
    assert isinstance(found, Clarification)
    return found


def test_lines_before_the_contest_wait_for_it_one_by_one() -> None:
    """An odd one among them does not take the others with it."""
    kept = Kept()
    early = [line(name, data) for name, data in TYPICAL if name != "contest"]
    kept.take(*(line_event(each) for each in early), line_event(line("teams", {"id": "bad", "label": 7, "name": []})))
    assert kept.following.reading.waiting == len(early) + 1
    kept.take(line_event(line("contest", CONTEST)))
    assert kept.following.reading.waiting == 0
    assert objects_of(kept.contest) == imported([line("contest", CONTEST), *early])


def test_what_waits_stands_in_part_when_the_upstream_rests_and_is_completed_later() -> None:
    """A reply to a question that never came stands alone; when the question comes, it is a reply again."""
    clarification = {"text": "?", "time": "2024-01-01T10:20:00.000+01:00", "contest_time": "0:20:00.000"}
    kept = Kept()
    kept.take(line_event(line("contest", CONTEST)))
    kept.take(line_event(line("clarifications", {"id": "q2", "reply_to_id": "q1", **clarification})))
    assert "q2" not in kept.contest.objects["clarifications"]
    kept.take(record_event(Level()))
    assert _question(kept).reply_to_id is None
    kept.take(line_event(line("clarifications", {"id": "q1", **clarification})))
    assert _question(kept).reply_to_id == "q1"
