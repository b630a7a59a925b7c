"""`cds sync`: bring the contests of a programming platform level from the command line, also beside a running server.

This module speaks to the person at the command line; it must not know how a sync works.
"""

from pathlib import Path
from typing import Unpack

import click

from cds.command_line import CommandRefused, database_options, run
from cds.platform_options import PlatformOptions, chosen_platforms, platform_options
from cds.platforms.questions import PLATFORMS, Platform
from cds.platforms.settings import PlatformSettings

ALL = "all"
ACTOR = "sync"
"""Who has written what is written here, as the log names it."""


@click.command()
@click.argument("platform", type=click.Choice((*PLATFORMS, ALL)))
@click.option("--force", "forced", is_flag=True, envvar="CDS_FORCE", help="Sync also when that was done just now.")
@platform_options
@database_options
def sync(
    *, platform: str, forced: bool, data_dir: Path, database_url: str | None, **options: Unpack[PlatformOptions]
) -> None:
    """Fetch all contests of a platform (or of all) and write what differs; a server on the same data shows it at once.

    Exit code 1 when a platform failed; of all platforms the others are synced all the same.
    """
    settings = chosen_platforms(options, rate_limits=False)
    wanted = settings.enabled if platform == ALL else tuple(each for each in PLATFORMS if each == platform)
    run(
        sync_platforms(wanted, settings, forced=forced, data_dir=data_dir, database_url=database_url),
        log_level="warning",
    )


async def sync_platforms(
    wanted: tuple[Platform, ...],
    settings: PlatformSettings,
    *,
    forced: bool,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Sync one after the other and say what each came to. Raises CommandRefused when any failed."""
    from cds.application import program_version
    from cds.circumstances import SYSTEM
    from cds.live_contest import LiveContest
    from cds.platforms.platforms import opened_platforms
    from cds.platforms.syncing import Order, PlatformDisabled, SyncFailed
    from cds.progress import shown_progress
    from cds.store_opening import opened_store
    from cds.token_keeping import token_maker

    failed: list[str] = []
    async with opened_store(data_dir, database_url) as store:
        tokens = await token_maker(store)

        async def opened(contest_id: str) -> LiveContest:
            contest = LiveContest(contest_id, store, tokens, eager_roles=())
            await contest.catch_up()
            return contest

        async with opened_platforms(store, opened, SYSTEM, settings, program_version()) as platforms:
            for platform in wanted:
                order = Order(trigger="command", actor=ACTOR, forced=forced)
                try:
                    with shown_progress() as report:
                        run_of_it = await platforms.syncing.sync(platform, order, report)
                except (SyncFailed, PlatformDisabled) as failure:
                    failed.append(f"{platform}: {str(failure).removeprefix(f'{platform}: ')}")
                    continue
                if run_of_it is None:
                    click.echo(f"{platform}: skipped, it was synced just now or is being synced (--force)")
                    continue
                click.echo(
                    f"{platform}: {run_of_it.synced} synced, {run_of_it.updated} updated, {run_of_it.failed} failed"
                )
    if failed:
        raise CommandRefused("; ".join(failed))
