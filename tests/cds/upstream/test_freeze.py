"""Who says what is frozen in a followed contest: its source, at whatever pace its time passes."""

from collections.abc import Iterator

import msgspec
import pytest

from cds.live_contest import LiveContest
from eventstore.memory import MemoryStore
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from tests.cds.dialects.feeds import CONTEST, STATE, SUBMISSION, TEAM, TYPICAL
from tests.cds.fan_out.fake_feeds import TAG
from tests.cds.upstream.said import said_to, states_shown
from tests.cds.upstream.stage import QUICK, followed, options_for
from tests.cds.upstream.upstream import Upstream, line, serving, with_tokens

HOUR_MS = 3_600_000
SIXTY_TIMES = 60_000


def submitted(identifier: str, time: str, contest_time: str) -> list[bytes]:
    """A submission that was judged at once."""
    submission = {**SUBMISSION, "id": identifier, "time": time, "contest_time": contest_time}
    judgement = {"id": f"j{identifier}", "submission_id": identifier, "start_time": time, "judgement_type_id": "AC"}
    judgement |= {"start_contest_time": contest_time, "end_time": time, "end_contest_time": contest_time}
    return [line("submissions", submission), line("judgements", judgement)]


def frozen_after(minutes: int) -> bytes:
    """The state once the freeze has begun."""
    return line("state", {**STATE, "frozen": f"2024-01-01T10:{minutes:02}:00.000+01:00"})


BEGINNING = [
    *(
        line(name, {**data, "scoreboard_freeze_duration": "1:00:00.000"} if data is CONTEST else data)
        for name, data in TYPICAL
        if name != "submissions"
    ),
]
REPLAYED = [
    *BEGINNING,
    *submitted("before", "2024-01-01T10:03:00.000+01:00", "3:00:00.000"),
    frozen_after(4),
    *submitted("behind", "2024-01-01T10:04:30.000+01:00", "4:30:00.000"),
]
"""A contest of five hours that is played sixty times as fast."""


def shown(contest: LiveContest) -> set[str]:
    """The judgements that the public sees."""
    bodies = contest.audience("public").collection(contest.state, "judgements", None)
    return {msgspec.json.decode(body)["id"] for body in bodies}


async def test_the_freeze_of_a_replay_begins_where_it_began(memory_store: MemoryStore) -> None:
    """Not at the contest time that a moment would have at the ordinary pace; also after a restart."""
    upstream = Upstream(with_tokens(REPLAYED))
    upstream.pace = "60"
    async with serving(upstream):
        for _ in range(2):
            async with followed(memory_store, options_for(upstream)) as following:
                await following.until_taken(len(REPLAYED))
                await following.until(lambda: following.source.standing.state == "following")
                assert following.contest.state.timeline.pace_permille == SIXTY_TIMES
                assert following.contest.state.timeline.embargo_ms == 4 * HOUR_MS
                assert shown(following.contest) == {"jbefore"}
    assert (await said_to(memory_store)).count("x-paced") == 1
    assert (await memory_store.read("contest:c1", 0, 1))[0].type == "x-settings"


async def test_what_was_hidden_at_a_wrong_pace_is_shown_at_the_right_one(memory_store: MemoryStore) -> None:
    """An upstream that tells of its pace later: requests, the feed and the board follow."""
    upstream = Upstream(with_tokens(REPLAYED))
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(REPLAYED))
        assert not shown(following.contest)
        assert b'"num_solved":0' in following.contest.scoreboard("public", frozen=True, group_id=None)
        upstream.pace = "60"
        upstream.replace(upstream.lines)
        await following.until(lambda: following.contest.state.timeline.pace_permille == SIXTY_TIMES)
        assert shown(following.contest) == {"jbefore"}
        assert b'"num_solved":1' in following.contest.scoreboard("public", frozen=True, group_id=None)


async def test_a_freeze_by_hand_hides_what_was_submitted_behind_it(memory_store: MemoryStore) -> None:
    """Of a contest that really takes place, whatever freeze is configured."""
    lines = [
        *BEGINNING,
        *submitted("before", "2024-01-01T10:03:00.000+01:00", "0:03:00.000"),
        frozen_after(4),
        *submitted("behind", "2024-01-01T10:05:00.000+01:00", "0:05:00.000"),
    ]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        assert shown(following.contest) == {"jbefore"}


