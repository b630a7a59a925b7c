"""Laws of the deep import over made-up contests that the platform changes again and again (pure).

Importing twice adds nothing; no step leaves a dangling reference; what stands is what the platform said last; and in
contests of the type ICPC our board is the platform's.
"""

import copy
import json
from random import Random
from typing import cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.commands.synced_departures import GONE_AT_ONCE_MAX
from cds.commands.synced_results import decide_results
from cds.platforms.adapters.codeforces_results import ContestResults
from cds.platforms.deep_import import platform_results
from projections.integrity import dangling
from projections.scoreboard import Board
from schemas.aggregates import Scoreboard
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import Account, ContestObject, Judgement, Submission, Team
from schemas.times import parse_relative_time_ms
from tests.cds.platforms.adapters.conversations import NOW_MS
from tests.cds.platforms.contest_with_records import ContestWithRecords
from tests.platform_servers.codeforces import Results
from tests.platform_servers.results import Rule, codeforces_results
from tests.platform_servers.server import Row

NUMBER = 1234
VERDICTS = ("OK", "WRONG_ANSWER", "CHALLENGED", "SKIPPED", "TESTING", None)
SEEDS = st.integers(0, 2**32)


def gathered(said: Results) -> ContestResults:
    """What these answers come to."""
    results = ContestResults(json.dumps(said.standings).encode(), NUMBER, NOW_MS)
    results.take([msgspec.Raw(json.dumps(row).encode()) for row in said.submissions])
    results.check()
    return results


def imported(state: ContestWithRecords, said: Results, now_ms: int) -> int:
    """Import, looking at every step; how many there were."""
    changes = decide_results(state, platform_results(gathered(said)), state.known, now_ms).changes
    for change in changes:
        if change.instance is not None and change.type in OBJECT_TYPES:
            assert [*dangling(state.objects, OBJECT_TYPES[change.type], change.instance)] == []
        else:
            assert [*state.referrers.of((change.type, change.id))] == []
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return len(changes)


def changed(said: Results, dice: Random) -> Results:
    """The platform judges anew, disqualifies, and learns of submissions that it did not have."""
    submissions = [dict(row) for row in said.submissions]
    for row in dice.sample(submissions, min(4, len(submissions))):
        row["verdict"] = dice.choice(VERDICTS)
    authors = [cast("Row", row["author"])["participantId"] for row in submissions]
    few = [author for author in authors if authors.count(author) <= GONE_AT_ONCE_MAX]
    out = dice.choice(few) if few and dice.random() < 0.3 else None
    kept = [row for row in submissions if cast("Row", row["author"])["participantId"] != out]
    rows = [
        row for row in cast("list[Row]", said.standings["rows"]) if cast("Row", row["party"])["participantId"] != out
    ]
    return Results(standings={**said.standings, "rows": [*rows]}, submissions=kept or submissions)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_whatever_the_platform_does_the_contest_follows_and_importing_twice_adds_nothing(seed: int) -> None:
    dice, state = Random(seed), ContestWithRecords()
    whole = codeforces_results(NUMBER, parties=6, problems=3, submissions=20, seed=seed)
    said = Results(standings=whole.standings, submissions=whole.submissions[dice.randrange(15) :])
    for step in range(5):
        now_ms = NOW_MS + step * 60_000
        imported(state, said, now_ms)
        assert imported(state, said, now_ms + 1) == 0
        stands_as_said(state, gathered(said))
        said = changed(whole if dice.random() < 0.3 else said, dice)


def broken(said: Results, dice: Random) -> Results:
    """Some rows make no sense."""
    rows = [copy.deepcopy(row) for row in cast("list[Row]", said.standings["rows"])]
    submissions = [dict(row) for row in said.submissions]
    for row in dice.sample(rows, dice.randrange(2)):
        row["rank"] = "first"
    for row in dice.sample(submissions, min(dice.randrange(4), len(submissions) - 1)):
        row["verdict"] = "SPLENDID"
    return Results(standings={**said.standings, "rows": [*rows]}, submissions=submissions)


