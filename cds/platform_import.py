"""`cds import codeforces:1234`: one contest of a programming platform with its results, from the command line.

This module speaks to the person at the command line; it must not know how a contest is imported.
"""

import re
from functools import partial
from pathlib import Path

import click

from cds.command_line import CommandRefused
from cds.platforms.adapters.codeforces import contest_number
from cds.platforms.questions import PLATFORMS, Platform
from cds.platforms.settings import PlatformSettings

ACTOR = "import"
"""Who has written what is written here, as the log names it."""

_SOURCE = re.compile(rf"(?P<platform>{'|'.join(PLATFORMS)}):(?P<contest>[^/]*)")


def platform_source(source: Path) -> tuple[Platform, str] | None:
    """The platform and the number of a contest that a source names; None for a source that is a path.

    Raises click.BadParameter for what is neither.
    """
    said = _SOURCE.fullmatch(str(source))
    if said is None or source.exists():
        return None
    platform = next(each for each in PLATFORMS if each == said["platform"])
    if platform != "codeforces":
        raise click.BadParameter(f"single contests with their results are imported from codeforces, not {platform}")
    number = contest_number(said["contest"])
    if number is None:
        raise click.BadParameter(f"{str(source)!r} is not like codeforces:1234")
    return platform, number


async def import_from_platform(
    platform: Platform, contest: str, settings: PlatformSettings, *, data_dir: Path, database_url: str | None
) -> None:
    """Import one contest and say what that came to. Raises CommandRefused, Refused and what the store raises."""
    from cds.application import program_version
    from cds.checkpointing import make_checkpoint
    from cds.circumstances import SYSTEM
    from cds.configuration import CHECKPOINT_EVENTS
    from cds.live_contest import LiveContest, stream_of
    from cds.platforms.adapters.naming import contest_id
    from cds.platforms.deep_import import import_codeforces_contest
    from cds.platforms.platforms import opened_platforms
    from cds.platforms.questions import Question, Reply
    from cds.platforms.syncing import Order, PlatformDisabled, SyncFailed
    from cds.progress import shown_progress
    from cds.store_opening import opened_store
    from cds.token_keeping import token_maker

    identifier = contest_id(platform, contest)
    order = Order(trigger="command", actor=ACTOR, forced=True)
    async with opened_store(data_dir, database_url) as store:
        tokens = await token_maker(store)

        async def opened(wanted_id: str) -> LiveContest:
            return LiveContest(wanted_id, store, tokens, eager_roles=())

        async with opened_platforms(store, opened, SYSTEM, settings, program_version()) as platforms:
            with shown_progress() as report:

                def heard(_question: Question, _reply: Reply) -> None:
                    report(f"asking {platform}", platforms.client.requests[platform], None)

                import_one = partial(
                    import_codeforces_contest,
                    contest,
                    order,
                    store=store,
                    client=platforms.client,
                    opened=opened,
                    circumstances=SYSTEM,
                    heard=heard,
                )
                before = await store.head(stream_of(identifier))
                try:
                    run = await platforms.syncing.sync_one(platform, contest, order, import_one)
                except (SyncFailed, PlatformDisabled) as failure:
                    raise CommandRefused(str(failure)) from None
                if run is None:
                    raise CommandRefused(f"{platform} is being synced at this moment; nothing was changed")
                after = await store.head(stream_of(identifier))
                events = after.position - before.position
                if events >= CHECKPOINT_EVENTS:
                    report("making a checkpoint", 0, None)
                    await make_checkpoint(store, identifier, tokens)
    click.echo(f"{identifier}: {events} events added, position {after.position}, {run.failed} rows failed")
