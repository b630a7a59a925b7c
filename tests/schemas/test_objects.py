"""The objects of the JSON format as strict structures: what they refuse, and how null is written."""

import msgspec
import pytest

from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, Group, Judgement, Problem, State, Submission, Team
from tests.builders import NOTHING_HAPPENED, START, file, image, state, submission

TEAM = {"id": "t", "name": "T", "label": "1"}
JUDGEMENT = {"id": "j", "submission_id": "s", "start_time": START}
PROBLEM = {"id": "a", "label": "A", "name": "A", "ordinal": 0, "test_data_count": 0}


def read(data: object, structure: type[ContestObject]) -> ContestObject:
    """An object as it comes over the wire."""
    return msgspec.json.decode(msgspec.json.encode(data), type=structure)


@pytest.mark.parametrize(
    ("structure", "data", "named"),
    [
        (Team, {"id": "t", "name": "T"}, "label"),
        (Team, TEAM | {"name": None}, "name"),
        (Team, TEAM | {"id": 7}, "id"),
        (Team, TEAM | {"colour": "red"}, "colour"),
        (Team, TEAM | {"primary_rgb": "red"}, "primary_rgb"),
        (Team, TEAM | {"group_ids": "main"}, "group_ids"),
        (Team, TEAM | {"location": {"x": 1, "y": 2}}, "rotation"),
        (Judgement, JUDGEMENT | {"score": -1}, "score"),
        (Judgement, JUDGEMENT | {"current": "yes"}, "current"),
        (Problem, PROBLEM | {"test_data_count": -1}, "test_data_count"),
        (Problem, PROBLEM | {"ordinal": 1.5}, "ordinal"),
        (Group, {"id": "g", "name": "G", "location": {"latitude": 91, "longitude": 0}}, "location"),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_property(
    structure: type[ContestObject], data: object, named: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        read(data, structure)


def test_null_and_absent_are_alike_and_neither_is_written() -> None:
    """JSON Format: a property that is null may be left out."""
    assert read(TEAM | {"location": None, "group_ids": None}, Team) == read(TEAM, Team)
    assert msgspec.json.encode(read(TEAM | {"location": None}, Team)) == b'{"id":"t","name":"T","label":"1"}'


def test_an_empty_list_is_not_null() -> None:
    assert b'"group_ids":[]' in msgspec.json.encode(read(TEAM | {"group_ids": []}, Team))


def test_the_state_writes_every_null_out() -> None:
    """JSON Format, "Contest state": clients read `started: null` as not yet."""
    written = msgspec.json.decode(msgspec.json.encode(NOTHING_HAPPENED))
    assert written == dict.fromkeys(["started", "frozen", "ended", "thawed", "finalized", "end_of_updates"])
    assert read(written, State) == NOTHING_HAPPENED
    assert b"removed_intervals" not in msgspec.json.encode(state(started=START))


def test_a_submission_writes_out_a_null_entry_point_and_empty_files() -> None:
    """Clients of C and C++ contests count on both; a viewer who may not see them gets neither."""
    written = msgspec.json.encode(msgspec.structs.replace(submission("s", "t", "a", "0:00:01.000"), files=[]))
    assert b'"entry_point":null' in written
    assert b'"files":[]' in written
    hidden = msgspec.structs.replace(read(msgspec.json.decode(written), Submission), entry_point=msgspec.UNSET)
    assert b"entry_point" not in msgspec.json.encode(hidden)


def test_numbers_keep_their_kind() -> None:
    """An integer score stays an integer, a fraction a fraction."""
    assert msgspec.json.encode(read(JUDGEMENT | {"score": 3}, Judgement)).endswith(
        b'"score":3,"start_time":"%s"}' % START.encode()
    )
    assert b'"score":0.5' in msgspec.json.encode(read(JUDGEMENT | {"score": 0.5}, Judgement))


def test_properties_stand_in_the_order_of_the_specification() -> None:
    written = list(msgspec.json.decode(msgspec.json.encode(submission("s", "t", "a", "0:00:01.000"))))
    order = [property for property in OBJECT_TYPES["submissions"].properties if property in written]
    assert written == order


def test_files_are_known_by_their_marks() -> None:
    """Which properties are pictures, archives and streams is read off the annotations."""
    files = {f.property: (f.image, f.streams, f.mimes) for f in OBJECT_TYPES["teams"].file_properties}
    assert files["photo"] == (True, False, ("image/png", "image/jpeg", "image/svg+xml"))
    assert files["backup"] == (False, False, ("application/zip",))
    assert files["webcam"] == (False, True, ())
    assert file("a", "text/plain", href="https://x")[0].content is None
    assert image("logo.png")[0].width == 64
