"""Random histories of a contest: the moves that a contest makes, mixed with changes of any kind to any object.

Every history is referentially intact after each change. The kinds of moves are in MOVES, and a test asserts that
each of them is made. This module must not know who may see what.
"""

from collections.abc import Callable
from typing import cast

import msgspec
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from projections.contest import EXTENDED_TYPES
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import (
    Award,
    Clarification,
    Commentary,
    Contest,
    Judgement,
    JudgementType,
    RemovedInterval,
    State,
    Submission,
    Team,
)
from tests.builders import (
    START,
    clarification,
    judgement,
    moment,
    put,
    run,
    setup,
    small_contest,
    state,
    submission,
    team,
)
from tests.strategies import CONTEST_TIMES, World, draw_property, draw_structure, fields

STEPS_MAX = 16
ROUNDS = range(4)
"""Numbers of the new objects of one type, few enough that ids of deleted objects come back."""

AWARD_IDS = ("winner", "first-to-solve-a", "first-to-solve-b", "late")
VERDICTS = ("AC", "WA", "CE", "NO")
PAUSE = RemovedInterval(start=moment("1:00:00.000"), end=moment("1:20:00.000"), contest_time="1:00:00.000")
STATE_CHANGES: tuple[dict[str, object], ...] = (
    {"started": START},
    {"started": None},
    {"frozen": moment("3:30:00.000")},
    {"frozen": moment("4:00:00.000")},
    {"frozen": None},
    {"ended": moment("5:00:00.000")},
    {"thawed": moment("5:30:00.000")},
    {"thawed": None},
    {"finalized": moment("5:40:00.000")},
    {"removed_intervals": [PAUSE]},
    {"removed_intervals": [msgspec.structs.replace(PAUSE, end=None)]},
    {"removed_intervals": None},
)

Move = Callable[[DrawFn, World], None]


class History(msgspec.Struct, frozen=True):
    """Changes from the empty log on; the first `base` build up the small contest, `kinds` made the rest."""

    changes: list[ObjectChange]
    base: int
    kinds: list[str]

    def __repr__(self) -> str:
        """What follows the base, as briefly as possible: it is what a failing test prints."""
        lines = (msgspec.json.encode(change).decode() for change in self.changes[self.base :])
        return "\n".join((f"History of {self.base} changes, then:", *lines))


def create(draw: DrawFn, world: World) -> None:
    """A new object of any type, or one that comes back."""
    name = draw(st.sampled_from(world.creatable()))
    new = [f"new-{number}" for number in ROUNDS if f"new-{number}" not in world.objects[name]]
    if name == "teams" and "t4" not in world.objects["teams"]:
        new = ["t4"]
    if new:
        world.put(draw_structure(draw, world, OBJECT_TYPES[name].structure, draw(st.sampled_from(new))))


def rewrite(draw: DrawFn, world: World) -> None:
    """Another value for one property of any object."""
    name = draw(st.sampled_from([name for name, members in world.objects.items() if members]))
    identifier = draw(st.sampled_from(world.ids(name)))
    instance = world.objects[name][identifier]
    properties = [property for property in fields(type(instance)) if property not in ("id", "end_of_updates")]
    property = draw(st.sampled_from(properties))
    hint, _ = fields(type(instance))[property]
    value = draw_property(draw, world, hint, identifier)
    world.take(ObjectChange(name, identifier, msgspec.structs.replace(instance, **{property: value})))


def delete(draw: DrawFn, world: World) -> None:
    """The end of an object that nothing names."""
    keys = world.deletable()
    if keys:
        world.take(ObjectChange(*draw(st.sampled_from(keys)), None))


def new_id(draw: DrawFn, prefix: str) -> str:
    """An id that may be new, or that of an object which is replaced."""
    return f"{prefix}{draw(st.sampled_from(ROUNDS))}"


def submit(draw: DrawFn, world: World) -> None:
    """A submission at any time, also of nobody."""
    if not world.ids("problems") or not {"cpp"} <= world.objects["languages"].keys():
        return
    made = submission(
        new_id(draw, "submission-"),
        draw(st.sampled_from([*world.ids("teams"), None])),
        draw(st.sampled_from(world.ids("problems"))),
        draw(st.sampled_from(CONTEST_TIMES)),
    )
    known = made.account_id in world.objects["accounts"]
    world.put(made if known else msgspec.structs.replace(made, account_id=None))


def verdict(draw: DrawFn, world: World) -> str | None:
    """A judgement type that exists."""
    known = [identifier for identifier in VERDICTS if identifier in world.objects["judgement-types"]]
    return draw(st.sampled_from(known)) if known else None


