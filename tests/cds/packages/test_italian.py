"""Contests in the Italian format: what a typical one comes to, as a directory and as an archive, and what is odd."""

import hashlib
from pathlib import Path
from typing import cast

import msgspec
import pytest

from cds.dialects.results import SourceRefused
from cds.packages.reading import read_contest
from schemas.extensions import CmsContest, CmsParticipation
from schemas.object_types import SINGLETON_ID
from schemas.objects import Account, Contest, Language, Organization, Person, Problem, Team
from tests.cds.dialects.feeds import assert_fresh_log_can_take
from tests.cds.packages.italian_contests import (
    CONTEST,
    GEN,
    PDF,
    SUM,
    TREE,
    cms_task,
    of_contest,
    of_task,
    problem,
    read,
    regional,
)
from tests.cds.packages.packages import Content, as_archive

TYPES_TOLD = {
    "contest",
    "judgement-types",
    "languages",
    "problems",
    "groups",
    "organizations",
    "teams",
    "persons",
    "accounts",
}


def contest_of(root: Path, files: dict[str, Content]) -> Contest:
    return cast("Contest", read(root, files).final["contest"][SINGLETON_ID])


def cms_contest(root: Path, more: str) -> CmsContest | None:
    contest = contest_of(root, of_contest(CONTEST.replace("[sum, tree]", "[sum]") + more))
    return None if contest.ext is None else contest.ext.cms


def messages(root: Path, files: dict[str, Content]) -> list[str]:
    return [str(warning) for warning in read(root, files).warnings]


def test_a_typical_contest_comes_without_a_warning(tmp_path: Path) -> None:
    contents = read(tmp_path, regional(), strict=True)
    assert contents.contest_id == "regional"
    assert contents.spoken_of == TYPES_TOLD, "the state is not the plan's to say"
    assert_fresh_log_can_take(contents.changes)
    contest = cast("Contest", contents.final["contest"][SINGLETON_ID])
    assert (contest.name, contest.scoreboard_type) == ("Regional Olympiad", "score")
    assert (contest.start_time, contest.duration) == ("2030-03-17T18:46:40.000+01:00", "5:00:00.000")
    assert contest.ext is None


def test_users_are_accounts_teams_and_persons(tmp_path: Path) -> None:
    contents = read(tmp_path, regional())
    account = cast("Account", contents.final["accounts"]["anna"])
    assert (account.type, account.username, account.team_id, account.person_id) == ("team", "anna", "anna", "anna")
    assert cast("Team", contents.final["teams"]["anna"]).organization_id == "LAZ"
    assert cast("Organization", contents.final["organizations"]["LAZ"]).name == "Lazio"
    person = cast("Person", contents.final["persons"]["anna"])
    assert person.name == "Anna Bianchi"
    assert [(role.type, role.team_id) for role in person.roles] == [("contestant", "anna")]
    assert contents.passwords == {"anna": "secret of anna", "0042": "0815"}, "digits stay text"


def test_statements_are_named_after_task_and_language(tmp_path: Path) -> None:
    contents = read(tmp_path, regional())
    summing = cast("Problem", contents.final["problems"]["sum"])
    tree = cast("Problem", contents.final["problems"]["tree"])
    named = {file.filename: file.content for each in (summing, tree) for file in each.statement or []}
    assert named == {
        "sum.en.pdf": hashlib.sha256(PDF + b"en").hexdigest(),
        "sum.it.pdf": hashlib.sha256(PDF + b"it").hexdigest(),
        "tree.en.pdf": hashlib.sha256(PDF + b"tree").hexdigest(),
    }
    assert {contents.files[address or ""].read() for address in named.values()} == {
        PDF + b"en",
        PDF + b"it",
        PDF + b"tree",
    }
    assert [file.filename for file in summing.attachments or []] == ["grader.cpp"]


