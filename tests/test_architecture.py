"""The shape of the program: who may import whom, what stays pure, and how a module looks.

The checks take source text, so that each of them is also shown a planted violation and must find it.
This module reads source files only; it imports none of the packages that it judges.
"""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("schemas", "eventstore", "projections", "cds")

MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "schemas": ("schemas",),
    "eventstore": ("eventstore", "schemas"),
    "projections": ("projections", "schemas"),
    "cds.commands": ("cds.commands", "projections", "schemas"),
    "cds.platforms.adapters": ("cds.platforms.adapters", "cds.platforms.questions", "projections", "schemas"),
    "cds": ("cds", "eventstore", "projections", "schemas"),
}
"""Room → what its modules may import of ours. The most specific room that holds a module rules."""

PURE_ROOMS = ("schemas", "projections", "cds.commands", "cds.platforms.adapters", "cds.platforms.questions")

IMPURE_IMPORTS: Mapping[str, tuple[str, ...]] = {
    "the clock": ("time",),
    "chance": ("argon2", "random", "secrets", "uuid.uuid1", "uuid.uuid4"),
    "waiting": ("asyncio", "concurrent", "multiprocessing", "sched", "select", "selectors", "threading"),
    "files": (
        "fcntl",
        "glob",
        "importlib.resources",
        "io.open",
        "pathlib.Path",
        "shutil",
        "sqlite3",
        "tempfile",
    ),
    "the machine": (
        "click",
        "getpass",
        "locale",
        "logging",
        "os",
        "rich",
        "signal",
        "structlog",
        "subprocess",
    ),
    "the network": ("aiohttp", "aiohttp_sse", "asyncpg", "http", "socket", "ssl", "urllib.request"),
}
"""What a name leads to. A name covers everything below it."""

IMPURE_CALLS = ("breakpoint", "eval", "exec", "input", "open", "print")

IMPURE_METHODS: Mapping[str, tuple[str, ...]] = {
    "the clock": ("now", "today", "utcnow"),
    "chance": ("getrandbits", "urandom", "uuid1", "uuid4"),
    "files": ("read_bytes", "read_text", "write_bytes", "write_text"),
}
"""What a method leads to, whatever its object is called: datetime.now, uuid.uuid4."""

VAGUE_NAMES = ("common", "helper", "helpers", "manager", "misc", "util", "utils")

LINES_MAX = 400
LONGER_FILES: Mapping[str, int] = {}
"""A ratchet: file → lines it may have although that is more than LINES_MAX. Entries only ever shrink."""

ENTRY_POINTS: Mapping[str, str] = {
    "eventstore.memory": "the store without a database, which shows that the contract needs none",
}
"""Modules that nothing needs to import, with the reason. Console scripts and __main__ modules are known."""

