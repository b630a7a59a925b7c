"""The capacity model is arithmetic that can be done again by hand; no figure is judged here."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.capacity.__main__ import DOCUMENT
from tests.benchmarks.capacity.assumptions import Assumptions, assumed
from tests.benchmarks.capacity.centre import Centre
from tests.benchmarks.capacity.documented_properties import property_texts
from tests.benchmarks.capacity.drawing import SIZES, STYLES, draw
from tests.benchmarks.capacity.model import Edges, plan
from tests.benchmarks.capacity.recorded_load import per_second_of_busiest_minute
from tests.benchmarks.capacity.reliefs import RELIEFS, relieved, steps
from tests.benchmarks.capacity.tables import BEGIN, END, sections, write_into
from tests.benchmarks.capacity.unit_costs import NUMBERS, Numbers, RecordedLoad, UnitCosts, read_numbers, write_numbers

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
KIB = 1_024
GIB = 1_024**3
VIEWERS_MAX = 30_000_000

ONLY_PAGES = assumed(["page_share=1", "feed_share=0", "login_share=0"])


def numbers(**costs: float) -> Numbers:
    """The numbers of the documentation, with some costs in the place of those, all others zero where any is given."""
    kept = read_numbers()
    if not costs:
        return kept
    nothing = dict.fromkeys(UnitCosts.__struct_fields__, 0)
    return msgspec.structs.replace(kept, costs=msgspec.convert(nothing | costs, UnitCosts, strict=False))


@given(
    st.integers(1_000, VIEWERS_MAX),
    st.integers(1_000, VIEWERS_MAX),
    st.floats(0, 0.5),
    st.sampled_from([relieved, lambda assumptions: assumptions]),
)
def test_more_viewers_never_ask_for_less(one: int, other: int, feeds: float, changed: object) -> None:
    """Of any resource, whoever they are and whatever is done for them."""
    assert callable(changed)
    mix = assumed([f"page_share={0.99 - feeds}", f"feed_share={feeds}"])
    fewer, more = (plan(viewers, changed(mix), numbers()) for viewers in sorted((one, other)))
    assert all(fewer.demand(each.resource).load <= each.load * (1 + 1e-9) for each in more.demands)
    assert fewer.edge_machines <= more.edge_machines


@given(st.integers(1_000, VIEWERS_MAX), st.integers(0, len(RELIEFS)))
def test_there_are_machines_enough_and_one_to_spare(viewers: int, done: int) -> None:
    """When one edge machine fails, the others still give what every resource is asked for."""
    assumptions = Assumptions()
    for relief in RELIEFS[:done]:
        assumptions = assumed(relief.changes, assumptions)
    found = plan(viewers, assumptions, numbers())
    of_edges = [each for each in found.demands if each.tier == "edge"]
    assert all(each.load <= (found.edge_machines - 1) * each.one_gives for each in of_edges)
    assert any(each.load > (found.edge_machines - 2) * each.one_gives for each in of_edges)
    assert found.bottleneck.asks_for == max(each.asks_for for each in found.demands)
    assert found.back_s > 0


def test_the_processors_are_those_that_one_works_out_by_hand() -> None:
    """A cost of 100 µs for each board is what the rate of boards makes of it, and asking costs beside it."""
    load = numbers().load
    sending = Edges(ONLY_PAGES, numbers(board_send_tls_us=100))
    boards_s = load.peak_boards_s * ONLY_PAGES.busier
    assert sending.processor_s(sending.peak) == pytest.approx(boards_s * 100e-6)
    asking = Edges(ONLY_PAGES, numbers(unchanged_us=100))
    requests_s = 1 / (ONLY_PAGES.awards_pause_s + 1 / boards_s) + 2 / ONLY_PAGES.heartbeat_s
    assert asking.processor_s(asking.peak) == pytest.approx(requests_s * 100e-6)
    idle = Edges(ONLY_PAGES, numbers(board_idle_us=7))
    assert idle.processor_s(idle.mean) == pytest.approx(7e-6)


def test_a_tick_bounds_how_often_somebody_is_sent_something() -> None:
    """And not how many bytes."""
    slow, quick = (Edges(assumed([f"tick_s={tick_s}"]), numbers()) for tick_s in (1, 0.001))
    assert slow.peak.feed_sends_s < 1 < quick.peak.feed_sends_s
    assert slow.peak.feed_bytes_s == quick.peak.feed_bytes_s


def test_the_memory_is_that_of_streams_and_of_connections_beside_them() -> None:
    """A page has one of each; with nothing of ours it is the kernel's alone."""
    edges = Edges(ONLY_PAGES, numbers(board_tls_kib=100, connection_tls_kib=10))
    assert edges.memory_bytes() == KIB * (110 + 2 * ONLY_PAGES.kernel_kib)
    found = plan(1_000_000, ONLY_PAGES, numbers(board_tls_kib=100, connection_tls_kib=10))
    assert found.demand("memory of edges").load == pytest.approx(1_000_000 * edges.memory_bytes() / GIB)


