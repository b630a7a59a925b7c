"""Comparing two contests finds exactly what is different, and what becomes of it on boards computed independently."""

from functools import cache, partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.packages.reading import read_contest
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from projections.comparison import compared
from projections.comparison_properties import FILES, MEASURED, WHOLE, UnknownProperty, left_out_of, without
from projections.comparison_results import NO_SUBMISSION, PENDING, Comparison, Matched
from projections.comparison_verdicts import Side, side_of
from projections.still import named, still
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Award, Contest, ContestObject, Group, Judgement, Run, State, Submission, Team
from schemas.properties import FileReference
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms
from tests.cds.contest_api.real_contests import DATA, needs_shared_data
from tests.projections.changed_contests import (
    Changed,
    IndexedSlowScoreboard,
    changed,
    renumbered,
    state_of,
    with_verdict,
)
from tests.projections.slow_scoreboard import Objects, fold

NUMBERED = ("submissions", "judgements", "runs", "clarifications", "commentary")
CHANGES = st.tuples(st.integers(0, 10**6), st.integers(1, 40))
KINDS = st.sampled_from(["pass-fail", "score"])


@cache
def simulated(scoreboard_type: Any) -> Objects:
    parameters = SimulationParameters(
        teams=9, problems=4, submissions=120, runs_per_judgement=1, scoreboard_type=scoreboard_type, seed=3
    )
    objects = fold((change.type, change.id, change.instance) for change in simulate(parameters).timeline())
    return {name: objects.get(name, {}) for name in OBJECT_TYPES}


@cache
def finals() -> Objects:
    contents = read_contest(DATA / "wf44-2020" / "package")
    return {name: contents.final.get(name, {}) for name in OBJECT_TYPES}


def side(objects: Objects, name: str = "a") -> Side:
    return side_of(name, state_of(objects), lambda identifier: f"{name}/{identifier}")


def comparison_of(a: Objects, b: Objects, **scope: Any) -> Comparison:
    return compared(side(a), side(b, "b"), **scope)


def assert_exactly(comparison: Comparison, before: Objects, after: Changed) -> None:
    """Verdicts, properties and nothing else; and the boards as the slow scoreboard has them."""
    found = {each.a.id: each for each in comparison.submissions.shown}
    assert found.keys() == after.verdicts.keys()
    for submission_id, verdict in after.verdicts.items():
        assert found[submission_id].b.verdict == (verdict or PENDING)
        assert found[submission_id].matters == matters(before, submission_id, verdict)
    properties = {(each.type, each.id, each.property) for each in comparison.properties.shown}
    assert properties == after.properties
    assert comparison.missing == ()
    assert comparison.awards.count == 0
    assert comparison.equal == (not after.verdicts and not after.properties)
    assert comparison.matched.by_content == 0
    assert sum(each.count for each in comparison.verdicts) == len(before["submissions"])
    assert sum(each.count for each in comparison.verdicts if each.differs) == len(after.verdicts)
    assert_boards(comparison, before, after.objects)


def matters(objects: Objects, submission_id: str, verdict: str | None) -> bool:
    submission = objects["submissions"][submission_id]
    assert isinstance(submission, Submission)
    assert submission.team_id is not None
    if submission.team_id not in {team.id for team in IndexedSlowScoreboard(objects).shown_teams(None)}:
        return False
    boards = (IndexedSlowScoreboard(objects), IndexedSlowScoreboard(with_verdict(objects, submission_id, verdict)))
    before, after = (board.whole_cell(submission.team_id, submission.problem_id) for board in boards)
    return before != after


def assert_boards(comparison: Comparison, before: Objects, after: Objects) -> None:
    rows_a, rows_b = IndexedSlowScoreboard(before).rows(), IndexedSlowScoreboard(after).rows()
    told = {row.team_id: row for row in comparison.scoreboard.rows.shown}
    assert rows_a.keys() == rows_b.keys()
    assert told.keys() == {team_id for team_id in rows_a if rows_a[team_id] != rows_b[team_id]}
    cells = 0
    for team_id, row in told.items():
        mine, other = rows_a[team_id], rows_b[team_id]
        assert [msgspec.to_builtins(each) for each in (row.a, row.b)] == [
            {"rank": each["rank"], "score": each["score"]} for each in (mine, other)
        ]
        differing = {each for each in mine["problems"] if mine["problems"][each] != other["problems"][each]}
        assert {cell.problem_id for cell in row.cells} == differing
        for cell in row.cells:
            shown = [msgspec.to_builtins(each) for each in (cell.a, cell.b)]
            assert shown == [mine["problems"][cell.problem_id], other["problems"][cell.problem_id]]
        cells += len(row.cells)
    assert comparison.scoreboard.cells == cells
    assert comparison.scoreboard.ranks == sum(rows_a[each]["rank"] != rows_b[each]["rank"] for each in told)