DEFINES_VAGUELY = re.compile(rf"\b(?:def|class)\s+_*(?:{'|'.join(VAGUE_NAMES)})_*\b", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(?:T[O]DO|F[I]XME|X{3})\b")


def module_name(path: Path) -> str:
    """Dotted name of a source file below ROOT; a package is named without __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources(*tops: str) -> Mapping[str, str]:
    """Module name → source text of every module below these directories."""
    return {
        module_name(path): path.read_text(encoding="utf-8")
        for top in tops
        for path in sorted((ROOT / top).rglob("*.py"))
    }


def covers(name: str, dotted: str) -> bool:
    """True if `dotted` is `name` or lies below it."""
    return dotted == name or dotted.startswith(name + ".")


def is_package(module: str) -> bool:
    """True if the module is a package directory, against which its relative imports count."""
    return (ROOT / module.replace(".", "/") / "__init__.py").is_file()


@cache
def names(source: str) -> tuple[tuple[ast.Import | ast.ImportFrom, ...], frozenset[str]]:
    """The imports of a source, and the texts in it, which may be names. It is read once for all tests."""
    nodes = list(ast.walk(ast.parse(source)))
    texts = frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)), texts


def imports(module: str, source: str, *, package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything the source imports; `from a import b` yields a.b."""
    here = module.split(".") if package else module.split(".")[:-1]
    for node in names(source)[0]:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        else:
            above = here[: len(here) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def forbidden_imports(module: str, source: str, *, package: bool = False) -> list[str]:
    """Imports of ours that the room of the module may not have."""
    room = max((room for room in MAY_IMPORT if covers(room, module)), key=len)
    return [
        f"{module}:{line}: {room} may not import {name}"
        for line, name in imports(module, source, package=package)
        if any(covers(top, name) for top in (*ROOMS, "tests"))
        and not any(covers(allowed, name) for allowed in MAY_IMPORT[room])
    ]


def impurities(module: str, source: str) -> list[str]:
    """What a pure room must not have: await, async, and ways to a clock, chance, files or the network."""
    found = [
        (line, f"{name} leads to {what}")
        for line, name in imports(module, source)
        for what, impure in IMPURE_IMPORTS.items()
        if any(covers(way, name) for way in impure)
    ]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                found.append((node.lineno, f"{type(node).__name__} waits"))
            case ast.comprehension(is_async=1):
                found.append((node.target.lineno, "an async comprehension waits"))
            case ast.Call(func=ast.Name(id=called)) if called in IMPURE_CALLS:
                found.append((node.lineno, f"call of {called}"))
            case ast.Attribute(attr=method):
                ways = [what for what, methods in IMPURE_METHODS.items() if method in methods]
                ways += [what for what, names in IMPURE_IMPORTS.items() if ast.unparse(node) in names]
                found += [(node.lineno, f".{method} leads to {ways[0]}")] if ways else []
    return [f"{module}:{line}: pure room, but {what}" for line, what in sorted(found)]


def missing_docstring(module: str, source: str) -> list[str]:
    """A module that does not say what it knows."""
    said = re.match(r'"""\w', source) or ast.get_docstring(ast.parse(source))
    return [] if said else [f"{module}: no docstring"]


def vague_names(module: str, source: str) -> list[str]:
    """Modules, functions and classes whose name says nothing about what they know."""
    read = ast.parse(source if DEFINES_VAGUELY.search(source) else "")
    defined = [
        (node.lineno, node.name)
        for node in ast.walk(read)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return [
        f"{module}:{line}: the name {name} says nothing"
        for line, name in [(1, module.rpartition(".")[2]), *defined]
        if name.strip("_").lower() in VAGUE_NAMES
    ]


def too_long(module: str, source: str) -> list[str]:
    """A file with more lines than it may have."""
    allowed = LONGER_FILES.get(module, LINES_MAX)
    lines = len(source.splitlines())
    return [f"{module}: {lines} lines, {allowed} are allowed"] if lines > allowed else []


def unfinished(module: str, source: str) -> list[str]:
    """Comments and docstrings that put work off."""
    if not UNFINISHED.search(source):
        return []
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    docstrings = [
        (node.lineno, node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return [f"{module}:{line}: unfinished work" for line, text in comments + docstrings if UNFINISHED.search(text)]


def untyped_dictionaries(module: str, source: str) -> list[str]:
    """Dictionaries of anything, which a Struct should have become."""
    read = ast.parse(source if re.search(r"\bAny\s*,?\s*\)?\s*\]", source) else "")
    return [
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(read)
        if isinstance(node, ast.Subscript)
        and re.fullmatch(r"(\w+\.)?(dict|Dict|Mapping|MutableMapping)\[\(?str, (\w+\.)?Any\)?\]", ast.unparse(node))
    ]


def mentioned_modules(module: str, source: str, known: Iterable[str], *, package: bool = False) -> set[str]:
    """Known modules that the source imports, or names as a whole string (`python -m …`, lazy commands)."""
    mentioned = {name for _, name in imports(module, source, package=package)} | names(source)[1]
    # `from schemas.objects import Team` mentions schemas.objects.Team: every prefix is imported by it.
    prefixes = {
        ".".join(parts[:count])
        for parts in (name.split(".") for name in mentioned if "." in name or name in known)
        for count in range(1, len(parts) + 1)
    }
    return prefixes & set(known)


def unreachable(texts: Mapping[str, str], starts: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Modules that no chain of imports reaches from a start. Reaching a module reaches its packages."""
    reached: set[str] = set()
    waiting = [name for name in starts if name in texts]
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        waiting += mentioned_modules(module, texts[module], texts, package=module in packages)
        waiting += [outer for outer in texts if module.startswith(outer + ".")]
    return [f"{module}: imported by nothing" for module in texts if module not in reached]


def entry_points() -> set[str]:
    """Modules from which the program starts: console scripts, __main__ modules and the named exceptions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    scripts = {target.partition(":")[0] for target in project["scripts"].values()}
    return scripts | set(ENTRY_POINTS) | {name for name in sources(*ROOMS) if name.endswith(".__main__")}


def test_rooms_import_only_what_they_may() -> None:
    """The diamond of the design: schemas at the top, eventstore and projections apart, cds below."""
    found = [
        problem
        for module, source in sources(*ROOMS).items()
        for problem in forbidden_imports(module, source, package=is_package(module))
    ]
    assert found == []


def test_pure_rooms_are_pure() -> None:
    """No waiting, no clock, no chance, no input or output in schemas, projections and cds.commands."""
    found = [
        problem
        for module, source in sources(*ROOMS).items()
        if any(covers(room, module) for room in PURE_ROOMS)
        for problem in impurities(module, source)
    ]
    assert found == []


@pytest.mark.parametrize("check", [missing_docstring, vague_names, too_long, unfinished])
def test_every_module_looks_as_agreed(check: Callable[[str, str], list[str]]) -> None:
    """Tests are code too: these hold for them as well."""
    texts = sources(*ROOMS, "tests")
    assert [problem for module, source in texts.items() for problem in check(module, source)] == []


def test_no_dictionary_of_anything_is_handed_around() -> None:
    """What comes from outside is parsed once into a Struct."""
    texts = sources(*ROOMS)
    assert [problem for module in texts for problem in untyped_dictionaries(module, texts[module])] == []


def test_no_file_is_dead() -> None:
    """Every module is reached from the command line, or is an entry point with a reason."""
    texts = sources(*ROOMS)
    assert unreachable(texts, entry_points(), [module for module in texts if is_package(module)]) == []


def test_entry_points_and_longer_files_are_not_stale() -> None:
    """An exception that names nothing any more, or is no longer needed, goes."""
    texts = sources(*ROOMS, "tests")
    assert [name for name in entry_points() if name not in texts] == []
    assert [name for name, allowed in LONGER_FILES.items() if len(texts[name].splitlines()) < allowed] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schemas.objects", "import projections.contest"),
        ("schemas.objects", "from cds import configuration"),
        ("eventstore.postgres", "from projections import contest"),
        ("eventstore.postgres", "from cds.cli import main"),
        ("projections.contest", "import eventstore"),
        ("projections.contest", "def late():\n    from cds import application"),
        ("cds.commands.submissions", "from cds.live_contest import LiveContest"),
        ("cds.commands.submissions", "from ..live_contest import LiveContest"),
        ("cds.commands.submissions", "from eventstore.store import Append"),
        ("cds.platforms.adapters.codeforces", "from cds.platforms.client import PlatformClient"),
        ("cds.cli", "from tests import builders"),
    ],
)
def test_a_planted_import_is_found(module: str, source: str) -> None:
    """Late, relative and from-imports count like any other."""
    assert len(forbidden_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("eventstore.codec", "from schemas import events\nfrom . import store"),
        ("projections.contest", "import schemas.objects\nfrom .timeline import frozen\nimport msgspec"),
        ("cds.commands.submissions", "from cds.commands import refusals\nfrom projections import contest"),
        ("cds.live_contest", "from eventstore.store import Append\nfrom cds.commands import submissions"),
        ("schemas.objects", "import schemas_of_another_project"),
    ],
)
def test_an_allowed_import_is_not_reported(module: str, source: str) -> None:
    """The rule forbids nothing that the design allows."""
    assert forbidden_imports(module, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "async def fold(): pass",
        "import time",
        "from time import monotonic",
        "import os.path",
        "from os import environ",
        "import random as chance",
        "import asyncio",
        "from uuid import uuid4",
        "import uuid\nfresh = uuid.uuid4()",
        "from datetime import UTC, datetime\nstarted = datetime.now(UTC)",
        "from pathlib import Path",
        "import urllib.request",
        "import asyncpg.pool",
        "import pathlib\nhome = pathlib.Path('.')",
        "ids = [team async for team in teams]",
        "contents = open('teams.json')",
    ],
)
def test_a_planted_impurity_is_found(source: str) -> None:
    """One way each to a clock, to chance, to a file and to the network."""
    assert len(impurities("projections.contest", source)) == 1


def test_pure_source_is_not_reported() -> None:
    """Types of times and ids, pure paths and hashes are values like any other."""
    source = "import hashlib, pathlib\nfrom datetime import datetime, time\nname = pathlib.PurePosixPath('a').name"
    assert impurities("projections.contest", source) == []


@pytest.mark.parametrize(
    ("check", "module", "source"),
    [
        (missing_docstring, "cds.cli", "import click"),
        (vague_names, "cds.utils", ""),
        (vague_names, "cds.cli", "def helpers(): pass"),
        (too_long, "cds.cli", "\n" * (LINES_MAX + 1)),
        (unfinished, "cds.cli", "x = 1  # T" + "ODO later"),
        (unfinished, "cds.cli", 'def f():\n    """F' + 'IXME: wrong."""'),
        (untyped_dictionaries, "cds.cli", "def f(body: dict[str, Any]) -> None: ..."),
        (untyped_dictionaries, "cds.cli", "body: typing.Mapping[str, typing.Any] = {}"),
    ],
)
def test_a_planted_fault_of_form_is_found(check: Callable[[str, str], list[str]], module: str, source: str) -> None:
    """Each check of form finds what it is for, once."""
    assert len(check(module, source)) == 1


def test_a_planted_dead_file_is_found() -> None:
    """Two modules that import only each other are as dead as one that nobody imports."""
    texts = {
        "cds": "",
        "cds.cli": "from cds import serving\nKEEPER = 'cds.keeper'",
        "cds.serving": "from . import routes",
        "cds.routes": "",
        "cds.keeper": "",
        "cds.left": "import cds.right",
        "cds.right": "import cds.left",
    }
    found = unreachable(texts, ["cds.cli"], ["cds"])
    assert found == ["cds.left: imported by nothing", "cds.right: imported by nothing"]
