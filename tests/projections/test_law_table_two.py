"""Law 4, the part about table two: it says what roles.md says, and flipping any single cell of it is found.

The expectation is written down independently (expected_visibility), the facts about the objects stand here, and
`deviations` compares both with what a view really shows, phase by phase and object by object.
"""

from collections.abc import Iterator
from functools import cache

import msgspec
import pytest

from projections.conditions import Alteration, always, described_from_start, frozen, never, own, simplified, unaltered
from projections.contest import ContestState
from projections.visibility import RoleView, role_view
from projections.visibility_table import (
    CAPABILITIES,
    SEES_LIVE_SCOREBOARD,
    SEES_PROBLEMS_BEFORE_START,
    VISIBILITY,
    Cell,
    Row,
    check_total,
)
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import Award, Clarification, Commentary, Contest, ContestObject, Judgement, Run
from schemas.viewers import ROLES, Role
from tests.builders import START, clarification, judgement, moment, put, small_contest, state, submission
from tests.projections import expected_visibility as expected
from tests.strategies import filled

OBJECTS = expected.matrix(expected.OBJECTS)
PROPERTIES = expected.matrix(expected.PROPERTIES)
ALTERATIONS = expected.matrix(expected.ALTERATIONS)

PHASES = ("before", "running", "frozen", "thawed")

ALTERED: dict[str, Alteration] = {
    "contest": described_from_start,
    "awards": frozen,
    "judgements": simplified,
    "runs": simplified,
}
"""Every alteration that there is but for those of one's own, by the type that it is for."""

OWN_BY_TYPE: dict[str, dict[str, str]] = {
    "teams": {"t1": "t1", "t2": "t2", "t3": "t3"},
    "persons": {"p1": "t1", "p2": "t2"},
    "submissions": {"s1": "t1", "early": "t1", "over": "t1", "s2": "t2", "s3": "t3"},
    "judgements": {"j1": "t1", "j2": "t2", "j3": "t3", "j4": "t1"},
    "runs": {"r1": "t1", "r2": "t2", "r3": "t3"},
    "clarifications": {"question": "t1", "reply": "t1", "to-t2": "t2", "to-guests": "t3"},
}
"""Whose own an object is: of the team, its people, its submissions; written by it or addressed to it."""

OUTSIDE = ("early", "over", "s4")
"""Submissions before the start, after the end, and of nobody."""

AFTER_FREEZE = ("s3", "over")
OF_SUBMISSION = {"j1": "s1", "j2": "s2", "j3": "s3", "j4": "over", "r1": "s1", "r2": "s2", "r3": "s3"}
COMMENTED = {"k1": "s1", "k2": "over"}
FOR_EVERYBODY = ("announcement", "follow-up")
ANSWERED = {"reply": "question", "follow-up": "announcement"}
OF_A_PROBLEM = ("question", "reply", "follow-up", "first-to-solve-a")
GIVEN_BEFORE_FREEZE = Award(id="winner", citation="Winner", team_ids=["t1"])
GIVEN_IN_FREEZE = (Award(id="winner", citation="Winner", team_ids=["t2"]), Award(id="late", citation="Late"))


@cache
def contest_in(phase: str) -> ContestState:
    """A contest with objects in which no property lacks, before the start, before the freeze, in it, or after thaw."""
    comment = small_contest()[-1].instance
    assert isinstance(comment, Commentary)
    more = (
        submission("early", "t1", "a", "-0:01:00.000"),
        submission("over", "t1", "a", "5:00:00.000"),
        msgspec.structs.replace(judgement("j2", "s2", "WA", "4:00:10.000"), simplified_judgement_type_id="NO"),
        judgement("j4", "over", "AC", "5:00:01.000"),
        clarification("follow-up", reply_to="announcement", problem_id="a"),
        msgspec.structs.replace(comment, id="k2", submission_ids=["over"]),
    )
    full = [filled(change.instance) for change in (*small_contest(), *put(*more)) if change.instance is not None]
    nothing, started = state(removed_intervals=None), state(started=START)
    in_freeze = state(started=START, frozen=moment("4:00:00.000"))
    over = state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000"))
    then: dict[str, list[ContestObject]] = {
        "before": [nothing],
        "running": [started],
        "frozen": [started, in_freeze, *GIVEN_IN_FREEZE],
        "thawed": [started, in_freeze, *GIVEN_IN_FREEZE, filled(over)],
    }
    built = ContestState()
    for position, change in enumerate(put(*full, *then[phase]), start=1):
        built.apply(position, change.type, change.id, change.instance)
    return built


