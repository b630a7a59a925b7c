"""The League of Code API: what is private of players and of matches, nobody else can tell from anything.

Two servers on which the same players play the same matches, but for mail addresses, the task of a match that has not
begun, what a party has handed in so far, places that are not published, and a match and a player that nobody may see.
Both are asked everything that others can ask, by this API and by the Contest API, for which a match is a contest.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import hdrs

from cds.loc_api.rows import Auth
from cds.loc_api.table import ROWS
from projections.contest import ContestState
from tests.acceptance.league import League, Player, league
from tests.builders import KEY
from tests.cds.contest_api.serving import cloned_database, fill, opened
from tests.effort import CHOSEN_EXAMPLES, PROFILE_EXAMPLES_MAX
from tests.leaks.asked import Asked, Places, everything, thinned
from tests.leaks.comparing import Pair
from tests.leaks.sides import SECRETS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAYERS = ("ada", "bob", "carol", "dave")
COMING, RUNNING, OVER, HIDDEN = "coming", "running", "over", "hidden"
SLUGS = (COMING, RUNNING, OVER, HIDDEN, "nothing")
DESCRIPTION = "This is a long description of the match"
OTHER_DESCRIPTION = "Another task, told at much greater length than the one before it, before anybody may know it"
IS_WHOLE = CHOSEN_EXAMPLES > PROFILE_EXAMPLES_MAX
ONE_IN = 1 if IS_WHOLE else 31
"""Of so many requests by other APIs one is made."""

JSON = (hdrs.CONTENT_TYPE, "application/json")
GUESSED: dict[str, object] = {"follow": True, "lfg": True, "url": "https://projects.example/x"}

ENDS_THE_LOGIN = "logout"
"""Behind this nothing more could be asked."""

ARGUMENTS: dict[str, tuple[object, ...]] = {
    "match": SLUGS,
    "user": (*PLAYERS, HIDDEN, "nobody"),
    "party": ("ada", "nothing"),
    "page": (1, 2),
}
"""What may stand in the place of an argument; what others there are has one value that nobody has."""


class Side:
    """One of the two servers, and those who play there."""

    def __init__(self, played: League, *, other: bool) -> None:
        """`other`: what is private is another thing here."""
        self.league = played
        self.other = other
        self.players: dict[str, Player] = {}

    async def play(self) -> None:
        """One match is over, one goes on, one is to come; ada and bob play together, carol alone, dave not at all."""
        for name in PLAYERS:
            await self._sign_up(name, f"{name}@{'a-much-longer-domain.example' if self.other else 'b.example'}")
        for slug in (OVER, RUNNING):
            await self.league.match(slug=slug, title=slug)
            await self.league.join(slug, self.players["ada"], self.players["bob"])
            await self.league.join(slug, self.players["carol"])
            self.league.begin()
            if slug == RUNNING:
                await self._hand_in(slug)
            else:
                self.league.end()
                position = {"party": "ada", "position": 2 if self.other else 1}
                body = {"token": await self.league.admin(), "match": slug, "positions": [position]}
                await self.league.done("POST", "/v1/admin/match-leaderboard", body)
        description = OTHER_DESCRIPTION if self.other else DESCRIPTION
        await self.league.match(slug=COMING, title=COMING, long_description=description)
        await self.league.join(COMING, self.players["ada"])
        if self.other:
            await self.league.match(slug=HIDDEN, title=HIDDEN, is_visible=False)
            await self._sign_up(HIDDEN, "hidden@c.example")
            await self.league.ban(HIDDEN)

    async def _sign_up(self, name: str, email: str) -> None:
        body = {"username": name, "email": email, "password": "mypassword"}
        await self.league.done("POST", "/v1/account/signup", body)
        self.players[name] = Player(name, email, await self.league.login(name, "mypassword"))

    async def _hand_in(self, slug: str) -> None:
        url = f"https://projects.example/{'another-one' if self.other else 'one'}"
        body = {"token": self.players["ada"].token, "match": slug, "url": url}
        await self.league.done("PUT", "/v1/matches/submission", body)


@asynccontextmanager
async def sides(template_dsn: str) -> AsyncIterator[tuple[Side, Side]]:
    """Both servers, played."""
    async with cloned_database(template_dsn) as one_dsn, cloned_database(template_dsn) as other_dsn:
        for dsn in (one_dsn, other_dsn):
            await fill(dsn, [])
            async with opened(dsn) as store:
                for name in SECRETS:
                    await store.secret(name, lambda: KEY)
        async with league(one_dsn) as one, league(other_dsn) as other:
            both = Side(one, other=False), Side(other, other=True)
            for each in both:
                await each.play()
            yield both


def requests() -> Iterator[Asked]:
    """Every endpoint that reads, with whatever may stand in its arguments; and those that write, with too little."""
    for row in ROWS:
        for way in row.ways:
            if row.name == ENDS_THE_LOGIN:
                continue
            if way.method != hdrs.METH_GET:
                yield Asked(way.method, way.path, (JSON,), b"{}")
                continue
            for arguments in arguments_of(row.arguments.__struct_encode_fields__):
                yield Asked("GET", way.path, (JSON,), json.dumps(arguments).encode())


def guesses() -> Iterator[Asked]:
    """What writes, of a match and a player that nobody may see, and of the address of one."""
    for row in ROWS:
        names = row.arguments.__struct_encode_fields__
        if row.auth is not Auth.USER or not {"match", "user"}.intersection(names):
            continue
        for wanted in ({"match": HIDDEN, "user": "bob"}, {"match": RUNNING, "user": HIDDEN}):
            body = json.dumps({name: wanted.get(name, GUESSED.get(name, "nothing")) for name in names}).encode()
            yield from (Asked(way.method, way.path, (JSON,), body) for way in row.ways if way.method != hdrs.METH_GET)
    for path, sent in (
        ("/v1/account/forgot-password", {"email": "hidden@c.example"}),
        ("/v1/account/login", {"username": HIDDEN, "password": "another one"}),
        ("/v1/account/login", {"username": HIDDEN, "password": "mypassword"}),
        ("/v1/account/login", {"username": "hidden@c.example", "password": "mypassword"}),
    ):
        yield Asked("POST", path, (JSON,), json.dumps(sent).encode())


def arguments_of(names: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """Arguments, one of them in all its values."""
    usual = {name: ARGUMENTS.get(name, ("nothing",))[0] for name in names}
    yield usual
    for name in names:
        yield from (usual | {name: value} for value in ARGUMENTS.get(name, ())[1:])


@pytest.mark.parametrize("name", [None, "dave", "carol"] if IS_WHOLE else ["carol"])
async def test_what_is_private_of_others_cannot_be_told(postgres_dsn_template: str, name: str | None) -> None:
    async with sides(postgres_dsn_template) as (one, other):
        pair = Pair(one.league.served.caller(), other.league.served.caller())
        tokens = [{} if name is None else bearer(side.players[name].token) for side in (one, other)]
        await pair.ask_all([*requests(), *guesses()], (tokens[0], tokens[1]))
        for number, slug in enumerate((COMING, RUNNING, OVER, HIDDEN)):
            contest = one.league.served.service_contest(slug)
            places = Places(slug, ContestState() if contest is None else contest.state, {})
            everywhere = (each for each in everything(one.league.served, places) if "/v1/" not in each.path)
            await pair.ask_all(thinned(everywhere, ONE_IN, number), (tokens[0], tokens[1]))
    assert not pair.leaks, "\n".join(pair.leaks)
    assert {200, 400, 404} <= pair.statuses


async def test_who_may_see_it_is_told(postgres_dsn_template: str) -> None:
    """So the search finds what there is to find."""
    async with sides(postgres_dsn_template) as (one, other):
        pair = Pair(one.league.served.caller(), other.league.served.caller())
        own = [bearer(side.players["ada"].token) for side in (one, other)]
        await pair.ask_all(requests(), (own[0], own[1]))
        admin = [bearer(await side.league.admin()) for side in (one, other)]
        await pair.ask_all((each for each in requests() if each.method == "GET"), (admin[0], admin[1]))
    told = {leak.partition(" ")[2].partition(" ")[0] for leak in pair.leaks}
    assert {"/v1/matches/submission", "/v1/admin/deleted-users", "/v1/admin/match-leaderboard"} <= told, told


def bearer(token: str) -> dict[str, str]:
    """The header that brings a token."""
    return {hdrs.AUTHORIZATION: f"Bearer {token}"}
