"""The lock files, looked at without a network: every package at one version, every file of it under its hash.

This module must not know where packages come from, nor which of them are known to be vulnerable.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = tuple(sorted(PROJECT.glob("requirements*.lock")))
RUNTIME_LOCK, DEVELOPMENT_LOCK = PROJECT / "requirements.lock", PROJECT / "requirements-development.lock"

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+]+)(?: ; [^\\]+)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ADDRESS = re.compile(r"(?:https?|file|git\+\w+)://")


def wrong_lines(text: str) -> list[str]:
    """What is wrong with a lock file: anything but a package at one version, hashes behind it, and comments."""
    wrong: list[str] = []
    package, hashes = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if _ADDRESS.search(line):
            wrong.append(f"line {number}: names an address")
        elif _HASH.fullmatch(line):
            hashes += 1
        elif (found := _PINNED.fullmatch(line)) is not None:
            if not hashes:
                wrong.append(f"line {number}: {package} has no hash")
            package, hashes = found["name"], 0
        else:
            wrong.append(f"line {number}: neither a package at one version nor a hash: {line.strip()[:60]}")
    if not hashes:
        wrong.append(f"at the end: {package} has no hash")
    return wrong


def pinned(text: str) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    found = (_PINNED.fullmatch(line) for line in text.splitlines())
    return {canonical(each["name"]): each["version"] for each in found if each is not None}


def canonical(name: str) -> str:
    """A name as all its spellings are (PyPA, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def findings() -> Iterator[str]:
    """Whatever is wrong: in the lock files, between them and pyproject.toml, and with what is installed here."""
    for lock in LOCKS:
        yield from (f"{lock.name}: {each}" for each in wrong_lines(lock.read_text(encoding="utf-8")))
    runtime = pinned(RUNTIME_LOCK.read_text(encoding="utf-8"))
    development = pinned(DEVELOPMENT_LOCK.read_text(encoding="utf-8"))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        found = _REQUIRED.match(requirement)
        name = canonical("" if found is None else found[0])
        if name not in runtime:
            yield f"pyproject.toml: {name} is not in {RUNTIME_LOCK.name}"
    for name, locked in runtime.items():
        if development.get(name) != locked:
            yield f"{name} is {locked} in {RUNTIME_LOCK.name}, and {development.get(name)} in {DEVELOPMENT_LOCK.name}"
    for name, locked in development.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # It is for another system, or another version of Python.
        if installed != locked:
            yield f"{name} is installed as {installed}, and locked as {locked}"
