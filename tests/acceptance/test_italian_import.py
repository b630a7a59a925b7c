"""A contest in the Italian format, imported as its organizers do it: served, exported, and imported again."""

from pathlib import Path

from cds.packages.reading import read_contest
from tests.acceptance.command_line import cds
from tests.acceptance.test_export_and_import import SERVER_LOGINS, check_round_trip
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.serving import SERVER_ADMIN, Login, fill, running
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed
from tests.cds.packages.italian_contests import CONTEST, PDF, SUM, read, regional
from tests.cds.packages.packages import as_directory

GUEST = "  - {username: guest, password: g, hidden: true, extra_time: 900, ip: 192.0.2.7}\n"
EVERYBODY: tuple[Login | None, ...] = (None, SERVER_ADMIN, ("anna", "secret of anna"))
RULES = "per_user_time: 7200\nmax_submission_number: 100\nblock_hidden_participations: true\n"


async def test_it_comes_back_as_it_was(postgres_dsn_template: str, tmp_path: Path) -> None:
    """Those who are hidden are let in, so that what they see can be compared."""
    rules = RULES.replace("block_hidden_participations: true", "block_hidden_participations: false")
    files = regional(**{"contest.yaml": CONTEST + GUEST + rules, "sum/task.yaml": SUM + "max_submission_number: 7\n"})
    contents = read(tmp_path, files)
    logins = (*SERVER_LOGINS, ("anna", "secret of anna"), ("guest", "g"))
    await check_round_trip(postgres_dsn_template, contents, logins, tmp_path / "package.zip")


@needs_schemas
async def test_every_answer_is_as_the_schemas_say(fresh_dsn: str, tmp_path: Path) -> None:
    """To whoever asks."""
    await fill(fresh_dsn, [read(tmp_path, regional(**{"contest.yaml": CONTEST + GUEST + RULES}))])
    async with running(fresh_dsn) as server:
        for who in EVERYBODY:
            caller = server.caller(who)
            assert (await check_everything(caller, "regional")).checked > 0
            assert await check_feed(caller, "regional") > 0


async def test_the_same_once_more_adds_nothing(fresh_dsn: str, tmp_path: Path) -> None:
    source = as_directory(tmp_path / "italian", regional(**{"contest.yaml": CONTEST + GUEST + RULES}))
    first, second = await fill(fresh_dsn, [read_contest(source)]), await fill(fresh_dsn, [read_contest(source)])
    assert first[0].events > 0
    assert (second[0].events, second[0].passwords) == (0, 0)


async def test_a_participant_finds_the_tasks_after_the_start(fresh_dsn: str, tmp_path: Path) -> None:
    contest = CONTEST.replace("start: 1900000000", "start: 2025-03-17 09:00")
    await fill(fresh_dsn, [read(tmp_path, regional(**{"contest.yaml": contest}))])
    async with running(fresh_dsn) as server:
        anna, admin = server.caller(("anna", "secret of anna")), server.caller(SERVER_ADMIN)
        assert await anna.json("contests/regional/problems") == []
        begun = {"started": "2025-03-17T09:00:00.000+01:00"}
        assert (await admin.ask("PATCH", "contests/regional/state", json=begun)).status == 200
        problems = await anna.json("contests/regional/problems")
        assert [problem["id"] for problem in problems] == ["sum", "tree"]
        statement = problems[0]["statement"][1]
        assert statement["filename"] == "sum.it.pdf"
        assert (await anna.get(statement["href"])).body == PDF + b"it"
        account = await anna.json("contests/regional/account")
        assert (account["username"], account["team_id"]) == ("anna", "anna")


def test_the_command_says_what_is_odd_and_how_much(fresh_dsn: str, tmp_path: Path) -> None:
    files = regional(**{"sum/task.yaml": SUM + "token_mode: finite\ntoken_max_number: 3\nflavour: mint\n"})
    source = as_directory(tmp_path / "italian", files)
    outcome = cds("import", source, cwd=tmp_path, CDS_DATABASE_URL=fresh_dsn)
    assert outcome.code == 0, outcome.err
    assert "regional: " in outcome.out
    assert "2 new passwords, 2 warnings" in outcome.out
    assert "warning: sum/task.yaml problems/sum flavour: is not known here, left out" in outcome.err
    assert "warnings about problems token_mode: 1" in outcome.err
    strict = cds("import", "--strict", source, cwd=tmp_path, CDS_DATABASE_URL=fresh_dsn)
    assert (strict.code, len(strict.reasons)) == (1, 1)
