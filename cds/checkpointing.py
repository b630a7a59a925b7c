"""`python -m cds.checkpointing CONTEST [ROLE…]`: make the checkpoint of a contest, and its snapshots.

Folding a contest and packing it takes whole seconds; in the server they would be missed by everybody who waits. So a
process of its own does it beside the servers, with the lowest priority, under no presence of its own. The address of
the database comes from CDS_DATABASE_URL, which no list of processes shows. This module must not know when it is time
for one.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Iterable, Sequence
from typing import cast

from cds.checkpoints import held_checkpoint, keep_checkpoint, program_digest
from cds.live_contest import LiveContest, stream_of
from cds.past.snapshots import keep_snapshots
from cds.token_keeping import token_maker
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, StoreUnavailable
from projections.packing import Unpackable
from projections.tokens import TokenMaker
from schemas.viewers import ROLES, Role

NICENESS = 19
MAKING = "make a checkpoint"
"""The name under which one process of all on the database makes a checkpoint, or snapshots, at a time."""
DATABASE_VARIABLE = "CDS_DATABASE_URL"

ALWAYS: frozenset[Role] = frozenset({"public"})
"""The roles whose feeds every checkpoint holds: those that are there at every start."""


async def make_checkpoint(store: EventStore, contest_id: str, tokens: TokenMaker, roles: Iterable[Role] = ()) -> None:
    """Make a checkpoint where the log ends now, as soon as no other process makes one.

    It holds the feeds of these roles, and of those that the last one held. Raises what the store raises, Unpackable,
    and UnreadableEvent.
    """
    stream = stream_of(contest_id)
    # Before the long work: meanwhile the files may become those of another program.
    program_digest()

    async def make() -> None:
        last = await held_checkpoint(store, stream, tokens)
        held = ALWAYS | set(roles) | (frozenset() if last is None else last.roles)
        contest = LiveContest(contest_id, store, tokens, eager_roles=[role for role in ROLES if role in held])
        await contest.catch_up()
        snapshot = contest.snapshot()
        if missing := held - snapshot.audiences.keys():
            raise Unpackable(f"the feeds of {', '.join(sorted(missing))} came to nothing")
        if contest.position:
            await keep_checkpoint(store, stream, snapshot, tokens)

    if not await store.hold(MAKING, make):
        raise StoreUnavailable("the connection that kept others from making checkpoints was lost")


async def make_snapshots(store: EventStore, contest_id: str, tokens: TokenMaker) -> None:
    """Make the snapshots that are missing behind the last one. Raises as `make_checkpoint`."""

    async def make() -> None:
        await keep_snapshots(store, stream_of(contest_id), tokens)

    if not await store.hold(MAKING, make):
        raise StoreUnavailable("the connection that kept others from making snapshots was lost")


async def run(dsn: str, contest_id: str, roles: Sequence[Role]) -> None:
    """Make one checkpoint, and the snapshots. Raises as `make_checkpoint`."""
    store = await PostgresStore.open_beside(dsn)
    try:
        tokens = await token_maker(store)
        await make_checkpoint(store, contest_id, tokens, roles)
        await make_snapshots(store, contest_id, tokens)
    finally:
        await store.close()


def main() -> None:
    """Make the checkpoint that the arguments name."""
    os.nice(NICENESS)
    gc.disable()  # what is read stays until the end, and that is soon
    contest_id, *roles = sys.argv[1:]
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise SystemExit(f"there are no roles {', '.join(unknown)}")
    asyncio.run(run(os.environ[DATABASE_VARIABLE], contest_id, cast("list[Role]", roles)))


if __name__ == "__main__":
    main()
