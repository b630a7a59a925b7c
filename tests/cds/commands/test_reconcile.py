"""Law 5: deciding the same reconcile or import twice adds nothing; and what a reconcile does on its way.

From any state of a contest to the objects of any other, through positions at which nothing ever dangles.
"""

from typing import cast

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange, Refused
from cds.commands.kept_starts import with_starts_kept
from cds.commands.reconcile import decide_emptying, decide_reconcile
from cds.dialects.results import Change
from cds.importing import decide_import
from cds.packages.contents import ContestContents
from projections.contest import ContestState
from projections.integrity import dangling, named_by
from schemas.extensions import SyncedTeam, TeamExtension
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER
from schemas.objects import Award, Clarification, Contest, Group, Judgement, JudgementType, Problem, State, Team
from tests.builders import (
    CONTEST,
    START,
    clarification,
    gone,
    judgement,
    moment,
    put,
    setup,
    small_contest,
    state,
    submission,
    team,
)
from tests.histories import History, histories
from tests.strategies import Objects

TYPES = frozenset(OBJECT_TYPES)


def state_after(changes: list[ObjectChange], known: ContestState | None = None) -> ContestState:
    """The state after changes, each of which must leave every reference intact."""
    built = known or ContestState()
    for change in changes:
        assert not built.ended_updates, f"{change} follows the end of updates"
        built.apply(built.position + 1, change.type, change.id, change.instance)
        assert_intact(built, change)
    return built


def assert_intact(built: ContestState, change: ObjectChange) -> None:
    """What was created names what exists; what was deleted is named by nothing."""
    if change.instance is not None:
        missing = list(dangling(built.objects, OBJECT_TYPES[change.type], change.instance))
        assert missing == [], f"{change.type} {change.id} names {missing}"
        return
    key = (change.type, change.id)
    for name, members in built.objects.items():
        for identifier, instance in members.items():
            assert key not in named_by(OBJECT_TYPES[name], instance), f"{name} {identifier} still names {key}"


def objects_of(history: History) -> Objects:
    """The objects at the end of a history."""
    return {name: dict(members) for name, members in state_after(history.changes).objects.items()}


def ended(objects: Objects) -> Objects:
    """The same objects in a contest that has ended its updates."""
    now = objects["state"][SINGLETON_ID]
    return objects | {"state": {SINGLETON_ID: msgspec.structs.replace(now, end_of_updates=START)}}


def contents_of(history: History, wanted: Objects) -> ContestContents:
    """A contest as an import reads it."""
    return ContestContents(
        contest_id="finals",
        changes=[Change(change.type, change.id, change.instance) for change in history.changes],
        final=wanted,
        spoken_of=TYPES,
        files={},
        passwords={},
        warnings=[],
    )


@given(histories(), histories())
def test_a_reconcile_comes_to_exactly_what_is_wanted(there: History, wanted_history: History) -> None:
    """And at no position on the way does anything dangle, whatever was there before."""
    before, wanted = state_after(there.changes), objects_of(wanted_history)
    changes = decide_reconcile(before, wanted, TYPES)
    event(f"deletes something: {any(change.instance is None for change in changes)}")
    after = state_after(changes, before)
    assert after.objects == wanted
    assert decide_reconcile(after, wanted, TYPES) == []


@given(histories(), histories())
def test_every_change_changes_something(there: History, wanted_history: History) -> None:
    """A PUT that changes nothing appends nothing: no event says what was already so."""
    present: Objects = {name: dict(members) for name, members in state_after(there.changes).objects.items()}
    for change in decide_reconcile(state_after(there.changes), ended(objects_of(wanted_history)), TYPES):
        assert present[change.type].get(change.id) != change.instance, f"{change.type} {change.id} is so already"
        if change.instance is None:
            del present[change.type][change.id]
        else:
            present[change.type][change.id] = change.instance


