"""What a version says of a contest is understood again when its feed is read, and agrees with feeds of that version.

Files are left out of it: a feed brings none.
"""

import json
from typing import Any

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.dialects.contest_api_2023_06 import CONTEST_API_2023_06
from cds.dialects.contest_api_2026_01 import CONTEST_API_2026_01
from cds.dialects.feed import FeedTranslator
from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from cds.served_versions import EARLIER_VERSIONS
from projections.served_versions import ServedVersion
from schemas.object_types import OBJECT_TYPES
from schemas.objects import JudgementType
from tests import independent_fold
from tests.builders import CONTEST, Played, Reader, put, small_contest, state
from tests.cds.contest_api import small_contest as other_small_contest
from tests.cds.contest_api.real_contests import DATA, REAL_CONTESTS, needs_shared_data, real_contest

Json = dict[str, Any]
Told = dict[tuple[str, str | None], Json]

ADMIN = Reader("admin")
FILES = {name: {file.property for file in row.file_properties} for name, row in OBJECT_TYPES.items()}

each_version = pytest.mark.parametrize("version", EARLIER_VERSIONS, ids=lambda version: version.name)

GROUP_OF_THE_OTHERS = "participants"
"""Where a version tells of hidden teams, the reader puts the others into a group of this id."""

LOST_IN_2026_01 = {
    "persons": {"roles"},
    "state": {"removed_intervals"},
    "runs": {"score"},
    "teams": {"primary_rgb", "primary_color", "secondary_rgb", "secondary_color"},
}
LOST_IN_2023_06 = LOST_IN_2026_01 | {
    "contest": {"main_scoreboard_group_id"},
    "judgement-types": {"simplified_judgement_type_id"},
    "problems": {"memory_limit", "output_limit", "code_limit"},
    "organizations": {"country_subdivision"},
    "teams": LOST_IN_2026_01["teams"] | {"group_ids"},
    "submissions": {"account_id"},
    "judgements": {"current", "judgement_type_id", "simplified_judgement_type_id"},
    "clarifications": {"to_team_ids", "to_group_ids"},
}
LOST = {CONTEST_API_2026_01: LOST_IN_2026_01, CONTEST_API_2023_06: LOST_IN_2023_06}
"""The properties that a version says less of than we do, or in fewer words."""

FILLED_IN = {
    "languages": {"entry_point_required", "entry_point_name"},
    "problems": {"test_data_count"},
    "teams": {"label", "hidden"},
    "commentary": {"tags"},
    "contest": {"penalty_time"},
}
"""What the recorded feeds do not say, and our reader or the version fills in (`hidden` is not of 2026-01, but they have
it)."""


def changes_of(contents: ContestContents) -> list[ObjectChange]:
    """The history of a contest that was read."""
    return [ObjectChange(change.type, change.id, change.instance) for change in contents.changes]


def read_again(feed: bytes) -> list[ObjectChange]:
    """What our reader makes of a feed."""
    translator = FeedTranslator()
    changes = [
        change
        for number, line in enumerate(feed.splitlines(), start=1)
        for change in translator.translate(number, json.loads(line))
    ]
    return [ObjectChange(change.type, change.id, change.instance) for change in (*changes, *translator.finish())]


def without_files(told: Told) -> Told:
    """Objects without their files."""
    return {key: {n: value for n, value in data.items() if n not in FILES[key[0]]} for key, data in told.items()}


def folded(lines: bytes) -> Told:
    """What the lines of a feed lead to."""
    collections = independent_fold.fold(json.loads(line) for line in lines.splitlines() if line.strip())
    return {
        (name, None if name in ("contest", "state") else identifier): data
        for name, members in collections.items()
        for identifier, data in members.items()
    }


def told_by(played: Played) -> Told:
    """What GET says to an administrator."""
    return without_files(
        {
            (name, identifier or None): json.loads(data)
            for name, members in played.shown(ADMIN).items()
            for identifier, data in members.items()
        }
    )


def but_for_the_others(told: Told) -> Told:
    """Without the group that stands for all teams that are not hidden."""
    kept = {}
    for key, data in told.items():
        if key != ("groups", GROUP_OF_THE_OTHERS):
            groups = [each for each in data.get("group_ids") or () if each != GROUP_OF_THE_OTHERS]
            kept[key] = data | {"group_ids": groups} if "group_ids" in data else data
    return kept


def check(changes: list[ObjectChange], version: ServedVersion) -> None:
    """The feed of a version, read again, says the same in that version, and the same in ours but for what is lost."""
    original = Played(changes, roles=("admin",), version=version)
    copied = Played(read_again(original.feed(ADMIN)), roles=("admin",), version=version)
    assert but_for_the_others(told_by(copied)) == but_for_the_others(told_by(original))
    told = told_by(original)
    for name, members in original.state.objects.items():
        for identifier, instance in members.items():
            if (name, identifier or None) in told:
                again = copied.state.objects[name][identifier]
                lost = LOST[version].get(name, set()) | FILES[name]
                assert kept(again, lost) == kept(instance, lost), (name, identifier)


def kept(instance: msgspec.Struct, lost: set[str]) -> Json:
    """The properties of an object that are not lost."""
    return {name: value for name, value in msgspec.structs.asdict(instance).items() if name not in lost}


@each_version
def test_small_contests_are_read_again(version: ServedVersion) -> None:
    check(small_contest(), version)
    for phase in ("before", "running", "frozen", "over"):
        check(changes_of(other_small_contest.small_contest("small", phase)), version)


def test_the_penalty_that_a_score_contest_is_told_with_is_none() -> None:
    """2023-06 demands a number; read again it is no penalty, and judgement types say nothing of one."""
    contest = msgspec.structs.replace(CONTEST, scoreboard_type="score", penalty_time=None)
    types = [JudgementType(id=each, name=each, solved=each == "AC") for each in ("AC", "WA")]
    changes = put(contest, state(), *types)
    told = Played(changes, roles=("admin",), version=CONTEST_API_2023_06)
    assert json.loads(told.shown(ADMIN)["contest"][""])["penalty_time"] == 0
    check(changes, CONTEST_API_2023_06)


def test_a_pass_fail_contest_may_have_a_penalty_of_nothing() -> None:
    check(put(msgspec.structs.replace(CONTEST, penalty_time="0:00:00.000"), state()), CONTEST_API_2023_06)


@needs_shared_data
@each_version
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
def test_recorded_contests_are_read_again(contest_id: str, version: ServedVersion) -> None:
    check(changes_of(real_contest(contest_id)), version)


@needs_shared_data
@each_version
@pytest.mark.parametrize("name", ["wf44-2020", "roi-2021-mini"])
def test_we_say_what_a_recorded_feed_of_the_version_says(name: str, version: ServedVersion) -> None:
    """Every object and every property of a feed that another program made, contest times and minutes included."""
    path = DATA / name / f"event-feed-{version.name}.ndjson"
    given = without_files(folded(path.read_bytes()))
    played = Played(changes_of(read_contest(path)), roles=("admin",), version=version)
    ours = without_files(folded(played.feed(ADMIN)))
    expected = {key for key in given if key[0] in version.types}
    assert ours.keys() == expected
    if version is CONTEST_API_2026_01 and "penalty_time" in ours["contest", None]:
        given["contest", None]["penalty_time"] += ".000"  # all our relative times have milliseconds
    for key in expected:
        filled_in = FILLED_IN.get(key[0], set())
        for property in ours[key].keys() | given[key].keys():
            # Null and absent mean the same.
            same = ours[key].get(property) == given[key].get(property)
            assert same or (property in filled_in and not given[key].get(property)), (key, property)
