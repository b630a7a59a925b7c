"""`cds token`: a bearer token for an account of the server.

This module translates words into calls; it must not hold rules.
"""

from pathlib import Path

import click

from cds.command_line import database_options, run

ROLES = ("admin", "staff", "judge", "analyst", "proxy", "team")

EXPIRES_S = 24 * 3600
EXPIRES_S_MAX = 366 * 24 * 3600


@click.command()
@click.option("--role", required=True, type=click.Choice(ROLES), envvar="CDS_ROLE", help="Role of the account.")
@click.option(
    "--account",
    "username",
    metavar="NAME",
    envvar="CDS_ACCOUNT",
    help="User name of an account of the server, or of a team.  [default: admin for the role admin; for team nobody]",
)
@click.option(
    "--expires",
    "lifetime_s",
    default=EXPIRES_S,
    show_default=True,
    type=click.IntRange(1, EXPIRES_S_MAX),
    envvar="CDS_EXPIRES",
    metavar="SECONDS",
    help="For how long it is good.",
)
@database_options
def token(*, role: str, username: str | None, lifetime_s: int, data_dir: Path, database_url: str | None) -> None:
    """Print a bearer token (JWT), in the last line; works while servers run on the same data.

    It stands for the account in every request that brings it (Authorization: Bearer), until it expires, or the account
    gets another password, is disabled or removed.
    """
    from cds.place import Place
    from cds.token_issuing import print_token

    run(print_token(Place(data_dir, database_url), role=role, username=username, lifetime_s=lifetime_s))
