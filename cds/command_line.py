"""What the commands of `cds` share: the options that say where the log is, and how a command ends.

This module must not know any particular command.
"""

import asyncio
import tomllib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import IO, TypeVar

import click

from cds.configuration import DEFAULT_DATA_DIR, DEFAULT_HOST, DEFAULT_PORT, LogFormat, LogLevel
from cds.secret_options import SecretOption

Command = TypeVar("Command", bound=Callable[..., object])


class CommandRefused(click.ClickException):
    """What ends a command with exit code 1."""

    exit_code = 1

    def show(self, file: IO[str] | None = None) -> None:
        """One line on standard error, unless `file` is another place."""
        click.echo(f"cds: {self.format_message()}", file=file, err=file is None)


def read_configuration_file(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """Take the defaults of options from a TOML file, in which they are named as on the command line or with `_`."""
    if value is not None:
        try:
            settings = tomllib.loads(value.read_text())
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exception:
            raise click.BadParameter(f"{value}: {exception}") from None
        settings = {name.replace("-", "_"): setting for name, setting in settings.items()}
        for name in settings.keys() - _names_of_all_options(context):
            raise click.BadParameter(f"{value}: no command has an option {name!r}")
        own = _settable(context.command)
        context.default_map = {
            str(own[name].name): _taken(context, own[name], setting, f"{value}: {name}")
            for name, setting in settings.items()
            if name in own
        }
    return value


def _taken(context: click.Context, option: click.Option, setting: object, place: str) -> object:
    """A setting as click takes it for an option: several where it may be repeated. Raises BadParameter."""
    if isinstance(setting, dict) or (isinstance(setting, list) and not option.multiple):
        raise click.BadParameter(f"{place}: one value is meant here")
    taken = setting if isinstance(setting, list) or not option.multiple else [setting]
    try:
        # Here the place can be named; later click would speak as if it had been said on the command line.
        option.process_value(context, taken)
    except click.BadParameter as refused:
        raise click.BadParameter(f"{place}: {refused.message}") from None
    return taken


def _names_of_all_options(context: click.Context) -> set[str]:
    """One file serves all commands, so it may name the options of any of them."""
    return {name for command in _commands_below(context.find_root().command) for name in _settable(command)}


def _settable(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by their names in the file; one that comes before it (`--config`) has none."""
    options = [each for each in command.params if isinstance(each, click.Option) and not each.is_eager]
    return {_name_in_file(option): option for option in options}


def _name_in_file(option: click.Option) -> str:
    """`feed_limit` for `--feed-limit`, whatever the program calls its value."""
    return option.opts[0].lstrip("-").replace("-", "_")


def _commands_below(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _commands_below(below)


def data_dir_option(help_text: str) -> Callable[[Command], Command]:
    """`--data-dir`: where what the command keeps is; `help_text` says what that is."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_DATA_DIR,
        show_default=True,
        envvar="CDS_DATA_DIR",
        help=help_text,
    )


def configuration_file_option(command: Command) -> Command:
    """`--config`: a file with any options of the command."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        envvar="CDS_CONFIG",
        callback=read_configuration_file,
        help="TOML file with any of these options.",
    )(command)


def address_options(command: Command) -> Command:
    """The options that say where a server listens."""
    options = (
        click.option(
            "--host", default=DEFAULT_HOST, show_default=True, envvar="CDS_HOST", help="Address to listen on."
        ),
        click.option(
            "--port",
            default=DEFAULT_PORT,
            show_default=True,
            type=click.IntRange(0, 65535),
            envvar="CDS_PORT",
            help="Port.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def database_options(command: Command) -> Command:
    """The options that say where the log is kept."""
    options = (
        data_dir_option("Directory of the embedded Postgres."),
        click.option(
            "--database-url",
            cls=SecretOption,
            metavar="DSN",
            envvar="CDS_DATABASE_URL",
            callback=lambda _context, _parameter, value: value or None,
            help="A Postgres to use in place of the embedded one.",
        ),
        configuration_file_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def run(work: Coroutine[object, object, None], *, log_format: LogFormat = "auto", log_level: LogLevel = "info") -> None:
    """Run a command to its end; what refuses it becomes one line and exit code 1."""
    from cds.commands.decision import Refused
    from cds.dialects.results import SourceRefused
    from cds.encryption import EncryptionRefused
    from cds.live_contest import Contended, UnreadableEvent
    from cds.observability import configure_logging
    from cds.turn import TooManyCommands
    from eventstore.store import StoreRefused, StoreUnavailable

    configure_logging(log_format, log_level)
    try:
        asyncio.run(work)
    except (
        Refused,
        SourceRefused,
        StoreRefused,
        StoreUnavailable,
        Contended,
        TooManyCommands,
        UnreadableEvent,
        EncryptionRefused,
        OSError,
    ) as exception:
        raise CommandRefused(str(exception)) from exception
    except KeyboardInterrupt:
        raise CommandRefused("interrupted") from None
