"""`cds submit` as somebody runs it: exit codes, one reason, where passwords and options come from.

What is said to a server and by it is tried in tests/cds/submitting.
"""

import asyncio
import io
import ssl
from pathlib import Path

import pytest
from rich.console import Console

from cds.submitting.showing import Shown
from cds.submitting.standing import Standing
from tests.acceptance.command_line import Outcome, cds
from tests.cds.submitting.cms_stand_in import COMPILING, EVALUATING, CmsStandIn, scored, served

FORMATS = {"sum": ["sum.%l"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A solution."""
    file = tmp_path / "sum.cpp"
    file.write_text("int main() {}\n")
    return file


def stand_in() -> CmsStandIn:
    return CmsStandIn(FORMATS, script=[COMPILING, EVALUATING, scored(100, 100)])


async def submitted(*arguments: str | Path, cwd: Path, **more: str) -> Outcome:
    """The command, run while this process serves."""
    return await asyncio.to_thread(lambda: cds("submit", *arguments, cwd=cwd, **more))


async def test_what_is_judged_ends_with_0(tmp_path: Path, source: Path) -> None:
    (tmp_path / "password.txt").write_text("secret\n")
    async with served(stand_in()) as server:
        outcome = await submitted(
            "--task",
            "sum",
            source,
            "--url",
            server.url,
            "--username",
            "anna",
            "--password-file",
            tmp_path / "password.txt",
            cwd=tmp_path,
        )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[1:] == ["Compiling", "Evaluating", "Evaluated; score 100 of 100; the task 100"]


async def test_options_stand_in_the_environment_and_in_a_file(tmp_path: Path, source: Path) -> None:
    async with served(stand_in()) as server:
        (tmp_path / "cds.toml").write_text(f'url = "{server.url}"\ntask = "sum"\nwait = 0\n')
        login = {"CDS_SUBMIT_USERNAME": "anna", "CDS_SUBMIT_PASSWORD": "secret"}
        outcome = await submitted(source, "--config", tmp_path / "cds.toml", cwd=tmp_path, **login)
        assert (outcome.code, len(outcome.out.splitlines())) == (0, 1), outcome.err
        assert (len(server.taken), server.looks) == (1, 0)


async def test_what_is_refused_ends_with_1_and_one_reason(tmp_path: Path, source: Path) -> None:
    async with served(stand_in()) as server:
        login = {"CDS_SUBMIT_USERNAME": "anna", "CDS_SUBMIT_PASSWORD": "wrong"}
        outcome = await submitted("--task", "sum", source, "--url", server.url, cwd=tmp_path, **login)
    assert (outcome.code, outcome.reasons) == (1, ["cds: not logged in: Login failed"])
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--task", "sum"], "Missing argument 'FILE...'"),
        (["sum.cpp"], "Missing option '--task'"),
        (["--task", "sum", "gone.cpp"], "'gone.cpp' does not exist"),
        (["--task", "sum", "sum.cpp", "sum.cpp"], "two of the files are called sum.cpp"),
        (["--task", "sum", "sum.cpp", "--username", "anna"], "--username needs a password"),
        (["--task", "sum", "sum.cpp", "--url", "ftp://x"], "is not like http://127.0.0.1:8080"),
        (["--task", "sum", "sum.cpp", "--url", "http://a:b@x"], "give no login in the address"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, source: Path, arguments: list[str], reason: str) -> None:
    outcome = cds("submit", *arguments, cwd=tmp_path)
    assert outcome.code == 2
    assert reason in " ".join(outcome.err.split())


def test_certificates_that_are_none_are_wrong_usage(tmp_path: Path, source: Path) -> None:
    outcome = cds("submit", "--task", "sum", source, "--certificates", source, cwd=tmp_path)
    assert outcome.code == 2
    assert "--certificates" in outcome.err
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=source)


def test_the_help_has_examples(tmp_path: Path) -> None:
    outcome = cds("submit", "--help", cwd=tmp_path)
    assert outcome.code == 0
    assert "cds submit --task sum sum.cpp --username anna" in outcome.out
    assert "Exit code 0: judged" in outcome.out


def test_on_a_terminal_only_the_end_stays() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80, highlight=False, color_system="standard")
    with console.status("") as status:
        screen = Shown(console, status)
        screen.say("submission 17 of sum: handed in")
        screen.standing(Standing(state="Compiling"))
        assert str(status.status) == "Compiling"
        screen.standing(Standing(state="[b]Evaluated", judged=True, good=True, scores=("score 100 of 100",)))
    text = written.getvalue()
    assert "submission 17 of sum: handed in" in text
    assert "\x1b[1;32m[b]Evaluated\x1b[0m; score 100 of 100" in text, "no markup of others counts"
