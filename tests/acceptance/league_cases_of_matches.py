"""Requests of `/v1/matches`, and of the matches of users, and what comes of them."""

from cds.loc_api.dates import shown_date
from tests.acceptance.league import HOUR_MS, League
from tests.acceptance.league_cases import Asked, Cases, anybody_asks, asks, lists

MATCHES = Cases()

MISSING = "Field was missing in request"
NO_MATCH = {"match": "Match not found"}
STARTED = {"match": "Match has already started"}
NO_SLUG = {"match": "Match slug missing"}
NO_PAGE = {"page": "Not a valid page number"}
NOWHERE = "no-such-match"

# --- 13 and 14, lists


def usual(league: League, title: str, slug: str) -> dict[str, str]:
    """A match as `League.match` makes one, in lists."""
    start_ms = league.clock.now_ms + HOUR_MS
    return {
        "title": title,
        "start-date": shown_date(start_ms),
        "end-date": shown_date(start_ms + 5 * HOUR_MS),
        "slug": slug,
    }


@MATCHES.succeeds(13)
async def listing_matches(league: League) -> Asked:
    title = league.new_name("Listed ")
    return lists(anybody_asks(page=1), usual(league, title, await league.match(title=title)))


@MATCHES.succeeds(13)
async def listing_matches_past_the_last_page(league: League) -> Asked:
    pages = (await league.done("GET", "/v1/matches/list"))["pages"]
    return anybody_asks({"page": 1_000, "pages": pages, "list": []}, page=1_000)


@MATCHES.succeeds(14)
async def listing_past_matches(league: League) -> Asked:
    title = league.new_name("Past ")
    item = usual(league, title, await league.match(title=title))
    league.begin()
    league.end()
    return lists(anybody_asks(page=1), item)


async def asking_for_page_0(_league: League) -> Asked:
    return anybody_asks(page=0)


for _number in (13, 14):
    MATCHES.fails(_number, 400, NO_PAGE)(asking_for_page_0)

# --- 15, info


@MATCHES.succeeds(15)
async def looking_at_a_match_to_come(league: League) -> Asked:
    title = league.new_name("Future match ")
    slug = await league.match(title=title, min_members=1, max_members=4)
    told = {
        "title": title,
        "short-description": "Prepare for the future",
        "start-date": shown_date(league.clock.now_ms + 3_600_000),
        "end-date": shown_date(league.clock.now_ms + 6 * 3_600_000),
        "min-members": 1,
        "max-members": 4,
        "slug": slug,
    }
    return anybody_asks(told, match=slug)


@MATCHES.succeeds(15)
async def looking_at_a_match_that_goes_on(league: League) -> Asked:
    slug = await league.match()
    league.begin()
    return anybody_asks(match=slug)


@MATCHES.fails(15, 400, {"match": MISSING})
async def looking_at_no_match(_league: League) -> Asked:
    return anybody_asks()


async def looking_at_a_match_that_there_is_not(_league: League) -> Asked:
    return anybody_asks(match=NOWHERE)


async def looking_at_a_hidden_match(league: League) -> Asked:
    return anybody_asks(match=await league.match(is_visible=False))


async def looking_at_a_deleted_match(league: League) -> Asked:
    slug = await league.match()
    await league.delete(slug)
    return anybody_asks(match=slug)


async def looking_at_a_match_under_its_old_slug(league: League) -> Asked:
    slug = await league.match()
    await league.change(slug, title=league.new_name("Renamed "))
    return anybody_asks(match=slug)


for _number, _wrong in ((15, {"match": "Could not find match"}), *((each, NO_MATCH) for each in (16, 19, 20, 21))):
    MATCHES.fails(_number, 404, _wrong)(looking_at_a_match_that_there_is_not)
    MATCHES.fails(_number, 404, _wrong)(looking_at_a_hidden_match)
    MATCHES.fails(_number, 404, _wrong)(looking_at_a_deleted_match)
    MATCHES.fails(_number, 404, _wrong)(looking_at_a_match_under_its_old_slug)

# --- 16, leaderboard


@MATCHES.succeeds(16)
async def looking_at_a_leaderboard(league: League) -> Asked:
    slug, first, second, third = await league.match(), *[await league.player() for _ in range(3)]
    await league.join(slug, second)
    await league.join(slug, first, third)
    league.begin()
    league.end()
    positions = [{"party": first.username, "position": 1}, {"party": second.username, "position": 2}]
    body = {"token": await league.admin(), "match": slug, "positions": positions}
    await league.done("PUT", "/v1/admin/match-leaderboard", body)
    await league.change(slug, leaderboard=True)
    listed = [
        {"leader": first.username, "members": [first.username, third.username], "position": 1},
        {"leader": second.username, "members": [second.username], "position": 2},
    ]
    return anybody_asks({"page": 1, "pages": 1, "list": listed}, match=slug, page=1)