async def test_nothing_leaks_while_the_word_of_the_freeze_is_late(memory_store: MemoryStore) -> None:
    """And the state is never said by us: what the source does not say has not happened."""
    lines = [*BEGINNING, *submitted("behind", "2024-01-01T14:30:00.000+01:00", "4:30:00.000")]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        assert not shown(following.contest)
        upstream.say(line("state", {**STATE, "frozen": "2024-01-01T14:00:00.000+01:00"}))
        await following.until_taken(len(lines) + 1)
        assert not shown(following.contest)
        thawed = {"frozen": "2024-01-01T14:00:00.000+01:00", "ended": "2024-01-01T15:00:00.000+01:00"}
        upstream.say(line("state", {**STATE, **thawed, "thawed": "2024-01-01T15:30:00.000+01:00"}))
        await following.until_taken(len(lines) + 2)
        assert shown(following.contest) == {"jbehind"}
    assert [each.frozen is not None for each in await states_shown(memory_store)] == [False, True, True]


async def test_a_replay_that_begins_anew_at_another_pace_is_followed_at_that(memory_store: MemoryStore) -> None:
    """The pace is part of the reading: it counts when that is level."""
    upstream = Upstream(with_tokens(REPLAYED))
    upstream.pace = "60"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(REPLAYED))
        upstream.pace = "1.5"
        upstream.replace(
            [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(BEGINNING)]
        )
        await following.until(lambda: following.contest.state.timeline.pace_permille == 1_500)
        assert not following.contest.state.objects["submissions"]


TAKEN_PLACE = with_tokens(
    [
        *BEGINNING,
        line("state", {**STATE, "frozen": "2024-01-01T10:30:00.000+01:00"}),
        *submitted("real", "2024-01-01T10:40:00.000+01:00", "0:40:00.000"),
    ]
)
"""A contest that really takes place, frozen by hand when it was half an hour old."""


def shown_ever(contest: LiveContest) -> set[str]:
    """The judgements that the public has ever been told of, whatever has become of them."""
    lines = contest.audience("public").lines
    assert lines is not None
    data = b"".join(pieces_of(lines))
    told = [msgspec.json.decode(each) for each in data.splitlines()]
    return {each["id"] for each in told if each["type"] == "judgements"}


def pieces_of(lines: FeedLines) -> Iterator[bytes]:
    """All that a reader gets from the start."""
    after = 0
    while (chunk := lines.after(after, TAG, ALL_TYPES_MASK, None)) is not None:
        yield chunk.data
        after = chunk.sequence


@pytest.mark.parametrize("way", ["its log goes on", "its log is another one"])
async def test_a_rehearsal_behind_a_contest_shows_nothing_of_that(memory_store: MemoryStore, way: str) -> None:
    """At the pace of the rehearsal the freeze would seem to have been later than it was: not while anything is left."""
    upstream = Upstream(TAKEN_PLACE)
    patience = msgspec.structs.replace(QUICK, quiet_s=1.0)
    async with serving(upstream), followed(memory_store, options_for(upstream, patience=patience)) as following:
        await following.until_taken(len(TAKEN_PLACE))
        assert not shown_ever(following.contest)
        upstream.pace = "60"
        if way == "its log goes on":
            gone = [line("judgements", None, identifier="jreal"), line("submissions", None, identifier="real")]
            # It says that all is to be another contest before the first is gone.
            upstream.pauses_at, upstream.pause_s = len(TAKEN_PLACE) + 1, 0.2
            upstream.replace([*TAKEN_PLACE, *with_tokens([line("teams", TEAM), *gone, *REPLAYED], "n")])
        else:
            upstream.replace(with_tokens(REPLAYED, "n"))
        await following.until(lambda: following.contest.state.timeline.pace_permille == SIXTY_TIMES)
        await following.until(lambda: shown(following.contest) == {"jbefore"})
        assert shown_ever(following.contest) == {"jbefore"}


async def test_a_contest_behind_a_rehearsal_is_frozen_at_its_own_pace(memory_store: MemoryStore) -> None:
    """The other way round: what the head of the next answer says counts before its first line."""
    upstream = Upstream(with_tokens(REPLAYED, "n"))
    upstream.pace = "60"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(REPLAYED))
        upstream.pace = None
        upstream.replace([*upstream.lines, *TAKEN_PLACE])
        await following.until_taken(len(REPLAYED) + len(TAKEN_PLACE))
        assert following.contest.state.timeline.pace_permille == 1_000
        assert shown_ever(following.contest) <= {"jbefore"}


@pytest.mark.parametrize("told", ["0", "-1", "nan", "fast", "1e99", "0.0001", ""])
async def test_a_pace_that_is_none_is_the_ordinary_one(memory_store: MemoryStore, told: str) -> None:
    """Nothing an upstream says there may do harm."""
    upstream = Upstream(BEGINNING)
    upstream.pace = told
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(BEGINNING))
        assert following.contest.state.timeline.pace_permille == 1_000
