"""Law 6: a contest that was exported and imported elsewhere gives every viewer the same answers."""

from pathlib import Path

import pytest

from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from cds.transfer import export_contest
from tests.acceptance.test_follow_chain import LONG
from tests.cds.contest_api.extended_contests import extended
from tests.cds.contest_api.feeds import file_references, fold
from tests.cds.contest_api.real_contests import (
    REAL_CONTESTS,
    needs_shared_data,
    real_contest,
    team_login,
    teams_with_account,
)
from tests.cds.contest_api.serving import SERVER_ADMIN, Login, Running, cloned_database, fill, running, server_login
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, Phase, login, small_contest

SERVER_LOGINS: tuple[Login | None, ...] = (
    None,
    *(server_login(role) for role in ("proxy", "analyst", "judge", "staff")),
    SERVER_ADMIN,
)

LARGEST = "wf44"
FEW_CHANGES = 1_000
"""Of a contest with more, feeds are compared for the public, an administrator and a team, all else for everybody."""


async def answers(server: Running, contest_id: str, logins: tuple[Login | None, ...]) -> dict[str, bytes]:
    """Every GET answer of a contest and every file in it, for several viewers."""
    found: dict[str, bytes] = {}
    for who in logins:
        caller = server.caller(who)
        base = f"contests/{contest_id}"
        access = await caller.json(f"{base}/access")
        names = [entry["type"] for entry in access["endpoints"] if entry["type"] != "contest"]
        for path in (base, *(f"{base}/{name}" for name in (*names, "access", "account", "scoreboard"))):
            answer = await caller.get(path)
            found[f"{who} {path}"] = answer.body
            for reference in file_references(answer.json):
                if "://" not in reference["href"]:
                    found[f"{who} {reference['href']}"] = (await caller.get(reference["href"])).body
    return found


async def check_round_trip(
    template_dsn: str, contents: ContestContents, logins: tuple[Login | None, ...], package: Path
) -> None:
    """Import, export with credentials, import into an empty database, and compare."""
    contest_id = contents.contest_id
    async with cloned_database(template_dsn) as first_dsn, cloned_database(template_dsn) as second_dsn:
        await fill(first_dsn, [contents])
        await export_contest(contest_id, package, credentials=True, data_dir=package.parent, database_url=first_dsn)
        again = read_contest(package)
        assert not again.warnings, [str(warning) for warning in again.warnings[:5]]
        await fill(second_dsn, [again])
        async with running(first_dsn) as first, running(second_dsn) as second:
            before, after = await answers(first, contest_id, logins), await answers(second, contest_id, logins)
            assert before.keys() == after.keys()
            for asked, body in before.items():
                assert after[asked] == body, asked
            path = f"contests/{contest_id}/event-feed"
            for who in logins if len(contents.changes) <= FEW_CHANGES else (None, SERVER_ADMIN, logins[-1]):
                assert fold(await first.caller(who).lines(path)) == fold(await second.caller(who).lines(path)), who


PACKED = [
    *((contest_id, "") for contest_id in REAL_CONTESTS if LONG or contest_id != LARGEST),
    ("roi", ".zip"),
    ("pc2", ".zip"),
]
"""Every recorded contest, two of them as archives too; the largest in a campaign alone (`make chain`)."""


@needs_shared_data
@pytest.mark.parametrize(("contest_id", "suffix"), PACKED)
async def test_recorded_contests_come_back_as_they_were(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str, suffix: str
) -> None:
    contents = real_contest(contest_id)
    teams = tuple(team_login(contest_id, team_id) for team_id in teams_with_account(contents))
    await check_round_trip(postgres_dsn_template, contents, SERVER_LOGINS + teams, tmp_path / f"package{suffix}")


@pytest.mark.parametrize("phase", ["before", "frozen"])
async def test_what_is_beyond_the_format_comes_back(postgres_dsn_template: str, tmp_path: Path, phase: Phase) -> None:
    contents = extended(small_contest("small", phase))
    logins = SERVER_LOGINS + tuple(login("small", username) for username in ROLE_OF_ACCOUNT)
    await check_round_trip(postgres_dsn_template, contents, logins, tmp_path / "package.zip")


@pytest.mark.parametrize("phase", ["before", "running", "frozen", "over"])
async def test_the_small_contest_comes_back_as_it_was(postgres_dsn_template: str, tmp_path: Path, phase: Phase) -> None:
    contents = small_contest("small", phase, closed=phase == "over")
    accounts = tuple(login("small", username) for username in ROLE_OF_ACCOUNT)
    await check_round_trip(postgres_dsn_template, contents, SERVER_LOGINS + accounts, tmp_path / "package")


async def test_without_credentials_no_password_leaves_the_server(postgres_dsn_template: str, tmp_path: Path) -> None:
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [small_contest("small", "frozen")])
        for credentials in (False, True):
            package = tmp_path / f"package-{credentials}"
            await export_contest("small", package, credentials=credentials, data_dir=tmp_path, database_url=dsn)
            holding = [path.name for path in package.rglob("*") if path.is_file() and b"argon2" in path.read_bytes()]
            assert holding == (["accounts.json"] if credentials else [])


async def test_importing_the_same_package_twice_adds_nothing(postgres_dsn_template: str, tmp_path: Path) -> None:
    async with cloned_database(postgres_dsn_template) as dsn:
        contents = small_contest("small", "over", closed=True)
        (first,) = await fill(dsn, [contents])
        (second,) = await fill(dsn, [contents])
        assert (second.events, second.passwords, second.files) == (0, 0, 0)
        assert second.position == first.position
        await export_contest("small", tmp_path / "out", credentials=True, data_dir=tmp_path, database_url=dsn)
        (third,) = await fill(dsn, [read_contest(tmp_path / "out")])
        assert (third.events, third.passwords, third.files) == (0, 0, 0)
