"""`cds contest …`: start, freeze, end, thaw and finalize a contest from the command line.

This module translates words into calls; it must not hold rules.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

import click

from cds.command_line import database_options, run
from schemas.records import AwardKind
from schemas.times import parse_relative_time_ms

Command = TypeVar("Command", bound=Callable[..., object])

NONE = "none"
MEDALS = re.compile(r"(\d{1,6}),(\d{1,6}),(\d{1,6})")
EXTRA_BRONZES_MAX = 10_000


@click.group()
def contest() -> None:
    """Conduct a contest; works while servers run on the same data."""


def contest_options(command: Command) -> Command:
    """The contest, and where its log is kept."""
    return click.argument("contest_id")(database_options(command))


def check_duration(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, bool]:
    """Milliseconds of a duration, and whether (`+`) it is to be added."""
    try:
        return parse_relative_time_ms(value.removeprefix("+")), value.startswith("+")
    except ValueError:
        raise click.BadParameter(f"{value!r} is not like 5:30:00 or +0:10:00") from None


def check_medals(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, int, int] | None:
    """Places of gold, silver and bronze."""
    if value is None:
        return None
    match = MEDALS.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not like 4,4,4")
    gold, silver, bronze = map(int, match.groups())
    return gold, silver, bronze


def check_kinds(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    """Kinds of awards, None when nothing was said."""
    if NONE in value and len(value) > 1:
        raise click.BadParameter(f"{NONE} stands alone")
    return None if not value else tuple(kind for kind in value if kind != NONE)


at_option = click.option(
    "--at", metavar="TIME", envvar="CDS_AT", help="When, such as 2031-05-17T10:00:00.000+02:00.  [default: now]"
)
kind_choice = click.Choice([*get_args(AwardKind), NONE])


@contest.command()
@at_option
@contest_options
def start(*, contest_id: str, at: str | None, data_dir: Path, database_url: str | None) -> None:
    """Start the contest now, or set its start time."""
    from cds import conducting
    from cds.place import Place

    run(conducting.start(Place(data_dir, database_url), contest_id, at))


@contest.command()
@contest_options
def pause(*, contest_id: str, data_dir: Path, database_url: str | None) -> None:
    """Stop the countdown, or the contest time once the contest has started."""
    from cds import conducting
    from cds.place import Place

    run(conducting.pause(Place(data_dir, database_url), contest_id))


@contest.command()
@contest_options
def resume(*, contest_id: str, data_dir: Path, database_url: str | None) -> None:
    """Let the countdown, or the contest time, go on."""
    from cds import conducting
    from cds.place import Place

    run(conducting.resume(Place(data_dir, database_url), contest_id))


@contest.command()
@contest_options
def freeze(*, contest_id: str, data_dir: Path, database_url: str | None) -> None:
    """Freeze the scoreboard now, before its time."""
    from cds import conducting
    from cds.place import Place

    run(conducting.freeze(Place(data_dir, database_url), contest_id))


@contest.command()
@contest_options
def end(*, contest_id: str, data_dir: Path, database_url: str | None) -> None:
    """End the contest now, before its time. A freeze that has not begun is then none."""
    from cds import conducting
    from cds.place import Place

    run(conducting.end(Place(data_dir, database_url), contest_id))


@contest.command()
@at_option
@contest_options
def thaw(*, contest_id: str, at: str | None, data_dir: Path, database_url: str | None) -> None:
    """Show everybody the final scoreboard, now or at a time after the end."""
    from cds import conducting
    from cds.place import Place

    run(conducting.thaw(Place(data_dir, database_url), contest_id, at))


@contest.command()
@click.option(
    "--bronzes",
    envvar="CDS_BRONZES",
    type=click.IntRange(0, EXTRA_BRONZES_MAX),
    help="Bronze medals beyond the usual number.",
)
@contest_options
def finalize(*, contest_id: str, bronzes: int | None, data_dir: Path, database_url: str | None) -> None:
    """Make the results final. Refused, with a list, while anything is not judged or not answered."""
    from cds import conducting
    from cds.place import Place

    run(conducting.finalize(Place(data_dir, database_url), contest_id, bronzes))


@contest.command()
@contest_options
def end_updates(*, contest_id: str, data_dir: Path, database_url: str | None) -> None:
    """Say that nothing will change any more. This cannot be taken back."""
    from cds import conducting
    from cds.place import Place

    run(conducting.end_updates(Place(data_dir, database_url), contest_id))


@contest.command()
@click.argument("contest_id")
@click.argument("duration", callback=check_duration)
@database_options
def extend(*, contest_id: str, duration: tuple[int, bool], data_dir: Path, database_url: str | None) -> None:
    """Give the contest another DURATION, such as 5:30:00, or so much more of it, such as +0:10:00.

    A contest that had ended goes on when its new time is not over.
    """
    from cds import conducting
    from cds.place import Place

    duration_ms, by = duration
    run(conducting.extend(Place(data_dir, database_url), contest_id, duration_ms, by=by))


@contest.command()
@click.option(
    "--clock/--no-clock",
    envvar="CDS_CLOCK",
    default=None,
    help="Whether this server starts, freezes, ends and thaws it.",
)
@click.option(
    "--awards/--no-awards", "computed", envvar="CDS_AWARDS", default=None, help="Whether this server keeps its awards."
)
@click.option("--rule", envvar="CDS_RULE", type=click.Choice(["places", "world-finals"]), help="How medals are given.")
@click.option(
    "--medals",
    envvar="CDS_MEDALS",
    metavar="G,S,B",
    callback=check_medals,
    help="Places of gold, silver and bronze: 4,4,4.",
)
@click.option(
    "--kinds",
    envvar="CDS_KINDS",
    type=kind_choice,
    multiple=True,
    callback=check_kinds,
    help="Kinds of awards kept here.",
)
@click.option(
    "--exclusive",
    envvar="CDS_EXCLUSIVE",
    type=kind_choice,
    multiple=True,
    callback=check_kinds,
    help="Kinds that no client may change.",
)
@click.option(
    "--webhooks-deactivate-after",
    "deactivate_after",
    envvar="CDS_WEBHOOKS_DEACTIVATE_AFTER",
    metavar="H:MM:SS",
    help="For how long calls of a webhook may fail before it becomes inactive.",
)
@contest_options
def settings(
    *, contest_id: str, data_dir: Path, database_url: str | None, deactivate_after: str | None, **given: object
) -> None:
    """Show how this server runs the contest, after changing what is given."""
    import msgspec

    from cds import conducting
    from cds.commands.contest_settings import SettingsPatch, WebhooksPatch
    from cds.place import Place

    webhooks = None if deactivate_after is None else WebhooksPatch(deactivate_after=deactivate_after)
    patch = msgspec.convert({**given, "webhooks": webhooks}, SettingsPatch)
    run(conducting.show_settings(Place(data_dir, database_url), contest_id, patch))
