"""All that has to do with programming platforms put together: who asks them, and the sync of their contests.

This module must not hold rules; it wires.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from cds.circumstances import Circumstances
from cds.contests import Contests
from cds.live_contest import LiveContest
from cds.platforms.adapters import atcoder, codechef, codeforces, leetcode
from cds.platforms.client import PlatformClient
from cds.platforms.deep_import import import_codeforces_contest
from cds.platforms.questions import Asking, FetchedContests, Platform
from cds.platforms.settings import PlatformSettings
from cds.platforms.syncing import Counts, Order, Syncing
from eventstore.store import EventStore

CONVERSATIONS: Mapping[Platform, Callable[[int], Asking[FetchedContests]]] = {
    "codeforces": codeforces.contests,
    "leetcode": leetcode.contests,
    "codechef": codechef.contests,
    "atcoder": atcoder.contests,
}
"""How each platform is asked for its contests."""


ImportOne = Callable[[str, Order], Awaitable[Counts]]
"""Imports the contest with this id of the platform's, with its results."""


class Platforms(msgspec.Struct, frozen=True, kw_only=True):
    """What there is. `client` asks; everybody in this process asks through it, for it keeps the order of turns.

    `importers`: of the platforms of which a single contest can be imported with its results.
    """

    settings: PlatformSettings
    client: PlatformClient
    syncing: Syncing
    importers: Mapping[Platform, ImportOne]


@asynccontextmanager
async def opened_platforms(
    store: EventStore,
    opened: Callable[[str], Awaitable[LiveContest]],
    circumstances: Circumstances,
    settings: PlatformSettings,
    version: str,
) -> AsyncIterator[Platforms]:
    """Platforms for the length of the block. `opened` gives the contest of an id; `version` is that of this program."""
    client = PlatformClient(settings, version, store)
    syncing = Syncing(
        store,
        client,
        CONVERSATIONS,
        circumstances,
        opened,
        enabled=settings.enabled,
        cool_down_s=settings.cool_down_s,
    )
    import_contest = partial(
        import_codeforces_contest, store=store, client=client, opened=opened, circumstances=circumstances
    )
    try:
        yield Platforms(
            settings=settings, client=client, syncing=syncing, importers={codeforces.CODEFORCES: import_contest}
        )
    finally:
        await client.close()


def opened_in(contests: Contests) -> Callable[[str], Awaitable[LiveContest]]:
    """How a server comes to the contest of an id: the one that it serves, as far as it is in memory."""

    async def opened(contest_id: str) -> LiveContest:
        return contests.known(contest_id)

    return opened
