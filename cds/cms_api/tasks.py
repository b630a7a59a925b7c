"""`GET /api/task_list`: the tasks, their statements, what is to be handed in (CMS ContestWebServer API, 2.2 and 4.12).

This module must not know who asks.
"""

import re
from collections.abc import Iterator
from typing import cast

import msgspec
from aiohttp import web

from cds.cms_api.answers import json_answer
from cds.cms_api.participant import Participant
from cds.commands.participation import contest_rules
from projections.contest import ContestState
from projections.scoring.subtasks import task_of
from schemas.extensions import CmsContest
from schemas.objects import Problem
from schemas.properties import FileReference

PDF = "application/pdf"
PDF_EXTENSION = ".pdf"

STATEMENT_LANGUAGE = "en"
"""That of statements that say none, in contests that say none."""

SOURCE_OF_TASK = "{task}.%l"
"""What is handed in for a task that says nothing of it: one source, named after the task."""

_NAMED_LANGUAGE = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")


class Task(msgspec.Struct, frozen=True):
    """A task in the list. `statements` are languages; of `submission_format` a `%l` stands for a source's extension."""

    name: str
    statements: list[str]
    submission_format: list[str]


class TaskList(msgspec.Struct, frozen=True):
    """All tasks, in the order of the contest."""

    tasks: list[Task]


async def get_task_list(_request: web.Request, participant: Participant) -> web.StreamResponse:
    """The tasks."""
    return json_answer(task_list(participant.state))


def task_list(state: ContestState) -> TaskList:
    """The tasks of a contest."""
    rules = contest_rules(state)
    return TaskList(
        [
            Task(problem.id, list(statements_of(problem, rules)), submission_format_of(problem))
            for problem in tasks_in_order(state)
        ]
    )


def tasks_in_order(state: ContestState) -> list[Problem]:
    """The problems of a contest, by their ordinals."""
    problems = cast("dict[str, Problem]", state.objects["problems"]).values()
    return sorted(problems, key=lambda problem: problem.ordinal)


def submission_format_of(problem: Problem) -> list[str]:
    """The names of the files that are handed in for a problem."""
    task = task_of(problem)
    said = None if task is None else task.submission_format
    return [SOURCE_OF_TASK.format(task=problem.id)] if said is None else list(said)


def statements_of(problem: Problem, rules: CmsContest) -> dict[str, FileReference]:
    """The statements of a problem that are kept here, by language; of several in one language the first.

    One that says no language is in the usual one, unless another says that it is.
    """
    usual = rules.default_statement_language or STATEMENT_LANGUAGE
    kept = [(language_of(reference.filename, problem.id), reference) for reference in _kept_statements(problem)]
    said = {language for language, _ in kept}
    found: dict[str, FileReference] = {}
    for language, reference in kept:
        if language is not None or usual not in said:
            found.setdefault(language or usual, reference)
    return found


def language_of(filename: str, task_name: str) -> str | None:
    """The language that a file name says: whatever stands between task and extension, or looks like a language there.

    None for a name that says none.
    """
    if not filename.lower().endswith(PDF_EXTENSION):
        return None
    stem = filename[: -len(PDF_EXTENSION)]
    named = stem.removeprefix(f"{task_name}.")
    if named != stem and _NAMED_LANGUAGE.fullmatch(named):
        return named
    rest, _, last = stem.rpartition(".")
    return last if rest and _LANGUAGE.fullmatch(last) else None


def _kept_statements(problem: Problem) -> Iterator[FileReference]:
    for reference in problem.statement or ():
        if reference.content is not None and reference.mime == PDF:
            yield reference
