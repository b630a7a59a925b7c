"""Contests in the Italian format, made up by the tests: paths and contents, as `packages.as_directory` takes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from schemas.extensions import CmsTask
from schemas.objects import Problem
from tests.cds.packages.packages import Content, as_directory

PDF = b"%PDF-1.4\n%%EOF\n"

CONTEST = """\
name: regional
description: Regional Olympiad
timezone: Europe/Rome
start: 1900000000
stop: 1900018000
token_mode: disabled
languages: ["C++17 / g++", "Python 3 / CPython"]
tasks: [sum, tree]
teams:
  - {code: LAZ, name: Lazio}
users:
  - username: anna
    password: "secret of anna"
    first_name: Anna
    last_name: Bianchi
    team: LAZ
  - username: "0042"
    password: "0815"
"""

SUM = """\
name: sum
title: Sum of two numbers
time_limit: 1.5
memory_limit: 256
n_input: 4
score_mode: max
public_testcases: all
"""

TREE = """\
name: tree
title: Spanning tree
n_input: 5
score_mode: max_subtask
public_testcases: all
primary_language: en
token_mode: disabled
infile: ""
outfile: ""
"""

GEN = """\
# examples, which bring nothing
# ST: 0
1 2 3
#ST: 30
1 10 1
2 10 1   # a comment behind parameters

# ST: 70
# COPY: large.txt
3 1000 1
"""


def regional(**more: Content) -> dict[str, Content]:
    """A contest of two tasks and two users in today's words; more files, or others in their place."""
    files: dict[str, Content] = {
        "contest.yaml": CONTEST,
        "sum/task.yaml": SUM,
        "sum/statement/it.pdf": PDF + b"it",
        "sum/statement/en.pdf": PDF + b"en",
        "sum/att/grader.cpp": "int main() {}\n",
        "sum/att/.hidden": "not for anybody",
        **{f"sum/input/input{number}.txt": "1 2\n" for number in range(4)},
        **{f"sum/output/output{number}.txt": "3\n" for number in range(4)},
        "tree/task.yaml": TREE,
        "tree/statement/statement.pdf": PDF + b"tree",
        "tree/gen/GEN": GEN,
    }
    return files | more


def of_task(task: str, **more: Content) -> dict[str, Content]:
    """A contest of one task, `sum`, that its task.yaml describes so."""
    contest = "name: one\ndescription: One\nstart: 1900000000\nstop: 1900003600\ntasks: [sum]\nlanguages: [C]\n"
    users = "users: [{username: anna, password: a}]\n"
    return {"contest.yaml": contest + users, "sum/task.yaml": task, **more}


def of_contest(contest: str) -> dict[str, Content]:
    """A contest with the task `sum` as the typical one has it, that contest.yaml describes so."""
    return {"contest.yaml": contest, "sum/task.yaml": SUM, "sum/statement/it.pdf": PDF}


def read(root: Path, files: Mapping[str, Content], **options: bool | str) -> ContestContents:
    """The contest that these files come to."""
    strict, contest_id = options.get("strict") is True, options.get("contest_id")
    return read_contest(
        as_directory(root / "italian", files),
        strict=strict,
        contest_id=contest_id if isinstance(contest_id, str) else None,
    )


def problem(root: Path, files: Mapping[str, Content], name: str = "sum") -> Problem:
    """A problem of the contest that these files come to."""
    return cast("Problem", read(root, files).final["problems"][name])


def cms_task(of: Problem) -> CmsTask:
    """What CMS knows of a problem."""
    assert of.ext is not None
    assert of.ext.cms is not None
    return of.ext.cms
