"""A task of the Italian format as a problem: its limits, its scoring, its statements and attachments.

This module knows `task.yaml` and the names of the files beside it. It must not read any of them.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from cds.dialects.italian_languages import is_known
from cds.dialects.italian_scoring import Generated, generated, scoring
from cds.dialects.italian_sheet import Sheet
from cds.dialects.json_values import JsonObject, JsonValue
from cds.dialects.known import MIME_UNKNOWN, MIMES_BY_SUFFIX
from cds.dialects.results import Notices, Place
from schemas.extensions import DECIMALS_MAX, CmsTask

STATEMENT_DIRECTORIES = ("statement", "testo", "")
INPUT_DIRECTORY = "input"
ATTACHMENT_DIRECTORY = "att"
GEN_DIRECTORY, GEN_FILE = "gen", "GEN"
DIRECTORIES = (*STATEMENT_DIRECTORIES, INPUT_DIRECTORY, ATTACHMENT_DIRECTORY, GEN_DIRECTORY)
"""The directories of a task whose files are asked for; the empty name is the task's own."""

STATEMENT_LANGUAGE = "it"
"""The language of a statement that says none: the format comes from Italy, and has it so."""

PRECISION_UNSAID = 0
"""The decimals of a task that says none, on the scoreboard too: in the system that the format is made for."""

JUDGES_OWN = (
    "auxiliary",
    "check",
    "compilation",
    "correttore",
    "diff",
    "eval_manager",
    "grader",
    "infile",
    "outfile",
    "task_type_parameters",
)
"""What tells a judge how to run and check a program, which is no affair of this server."""

_SCORE_MODES = frozenset({"max", "max_subtask", "max_tokened_last", "last"})
_VARIANT = r"(?:[_-][A-Za-z0-9]{2,8})*"
_LANGUAGE = rf"[a-z]{{2,3}}{_VARIANT}"
_BARE_LANGUAGE = re.compile(rf"([a-z]{{2}}{_VARIANT})\.pdf")
"""A file that is called after a language alone has a code of two letters: `fig.pdf` is a figure."""
_STATEMENT_FILES = frozenset({"statement.pdf", "testo.pdf"})
_INPUT_FILE = re.compile(r"input[_-]?\d+(\.\w+)?")