@given(kind=KINDS, changes=CHANGES)
def test_exactly_what_was_changed_is_found(kind: str, changes: tuple[int, int]) -> None:
    before = simulated(kind)
    after = changed(before, *changes)
    assert_exactly(comparison_of(before, after.objects), before, after)


@needs_shared_data
@settings(max_examples=4)
@given(changes=CHANGES)
def test_exactly_what_was_changed_in_the_world_finals_is_found(changes: tuple[int, int]) -> None:
    before = finals()
    after = changed(before, *changes)
    assert_exactly(comparison_of(before, after.objects), before, after)


@given(kind=KINDS, changes=CHANGES)
def test_flips_are_found_when_the_second_system_numbers_otherwise(kind: str, changes: tuple[int, int]) -> None:
    before = simulated(kind)
    after = changed(before, *changes)
    flips = Changed({**before, "judgements": after.objects["judgements"]}, after.verdicts, set())
    other = renumbered(flips.objects, NUMBERED)
    comparison = comparison_of(before, other, scope=without(WHOLE, ["judgements.start_time"]))
    assert {each.a.id for each in comparison.submissions.shown} == flips.verdicts.keys()
    assert comparison.matched.by_content > comparison.matched.by_id
    assert comparison.missing == ()
    assert comparison.properties.count == 0
    assert_boards(comparison, before, flips.objects)


@pytest.mark.parametrize("kind", ["pass-fail", "score"])
def test_nothing_differs_between_a_contest_and_itself_numbered_otherwise(kind: str) -> None:
    comparison = comparison_of(simulated(kind), renumbered(simulated(kind), NUMBERED))
    assert comparison.equal
    assert comparison.matched.by_content > 0


def test_ids_count_when_the_second_system_has_another_clock() -> None:
    before = simulated("pass-fail")
    later = {
        identifier: msgspec.structs.replace(
            each,
            contest_time=format_relative_time(parse_relative_time_ms(each.contest_time) + 3_600_000),
            time=format_time(parse_time_ms(each.time) + 3_600_000),
        )
        for identifier, each in before["submissions"].items()
        if isinstance(each, Submission)
    }
    comparison = comparison_of(before, {**before, "submissions": {**later}})
    assert comparison.matched == Matched(len(later), 0)
    assert comparison.missing == ()
    assert {each.property for each in comparison.properties.shown} == {"time", "contest_time"}


def test_times_count_when_one_team_submits_the_same_under_other_ids() -> None:
    before = simulated("pass-fail")
    first = next(iter(before["submissions"].values()))
    assert isinstance(first, Submission)
    submissions: dict[str, ContestObject] = {
        str(number): msgspec.structs.replace(
            first,
            id=str(number),
            contest_time=format_relative_time(number * 60_000),
            time=format_time(number * 60_000),
        )
        for number in range(1, 10)
    }
    alone: Objects = {**before, "submissions": submissions, "judgements": {}, "runs": {}, "commentary": {}}
    comparison = comparison_of(alone, renumbered(alone, ("submissions",)))
    assert comparison.equal
    assert comparison.matched.by_content > 0


@pytest.mark.parametrize("kind", ["pass-fail", "score"])
def test_nothing_differs_between_equal_contests(kind: str) -> None:
    comparison = comparison_of(simulated(kind), simulated(kind))
    assert comparison.equal
    assert comparison.left_out == ()
    assert not any(each.differs for each in comparison.verdicts)


