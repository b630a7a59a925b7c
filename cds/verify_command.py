"""`cds verify`: its options, and how it ends.

This module translates words into calls; it must not hold rules.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cds.command_line import CommandRefused, database_options, run

if TYPE_CHECKING:
    from cds.verifying.verification import Verified

PROCESSES_MAX = 64

PROCESSES_UNASKED_MAX = 8
"""So many at most where nobody says how many: each has connections of its own, and servers need theirs."""


class NotVerified(CommandRefused):
    """What ends a verification with exit code 2: whether anything differs is not known."""

    exit_code = 2


@click.command()
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
@click.option(
    "--against",
    "heads",
    metavar="FILE",
    multiple=True,
    envvar="CDS_VERIFY_AGAINST",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A signed head (`cds head`), also one typed from paper, that the log has to agree with; repeatable.",
)
@click.option(
    "--key",
    metavar="KEY",
    envvar="CDS_VERIFY_KEY",
    help="The public key under which heads have to be signed, or a file that holds it.",
)
@click.option("--quick", is_flag=True, envvar="CDS_VERIFY_QUICK", help="Leave out files and what is derived.")
@click.option(
    "--thorough",
    is_flag=True,
    envvar="CDS_VERIFY_THOROUGH",
    help="Hold every snapshot of very large contests against a replay, not some of them.",
)
@click.option("--verbose", is_flag=True, envvar="CDS_VERIFY_VERBOSE", help="Print a line for every stream.")
@click.option(
    "--processes",
    envvar="CDS_VERIFY_PROCESSES",
    type=click.IntRange(1, PROCESSES_MAX),
    help=f"How many processes may work.  [default: as many as there are processors, up to {PROCESSES_UNASKED_MAX}]",
)
@database_options
@click.pass_context
def verify(  # noqa: PLR0913 - one argument for each option
    context: click.Context,
    *,
    streams: tuple[str, ...],
    heads: tuple[Path, ...],
    key: str | None,
    quick: bool,
    thorough: bool,
    verbose: bool,
    processes: int | None,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Verify that the log is what was written, also while servers run on it.

    Every row of every stream is followed along its chain, the contents of files are hashed, and checkpoints and
    snapshots are held against a fresh replay. Servers come first: the processes that do it give way to all others
    (niceness 10). STREAM is the name of a stream or the id of a contest; files are then
    only looked for, not hashed. Without a signed head, a log that somebody has written anew from some row on, chain
    values and all, is not found out.

    Exit code 0: no difference, 1: something differs (the first place is named first), 2: not verified, or wrong usage.
    """
    from cds.place import Place
    from cds.signed_heads import HeadRefused
    from cds.verifying.command import read_heads, read_public_key, run_verification
    from cds.verifying.verification import Choices

    if not heads and context.get_parameter_source("key") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--key says who has signed a head, and there is none: --against FILE")
    verified: list[Verified] = []
    try:
        choices = Choices(
            streams=streams,
            heads=read_heads(heads),
            public_key=None if key is None else read_public_key(key),
            quick=quick,
            thorough=thorough,
            processes=processes or min(os.cpu_count() or 1, PROCESSES_UNASKED_MAX),
        )
        place = Place(data_dir, database_url)
        run(run_verification(place, choices, verbose=verbose, found=verified.append), log_level="error")
    except (HeadRefused, OSError, UnicodeDecodeError) as refused:
        raise NotVerified(str(refused)) from refused
    except CommandRefused as refused:
        raise NotVerified(refused.message) from refused
    if any(each.differences for each in verified):
        raise SystemExit(1)
