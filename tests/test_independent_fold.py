"""The independent script that the feeds are judged by: it folds as the Contest API says."""

import ast
import json
import subprocess
import sys
from pathlib import Path

from tests import independent_fold
from tests.independent_fold import fold

SCRIPT = Path(independent_fold.__file__)


def line(name: str, identifier: str | None, data: object) -> bytes:
    return json.dumps({"type": name, "id": identifier, "data": data, "token": "x"}).encode() + b"\n"


def test_it_imports_nothing_of_ours() -> None:
    """Only the standard library, so that it cannot share a mistake with the program."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules | names == {"json", "sys", "collections.abc", "typing"}


def test_objects_come_change_and_go() -> None:
    feed = b"".join(
        [
            line("contest", None, {"id": "c"}),
            line("teams", "1", {"id": "1"}),
            b"\n",
            line("teams", "2", {"id": "2"}),
            line("teams", "1", {"id": "1", "name": "one"}),
            line("teams", "2", None),
            line("groups", "g", {"id": "g"}),
            line("groups", "g", None),
        ]
    )
    assert fold(feed) == {"contest": {None: {"id": "c"}}, "teams": {"1": {"id": "1", "name": "one"}}}


def test_a_whole_collection_replaces_the_one_before() -> None:
    feed = line("teams", "1", {"id": "1"}) + line("teams", None, [{"id": "2"}])
    assert fold(feed) == {"teams": {"2": {"id": "2"}}}


def test_it_goes_on_from_what_was_folded_before() -> None:
    before = fold(line("teams", "1", {"id": "1"}))
    assert fold(line("teams", "1", None), before) == {}


def test_it_runs_as_a_script() -> None:
    feed = line("state", None, {"started": None}) + line("teams", "1", {"id": "1"})
    done = subprocess.run([sys.executable, str(SCRIPT)], input=feed, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"state": {"started": None}, "teams": [{"id": "1"}]}
