"""`cds head`: its options, and what it prints.

This module translates words into calls; it must not hold rules.
"""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cds.command_line import database_options, run

if TYPE_CHECKING:
    from cds.place import Place


@click.command()
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
@click.option(
    "--out",
    metavar="FILE",
    envvar="CDS_HEAD_OUT",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there in place of printing it.",
)
@click.option("--public-key", is_flag=True, envvar="CDS_HEAD_PUBLIC_KEY", help="The key alone, to be published.")
@database_options
def head(
    *, streams: tuple[str, ...], out: Path | None, public_key: bool, data_dir: Path, database_url: str | None
) -> None:
    """Print a signed head: where every stream ends now, so that a later log can be held against it.

    On paper, published or with another site, it shows that nothing before it was changed since: `cds verify --against`.
    STREAM is the name of a stream or the id of a contest; all are in it where none is named, and whoever reads it knows
    their names, and how many rows each has. The key is made when it is first needed and stays in the database: whoever
    holds the database can sign, but cannot change what is printed.
    """
    from cds.place import Place

    run(_print_head(Place(data_dir, database_url), streams, out, key_alone=public_key), log_level="error")


async def _print_head(place: "Place", streams: tuple[str, ...], out: Path | None, *, key_alone: bool) -> None:
    from cds.head_keeping import head_of, head_public_key
    from cds.signed_heads import grouped, printed
    from eventstore.postgres import PostgresStore

    async with place.dsn(make=False) as dsn:
        store = await PostgresStore.open_beside(dsn)
        try:
            if key_alone:
                text = grouped(await head_public_key(store)) + "\n"
            else:
                text = printed(await head_of(store, streams, int(time.time())))
        finally:
            await store.close()
    if out is None:
        click.echo(text, nl=False)
    else:
        await asyncio.to_thread(out.write_text, text, encoding="utf-8")
