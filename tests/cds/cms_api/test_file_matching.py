"""Which file is which element of a submission format: the rules of 2.13 in examples, and against a slow statement."""

import re
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from cds.cms_api.file_matching import (
    FILE_BYTES_MAX,
    Matched,
    ReceivedFile,
    entry_point_of,
    language_of_outputs,
    matched_files,
    named_files,
    refuse_large_files,
)
from cds.cms_api.unacceptable import INVALID_FORMAT, TOO_BIG, Unacceptable
from schemas.objects import Language


def language(identifier: str, name: str, extensions: Sequence[str], *, entry_point: str | None = None) -> Language:
    return Language(
        id=identifier,
        name=name,
        entry_point_required=entry_point is not None,
        entry_point_name=entry_point,
        extensions=list(extensions),
    )


CPP = language("cpp", "C++17 / g++", ["cpp", "cc"])
PASCAL = language("pascal", "Pascal / fpc", [".pas"])
PYTHON2 = language("python2", "Python 2", ["py"], entry_point="Main file")
PYTHON3 = language("python3", "Python 3", ["py"], entry_point="Main file")
JAVA = language("java", "Java", ["java"], entry_point="Main class")
KOTLIN = language("kotlin", "Kotlin", ["kt"], entry_point="Main class")
TEXT = language("text", "Output files", [])
LANGUAGES = (CPP, PASCAL, PYTHON2, PYTHON3, JAVA)
NAMES_OF_LANGUAGES = "C++17 / g++, Pascal / fpc, Python 2, Python 3, Java"

SUM = ("sum.%l",)
CODES = ("encoder.%l", "decoder.%l")
MAPS = ("output_000.txt", "output_001.txt")
MIXED = ("sum.%l", "notes.txt")


def part(element: str, filename: str, content: bytes = b"x") -> ReceivedFile:
    """A file of a form."""
    return ReceivedFile(element, filename, content)


def member(filename: str) -> ReceivedFile:
    """A file out of an archive."""
    return ReceivedFile(None, filename, b"x")


def assigned(matched: Matched) -> tuple[str | None, dict[str, str]]:
    """The language, and the name that the file of each element came with."""
    identifier = None if matched.language is None else matched.language.id
    return identifier, {element: file.filename for element, file in matched.files.items()}


ACCEPTED: dict[str, tuple[Sequence[ReceivedFile], Sequence[str], str | None, str | None]] = {
    "one source, its language by the extension": ([part("sum.%l", "sum.cpp")], SUM, None, "cpp"),
    "whatever it is called": ([part("sum.%l", "my solution.cc")], SUM, None, "cpp"),
    "an extension that is written with its dot": ([part("sum.%l", "sum.pas")], SUM, None, "pascal"),
    "the language by its id": ([part("sum.%l", "sum.py")], SUM, "python3", "python3"),
    "the language by its name in any case": ([part("sum.%l", "sum.py")], SUM, "PYTHON 2", "python2"),
    "the language by an extension": ([part("sum.%l", "sum.cpp")], SUM, "cc", "cpp"),
    "the language by an extension with its dot": ([part("sum.%l", "sum.java")], SUM, ".java", "java"),
    "two sources in any order": ([part("decoder.%l", "b.cc"), part("encoder.%l", "a.cpp")], CODES, None, "cpp"),
    "outputs, which have no language": ([part(each, "x") for each in MAPS], MAPS, None, None),
    "some of the outputs": ([part("output_001.txt", "mine")], MAPS, None, None),
    "a source and a file beside it": ([part("notes.txt", "n"), part("sum.%l", "s.cpp")], MIXED, None, "cpp"),
    "sources out of an archive": ([member("decoder.cpp"), member("encoder.cc")], CODES, None, "cpp"),
    "outputs out of an archive": ([member("output_001.txt")], MAPS, None, None),
}


