"""Which file that was handed in is which of the files that a task asks for, and in which language they are.

CMS ContestWebServer API, 2.13. An element of a submission format that ends in `.%l` is a source file, any other an
output file. Files of a form say which element they are; those out of an archive are recognized by their names. Pure.
This module must not know how files travel, who hands them in, nor what becomes of them.
"""

from collections.abc import Mapping, Sequence

import msgspec

from cds.cms_api.unacceptable import INVALID_FORMAT, TOO_BIG, Unacceptable
from cds.entry_points import entry_point_in
from schemas.objects import Language

FILE_BYTES_MAX = 100_000
"""One file of a submission (2.12)."""

SOURCE_MARK = ".%l"
"""The end of an element that is a source file; `%l` stands for the extension of the language."""

LISTED_MAX = 12
"""As many names are listed in a sentence."""

QUOTED_CHARACTERS_MAX = 60
"""As much of a name that was sent is repeated."""


class ReceivedFile(msgspec.Struct, frozen=True):
    """A file as it came: the element that it is to be (None: out of an archive), and its name without directories."""

    element: str | None
    filename: str
    content: bytes


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """The files by element, in the order of the format, and their language: None where none of them is a source."""

    files: Mapping[str, ReceivedFile]
    language: Language | None


class NamedFile(msgspec.Struct, frozen=True):
    """A file under the name that it has in a submission."""

    filename: str
    content: bytes


def matched_files(
    files: Sequence[ReceivedFile], formats: Sequence[str], languages: Sequence[Language], said: str | None
) -> Matched:
    """The files of a submission to a task with this format, in one of the languages that it allows.

    `said` is the language by its id, its name or an extension, None where nothing is said: then exactly one has to fit.
    Files may be missing where none is a source. Raises Unacceptable.
    """
    if not files:
        raise _invalid(f"No file was given; the files of this task are {_listed(formats)}.")
    _refuse_wrong_elements(files, formats)
    if not any(is_source(element) for element in formats):
        if said is not None:
            raise _invalid("A language cannot be given: none of the files of this task is a source.")
        assigned = _assigned(files, formats, None)
        if isinstance(assigned, str):
            raise _invalid(assigned)
        return Matched(files=assigned, language=None)
    return _matched_sources(files, formats, _candidates(languages, said))


def refuse_large_files(files: Sequence[ReceivedFile]) -> None:
    """Raise Unacceptable for a file of more than FILE_BYTES_MAX."""
    for file in files:
        if len(file.content) > FILE_BYTES_MAX:
            shown = _shown(file.element or file.filename)
            raise Unacceptable(
                TOO_BIG, f"{shown} has {len(file.content)} bytes; each file may have at most {FILE_BYTES_MAX}."
            )


def is_source(element: str) -> bool:
    """Whether an element of a submission format is a source file."""
    return element.endswith(SOURCE_MARK)


def named_files(matched: Matched) -> list[NamedFile]:
    """The files under the names that the format gives them, each source with the extension that it came with."""
    return [NamedFile(_name_of(element, matched), file.content) for element, file in matched.files.items()]


def entry_point_of(matched: Matched, language: Language) -> str | None:
    """Where the program begins, in languages that ask: the first source, or the class that it is named after."""
    if not language.entry_point_required:
        return None
    filename = _name_of(min(matched.files, key=lambda element: not is_source(element)), matched)
    return entry_point_in(filename, language.entry_point_name)


def language_of_outputs(languages: Sequence[Language]) -> Language | None:
    """The language under which output files are kept, which are in none; None where there is no language at all.

    One whose files have no extension is meant for that. Otherwise it is the first that asks for no entry point.
    """
    ranked = sorted(languages, key=lambda each: (bool(each.extensions), each.entry_point_required))
    return ranked[0] if ranked else None


