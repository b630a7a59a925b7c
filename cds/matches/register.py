"""The register of matches: their stream in memory, level with the log, and with the clock whenever anybody looks.

Whatever is due (a start, an end, the departure of a user) is written down by whoever looks first, so nothing depends
on a timer; every race is decided by the place in the log at which something is appended. This module must not know who
may do what, nor any wire.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

import msgspec

from cds.circumstances import Circumstances
from cds.commands.matches.changes import Change, PartyGone
from cds.commands.matches.due import decide_due
from cds.committing import Contended
from cds.ledgers import Ledger
from eventstore.store import EventStore, NewEvent
from projections.matches import Matches, TokenOf
from schemas.matches import MATCH, MATCHES, PARTY, PROJECT, Match, Party, event_id

ATTEMPTS_MAX = 8
"""Tries to decide something at a moment at which nothing else is due: there are few starts and ends."""

CLOCK = "clock"
"""The actor of what the clock brings about."""

DUE = "due"
"""Its cause."""

D = TypeVar("D", bound=Sequence[Change])

Decide = Callable[[Matches, int], D]
"""Decides on the state at a moment, in milliseconds since the Unix epoch; raises Refused."""

Departed = Callable[[], Awaitable[Collection[str]]]
"""Tells the ids of the users who are gone, banned or erased, as all processes know them."""

Told = Callable[[Matches, Collection[str]], Awaitable[None]]
"""Is told the state and the ids of the matches in which something has changed."""


class _SomethingDue(Exception):
    """The clock or a departure has to be written down before a decision."""


class MatchRegister:
    """All matches in memory."""

    def __init__(self, store: EventStore, token_of: TokenOf, departed: Departed, circumstances: Circumstances) -> None:
        """Nothing has been read yet."""
        self._ledger = Ledger(store, MATCHES, lambda: Matches(token_of), "the matches")
        self._departed = departed
        self._circumstances = circumstances
        self._watching: list[Told] = []

    def watch(self, told: Told) -> None:
        """Have somebody told of every append of this process, before whoever asked for it is answered."""
        self._watching.append(told)

    async def fresh(self) -> Matches:
        """All matches as they are written down; what is due may not be. Raises StoreUnavailable."""
        return await self._ledger.fresh()

    async def settled(self) -> Matches:
        """All matches, and all that is due is written down. Raises StoreUnavailable and Contended."""
        gone = await self._departed()
        if decide_due(state := await self.fresh(), gone, self.now_ms()):
            await self._write(lambda state, now_ms: decide_due(state, gone, now_ms), CLOCK, DUE)
            state = await self.fresh()
        return state

    async def carry_out(self, decide: Decide[D], *, actor: str, cause: str) -> D:
        """Decide on what is so now, with nothing due, and write it down; what was decided.

        What is so already is not written again. Raises what `decide` raises, StoreUnavailable and Contended.
        """
        for _ in range(ATTEMPTS_MAX):
            gone = await self._departed()

            def decide_settled(state: Matches, now_ms: int, gone: Collection[str] = gone) -> D:
                if decide_due(state, gone, now_ms):
                    raise _SomethingDue
                return decide(state, now_ms)

            try:
                decided = await self._write(decide_settled, actor, cause)
            except _SomethingDue:
                await self.settled()
                continue
            if any(isinstance(change, Match) for change in decided):
                # It may have been moved to where its start is due.
                await self.settled()
            return decided
        raise Contended(f"the matches: something was due {ATTEMPTS_MAX} times in a row")

    def token(self, party: Party) -> str:
        """The token that lets users join a party."""
        return self._ledger.state.token(party)

    def now_ms(self) -> int:
        """The moment, in milliseconds since the Unix epoch."""
        return self._circumstances.now_us() // 1_000

    async def _write(self, decide: Decide[D], actor: str, cause: str) -> D:
        decided = list[D]()

        def events(state: Matches) -> Sequence[NewEvent]:
            decided[:] = [decide(state, self.now_ms())]
            return [_event(change) for change in decided[0] if not _is_so(state, change)]

        written = await self._ledger.transact(events, actor=actor, cause=cause, circumstances=self._circumstances)
        if written:
            touched = frozenset(event.id.partition("/")[0] for event in written)
            for told in self._watching:
                await told(self._ledger.state, touched)
        return decided[0]


def _is_so(state: Matches, change: Change) -> bool:
    """Whether a change changes nothing."""
    if isinstance(change, Match):
        return state.find(change.id) == change
    if isinstance(change, Party):
        return state.party(change.match, change.id) == change
    if isinstance(change, PartyGone):
        return state.party(change.match, change.id) is None
    return state.project(change.match, change.party) == change


def _event(change: Change) -> NewEvent:
    if isinstance(change, Match):
        return NewEvent(type=MATCH, id=change.id, data=msgspec.json.encode(change))
    if isinstance(change, Party):
        return NewEvent(type=PARTY, id=event_id(change.match, change.id), data=msgspec.json.encode(change))
    if isinstance(change, PartyGone):
        return NewEvent(type=PARTY, id=event_id(change.match, change.id), data=None)
    return NewEvent(type=PROJECT, id=event_id(change.match, change.party), data=msgspec.json.encode(change))
