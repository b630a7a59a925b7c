"""What is handed in: files, for a task, in a language; and how they fit what a server wants.

Pure. This module must not know how files are read, nor how anything travels.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence

import msgspec

from cds.entry_points import entry_point_in

FILES_MAX = 100
LISTED_MAX = 12
"""As many tasks, languages or files are listed in a message."""

EXTENSION_MARK = "%l"
"""Stands for the extension of the language in a submission format (CMS ContestWebServer API, "Task list")."""

_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


class NotSubmitted(Exception):
    """It was not handed in, or nothing can be said of what became of it; the text is one line."""


class SourceFile(msgspec.Struct, frozen=True):
    """A file by its name without directories."""

    name: str
    content: bytes

    @property
    def extension(self) -> str:
        """What follows the last dot, empty where there is none."""
        return self.name.rpartition(".")[2] if "." in self.name else ""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to hand in. `task`, `language` and `entry_point` are in their own words, None: not said."""

    task: str
    files: Sequence[SourceFile]
    language: str | None = None
    entry_point: str | None = None


class KnownLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """A language of a server of the Contest API (JSON Format, "Languages")."""

    id: str
    name: str = ""
    entry_point_required: bool = False
    entry_point_name: str | None = None
    extensions: list[str] = []


class KnownTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a server, by any of its names. `formats` are the names of its files, None where nothing is said."""

    id: str
    label: str = ""
    name: str = ""
    max_score: float | None = None
    formats: tuple[str, ...] | None = None
    allowed_languages: tuple[str, ...] | None = None


def work_of(task: str, files: Sequence[SourceFile], language: str | None, entry_point: str | None) -> Work:
    """What is to be handed in. Raises NotSubmitted for files that cannot go together."""
    names = [file.name for file in files]
    if len(names) > FILES_MAX:
        raise NotSubmitted(f"these are {len(names)} files; at most {FILES_MAX} can be handed in together")
    odd = next((name for name in names if not name.isprintable()), None)
    if odd is not None:
        raise NotSubmitted(f"{odd!r} is no name for a file that is handed in")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise NotSubmitted(f"two of the files are called {twice}")
    return Work(task=task, files=files, language=language, entry_point=entry_point)


def chosen_task(tasks: Sequence[KnownTask], wanted: str) -> KnownTask:
    """The task that is meant: by its id, else its label, else its name in any case. Raises NotSubmitted."""
    by_each = (
        [task for task in tasks if task.id == wanted],
        [task for task in tasks if task.label.casefold() == wanted.casefold()],
        [task for task in tasks if task.name.casefold() == wanted.casefold()],
    )
    fitting = next((found for found in by_each if found), [])
    if len(fitting) == 1:
        return fitting[0]
    if not tasks:
        raise NotSubmitted("there are no tasks to be seen: the contest has not begun, or this login may not see it")
    words = "more than one task is called" if fitting else "there is no task"
    raise NotSubmitted(f"{words} {wanted} (there are {listed([task.id for task in tasks])})")


def chosen_language(languages: Sequence[KnownLanguage], task: KnownTask, work: Work) -> KnownLanguage:
    """The language that is said, or the only one in which all files can be. Raises NotSubmitted."""
    allowed = [each for each in languages if task.allowed_languages is None or each.id in task.allowed_languages]
    if work.language is not None:
        said = work.language.casefold()
        fitting = [each for each in languages if said in (each.id.casefold(), each.name.casefold())]
        if len(fitting) != 1:
            raise NotSubmitted(f"there is no language {work.language} (there are {_described(allowed)})")
        return fitting[0]
    extensions = {file.extension for file in work.files}
    known = {extension for each in allowed for extension in _extensions(each)}
    # Headers and data lie beside sources: only what is a source in some language tells which it is.
    telling = extensions & known
    fitting = [each for each in allowed if telling and telling <= _extensions(each)]
    if len(fitting) == 1:
        return fitting[0]
    reason = "more than one language fits" if fitting else "no language fits the names of the files"
    raise NotSubmitted(f"{reason}, say it with --language (there are {_described(fitting or allowed)})")


def entry_point_of(language: KnownLanguage, work: Work) -> str | None:
    """Where the program begins: what is said, else the first file, by its stem where a class is asked for."""
    if work.entry_point is not None or not language.entry_point_required:
        return work.entry_point
    first = next((file for file in work.files if file.extension in _extensions(language)), work.files[0])
    return entry_point_in(first.name, language.entry_point_name)


def matched(formats: Sequence[str], files: Sequence[SourceFile]) -> Mapping[str, SourceFile]:
    """Which file is which element of a submission format. Raises NotSubmitted for a file that is none.

    A file is the element of its name, `%l` being any extension; where one source is asked for, one source is it,
    whatever it is called.
    """
    found: dict[str, SourceFile] = {}
    for file in files:
        element = next((each for each in formats if each not in found and _is_called(file.name, each)), None)
        if element is None and len(formats) == len(files) == 1:
            element = formats[0]
        if element is None:
            raise NotSubmitted(f"{file.name} is none of the files of the task ({listed(formats)})")
        found[element] = file
    return found


def archive_of(files: Sequence[SourceFile]) -> bytes:
    """A zip archive of the files; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, _ZIPPED_AT)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.content)
    return target.getvalue()


def listed(names: Sequence[str]) -> str:
    """Some names in a row."""
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(names[:LISTED_MAX]) + more if names else "none"


def _is_called(name: str, element: str) -> bool:
    if not element.endswith(f".{EXTENSION_MARK}"):
        return name == element
    stem, dot, _ = name.rpartition(".")
    return bool(dot) and stem == element.removesuffix(f".{EXTENSION_MARK}")


def _extensions(language: KnownLanguage) -> set[str]:
    return {extension.removeprefix(".") for extension in language.extensions}


def _described(languages: Sequence[KnownLanguage]) -> str:
    return listed([each.id for each in languages])
