"""Logins of users over a restore: those of before the backup are good, later ones are nobody's."""

from pathlib import Path

from tests.cds.backups.databases import back_up, restore
from tests.cds.contest_api.serving import cloned_database
from tests.cds.users.stage import stage


async def test_a_login_of_the_lost_time_is_nobodys_also_when_its_id_is_somebodys(
    database_dsn: str, postgres_dsn_template: str, tmp_path: Path
) -> None:
    async with stage(database_dsn) as before:
        ada = await before.newcomer("ada")
        await back_up(database_dsn, tmp_path / "backup")
        lost = await before.newcomer("bob")
        assert (await before.ask("GET", "account/profile", token=lost))[0] == 200
    async with cloned_database(postgres_dsn_template) as other:
        await restore(other, tmp_path / "backup")
        async with stage(other) as desk:
            status, body = await desk.ask("GET", "account/profile", token=ada)
            assert (status, body["data"]["username"]) == (200, "ada")
            refused = await desk.ask("GET", "account/profile", token=lost)
            assert refused == (404, {"status": "error", "message": "User was not found"})
            eve = await desk.newcomer("eve")
            status, body = await desk.ask("GET", "account/profile", token=eve)
            assert (status, body["data"]["username"]) == (200, "eve")
            refused = await desk.ask("GET", "account/profile", token=lost)
            assert (refused[0], refused[1]["status"]) == (401, "error")