def test_what_drops_a_name_before_it_goes_does_so_before_anything_goes() -> None:
    """An old clarification that has come to answer a newer one, and an award, which goes before both."""
    first, second = clarification("c-old", reply_to="c-new"), clarification("c-new")
    old = put(Award(id="rank-1", citation="First", team_ids=["t1"]), msgspec.structs.replace(first, reply_to_id=None))
    changes = reconciled([*small_contest(), *old, *put(second, first)], small_contest())
    assert [(change.id, change.instance is None) for change in changes] == [
        ("c-old", False),
        ("rank-1", True),
        ("c-new", True),
        ("c-old", True),
    ]


@given(histories(), histories())
def test_deletions_come_last_and_the_end_of_updates_behind_them(there: History, wanted_history: History) -> None:
    """What is named comes before what names it; what names goes before what it names. Only what shows more is later."""
    wanted = ended(objects_of(wanted_history))
    changes = decide_reconcile(state_after(there.changes), wanted, TYPES)
    *body, last = changes
    assert (last.type, last.instance) == ("state", wanted["state"][SINGLETON_ID])
    assert not any(isinstance(change.instance, State) and change.instance.end_of_updates for change in body)
    deletions = [number for number, change in enumerate(body) if change.instance is None]
    told = {(change.type, change.id) for change in body[: deletions[0]]} if deletions else set()
    for change in body[deletions[0] :] if deletions else ():
        is_completed = (change.type, change.id) in told or change.type == "teams"
        assert change.instance is None or change.type in ("contest", "state") or is_completed
    orders = [TYPE_ORDER[body[number].type] for number in deletions]
    assert orders == sorted(orders, reverse=True) or body[deletions[-1]].type == "groups"
    after = state_after(changes, state_after(there.changes))
    assert after.ended_updates
    assert after.objects == wanted


@given(histories(), histories())
def test_nothing_changes_after_the_end_of_updates(there: History, wanted_history: History) -> None:
    """The same again adds nothing; anything else is refused with the reason."""
    closed = ended(objects_of(there))
    before = state_after([*there.changes, ObjectChange("state", SINGLETON_ID, closed["state"][SINGLETON_ID])])
    assert decide_reconcile(before, closed, TYPES) == []
    wanted = objects_of(wanted_history)
    assert wanted != closed
    with pytest.raises(Refused, match="end_of_updates"):
        decide_reconcile(before, wanted, TYPES)


@given(histories())
def test_a_contest_can_be_emptied_whatever_it_holds(history: History) -> None:
    """Also when its updates have ended; nothing ever names what is gone, and then there is nothing to be done."""
    built = state_after(history.changes)
    if built.state is not None:
        over = msgspec.structs.replace(built.state, end_of_updates=START)
        built.apply(built.position + 1, "state", SINGLETON_ID, over)
    for change in decide_emptying(built):
        built.apply(built.position + 1, change.type, change.id, change.instance)
        assert_intact(built, change)
    assert not any(built.objects.values())
    assert decide_emptying(built) == []


@given(histories(), histories(), st.sets(st.sampled_from(list(OBJECT_TYPES))))
def test_types_that_are_not_spoken_of_stay_or_the_whole_is_refused(
    there: History, wanted_history: History, spoken_of: set[str]
) -> None:
    """A source that says nothing about a type leaves it alone, and may not take away what it names."""
    before, wanted = state_after(there.changes), objects_of(wanted_history)
    kept = {name: dict(members) for name, members in before.objects.items()}
    try:
        changes = decide_reconcile(before, wanted, spoken_of)
    except Refused as refused:
        event(f"refused because something still {'refers to' if 'refers to' in refused.reason else 'is wrong with'} it")
        assert before.objects == kept
        return
    event("accepted")
    after = state_after(changes, before)
    assert after.objects == kept | {name: wanted[name] for name in spoken_of}