@pytest.mark.parametrize(
    ("path", "filename"),
    [
        ("sum/statement.pdf", "sum.it.pdf"),
        ("sum/sum.fil.pdf", "sum.fil.pdf"),
        ("sum/statement/pt-BR.pdf", "sum.pt-BR.pdf"),
        ("sum/statement/sum.en_ISC.pdf", "sum.en_ISC.pdf"),
        ("sum/statement/statement.de.pdf", "sum.de.pdf"),
        ("sum/testo/testo_en.pdf", "sum.en.pdf"),
    ],
)
def test_a_statement_may_lie_in_many_places(tmp_path: Path, path: str, filename: str) -> None:
    found = problem(tmp_path, of_task("n_input: 1\n", **{path: PDF, "sum/solution.pdf": PDF, "sum/it.pdf": PDF}))
    assert [file.filename for file in found.statement or []] == [filename]


def test_an_archive_says_the_same_as_its_directory(tmp_path: Path) -> None:
    archive = as_archive(tmp_path / "regional.zip", {f"regional/{path}": it for path, it in regional().items()})
    packed, unpacked = read_contest(archive), read(tmp_path, regional())
    assert packed.final == unpacked.final
    assert packed.passwords == unpacked.passwords
    assert {file.read() for file in packed.files.values()} == {file.read() for file in unpacked.files.values()}


def test_the_names_of_old_are_read_too(tmp_path: Path) -> None:
    contest = """\
nome_breve: regional
nome: Regional Olympiad
timezone: Europe/Rome
inizio: 1900000000
fine: 1900018000
token_mode: disabled
languages: ["C++17 / g++", "Python 3 / CPython"]
problemi: [sum, tree]
teams: [{code: LAZ, name: Lazio}]
utenti:
  - {username: anna, password: secret of anna, nome: Anna, cognome: Bianchi, team: LAZ, fake: "False"}
  - {username: "0042", password: "0815", ip: null}
"""
    summing = """\
nome_breve: sum
nome: Sum of two numbers
timeout: 1.5
memlimit: 256
n_input: 4
score_mode: max
risultati: all
"""
    files = regional(**{"contest.yaml": contest})
    del files["sum/task.yaml"], files["tree/statement/statement.pdf"]
    files |= {"sum.yaml": summing, "tree/testo/testo.pdf": PDF + b"tree"}
    old, new = read(tmp_path / "old", files, strict=True), read(tmp_path / "new", regional())
    assert old.final == new.final
    assert old.passwords == new.passwords


def test_output_only_tasks_hand_in_a_file_a_test(tmp_path: Path) -> None:
    task = cms_task(problem(tmp_path, of_task("n_input: 3\noutput_only: True\n")))
    assert task.submission_format == ["output_000.txt", "output_001.txt", "output_002.txt"]


def test_what_cms_knows_of_a_task(tmp_path: Path) -> None:
    task = """\
n_input: 2
submission_format: ["encoder.%l", "decoder.%l"]
score_mode: max_tokened_last
score_precision: 2
max_submission_number: 50
min_submission_interval: 60
allowed_languages: [C]
"""
    found = cms_task(problem(tmp_path, of_task(task)))
    assert found.submission_format == ["encoder.%l", "decoder.%l"]
    assert (found.score_mode, found.score_precision) == ("max_tokened_last", 2)
    assert (found.max_submission_number, found.min_submission_interval) == (50, 60)
    assert found.allowed_languages == ["c"]


@pytest.mark.parametrize(
    ("key", "value", "words", "left"),
    [
        ("score_precision", "12", "is not a whole number from 0 to 9", 0),
        ("min_submission_interval", "99999999999999999999", "is not a number", None),
        ("submission_format", '["a/b.%l"]', "left out", None),
    ],
)
def test_a_key_that_does_not_fit_costs_no_other(
    tmp_path: Path, key: str, value: str, words: str, left: int | None
) -> None:
    task = f"n_input: 2\npublic_testcases: 0\nmax_submission_number: 50\n{key}: {value}\n"
    found = cms_task(problem(tmp_path, of_task(task)))
    assert getattr(found, key) == left
    assert found.max_submission_number == 50
    assert [subtask.public for subtask in found.subtasks or ()] == [True, False]
    assert any(key in warning and words in warning for warning in messages(tmp_path, of_task(task)))