def test_one_moment_in_two_zones_and_ids_in_two_orders_are_equal() -> None:
    before = simulated("pass-fail")
    (contest,), (state,) = before["contest"].values(), before["state"].values()
    assert isinstance(contest, Contest)
    assert isinstance(state, State)
    assert contest.start_time == "2031-05-17T10:00:00.000+02:00"
    assert state.started == contest.start_time
    utc = "2031-05-17T08:00:00.000Z"
    team = next(iter(before["teams"].values()))
    assert isinstance(team, Team)
    many = msgspec.structs.replace(team, group_ids=[*(team.group_ids or []), "g-x"])
    turned = msgspec.structs.replace(team, group_ids=["g-x", *(team.group_ids or [])])
    group = {"g-x": Group(id="g-x", name="X")}
    a: Objects = {**before, "groups": before["groups"] | group, "teams": before["teams"] | {team.id: many}}
    b: Objects = {
        **a,
        "contest": {"": msgspec.structs.replace(contest, id="other", start_time=utc)},
        "state": {"": msgspec.structs.replace(state, started=utc)},
        "teams": before["teams"] | {team.id: turned},
    }
    assert comparison_of(a, b).equal
    later: Objects = {**b, "state": {"": msgspec.structs.replace(state, started="2031-05-17T08:00:00.001Z")}}
    assert [each.property for each in comparison_of(a, later).properties.shown] == ["started"]


def test_files_are_compared_by_what_they_hold_and_not_by_where_they_are() -> None:
    before = simulated("pass-fail")
    team = next(iter(before["teams"].values()))
    assert isinstance(team, Team)
    photo = FileReference(filename="photo.png", mime="image/png", hash="1" * 32, width=8, height=8, content="a" * 64)
    elsewhere = msgspec.structs.replace(photo, href="https://example.org/p", content=None, width=None, height=None)
    other = msgspec.structs.replace(photo, hash="2" * 32)

    def having(reference: FileReference) -> Objects:
        shown = msgspec.structs.replace(team, photo=[reference])
        return {**before, "teams": before["teams"] | {shown.id: shown}}

    assert comparison_of(having(photo), having(elsewhere)).equal
    (found,) = comparison_of(having(photo), having(other)).properties.shown
    assert (found.type, found.property) == ("teams", "photo")
    assert b"content" not in bytes(found.a)
    assert comparison_of(having(photo), having(other), scope=without(WHOLE, FILES)).equal


def test_what_one_side_alone_has_is_missing_or_unknown() -> None:
    before = simulated("pass-fail")
    kept = list(before["submissions"])[:-2]
    gone = {each for each in before["submissions"] if each not in kept}
    a: Objects = {**before, "commentary": {}}
    b: Objects = {**a, "submissions": {identifier: before["submissions"][identifier] for identifier in kept}}
    b["judgements"] = {
        identifier: each
        for identifier, each in before["judgements"].items()
        if isinstance(each, Judgement) and each.submission_id in kept
    }
    b["runs"] = {
        identifier: each
        for identifier, each in before["runs"].items()
        if isinstance(each, Run) and each.judgement_id in b["judgements"]
    }
    comparison = comparison_of(a, b)
    missing = {each.type: each for each in comparison.missing}
    assert set(missing["submissions"].missing.shown) == gone
    assert missing.keys() == {"submissions", "judgements", "runs"}
    assert all(each.unknown.count == 0 for each in comparison.missing)
    assert sum(each.count for each in comparison.verdicts if each.b == NO_SUBMISSION) == len(gone)
    back = comparison_of(b, a)
    assert {each.type: each.unknown.shown for each in back.missing} == {
        name: each.missing.shown for name, each in missing.items()
    }
    assert all(each.missing.count == 0 for each in back.missing)
    assert not comparison.equal
    assert not back.equal


def test_awards_are_compared_by_their_teams_and_citations() -> None:
    before = simulated("pass-fail")
    first, second = list(before["teams"])[:2]
    awards: dict[str, ContestObject] = {
        "one": Award(id="one", citation="One", team_ids=[first, second]),
        "two": Award(id="two", citation="Two", team_ids=[]),
        "open": Award(id="open", citation="Open"),
    }
    turned: dict[str, ContestObject] = awards | {"one": Award(id="one", citation="One", team_ids=[second, first])}
    assert comparison_of({**before, "awards": awards}, {**before, "awards": turned}).equal
    others: dict[str, ContestObject] = awards | {
        "one": Award(id="one", citation="Uno", team_ids=[second]),
        "two": Award(id="two", citation="Two", team_ids=[first]),
        "open": Award(id="open", citation="Open", team_ids=[]),
    }
    comparison = comparison_of({**before, "awards": awards}, {**before, "awards": others})
    told = {each.id: each for each in comparison.awards.shown}
    assert told.keys() == others.keys()
    assert (told["one"].teams_a, told["one"].teams_b) == ((first,), ())
    assert (told["one"].citation_a, told["one"].citation_b) == ("One", "Uno")
    assert (told["two"].teams_a, told["two"].teams_b) == ((), (first,))
    assert comparison.properties.count == 0
    assert comparison.computed_awards.count == 0