@given(histories())
def test_importing_the_same_twice_adds_nothing(history: History) -> None:
    """A contest that is new gets the history that the source tells, and the second time nothing."""
    contents = contents_of(history, objects_of(history))
    fresh = ContestState()
    first = decide_import(fresh, contents)
    assert list(first) == history.changes
    imported = state_after(list(first))
    assert decide_import(imported, contents) == []


@given(histories(), histories())
def test_an_import_over_another_contest_is_a_reconcile(there: History, history: History) -> None:
    """What is there already is made equal to the source, but for what this server alone knows."""
    before, wanted = state_after(there.changes), objects_of(history)
    after = state_after(list(decide_import(before, contents_of(history, wanted))), before)
    assert after.objects == {**wanted, "accounts": with_starts_kept(before, wanted["accounts"])}


def reconciled(before: list[ObjectChange], wanted: list[ObjectChange]) -> list[ObjectChange]:
    """The changes from one small contest to another, checked on the way."""
    present, objects = state_after(before), state_after(wanted).objects
    changes = decide_reconcile(present, objects, TYPES)
    assert state_after(changes, present).objects == objects
    return changes


def test_objects_of_one_type_that_name_each_other_go_in_the_right_order() -> None:
    """A judgement type that names a later one: nothing dangles while both go (`reconciled` looks at every position)."""
    simplification = JudgementType(id="NO", name="no", solved=False)
    refined = JudgementType(id="WA", name="wrong", solved=False)
    named = msgspec.structs.replace(refined, simplified_judgement_type_id="NO")
    changes = reconciled(put(CONTEST, refined, simplification, named), put(CONTEST))
    assert {change.id for change in changes if change.instance is None} == {"WA", "NO"}


def test_objects_of_one_type_that_name_each_other_come_in_the_right_order() -> None:
    """Wanted in an order in which the answer stands before its question."""
    question, answer = clarification("q"), clarification("a", reply_to="q")
    objects: Objects = {name: {} for name in OBJECT_TYPES}
    objects["contest"] = {SINGLETON_ID: CONTEST}
    objects["clarifications"] = {"a": answer, "q": question}
    changes = decide_reconcile(ContestState(), objects, TYPES)
    assert state_after(changes).objects == objects


def test_a_main_group_that_is_new_is_named_once_it_is_there() -> None:
    """The contest object stands first and names a group that comes later."""
    with_group = msgspec.structs.replace(CONTEST, main_scoreboard_group_id="main")
    objects: Objects = {name: {} for name in OBJECT_TYPES}
    objects |= {"contest": {SINGLETON_ID: with_group}, "groups": {"main": Group(id="main", name="Main")}}
    changes = decide_reconcile(ContestState(), objects, TYPES)
    assert [change.type for change in changes] == ["contest", "groups", "contest"]
    assert state_after(changes).objects == objects


def test_of_two_judgements_the_one_that_stops_being_current_goes_first() -> None:
    """At no position are two judgements of one submission current."""
    old, new = judgement("j1", "s1", "AC", "0:31:00.000"), judgement("a-new", "s1", "WA", "0:40:00.000")
    settled = [*small_contest(), *put(new, msgspec.structs.replace(old, current=False))]
    changes = reconciled([*small_contest(), *put(old)], settled)
    assert [change.id for change in changes] == ["j1", "a-new"]
    assert isinstance(changes[0].instance, Judgement)


def test_a_freeze_that_begins_comes_before_what_it_hides() -> None:
    """A team's streams are for everybody until the freeze: they would be shown for a line, and stay in the feed."""
    frozen = state(started=START, frozen=START)
    later = [*put(frozen), *put(team("t2", None)), *put(judgement("j9", "s1", "WA", "4:31:00.000"))]
    changes = reconciled(small_contest(), [*small_contest(), *later])
    assert [change.type for change in changes][:2] == ["state", "teams"]
    thawed = reconciled([*small_contest(), *later], [*small_contest(), *put(team("t2", ["main"]))])
    assert [change.type for change in thawed] == ["teams", "judgements", "state"]


