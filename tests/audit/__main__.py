"""`make audit`: are vulnerabilities known in what we depend on, and is everything under its hash?

Known vulnerabilities are looked up by pip-audit, where it can be installed and its database be reached. Where not, the
lock files alone are looked at, and what was done is said: that a network is away is no failure.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from tests.audit.locks import PROJECT, findings

LOCK = PROJECT / "requirements-audit.lock"
ENVIRONMENT = PROJECT / ".venv-audit"
AUDITED = ("requirements.lock", "requirements-build.lock", "requirements-development.lock")
INSTALL_S_MAX = 300.0
LOOK_UP_S_MAX = 180.0


class Unreachable(Exception):
    """Nobody can be asked from here; the text says which part is missing."""


class Vulnerability(msgspec.Struct, frozen=True):
    """What pip-audit says of one."""

    id: str
    fix_versions: list[str] = []


class Dependency(msgspec.Struct, frozen=True):
    """What pip-audit says of one package; `skip_reason` where the database did not know it."""

    name: str
    skip_reason: str | None = None
    version: str | None = None
    vulns: list[Vulnerability] = []


class Report(msgspec.Struct, frozen=True):
    """All that pip-audit says."""

    dependencies: list[Dependency]


def auditor() -> Path:
    """pip-audit in an environment of its own. Raises Unreachable."""
    mark = ENVIRONMENT / "lock"
    program = ENVIRONMENT / "bin" / "pip-audit"
    if mark.is_file() and mark.read_bytes() == LOCK.read_bytes():
        return program
    python = str(ENVIRONMENT / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for step in ([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], [*install, "-r", str(LOCK)]):
        try:
            subprocess.run(step, check=True, capture_output=True, timeout=INSTALL_S_MAX)
        except (OSError, subprocess.SubprocessError):
            raise Unreachable("pip-audit cannot be installed here") from None
    mark.write_bytes(LOCK.read_bytes())
    return program


def known_vulnerabilities() -> list[str]:
    """One line for each vulnerability of a locked package. Raises Unreachable, also where a package is not known."""
    program = auditor()
    return told([_report(program, PROJECT / name) for name in AUDITED])


def told(reports: Sequence[Report]) -> list[str]:
    """One line for each vulnerability. Raises Unreachable where some package was not looked up and none is wrong."""
    dependencies = [each for report in reports for each in report.dependencies]
    lines = {
        f"{dependency.name} {dependency.version}: {each.id}, fixed in {', '.join(each.fix_versions) or 'no version'}"
        for dependency in dependencies
        for each in dependency.vulns
    }
    skipped = {each.name for each in dependencies if each.skip_reason is not None}
    if not lines and (skipped or not dependencies):
        # A registry without such a database answers that it knows no package, and pip-audit takes that for an answer.
        raise Unreachable(f"the database that can be reached does not know {len(skipped)} of the packages")
    return sorted(lines)


def _report(program: Path, lock: Path) -> Report:
    command = [str(program), "--requirement", str(lock), "--require-hashes", "--disable-pip", "--format", "json"]
    try:
        outcome = subprocess.run(
            [*command, "--progress-spinner", "off", "--timeout", "15"],
            check=False,
            capture_output=True,
            timeout=LOOK_UP_S_MAX,
        )
        return msgspec.convert(json.loads(outcome.stdout), Report)
    except (OSError, subprocess.SubprocessError, ValueError, msgspec.ValidationError):
        # It ends with the same code where it finds something and where it fails; only with a report it has looked.
        raise Unreachable("the database of vulnerabilities cannot be reached") from None


@click.command()
def main() -> None:
    """Audit what this program depends on."""
    wrong = list(findings())
    click.echo("every locked package is at one version and under its hashes" if not wrong else "\n".join(wrong))
    try:
        known = known_vulnerabilities()
    except Unreachable as unreachable:
        click.echo(f"known vulnerabilities were not looked up: {unreachable}")
        known = []
    else:
        click.echo("\n".join(known) or "no vulnerability is known in any locked package (pip-audit)")
    if wrong or known:
        raise click.ClickException("the audit has found something")


if __name__ == "__main__":
    main()