def test_what_cms_knows_of_a_contest(tmp_path: Path) -> None:
    found = cms_contest(
        tmp_path,
        """\
max_submission_number: 100
min_submission_interval: 30
min_submission_interval_grace_period: 900
per_user_time: 7200
analysis_enabled: true
analysis_start: "2030-03-18 09:00:00"
analysis_stop: 1900100000
ip_autologin: true
ip_restriction: false
block_hidden_participations: true
""",
    )
    assert found is not None
    assert (found.max_submission_number, found.min_submission_interval, found.per_user_time) == (100, 30, 7200)
    assert found.min_submission_interval_grace_period == 900
    assert found.analysis is not None
    assert (found.analysis.start, found.analysis.stop) == (
        "2030-03-18T09:00:00.000+01:00",
        "2030-03-18T22:33:20.000+01:00",
    )
    assert (found.ip_autologin, found.ip_restriction, found.block_hidden_participations) == (True, False, True)


def test_what_cms_knows_of_a_participation(tmp_path: Path) -> None:
    user = "  - {username: guest, password: g, hidden: true, unrestricted: True, delay_time: 60, extra_time: 900,"
    user += " starting_time: 1900000100, ip: '192.0.2.7, 10.0.0.0/24'}\n"
    contents = read(tmp_path, regional(**{"contest.yaml": CONTEST + user}))
    account = cast("Account", contents.final["accounts"]["guest"])
    assert account.ip == "192.0.2.7,10.0.0.0/24"
    assert account.ext is not None
    assert account.ext.cms == CmsParticipation(
        hidden=True, unrestricted=True, delay_time=60, extra_time=900, starting_time="2030-03-17T18:48:20.000+01:00"
    )
    contest = cast("Contest", contents.final["contest"][SINGLETON_ID])
    assert contest.main_scoreboard_group_id is not None
    shown = {
        identifier
        for identifier, team in contents.final["teams"].items()
        if contest.main_scoreboard_group_id in (cast("Team", team).group_ids or ())
    }
    assert shown == {"anna", "0042"}, "who is hidden is not on the scoreboard"


def test_two_variants_of_a_language_have_ids_of_their_own(tmp_path: Path) -> None:
    names = '["C++11 / g++", "C++17 / g++", "C11 / gcc", "Java / JDK", "Whitespace / wspace",'
    names += '"Python 3 / CPython", "Python 3 / PyPy"]'
    contest = CONTEST.replace('["C++17 / g++", "Python 3 / CPython"]', names)
    languages = read(tmp_path, regional(**{"contest.yaml": contest})).final["languages"]
    assert {identifier: cast("Language", each).name for identifier, each in languages.items()} == {
        "cpp11": "C++11 / g++",
        "cpp17": "C++17 / g++",
        "c": "C11 / gcc",
        "java": "Java / JDK",
        "whitespace": "Whitespace / wspace",
        "python3": "Python 3 / CPython",
        "python3-pypy": "Python 3 / PyPy",
    }
    assert cast("Language", languages["java"]).entry_point_name == "Main class"


TIMES = [
    ("start: 1900000000\nstop: 1900003600", "2030-03-17T17:46:40.000Z", "1:00:00.000"),
    ("start: 2030-03-17 17:46:40\nstop: 2030-03-17 20:00", "2030-03-17T17:46:40.000Z", "2:13:20.000"),
    ("start: 2030-03-17T17:46:40+09:00\nstop: 2030-03-17 10:46:40 Z", "2030-03-17T08:46:40.000Z", "2:00:00.000"),
    (
        "timezone: Asia/Tokyo\nstart: 2030-03-17 09:00\nstop: 2030-03-17 14:00",
        "2030-03-17T09:00:00.000+09:00",
        "5:00:00.000",
    ),
    (
        "timezone: Europe/Rome\nstart: 2030-03-31 00:30\nstop: 2030-03-31 05:30",
        "2030-03-31T00:30:00.000+01:00",
        "4:00:00.000",
    ),
    ("timezone: Mars/Olympus\nstart: 1900000000\nstop: 1900003600", "2030-03-17T17:46:40.000Z", "1:00:00.000"),
    ("start: 0\nstop: 0", None, "5:00:00.000"),
    ("name: one", None, "5:00:00.000"),
]