def judge(draw: DrawFn, world: World) -> None:
    """A judgement that begins, or that is there at once."""
    if world.ids("submissions"):
        submission_id = draw(st.sampled_from(world.ids("submissions")))
        final = verdict(draw, world) if draw(st.booleans()) else None
        world.put(judgement(new_id(draw, "judgement-"), submission_id, final, draw(st.sampled_from(CONTEST_TIMES))))


def settle(draw: DrawFn, world: World) -> None:
    """The verdict of a judgement that was pending, or another one."""
    pending = cast("Judgement | None", world.one(draw, "judgements"))
    if pending:
        final = judgement(pending.id, pending.submission_id, verdict(draw, world), "4:50:00.000")
        world.put(msgspec.structs.replace(final, start_time=pending.start_time))


def rejudge(draw: DrawFn, world: World) -> None:
    """A judgement that stops being current, and the one that takes its place."""
    old = cast("Judgement | None", world.one(draw, "judgements"))
    if old:
        world.put(msgspec.structs.replace(old, current=False))
        world.put(judgement(new_id(draw, "rejudged-"), old.submission_id, verdict(draw, world), "4:55:00.000"))


def run_test(draw: DrawFn, world: World) -> None:
    """The outcome of a test case, whose judgement may be another one afterwards."""
    outcome = verdict(draw, world)
    if world.ids("judgements") and outcome is not None:
        judgement_id = draw(st.sampled_from(world.ids("judgements")))
        world.put(run(new_id(draw, "run-"), judgement_id, 1, outcome, "4:50:00.000"))


def change_groups(draw: DrawFn, world: World) -> None:
    """A team that joins groups and leaves others."""
    member = cast("Team | None", world.one(draw, "teams"))
    if member:
        groups = draw(st.sampled_from([None, ["main"], ["guests"], ["main", "guests"]]))
        if set(groups or ()) <= world.objects["groups"].keys():
            world.put(msgspec.structs.replace(member, group_ids=groups))


def join(draw: DrawFn, world: World) -> None:
    """A team that comes late, into a group to which something may have been said."""
    if {"guests"} <= world.objects["groups"].keys() and "uni" in world.objects["organizations"]:
        world.put(team("t4", ["guests"]))


def withdraw(draw: DrawFn, world: World) -> None:
    """A team that leaves: awards and clarifications that name it are given or told to others, then it goes."""
    if "t4" not in world.objects["teams"]:
        return
    for award in list(world.objects["awards"].values()):
        kept = [team_id for team_id in cast("Award", award).team_ids or () if team_id != "t4"]
        if "t4" in (cast("Award", award).team_ids or ()):
            world.put(msgspec.structs.replace(award, team_ids=kept))
    if ("teams", "t4") in world.deletable():
        world.take(ObjectChange("teams", "t4", None))


def move_submission(draw: DrawFn, world: World) -> None:
    """A submission that turns out to be another team's, to another problem, or of another time."""
    made = cast("Submission | None", world.one(draw, "submissions"))
    if made:
        property = draw(st.sampled_from(["team_id", "problem_id", "contest_time"]))
        choices = {
            "team_id": (*world.ids("teams"), None),
            "problem_id": world.ids("problems"),
            "contest_time": CONTEST_TIMES,
        }
        moved = {property: draw(st.sampled_from(choices[property]))}
        world.put(msgspec.structs.replace(made, **moved))


def move_judgement(draw: DrawFn, world: World) -> None:
    """A judgement, with its runs, that turns out to be of another submission."""
    made = cast("Judgement | None", world.one(draw, "judgements"))
    if made:
        world.put(msgspec.structs.replace(made, submission_id=draw(st.sampled_from(world.ids("submissions")))))


def speak(draw: DrawFn, world: World) -> None:
    """A question, an answer or an announcement."""
    identifier = new_id(draw, "clarification-")
    teams, threads = world.ids("teams"), world.answerable(identifier)
    world.put(
        clarification(
            identifier,
            from_team=draw(st.sampled_from([*teams, None, None])),
            to_teams=draw(st.sampled_from([None, None, *([team_id] for team_id in teams)])),
            to_groups=draw(st.sampled_from([None, None, *([group_id] for group_id in world.ids("groups"))])),
            reply_to=draw(st.sampled_from([None, *threads])),
            problem_id=draw(st.sampled_from([None, *world.ids("problems")])),
        )
    )


def answer(draw: DrawFn, world: World) -> None:
    """An answer by the judges to anything, for everybody or for some."""
    asked = cast("Clarification | None", world.one(draw, "clarifications"))
    identifier = new_id(draw, "answer-")
    if asked and asked.id in world.answerable(identifier):
        groups = draw(st.sampled_from([None, *([group_id] for group_id in world.ids("groups"))]))
        world.put(clarification(identifier, reply_to=asked.id, to_groups=groups))


