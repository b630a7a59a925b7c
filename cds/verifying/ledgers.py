"""Streams that are no contests, folded anew: whether everything in them can be read.

Nothing that follows from them is kept, so there is nothing to hold against that. This module knows which stream folds
to what; it must not know how rows are verified, nor who asks.
"""

from collections.abc import Callable, Mapping

import msgspec

from cds.ledgers import PAGE_EVENTS, Folded
from cds.upstream.options import SOURCE_PREFIX
from cds.verifying.replaying import LogUpTo, unreadable
from eventstore.verifying import Difference
from projections.matches import Matches
from projections.students import Students
from projections.sync_runs import SyncRuns
from projections.users import Users
from projections.webhooks import Registrations
from schemas.matches import MATCHES, Party
from schemas.source_records import LINE, SOURCE_RECORDS
from schemas.students import STUDENTS
from schemas.sync_records import STREAM_PREFIX as SYNC_PREFIX
from schemas.users import USERS
from schemas.webhooks import WEBHOOKS

_record_decoders = {name: msgspec.json.Decoder(structure) for name, structure in SOURCE_RECORDS.items()}


class SourceRecords:
    """What another server has said: every record is read, and the lines stay what they are."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.position = 0

    def apply(self, position: int, event_type: str, _identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position. Raises msgspec.DecodeError for one that cannot be read."""
        if event_type != LINE:
            decoder = _record_decoders.get(event_type)
            if decoder is None:
                raise msgspec.ValidationError(f"there is no type {event_type!r}")
            decoder.decode(data or b"null")
        self.position = position


def _name_of(party: Party) -> str:
    """In the place of a token: another one for each generation of each party."""
    return f"{party.match}/{party.id}/{party.generation}"


LEDGERS: Mapping[str, Callable[[], Folded]] = {
    MATCHES: lambda: Matches(_name_of),
    STUDENTS: Students,
    USERS: Users,
    WEBHOOKS: Registrations,
}
"""The state before the first event, by stream."""

KINDS_OF_LEDGERS: Mapping[str, Callable[[], Folded]] = {SOURCE_PREFIX: SourceRecords, SYNC_PREFIX: SyncRuns}
"""The same by what the names of streams begin with."""


def fold_of(stream: str) -> Callable[[], Folded] | None:
    """Makes the state before the first event of a stream; None for one that is no ledger."""
    if stream in LEDGERS:
        return LEDGERS[stream]
    return next((fold for prefix, fold in KINDS_OF_LEDGERS.items() if stream.startswith(prefix)), None)


async def unreadable_in(log: LogUpTo, stream: str, fold: Callable[[], Folded], end: int) -> list[Difference]:
    """The first event up to `end` that cannot be read or folded, if there is one. Raises what the store raises."""
    log.end = end
    state = fold()

    async def folding() -> None:
        while page := await log.read(stream, state.position, PAGE_EVENTS):
            for event in page:
                state.apply(event.position, event.type, event.id, event.data)

    found = await unreadable(stream, folding(), lambda: state.position)
    return [] if found is None else [found]
