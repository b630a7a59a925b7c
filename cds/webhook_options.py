"""Options that say whom webhooks may call, and how long a call may take.

This module translates words; it must not know what a webhook is.
"""

from collections.abc import Callable
from typing import TypeVar

import click

from cds.configuration import WEBHOOK_CALL_S_MAX

Command = TypeVar("Command", bound=Callable[..., object])

LONGEST_S = 300.0


def webhook_options(command: Command) -> Command:
    """`--webhook-allow-private` and `--webhook-timeout`."""
    options = (
        click.option(
            "--webhook-allow-private",
            is_flag=True,
            envvar="CDS_WEBHOOK_ALLOW_PRIVATE",
            help="Let webhooks call addresses that are not public: this machine and the network that it is in.",
        ),
        click.option(
            "--webhook-timeout",
            "webhook_call_s_max",
            default=WEBHOOK_CALL_S_MAX,
            show_default=True,
            type=click.FloatRange(0, LONGEST_S, min_open=True),
            envvar="CDS_WEBHOOK_TIMEOUT",
            metavar="SECONDS",
            help="How long a webhook's receiver may take to answer a call.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
