"""Where in the lines of an audience a client goes on: never with a gap, and never with a line that it has got.

A token that is known here is found among the lines. Any other may be one of a line that is still on its way, or one
that a feed of more types has handed out; whether it is good, and what comes behind it, the upstream is asked. This
module must not know how lines are kept or brought.
"""

from cds.relay.audience import RelayedAudience, Rest
from cds.relay.limits import RESUME_LOOKS_MAX
from cds.relay.upstream import Refusal, Unreachable

EVER = float("-inf")


async def place_of(audience: RelayedAudience, token: str) -> int:
    """The place after which the lines behind a token begin.

    Raises Refusal where the upstream refuses the token, and Unreachable where it cannot be asked.
    """
    known = audience.lines.sequence(token)
    if known is None:
        # While the audience is being read for the first time, every token may be on its way.
        await audience.be_level(EVER)
    for _ in range(RESUME_LOOKS_MAX):
        known = audience.lines.sequence(token)
        if known is not None:
            return known
        seen, last_token = audience.lines.last_sequence, audience.lines.last_token
        first = (await audience.rest_behind(token, first_only=True)).first
        if first is not None:
            return await audience.reached(first) - 1
        # A moment ago nothing came behind the token. If the upstream has no more even now than we had before we asked,
        # then whatever comes from there on comes behind the token.
        later = await _rest_behind_our_own(audience, last_token)
        if later.last is None:
            return seen
        await audience.reached(later.last)
    raise Unreachable


async def _rest_behind_our_own(audience: RelayedAudience, last_token: str | None) -> Rest:
    try:
        return await audience.rest_behind(last_token)
    except Refusal as refusal:
        # The client's token is good and ours is not: the log became another one in between.
        raise Unreachable from refusal