def holds(word: str, phase: str, team_id: str | None, name: str, identifier: str) -> bool:
    """Whether a word of the expectation holds for an object, by the facts above."""
    submission_id = OF_SUBMISSION.get(identifier, identifier)
    facts = {
        "yes": True,
        "no": False,
        "started": phase != "before",
        "open": phase != "frozen",
        "inside": submission_id not in OUTSIDE,
        "pf": submission_id not in AFTER_FREEZE or phase == "thawed",
        "own": team_id is not None and OWN_BY_TYPE.get(name, {}).get(identifier) == team_id,
        "all": identifier in FOR_EVERYBODY,
    }
    return any(facts[part] for part in word.split("/"))


def sees(role: Role, team_id: str | None, phase: str, name: str, identifier: str) -> bool:
    """Whether a role sees an object: the table says so, and it sees all that the object may not be shown without."""
    if not holds(OBJECTS[name][role], phase, team_id, name, identifier):
        return False
    tells = name in ("submissions", "judgements", "runs", "commentary") or identifier in OF_A_PROBLEM
    if tells and not holds(OBJECTS["problems"][role], phase, team_id, "problems", "a"):
        return False
    if name == "awards" and identifier == "late" and ALTERATIONS["awards"][role] == "frozen" and phase == "frozen":
        return False
    named = OF_SUBMISSION.get(identifier) or COMMENTED.get(identifier)
    return named is None or sees(role, team_id, phase, "submissions", named)


def altered(role: Role, team_id: str | None, phase: str, name: str, instance: ContestObject) -> ContestObject:
    """What stands in the place of an object: the simplified judgement, the award of the freeze."""
    word = ALTERATIONS.get(name, {}).get(role, "full")
    if isinstance(instance, Contest):
        return brief(instance) if word == "brief" and phase == "before" else instance
    if isinstance(instance, Award):
        stands = instance.id == "winner" and word == "frozen" and phase == "frozen"
        return GIVEN_BEFORE_FREEZE if stands else instance
    if not isinstance(instance, Judgement | Run) or word == "full" or instance.judgement_type_id != "WA":
        return instance
    if word == "simple/own" and OWN_BY_TYPE[name].get(instance.id) == team_id:
        return instance
    if isinstance(instance, Run):
        return msgspec.structs.replace(instance, judgement_type_id="NO")
    return msgspec.structs.replace(instance, judgement_type_id=None, simplified_judgement_type_id="NO")


def brief(contest: Contest) -> Contest:
    """A match without its task."""
    assert contest.ext is not None
    assert contest.ext.loc is not None
    match = msgspec.structs.replace(contest.ext.loc, long_description=None)
    return msgspec.structs.replace(contest, ext=msgspec.structs.replace(contest.ext, loc=match))


def wanted(
    role: Role, team_id: str | None, phase: str, name: str, instance: ContestObject
) -> Iterator[tuple[str, object]]:
    """Every property with the value that the role shall see; files, whose form changes, by their names."""
    identifier: str = getattr(instance, "id", SINGLETON_ID)
    shown = altered(role, team_id, phase, name, instance)
    for field in msgspec.structs.fields(instance):
        word = PROPERTIES.get(f"{name}.{field.name}", {}).get(role, "yes")
        value = file_names(getattr(shown, field.name))
        if not holds(word, phase, team_id, name, identifier):
            value = field.default
        if field.name == "reply_to_id" and value is not None:
            value = value if sees(role, team_id, phase, name, ANSWERED[identifier]) else None
        yield field.name, value


def file_names(value: object) -> object:
    """The names of files in the place of their references."""
    return [getattr(member, "filename", member) for member in value] if isinstance(value, list) else value


def deviations(view: RoleView, name: str) -> list[str]:
    """Where a view of one type differs from what roles.md says."""
    role = view.role
    offered = OBJECTS[name][role] != "no"
    announced = {
        property for property in view.types[name].properties if view.table_row[name].properties[property] is not never
    }
    listed = {p for p in OBJECT_TYPES[name].properties if PROPERTIES.get(f"{name}.{p}", {}).get(role) != "no"}
    if view.types[name].offered != offered or (offered and announced != listed):
        return [f"{role} {name}: access lists {sorted(announced ^ listed)} otherwise"]
    return [
        f"{role} {team_id} {phase} {name} {identifier}: {problem}"
        for phase in PHASES
        for team_id in (("t1", "t2", None) if role == "team" else (None,))
        for identifier, instance in contest_in(phase).objects[name].items()
        for problem in differences(view, phase, team_id, name, identifier, instance)
    ]


def differences(
    view: RoleView, phase: str, team_id: str | None, name: str, identifier: str, instance: ContestObject
) -> Iterator[str]:
    """How one object is shown otherwise than it shall be."""
    shown = view.of(contest_in(phase), team_id, name, instance)
    if (shown is not None) != sees(view.role, team_id, phase, name, identifier):
        yield "hidden" if shown is None else "shown"
    elif shown is not None:
        for property, value in wanted(view.role, team_id, phase, name, instance):
            found = file_names(getattr(shown, property))
            if found != value:
                yield f"{property} is {found!r}, not {value!r}"


