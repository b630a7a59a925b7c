"""All parts of webhooks put together: what requests work with, and the duty of calling.

This module must not hold rules; it wires.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from cds.contests import Contests
from cds.live_contest import Circumstances
from cds.webhooks.authority import Authority
from cds.webhooks.calling import Caller, CallRules
from cds.webhooks.delivery import Delivery
from cds.webhooks.register import Register
from cds.webhooks.sender import Places, Surroundings
from eventstore.store import EventStore
from projections.tokens import TokenMaker

DUTY = "webhooks"


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """What there is; `private_allowed` lets webhooks have addresses that are not public."""

    register: Register
    authority: Authority
    delivery: Delivery
    private_allowed: bool


@asynccontextmanager
async def opened_webhooks(
    store: EventStore,
    contests: Contests,
    tokens: TokenMaker,
    circumstances: Circumstances,
    rules: CallRules,
    *,
    may_call: Callable[[], bool],
) -> AsyncIterator[Webhooks]:
    """Webhooks for the length of the block. `may_call` is asked before each call: nobody else is calling then."""
    register, authority, caller = Register(store), Authority(store), Caller(rules)
    around = Surroundings(
        register=register,
        authority=authority,
        caller=caller,
        tokens=tokens,
        circumstances=circumstances,
        may_call=may_call,
        places=Places(),
    )
    delivery = Delivery(store, contests, around)
    try:
        yield Webhooks(register=register, authority=authority, delivery=delivery, private_allowed=rules.private_allowed)
    finally:
        authority.close()
        await caller.close()
