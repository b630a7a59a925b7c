"""Requests of `/info` and `/v1/admin`, and what comes of them."""

from http import HTTPStatus

from cds.loc_api.dates import shown_date
from tests.acceptance.league import HOUR_MS, League
from tests.acceptance.league_cases import Asked, Cases, anybody_asks, asks, lists

ADMINISTRATION = Cases()

EMPTY = "Cannot be empty"
MISSING = "Field was missing in request"
NOT_VALID = "Data value was not valid"
NO_MATCH = {"match": "Match not found"}
NO_USER = {"user": "User was not found"}
NO_PAGE = {"page": "Not a valid page number"}
NOWHERE = "no-such-match"


def wish(league: League, **changes: object) -> dict[str, object]:
    """The arguments of a match that can be made."""
    usual: dict[str, object] = {
        "title": league.new_name("New match "),
        "short_description": "This is a short description",
        "long_description": "This is a long description",
        "start_date": "2034-01-01 00:00",
        "end_date": "2034-01-05 00:00",
        "min_members": 1,
        "max_members": 5,
        "is_visible": False,
    }
    return {**usual, **changes}


# --- 1, /info


@ADMINISTRATION.succeeds(1)
async def asking_what_the_server_is(_league: League) -> Asked:
    return anybody_asks()


# --- 36, a new match


@ADMINISTRATION.succeeds(36, HTTPStatus.CREATED)
async def making_a_match(league: League) -> Asked:
    number = league.new_name("")
    return asks(
        await league.admin(),
        {"slug": f"super-awesome-match-{number}"},
        **wish(league, title=f"Super awesome match {number}"),
    )


@ADMINISTRATION.succeeds(36, HTTPStatus.CREATED)
async def making_a_match_with_a_slug_of_ones_own(league: League) -> Asked:
    slug = league.new_name("custom-slug-")
    return asks(await league.admin(), {"slug": slug}, **wish(league, slug=slug))


@ADMINISTRATION.fails(36, 400, {"start-date": EMPTY})
async def making_a_match_without_a_start(league: League) -> Asked:
    given = wish(league)
    del given["start_date"]
    return asks(await league.admin(), **given)


@ADMINISTRATION.fails(36, 400, {"title": EMPTY, "start-date": NOT_VALID, "min-members": NOT_VALID})
async def making_a_match_that_cannot_be(league: League) -> Asked:
    return asks(await league.admin(), **wish(league, title="", start_date="soon", min_members=0))


@ADMINISTRATION.fails(36, 409, {"title": "A match with this title already exists"})
async def making_a_match_of_a_title_that_there_is(league: League) -> Asked:
    title = league.new_name("Taken ")
    await league.match(title=title)
    return asks(await league.admin(), **wish(league, title=title))


@ADMINISTRATION.fails(36, 409, {"slug": "A match with this slug already exists"})
async def making_a_match_of_a_slug_that_there_is(league: League) -> Asked:
    return asks(await league.admin(), **wish(league, slug=await league.match()))


# --- 37, changing one


@ADMINISTRATION.succeeds(37)
async def moving_a_match(league: League) -> Asked:
    slug, start = await league.match(start_date="2034-01-01 00:00", end_date="2034-01-05 00:00"), "2034-01-02 10:00:30"
    return asks(await league.admin(), {"start-date": start, "slug": slug}, match=slug, start_date=start)


@ADMINISTRATION.succeeds(37)
async def renaming_a_match(league: League) -> Asked:
    number = league.new_name("")
    told = {"title": f"Renamed {number}", "slug": f"renamed-{number}"}
    return asks(await league.admin(), told, match=await league.match(), title=told["title"])


@ADMINISTRATION.succeeds(37)
async def changing_a_match_as_the_example_does(league: League) -> Asked:
    slug = await league.match()
    told = {"max-members": 4, "leaderboard": True, "is-visible": False, "slug": slug}
    return asks(await league.admin(), told, match=slug, max_team=4, leaderboard=True, is_visible=False)


@ADMINISTRATION.fails(37, 400, {"is-visible": "Invalid type"})
async def changing_a_match_to_something_else(league: League) -> Asked:
    return asks(await league.admin(), match=await league.match(), is_visible="no")


@ADMINISTRATION.fails(37, 400, {"match": MISSING})
async def changing_no_match(league: League) -> Asked:
    return asks(await league.admin())


@ADMINISTRATION.fails(37, 400, {"start-date": "Match has already started"})
async def moving_a_match_that_has_started(league: League) -> Asked:
    slug = await league.match()
    league.begin()
    return asks(await league.admin(), match=slug, start_date=shown_date(league.clock.now_ms + HOUR_MS))


@ADMINISTRATION.fails(37, 409, {"title": "A match with this title already exists"})
async def renaming_a_match_to_a_title_that_there_is(league: League) -> Asked:
    title = league.new_name("Taken ")
    await league.match(title=title)
    return asks(await league.admin(), match=await league.match(), title=title)


async def naming_no_match(league: League) -> Asked:
    return asks(await league.admin(), match=NOWHERE, positions=[], delete=True)


async def naming_a_deleted_match(league: League) -> Asked:
    slug = await league.match()
    await league.delete(slug)
    return asks(await league.admin(), match=slug, positions=[])


for _number in (37, 38, 39, 40):
    ADMINISTRATION.fails(_number, 404, NO_MATCH)(naming_no_match)