def test_what_teams_have_come_to_elsewhere_is_told_behind_the_end_of_the_freeze() -> None:
    """Their ranks tell of what the freeze hides; what else changes in them, and they themselves, need not wait."""
    there = [*small_contest(), *put(state(started=START, frozen=START), team("t2", ["main"]))]
    over = state(started=START, frozen=START, ended=START, thawed=START)
    ranked = TeamExtension(sync=SyncedTeam(rank=1))
    for wanted in (team("t2", ["main"]), team("t2", None), team("t9", ["main"])):
        after = msgspec.structs.replace(wanted, ext=ranked)
        bare = [("teams", wanted)] if wanted != team("t2", ["main"]) else []
        changes = reconciled(there, [*there, *put(over, after)])
        assert [(change.type, change.instance) for change in changes] == [*bare, ("state", over), ("teams", after)]
    changes = reconciled(there, [*there, *put(msgspec.structs.replace(team("t9", None), ext=ranked))])
    assert len(changes) == 1


def test_a_start_that_is_taken_back_comes_before_the_problems_that_it_hides() -> None:
    """What was changed in them since would be shown for a line, also where a freeze ends with it."""
    problem = cast("Problem", state_after(small_contest()).objects["problems"]["a"])
    renamed = put(msgspec.structs.replace(problem, name="Not to be told"))
    frozen = [*small_contest(), *put(state(started=START, frozen=moment("0:10:00.000")))]
    for there in (small_contest(), frozen):
        for taken_back in (state(), state(ended=START)):
            changes = reconciled(there, [*there, *renamed, *put(taken_back)])
            assert [change.type for change in changes] == ["state", "problems"]
            assert changes[0].instance == taken_back


def test_a_freeze_that_only_a_submission_tells_of_comes_before_what_it_hides() -> None:
    """No state says that it has begun: streams of teams wait until something was submitted in it."""
    moved = msgspec.structs.replace(team("t2", ["main"]), desktop=None, audio=None)
    late = put(moved, team("t9", ["main"]), submission("s9", "t9", "a", "4:30:00.000"))
    seen, frozen = state_after(setup()), []
    for change in reconciled(setup(), [*setup(), *late]):
        seen.apply(seen.position + 1, change.type, change.id, change.instance)
        frozen.append(seen.frozen)
        if not seen.frozen:
            new = cast("Team | None", seen.objects["teams"].get("t9"))
            assert new is None or (new.desktop, new.webcam, new.audio) == (None, None, None)
            assert seen.objects["teams"]["t2"] == team("t2", ["main"])
    assert (frozen[0], frozen[-1]) == (False, True)
    # Where none begins, or a state says so, nothing old is told beside what is new.
    over = put(state(started=START, frozen=moment("0:10:00.000")))
    for further in ([], over):
        there = [*setup(), *put(team("t2", ["guests"]))]
        assert reconciled(there, [*there, *further, *put(moved)]) == [*further, *put(moved)]


def test_what_is_deleted_goes_before_it_would_be_shown() -> None:
    """A verdict that was taken back in the freeze, and a problem that was withdrawn before the start."""
    over = {"started": START, "frozen": moment("0:10:00.000")}
    hidden = put(submission("s9", "t1", "a", "0:30:00.000"), judgement("j9", "s9", "AC", "0:31:00.000"))
    frozen = [*setup(), *put(state(**over)), *hidden]
    thawed = put(state(**over, thawed=moment("5:30:00.000")))
    changes = reconciled(frozen, [*frozen, gone("judgements", "j9"), *thawed])
    assert changes == [gone("judgements", "j9"), *thawed]
    planned = [change for change in setup() if TYPE_ORDER[change.type] < TYPE_ORDER["state"]]
    started = put(state(started=START))
    assert reconciled(planned, [*planned, gone("problems", "b"), *started]) == [gone("problems", "b"), *started]


