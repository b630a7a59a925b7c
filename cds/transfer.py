"""The commands that move contests in and out of the log, and list them.

This module speaks to the person at the command line; it must not hold rules.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import msgspec

from cds.application import program_version
from cds.checkpointing import make_checkpoint
from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.configuration import CHECKPOINT_EVENTS
from cds.exporting import EXPORT_ROLE, documents, feed, file_contents
from cds.importing import import_contest
from cds.live_contest import STREAM_PREFIX, LiveContest
from cds.packages.contents import Warned
from cds.packages.reading import read_contest
from cds.packages.writing import write_package
from cds.past.asking import moment_asked
from cds.past.contest_then import ContestThen
from cds.place import Place
from cds.platform_records import known_objects
from cds.progress import shown_progress
from cds.shadows import Shadows, end_shadow, shadow_stream, shadows_among
from cds.store_opening import opened_store
from cds.token_keeping import token_maker
from cds.view_names import view_name
from eventstore.postgres import PostgresStore
from projections.tokens import TokenMaker
from schemas.viewers import Viewer

WARNINGS_ON_TERMINAL_MAX = 20
MICROSECONDS_PER_MILLISECOND = 1_000
READING = "reading"
CHECKPOINT = "making a checkpoint"


async def import_source(
    source: Path,
    contest_id: str | None,
    *,
    strict: bool,
    data_dir: Path,
    database_url: str | None,
    shadow: str | None = None,
) -> None:
    """Import a package or feed, telling what was repaired; as the second system `shadow` of the contest, if given.

    Raises SourceRefused, Refused, StoreRefused.
    """
    with shown_progress() as report:
        contents = await asyncio.to_thread(
            read_contest, source, contest_id=contest_id, strict=strict, progress=partial(report, READING)
        )
        _show_warnings(contents.warnings)
        stream = None if shadow is None else shadow_stream(contents.contest_id, shadow)
        if stream is not None:
            # Nobody logs in to a second system, nobody is given its files, and it is kept level with no platform.
            contents = msgspec.structs.replace(contents, files={}, passwords={}, platform_objects=None)
        async with opened_store(data_dir, database_url) as store:
            if stream is not None:
                await _require_contest(store, contents.contest_id)
            imported = await import_contest(
                store, contents, cause=f"import {source.name}", circumstances=SYSTEM, progress=report, stream=stream
            )
            if stream is None and imported.events >= CHECKPOINT_EVENTS:
                report(CHECKPOINT, 0, None)
                await make_checkpoint(store, imported.contest_id, await token_maker(store))
    click.echo(
        f"{stream or imported.contest_id}: {imported.events} events added, position {imported.position}, "
        f"{imported.files} new files, {imported.passwords} new passwords, {len(contents.warnings)} warnings"
    )
    if imported.run_here:
        click.echo("this server runs the contest: its state, its times and the awards it keeps were left as they are")


async def export_contest(
    contest_id: str,
    destination: Path,
    *,
    credentials: bool,
    data_dir: Path,
    database_url: str | None,
    at: str | None = None,
) -> None:
    """Write a contest package, as it was at a moment (`at`) where one is given; password hashes are those of now.

    Raises Refused for a contest that does not exist, or a moment that cannot be had, and what writing refuses.
    """
    async with opened_store(data_dir, database_url, make=False) as store:
        tokens = await token_maker(store)
        contest = LiveContest(contest_id, store, tokens, eager_roles=(EXPORT_ROLE,))
        if at is not None:
            contest = await _contest_then(contest, store, tokens, at)
        await contest.catch_up()
        if not contest.exists:
            raise Refused(f"there is no contest {contest_id}")
        hashes = await store.credentials(contest.stream) if credentials else None
        files = [file async for file in file_contents(contest, store)]
        lines = await feed(contest, tokens)
        platform_objects = (await known_objects(contest)).told(contest.state)
        made = documents(contest, program_version(), hashes, platform_objects)
        await asyncio.to_thread(write_package, destination, made, lines, files)
    click.echo(f"{contest_id}: written to {destination} ({len(files)} files)")


async def _contest_then(contest: LiveContest, store: PostgresStore, tokens: TokenMaker, at: str) -> LiveContest:
    """The contest at a moment that the administrator's token, a time or a contest time says. Raises Refused."""
    if not (await store.head(contest.stream)).position:
        return contest
    view = view_name(contest, Viewer(role=EXPORT_ROLE))
    now_ms = SYSTEM.now_us() // MICROSECONDS_PER_MILLISECOND
    moment = await moment_asked(store, contest.stream, at, now_ms=now_ms, tokens=tokens, view=view)
    return ContestThen(contest.contest_id, store, tokens, EXPORT_ROLE, moment)