def made_here(state: ContestWithRecords, dice: Random) -> dict[tuple[str, str], ContestObject]:
    """People here add a submission, judge one anew, and give somebody an account; ids are as the platform's are."""
    submissions = cast("dict[str, Submission]", state.objects["submissions"])
    one = dice.choice([*submissions.values()])
    number = str(dice.randrange(1, 10**9))
    judgement_id = dice.choice((f"{one.id}-{dice.randrange(2, 6)}", number))
    made: list[tuple[str, ContestObject]] = [
        ("submissions", msgspec.structs.replace(one, id=number)),
        ("accounts", Account(id=f"a{number}", username=f"a{number}", type="team", team_id=one.team_id)),
    ]
    if judgement_id not in state.objects["judgements"]:
        retired = [msgspec.structs.replace(each, current=False) for each in state.judgements_of(one.id)]
        anew = Judgement(id=judgement_id, submission_id=one.id, judgement_type_id="WA", start_time=one.time)
        made += [*(("judgements", each) for each in retired), ("judgements", anew)]
    for type_name, instance in made:
        identifier = object_key(OBJECT_TYPES[type_name], instance)
        state.apply(state.position + 1, type_name, identifier, instance)
    return {
        (name, object_key(OBJECT_TYPES[name], each)): each
        for name, each in made
        if getattr(each, "current", None) is not False
    }


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_whatever_is_made_here_stays_and_nothing_that_failed_goes(seed: int) -> None:
    """Nobody's objects are lost or changed, but that a judgement counts no more; and one of a submission counts."""
    dice, state = Random(seed), ContestWithRecords()
    said = codeforces_results(NUMBER, parties=6, problems=3, submissions=20, seed=seed)
    imported(state, said, NOW_MS)
    ours: dict[tuple[str, str], ContestObject] = {}
    for step in range(1, 5):
        ours |= made_here(state, dice)
        said = changed(said, dice)
        told = broken(said, dice)
        before = {name: {**state.objects[name]} for name in ("teams", "submissions")}
        imported(state, told, NOW_MS + step * 60_000)
        assert imported(state, told, NOW_MS + step * 60_000 + 1) == 0
        for (name, identifier), instance in ours.items():
            stands = state.objects[name][identifier]
            assert stands == instance or stands == msgspec.structs.replace(instance, current=False)
        for row in gathered(told).failed:
            if row.type is not None and row.id in before.get(row.type, {}):
                assert row.id in state.objects[row.type]
        for submission_id in state.objects["submissions"]:
            assert sum(each.current is not False for each in state.judgements_of(submission_id)) <= 1


def stands_as_said(state: ContestWithRecords, results: ContestResults) -> None:
    """Teams, persons, submissions as the platform has them, and of each submission its last word."""
    told = results.objects()
    for name in ("teams", "persons", "submissions", "problems"):
        assert state.objects[name] == told[name]
    for submission_id, said in cast("dict[str, Judgement]", told["judgements"]).items():
        counting = [each for each in state.judgements_of(submission_id) if each.current is not False]
        assert len(counting) == 1
        if said.judgement_type_id is not None:
            assert counting[0].judgement_type_id == said.judgement_type_id


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from((10, 20)), st.booleans())
def test_our_board_of_an_icpc_contest_is_the_platforms(seed: int, minutes: int, first_test_costs: bool) -> None:
    """Problems solved, penalty, times of solving; and the order, but for who is level there.

    By the rule of the platform's rounds, under which the first test costs nothing, and by those that mirrors have.
    """
    state = ContestWithRecords()
    rule = Rule(penalty_minutes=minutes, first_test_costs=first_test_costs)
    said = codeforces_results(NUMBER, parties=25, problems=5, submissions=150, seed=seed, rule=rule)
    imported(state, said, NOW_MS)
    teams = cast("dict[str, Team]", state.objects["teams"])
    board = msgspec.json.decode(Board(state, frozen=False).scoreboard(), type=Scoreboard)
    of_handle = {_key(cast("Row", row["party"])): row for row in cast("list[Row]", said.standings["rows"])}
    ranks = []
    for row in board.rows:
        theirs = of_handle[teams[row.team_id].label]
        assert row.score.num_solved == theirs["points"]
        assert parse_relative_time_ms(str(row.score.total_time)) // 60_000 == theirs["penalty"]
        for cell, result in zip(row.problems, cast("list[Row]", theirs["problemResults"]), strict=True):
            assert cell.solved == (result["points"] == 1.0)
            if cell.solved:
                seconds = cast("int", result["bestSubmissionTimeSeconds"])
                assert parse_relative_time_ms(str(cell.time)) // 60_000 == seconds // 60
        ranks.append(cast("int", theirs["rank"]))
    assert ranks == sorted(ranks)
    assert len(ranks) == sum(team.group_ids == ["official"] for team in teams.values())


def _key(party: Row) -> str:
    """The label of the team that a party is."""
    if "teamId" in party:
        return str(party["teamId"])
    return str(cast("list[Row]", party["members"])[0]["handle"])