def readdress(draw: DrawFn, world: World) -> None:
    """A clarification that is told to more, or to fewer."""
    spoken = cast("Clarification | None", world.one(draw, "clarifications"))
    if spoken:
        teams = draw(st.sampled_from([None, None, *([team_id] for team_id in world.ids("teams"))]))
        groups = draw(st.sampled_from([None, *([group_id] for group_id in world.ids("groups"))]))
        world.put(msgspec.structs.replace(spoken, to_team_ids=teams, to_group_ids=groups))


def advance_state(draw: DrawFn, world: World) -> None:
    """A start, a freeze, an end, a thaw, a break; or one of them taken back."""
    now = cast("State", world.objects["state"][SINGLETON_ID])
    world.put(msgspec.structs.replace(now, **draw(st.sampled_from(STATE_CHANGES))))


def reschedule(draw: DrawFn, world: World) -> None:
    """Another length of the contest or of its freeze."""
    planned = cast("Contest", world.objects["contest"][SINGLETON_ID])
    duration = draw(st.sampled_from(["4:00:00.000", "5:00:00.000", "6:00:00.000"]))
    freeze = draw(st.sampled_from([None, "0:00:00.000", "1:00:00.000", "2:00:00.000"]))
    world.put(msgspec.structs.replace(planned, duration=duration, scoreboard_freeze_duration=freeze))


def simplify(draw: DrawFn, world: World) -> None:
    """A judgement type that outsiders see under another name from now on, or no longer."""
    refined = cast("JudgementType | None", world.one(draw, "judgement-types"))
    if refined:
        others = [other for other in ("NO", "AC") if other in world.objects["judgement-types"] and other != refined.id]
        name = draw(st.sampled_from([None, *others]))
        world.put(msgspec.structs.replace(refined, simplified_judgement_type_id=name))


def honour(draw: DrawFn, world: World) -> None:
    """An award that is given, given to another, or renamed."""
    given = draw(st.sampled_from([[], *([team_id] for team_id in world.ids("teams"))]))
    identifier = draw(st.sampled_from(AWARD_IDS))
    world.put(Award(id=identifier, citation=draw(st.sampled_from(["first", "best"])), team_ids=given))


def extend(draw: DrawFn, world: World) -> None:
    """Another extension of an object that may have one, or none any more."""
    name = draw(st.sampled_from([name for name in sorted(EXTENDED_TYPES) if world.objects[name]]))
    identifier = draw(st.sampled_from(world.ids(name)))
    instance = world.objects[name][identifier]
    hint, _ = fields(type(instance))[EXTENSION]
    said = draw_property(draw, world, hint, identifier)
    world.take(ObjectChange(name, identifier, msgspec.structs.replace(instance, **{EXTENSION: said})))


MOVES: dict[str, Move] = {
    move.__name__: move
    for move in (
        *(create, rewrite, delete, submit, judge, settle, rejudge, run_test, change_groups, join, withdraw),
        *(move_submission, move_judgement, speak, answer, readdress, advance_state, reschedule, simplify, honour),
        extend,
    )
}

OFTEN = (
    "advance_state",
    "advance_state",
    "create",
    "delete",
    "speak",
    "answer",
    "readdress",
    "change_groups",
    "honour",
    "reschedule",
)
"""Moves after which the others mean something else."""


def frozen_contest() -> list[ObjectChange]:
    """The small contest after the beginning of its freeze, with an award to a team that may leave.

    The comment is on a submission that an earlier end would put outside the contest, and everybody gets an answer
    to what one group was told.
    """
    award = Award(id="late", citation="late", team_ids=["t4"])
    comment = Commentary(
        id="k2",
        time=moment("4:00:01.000"),
        contest_time="4:00:01.000",
        message="A try in the freeze",
        tags=[],
        submission_ids=["s3"],
    )
    freeze = state(started=START, frozen=moment("4:00:00.000"))
    answered = clarification("hint", reply_to="to-guests")
    return [*small_contest(), *put(team("t4", None), award, comment, answered, freeze)]


@st.composite
def histories(draw: DrawFn, moves: tuple[str, ...] = (*MOVES, *OFTEN), steps_max: int = STEPS_MAX) -> History:
    """A history that goes on from the small contest before its start, before its freeze or in it."""
    base = draw(st.sampled_from([small_contest(), frozen_contest(), setup()]))
    world = World(base)
    kinds = draw(st.lists(st.sampled_from(moves), max_size=steps_max))
    for kind in kinds:
        MOVES[kind](draw, world)
        event(kind)
    return History(world.changes, len(base), kinds)
