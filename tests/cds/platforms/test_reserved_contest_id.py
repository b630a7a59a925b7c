"""No contest is called `sync`: below `/contests/` that is the sync of platforms (requirements-000, 3.12)."""

from pathlib import Path

import pytest

from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.commands.properties import check_contest_identifier
from cds.importing import import_contest
from cds.upstream.describing import DescriptionRefused, option_of
from eventstore.memory import MemoryStore
from tests.acceptance.command_line import cds
from tests.cds.contest_api.small_contest import small_contest


def test_a_client_may_not_choose_it() -> None:
    with pytest.raises(Refused, match="may be called sync"):
        check_contest_identifier("sync")
    check_contest_identifier("sync-2")


async def test_it_is_not_imported() -> None:
    with pytest.raises(Refused, match="may be called sync"):
        await import_contest(
            MemoryStore(),
            small_contest("sync", "frozen"),
            cause="test",
            circumstances=SYSTEM,
            progress=lambda *_: None,
        )


def test_nobody_is_followed_under_it() -> None:
    with pytest.raises(DescriptionRefused, match="'sync' is no id of a contest"):
        option_of("sync=http://127.0.0.1:1/api/contests/x")


def test_nothing_is_played_again_under_it(tmp_path: Path) -> None:
    package = tmp_path / "package"
    assert cds("simulate", package, "--teams", "3", "--problems", "2", cwd=tmp_path).code == 0
    outcome = cds("replay", package, "--contest-id", "sync", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert outcome.code == 1
    assert "'sync' is no id of a contest" in outcome.err