@pytest.mark.parametrize(("lines", "start_time", "duration"), TIMES)
def test_times(tmp_path: Path, lines: str, start_time: str | None, duration: str) -> None:
    contest = contest_of(tmp_path, of_contest(f"tasks: [sum]\n{lines}\n"))
    assert (contest.start_time, contest.duration) == (start_time, duration)


ODD = [
    ("sum/task.yaml", SUM + "token_mode: finite\ntoken_gen_max: 3\n", "there are no tokens here"),
    ("sum/task.yaml", SUM + "max_user_test_number: 3\n", "there are no user tests here"),
    ("sum/task.yaml", SUM + "colour: red\n", "problems/sum colour: is not known here, left out"),
    ("sum/task.yaml", SUM.replace("n_input: 4", "n_input: 5"), "n_input: is 5, but 4 input files are there"),
    ("sum/task.yaml", SUM.replace("256", "much"), "memory_limit: is not a number from 0 on but 'much'"),
    ("sum/task.yaml", SUM.replace("all", "1,9"), "public_testcases: names test cases that do not exist"),
    ("sum/task.yaml", SUM + "score_type: Fancy\n", "score_type: 'Fancy' is not known here, left out"),
    ("sum/task.yaml", SUM.replace("score_mode: max\n", ""), "score_mode: is absent: the best submission counts"),
    ("sum/task.yaml", SUM.replace("name: sum", "name: adding"), "the name counts"),
    ("sum/task.yaml", SUM + "primary_language: it\nnome: Somma\n", "nome: is not read: title is there too"),
    ("tree/task.yaml", TREE.replace("primary_language: en\n", ""), "the statement is taken to be in it"),
    ("tree/gen/GEN", "1 2\n" + GEN, "1 test cases stand before the first subtask and belong to none"),
    ("tree/gen/GEN", GEN + "# ST: 10\n", "'Subtask 4' has no test cases, left out"),
    ("tree/gen/GEN", GEN + "4\n", "'Subtask 3' names 1 test cases beyond the last, left out"),
    ("tree/statement/english.version.pdf", PDF, "statement/english.version.pdf is named after no language, left out"),
    ("tree/statement/fig.pdf", PDF, "statement/fig.pdf is named after no language, left out"),
    ("sum/testo/testo.pdf", PDF, "sum/testo/testo.pdf is left out"),
    ("contest.yaml", CONTEST + "  - {username: carl}\n", "accounts/carl password: is absent"),
    (
        "contest.yaml",
        CONTEST + "  - {username: carl, password: 'bcrypt:$2b$12$x'}\n",
        "accounts/carl password: is kept",
    ),
    ("contest.yaml", CONTEST + "  - {username: carl, password: c, team: XYZ}\n", "'XYZ' is not among the teams"),
    ("contest.yaml", CONTEST + "per_user_time: soon\n", "per_user_time: is not a number from 0 on but 'soon'"),
    ("contest.yaml", CONTEST + "analysis_enabled: yes\n", "analysis_enabled: needs an analysis_stop"),
]


@pytest.mark.parametrize(("path", "content", "message"), ODD)
def test_what_is_odd_is_a_warning(tmp_path: Path, path: str, content: Content, message: str) -> None:
    told = messages(tmp_path, regional(**{path: content}))
    assert any(message in each for each in told), told