def mutants(name: str, cell: Cell) -> Iterator[tuple[str, Cell]]:
    """Every way to flip one entry of a cell."""
    everything = dict.fromkeys(OBJECT_TYPES[name].properties, always)
    for condition in (always, never, own):
        if cell.objects is not condition and not (condition is own and not cell.offered):
            properties = cell.properties or everything
            yield (
                f"objects {condition.__name__}",
                msgspec.structs.replace(cell, objects=condition, properties=properties),
            )
    if not cell.offered:
        return
    for property in OBJECT_TYPES[name].properties:
        others = {other: condition for other, condition in cell.properties.items() if other != property}
        if property in cell.properties:
            yield f"{property} removed", msgspec.structs.replace(cell, properties=others)
        for condition in (always, never):
            if cell.properties.get(property, never) is not condition:
                flipped = others | {property: condition}
                yield f"{property} {condition.__name__}", msgspec.structs.replace(cell, properties=flipped)
    for alteration in (
        unaltered,
        ALTERED.get(name, unaltered),
    ):
        if alteration is not cell.altered:
            yield f"altered {alteration.__name__}", msgspec.structs.replace(cell, altered=alteration)


@pytest.mark.parametrize("name", OBJECT_TYPES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_of_a_type_what_roles_md_says(role: Role, name: str) -> None:
    assert deviations(role_view(role), name) == []


@pytest.mark.parametrize("role", ROLES)
def test_flipping_any_cell_is_found(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each condition of each object and property, and each alteration: the comparison above sees the flip."""
    row, flipped, survived = VISIBILITY[role], 0, []
    for name, cell in row.items():
        known = deviations(role_view(role), name)
        for flip, mutant in mutants(name, cell):
            monkeypatch.setitem(VISIBILITY, role, row | {name: mutant})
            flipped += 1
            if deviations(RoleView(role), name) == known:
                survived.append(f"{name}: {flip}")
    assert sorted(survived) == sorted(redundant(role))
    assert flipped > 200


def redundant(role: Role) -> Iterator[str]:
    """Entries that closure over references decides alone, whatever the cell says: flipping them changes nothing."""
    if OBJECTS["accounts"][role] == "no":
        yield from ("submissions: account_id never", "submissions: account_id removed")
    if OBJECTS["runs"][role] != "yes":
        # A run is hidden with its judgement, which has the same condition.
        yield "runs: objects always"


def test_every_phase_has_something_to_hide() -> None:
    """The facts reach each word of the expectation, in both ways."""
    words = {
        part
        for table in (OBJECTS, PROPERTIES)
        for row in table.values()
        for word in row.values()
        for part in word.split("/")
    }
    seen = {
        (word, holds(word, phase, "t1", name, identifier))
        for phase in PHASES
        for name, members in contest_in(phase).objects.items()
        for identifier in members
        for word in words
    }
    assert seen == {(word, outcome) for word in words for outcome in (True, False)} - {("yes", False), ("no", True)}


@pytest.mark.parametrize("role", ROLES)
def test_capabilities_and_boards_are_those_of_roles_md(role: Role) -> None:
    assert set(CAPABILITIES[role]) == expected.CAPABILITIES[role]
    assert SEES_LIVE_SCOREBOARD[role] == (ALTERATIONS["awards"][role] == "live")
    assert SEES_PROBLEMS_BEFORE_START[role] == (OBJECTS["problems"][role] == "yes")


def flawed(role: Role, name: str, cell: Cell | None) -> dict[Role, Row]:
    """Table two with one cell changed, or (None) forgotten."""
    row = {other: kept for other, kept in VISIBILITY[role].items() if other != name}
    return VISIBILITY | {role: row if cell is None else row | {name: cell}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (flawed("team", "runs", None), "says nothing about team and"),
        (flawed("judge", "runs", Cell(objects=always, properties={"colour": always})), "do not have"),
        (flawed("admin", "runs", Cell(objects=always, properties={"id": always})), "says nothing about .* of runs"),
    ],
)
def test_a_table_that_forgets_something_is_refused(table: dict[Role, Row], message: str) -> None:
    """A missing pair, an unknown property, and a property that nobody sees."""
    with pytest.raises(LookupError, match=message):
        check_total(table)


def test_clarifications_are_what_the_facts_say() -> None:
    """The facts about who asked and who is addressed are those of the objects."""
    for identifier, instance in contest_in("running").objects["clarifications"].items():
        assert isinstance(instance, Clarification)
        nobody = instance.from_team_id is None and instance.to_team_ids is None and instance.to_group_ids is None
        assert nobody == (identifier in FOR_EVERYBODY)
        assert instance.reply_to_id == ANSWERED.get(identifier)