def test_what_would_follow_from_the_boards_for_awards_is_told_though_nobody_keeps_any() -> None:
    before = {**simulated("pass-fail"), "awards": {}}
    winner = min(IndexedSlowScoreboard(before).rows().items(), key=lambda row: row[1]["rank"])[0]
    after = {**before, "judgements": dict(before["judgements"])}
    for identifier, judgement in before["judgements"].items():
        assert isinstance(judgement, Judgement)
        submission = before["submissions"][judgement.submission_id]
        if isinstance(submission, Submission) and submission.team_id == winner and judgement.judgement_type_id == "AC":
            after["judgements"][identifier] = msgspec.structs.replace(judgement, judgement_type_id="WA")
    comparison = comparison_of(before, after)
    told = {each.id: each for each in comparison.computed_awards.shown}
    assert told["winner"].teams_a == (winner,)
    assert comparison.awards.count == 0


def test_lists_are_bounded_and_say_how_long_they_are() -> None:
    before = simulated("pass-fail")
    after = changed(before, 1, 40)
    comparison = comparison_of(before, after.objects, listed_max=2)
    assert comparison.submissions.count == len(after.verdicts) > 2
    assert len(comparison.submissions.shown) == 2
    assert comparison.mattering > 2


def test_a_comparison_is_the_same_every_time() -> None:
    before = simulated("pass-fail")
    after = changed(before, 5, 40).objects
    encoded = {msgspec.json.encode(comparison_of(before, after)) for _ in range(3)}
    assert len(encoded) == 1


def test_a_copy_that_stays_as_it_is_compares_as_the_contest_did() -> None:
    before = simulated("pass-fail")
    after = changed(before, 7, 30).objects
    living = state_of(before)
    copy = still(living, OBJECT_TYPES)
    for type_name, identifier in [("judgements", next(iter(before["judgements"]))), ("state", "")]:
        living.apply(living.position + 1, type_name, identifier, None)
    copied = compared(side_of("a", named(copy), partial("a/{}".format)), side(after, "b"))
    assert copied == comparison_of(before, after)


def test_what_is_left_out_is_said_and_must_exist() -> None:
    scope = without(WHOLE, ["runs", "judgements.start_time", "contests.name"])
    assert left_out_of(scope) == ("contest.name", "judgements.start_time", "runs")
    assert left_out_of(without(WHOLE, MEASURED)) == MEASURED
    for wrong in ("nonsense", "teams.nonsense", "", "teams.", "teams.id", ".name"):
        with pytest.raises(UnknownProperty):
            without(WHOLE, [wrong])


def test_what_is_beyond_the_format_is_one_property() -> None:
    """Told as a whole where it differs; one that cannot be told by the other side is left out by name."""
    before = simulated("pass-fail")
    identifier, team = next(iter(before["teams"].items()))
    told = [TeamExtension(sync=SyncedTeam(rank=rank, points=2)) for rank in (1, 2)]
    one, other = (
        {**before, "teams": {**before["teams"], identifier: msgspec.structs.replace(team, ext=ext)}} for ext in told
    )
    assert comparison_of(one, one).properties.count == 0
    (difference,) = comparison_of(one, other).properties.shown
    assert (difference.type, difference.id, difference.property) == ("teams", identifier, "ext")
    assert (bytes(difference.a), bytes(difference.b)) == tuple(map(msgspec.json.encode, told))
    assert comparison_of(one, before).properties.count == 1
    assert comparison_of(one, before, scope=without(WHOLE, ["teams.ext"])).properties.count == 0


def test_what_is_left_out_makes_no_difference() -> None:
    before = simulated("pass-fail")
    after = changed(before, 11, 40)
    left_out = {f"{type_name}.{property}" for type_name, _, property in after.properties}
    comparison = comparison_of(before, after.objects, scope=without(WHOLE, left_out))
    assert comparison.properties.count == 0
    assert comparison.submissions.count == len(after.verdicts)
