"""What filters find by an index of what is told: what a look at every object finds, and without that look."""

import json
from collections import Counter, defaultdict
from functools import partial
from itertools import product

from hypothesis import given

from projections.filtering import filters_of, matching, possible
from projections.told import Line, Told
from projections.told_view import TYPE_NAMES, ToldView
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.viewers import Role
from tests.builders import READERS, Played
from tests.effort import DEAR
from tests.histories import History, histories
from tests.projections.test_told_view import Edge

FILTERED = [row for row in OBJECT_TYPES.values() if row.filter_properties and not row.singleton]
RUNS, RUNS_OF_JUDGEMENT = 3_000, 50


def filtered(view: ToldView, name: str, parameters: list[tuple[str, str]], team_id: str | None = None) -> list[bytes]:
    """What an edge answers, with a look at nothing but what the index has."""
    row = OBJECT_TYPES[name]
    filters = filters_of(view.role, row, parameters)
    found = possible(filters, partial(view.naming, name))
    assert found is not None
    return list(matching(row, filters, view.some(name, found, team_id)))


def searched(view: ToldView, name: str, parameters: list[tuple[str, str]], team_id: str | None = None) -> list[bytes]:
    """Those of all objects that have the wanted values; absent, null and the empty value are alike."""
    return [
        data
        for data in view.collection(name, team_id)
        if all((json.loads(data).get(property) or "") == value for property, value in parameters)
    ]


def test_filters_find_what_a_search_finds_after_every_event() -> None:
    """For every value that anybody was ever shown, also where a team is shown another one than all others are."""
    reached = Counter[str]()

    @DEAR
    @given(histories())
    def law(history: History) -> None:
        reached.update(found_out_of(history))

    law()
    assert reached["something was found"]
    assert reached["a team was shown something of its own"]


def found_out_of(history: History) -> list[str]:
    """What was reached in it. Fails where filters find something else than a search."""
    played = Played()
    edge = Edge(played)
    values: dict[tuple[Role, str], set[str]] = defaultdict(lambda: {"", "nobody"})
    found, apart = 0, False
    for number, change in enumerate(history.changes):
        played.play([change])
        edge.level()
        for reader, row in product(READERS if number >= history.base else (), FILTERED):
            view = edge.views[reader.role]
            shown = [(data, json.loads(data)) for data in view.collection(row.name, reader.team_id)]
            apart = apart or any(reader.team_id in view._own.get((row.name, each["id"]), ()) for _, each in shown)
            for property in offered(reader.role, row):
                known = values[reader.role, property]
                known.update(each.get(property) or "" for _, each in shown)
                for value in known:
                    expected = [data for data, each in shown if (each.get(property) or "") == value]
                    assert filtered(view, row.name, [(property, value)], reader.team_id) == expected, (reader, property)
                    found += len(expected)
    happened = {"something was found": found > 0, "a team was shown something of its own": apart}
    return [what for what, happens in happened.items() if happens]


def offered(role: Role, row: ObjectType) -> list[str]:
    """The properties by which a role may filter."""
    return [each for each in row.filter_properties if each in role_view(role).types[row.name].properties]


def view_of_runs() -> ToldView:
    """A view of many runs."""
    view = ToldView("public")
    view.take(Told(tuple(run_line(number) for number in range(RUNS)), 1_000))
    return view


def run_line(number: int, judgement_type_id: str = "AC", token: int | None = None) -> Line:
    """A line about a run."""
    data = {"id": f"r{number}", "judgement_id": f"j{number // RUNS_OF_JUDGEMENT}", "ordinal": 1}
    encoded = json.dumps({**data, "judgement_type_id": judgement_type_id, "time": "2031-05-17T08:30:06.000Z"})
    body = f'{{"type":"runs","id":"r{number}","data":{encoded},"token":"{number if token is None else token:022}'
    return Line(TYPE_NAMES.index("runs"), body.encode())


def test_little_is_looked_at_where_little_can_match() -> None:
    """However much there is, and whichever of several filters it is that little matches."""
    view = view_of_runs()
    for parameters, count in (
        ([("judgement_id", "j5")], RUNS_OF_JUDGEMENT),
        ([("judgement_type_id", "AC"), ("judgement_id", "j5")], RUNS_OF_JUDGEMENT),
        ([("judgement_id", "none")], 0),
        ([("judgement_id", "")], 0),
        ([("judgement_id", "j5"), ("judgement_id", "j6")], 0),
        ([("judgement_type_id", "AC")], RUNS),
    ):
        found = possible(filters_of("public", OBJECT_TYPES["runs"], parameters), partial(view.naming, "runs"))
        assert found is not None
        assert len(found) == count, parameters
        assert filtered(view, "runs", parameters) == searched(view, "runs", parameters)


def test_what_is_shown_as_something_else_is_found_as_that_alone() -> None:
    view = view_of_runs()
    view.take(Told((run_line(7, "WA", RUNS),), 1_000))
    view.take(Told((run_line(8, "WA", RUNS + 1),), 1_000, team_id="t1"))
    for team_id, expected in ((None, ["r7"]), ("t1", ["r7", "r8"]), ("t2", ["r7"])):
        found = filtered(view, "runs", [("judgement_type_id", "WA")], team_id)
        assert [json.loads(data)["id"] for data in found] == expected
        assert len(filtered(view, "runs", [("judgement_type_id", "AC")], team_id)) == RUNS - len(expected)
