"""Law 3 on the wire: verdicts behind the freeze change not one byte that the public or another team gets, until thaw.

Compared are status, headers and bodies of everything there is to ask for, of what outsiders write, and feeds.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random

import msgspec

from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.viewers import Viewer
from tests.builders import moment
from tests.cds.contest_api.two_servers import OUTSIDERS, PATH, START, Pair, seen, two_sides
from tests.command_stage import ADMIN, JUDGE, STAFF, TEAMS, Command, at
from tests.effort import CHOSEN_EXAMPLES, PROFILE_EXAMPLES_MAX
from tests.projections.test_law_embargo_with_writes import commands_of_a_pair

STEPS = 24
IS_WHOLE = CHOSEN_EXAMPLES > PROFILE_EXAMPLES_MAX
SEEDS = tuple(range(20)) if IS_WHOLE else (1, 3)
"""Both together come to every one of SITUATIONS; `make laws` tries more."""

ASKED_AFTER = (3, 6, 9)
"""The verdict, the rejudgement and the end of what is scripted; everything is asked after each."""

UNTIL_EVERYTHING_IS_ASKED = 6 if IS_WHOLE else 13
"""Commands after which all there is to ask for is compared, as it is in the end; feeds are after each."""


def scripted() -> Sequence[Command]:
    """A freeze in which t1 wins on one side and not on the other, with a rejudgement, runs and the end."""
    submitted = {"problem_id": "b", "language_id": "cpp"}
    judged = {"submission_id": "1", "start_time": moment("4:10:01.000")}
    asked: list[tuple[str, Command]] = [
        ("4:10:00.000", Command(kind="submit", now_ms=0, viewer=TEAMS[0], path="submissions", body=dict(submitted))),
        ("4:10:01.000", Command(kind="judge", now_ms=0, viewer=JUDGE, path="judgements", body=dict(judged))),
        ("4:11:00.000", _of_the_judge("run_test", "runs", {"judgement_id": "fresh-1", "ordinal": 1}, "AC", "WA")),
        ("4:11:01.000", _of_the_judge("settle", "judgements", {}, "AC", "WA", "fresh-1")),
        ("4:12:00.000", Command(kind="submit", now_ms=0, viewer=TEAMS[1], path="submissions", body=dict(submitted))),
        ("4:12:30.000", Command(kind="ask", now_ms=0, viewer=TEAMS[1], path="clarifications", body={"text": "Why?"})),
        ("4:13:00.000", _of_the_judge("judge", "judgements", dict(judged), "WA", "AC")),
        ("4:14:00.000", Command(kind="answer", now_ms=0, viewer=JUDGE, path="clarifications", body={"text": "So."})),
        ("5:10:00.000", Command(kind="submit", now_ms=0, viewer=TEAMS[1], path="submissions", body=dict(submitted))),
        ("5:11:00.000", Command(kind="comment", now_ms=0, viewer=STAFF, path="commentary", body={"message": "Over."})),
    ]
    return [
        msgspec.structs.replace(each, now_ms=at(contest_time), fresh_id=f"fresh-{number}")
        for number, (contest_time, each) in enumerate(asked)
    ]


def _of_the_judge(kind: str, path: str, body: dict[str, object], one: str, other: str, id: str = "") -> Command:
    """A verdict that is another one on the other side."""
    body = {**body, "time": moment("4:10:30.000")} if path == "runs" else body
    return Command(
        kind=kind,
        now_ms=0,
        viewer=JUDGE,
        method="PATCH" if id else "POST",
        path=path,
        id=id,
        body={**body, "judgement_type_id": one},
        other_body={**body, "judgement_type_id": other},
    )


async def test_a_freeze_in_which_the_winner_changes_looks_the_same_from_outside(postgres_dsn_template: str) -> None:
    """Feeds after every request, all else now and then, open feeds in the end; after thaw the winners are others."""
    async with two_sides(postgres_dsn_template) as pair, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(each.caller(viewer).stream(f"{PATH}/event-feed"))
            for viewer in (Viewer(role="public"), TEAMS[2])
            for each in (pair.one, pair.other)
        ]
        for number, command in enumerate(scripted()):
            await pair.perform(command)
            assert pair.hidden
            await pair.compare_feeds()
            if number in ASKED_AFTER:
                await pair.compare_everything()
        assert pair.reached.keys() >= {"other verdicts", "other awards", "an outsider wrote", "an outsider was refused"}
        length = len(await pair.one.caller(Viewer(role="public")).lines(f"{PATH}/event-feed"))
        of_teams = len(await pair.one.caller(TEAMS[2]).lines(f"{PATH}/event-feed"))
        heard = [
            await stream.until(count)
            for stream, count in zip(streams, (length, length, of_teams, of_teams), strict=True)
        ]
        for one, other in (heard[:2], heard[2:]):
            assert [each | {"token": len(each["token"])} for each in one] == [
                each | {"token": len(each["token"])} for each in other
            ]
        await thaw(pair)
        for path in ("judgements", "scoreboard", "awards", "event-feed?stream=false"):
            answers = await pair.both("GET", Viewer(role="public"), f"{PATH}/{path}")
            assert answers[0].body != answers[1].body, path


async def thaw(pair: Pair) -> None:
    """The end of the embargo."""
    command = Command(kind="end", now_ms=at("9:00:00.000"), viewer=ADMIN, method="PATCH", path="state")
    await pair.perform(msgspec.structs.replace(command, body={"thawed": "now"}))
    assert all(each.state.state is not None and each.state.state.thawed for each in (pair.one, pair.other))


async def test_a_request_that_comes_again_is_answered_alike(postgres_dsn_template: str) -> None:
    """An Idempotency-Key gives the present object back, and nothing of what happened behind the freeze."""
    async with two_sides(postgres_dsn_template) as pair:
        submit, _, _, settle, *_ = scripted()
        submitted = msgspec.structs.replace(submit, viewer=TEAMS[1])
        key = {"Idempotency-Key": "once"}
        for command in scripted()[:4]:
            await pair.perform(command)
        assert settle.other_body is not None
        for other_body in (submitted.body, submitted.body, {**submitted.body, "problem_id": "a"}):
            asked = msgspec.structs.replace(submitted, body=dict(other_body), fresh_id="fresh-9")
            answers = [await each.ask(asked, headers=key) for each in (pair.one, pair.other)]
            assert seen(answers[0]) == seen(answers[1])
            pair.reached[str(answers[0].status)] += 1
        assert pair.reached["201"] == 2
        assert pair.reached["422"] == 1
        assert [each for each in pair.one.state.objects["submissions"] if each.isdecimal()] == ["1", "2"]


SITUATIONS = ("other verdicts", "other awards", "other positions", "an outsider wrote", "an outsider was refused")


async def test_random_freezes_look_the_same_from_outside(postgres_dsn_template: str) -> None:
    """Commands of everybody, some of them on one side alone; nothing is told until something is released."""
    reached: Counter[str] = Counter()
    for seed in SEEDS:
        async with two_sides(postgres_dsn_template) as pair:
            await play(pair, commands_of_a_pair(Random(seed).choice, START, STEPS))
            reached += pair.reached
    assert [situation for situation in SITUATIONS if not reached[situation]] == []


async def play(pair: Pair, commands: Sequence[Command]) -> None:
    """Give commands and compare, until a verdict is released that may differ."""
    for number, command in enumerate(commands):
        await pair.perform(command)
        if not pair.hidden:
            return
        await pair.compare_feeds()
        if number % UNTIL_EVERYTHING_IS_ASKED == UNTIL_EVERYTHING_IS_ASKED - 1:
            await pair.compare_everything()
    await pair.compare_everything()


async def test_roles_that_are_compared_are_those_behind_the_freeze() -> None:
    """So none is forgotten."""
    assert {viewer.role for viewer in OUTSIDERS} == {role for role, live in SEES_LIVE_SCOREBOARD.items() if not live}