def test_passwords_that_are_not_remembered_are_hashed_each_time() -> None:
    """Up to the limit of what is remembered the core hardly hashes; beyond it there is a wall, and none with tokens."""
    only_hashing = numbers(password_us=1_000_000)
    below, above = (int(Assumptions().remembered_logins * 100 * times) for times in (0.99, 1.99))
    few, many = (plan(viewers, Assumptions(), only_hashing).core_cores_used for viewers in (below, above))
    assert many > 3 * few
    assert plan(above, assumed(["passwords=false"]), only_hashing).core_cores_used == 0


def test_what_edges_pass_on_while_everybody_arrives_is_worked_out_by_hand() -> None:
    """A process asks for each part of a page once in a second in which anybody wants it, however many do."""
    kept = assumed(["page_requests_passed_on=10", "passed_on_kept_s=1", "arrival_s=100"], ONLY_PAGES)
    crowd, few = Centre(kept, numbers()), Centre(assumed(["requests_spared=0.99"], kept), numbers())
    assert crowd.passed_on_s(10**9, 7) == pytest.approx(7 * 10, rel=1e-4)
    assert crowd.passed_on_s(700, 7) == pytest.approx(7 * 10 / 2)
    assert few.passed_on_s(70_000, 7) == pytest.approx(7 * 10 / 2)
    assert crowd.passed_on_s(0, 7) == 0
    found = plan(10_000_000, kept, numbers(unchanged_us=100))
    assert found.core_cores_arrival == pytest.approx(found.passed_on_arrival_s * 100e-6)
    assert found.core_machines >= found.demand("processors of the core, everybody arrives").asks_for


@pytest.mark.parametrize("relief", RELIEFS, ids=lambda relief: relief.name)
def test_each_measure_helps_against_what_it_is_for(relief: object) -> None:
    """Against all that is named, and it takes no more machines than before."""
    assert relief in RELIEFS
    for each in (one for one in RELIEFS if one is relief):
        before, after = (plan(10_000_000, to, numbers()) for to in (Assumptions(), assumed(each.changes)))
        assert [name for name in each.against if after.demand(name).load >= before.demand(name).load] == []
        assert after.edge_machines <= before.edge_machines


def test_steps_end_when_nothing_is_left_to_be_done() -> None:
    """A small crowd needs nothing; a large one everything, each measure once, and fewer machines with each."""
    assert [step.done for step in steps(10_000, Assumptions(), numbers())] == [None]
    found = steps(10_000_000, Assumptions(), numbers())
    assert sorted(step.done.name for step in found if step.done) == sorted(relief.name for relief in RELIEFS)
    machines = [step.plan.edge_machines for step in found]
    assert machines == sorted(machines, reverse=True)
    assert machines[-1] < machines[0]


@pytest.mark.parametrize(
    "change", ["page_share=0.5", "pages=1", "page_share", "machine_cores=many", "feed_share=0.5", "tls_at_edge=perhaps"]
)
def test_what_cannot_be_assumed_is_refused(change: str) -> None:
    """With a word on it."""
    with pytest.raises(ValueError, match=r"add up|no such assumption|Expected"):
        assumed([change])


def test_the_busiest_minute_is_found() -> None:
    """Three times in the second minute, twice in the first."""
    assert per_second_of_busiest_minute([0, 59_999, 60_000, 61_000, 119_999]) == 3 / 60
    assert per_second_of_busiest_minute([]) == 0


def test_numbers_are_kept_with_three_digits(tmp_path: Path) -> None:
    """And read back."""
    kept = read_numbers()
    write_numbers(kept, tmp_path / "numbers.json")
    assert read_numbers(tmp_path / "numbers.json") == kept
    assert (tmp_path / "numbers.json").read_bytes() == NUMBERS.read_bytes()


@pytest.mark.parametrize("structure", [Assumptions, UnitCosts, RecordedLoad])
def test_every_number_says_what_it_is(structure: type[msgspec.Struct]) -> None:
    """In the tables of the documentation."""
    assert set(property_texts(structure)) == set(structure.__struct_fields__)


def test_the_documentation_has_the_tables_of_these_numbers(tmp_path: Path) -> None:
    """Whoever changes the model or the numbers writes them anew: python -m tests.benchmarks.capacity."""
    copy = tmp_path / DOCUMENT.name
    copy.write_bytes(DOCUMENT.read_bytes())
    write_into(copy, sections(SIZES, Assumptions(), numbers()))
    assert copy.read_text(encoding="utf-8") == DOCUMENT.read_text(encoding="utf-8")


def test_a_document_without_a_place_for_a_table_is_refused(tmp_path: Path) -> None:
    """It names the table."""
    (tmp_path / "page.md").write_text(f"{BEGIN.format('one')}\n{END}\n", encoding="utf-8")
    write_into(tmp_path / "page.md", {"one": "| 1 |"})
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == f"{BEGIN.format('one')}\n| 1 |\n{END}\n"
    with pytest.raises(ValueError, match="no place for other"):
        write_into(tmp_path / "page.md", {"other": ""})


def test_the_chart_is_drawn(tmp_path: Path) -> None:
    """With what may be the bottleneck on it."""
    draw(Assumptions(), numbers(), tmp_path / "docs" / "capacity.png")
    assert (tmp_path / "docs" / "capacity.png").read_bytes().startswith(PNG_SIGNATURE)
    first = {step.plan.bottleneck.resource for size in SIZES for step in steps(size, Assumptions(), numbers())}
    assert first <= STYLES.keys()