async def list_contests(data_dir: Path, database_url: str | None) -> None:
    """Print id, name, position and state of every contest."""
    async with opened_store(data_dir, database_url) as store:
        tokens = await token_maker(store)
        for stream in await store.heads():
            if stream.startswith(STREAM_PREFIX):
                contest = LiveContest(stream.removeprefix(STREAM_PREFIX), store, tokens, eager_roles=())
                await contest.catch_up()
                _print_contest(contest)


async def list_shadows(contest_id: str | None, place: Place) -> None:
    """Print contest, name and position of every second system, or of those of one contest."""
    async with place.store() as store:
        shadows = Shadows(store, await token_maker(store))
        for of_contest, name in shadows_among(await store.heads()):
            found = await shadows.found(of_contest, name) if contest_id in (None, of_contest) else None
            if found is not None:
                click.echo(f"{of_contest}\t{name}\t{found.position} events")


async def drop_shadow(contest_id: str, name: str, place: Place) -> None:
    """Delete everything in a second system. Raises Refused where there is none."""
    async with place.store(make=False) as store:
        events = await end_shadow(
            store, contest_id, name, actor="command line", cause="drop the second system", circumstances=SYSTEM
        )
    if not events:
        raise Refused(f"contest {contest_id} has no second system {name}", ground="unknown")
    click.echo(f"{shadow_stream(contest_id, name)}: dropped")


async def print_dsn(data_dir: Path, database_url: str | None, linger_s: float) -> None:
    """Print the database's address."""
    from eventstore.embedded.launcher import embedded_postgres

    if database_url is not None:
        click.echo(database_url)
        return
    async with embedded_postgres(data_dir, linger_s=linger_s) as address:
        click.echo(address)


async def _require_contest(store: PostgresStore, contest_id: str) -> None:
    """Raise Refused for a contest that is not there: what is kept beside it would be seen nowhere."""
    contest = LiveContest(contest_id, store, await token_maker(store), eager_roles=())
    await contest.catch_up()
    if not contest.exists:
        raise Refused(f"there is no contest {contest_id} whose judging a second system could do (--contest-id)")


def _print_contest(contest: LiveContest) -> None:
    if contest.state.contest is None:
        return
    state = contest.state.state
    phases = ("end_of_updates", "finalized", "thawed", "ended", "frozen", "started")
    phase = next((phase for phase in phases if state is not None and getattr(state, phase)), "before the start")
    click.echo(f"{contest.contest_id}\t{contest.state.contest.name}\t{contest.position} events\t{phase}")


def _show_warnings(warnings: Sequence[Warned]) -> None:
    """Show every warning (on a terminal the first ones), then count them by what they are about."""
    shown = warnings[:WARNINGS_ON_TERMINAL_MAX] if sys.stderr.isatty() else warnings
    for warning in shown:
        click.echo(f"warning: {warning}", err=True)
    if len(warnings) > len(shown):
        click.echo(f"warning: and {len(warnings) - len(shown)} more, counted below", err=True)
    counts = Counter(f"{warning.type} {warning.property}".strip() for warning in warnings)
    for subject, count in counts.most_common():
        click.echo(f"warnings about {subject or 'the source'}: {count}", err=True)
