"""What is written down of whose the objects of a contest are (pure)."""

from typing import cast

from cds.commands.decision import ObjectChange
from cds.commands.platform_objects import RECORD_IDS_MAX, Known
from schemas.records import PLATFORM_OBJECTS, PlatformObjects


def test_records_say_what_came_and_went_and_nothing_is_written_twice() -> None:
    known = Known()
    first = [*known.changes({"teams": {"a", "b"}, "problems": {"1"}})]
    assert first == [
        ObjectChange(PLATFORM_OBJECTS, "1", PlatformObjects(came={"teams": ("a", "b"), "problems": ("1",)}))
    ]
    known.take(cast("PlatformObjects", first[0].instance))
    (second,) = known.changes({"teams": {"b", "c"}, "problems": {"1"}})
    assert second == ObjectChange(
        PLATFORM_OBJECTS, "2", PlatformObjects(came={"teams": ("c",)}, went={"teams": ("a",)})
    )
    known.take(cast("PlatformObjects", second.instance))
    assert [*known.changes({"teams": {"b", "c"}, "problems": {"1"}})] == []
    assert known.of_type("teams") == {"b", "c"}


def test_more_than_one_record_takes_are_several() -> None:
    many = {str(number) for number in range(RECORD_IDS_MAX + 1)}
    changes = [*Known().changes({"submissions": many, "teams": {"a"}})]
    assert [change.id for change in changes] == ["1", "2"]
    known = Known(cast("PlatformObjects", change.instance) for change in changes)
    assert (known.of_type("submissions"), known.of_type("teams")) == (many, {"a"})
