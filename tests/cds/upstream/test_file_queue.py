"""Which file is asked for next: places take turns, and what was not refused comes before what was."""

from cds.upstream.fetched_files import FileId
from cds.upstream.file_places import FAILURES_MAX, FilePlace, FilePlaces
from cds.upstream.file_queue import FileQueue
from cds.upstream.patience import Patience

PHOTOS, SOURCES = FilePlace("host", "teams.photo"), FilePlace("host", "submissions.files")
PATIENCE = Patience(pause_s=1.0, pause_s_max=30.0)


def file(name: str) -> FileId:
    """A file by its name."""
    return name, ""


def in_order(queue: FileQueue, *, closed: frozenset[FilePlace] = frozenset(), all_new: bool = False) -> list[str]:
    """What the queue gives until it has nothing more to give."""
    names = []
    while (found := queue.next(lambda place: place not in closed, all_new=all_new)) is not None:
        names.append(found[1][0])
    return names


def filled() -> FileQueue:
    """Submissions that were asked for and some that were not, and photos behind them."""
    queue = FileQueue()
    for name in ("s1", "s2"):
        queue.add(SOURCES, file(name), again=True)
    queue.add(SOURCES, file("s3"), again=False)
    for name in ("p1", "p2"):
        queue.add(PHOTOS, file(name), again=False)
    return queue


def test_places_take_turns_and_what_was_refused_comes_last_in_its_own() -> None:
    """However much of it there is."""
    assert in_order(filled()) == ["s3", "p1", "s1", "p2", "s2"]


def test_a_place_that_is_left_alone_holds_nobody_else_up() -> None:
    """And loses nothing."""
    queue = filled()
    assert in_order(queue, closed=frozenset({SOURCES})) == ["p1", "p2"]
    assert in_order(queue) == ["s3", "s1", "s2"]


def test_at_the_end_only_what_was_refused_waits() -> None:
    """What was never asked for may be there."""
    queue = filled()
    assert in_order(queue, closed=frozenset({SOURCES, PHOTOS}), all_new=True) == ["s3", "p1", "p2"]
    assert in_order(queue, closed=frozenset({PHOTOS})) == ["s1", "s2"]


def test_a_kind_that_is_refused_says_nothing_of_others() -> None:
    """After some refusals in a row one file of that kind is asked for at a time, ever more rarely."""
    places = FilePlaces(PATIENCE)
    for _ in range(FAILURES_MAX - 1):
        assert not places.failed(SOURCES, 0.0, 0.0)
    assert places.may_be_asked(SOURCES, 0.0)
    assert places.failed(SOURCES, 0.0, 0.0)
    assert places.may_be_asked(PHOTOS, 0.0)
    assert [places.may_be_asked(SOURCES, now_s) for now_s in (0.0, 0.9, 1.0)] == [False, False, True]
    places.begin(SOURCES)
    assert not places.may_be_asked(SOURCES, 1.0)
    places.failed(SOURCES, 1.0, 0.0)
    places.end(SOURCES)
    assert [places.may_be_asked(SOURCES, now_s) for now_s in (2.9, 3.0)] == [False, True]


def test_that_a_place_is_left_alone_is_told_once() -> None:
    """Also where one file in a hundred comes in between."""
    places = FilePlaces(PATIENCE)
    told = 0
    for _ in range(5):
        told += sum(places.failed(SOURCES, 0.0, 0.0) for _ in range(FAILURES_MAX))
        places.succeeded(SOURCES)
        assert places.may_be_asked(SOURCES, 0.0)
    assert told == 1
