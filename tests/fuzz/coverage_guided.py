"""Every target, driven by what of the program an input has reached (atheris): `python -m tests.fuzz.coverage_guided`.

For development alone: atheris is installed into a directory of its own where there is a wheel for this machine, and
where there is none this says so and does nothing. Each target runs in a process of its own, for a bounded number of
runs, within bounds of time for one input and of memory; an input that breaks one is kept and named.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path

import click

PROJECT = Path(__file__).resolve().parents[2]
LOCK = PROJECT / "requirements-fuzz.lock"
ENVIRONMENT = PROJECT / ".venv-fuzz"
FOUND = ENVIRONMENT / "found"
"""Where inputs are kept that broke a target."""

INSTRUMENTED = ["cds", "projections", "schemas", "eventstore"]
RUNS = 20_000
SECONDS = 30
"""No target is driven longer than that, however many runs it has made."""

INPUT_S_MAX = 20
"""An input that takes longer counts as one that hangs."""

RSS_MIB_MAX = 1_024
"""What a process may grow to; the program and the instruments take some two hundred of it."""

INSTALL_S_MAX = 300.0
WORD_BYTES_MAX = 60
SAID_LINES_MAX = 60
"""As many lines are shown of what a broken target has said."""


class Absent(Exception):
    """atheris cannot be had here."""


def installed() -> Path:
    """The directory with atheris in it. Raises Absent."""
    mark = ENVIRONMENT / "lock"
    if not mark.is_file() or mark.read_bytes() != LOCK.read_bytes():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--upgrade", "--require-hashes", "--target", str(ENVIRONMENT)]
        try:
            subprocess.run([*command, "-r", str(LOCK)], check=True, capture_output=True, timeout=INSTALL_S_MAX)
        except (OSError, subprocess.SubprocessError):
            raise Absent("atheris cannot be installed here") from None
        mark.write_bytes(LOCK.read_bytes())
    return ENVIRONMENT


def drive(names: Sequence[str], runs: int, seconds: int) -> list[str]:
    """Drive targets, all of them where none is named; those that broke. Raises Absent."""
    sys.path.append(str(installed()))
    try:
        atheris = import_module("atheris")
    except ImportError:
        raise Absent("atheris does not run here") from None
    # It names every module that it instruments, which are hundreds.
    said_of_modules = redirect_stderr(io.StringIO())
    with said_of_modules, atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        targets = import_module("tests.fuzz.targets").TARGETS
    broken = []
    for name in names or targets:
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if child == 0:
                for stream in (1, 2):
                    os.dup2(said.fileno(), stream)
                _fuzz(atheris, targets[name], name, runs, seconds)
            _, status = os.waitpid(child, 0)
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").splitlines()
        click.echo(
            f"{name}: {'broken' if status else next((each for each in reversed(lines) if 'DONE' in each), 'ok')}"
        )
        if status:
            click.echo("\n".join(lines[-SAID_LINES_MAX:]))
            broken.append(name)
    return broken


def _fuzz(atheris: object, target: object, name: str, runs: int, seconds: int) -> None:
    """Never comes back."""
    room = Path(tempfile.mkdtemp(prefix="cds-fuzz-"))
    corpus = room / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds):  # type: ignore[attr-defined]  # a Target of instrumented modules
        (corpus / str(number)).write_bytes(seed)
    words = room / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if len(word) <= WORD_BYTES_MAX))  # type: ignore[attr-defined]  # as above
    FOUND.mkdir(exist_ok=True)
    options: dict[str, object] = {
        "runs": runs,
        "max_total_time": seconds,
        "timeout": INPUT_S_MAX,
        "rss_limit_mb": RSS_MIB_MAX,
        "max_len": target.bytes_max,  # type: ignore[attr-defined]  # as above
        "artifact_prefix": f"{FOUND / name.replace(' ', '-')}-",
        "verbosity": 1,
    }
    if words.stat().st_size:
        options["dict"] = words  # An empty one would be refused.
    arguments = [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)]
    atheris.Setup(arguments, target.run)  # type: ignore[attr-defined]  # atheris is not installed where types are checked
    atheris.Fuzz()  # type: ignore[attr-defined]  # as above
    os._exit(0)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--runs", default=RUNS, show_default=True, help="How often each target is run.")
@click.option("--seconds", default=SECONDS, show_default=True, help="For how long each target is run at most.")
def main(names: tuple[str, ...], runs: int, seconds: int) -> None:
    """Drive targets by NAMES, or all of them."""
    try:
        broken = drive(names, runs, seconds)
    except Absent as absent:
        click.echo(f"{absent}: hypothesis alone drives the targets")
        return
    if broken:
        raise click.ClickException(f"broken: {', '.join(broken)}; the inputs are in {FOUND}")


if __name__ == "__main__":
    main()
