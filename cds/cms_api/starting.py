"""`POST /start`: a participant begins their own window, where everybody has one.

What a start is, is decided in `cds.commands.participation`. This module must not know windows.
"""

import msgspec
from aiohttp import web

from cds.cms_api.answers import WRONG_PHASE, forbidden, json_answer
from cds.cms_api.participant import Participant
from cds.commands.auditing import acting_noted
from cds.commands.decision import Refused
from cds.commands.participation import decide_start, participation_of
from cds.contest_api.followed_contests import refuse_where_followed
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.writing import actor_of
from cds.importing import encoded_events
from cds.turn import Decision
from projections.contest import ContestState

STARTED = "POST /start"
"""What is noted of those who begin for somebody else."""


class Started(msgspec.Struct, frozen=True):
    """When the participant began (TIME)."""

    starting_time: str | None


async def post_start(_request: web.Request, participant: Participant) -> web.StreamResponse:
    """Begin; who has begun already is told when that was. Raises Failure (403)."""
    account_id, circumstances = participant.account.id, participant.service.circumstances

    impersonation = participant.impersonation
    record_id = circumstances.identifier()

    def decide(state: ContestState) -> Decision:
        changes = decide_start(state, account_id, circumstances.now_us() // 1_000)
        if impersonation is not None and (changes or impersonation.overrides.phase):
            changes = [*changes, acting_noted(record_id, account_id, impersonation, STARTED)]
        return Decision(events=encoded_events(changes))

    with refusals_as_failures():
        await refuse_where_followed(participant.service, participant.contest)
        try:
            await participant.contest.transact(
                decide, actor=actor_of(participant.viewer), cause="POST start", circumstances=circumstances
            )
        except Refused:
            raise forbidden(WRONG_PHASE) from None
    return json_answer(Started(participation_of(participant.state, account_id).starting_time))
