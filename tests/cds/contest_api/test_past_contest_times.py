"""Contest times of contests that were not recorded as they happened: played ahead of the clock, or read in later."""

from collections.abc import Sequence

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.live_contest import stream_of
from schemas.objects import Contest, ContestObject, Judgement, JudgementType, Language, Problem, Submission, Team
from schemas.times import format_relative_time
from tests.appended_changes import append_changes
from tests.builders import put, state
from tests.cds.contest_api.live_contest_setup import MADE_MS, RUNNING, START, Play, moment
from tests.cds.contest_api.serving import Json
from tests.cds.contest_api.test_past import refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTEST_ID = "apart"
MINUTE_MS = 60_000
AT_ONCE_MS, YEARS_LATER_MS = MADE_MS + 5_000, MADE_MS + 3 * 365 * 86_400_000
"""When everything was recorded: before any of it happened, and long after."""

CONTEST = Contest(
    id=CONTEST_ID,
    name="Apart",
    start_time=START,
    duration="5:00:00.000",
    scoreboard_freeze_duration="1:00:00.000",
    scoreboard_type="pass-fail",
)
SETTING: Sequence[ContestObject] = (
    CONTEST,
    Language(id="cpp", name="C++", entry_point_required=False, extensions=["cc"]),
    JudgementType(id="AC", name="Accepted", solved=True, penalty=False),
    Problem(id="p", label="P", name="P", ordinal=0, test_data_count=1),
    Team(id="t1", name="One", label="1"),
)


def submission(number: int, minutes: float) -> Submission:
    return Submission(
        id=f"s{number}",
        language_id="cpp",
        problem_id="p",
        team_id="t1",
        time=moment(minutes),
        contest_time=format_relative_time(round(minutes * MINUTE_MS)),
    )


def judgement(number: int, minutes: float) -> Judgement:
    began, ended = moment(minutes), moment(minutes + 1)
    return Judgement(
        id=f"j{number}", submission_id=f"s{number}", judgement_type_id="AC", start_time=began, end_time=ended
    )


HAPPENED: Sequence[ContestObject] = (
    state(started=moment(0)),
    submission(1, 60),
    judgement(1, 61),
    submission(2, 120),
    judgement(2, 121),
    state(started=moment(0), ended=moment(300)),
)


async def write(play: Play, recorded_ms: int, instances: Sequence[ContestObject], contest_id: str = CONTEST_ID) -> None:
    """Write all that happened at one moment."""
    service, others = play.server.server.service, SETTING[1:]
    contest = msgspec.structs.replace(CONTEST, id=contest_id)
    await append_changes(
        service.store,
        stream_of(contest_id),
        put(contest, *others, *instances),
        recorded_at_us=recorded_ms * 1_000,
        batch_id=play.clock.batch_id(),
    )
    play.clock.now_ms = max(play.clock.now_ms, recorded_ms)
    await service.contests.opened(contest_id)


async def told(play: Play, path: str, contest_time: str) -> Json:
    return await play.caller("root").json(f"contests/{CONTEST_ID}/{path}?at={contest_time}")


async def ids(play: Play, path: str, contest_time: str) -> list[str]:
    return [each["id"] for each in await told(play, path, contest_time)]


@pytest.mark.parametrize("recorded_ms", [AT_ONCE_MS, YEARS_LATER_MS])
async def test_they_count_by_what_the_log_says(waiting: Play, recorded_ms: int) -> None:
    await write(waiting, recorded_ms, HAPPENED)
    for contest_time, submissions, judgements in (
        ("-0:00:01", [], []),
        ("0:59:59.999", [], []),
        ("1:00:00", ["s1"], []),
        ("1:02:00", ["s1"], ["j1"]),
        ("1:59:59", ["s1"], ["j1"]),
        ("2:00:00", ["s1", "s2"], ["j1"]),
        ("5:00:00", ["s1", "s2"], ["j1", "j2"]),
    ):
        assert await ids(waiting, "submissions", contest_time) == submissions, contest_time
        assert await ids(waiting, "judgements", contest_time) == judgements, contest_time
    assert (await told(waiting, "state", "4:59:59"))["ended"] is None
    assert (await told(waiting, "state", "5:00:00"))["ended"] is not None
    assert (await told(waiting, "scoreboard", "1:30:00"))["contest_time"] == "1:02:00.000"


async def test_what_is_played_ahead_has_come_as_far_as_it_says(waiting: Play) -> None:
    await write(waiting, AT_ONCE_MS, HAPPENED)
    caller = waiting.caller("public")
    await refused(caller, f"contests/{CONTEST_ID}/teams?at=5:00:01", "still to come")
    await refused(caller, f"contests/{CONTEST_ID}/teams?at={moment(60)}", "still to come")


async def test_whoever_is_not_shown_verdicts_does_not_find_out_when_they_came(waiting: Play) -> None:
    """Of contests that differ in when hidden judgements end, those behind the freeze are told the same.

    And in when a judge handed in something.
    """
    found = []
    for number, ended in enumerate((271, 290, 299)):
        hidden = msgspec.structs.replace(submission(3, ended), team_id=None)
        verdicts = judgement(1, ended - 1), judgement(2, 280 + number * 5)
        happened = submission(1, 270), verdicts[0], hidden, submission(2, 280), verdicts[1]
        await write(waiting, AT_ONCE_MS, (state(started=moment(0)), *happened), f"{CONTEST_ID}-{number}")
        answers = []
        for contest_time in ("4:30:00", "4:31:00", "4:38:59", "4:39:30", "4:40:00", "4:40:30", "4:50:00", "4:59:30"):
            for who in ("public", "root"):
                path = f"contests/{CONTEST_ID}-{number}/submissions?at={contest_time}"
                answers.append((who, (await waiting.caller(who).get(path)).body))
        found.append(answers)
    public = [[body for who, body in answers if who == "public"] for answers in found]
    assert public[0] == public[1] == public[2]
    assert len(set(public[0])) > 2
    assert found[0] != found[1]


