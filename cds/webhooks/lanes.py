"""How far a webhook has been told of one contest, and how calls about it have fared.

This module must not know how anything is called.
"""

import asyncio

import msgspec
import structlog

from cds.live_contest import LiveContest
from cds.webhooks.batches import end_of, position_of
from projections.tokens import INDEX_BITS, Place, TokenRefused
from projections.webhooks import Registration
from schemas.viewers import Role
from schemas.webhooks import Cursor

INDEX_MAX = (1 << INDEX_BITS) - 1

log = structlog.get_logger(__name__)


class Lane(msgspec.Struct, kw_only=True):
    """How far one contest has been told, and how its calls have fared.

    `place` is that of the last line that was taken, `sequence` where to look on, `looked_at` the position up to which
    nothing is left to tell, `quiet_since` what the contest's `changed` was then, `role` whose view was looked at;
    `due_s` is on the loop's clock. Calls have failed for `failed_for_ms` in all, the last time at `failed_at_ms`: None
    where the time since then is not to be counted, because nobody may have been calling.
    """

    contest: LiveContest
    place: Place
    sequence: int
    looked_at: int
    quiet_since: asyncio.Event | None = None
    role: Role | None = None
    failures: int = 0
    failed_for_ms: int | None = None
    failed_at_ms: int | None = None
    due_s: float = 0.0

    @property
    def failing(self) -> bool:
        """Whether the last call failed, be it one of another process."""
        return self.failed_for_ms is not None

    @property
    def cursor(self) -> Cursor:
        """What is kept of it."""
        return Cursor(
            position=self.place.position,
            index=self.place.index,
            chain_bits=self.place.chain_bits,
            failed_for_ms=self.failed_for_ms,
        )

    def note_failure(self, now_ms: int, due_s: float) -> None:
        """Another call has failed; the next is due then."""
        since_ms = 0 if self.failed_at_ms is None else max(now_ms - self.failed_at_ms, 0)
        self.failures += 1
        self.failed_for_ms = (self.failed_for_ms or 0) + since_ms
        self.failed_at_ms, self.due_s = now_ms, due_s

    def forget_failures(self) -> None:
        """As if no call had ever failed."""
        self.failures, self.failed_for_ms, self.failed_at_ms, self.due_s = 0, None, None, 0.0

    def forget_pause(self) -> None:
        """Call at once, and soon again where that fails too; for how long it has failed counts on."""
        self.failures, self.due_s = 0, 0.0

    def stop_clock(self) -> None:
        """Do not count the time since the last failure: no calls could be made."""
        self.failed_at_ms = None


def opened_lane(contest: LiveContest, registration: Registration, cursor: Cursor | None) -> Lane:
    """Where to go on in a contest: behind what was taken last, at first behind what there was at the registration."""
    begin = end_of(registration.begin(contest.contest_id))
    place = Place(begin >> INDEX_BITS, begin & INDEX_MAX, b"")
    failed_for_ms = None
    if cursor is not None:
        kept = Place(cursor.position, cursor.index, cursor.chain_bits)
        failed_for_ms = cursor.failed_for_ms
        if _is_of(contest, kept):
            place = kept
        else:
            log.error("webhook_cursor_refused", webhook=registration.webhook.id, contest=contest.contest_id)
    return Lane(
        contest=contest,
        place=place,
        sequence=place.sequence,
        looked_at=position_of(place.sequence),
        failed_for_ms=failed_for_ms,
    )


def _is_of(contest: LiveContest, place: Place) -> bool:
    """Whether the log has the event that a place was made of; one that was restored from a backup may not."""
    try:
        if place.chain_bits:
            contest.check_place(place)
    except TokenRefused:
        return False
    return True
