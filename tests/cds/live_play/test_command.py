"""`cds simulate --live` on the command line: what is wrong usage, what is refused, and what it says in the end."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds.cli import main
from cds.live_play.play import Board, BoardRow, BoardScore, Played
from cds.live_play.player import Tally
from cds.rehearsal import told

NOWHERE = "http://127.0.0.1:1/api"
PASSWORD = {"CDS_ADMIN_PASSWORD": "secret"}


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sets up the logs of its process for good, and this process is that of all tests."""
    monkeypatch.setattr("cds.observability.configure_logging", lambda *_arguments: None)


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        ((), PASSWORD, "give either DESTINATION or --live URL"),
        (("out.zip", "--live", NOWHERE), PASSWORD, "give either DESTINATION or --live URL"),
        (("--live", NOWHERE), {"CDS_ADMIN_PASSWORD": ""}, "needs the administrator's password"),
        (("--live", "127.0.0.1:1"), PASSWORD, "is not like http://"),
        (("--live", "/api"), PASSWORD, "is not like http://"),
        (("--live", NOWHERE, "--speed", "0"), PASSWORD, "0"),
        (("--live", NOWHERE, "--password-file", "nowhere"), {}, "does not exist"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], environment: dict[str, str], complaint: str) -> None:
    outcome = CliRunner().invoke(main, ["simulate", *arguments], env=environment)
    assert outcome.exit_code == 2
    assert complaint in outcome.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--phase", "running"), "phase: has no meaning with --live"),
        (("--start-time", "2031-05-17T10:00:00.000Z"), "start_time: has no meaning with --live"),
        (("--no-sources",), "sources: has no meaning with --live"),
        (("--teams", "0"), "teams: 0 is not between"),
        (("--teams", "1", "--problems", "1"), "GET /contests/simulated as root: "),
    ],
)
def test_refusals(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    """The last one: nobody is there to play with."""
    password_file = tmp_path / "password"
    password_file.write_text("secret\n")
    options = ("--username", "root", "--password-file", str(password_file))
    outcome = CliRunner().invoke(main, ["simulate", "--live", NOWHERE, *options, *arguments])
    assert outcome.exit_code == 1
    assert f"cds: {complaint}" in outcome.output


def test_what_is_told_in_the_end() -> None:
    tally = Tally(sent=Counter({"POST submissions": 7}), late=Counter(submissions=2), left_out=5, lag_s=0.25)
    rows = [
        BoardRow(rank=1, team_id="a", score=BoardScore(num_solved=2, total_time="0:00:04.000")),
        BoardRow(rank=2, team_id="b", score=BoardScore(score=12.5)),
    ]
    played = Played(tally=tally, board=Board(rows=rows), set_up_s=1.5, retries=3)
    assert told("finals", played) == [
        "finals: played on the server, set up in 1.5 s",
        "       7 POST submissions",
        "       2 refused because the contest was over, 5 left out with them",
        "       3 requests sent again; at worst 0.25 s behind schedule",
        "     1. a  2 solved, 0:00:04.000",
        "     2. b  12.5",
    ]