@pytest.mark.parametrize("thawed", [None, moment(310)])
async def test_for_the_public_verdicts_count_that_no_freeze_hides(waiting: Play, thawed: str | None) -> None:
    """Those of the freeze never do, or the same moment would be another one before a thaw and after it."""
    happened = (state(started=moment(0)), submission(1, 60), judgement(1, 65), submission(2, 62))
    frozen = (submission(3, 245), judgement(3, 255), submission(4, 250), state(started=moment(0), thawed=thawed))
    await write(waiting, AT_ONCE_MS, (*happened, *frozen))
    for contest_time, public, root in (
        ("1:02:00", ["s1"], ["s1"]),
        ("1:06:00", ["s1", "s2"], ["s1", "s2"]),
        ("4:10:00", ["s1", "s2", "s3", "s4"], ["s1", "s2", "s3"]),
    ):
        path = f"contests/{CONTEST_ID}/submissions?at={contest_time}"
        for who, expected in (("public", public), ("root", root)):
            assert [each["id"] for each in await waiting.caller(who).json(path)] == expected, (who, contest_time)


async def test_what_was_read_in_later_is_over_at_any_later_time(waiting: Play) -> None:
    await write(waiting, YEARS_LATER_MS, HAPPENED)
    assert await ids(waiting, "judgements", "20:00:00") == ["j1", "j2"]


async def test_in_the_order_of_types_there_is_no_past_but_behind_tokens(waiting: Play) -> None:
    """As a package is imported: what the log had come to was never what the contest had."""
    await write(waiting, YEARS_LATER_MS, sorted(HAPPENED, key=lambda each: type(each).__name__ != "State"))
    message = await refused(waiting.caller("public"), f"contests/{CONTEST_ID}/teams?at=1:00:00", "nothing was known")
    assert "imported" in message


async def append(play: Play, changes: Sequence[ObjectChange]) -> None:
    """Write more, at the same moment."""
    service = play.server.server.service
    head = await append_changes(
        service.store,
        stream_of(CONTEST_ID),
        changes,
        recorded_at_us=AT_ONCE_MS * 1_000,
        batch_id=play.clock.batch_id(),
    )
    await play.server.level_with(CONTEST_ID, head.position)


async def test_what_comes_later_is_taken_in(waiting: Play) -> None:
    """The log is read on, not read again."""
    await write(waiting, AT_ONCE_MS, HAPPENED[:3])
    assert await ids(waiting, "submissions", "1:00:00") == ["s1"]
    await append(waiting, put(*HAPPENED[3:]))
    assert await ids(waiting, "submissions", "1:59:59") == ["s1"]
    assert await ids(waiting, "submissions", "2:00:00") == ["s1", "s2"]


TAKEN_BACK = (
    [ObjectChange("judgements", "j2", None), ObjectChange("submissions", "s2", None)],
    put(msgspec.structs.replace(CONTEST, duration="1:30:00.000")),
    put(state()),
)


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize("taken_back", TAKEN_BACK, ids=["deleted", "shortened", "not started"])
async def test_a_moment_stays_the_same_whatever_is_taken_back(
    waiting: Play, taken_back: Sequence[ObjectChange], *, asked_before: bool
) -> None:
    """Whether somebody asked before or only later, and so of another server."""
    await write(waiting, AT_ONCE_MS, HAPPENED)
    if asked_before:
        await waiting.caller("public").json(f"contests/{CONTEST_ID}/submissions?at=1:30:00")
    await append(waiting, taken_back)
    for who in ("public", "root"):
        for contest_time, expected in (("0:30:00", []), ("1:30:00", ["s1"]), ("2:30:00", ["s1", "s2"])):
            path = f"contests/{CONTEST_ID}/submissions?at={contest_time}"
            assert [each["id"] for each in await waiting.caller(who).json(path)] == expected, (who, contest_time)


async def test_what_is_shown_only_later_is_not_shown_too_early(waiting: Play) -> None:
    """Before the start is told of, nobody is shown what was submitted; then all of it has come."""
    started, *_, ended = HAPPENED
    await write(waiting, AT_ONCE_MS, [submission(1, 60), submission(2, 120), judgement(2, 121), started, ended])
    caller = waiting.caller("public")
    for contest_time, expected in (("1:30:00", []), ("3:00:00", ["s1", "s2"])):
        path = f"contests/{CONTEST_ID}/submissions?at={contest_time}"
        assert [each["id"] for each in await caller.json(path)] == expected, contest_time


async def test_a_contest_that_was_recorded_as_it_happened_goes_by_that(live: Play) -> None:
    """So what has no times of its own is told of as it was, too."""
    first = await live.submitted()
    await live.at(RUNNING + 5)
    await live.patch("root", "teams/t3", {"id": "t3", "name": "Another"})
    await live.at(RUNNING + 10)
    second = await live.submitted()
    for contest_time, submissions, name in (
        ("0:59:59", [], "Gamma"),
        ("1:04:59", [first], "Gamma"),
        ("1:05:00", [first], "Another"),
        ("1:10:00", [first, second], "Another"),
    ):
        found = await live.get("judge", f"submissions?at={contest_time}")
        assert [each["id"] for each in found] == submissions, contest_time
        assert (await live.get("public", f"teams/t3?at={contest_time}"))["name"] == name, contest_time
