"""Views: addresses of files, references that are stripped or hide, awards that would give a problem away."""

import json
from typing import Any

import msgspec
import pytest

from projections.visibility import href, is_single_archive
from schemas.extensions import ContestExtension, LeagueOfCodeMatch
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Award
from schemas.viewers import ROLES
from tests.builders import (
    CONTEST,
    READERS,
    START,
    Played,
    Reader,
    clarification,
    image,
    moment,
    put,
    setup,
    small_contest,
    state,
    team,
)

PUBLIC = Reader("public")


def shown(played: Played, reader: Reader, name: str, identifier: str = "") -> Any:
    """One object as JSON, None when it is hidden."""
    data = played.audiences[reader.role].object((name, identifier), reader.team_id)
    return None if data is None else json.loads(data)


def files_of(name: str) -> dict[str, Any]:
    """The file properties of a type by name."""
    return {file.property: file for file in OBJECT_TYPES[name].file_properties}


@pytest.mark.parametrize(
    ("name", "identifier", "property", "filename", "expected"),
    [
        ("submissions", "187", "files", "files.zip", "contests/wf14/submissions/187/files"),
        ("problems", "a", "statement", "a.pdf", "contests/wf14/problems/a/statement/a.pdf"),
        ("contest", "", "logo", "logo 1.png", "contests/wf14/logo/logo%201.png"),
        ("organizations", "ü/x", "logo", "?.png", "contests/wf14/organizations/%C3%BC%2Fx/logo/%3F.png"),
    ],
)
def test_addresses_of_files(name: str, identifier: str, property: str, filename: str, expected: str) -> None:
    """Relative to the base URL, without a leading slash, safe in a URL; an archive needs no file name."""
    assert href("wf14", OBJECT_TYPES[name], identifier, files_of(name)[property], filename) == expected


def test_archives_are_those_of_which_there_is_one() -> None:
    single = {
        f"{name}.{file.property}"
        for name, row in OBJECT_TYPES.items()
        for file in row.file_properties
        if is_single_archive(file)
    }
    assert single == {"problems.package", "teams.backup", "submissions.files"}


def test_a_file_goes_out_with_its_address_and_without_that_of_its_bytes() -> None:
    played = Played(small_contest())
    for reader in READERS:
        assert b'"content"' not in played.feed(reader)
    (logo,) = shown(played, PUBLIC, "organizations", "uni")["logo"]
    assert logo["href"] == "contests/finals/organizations/uni/logo/logo.png"


def test_a_stream_keeps_the_address_that_it_came_with() -> None:
    played = Played(small_contest())
    (webcam,) = shown(played, Reader("judge"), "teams", "t1")["webcam"]
    assert webcam["href"] == "https://cam/t1"


def test_a_hidden_file_has_no_reference() -> None:
    """Contest API, "File references": who may not fetch it does not see it."""
    played = Played(small_contest())
    assert "files" not in shown(played, Reader("team", "t2"), "submissions", "s1")
    assert "files" in shown(played, Reader("team", "t1"), "submissions", "s1")


def test_a_reply_to_a_question_that_is_not_seen_is_shown_without_it() -> None:
    """To whoever sees the question the same reply names it, also when it is everybody's."""
    played = Played([*small_contest(), *put(clarification("answer", reply_to="question"))])
    assert "reply_to_id" not in shown(played, PUBLIC, "clarifications", "answer")
    assert "reply_to_id" not in shown(played, Reader("team", "t2"), "clarifications", "answer")
    for reader in (Reader("team", "t1"), Reader("judge"), Reader("analyst")):
        assert shown(played, reader, "clarifications", "answer")["reply_to_id"] == "question"


def test_an_answer_names_its_question_once_that_is_told_to_all() -> None:
    """The feed says so with a line for the answer, behind that of the question."""
    played = Played([*small_contest(), *put(clarification("answer", reply_to="question"))])
    place = played.last_sequence(PUBLIC)
    played.play(put(clarification("question", problem_id="a")))
    lines = [json.loads(line) for line in played.feed(PUBLIC, place).splitlines()]
    assert [line["id"] for line in lines] == ["question", "answer"]
    assert lines[1]["data"]["reply_to_id"] == "question"