@MATCHES.succeeds(16)
async def looking_at_a_leaderboard_that_is_not_published(league: League) -> Asked:
    slug = await league.match()
    await league.join(slug, await league.player())
    league.begin()
    league.end()
    return anybody_asks({"page": 1, "pages": 1, "list": []}, match=slug)


@MATCHES.fails(16, 400, {"match": MISSING, **NO_PAGE})
async def looking_at_no_leaderboard(_league: League) -> Asked:
    return anybody_asks(page=0)


# --- 17, join


@MATCHES.succeeds(17)
async def joining_a_match(league: League) -> Asked:
    return asks(await league.player(), match=await league.match())


async def saying_no_match(league: League) -> Asked:
    return asks(await league.player())


async def a_match_that_goes_on(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, await league.player())
    league.begin()
    return asks(player, match=slug)


async def a_match_that_there_is_not(league: League) -> Asked:
    return asks(await league.player(), match=NOWHERE)


async def a_match_that_is_hidden(league: League) -> Asked:
    return asks(await league.player(), match=await league.match(is_visible=False))


async def a_match_that_is_deleted(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, player)
    await league.delete(slug)
    return asks(player, match=slug)


for _number in (17, 18):
    MATCHES.fails(_number, 400, NO_SLUG)(saying_no_match)
    MATCHES.fails(_number, 403, STARTED)(a_match_that_goes_on)
for _number in (17, 18, 22):
    MATCHES.fails(_number, 404, NO_MATCH)(a_match_that_there_is_not)
    MATCHES.fails(_number, 404, NO_MATCH)(a_match_that_is_hidden)
    MATCHES.fails(_number, 404, NO_MATCH)(a_match_that_is_deleted)


@MATCHES.fails(17, 409, {"match": "You are already participating in the match"})
async def joining_a_match_twice(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, player)
    return asks(player, match=slug)


# --- 18, leave


@MATCHES.succeeds(18)
async def leaving_a_match(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, player)
    return asks(player, None, match=slug)


@MATCHES.succeeds(18)
async def leaving_a_match_as_a_member(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, await league.player(), player)
    return asks(player, None, match=slug)


@MATCHES.fails(18, 403, {"match": "The party is not empty"})
async def leaving_a_match_as_a_leader(league: League) -> Asked:
    player, slug = await league.player(), await league.match()
    await league.join(slug, player, await league.player())
    return asks(player, match=slug)


@MATCHES.fails(18, 409, {"match": "You were not participating in the match"})
async def leaving_a_match_that_one_has_not_joined(league: League) -> Asked:
    return asks(await league.player(), match=await league.match())


# --- 19 and 20, participants and parties that look for members


@MATCHES.succeeds(19)
async def listing_participants(league: League) -> Asked:
    slug, leader, member, lonely = await league.match(min_members=2), *[await league.player() for _ in range(3)]
    await league.join(slug, leader, member)
    await league.join(slug, lonely)
    league.begin()
    listed = [{"leader": leader.username, "members": [leader.username, member.username]}]
    return anybody_asks({"page": 1, "pages": 1, "list": listed}, match=slug, page=1)


@MATCHES.succeeds(19)
async def listing_participants_before_the_start(league: League) -> Asked:
    slug = await league.match()
    await league.join(slug, await league.player())
    return anybody_asks({"page": 1, "pages": 1, "list": []}, match=slug)


@MATCHES.succeeds(20)
async def listing_parties_that_look_for_members(league: League) -> Asked:
    slug, leader = await league.match(), await league.player()
    token = await league.join(slug, leader)
    await league.join(slug, await league.player())
    await league.done("POST", "/v1/parties/lfg", {"token": leader.token, "match": slug, "lfg": True})
    listed = [{"leader": leader.username, "members": [leader.username], "party-token": token}]
    return anybody_asks({"page": 1, "pages": 1, "list": listed}, match=slug, page=1)


for _number in (19, 20):
    MATCHES.fails(_number, 400, {"match": MISSING})(looking_at_no_match)

# --- 21, a submission


@MATCHES.succeeds(21)
async def looking_at_the_own_project_during_the_match(league: League) -> Asked:
    leader, member, slug = await league.player(), await league.player(), await league.match()
    await league.join(slug, leader, member)
    league.begin()
    project = {"title": "T", "description": "D", "url": "https://example.com/t"}
    await league.done("PUT", "/v1/matches/submission", {"token": leader.token, "match": slug, **project})
    return asks(member, project, match=slug)


