"""The index of references: at every moment what a search through all objects would find."""

from hypothesis import given
from hypothesis import strategies as st

from projections.contest import ContestState
from projections.integrity import Key, ReferrerIndex, dangling, named_by
from schemas.object_types import OBJECT_TYPES, referenced_ids
from schemas.objects import Person, PersonRole
from tests.builders import clarification, judgement, person, put, run, small_contest, submission, team
from tests.histories import History, histories

CLARIFICATIONS = OBJECT_TYPES["clarifications"]


def searched(state: ContestState) -> dict[Key, set[Key]]:
    """Who names whom, found by looking at every object."""
    found: dict[Key, set[Key]] = {}
    for name, members in state.objects.items():
        for identifier, instance in members.items():
            for reference in OBJECT_TYPES[name].references:
                for target in referenced_ids(reference, instance):
                    found.setdefault((reference.target, target), set()).add((name, identifier))
    return found


@given(histories())
def test_the_index_finds_what_a_search_finds(history: History) -> None:
    """After every change, for everything that exists or ever did."""
    state, ever = ContestState(), dict[Key, None]()
    for number, change in enumerate(history.changes):
        state.apply(number + 1, change.type, change.id, change.instance)
        ever[(change.type, change.id)] = None
        if number >= history.base:
            expected = searched(state)
            assert {key: set(state.referrers.of(key)) for key in ever if set(state.referrers.of(key))} == expected


def test_an_object_that_names_the_same_twice_can_change_and_go() -> None:
    """A question of a team to itself; a person who is contestant and coach of one team."""
    index, key = ReferrerIndex(), ("clarifications", "c")
    both, one = clarification("c", from_team="t1", to_teams=["t1"]), clarification("c", from_team="t1")
    index.replace(key, None, both)
    index.replace(key, both, one)
    assert list(index.of(("teams", "t1"))) == [key]
    index.replace(key, one, both)
    index.replace(key, both, None)
    assert list(index.of(("teams", "t1"))) == []
    roles = [PersonRole(type="contestant", team_id="t1"), PersonRole(type="coach", team_id="t1")]
    member = Person(id="p", name="P", roles=roles)
    index.replace(("persons", "p"), None, member)
    index.replace(("persons", "p"), member, person("p", "coach", "t2"))
    assert list(index.of(("teams", "t1"))) == []
    assert list(index.of(("teams", "t2"))) == [("persons", "p")]


@given(st.permutations(["t1", "t2", "t3"]))
def test_referrers_stand_in_the_order_in_which_they_began(order: list[str]) -> None:
    """Also when a later one changes something else."""
    state = ContestState()
    for position, change in enumerate(put(*(team(identifier, ["main"]) for identifier in order)), start=1):
        state.apply(position, change.type, change.id, change.instance)
    state.apply(4, "teams", order[0], team(order[0], ["main", "guests"]))
    assert list(state.referrers.of_type(("groups", "main"), "teams")) == order
    assert list(state.referrers.of_type(("groups", "main"), "persons")) == []


def test_what_is_named_is_in_the_order_of_the_properties() -> None:
    question = clarification("c", from_team="t1", to_teams=["t2", "t3"], to_groups=["g"], reply_to="q", problem_id="a")
    assert named_by(CLARIFICATIONS, question) == (
        ("teams", "t1"),
        ("teams", "t2"),
        ("teams", "t3"),
        ("groups", "g"),
        ("clarifications", "q"),
        ("problems", "a"),
    )


def test_what_dangles_is_named() -> None:
    state = ContestState()
    for position, change in enumerate(small_contest(), start=1):
        state.apply(position, change.type, change.id, change.instance)
    lost = submission("lost", "nobody", "a", "0:00:01.000")
    assert list(dangling(state.objects, OBJECT_TYPES["submissions"], lost)) == [("teams", "nobody")]
    for intact in (judgement("x", "s1", "AC", "0:00:01.000"), run("x", "j1", 1, "AC", "0:00:01.000")):
        (change,) = put(intact)
        assert list(dangling(state.objects, OBJECT_TYPES[change.type], intact)) == []