def test_a_team_that_comes_late_hears_what_its_group_was_told() -> None:
    played = Played([*small_contest(), *put(team("t4", ["guests"]))])
    assert shown(played, Reader("team", "t4"), "clarifications", "to-guests") is not None


def test_the_start_reveals_problems_and_all_that_names_them() -> None:
    """Each in a line of the event that started the contest, problems first."""
    played = Played([*setup(), *put(clarification("about-a", problem_id="a"))])
    assert shown(played, PUBLIC, "problems", "a") is None
    assert shown(played, PUBLIC, "clarifications", "about-a") is None
    assert shown(played, PUBLIC, "awards", "first-to-solve-a") is None
    place = played.last_sequence(PUBLIC)
    played.play(put(state(started=START)))
    lines = [json.loads(line) for line in played.feed(PUBLIC, place).splitlines()]
    assert [(line["type"], line["id"]) for line in lines] == [
        ("problems", "a"),
        ("problems", "b"),
        ("state", None),
        ("clarifications", "about-a"),
        ("awards", "first-to-solve-a"),
    ]


def test_the_task_of_a_match_is_told_from_its_start_on() -> None:
    """To judges before; the feed of all others has a line for the contest, before that of its state."""
    match = LeagueOfCodeMatch(slug="super-match", short_description="Short", long_description="SECRET TASK")
    contest = msgspec.structs.replace(CONTEST, ext=ContestExtension(loc=match))
    played = Played([*setup(), *put(contest)])
    place = played.last_sequence(PUBLIC)
    brief = {"slug": "super-match", "short_description": "Short"}
    for reader in READERS:
        sees = reader.role in ("judge", "staff", "admin")
        assert (b"SECRET TASK" in played.feed(reader)) is sees, reader
        assert (shown(played, reader, "contest")["ext"]["loc"] == brief) is not sees, reader
    played.play(put(state(started=START)))
    assert shown(played, PUBLIC, "contest")["ext"]["loc"]["long_description"] == "SECRET TASK"
    lines = [json.loads(line) for line in played.feed(PUBLIC, place).splitlines()]
    assert [line["type"] for line in lines][:1] == ["contest"]
    assert lines[0]["data"]["ext"]["loc"]["long_description"] == "SECRET TASK"
    place = played.last_sequence(PUBLIC)
    played.play(put(state(started=None)))
    lines = [json.loads(line) for line in played.feed(PUBLIC, place).splitlines()]
    assert next(line for line in lines if line["type"] == "contest")["data"]["ext"]["loc"] == brief


def test_awards_of_the_freeze_come_with_the_thaw() -> None:
    played = Played([*small_contest(), *put(state(started=START, frozen=moment("4:00:00.000")))])
    played.play(
        put(Award(id="winner", citation="Winner", team_ids=["t2"]), Award(id="late", citation="L", team_ids=[]))
    )
    assert shown(played, PUBLIC, "awards", "winner")["team_ids"] == ["t1"]
    assert shown(played, PUBLIC, "awards", "late") is None
    assert shown(played, Reader("judge"), "awards", "winner")["team_ids"] == ["t2"]
    over = state(started=START, frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000"))
    played.play(put(over))
    assert shown(played, PUBLIC, "awards", "winner")["team_ids"] == ["t2"]
    assert shown(played, PUBLIC, "awards", "late") is not None


def test_cameras_are_off_in_the_freeze() -> None:
    played = Played([*small_contest(), *put(state(started=START, frozen=moment("4:00:00.000")))])
    seeing = {reader for reader in READERS if "webcam" in shown(played, reader, "teams", "t1")}
    assert seeing == {Reader("judge"), Reader("staff"), Reader("admin"), Reader("team", "t1")}


def test_everybody_sees_the_contest_alike() -> None:
    """What is public has the same bytes for every role."""
    played = Played([*small_contest(), *put(msgspec.structs.replace(CONTEST, banner=image("banner.png")))])
    assert len({played.audiences[role].object(("contest", ""), None) for role in ROLES}) == 1
