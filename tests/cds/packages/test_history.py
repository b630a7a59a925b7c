"""A feed beside the collections of a package: its history is taken when it ends where the collections do."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from cds.dialects.results import Change
from cds.packages.contents import ContestContents, SourceRefused
from cds.packages.reading import read_contest
from cds.packages.writing import write_package
from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Award, Contest, Team
from tests.cds.dialects.feeds import (
    ACCEPTED,
    CONTEST,
    JUDGEMENT,
    STATE,
    SUBMISSION,
    TEAM,
    TYPICAL,
    WRONG,
    Plain,
    line,
    typical,
)
from tests.cds.packages.packages import Content, as_archive, as_directory, as_feed, png, read, small

FEED = "event-feed.ndjson"
FREEZING: Plain = {**CONTEST, "scoreboard_freeze_duration": "1:00:00.000"}
FROZEN: Plain = {**STATE, "frozen": "2024-01-01T14:00:00.000+01:00"}
SECOND_TEAM: Plain = {**TEAM, "id": "t2", "label": "2"}
EARLY_AWARD: Plain = {"id": "winner", "citation": "Leads at the freeze", "team_ids": ["t1"]}
LATE_AWARD: Plain = {"id": "winner", "citation": "Wins", "team_ids": ["t2"]}
OTHER_AWARD: Plain = {"id": "other", "citation": "Comes in the freeze", "team_ids": []}
WARNS: Plain = {"id": "t1", "name": "Team"}
"""A team whose label is filled in with a warning."""

ENDED: Plain = {**STATE, "end_of_updates": "2024-01-01T16:00:00.000+01:00"}
HISTORY_OF_AWARDS = (
    *((name, FREEZING if name == "contest" else data) for name, data in TYPICAL),
    ("teams", SECOND_TEAM),
    ("judgements", JUDGEMENT),
    ("awards", EARLY_AWARD),
    ("state", FROZEN),
    ("awards", LATE_AWARD),
    ("awards", OTHER_AWARD),
)


def feed_of(*pairs: tuple[str, Plain]) -> bytes:
    return as_feed(*(line(name, data) for name, data in pairs))


def frozen_package() -> dict[str, Content]:
    """A contest in its freeze whose awards have changed since the freeze began."""
    return {
        **small(),
        "contest.json": FREEZING,
        "teams.json": [TEAM, SECOND_TEAM],
        "state.json": FROZEN,
        "awards.json": [LATE_AWARD, OTHER_AWARD],
        FEED: feed_of(*HISTORY_OF_AWARDS),
    }


def without(files: dict[str, Content], *names: str) -> dict[str, Content]:
    return {name: content for name, content in files.items() if name not in names}


def folded(changes: Iterable[Change]) -> ContestState:
    state = ContestState()
    for position, change in enumerate(changes, start=1):
        state.apply(position, change.type, change.id, change.instance)
    return state


def history(contents: ContestContents, type_name: str, identifier: str) -> list[object]:
    return [change.instance for change in contents.changes if (change.type, change.id) == (type_name, identifier)]


def warnings_of(contents: ContestContents) -> list[str]:
    return [str(warning) for warning in contents.warnings]


def difference(subject: str, count: int) -> str:
    """The warning that the feed ends elsewhere, `subject` being the first object that differs."""
    words = "is not at the end of the feed what it is in the collections, which count; objects that differ:"
    return f"event-feed.ndjson {subject}: {words} {count}"


@pytest.mark.parametrize("name", ["c1", "c1.zip"])
def test_written_package_gives_back_the_awards_at_the_freeze(tmp_path: Path, name: str) -> None:
    """What the public saw when the freeze began rests on history, so it must survive export and import."""
    feed = tmp_path / "feed.ndjson"
    feed.write_bytes(feed_of(*HISTORY_OF_AWARDS))
    original = read(feed)
    documents = {"api.json": b'{"version":"draft"}'}
    for type_name, row in OBJECT_TYPES.items():
        if objects := list(original.final[type_name].values()):
            documents[f"{row.package_file}.json"] = msgspec.json.encode(objects[0] if row.singleton else objects)
    write_package(tmp_path / name, documents, feed.read_bytes().splitlines(), [])
    again = read(tmp_path / name)
    assert again.warnings == []
    assert again.changes == original.changes
    assert again.final == original.final
    before, after = folded(original.changes), folded(again.changes)
    assert after.awards_at_freeze == {"winner": msgspec.convert(EARLY_AWARD, Award)}
    assert after.awards_at_freeze == before.awards_at_freeze
    assert after.objects["awards"] == {
        "winner": msgspec.convert(LATE_AWARD, Award),
        "other": msgspec.convert(OTHER_AWARD, Award),
    }


def test_collections_alone_show_nobody_the_awards_of_the_freeze(tmp_path: Path) -> None:
    """The contrast to the test before: without the feed, nothing was there when the freeze began."""
    contents = read(as_directory(tmp_path / "c1", without(frozen_package(), FEED)))
    assert folded(contents.changes).awards_at_freeze == {}


def test_files_that_a_feed_names_are_found_in_the_package(tmp_path: Path) -> None:
    logo = {"href": "contests/c1/logo/logo.png", "filename": "logo.png", "mime": "image/png", "width": 4, "height": 4}
    contest: Plain = {**CONTEST, "logo": [logo]}
    pairs = [(name, contest if name == "contest" else data) for name, data in TYPICAL]
    files = {**without(small(), "judgements.json"), "contest.json": contest, "contest/logo.png": png(4, 4)}
    contents = read(as_directory(tmp_path / "c1", {**files, FEED: feed_of(*pairs)}))
    assert contents.warnings == []
    assert len(contents.files) == 1
    (told,) = history(contents, "contest", "")
    assert isinstance(told, Contest)
    assert [reference.content for reference in told.logo or []] == list(contents.files)


def test_types_that_only_the_collections_have_follow_the_history(tmp_path: Path) -> None:
    """And what of the feed names them is completed; accounts keep their passwords."""
    account = {"id": "a1", "username": "team1", "password": "secret", "type": "team", "team_id": "t1"}
    submission: Plain = {**SUBMISSION, "account_id": "a1"}
    pairs = [(name, submission if name == "submissions" else data) for name, data in TYPICAL]
    files = {**small(), "accounts.json": [account], "submissions.json": [submission], FEED: feed_of(*pairs)}
    contents = read(as_directory(tmp_path / "c1", files))
    assert contents.warnings == []
    assert contents.passwords == {"a1": "secret"}
    assert [change.type for change in contents.changes[:8]] == [name for name, _ in TYPICAL]
    assert [(change.type, change.id) for change in contents.changes[8:]] == [
        ("accounts", "a1"),
        ("submissions", "s1"),
        ("judgements", "j1"),
    ]


def test_end_of_updates_stays_the_last_change(tmp_path: Path) -> None:
    """`read` checks it: here the feed ends its updates, and the judgements are those of the collections alone."""
    pairs = [(name, ENDED if name == "state" else data) for name, data in TYPICAL]
    contents = read(as_directory(tmp_path / "c1", {**small(), "state.json": ENDED, FEED: feed_of(*pairs)}))
    assert contents.warnings == []
    assert [change.type for change in contents.changes[-2:]] == ["judgements", "state"]


def test_types_without_a_file_are_taken_from_the_feed(tmp_path: Path) -> None:
    """The collections may name them, and what they hold in the end is what the source says."""
    files = without(small(), "teams.json", "state.json", "judgement-types.json")
    feed = as_feed(*typical(("teams", SECOND_TEAM), line("teams", None, "t2")))
    contents = read(as_directory(tmp_path / "c1", {**files, FEED: feed}))
    assert contents.warnings == []
    assert list(contents.final["teams"]) == ["t1"]
    assert list(contents.final["judgement-types"]) == ["AC", "WA"]
    assert contents.spoken_of == {name for name, _ in TYPICAL} | {"judgements"}
    assert len(history(contents, "teams", "t2")) == 2


def test_types_without_a_file_are_taken_from_a_feed_that_differs(tmp_path: Path) -> None:
    """What names something that the collections do not hold is left out with a warning: the collections count."""
    more: Plain = {**SUBMISSION, "id": "s2"}
    of_more: Plain = {**JUDGEMENT, "id": "j2", "submission_id": "s2"}
    feed = as_feed(*typical(("submissions", more), ("judgements", JUDGEMENT), ("judgements", of_more)))
    contents = read(as_directory(tmp_path / "c1", {**without(small(), "judgements.json"), FEED: feed}))
    assert list(contents.final["submissions"]) == ["s1"]
    assert list(contents.final["judgements"]) == ["j1"]
    assert warnings_of(contents) == [
        "event-feed.ndjson judgements/j2 submission_id: names submissions/s2, which never came: left out",
        difference("submissions/s2", 2),
    ]


def test_collections_count_when_the_feed_ends_elsewhere(tmp_path: Path) -> None:
    """One warning says how many objects differ and which is the first, in the order of table one."""
    wrong: Plain = {**WRONG, "name": "Wrong"}
    feed = as_feed(*typical(("judgement-types", wrong), ("teams", {**TEAM, "name": "Other"}), ("teams", WARNS)))
    alone = read(as_directory(tmp_path / "alone" / "c1", small()))
    contents = read(as_directory(tmp_path / "c1", {**small(), FEED: feed}))
    assert contents.changes == alone.changes
    assert contents.final == alone.final
    assert contents.spoken_of == alone.spoken_of
    assert warnings_of(contents) == [difference("judgement-types/WA", 2)]
    with pytest.raises(SourceRefused, match=r"^event-feed\.ndjson judgement-types/WA: "):
        read_contest(tmp_path / "c1", strict=True)


def test_object_that_only_the_feed_has_is_a_difference(tmp_path: Path) -> None:
    contents = read(as_directory(tmp_path / "c1", {**small(), FEED: as_feed(*typical(("teams", SECOND_TEAM)))}))
    assert list(contents.final["teams"]) == ["t1"]
    assert [(warning.type, warning.id) for warning in contents.warnings] == [("teams", "t2")]


def test_repairs_of_the_same_object_are_warned_of_once(tmp_path: Path) -> None:
    """A repair that the collections did not need, of an object that is gone in the end, is still said."""
    gone = {**WARNS, "id": "gone"}
    pairs = [("teams", WARNS) if name == "teams" else (name, data) for name, data in TYPICAL]
    feed = feed_of(*pairs, ("teams", gone)) + as_feed(line("teams", None, "gone"))
    files = {**small(), "teams.json": [WARNS], FEED: feed}
    contents = read(as_directory(tmp_path / "c1", files))
    assert len(history(contents, "teams", "gone")) == 2
    assert [(warning.file, warning.id) for warning in contents.warnings] == [("teams.json", "t1"), (FEED, "gone")]


@pytest.mark.parametrize("lacking", ["state", "submissions"])
def test_awards_without_what_tells_of_the_freeze_are_no_history(tmp_path: Path, lacking: str) -> None:
    """Else the awards of the jury would pass for those that everybody saw when the freeze began.

    Either the state says that it began, or a submission in it does; each stands in the collections alone.
    """
    in_freeze: Plain = {**SUBMISSION, "time": "2024-01-01T14:30:00.000+01:00", "contest_time": "4:30:00.000"}
    state, submission = (FROZEN, SUBMISSION) if lacking == "state" else (STATE, in_freeze)
    pairs = [pair for pair in HISTORY_OF_AWARDS if pair[0] != lacking and pair != ("state", FROZEN)]
    files = {**frozen_package(), "state.json": state, "submissions.json": [submission], FEED: feed_of(*pairs)}
    contents = read(as_directory(tmp_path / "c1", files))
    assert not folded(contents.changes).awards_at_freeze
    words = f"are told without {lacking}, so not as they were before a freeze: the collections count"
    assert warnings_of(contents) == [f"event-feed.ndjson awards: {words}"]


def test_empty_feed_and_feed_without_a_contest_are_completed(tmp_path: Path) -> None:
    alone = read(as_directory(tmp_path / "alone" / "c1", small()))
    empty = read(as_directory(tmp_path / "empty" / "c1", {**small(), FEED: b"\n"}))
    assert empty == msgspec.structs.replace(alone, files=empty.files)
    pairs = [pair for pair in TYPICAL if pair[0] != "contest"]
    rest = read(as_directory(tmp_path / "rest" / "c1", {**small(), FEED: feed_of(*pairs)}))
    assert rest.final == alone.final
    assert rest.warnings == []


def test_contest_ids_are_made_one(tmp_path: Path) -> None:
    """A feed whose contest has no id means the one beside it; an id that is given holds for both."""
    nameless = {name: value for name, value in CONTEST.items() if name != "id"}
    feed = as_feed({"type": "contest", "id": None, "data": nameless}, *typical(("judgements", JUDGEMENT))[1:])
    contents = read(as_directory(tmp_path / "other-name", {**small(), FEED: feed}))
    assert contents.contest_id == "c1"
    assert warnings_of(contents) == ["event-feed.ndjson:1 contest id: is absent, filled with 'c1'"]
    renamed = read(as_directory(tmp_path / "c1", {**small(), FEED: as_feed()}), contest_id="new")
    assert renamed.contest_id == "new"
    assert renamed.warnings == []


def test_hidden_teams_of_the_feed_stay_off_the_scoreboard(tmp_path: Path) -> None:
    """Teams that come from the feed alone are in the participants group or out of it as the feed says."""
    feed = as_feed(*typical(("teams", {**SECOND_TEAM, "hidden": True})))
    contents = read(as_directory(tmp_path / "c1", {**without(small(), "teams.json"), FEED: feed}))
    contest = contents.final["contest"][""]
    assert isinstance(contest, Contest)
    assert contest.main_scoreboard_group_id == "participants"
    teams = {identifier: team for identifier, team in contents.final["teams"].items() if isinstance(team, Team)}
    assert {identifier: team.group_ids for identifier, team in teams.items()} == {"t1": ["participants"], "t2": None}
    assert [warning.property for warning in contents.warnings] == ["hidden"]


def test_hidden_teams_in_both_come_to_the_same(tmp_path: Path) -> None:
    hidden: Plain = {**SECOND_TEAM, "hidden": True}
    feed = as_feed(*typical(("teams", hidden), ("judgements", JUDGEMENT)))
    contents = read(as_directory(tmp_path / "c1", {**small(), "teams.json": [TEAM, hidden], FEED: feed}))
    assert [(warning.file, warning.property) for warning in contents.warnings] == [("teams.json", "hidden")]
    assert list(contents.final["groups"]) == ["participants"]


@pytest.mark.parametrize("hidden_in", ["collections", "feed"])
def test_hidden_groups_of_one_hide_the_teams_of_the_other(tmp_path: Path, hidden_in: str) -> None:
    group: Plain = {"id": "guests", "name": "Guests", "hidden": True}
    guest: Plain = {**SECOND_TEAM, "group_ids": ["guests"]}
    if hidden_in == "collections":
        files = {**without(small(), "teams.json"), "groups.json": [group], FEED: as_feed(*typical(("teams", guest)))}
    else:
        files = {**small(), "teams.json": [TEAM, guest], FEED: as_feed(*typical(("groups", group)))}
    contents = read(as_directory(tmp_path / "c1", files))
    contest = contents.final["contest"][""]
    assert isinstance(contest, Contest)
    assert contest.main_scoreboard_group_id == "participants"
    assert list(contents.final["groups"]) == ["guests", "participants"]
    teams = {identifier: team for identifier, team in contents.final["teams"].items() if isinstance(team, Team)}
    assert {identifier: team.group_ids for identifier, team in teams.items()} == {
        "t1": ["participants"],
        "t2": ["guests"],
    }


def test_accounts_that_only_the_feed_has_bring_their_passwords(tmp_path: Path) -> None:
    """A file of accounts counts alone, with the passwords in it and no others."""
    account: Plain = {"id": "a1", "username": "judge", "type": "judge"}
    feed = as_feed(*typical(("accounts", {**account, "password": "of the feed"})))
    assert read(as_directory(tmp_path / "c1", {**small(), FEED: feed})).passwords == {"a1": "of the feed"}
    files = {**small(), "accounts.json": [account], FEED: feed}
    contents = read(as_directory(tmp_path / "c2", files))
    assert contents.passwords == {}
    assert contents.warnings == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (b"not read\n", "event-feed.ndjson:9: is not JSON: "),
        (as_feed(line("teams", {"id": "a/b", "name": "x", "label": "x"})), "event-feed.ndjson:9: teams id "),
        (b'{"type": "teams"}\n', "event-feed.ndjson:9: teams has no data"),
    ],
)
def test_feed_that_cannot_be_read_refuses_the_package(tmp_path: Path, more: bytes, words: str) -> None:
    source = as_archive(tmp_path / "c1.zip", {**small(), FEED: as_feed() + more})
    with pytest.raises(SourceRefused) as refused:
        read_contest(source)
    assert str(refused.value).startswith(words)


def test_repeated_lines_are_those_of_the_history(tmp_path: Path) -> None:
    feed = as_feed(*typical(("judgement-types", ACCEPTED), ("teams", TEAM)))
    assert read(as_directory(tmp_path / "c1", {**small(), FEED: feed})).repeated_lines == 2


def test_progress_counts_lines_and_objects(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    source = as_directory(tmp_path / "c1", {**small(), FEED: as_feed()})
    read_contest(source, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (9 + len(TYPICAL), 9 + len(TYPICAL))