def _matched_sources(files: Sequence[ReceivedFile], formats: Sequence[str], candidates: Sequence[Language]) -> Matched:
    """What fits in exactly one of the languages, with all that is asked for."""
    fitting: list[Matched] = []
    reasons: list[tuple[int, str]] = []
    for language in candidates:
        assigned = _assigned(files, formats, language)
        if isinstance(assigned, str):
            reasons.append((_fitting_count(files, formats, language), assigned))
        else:
            fitting.append(Matched(files=assigned, language=language))
    missing = [element for element in formats if fitting and element not in fitting[0].files]
    if missing:
        # How many of them there are does not depend on the language.
        raise _invalid(f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = [each.language.name for each in fitting if each.language is not None]
        raise _invalid(f"The files may be in more than one language ({_listed(names)}); say in which.")
    # The language in which most of the files fit is likely to be meant.
    most = max(fitting_files for fitting_files, _ in reasons)
    likely = {reason for fitting_files, reason in reasons if fitting_files == most}
    if len(likely) == 1:
        raise _invalid(likely.pop())
    names = [language.name for language in candidates]
    raise _invalid(f"The names of the files fit none of the languages of this task ({_listed(names)}).")


def _candidates(languages: Sequence[Language], said: str | None) -> Sequence[Language]:
    """The languages that may be meant. Raises Unacceptable where there is none."""
    if said is None:
        candidates = languages
    else:
        word = said.casefold()
        by_name = [each for each in languages if word in (each.id.casefold(), each.name.casefold())]
        extension = said.removeprefix(".")
        candidates = by_name or [each for each in languages if extension in _extensions(each)]
        if not candidates:
            names = _listed([language.name for language in languages])
            raise _invalid(f"{_shown(said)} is none of the languages of this task ({names}).")
    if not candidates:
        raise _invalid("There is no language in which this task can be handed in.")
    return candidates


def _refuse_wrong_elements(files: Sequence[ReceivedFile], formats: Sequence[str]) -> None:
    """Raise Unacceptable for a file that says that it is an element that there is not, or that was given already."""
    seen: set[str] = set()
    for file in files:
        if file.element is None:
            continue
        if file.element not in formats:
            raise _invalid(f"{_shown(file.element)} is none of the files of this task ({_listed(formats)}).")
        if file.element in seen:
            raise _invalid(_twice(file.element))
        seen.add(file.element)


def _assigned(
    files: Sequence[ReceivedFile], formats: Sequence[str], language: Language | None
) -> dict[str, ReceivedFile] | str:
    """The files by their elements, in the order of the format; a sentence where they cannot be assigned."""
    found: dict[str, ReceivedFile] = {}
    for file in files:
        elements = [each for each in formats if _may_be(file, each, language)]
        if len(elements) != 1:
            return _why_not(file, elements, formats)
        if elements[0] in found:
            return _twice(elements[0])
        found[elements[0]] = file
    return {element: found[element] for element in formats if element in found}


def _fitting_count(files: Sequence[ReceivedFile], formats: Sequence[str], language: Language) -> int:
    """How many of the files are one of the elements in this language."""
    return sum(any(_may_be(file, element, language) for element in formats) for file in files)


def _may_be(file: ReceivedFile, element: str, language: Language | None) -> bool:
    """Whether a file is an element, or is called like it; a source has an extension of the language in any case."""
    if file.element is not None and file.element != element:
        return False
    if language is None or not is_source(element):
        return file.element is not None or file.filename == element
    stem = element.removesuffix(SOURCE_MARK)
    for extension in _extensions(language):
        before, dot, after = file.filename.rpartition(f".{extension}")
        if dot and not after and (before == stem or file.element is not None):
            return True
    return False


def _why_not(file: ReceivedFile, elements: Sequence[str], formats: Sequence[str]) -> str:
    if elements:
        return f"{_shown(file.filename)} may be more than one of the files of this task ({_listed(elements)})."
    if file.element is not None:
        return f"{_shown(file.filename)}, given as {file.element}, does not have an extension of the language."
    return f"{_shown(file.filename)} is none of the files of this task ({_listed(formats)})."


def _name_of(element: str, matched: Matched) -> str:
    if matched.language is None or not is_source(element):
        return element
    filename = matched.files[element].filename
    fitting = [each for each in _extensions(matched.language) if filename.endswith(f".{each}")]
    return f"{element.removesuffix(SOURCE_MARK)}.{max(fitting, key=len)}"


def _extensions(language: Language) -> list[str]:
    return [extension.removeprefix(".") for extension in language.extensions]


def _twice(element: str) -> str:
    return f"{element} was given twice."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(names[:LISTED_MAX]) + more


def _shown(text: str) -> str:
    return repr(text if len(text) <= QUOTED_CHARACTERS_MAX else f"{text[:QUOTED_CHARACTERS_MAX]}…")


def _invalid(details: str) -> Unacceptable:
    return Unacceptable(INVALID_FORMAT, details)
