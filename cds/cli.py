"""The command line `cds`. Exit code 0: done, 1: refused, with the reason, 2: wrong usage.

This module translates words into calls; it must not hold rules.
"""

from pathlib import Path
from typing import Unpack

import click

from cds.account_commands import accounts
from cds.backup_command import backup
from cds.command_line import address_options, database_options, run
from cds.compare_command import compare
from cds.configuration import Configuration
from cds.contest_commands import contest
from cds.edge_command import edge
from cds.encryption_options import EncryptionOptions, chosen_encryption, encryption_options
from cds.follow_command import follow
from cds.head_command import head
from cds.log_command import log
from cds.platform_options import CodeforcesOptions, chosen_codeforces, codeforces_options
from cds.relay_command import relay
from cds.replay_command import replay
from cds.restore_command import restore
from cds.secret_options import ADMIN_PASSWORD_VARIABLE, secret_given
from cds.serve_command import is_whole_url, serve
from cds.shadow_commands import shadow
from cds.student_command import students
from cds.submit_command import submit
from cds.sync_command import sync
from cds.token_command import token
from cds.user_command import forget, users
from cds.verify_command import verify

DSN_LINGER_S = 120.0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="contest-data-server", prog_name="cds")
def main() -> None:
    """The contest data server: a programming contest in one append-only event log.

    Every option but those of `accounts` and `contest` can be given in the environment too, as CDS_ and its name, and
    every option in a TOML file (--config).
    """


main.add_command(contest)
main.add_command(accounts)
main.add_command(serve)
main.add_command(backup)
main.add_command(restore)
main.add_command(verify)
main.add_command(head)
main.add_command(relay)
main.add_command(edge)
main.add_command(follow)
main.add_command(replay)
main.add_command(compare)
main.add_command(shadow)
main.add_command(sync)
main.add_command(students)
main.add_command(log)
main.add_command(submit)
main.add_command(token)
main.add_command(users)
main.add_command(forget)


@main.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--contest-id",
    envvar="CDS_CONTEST_ID",
    metavar="ID",
    help="Import under this id instead of the source's.",
)
@click.option("--strict", is_flag=True, envvar="CDS_STRICT", help="Refuse where anything would have to be repaired.")
@click.option(
    "--shadow",
    metavar="NAME",
    envvar="CDS_SHADOW",
    help="Keep it beside the contest as the judging of a second system of that name, for comparisons alone.",
)
@codeforces_options
@database_options
def import_(
    *,
    source: Path,
    contest_id: str | None,
    strict: bool,
    shadow: str | None,
    data_dir: Path,
    database_url: str | None,
    **options: Unpack[CodeforcesOptions],
) -> None:
    """Import a contest package or a contest in CMS's Italian format (directory or .zip), or a recorded event feed.

    Also while a server runs on the same data: it shows the contest at once. Importing the same twice adds nothing.
    A SOURCE like codeforces:1234 is a contest of that platform, which is asked for it with all its results.
    """
    from cds import platform_import, transfer

    named = platform_import.platform_source(source)
    if named is not None:
        if contest_id is not None or strict or shadow is not None:
            raise click.UsageError("--contest-id, --strict and --shadow are for packages and feeds")
        settings = chosen_codeforces(options)
        work = platform_import.import_from_platform(*named, settings, data_dir=data_dir, database_url=database_url)
        run(work, log_level="warning")
        return
    run(
        transfer.import_source(
            source, contest_id, strict=strict, data_dir=data_dir, database_url=database_url, shadow=shadow
        )
    )


@main.command()
@click.argument("contest_id")
@click.argument("destination", type=click.Path(path_type=Path))
@click.option("--credentials", is_flag=True, envvar="CDS_CREDENTIALS", help="Add password hashes to the accounts.")
@click.option(
    "--at",
    metavar="MOMENT",
    envvar="CDS_AT",
    help="As it was then: a time (2031-05-17T15:00:00Z), a contest time (1:23:45), or a token of the administrator's "
    "feed.",
)
@database_options
def export(
    *, contest_id: str, destination: Path, credentials: bool, at: str | None, data_dir: Path, database_url: str | None
) -> None:
    """Write a contest as a contest package, to a directory or a file that ends in .zip."""
    from cds import transfer

    run(
        transfer.export_contest(
            contest_id, destination, credentials=credentials, data_dir=data_dir, database_url=database_url, at=at
        )
    )


@main.command()
@database_options
def contests(data_dir: Path, database_url: str | None) -> None:
    """List the contests of the log."""
    from cds import transfer

    run(transfer.list_contests(data_dir, database_url))


@main.command()
@database_options
def dsn(data_dir: Path, database_url: str | None) -> None:
    """Print the address under which psql reaches the database, starting the embedded one when it sleeps.

    It then stays up for two minutes, and for as long as somebody is connected.
    """
    from cds import transfer

    run(transfer.print_dsn(data_dir, database_url, DSN_LINGER_S))


def check_live_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass the whole address of a server's API."""
    if value is not None and (not is_whole_url(value) or set(value) & set(" ?#{}")):
        raise click.BadParameter(f"{value!r} is not like http://127.0.0.1:8080/api")
    return value


