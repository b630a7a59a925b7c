"""Endpoints about matches: which there are, joining and leaving, participants and projects (13 to 22, 34 and 35).

This module must not know the rules; they are in `cds/commands/matches`.
"""

from http import HTTPStatus

from cds.commands.decision import Refused
from cds.commands.matches.joining import decide_join_match, decide_leave_match
from cds.commands.matches.projects import Edit, decide_edit, visible_project
from cds.commands.user_names import folded_username
from cds.loc_api.answers import Answer, fail, page_of
from cds.loc_api.arguments import EditSubmission, OneMatch, OneSubmission, Paged, PagedMatch, PagedUser
from cds.loc_api.call import Call
from cds.loc_api.dates import shown_date
from cds.loc_api.match_answers import (
    LEADERBOARD_LISTED_MAX,
    LISTED_MAX,
    MatchDetails,
    carried_out,
    found,
    invitation,
    inviting_party,
    match_item,
    party_item,
    placed_party,
    project_answer,
    refusal,
    settled,
)
from projections.match_standings import Phase, in_order, is_open, phase_of, published_leaderboard_of, takes_part
from projections.matches import Matches
from schemas.matches import Match

CURRENT: frozenset[Phase] = frozenset({"preparation", "match"})
PAST: frozenset[Phase] = frozenset({"evaluation"})


async def list_matches(call: Call[Paged]) -> Answer:
    """Matches that go on or are to come."""
    return page_of(_listed(await settled(call), CURRENT, call.now_ms), call.arguments.page, LISTED_MAX, match_item)


async def list_past_matches(call: Call[Paged]) -> Answer:
    """Matches that are over."""
    return page_of(_listed(await settled(call), PAST, call.now_ms), call.arguments.page, LISTED_MAX, match_item)


async def list_matches_of_user(call: Call[PagedUser]) -> Answer:
    """Matches that go on or are to come, in which a user takes part."""
    return await _of_user(call, CURRENT)


async def list_past_matches_of_user(call: Call[PagedUser]) -> Answer:
    """Matches that are over, in which a user took part."""
    return await _of_user(call, PAST)


async def get_match(call: Call[OneMatch]) -> Answer:
    """A match; with its long description once it has started."""
    match = found(await settled(call), call.arguments.match, "Could not find match")
    hidden = phase_of(match, call.now_ms) == "preparation"
    return Answer(
        MatchDetails(
            title=match.title,
            short_description=match.short_description,
            long_description=None if hidden else match.long_description,
            start_date=shown_date(match.start_ms),
            end_date=shown_date(match.end_ms),
            min_members=match.min_members,
            max_members=match.max_members,
            slug=match.slug,
        )
    )


async def get_leaderboard(call: Call[PagedMatch]) -> Answer:
    """Who came in where, once the match is over and that is published."""
    state = await settled(call)
    match = found(state, call.arguments.match)
    people = await call.service.users.people()
    placed = published_leaderboard_of(state, match, call.now_ms)
    return page_of(
        placed, call.arguments.page, LEADERBOARD_LISTED_MAX, lambda party: placed_party(party, people.username)
    )


async def list_participants(call: Call[PagedMatch]) -> Answer:
    """The parties that take part, once the match has started."""
    state = await settled(call)
    match = found(state, call.arguments.match)
    people = await call.service.users.people()
    parties = state.participating(match.id)
    return page_of(parties, call.arguments.page, LISTED_MAX, lambda party: party_item(party, people.username))


async def list_looking_parties(call: Call[PagedMatch]) -> Answer:
    """The public parties, with their tokens; none once the match has started, since nobody can join then."""
    state = await settled(call)
    match = found(state, call.arguments.match)
    people = await call.service.users.people()
    looking = phase_of(match, call.now_ms) == "preparation"
    parties = [party for party in state.parties_of(match.id) if party.public and looking]
    return page_of(
        parties, call.arguments.page, LISTED_MAX, lambda party: inviting_party(state, party, people.username)
    )


async def join_match(call: Call[OneMatch]) -> Answer:
    """Take part in a match, in a party of one's own at first; its token."""
    slug, user = call.arguments.match, call.user_id
    (party,) = await carried_out(
        call, lambda state, now_ms: (decide_join_match(state, slug, user, now_ms),), "join match"
    )
    return Answer({"party-token": invitation(call, party)})


async def leave_match(call: Call[OneMatch]) -> Answer:
    """Take part in a match no more."""
    slug, user = call.arguments.match, call.user_id
    await carried_out(call, lambda state, now_ms: (decide_leave_match(state, slug, user, now_ms),), "leave match")
    return Answer(None)


async def get_submission(call: Call[OneSubmission]) -> Answer:
    """The project of a party: to its members during the match, to everybody after it."""
    state = await settled(call)
    asked, user = call.arguments, None if call.caller is None else call.caller.user_id
    people = await call.service.users.people()
    wanted = None if asked.party is None else folded_username(asked.party)

    def is_leader(leader: str) -> bool:
        return folded_username(people.username(leader)) == wanted

    try:
        project = visible_project(state, asked.match, user, None if wanted is None else is_leader, call.now_ms)
    except Refused as refused:
        raise refusal(refused) from None
    return Answer(project_answer(project))


async def put_submission(call: Call[EditSubmission]) -> Answer:
    """Edit the project of the party that one leads."""
    asked, user = call.arguments, call.user_id
    edit = Edit(title=asked.title, description=asked.description, url=asked.url)
    (project,) = await carried_out(
        call, lambda state, now_ms: (decide_edit(state, asked.match, user, edit, now_ms),), "edit project"
    )
    return Answer(project_answer(project))


def _listed(state: Matches, phases: frozenset[Phase], now_ms: int) -> list[Match]:
    """The matches of which all may know, in these phases, the one that starts first first."""
    return in_order(match for match in state if is_open(match) and phase_of(match, now_ms) in phases)


async def _of_user(call: Call[PagedUser], phases: frozenset[Phase]) -> Answer:
    """A page of the matches in these phases in which a user takes part. Raises Failure."""
    state = await settled(call)
    user = (await call.service.users.people()).named(call.arguments.user)
    if user is None:
        raise fail(HTTPStatus.NOT_FOUND, {"user": "User was not found"})
    joined = (
        match
        for match, party in state.of_user(user.id)
        if is_open(match) and phase_of(match, call.now_ms) in phases and takes_part(match, party, call.now_ms)
    )
    return page_of(in_order(joined), call.arguments.page, LISTED_MAX, match_item)
