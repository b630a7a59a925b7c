"""`cds replay`: its options, and what they mean for how a contest is played.

This module translates words into options; it must not know how a contest is played.
"""

from pathlib import Path
from typing import TypedDict, Unpack

import click

from cds.command_line import database_options, run
from schemas.times import parse_relative_time_ms

SPEED_MIN, SPEED_MAX = 0.1, 10_000
LEAD_S_MAX = 24 * 3600
PAUSE_S_MAX = 7 * 24 * 3600


class PlayOptions(TypedDict):
    """The options that say how a contest is played, by the names that click gives them."""

    speed: float
    from_ms: int | None
    lead_s: float
    pause_s_max: float


def read_contest_time(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """A contest time, such as 3:50:00, in milliseconds."""
    if value is None:
        return None
    try:
        contest_time_ms = parse_relative_time_ms(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not like 3:50:00") from None
    if contest_time_ms < 0:
        raise click.BadParameter("is before the start")
    return contest_time_ms


@click.command()
@click.argument("source", metavar="CONTEST")
@click.option(
    "--speed",
    envvar="CDS_SPEED",
    default=1.0,
    show_default=True,
    type=click.FloatRange(SPEED_MIN, SPEED_MAX),
    help="Times as fast.",
)
@click.option(
    "--from",
    "from_ms",
    envvar="CDS_FROM",
    metavar="H:MM:SS",
    callback=read_contest_time,
    help="Begin at this contest time; what was before is there at once.  [default: before the start]",
)
@click.option(
    "--contest-id",
    envvar="CDS_CONTEST_ID",
    metavar="ID",
    help="The id under which it is played.  [default: its own with -replay, and a number when that is taken]",
)
@click.option(
    "--lead",
    "lead_s",
    envvar="CDS_LEAD",
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, LEAD_S_MAX),
    help="How long until it starts (without --from).",
)
@click.option(
    "--pause-max",
    "pause_s_max",
    envvar="CDS_PAUSE_MAX",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, PAUSE_S_MAX),
    help="The longest pause behind the end of the contest, where it may have waited hours for its thaw.",
)
@database_options
def replay(
    *,
    source: str,
    contest_id: str | None,
    data_dir: Path,
    database_url: str | None,
    **options: Unpack[PlayOptions],
) -> None:
    """Play a past contest again as a live one, under another id: for rehearsals of resolvers and overlays.

    CONTEST is a contest of the log, a contest package or a recorded feed. Everything happens at its moment, states
    included; contest times are as they were, all other times those of today. It may be served meanwhile by `cds serve`
    on the same data. Interrupted, the same command goes on with it.
    """
    from cds.place import Place
    from cds.playback import replaying
    from cds.playback.choosing import Wanted

    wanted = Wanted(
        pace_permille=round(options["speed"] * 1000),
        from_ms=options["from_ms"],
        lead_ms=round(options["lead_s"] * 1000),
        pause_ms_max=round(options["pause_s_max"] * 1000),
    )
    run(replaying.replay(source, contest_id, wanted, Place(data_dir, database_url)))