@main.command()
@click.argument("destination", type=click.Path(path_type=Path), required=False)
@click.option(
    "--live",
    metavar="URL",
    envvar="CDS_LIVE",
    callback=check_live_url,
    help="Play the contest on the server whose API is there, in place of writing a package.",
)
@click.option(
    "--speed",
    envvar="CDS_SPEED",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0.1, 10_000),
    help="Times as fast (with --live).",
)
@click.option(
    "--username",
    envvar="CDS_USERNAME",
    default="admin",
    show_default=True,
    help="An administrator of the server (with --live).",
)
@click.option(
    "--password-file",
    envvar="CDS_PASSWORD_FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Holds the administrator's password.  [default: what CDS_ADMIN_PASSWORD says]",
)
@click.option("--seed", envvar="CDS_SEED", default=1, show_default=True, type=int, help="Same seed, same contest.")
@click.option(
    "--contest-id",
    envvar="CDS_CONTEST_ID",
    metavar="ID",
    default="simulated",
    show_default=True,
    help="Id of the contest.",
)
@click.option("--name", envvar="CDS_NAME", metavar="TEXT", help="Name of the contest.")
@click.option("--teams", envvar="CDS_TEAMS", default=60, show_default=True, type=int, help="Number of teams.")
@click.option("--problems", envvar="CDS_PROBLEMS", default=12, show_default=True, type=int, help="Number of problems.")
@click.option(
    "--submissions",
    envvar="CDS_SUBMISSIONS",
    type=int,
    help="How many submissions.  [default: as teams would make]",
)
@click.option(
    "--runs",
    "runs_per_judgement",
    envvar="CDS_RUNS",
    type=int,
    help="Test cases of a problem.  [default: 6, with --live 1]",
)
@click.option("--organizations", envvar="CDS_ORGANIZATIONS", type=int, help="Number of organizations.")
@click.option("--groups", envvar="CDS_GROUPS", default=4, show_default=True, type=int, help="Number of groups (sites).")
@click.option("--clarifications", envvar="CDS_CLARIFICATIONS", type=int, help="Number of clarifications.")
@click.option("--commentary", envvar="CDS_COMMENTARY", type=int, help="Number of comments at most.")
@click.option(
    "--duration",
    "duration_s",
    envvar="CDS_DURATION",
    default=5 * 3600,
    show_default=True,
    type=int,
    help="Length in seconds.",
)
@click.option(
    "--freeze",
    "freeze_s",
    envvar="CDS_FREEZE",
    default=3600,
    show_default=True,
    type=int,
    help="Length of the freeze in seconds.",
)
@click.option("--start-time", envvar="CDS_START_TIME", help="Start, such as 2031-05-17T10:00:00.000+02:00.")
@click.option(
    "--phase",
    envvar="CDS_PHASE",
    default="finished",
    show_default=True,
    help="before, running, running-frozen, ended, finished-frozen or finished.",
)
@click.option(
    "--scoreboard-type",
    envvar="CDS_SCOREBOARD_TYPE",
    default="pass-fail",
    show_default=True,
    help="pass-fail or score.",
)
@click.option(
    "--simplified",
    "simplified_judgement_types",
    envvar="CDS_SIMPLIFIED",
    is_flag=True,
    help="Judgement types have simplified ones.",
)
@click.option("--photos", envvar="CDS_PHOTOS", is_flag=True, help="Draw a photo of every team.")
@click.option("--logos/--no-logos", envvar="CDS_LOGOS", default=True, show_default=True, help="Draw logos.")
@click.option(
    "--sources/--no-sources", envvar="CDS_SOURCES", default=True, show_default=True, help="Submissions have files."
)
@click.option(
    "--statements/--no-statements",
    envvar="CDS_STATEMENTS",
    default=True,
    show_default=True,
    help="Problems have statements.",
)
def simulate(
    *,
    destination: Path | None,
    live: str | None,
    speed: float,
    username: str,
    password_file: Path | None,
    **choices: object,
) -> None:
    """Write a realistic, made-up contest package: a directory, or a file that ends in .zip.

    With --live and without DESTINATION the contest is played on a running server instead: set up over HTTP, then
    every team, judge and analyst does its part at its moment, to the end of updates.
    """
    from cds import rehearsal

    if destination is not None and live is None:
        run(rehearsal.write_simulation(destination, choices))
    elif live is not None and destination is None:
        run(rehearsal.play_simulation(live, (username, _live_password(password_file)), speed, choices))
    else:
        raise click.UsageError("give either DESTINATION or --live URL")


def _live_password(password_file: Path | None) -> str:
    password = password_file.read_text().rstrip("\r\n") if password_file else secret_given(ADMIN_PASSWORD_VARIABLE)
    if not password:
        raise click.UsageError("--live needs the administrator's password: --password-file or CDS_ADMIN_PASSWORD")
    return password


@main.command()
@address_options
@click.option(
    "--speed",
    envvar="CDS_SPEED",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.1, 10_000),
    help="Times as fast.",
)
@click.option("--teams", envvar="CDS_TEAMS", default=60, show_default=True, type=int, help="Number of teams.")
@click.option("--seed", envvar="CDS_SEED", default=1, show_default=True, type=int, help="Same seed, same contest.")
@encryption_options
@database_options
def demo(
    *,
    host: str,
    port: int,
    speed: float,
    teams: int,
    seed: int,
    data_dir: Path,
    database_url: str | None,
    **encryption: Unpack[EncryptionOptions],
) -> None:
    """Serve, and play a made-up contest live at higher speed."""
    from cds import demo as demonstration
    from cds.simulation.parameters import SimulationParameters

    parameters = SimulationParameters(seed=seed, teams=teams, name="Demo Contest")
    chosen = chosen_encryption(host, **encryption)
    configuration = Configuration(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=database_url,
        admin_password=secret_given(ADMIN_PASSWORD_VARIABLE),
        behind_proxy=chosen.behind_proxy,
        tls_certificate=chosen.certificate,
        tls_key=chosen.key,
        tls_self_signed=chosen.self_signed,
    )
    run(demonstration.run_demo(configuration, parameters, speed))
