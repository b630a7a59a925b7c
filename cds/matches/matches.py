"""All that has to do with matches put together: the register and the tokens of parties.

This module must not hold rules; it wires.
"""

from collections.abc import Awaitable, Callable

import msgspec

from cds.circumstances import Circumstances
from cds.matches.departures import Departures
from cds.matches.party_tokens import party_tokens
from cds.matches.register import MatchRegister
from eventstore.store import EventStore
from projections.users import Users


class MatchParts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is."""

    register: MatchRegister


async def match_parts(
    store: EventStore, users: Callable[[], Awaitable[Users]], circumstances: Circumstances
) -> MatchParts:
    """Matches on a store; `users` gives all users as all processes know them."""
    tokens = await party_tokens(store)
    return MatchParts(register=MatchRegister(store, tokens.of, Departures(users).gone, circumstances))
