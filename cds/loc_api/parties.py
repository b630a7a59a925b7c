"""Endpoints about parties: joining, leaving, kicking, disbanding, being found; one's own (23 to 29).

This module must not know the rules; they are in `cds/commands/matches`.
"""

from http import HTTPStatus

from cds.commands.matches.joining import decide_join_party
from cds.commands.matches.parties import decide_disband, decide_kick, decide_leave_party, decide_looking
from cds.loc_api.answers import Answer, page_of
from cds.loc_api.arguments import JoinParty, Kick, Looking, OneMatch, Paged
from cds.loc_api.call import Call
from cds.loc_api.match_answers import (
    LISTED_MAX,
    OwnParty,
    carried_out,
    invitation,
    inviting_party,
    match_item,
    member_names,
    settled,
)
from cds.mailing import Mail
from projections.match_standings import in_order, is_open, phase_of
from schemas.matches import Match


async def join_party(call: Call[JoinParty]) -> Answer:
    """Leave one's own party, where nobody else is, for the one that a token invites to; who is in it then."""
    token, user = call.arguments.party, call.user_id
    _, joined = await carried_out(
        call, lambda state, now_ms: decide_join_party(state, token, user, now_ms), "join party"
    )
    people = await call.service.users.people()
    return Answer({"members": member_names(joined, people.username)}, HTTPStatus.CREATED)


async def leave_party(call: Call[OneMatch]) -> Answer:
    """Leave somebody else's party for one of one's own; its token."""
    slug, user = call.arguments.match, call.user_id
    _, own = await carried_out(call, lambda state, now_ms: decide_leave_party(state, slug, user, now_ms), "leave party")
    return Answer({"party-token": invitation(call, own)}, HTTPStatus.CREATED)


async def kick(call: Call[Kick]) -> Answer:
    """Put somebody out of the party that one leads; who is left in it. Whoever it is is told by mail."""
    asked, user = call.arguments, call.user_id
    named = (await call.service.users.people()).named_ever(asked.user)
    kicked = None if named is None else named.id
    left, _ = await carried_out(
        call, lambda state, now_ms: decide_kick(state, asked.match, user, kicked, now_ms), "kick"
    )
    match = (await call.service.matches.register.fresh()).find(left.match)
    people = await call.service.users.people()
    address = None if kicked is None else people.email(kicked)
    if match is not None and address is not None:
        call.service.users.mail(_kicked(address, match))
    return Answer({"members": member_names(left, people.username)})


async def disband(call: Call[OneMatch]) -> Answer:
    """Put everybody else out of the party that one leads; its new token, for the one before is worth nothing more."""
    slug, user = call.arguments.match, call.user_id
    alone, *_ = await carried_out(
        call, lambda state, now_ms: decide_disband(state, slug, user, now_ms), "disband party"
    )
    return Answer({"party-token": invitation(call, alone)}, HTTPStatus.CREATED)


async def set_looking(call: Call[Looking]) -> Answer:
    """Let the party that one leads be found by others, or not any more."""
    asked, user = call.arguments, call.user_id
    await carried_out(
        call,
        lambda state, now_ms: (decide_looking(state, asked.match, user, public=asked.lfg, now_ms=now_ms),),
        "look for members",
    )
    return Answer({"lfg": asked.lfg})


async def list_parties(call: Call[Paged]) -> Answer:
    """One's own parties in matches that go on or are to come."""
    return await _own_parties(call, past=False)


async def list_past_parties(call: Call[Paged]) -> Answer:
    """One's own parties in matches that are over, whether they took part or not."""
    return await _own_parties(call, past=True)


async def _own_parties(call: Call[Paged], *, past: bool) -> Answer:
    state = await settled(call)
    joined = {
        match.id: (match, party)
        for match, party in state.of_user(call.user_id)
        if is_open(match) and (phase_of(match, call.now_ms) == "evaluation") == past
    }
    people = await call.service.users.people()

    def shown(match: Match) -> OwnParty:
        return OwnParty(match_item(match), inviting_party(state, joined[match.id][1], people.username))

    matches = in_order(match for match, _ in joined.values())
    return page_of(matches, call.arguments.page, LISTED_MAX, shown)


def _kicked(address: str, match: Match) -> Mail:
    return Mail(
        to=address,
        subject=f"You are in a party of your own again: {match.title}",
        text=(
            f"You have been removed from your party in the match {match.title}.\n"
            "You are in a party of your own now, and may join another one until the match starts.\n"
        ),
    )