for _number in (37, 38, 39):
    ADMINISTRATION.fails(_number, 404, NO_MATCH)(naming_a_deleted_match)

# --- 38 and 39, the leaderboard


@ADMINISTRATION.succeeds(38)
async def looking_at_a_leaderboard_that_is_not_published(league: League) -> Asked:
    slug, player = await league.match(), await league.player()
    await league.join(slug, player)
    league.begin()
    league.end()
    body = {"match": slug, "positions": [{"party": player.username, "position": 1}]}
    await league.done("PUT", "/v1/admin/match-leaderboard", {"token": await league.admin(), **body})
    listed = [{"leader": player.username, "members": [player.username], "position": 1}]
    return asks(await league.admin(), {"page": 1, "pages": 1, "list": listed}, match=slug, page=1)


@ADMINISTRATION.fails(38, 400, {"match": MISSING, **NO_PAGE})
async def looking_at_no_leaderboard(league: League) -> Asked:
    return asks(await league.admin(), page=0)


@ADMINISTRATION.succeeds(39)
async def saying_where_parties_came_in(league: League) -> Asked:
    slug, first, second = await league.match(), await league.player(), await league.player()
    await league.join(slug, first)
    await league.join(slug, second)
    league.begin()
    league.end()
    named = [(second.username, 2), (league.new_name("nobody"), 3), (first.username, 1)]
    positions = [{"party": name, "position": position} for name, position in named]
    return asks(await league.admin(), [second.username, first.username], match=slug, positions=positions)


@ADMINISTRATION.fails(39, 400, {"positions": "Invalid type"})
async def saying_where_no_parties_came_in(league: League) -> Asked:
    return asks(await league.admin(), match=await league.match(), positions=[{"party": "somebody"}])


# --- 40 and 41, deleting matches


@ADMINISTRATION.succeeds(40)
async def deleting_a_match(league: League) -> Asked:
    slug, now = await league.match(), shown_date(league.clock.now_ms)
    return asks(await league.admin(), {"delete-date": now}, match=slug, delete=True)


@ADMINISTRATION.succeeds(40)
async def undeleting_a_match(league: League) -> Asked:
    slug = await league.match()
    await league.delete(slug)
    return asks(await league.admin(), {"match": slug}, match=slug, delete=False)


@ADMINISTRATION.fails(40, 400, {"match": MISSING, "delete": MISSING})
async def deleting_nothing(league: League) -> Asked:
    return asks(await league.admin())


@ADMINISTRATION.fails(40, 409, {"match": "Match was already deleted"})
async def deleting_a_match_twice(league: League) -> Asked:
    slug = await league.match()
    await league.delete(slug)
    return asks(await league.admin(), match=slug, delete=True)


@ADMINISTRATION.fails(40, 409, {"match": "Match was not deleted"})
async def undeleting_a_match_that_is_there(league: League) -> Asked:
    return asks(await league.admin(), match=await league.match(), delete=False)


@ADMINISTRATION.succeeds(41)
async def listing_deleted_matches(league: League) -> Asked:
    title = league.new_name("Deleted ")
    slug = await league.match(title=title)
    await league.delete(slug)
    deleted = {"title": title, "delete-date": shown_date(league.clock.now_ms), "slug": slug}
    return lists(asks(await league.admin(), page=1), deleted)


# --- 42 to 44, users


@ADMINISTRATION.succeeds(42)
async def listing_users(league: League) -> Asked:
    player = await league.player()
    return lists(asks(await league.admin(), page=1), player.username)


@ADMINISTRATION.succeeds(43)
async def listing_banned_users(league: League) -> Asked:
    player = await league.player()
    await league.ban(player.username)
    banned = {"username": player.username, "delete-date": shown_date(league.clock.now_ms)}
    return lists(asks(await league.admin(), page=1), banned)


async def asking_for_page_0(league: League) -> Asked:
    return asks(await league.admin(), page=0)


for _number in (41, 42, 43):
    ADMINISTRATION.fails(_number, 400, NO_PAGE)(asking_for_page_0)


@ADMINISTRATION.succeeds(44)
async def banning(league: League) -> Asked:
    player, now = await league.player(), shown_date(league.clock.now_ms)
    return asks(await league.admin(), {"delete-date": now}, user=player.username, delete=True)


@ADMINISTRATION.succeeds(44)
async def having_back(league: League) -> Asked:
    player = await league.player()
    await league.ban(player.username)
    return asks(await league.admin(), {"user": player.username}, user=player.username, delete=False)


@ADMINISTRATION.fails(44, 400, {"delete": MISSING})
async def banning_perhaps(league: League) -> Asked:
    return asks(await league.admin(), user=(await league.player()).username)


@ADMINISTRATION.fails(44, 404, NO_USER)
async def banning_nobody(league: League) -> Asked:
    return asks(await league.admin(), user=league.new_name("nobody"), delete=True)


@ADMINISTRATION.fails(44, 409, {"user": "User was already deleted"})
async def banning_twice(league: League) -> Asked:
    player = await league.player()
    await league.ban(player.username)
    return asks(await league.admin(), user=player.username, delete=True)


@ADMINISTRATION.fails(44, 409, {"user": "User was not deleted"})
async def having_back_who_is_there(league: League) -> Asked:
    return asks(await league.admin(), user=(await league.player()).username, delete=False)