REFUSED = [
    ("contest.yaml", "users: [{username: anna}]\n", "contest.yaml: contest tasks names no tasks"),
    ("contest.yaml", CONTEST.replace("[sum, tree]", "[sum, gone]"), "neither gone/task.yaml nor gone.yaml"),
    ("contest.yaml", CONTEST.replace("[sum, tree]", '[sum, "../x"]'), "'../x' is not the name of a directory"),
    ("contest.yaml", CONTEST.replace("1900018000", "1900000000"), "contest stop is not after the start"),
    ("contest.yaml", CONTEST.replace("1900018000", "late"), "'late' is neither seconds since 1970 nor a date"),
    ("contest.yaml", CONTEST.replace("Europe/Rome", "Mars/Olympus").replace("1900018000", "2031-01-01"), "zone"),
    ("contest.yaml", CONTEST + "  - {password: c}\n", "user 3 has no username"),
    ("contest.yaml", CONTEST + "  - {username: anna, password: c}\n", "contest users 'anna' is there twice"),
    ("contest.yaml", CONTEST + "  - {username: carl, ip: nowhere}\n", "'nowhere' is neither an address nor a network"),
    ("sum/task.yaml", "- a list\n", "sum/task.yaml: holds ['a list'] where keys with values are expected"),
    ("sum/task.yaml", "name: sum\nname: two\n", "sum/task.yaml:2: has the key 'name' twice"),
    ("sum/task.yaml", SUM + "score_type: GroupMin\n", "a task of type GroupMin needs its groups"),
    ("sum/task.yaml", SUM + "score_type: GroupMin\nscore_type_parameters: [[10]]\n", "a group is not like"),
    ("sum/task.yaml", SUM + "score_type: GroupMin\nscore_type_parameters: [[10, '(']]\n", "is no pattern"),
    ("sum/task.yaml", SUM.replace("n_input: 4", "n_input: 9999999"), "at most 100000 are taken"),
    ("tree/gen/GEN", "# ST: many\n1\n", "a subtask brings 'many', which is no number of points"),
]


@pytest.mark.parametrize(("path", "content", "message"), REFUSED)
def test_what_cannot_be_taken_is_refused(tmp_path: Path, path: str, content: Content, message: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        read(tmp_path, regional(**{path: content}))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_user_name_that_is_no_id_stays_a_user_name(tmp_path: Path) -> None:
    contest = CONTEST + '  - {username: "rené@home/2", password: r}\n'
    contents = read(tmp_path, regional(**{"contest.yaml": contest}), strict=True)
    found = {cast("Account", each).username: each for each in contents.final["accounts"].values()}
    account = cast("Account", found["rené@home/2"])
    assert account.id.startswith("ren_home_2-")
    assert contents.passwords[account.id] == "r"


def test_a_contest_package_with_yaml_files_is_still_one(tmp_path: Path) -> None:
    contest = "id: wf\nname: WF\nduration: 5:00:00\nscoreboard_type: pass-fail\npenalty_time: '0:20:00'\n"
    contents = read(tmp_path, {"contest.yaml": contest, "problems.json": [], "teams.json": []})
    assert contents.contest_id == "wf"


def test_the_contest_gets_the_id_that_is_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, regional(), contest_id="other").contest_id == "other"


def test_a_national_olympiad(tmp_path: Path) -> None:
    """Many tasks, hundreds of users with delegations: nothing is lost."""
    tasks, users = 12, 400
    contest = "name: ioi\ndescription: Olympiad\nstart: 1900000000\nstop: 1900018000\ntasks:\n"
    contest += "".join(f"  - task{number}\n" for number in range(tasks))
    contest += "teams:\n" + "".join(f"  - {{code: C{number:02}, name: Country {number}}}\n" for number in range(90))
    contest += "users:\n" + "".join(
        f"  - {{username: C{number % 90:02}-{number}, password: p{number}, team: C{number % 90:02}}}\n"
        for number in range(users)
    )
    files: dict[str, Content] = {"contest.yaml": contest}
    for number in range(tasks):
        files[f"task{number}/task.yaml"] = f"name: task{number}\nn_input: 100\nscore_mode: max_subtask\n"
        files[f"task{number}/gen/GEN"] = "".join(f"# ST: {points}\n" + "1\n" * 20 for points in (10, 15, 20, 25, 30))
        for language in ("en", "it", "pt_BR", "zh-Hans"):
            files[f"task{number}/statement/{language}.pdf"] = PDF + f"{number} {language}".encode()
    contents = read(tmp_path, files)
    assert_fresh_log_can_take(contents.changes)
    counts = {name: len(objects) for name, objects in contents.final.items() if objects}
    assert (counts["problems"], counts["accounts"], counts["organizations"]) == (tasks, users, 90)
    assert len(contents.files) == tasks * 4
    assert len(contents.passwords) == users
    encoded = msgspec.json.encode(contents.final["problems"]["task3"])
    again = msgspec.json.decode(encoded, type=Problem)
    assert [each.max_score for each in cms_task(again).subtasks or []] == [10, 15, 20, 25, 30]
    assert [file.filename for file in again.statement or []][-1] == "task3.zh-Hans.pdf"
