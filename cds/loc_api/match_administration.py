"""Endpoints of administrators about matches (36 to 41).

This module must not know the rules; they are in `cds/commands/matches`.
"""

from http import HTTPStatus

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.administration import (
    MatchChange,
    MatchWish,
    decide_change,
    decide_creation,
    decide_deletion,
    decide_positions,
    existing_match,
)
from cds.commands.user_names import folded_username
from cds.loc_api.answers import Answer, page_of
from cds.loc_api.arguments import ChangeMatch, DeleteMatch, NewMatch, Paged, PagedMatch, SetLeaderboard
from cds.loc_api.call import Call
from cds.loc_api.dates import Instant, shown_date
from cds.loc_api.match_answers import (
    LEADERBOARD_LISTED_MAX,
    LISTED_MAX,
    carried_out,
    deleted_match,
    placed_party,
    refusal,
    settled,
)
from projections.match_standings import in_order, leaderboard_of


async def create_match(call: Call[NewMatch]) -> Answer:
    """Make a match; its slug."""
    asked = call.arguments
    wish = MatchWish(
        title=asked.title,
        short_description=asked.short_description,
        long_description=asked.long_description,
        start_ms=asked.start_date.ms,
        end_ms=asked.end_date.ms,
        min_members=asked.min_members,
        max_members=asked.max_members,
        visible=asked.is_visible,
        slug=asked.slug,
    )
    contest_ids = call.service.contests.ids()
    (match,) = await carried_out(
        call, lambda state, _now_ms: (decide_creation(state, wish, contest_ids),), "create match"
    )
    return Answer({"slug": match.slug}, HTTPStatus.CREATED)


async def change_match(call: Call[ChangeMatch]) -> Answer:
    """Change a match; what was given, as it is now, and the slug."""
    asked = call.arguments
    change = MatchChange(
        title=asked.title,
        short_description=asked.short_description,
        long_description=asked.long_description,
        start_ms=None if asked.start_date is None else asked.start_date.ms,
        end_ms=None if asked.end_date is None else asked.end_date.ms,
        min_members=asked.min_members,
        max_members=asked.max_members,
        visible=asked.is_visible,
        published=asked.leaderboard,
        slug=asked.slug,
    )
    (match,) = await carried_out(
        call, lambda state, now_ms: (decide_change(state, asked.match, change, now_ms),), "change match"
    )
    given = {
        field.encode_name: shown_date(value.ms) if isinstance(value, Instant) else value
        for field in msgspec.structs.fields(asked)
        if field.name != "match" and (value := getattr(asked, field.name)) is not None
    }
    return Answer(given | {"slug": match.slug})


async def get_any_leaderboard(call: Call[PagedMatch]) -> Answer:
    """The leaderboard of a match, published or not."""
    state = await settled(call)
    try:
        match = existing_match(state, call.arguments.match)
    except Refused as refused:
        raise refusal(refused) from None
    people = await call.service.users.people()
    return page_of(
        leaderboard_of(state, match.id),
        call.arguments.page,
        LEADERBOARD_LISTED_MAX,
        lambda party: placed_party(party, people.username),
    )


async def set_leaderboard(call: Call[SetLeaderboard]) -> Answer:
    """Say where parties came in; the leaders of those that were found."""
    asked = call.arguments
    people = await call.service.users.people()
    positions = {folded_username(each.party): each.position for each in asked.positions}
    placed = await carried_out(
        call,
        lambda state, _now_ms: decide_positions(
            state, asked.match, positions, lambda leader: folded_username(people.username(leader))
        ),
        "set leaderboard",
    )
    return Answer([people.username(party.leader) for party in placed])


async def delete_match(call: Call[DeleteMatch]) -> Answer:
    """Delete a match, for the moment, or have it back; when that was, or its slug."""
    asked = call.arguments
    (match,) = await carried_out(
        call,
        lambda state, now_ms: (decide_deletion(state, asked.match, delete=asked.delete, now_ms=now_ms),),
        "delete match" if asked.delete else "undelete match",
    )
    if match.deleted_ms is None:
        return Answer({"match": match.slug})
    return Answer({"delete-date": shown_date(match.deleted_ms)})


async def list_deleted_matches(call: Call[Paged]) -> Answer:
    """The matches that are deleted."""
    state = await settled(call)
    deleted = in_order(match for match in state if match.deleted_ms is not None)
    return page_of(deleted, call.arguments.page, LISTED_MAX, deleted_match)
