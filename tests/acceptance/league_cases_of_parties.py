"""Requests of `/v1/parties`, and what comes of them."""

from http import HTTPStatus

from cds.loc_api.dates import shown_date
from tests.acceptance.league import League, Player
from tests.acceptance.league_cases import Asked, Cases, asks

PARTIES = Cases()

CREATED = HTTPStatus.CREATED
MISSING = "Field was missing in request"
STARTED = {"match": "The match has already started"}
NO_MATCH = {"match": "Match was not found"}
NOT_IN = {"match": "You are not participating in this match"}
NOT_LEADER = {"match": "You are not the leader of the party"}
CLOSED = {"party": "The party cannot accept any more members"}
NO_PARTY = {"party": "Party not found"}
NOWHERE = "no-such-match"


async def party(league: League, size: int = 2, **match: object) -> tuple[str, str, list[Player]]:
    """A party of so many in a match of its own: the slug, the token, and the members, its leader first."""
    slug, members = await league.match(**match), [await league.player() for _ in range(size)]
    return slug, await league.join(slug, *members), members


# --- 23, join


@PARTIES.succeeds(23, CREATED)
async def joining_a_party(league: League) -> Asked:
    slug, token, members = await party(league)
    player = await league.player()
    await league.join(slug, player)
    return asks(player, {"members": [each.username for each in (*members, player)]}, party=token)


@PARTIES.fails(23, 400, {"party": MISSING})
async def joining_no_party(league: League) -> Asked:
    return asks(await league.player())


@PARTIES.fails(23, 400, CLOSED)
async def joining_a_party_of_a_match_that_goes_on(league: League) -> Asked:
    slug, token, _ = await party(league)
    player = await league.player()
    await league.join(slug, player)
    league.begin()
    return asks(player, party=token)


@PARTIES.fails(23, 400, CLOSED)
async def joining_a_party_of_a_match_that_is_over(league: League) -> Asked:
    _, token, _ = await party(league)
    league.begin()
    league.end()
    return asks(await league.player(), party=token)


@PARTIES.fails(23, 400, {"party": "You are not participating in the match"})
async def joining_a_party_of_a_match_that_one_has_not_joined(league: League) -> Asked:
    _, token, _ = await party(league)
    return asks(await league.player(), party=token)


@PARTIES.fails(23, 404, NO_PARTY)
async def joining_a_party_that_there_is_not(league: League) -> Asked:
    return asks(await league.player(), party="0" * 32)


@PARTIES.fails(23, 404, NO_PARTY)
async def joining_a_party_that_was_disbanded(league: League) -> Asked:
    slug, token, members = await party(league)
    await league.done("POST", "/v1/parties/disband", {"token": members[0].token, "match": slug})
    return asks(members[1], party=token)


@PARTIES.fails(23, 404, NO_PARTY)
async def joining_a_party_of_a_match_that_is_hidden(league: League) -> Asked:
    slug, token, _ = await party(league)
    player = await league.player()
    await league.join(slug, player)
    await league.change(slug, is_visible=False)
    return asks(player, party=token)


@PARTIES.fails(23, 409, {"party": "The party is full"})
async def joining_a_party_that_is_full(league: League) -> Asked:
    slug, token, _ = await party(league, size=3)
    player = await league.player()
    await league.join(slug, player)
    return asks(player, party=token)


@PARTIES.fails(23, 409, {"party": "You are already in a party"})
async def joining_another_party_as_a_member(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[1], party=await league.join(slug, await league.player()))


@PARTIES.fails(23, 409, {"party": "You are already in a party"})
async def joining_another_party_as_a_leader(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], party=await league.join(slug, await league.player()))


@PARTIES.fails(23, 409, {"party": "You are already in a party"})
async def joining_the_own_party(league: League) -> Asked:
    _, token, members = await party(league, size=1)
    return asks(members[0], party=token)


# --- 24, leave


@PARTIES.succeeds(24, CREATED)
async def leaving_a_party(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[1], match=slug)


@PARTIES.fails(24, 403, {"match": "You are the leader of the party and cannot leave it"})
async def leaving_a_party_as_its_leader(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug)


# --- 25, kick


@PARTIES.succeeds(25)
async def kicking(league: League) -> Asked:
    slug, _, (leader, member, other) = await party(league, size=3)
    return asks(leader, {"members": [leader.username, other.username]}, match=slug, user=member.username)


@PARTIES.fails(25, 400, {"user": MISSING})
async def kicking_nobody(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug)


