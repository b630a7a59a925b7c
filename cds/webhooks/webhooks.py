"""All parts of webhooks put together: what requests work with, and the duty of calling.

This module must not hold rules; it wires.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from cds.contests import Contests
from cds.freshness import Looks, answered_soon
from cds.live_contest import Circumstances
from cds.webhooks.authority import Authority
from cds.webhooks.calling import Caller, CallRules
from cds.webhooks.delivery import Delivery
from cds.webhooks.register import Register
from cds.webhooks.sender import Places, Surroundings
from eventstore.store import EventStore
from projections.tokens import TokenMaker
from schemas.webhooks import WEBHOOKS

DUTY = "webhooks"


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """What there is; `private_allowed` lets webhooks have addresses that are not public.

    `looks` read who has which webhooks, and who may have any, as new as can be.
    """

    register: Register
    authority: Authority
    delivery: Delivery
    looks: Looks
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

    async def read() -> bool:
        await authority.fresh()
        await register.catch_up()
        return True

    webhooks = Webhooks(
        register=register,
        authority=authority,
        delivery=Delivery(store, contests, around),
        looks=Looks(store, lambda: answered_soon(read()), WEBHOOKS),
        private_allowed=rules.private_allowed,
    )
    try:
        yield webhooks
    finally:
        authority.close()
        await caller.close()