def test_the_group_that_the_contest_names_goes_behind_the_contest() -> None:
    """Also where the contest is told of last, because a freeze ends with it."""
    there = [*put(CONTEST, Group(id="old", name="Old")), *put(of_group("old")), *put(state(started=START))]
    without_freeze = msgspec.structs.replace(of_group("new"), scoreboard_freeze_duration=None)
    wanted = [*put(CONTEST, Group(id="new", name="New")), *put(without_freeze), *put(state(started=START))]
    changes = reconciled(there, wanted)
    assert [(change.type, change.id) for change in changes][-1] == ("groups", "old")


def of_group(group_id: str) -> Contest:
    """The small contest with a main group."""
    return msgspec.structs.replace(CONTEST, main_scoreboard_group_id=group_id)


def test_a_contest_that_becomes_shorter_does_so_before_all_else() -> None:
    """What was submitted behind its new end is never shown, also where the freeze ends when all else has come."""
    contest = cast("Contest", small_contest()[0].instance)
    both = msgspec.structs.replace(contest, duration="4:00:00.000", scoreboard_freeze_duration=None)
    late = put(submission("s9", "t1", "a", "4:30:00.000"))
    changes = reconciled(small_contest(), [*small_contest(), *put(both), *late])
    shorter = msgspec.structs.replace(cast("Contest", state_after(small_contest()).contest), duration=both.duration)
    assert changes == [*put(shorter), *late, *put(both)]


def test_a_freeze_that_comes_later_shows_nothing_before_all_has_changed() -> None:
    """Neither a contest that is to freeze later nor one that is to freeze no more, whatever its state says."""
    contest = cast("Contest", small_contest()[0].instance)
    hidden = [*small_contest(), *put(submission("s9", "t1", "a", "4:30:00.000"))]
    wrong, right = judgement("j9", "s9", "WA", "4:31:00.000"), judgement("j9", "s9", "AC", "4:31:00.000")
    for freeze in ("0:10:00.000", None):
        later = msgspec.structs.replace(contest, scoreboard_freeze_duration=freeze)
        changes = reconciled([*hidden, *put(wrong)], [*hidden, *put(right, later)])
        assert [change.type for change in changes] == ["judgements", "contest"]


def test_what_others_name_is_not_deleted() -> None:
    """A source that speaks of teams alone cannot take away a team that has submitted."""
    before = state_after(small_contest())
    objects: Objects = {"teams": {"t2": team("t2", ["main"]), "t3": team("t3", ["guests"])}}
    with pytest.raises(Refused, match="teams t1 cannot be deleted"):
        decide_reconcile(before, objects, {"teams"})


def test_what_does_not_exist_is_not_named() -> None:
    """The refusal says who names what."""
    before = state_after(small_contest())
    lost = submission("lost", "nobody", "a", "0:10:00.000")
    objects: Objects = {"submissions": {**before.objects["submissions"], "lost": lost}}
    with pytest.raises(Refused, match="submissions lost refers to teams nobody, which does not exist"):
        decide_reconcile(before, objects, {"submissions"})


def test_only_the_end_of_updates_is_one_change() -> None:
    """Nothing else differs, so there is one event and not a repetition before it."""
    changes = reconciled(small_contest(), [*small_contest(), *put(state(started=START, end_of_updates=START))])
    assert len(changes) == 1


def test_a_clarification_that_loses_its_question_is_changed_before_the_question_goes() -> None:
    """The reference is dropped first, so that nothing dangles between."""
    question, answer = clarification("q"), clarification("a", reply_to="q")
    alone = Clarification(id="a", text=answer.text, time=answer.time, contest_time=answer.contest_time)
    changes = reconciled(put(CONTEST, question, answer), put(CONTEST, alone))
    assert changes == [*put(alone), gone("clarifications", "q")]