@MATCHES.succeeds(21)
async def looking_at_the_project_of_others_after_the_match(league: League) -> Asked:
    leader, slug = await league.player(), await league.match()
    await league.join(slug, leader)
    league.begin()
    league.end()
    return anybody_asks({"title": "", "description": "", "url": ""}, match=slug, party=leader.username)


@MATCHES.fails(21, 400, {"party": MISSING})
async def looking_at_the_project_of_nobody(league: League) -> Asked:
    return anybody_asks(match=await league.match())


@MATCHES.fails(21, 403, {"match": "Match not finished"})
async def looking_at_the_project_of_others_during_the_match(league: League) -> Asked:
    leader, slug = await league.player(), await league.match()
    await league.join(slug, leader)
    league.begin()
    return anybody_asks(match=slug, party=leader.username)


@MATCHES.fails(21, 403, {"match": "Match has not started"})
async def looking_at_the_own_project_before_the_match(league: League) -> Asked:
    leader, slug = await league.player(), await league.match()
    await league.join(slug, leader)
    return asks(leader, match=slug)


@MATCHES.fails(21, 404, {"party": "Party not found for the specified match"})
async def looking_at_the_project_of_somebody_who_took_no_part(league: League) -> Asked:
    stranger, slug = await league.player(), await league.match()
    league.begin()
    league.end()
    return anybody_asks(match=slug, party=stranger.username)


# --- 22, editing it


@MATCHES.succeeds(22)
async def editing_the_own_project(league: League) -> Asked:
    leader, slug = await league.player(), await league.match()
    await league.join(slug, leader)
    league.begin()
    project = {"title": "New title", "description": "New description", "url": "New URL"}
    return asks(leader, project, match=slug, **project)


@MATCHES.fails(22, 400, {"match": MISSING, "url": "Data value was too long"})
async def editing_a_project_with_a_long_address(league: League) -> Asked:
    return asks(await league.player(), url="u" * 513)


@MATCHES.fails(22, 403, {"match": "You are not the party leader for this match"})
async def editing_a_project_as_a_member(league: League) -> Asked:
    member, slug = await league.player(), await league.match()
    await league.join(slug, await league.player(), member)
    league.begin()
    return asks(member, match=slug, title="Mine")


@MATCHES.fails(22, 403, {"match": "Match has not started"})
async def editing_a_project_before_the_match(league: League) -> Asked:
    leader, slug = await league.player(), await league.match()
    await league.join(slug, leader)
    return asks(leader, match=slug, title="Early")


@MATCHES.fails(22, 403, {"match": "Match has already finished"})
async def editing_a_project_after_the_match(league: League) -> Asked:
    slug = await league.match()
    leader = await league.player()
    await league.join(slug, leader)
    league.begin()
    league.end()
    return asks(leader, match=slug, title="Late")


# --- 34 and 35, the matches of a user


@MATCHES.succeeds(34)
async def listing_the_matches_of_a_user(league: League) -> Asked:
    player, title = await league.player(), league.new_name("Joined ")
    slug = await league.match(title=title, start_date="2035-01-01 00:00", end_date="2035-01-05 00:00")
    await league.join(slug, player)
    item = {"title": title, "start-date": "2035-01-01 00:00", "end-date": "2035-01-05 00:00", "slug": slug}
    return anybody_asks({"page": 1, "pages": 1, "list": [item]}, user=player.username, page=1)


@MATCHES.succeeds(35)
async def listing_the_past_matches_of_a_user(league: League) -> Asked:
    player, title = await league.player(), league.new_name("Played ")
    start_ms = league.clock.now_ms + 3_600_000
    start, end = shown_date(start_ms), shown_date(start_ms + 5 * 3_600_000)
    slug = await league.match(title=title)
    await league.join(slug, player)
    league.begin()
    league.end()
    item = {"title": title, "start-date": start, "end-date": end, "slug": slug}
    return anybody_asks({"page": 1, "pages": 1, "list": [item]}, user=player.username, page=1)


async def the_matches_of_nobody(league: League) -> Asked:
    return anybody_asks(user=league.new_name("nobody"))


async def the_matches_of_no_user(_league: League) -> Asked:
    return anybody_asks()


for _number in (34, 35):
    MATCHES.fails(_number, 404, {"user": "User was not found"})(the_matches_of_nobody)
    MATCHES.fails(_number, 400, {"user": MISSING})(the_matches_of_no_user)