@PARTIES.fails(25, 403, {"match": "You are the leader of the party and cannot kick yourself"})
async def kicking_oneself(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug, user=members[0].username)


@PARTIES.fails(25, 404, {"user": "User could not be found in your party"})
async def kicking_somebody_of_another_party(league: League) -> Asked:
    slug, _, members = await party(league)
    stranger = await league.player()
    await league.join(slug, stranger)
    return asks(members[0], match=slug, user=stranger.username)


@PARTIES.fails(25, 404, {"user": "User could not be found in your party"})
async def kicking_whom_there_is_not(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug, user=league.new_name("nobody"))


# --- 26, disband


@PARTIES.succeeds(26, CREATED)
async def disbanding(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug)


# --- 27, lfg


@PARTIES.succeeds(27)
async def looking_for_members(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], {"lfg": True}, match=slug, lfg=True)


@PARTIES.succeeds(27)
async def looking_for_members_no_more(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], {"lfg": False}, match=slug, lfg=False)


@PARTIES.fails(27, 400, {"lfg": "Invalid type"})
async def looking_for_members_perhaps(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[0], match=slug, lfg="perhaps")


# --- 24 to 27, what is the same


async def saying_no_match(league: League) -> Asked:
    return asks(await league.player(), user="somebody", lfg=True)


async def in_a_match_that_goes_on(league: League) -> Asked:
    slug, _, members = await party(league)
    league.begin()
    return asks(members[0], match=slug, user=members[1].username, lfg=True)


async def in_a_match_that_there_is_not(league: League) -> Asked:
    return asks(await league.player(), match=NOWHERE, user="somebody", lfg=True)


async def in_a_match_that_is_deleted(league: League) -> Asked:
    slug, _, members = await party(league)
    await league.delete(slug)
    return asks(members[0], match=slug, user=members[1].username, lfg=True)


async def in_a_match_that_one_has_not_joined(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(await league.player(), match=slug, user=members[1].username, lfg=True)


async def without_being_the_leader(league: League) -> Asked:
    slug, _, members = await party(league)
    return asks(members[1], match=slug, user=members[0].username, lfg=True)


for _number in (24, 25, 26, 27):
    PARTIES.fails(_number, 400, {"match": MISSING})(saying_no_match)
    PARTIES.fails(_number, 400, STARTED)(in_a_match_that_goes_on)
    PARTIES.fails(_number, 404, NO_MATCH)(in_a_match_that_there_is_not)
    PARTIES.fails(_number, 404, NO_MATCH)(in_a_match_that_is_deleted)
    PARTIES.fails(_number, 404, NOT_IN)(in_a_match_that_one_has_not_joined)
for _number in (25, 26, 27):
    PARTIES.fails(_number, 403, NOT_LEADER)(without_being_the_leader)

# --- 28 and 29, lists


@PARTIES.succeeds(28)
async def listing_the_own_parties(league: League) -> Asked:
    title, start, end = league.new_name("Joined "), "2035-01-01 00:00", "2035-01-05 00:00"
    slug, token, members = await party(league, title=title, start_date=start, end_date=end)
    names = [each.username for each in members]
    told = {
        "match": {"title": title, "start-date": start, "end-date": end, "slug": slug},
        "party": {"leader": names[0], "members": names, "party-token": token},
    }
    return asks(members[1], {"page": 1, "pages": 1, "list": [told]}, page=1)


@PARTIES.succeeds(29)
async def listing_the_own_past_parties(league: League) -> Asked:
    start_ms, title = league.clock.now_ms + 3_600_000, league.new_name("Played ")
    slug, token, members = await party(league, title=title)
    league.begin()
    league.end()
    names = [each.username for each in members]
    start, end = shown_date(start_ms), shown_date(league.clock.now_ms)
    told = {
        "match": {"title": title, "start-date": start, "end-date": end, "slug": slug},
        "party": {"leader": names[0], "members": names, "party-token": token},
    }
    return asks(members[0], {"page": 1, "pages": 1, "list": [told]}, page=1)


async def asking_for_page_0(league: League) -> Asked:
    return asks(await league.player(), page=0)


async def being_banned(league: League) -> Asked:
    player = await league.player()
    await league.ban(player.username)
    return asks(player)


for _number in (28, 29):
    PARTIES.fails(_number, 400, {"page": "Not a valid page number"})(asking_for_page_0)
    PARTIES.errs(_number, 404, "User was not found")(being_banned)