@pytest.mark.parametrize(("files", "formats", "said", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(
    files: Sequence[ReceivedFile], formats: Sequence[str], said: str | None, expected: str | None
) -> None:
    identifier, found = assigned(matched_files(files, formats, LANGUAGES, said))
    assert identifier == expected
    assert list(found) == [element for element in formats if element in found], "in the order of the format"
    assert sorted(found.values()) == sorted(file.filename for file in files)
    assert all(found[file.element] == file.filename for file in files if file.element is not None)


REFUSED: dict[str, tuple[Sequence[ReceivedFile], Sequence[str], str | None, str]] = {
    "nothing": ([], SUM, None, "No file was given; the files of this task are sum.%l."),
    "no outputs": ([], MAPS, None, "No file was given; the files of this task are output_000.txt, output_001.txt."),
    "another element": ([part("min.%l", "min.cpp")], SUM, None, "'min.%l' is none of the files of this task (sum.%l)."),
    "the element with its extension": (
        [part("sum.cpp", "sum.cpp")],
        SUM,
        None,
        "'sum.cpp' is none of the files of this task (sum.%l).",
    ),
    "no language has the extension": (
        [part("sum.%l", "sum.rs")],
        SUM,
        None,
        "'sum.rs', given as sum.%l, does not have an extension of the language.",
    ),
    "no extension at all": (
        [part("sum.%l", "sumcpp")],
        SUM,
        None,
        "'sumcpp', given as sum.%l, does not have an extension of the language.",
    ),
    "two languages have the extension": (
        [part("sum.%l", "sum.py")],
        SUM,
        None,
        "The files may be in more than one language (Python 2, Python 3); say in which.",
    ),
    "an extension that two languages have": (
        [part("sum.%l", "sum.py")],
        SUM,
        "py",
        "The files may be in more than one language (Python 2, Python 3); say in which.",
    ),
    "not in the language that is said": (
        [part("sum.%l", "sum.py")],
        SUM,
        "cpp",
        "'sum.py', given as sum.%l, does not have an extension of the language.",
    ),
    "a language that is not there": (
        [part("sum.%l", "sum.cpp")],
        SUM,
        "Rust",
        f"'Rust' is none of the languages of this task ({NAMES_OF_LANGUAGES}).",
    ),
    "a language for outputs": (
        [part("output_000.txt", "x")],
        MAPS,
        "cpp",
        "A language cannot be given: none of the files of this task is a source.",
    ),
    "a source is missing": ([part("encoder.%l", "a.cpp")], CODES, None, "decoder.%l is missing."),
    "what is beside the source is missing": ([part("sum.%l", "sum.cpp")], MIXED, None, "notes.txt is missing."),
    "sources of two languages": (
        [part("encoder.%l", "a.cpp"), part("decoder.%l", "b.pas")],
        CODES,
        None,
        f"The names of the files fit none of the languages of this task ({NAMES_OF_LANGUAGES}).",
    ),
    "an element twice": (
        [part("sum.%l", "a.cpp"), part("sum.%l", "b.cpp")],
        SUM,
        "cpp",
        "sum.%l was given twice.",
    ),
    "an output twice": ([part("output_000.txt", "a")] * 2, MAPS, None, "output_000.txt was given twice."),
    "an output twice in an archive": ([member("output_000.txt")] * 2, MAPS, None, "output_000.txt was given twice."),
    "a stranger in an archive": (
        [member("sum.cpp"), member("readme.md")],
        SUM,
        "cpp",
        "'readme.md' is none of the files of this task (sum.%l).",
    ),
    "another name in an archive": (
        [member("my.cpp")],
        SUM,
        "cpp",
        "'my.cpp' is none of the files of this task (sum.%l).",
    ),
    "a name that two elements have": (
        [member("sum.cpp")],
        ("sum.%l", "sum.cpp"),
        "cpp",
        "'sum.cpp' may be more than one of the files of this task (sum.%l, sum.cpp).",
    ),
}


@pytest.mark.parametrize(("files", "formats", "said", "details"), REFUSED.values(), ids=REFUSED)
def test_refused(files: Sequence[ReceivedFile], formats: Sequence[str], said: str | None, details: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        matched_files(files, formats, LANGUAGES, said)
    assert (refused.value.subject, refused.value.details) == (INVALID_FORMAT, details)


def test_without_languages_no_source_can_be_handed_in() -> None:
    with pytest.raises(Unacceptable, match="There is no language in which this task can be handed in"):
        matched_files([part("sum.%l", "sum.cpp")], SUM, (), None)
    assert matched_files([part("output_000.txt", "x")], MAPS, (), None).language is None


def test_long_names_are_repeated_in_part() -> None:
    with pytest.raises(Unacceptable) as refused:
        matched_files([part("x" * 5_000, "a.cpp")], SUM, LANGUAGES, None)
    assert len(refused.value.details) < 200


@pytest.mark.parametrize(
    ("files", "formats", "said", "names", "entry_point"),
    [
        ([part("sum.%l", "anything.cc")], SUM, None, ["sum.cc"], None),
        ([part("sum.%l", "anything.py")], SUM, "python3", ["sum.py"], "sum.py"),
        ([part("Sum.%l", "anything.java")], ("Sum.%l",), None, ["Sum.java"], "Sum"),
        (
            [part("decoder.%l", "b.py"), part("encoder.%l", "a.py")],
            CODES,
            "python2",
            ["encoder.py", "decoder.py"],
            "encoder.py",
        ),
        (
            [part("notes.txt", "n.txt"), part("sum.%l", "s.py")],
            ("notes.txt", "sum.%l"),
            "python2",
            ["notes.txt", "sum.py"],
            "sum.py",
        ),
    ],
)
def test_names_and_entry_point(
    files: Sequence[ReceivedFile], formats: Sequence[str], said: str | None, names: list[str], entry_point: str | None
) -> None:
    """Files are called as the format has it; for a Python upload the entry point is the uploaded file."""
    matched = matched_files(files, formats, LANGUAGES, said)
    assert matched.language is not None
    assert [file.filename for file in named_files(matched)] == names
    assert entry_point_of(matched, matched.language) == entry_point


def test_the_longest_extension_stays() -> None:
    matched = matched_files([part("a.%l", "b.tar.gz")], ["a.%l"], [language("x", "X", ["gz", "tar.gz"])], None)
    assert [file.filename for file in named_files(matched)] == ["a.tar.gz"]


def test_kotlin_makes_a_class_of_a_file() -> None:
    matched = matched_files([part("sum.%l", "main.kt")], SUM, [KOTLIN], None)
    assert entry_point_of(matched, KOTLIN) == "SumKt"


@pytest.mark.parametrize(
    ("languages", "expected"),
    [((CPP, TEXT), "text"), ((JAVA, PASCAL, CPP), "pascal"), ((JAVA,), "java"), ((), None)],
)
def test_the_language_of_outputs(languages: Sequence[Language], expected: str | None) -> None:
    found = language_of_outputs(languages)
    assert (None if found is None else found.id) == expected


def test_outputs_in_a_language_with_entry_points_name_the_first_file() -> None:
    matched = matched_files([part(each, "x") for each in MAPS], MAPS, [JAVA], None)
    assert entry_point_of(matched, PYTHON3) == "output_000.txt"


def test_large_files() -> None:
    refuse_large_files([part("sum.%l", "sum.cpp", bytes(FILE_BYTES_MAX))])
    with pytest.raises(Unacceptable) as refused:
        refuse_large_files([part("a", "a"), part("sum.%l", "sum.cpp", bytes(FILE_BYTES_MAX + 1))])
    assert refused.value.subject == TOO_BIG
    assert refused.value.details == "'sum.%l' has 100001 bytes; each file may have at most 100000."


# --- Against 2.13 as it stands there, tried out


def slowly(
    files: Sequence[ReceivedFile], formats: Sequence[str], languages: Sequence[Language], said: str | None
) -> list[tuple[str | None, dict[str, str]]]:
    """All ways to take the files: each with the language and the element of every file. More than one is none."""
    with_sources = any(re.search(r"\.%l\Z", element) for element in formats)
    if not files or (said is not None and not with_sources):
        return []
    meant: list[Language | None] = [None]
    if with_sources:
        meant = [each for each in languages if said is None or said.lower() in (each.id.lower(), each.name.lower())]
        if not meant:
            meant = [each for each in languages if said in [extension.lstrip(".") for extension in each.extensions]]
    ways: list[tuple[str | None, dict[str, str]]] = []
    for each in meant:
        found = list(assignments(files, formats, each))
        # Where a file may be either of two, nobody knows which it is.
        if len(found) == 1 and all(len(choices(file, formats, each)) == 1 for file in files):
            ways.append((None if each is None else each.id, found[0]))
    return ways


def assignments(
    files: Sequence[ReceivedFile], formats: Sequence[str], meant: Language | None
) -> Iterator[dict[str, str]]:
    """Every choice of elements, one for each file, that gives none twice, and of sources leaves none out."""
    for elements in product(formats, repeat=len(files)):
        fit = all(element in choices(file, formats, meant) for file, element in zip(files, elements, strict=True))
        complete = meant is None or set(elements) == set(formats)
        if fit and complete and len(set(elements)) == len(elements):
            yield {element: file.filename for file, element in zip(files, elements, strict=True)}


def choices(file: ReceivedFile, formats: Sequence[str], meant: Language | None) -> set[str]:
    """The elements that a file may be."""
    found = set()
    for element in formats:
        stem = re.escape(element.removesuffix(".%l"))
        extensions = [re.escape(each.lstrip(".")) for each in meant.extensions] if meant is not None else []
        source = element.endswith(".%l") and meant is not None
        pattern = f"{stem if file.element is None else '.*'}\\.({'|'.join(extensions) or '(?!)'})" if source else stem
        if file.element is not None and (file.element != element or not source):
            fits = file.element == element
        else:
            fits = re.fullmatch(pattern, file.filename) is not None
        if fits:
            found.add(element)
    return found


ELEMENTS = ("a.%l", "b.%l", "a.cpp", "a.txt", "b.txt")
NAMES = ("a.cpp", "a.cc", "a.py", "a.x.py", "a.txt", "b.cpp", "b.txt", "b", ".py")
GIVEN = st.builds(ReceivedFile, st.sampled_from([None, "c.%l", *ELEMENTS]), st.sampled_from(NAMES), st.just(b""))
FORMATS: SearchStrategy[list[str]] = st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=3, unique=True)
POOL = (
    language("cpp", "C++", ["cpp", "cc"]),
    language("py2", "Python 2", ["py"]),
    language("py3", "Python 3", ["py", "x.py"]),
    language("none", "Nothing", []),
)
ALLOWED = st.lists(st.sampled_from(POOL), max_size=4, unique_by=lambda each: each.id)
SAID = st.sampled_from([None, None, "cpp", "python 2", "PY3", "py", "cc", "rust"])


@st.composite
def fitting_files(draw: st.DrawFn) -> tuple[list[ReceivedFile], list[str]]:
    """A format, and files most of which say that they are one of its elements."""
    formats = draw(FORMATS)
    named = st.builds(ReceivedFile, st.sampled_from([None, *formats]), st.sampled_from(NAMES), st.just(b""))
    whole = st.permutations(formats).flatmap(
        lambda elements: st.tuples(
            *(st.builds(ReceivedFile, st.just(each), st.sampled_from(NAMES), st.just(b"")) for each in elements)
        )
    )
    return list(draw(st.one_of(whole, st.lists(st.one_of(named, GIVEN), max_size=4)))), formats


@given(fitting_files(), ALLOWED, SAID)
@example(([member("a.cpp"), member("a.cc")], ["a.%l", "a.cpp"]), list(POOL), None)
@example(([part("a.%l", "a.x.py")], ["a.%l"]), list(POOL), "py3")
@example(([member("a.x.py")], ["a.%l"]), list(POOL), "x.py")
def test_matching_is_what_the_requirement_says(
    handed_in: tuple[list[ReceivedFile], list[str]], languages: list[Language], said: str | None
) -> None:
    files, formats = handed_in
    ways = slowly(files, formats, languages, said)
    if len(ways) == 1:
        assert assigned(matched_files(files, formats, languages, said)) == ways[0]
    else:
        with pytest.raises(Unacceptable):
            matched_files(files, formats, languages, said)


def test_of_several_reasons_that_of_the_language_in_which_most_files_fit_is_told() -> None:
    """An extra file beside a source is named, and not all languages."""
    with pytest.raises(Unacceptable) as refused:
        matched_files([member("sum.pas"), member("readme.txt")], SUM, LANGUAGES, None)
    assert refused.value.details == "'readme.txt' is none of the files of this task (sum.%l)."
