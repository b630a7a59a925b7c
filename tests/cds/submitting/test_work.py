"""How files fit a task: the language they are in, where the program begins, which file is which of a format."""

import io
import zipfile
from pathlib import Path

import pytest

from cds.submitting.standing import Standing, points
from cds.submitting.work import (
    FILES_MAX,
    KnownLanguage,
    KnownTask,
    NotSubmitted,
    SourceFile,
    archive_of,
    chosen_language,
    chosen_task,
    entry_point_of,
    matched,
    work_of,
)

LANGUAGES = [
    KnownLanguage(id="c", name="C", extensions=["c"]),
    KnownLanguage(id="cpp", name="C++17 / g++", extensions=["cc", "cpp"]),
    KnownLanguage(
        id="java", name="Java", extensions=["java"], entry_point_required=True, entry_point_name="Main class"
    ),
    KnownLanguage(id="kotlin", extensions=["kt"], entry_point_required=True, entry_point_name="Main class"),
    KnownLanguage(id="python3", extensions=[".py"], entry_point_required=True, entry_point_name="Main file"),
    KnownLanguage(id="pypy3", extensions=["py"], entry_point_required=True, entry_point_name="Main file"),
]
TASKS = [KnownTask(id="p1", label="A", name="Sum"), KnownTask(id="A", label="B"), KnownTask(id="p3", name="sum")]
ANY = KnownTask(id="any")


def files(*names: str) -> list[SourceFile]:
    return [SourceFile(name, name.encode()) for name in names]


@pytest.mark.parametrize(
    ("names", "said", "expected"),
    [
        (["sum.cpp"], None, "cpp"),
        (["sum.cpp", "sum.h"], None, "cpp"),
        (["notes.txt", "sum.c"], None, "c"),
        (["sum"], "cpp", "cpp"),
        (["sum.c"], "c++17 / G++", "cpp"),
        (["sum.py"], "pypy3", "pypy3"),
    ],
)
def test_the_language_is_told_by_the_files(names: list[str], said: str | None, expected: str) -> None:
    assert chosen_language(LANGUAGES, ANY, work_of("any", files(*names), said, None)).id == expected


@pytest.mark.parametrize(
    ("names", "said", "reason"),
    [
        (["sum.py"], None, "more than one language fits, say it with --language (there are python3, pypy3)"),
        (["sum.rs"], None, "no language fits the names of the files"),
        (["sum"], None, "no language fits"),
        (["a.c", "b.cpp"], None, "no language fits"),
        (["sum.c"], "rust", "there is no language rust (there are c, cpp, java"),
    ],
)
def test_a_language_that_cannot_be_told_is_asked_for(names: list[str], said: str | None, reason: str) -> None:
    with pytest.raises(NotSubmitted) as refused:
        chosen_language(LANGUAGES, ANY, work_of("any", files(*names), said, None))
    assert reason in str(refused.value)


def test_a_task_that_takes_one_language_alone_tells_it() -> None:
    task = KnownTask(id="any", allowed_languages=("pypy3", "c"))
    assert chosen_language(LANGUAGES, task, work_of("any", files("sum.py"), None, None)).id == "pypy3"


@pytest.mark.parametrize(
    ("language", "names", "said", "expected"),
    [
        (1, ["sum.cpp"], None, None),
        (2, ["Main.java"], None, "Main"),
        (2, ["notes.txt", "Sum.java"], None, "Sum"),
        (2, ["Main.java"], "org.example.Main", "org.example.Main"),
        (3, ["sum.kt"], None, "SumKt"),
        (4, ["sum.py", "more.py"], None, "sum.py"),
    ],
)
def test_where_the_program_begins(language: int, names: list[str], said: str | None, expected: str | None) -> None:
    assert entry_point_of(LANGUAGES[language], work_of("any", files(*names), None, said)) == expected


@pytest.mark.parametrize(("wanted", "expected"), [("p1", "p1"), ("A", "A"), ("b", "A"), ("p3", "p3")])
def test_a_task_is_named_by_id_then_label_then_name(wanted: str, expected: str) -> None:
    assert chosen_task(TASKS, wanted).id == expected


@pytest.mark.parametrize(
    ("tasks", "wanted", "reason"),
    [
        (TASKS, "SUM", "more than one task is called SUM"),
        (TASKS, "gone", "there is no task gone (there are p1, A, p3)"),
        ([], "sum", "there are no tasks to be seen"),
    ],
)
def test_a_task_that_cannot_be_meant(tasks: list[KnownTask], wanted: str, reason: str) -> None:
    with pytest.raises(NotSubmitted) as refused:
        chosen_task(tasks, wanted)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("formats", "names", "expected"),
    [
        (["sum.%l"], ["sum.cpp"], {"sum.%l": "sum.cpp"}),
        (["sum.%l"], ["my-solution.py"], {"sum.%l": "my-solution.py"}),
        (["enc.%l", "dec.%l"], ["dec.cpp", "enc.cpp"], {"dec.%l": "dec.cpp", "enc.%l": "enc.cpp"}),
        (["output_000.txt", "output_001.txt"], ["output_001.txt"], {"output_001.txt": "output_001.txt"}),
    ],
)
def test_files_are_matched_to_a_format(formats: list[str], names: list[str], expected: dict[str, str]) -> None:
    assert {element: file.name for element, file in matched(formats, files(*names)).items()} == expected


@pytest.mark.parametrize(
    ("formats", "names"),
    [
        (["enc.%l", "dec.%l"], ["enc.cpp", "other.cpp"]),
        (["sum.%l"], ["sum.cpp", "sum.h"]),
        (["output_000.txt", "output_001.txt"], ["result.txt"]),
        (["enc.%l", "dec.%l"], ["enc"]),
    ],
)
def test_a_file_that_is_none_of_a_format(formats: list[str], names: list[str]) -> None:
    with pytest.raises(NotSubmitted, match="is none of the files of the task"):
        matched(formats, files(*names))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.c", "b.c", "a.c"], "two of the files are called a.c"),
        ([f"{number}.txt" for number in range(FILES_MAX + 1)], f"at most {FILES_MAX} can be handed in"),
        (["a\n.c"], r"is no name for a file"),
    ],
)
def test_files_that_do_not_go_together(names: list[str], reason: str) -> None:
    with pytest.raises(NotSubmitted, match=reason):
        work_of("any", files(*names), None, None)


def test_the_archive_holds_the_files_and_is_always_the_same() -> None:
    content = archive_of(files("sum.cpp", "sum.h"))
    assert content == archive_of(files("sum.cpp", "sum.h"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "sum.cpp": b"sum.cpp",
            "sum.h": b"sum.h",
        }


def test_a_standing_is_one_line() -> None:
    assert Standing(state="Accepted", scores=("score 1", "the task 2")).line == "Accepted; score 1; the task 2"
    assert (points(40, 100), points(33.5, None), points(1 / 3, 1.0)) == ("40 of 100", "33.5", "0.333333 of 1")


def test_a_name_without_a_dot_has_no_extension() -> None:
    assert [SourceFile(Path(name).name, b"").extension for name in ("dir.d/file", "a.tar.gz")] == ["", "gz"]