class TaskSource(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it lies there. `filenames` are by directory of DIRECTORIES; `gen` is the text of gen/GEN."""

    directory: str
    place: Place
    values: JsonObject
    filenames: Mapping[str, Sequence[str]]
    gen: str | None


class TranslatedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A problem; `files` lead from the names of its files to where they lie in the source."""

    problem: JsonObject
    files: dict[str, str]


def translated_task(
    source: TaskSource, ordinal: int, languages: Mapping[str, JsonObject], notices: Notices
) -> TranslatedTask:
    """The problem that a task is; `languages` are those of the contest by name. Raises SourceRefused."""
    naming = Sheet(source.values, source.place, notices, "problems", source.directory)
    name = naming.text("name", "nome_breve") or source.directory
    if name != source.directory:
        naming.warn("name", f"is {name!r}, which is not the name of the directory; the name counts")
    sheet = Sheet(source.values, source.place, notices, "problems", name)
    sheet.value("name", "nome_breve")
    files: dict[str, str] = {}
    problem: JsonObject = {
        "id": name,
        "label": name,
        "name": sheet.text("title", "nome") or name,
        "ordinal": ordinal,
        "statement": _statements(sheet, source, name, files),
        "attachments": _attachments(source, files),
    }
    _limit(sheet, problem)
    _score(sheet, source, problem, languages)
    sheet.pass_over(JUDGES_OWN)
    return TranslatedTask(problem=problem, files=files)


def _limit(sheet: Sheet, problem: JsonObject) -> None:
    """Time in seconds and memory in MiB; nothing, and 0, are no limit."""
    problem["time_limit"] = sheet.number("time_limit", "timeout") or None
    memory = sheet.whole("memory_limit", "memlimit")
    problem["memory_limit"] = memory or None


def _score(sheet: Sheet, source: TaskSource, problem: JsonObject, languages: Mapping[str, JsonObject]) -> None:
    gen: Generated | None = None if source.gen is None else generated(source.gen, sheet)
    inputs = sum(1 for name in source.filenames[INPUT_DIRECTORY] if _INPUT_FILE.fullmatch(name))
    scored = scoring(sheet, inputs, gen)
    problem["test_data_count"] = scored.tests
    problem["max_score"] = scored.max_score
    precision = sheet.whole("score_precision", maximum=DECIMALS_MAX)
    cms: JsonObject = {
        "submission_format": _submission_format(sheet, scored.tests),
        "score_mode": _score_mode(sheet),
        "score_precision": PRECISION_UNSAID if precision is None else precision,
        "allowed_languages": _allowed_languages(sheet, languages),
        "max_submission_number": sheet.whole("max_submission_number", minimum=1),
        "min_submission_interval": sheet.whole("min_submission_interval"),
        "subtasks": scored.subtasks or None,
    }
    problem["ext"] = {"cms": {key: value for key, value in cms.items() if value is not None}}


def _submission_format(sheet: Sheet, tests: int) -> JsonValue:
    """The names of the files of a submission; None for one source file named after the task."""
    task_type = sheet.text("task_type")
    output_only = sheet.flag("output_only") or task_type == "OutputOnly"
    said = sheet.texts("submission_format")
    if said:
        return _file_names(sheet, said)
    if not output_only:
        return None
    if not tests:
        sheet.warn("output_only", "without test cases nobody can tell which files are to be handed in")
        return None
    return [f"output_{test:03}.txt" for test in range(tests)]


def _file_names(sheet: Sheet, names: Sequence[str]) -> JsonValue:
    """The names as they are; None, with a warning, where files could not be called so, for that costs nothing else."""
    try:
        msgspec.convert({"submission_format": list(names)}, CmsTask)
    except msgspec.ValidationError as error:
        sheet.warn("submission_format", f"{', '.join(map(repr, names))}: {error}, left out")
        return None
    return list(names)


def _score_mode(sheet: Sheet) -> JsonValue:
    mode = sheet.text("score_mode")
    if mode is None:
        sheet.warn("score_mode", "is absent: the best submission counts")
    elif mode not in _SCORE_MODES:
        sheet.warn("score_mode", f"{mode!r} is not known here, left out")
    return mode if mode in _SCORE_MODES else None


def _allowed_languages(sheet: Sheet, languages: Mapping[str, JsonObject]) -> JsonValue:
    """The ids of the languages that a task limits itself to."""
    said = sheet.texts("allowed_languages", "languages")
    if said is None:
        return None
    for name in said:
        if name not in languages:
            words = "is not a language of the contest" if is_known(name) else "is not known"
            sheet.warn("allowed_languages", f"{name!r} {words}, left out")
    return [languages[name]["id"] for name in said if name in languages]


def _statements(sheet: Sheet, source: TaskSource, name: str, files: dict[str, str]) -> list[JsonValue]:
    """One PDF a language, named after task and language, so that whoever asks for a language finds it."""
    primary = sheet.text("primary_language")
    unsaid: list[str] = []
    for directory in STATEMENT_DIRECTORIES:
        for filename in source.filenames[directory]:
            if not filename.lower().endswith(".pdf"):
                continue
            spoken = _in_language(name, directory, filename)
            if filename not in _STATEMENT_FILES and spoken is None:
                if directory:
                    sheet.warn("statement", f"{directory}/{filename} is named after no language, left out")
                continue
            path = "/".join(part for part in (source.directory, directory, filename) if part)
            language = spoken[1] if spoken is not None and filename not in _STATEMENT_FILES else None
            if language is None:
                unsaid.append(path)
                continue
            _keep_statement(sheet, f"{name}.{language}.pdf", path, files)
    for path in unsaid:
        if primary is None:
            sheet.warn("primary_language", f"is absent, the statement is taken to be in {STATEMENT_LANGUAGE}")
        _keep_statement(sheet, f"{name}.{primary or STATEMENT_LANGUAGE}.pdf", path, files)
    if not files:
        sheet.warn("statement", "there is none (statement/statement.pdf, statement/LANGUAGE.pdf, testo/testo.pdf)")
    return [{"filename": filename, "mime": "application/pdf"} for filename in sorted(files)]


def _in_language(name: str, directory: str, filename: str) -> re.Match[str] | None:
    """The language that the name of a PDF says; beside task.yaml it says it after the task or `statement` alone."""
    explicit = re.fullmatch(rf"(?:statement|testo|{re.escape(name)})[._-]({_LANGUAGE})\.pdf", filename)
    return explicit or (_BARE_LANGUAGE.fullmatch(filename) if directory else None)


def _keep_statement(sheet: Sheet, filename: str, path: str, files: dict[str, str]) -> None:
    if filename in files:
        sheet.warn("statement", f"{path} is left out: {files[filename]} is the statement in the same language")
    else:
        files[filename] = path


def _attachments(source: TaskSource, files: dict[str, str]) -> list[JsonValue]:
    attachments: list[JsonValue] = []
    for filename in source.filenames[ATTACHMENT_DIRECTORY]:
        if filename.startswith(".") or filename in files:
            continue
        files[filename] = f"{source.directory}/{ATTACHMENT_DIRECTORY}/{filename}"
        mime = MIMES_BY_SUFFIX.get(filename.rpartition(".")[2].lower(), MIME_UNKNOWN)
        attachments.append({"filename": filename, "mime": mime})
    return attachments
