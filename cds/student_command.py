"""`cds students`: enter students from the command line, also beside a running server.

This module speaks to the person at the command line; it must not hold rules.
"""

from pathlib import Path

import click

from cds.command_line import CommandRefused, database_options, run

ACTOR = "students"
"""Who has written what is written here, as the log names it."""


@click.group()
def students() -> None:
    """Students whose progress at Codeforces is followed."""


@students.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@database_options
def import_students(*, file: Path, data_dir: Path, database_url: str | None) -> None:
    """Enter all students of a CSV file, or none: columns name, email, phoneNo, codeforcesHandle."""
    run(enter_students(file, data_dir=data_dir, database_url=database_url), log_level="warning")


async def enter_students(file: Path, *, data_dir: Path, database_url: str | None) -> None:
    """Enter the students of a file and say how many. Raises CommandRefused, naming each line that is wrong."""
    from cds.circumstances import SYSTEM
    from cds.commands.decision import Refused
    from cds.commands.student_lists import LIST_BYTES_MAX, read_student_list, told_lines
    from cds.commands.students import LinesRefused
    from cds.store_opening import opened_store
    from cds.students.register import Register

    with file.open("rb") as opened:
        content = opened.read(LIST_BYTES_MAX + 1)
    if len(content) > LIST_BYTES_MAX:
        raise CommandRefused(f"{file}: a list may have at most {LIST_BYTES_MAX} bytes")
    listed = []
    try:
        listed = read_student_list(content)
        async with opened_store(data_dir, database_url) as store:
            register = Register(store, SYSTEM)
            entered = await register.enrol([each.enrolment for each in listed], actor=ACTOR, cause="import")
    except LinesRefused as refused:
        raise CommandRefused(f"{file}: no student was entered: {'; '.join(told_lines(refused, listed))}") from None
    except Refused as refused:
        raise CommandRefused(f"{file}: {refused.reason}") from None
    click.echo(f"{len(entered)} students entered")
