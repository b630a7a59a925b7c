"""Secrets out of files: whatever secret may stand in a variable may stand in a file that `…_FILE` names.

So a container is given its secrets as files, and neither a list of processes nor the environment shows them. This
module must not know what any secret is for.
"""

import os
from pathlib import Path

import click

FILE_SUFFIX = "_FILE"
ADMIN_PASSWORD_VARIABLE = "CDS_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
SECRET_BYTES_MAX = 64 * 1024
"""A file with more than that holds no secret; it is not read any further."""


class SecretOption(click.Option):
    """An option whose value may also stand in the file that the variable of its name with `_FILE` names."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value out of the environment, or out of the file. Raises UsageError."""
        said = super().resolve_envvar_value(ctx)
        return secret_given(str(self.envvar)) if said is None or os.environ.get(self.file_variable) else said

    @property
    def file_variable(self) -> str:
        """The variable that may name a file."""
        return f"{self.envvar}{FILE_SUFFIX}"


def secret_given(variable: str) -> str | None:
    """What a variable says, else the first line of the file named by it with `_FILE`; None where both are empty.

    Raises UsageError where both are set, and for a file that cannot be read or is empty; a secret is never repeated.
    """
    said, named = os.environ.get(variable), os.environ.get(variable + FILE_SUFFIX)
    if not named:
        return said or None
    if said:
        raise click.UsageError(f"{variable} and {variable}{FILE_SUFFIX} are both set; one is meant")
    try:
        with Path(named).open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1).decode("utf-8")
    except (OSError, ValueError):
        raise click.UsageError(f"{variable}{FILE_SUFFIX}: {named} cannot be read") from None
    secret = text.rstrip("\r\n")
    if not secret or len(text) > SECRET_BYTES_MAX or "\n" in secret:
        raise click.UsageError(f"{variable}{FILE_SUFFIX}: {named} does not hold one line")
    return secret
