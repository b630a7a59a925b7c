"""Arguments that nobody would send, on every endpoint of the League of Code API: refused in its form, and no harm done.

The values are drawn at random, the same in every run; whatever is wrong with a failing one stands in the message.
"""

import random
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from cds.loc_api.rows import Auth, Row
from cds.loc_api.table import ROWS
from tests.acceptance.league import League, Player, league
from tests.cds.contest_api.serving import cloned_database

ROUNDS = 25

ENDING = frozenset({"logout"})
"""Behind one of these a token is good for nothing more."""

VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 1.5, -0.0, 1e300),
    *("", " ", "0", "-1", "test", "loc-1", "match-1", "a" * 33, "é", "e\u0301", "ß", "\u202e", "\x7f", "🙂" * 200),
    *("%00", "../../etc", "' OR 1=1 --", "<b>", "{}", "null", "9999-12-31 23:59:59", "0001-01-01 00:00+14:00"),
    *("2017-02-30 00:00", "u1", "deleted-u1", "admin", "a@b.example", "x" * 70_000),
    *([], [None], [[]], [{"party": "admin", "position": 1}], [{"party": "admin", "position": -1}], {}, {"a": {}}),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(postgres_dsn_template: str) -> AsyncIterator[League]:
    """A server for all of these tests."""
    async with cloned_database(postgres_dsn_template) as dsn, league(dsn) as made:
        yield made


def drawn(chance: random.Random, row: Row) -> dict[str, object]:
    """Arguments of an endpoint: some as in the example, some of any value, some left out, some that there are not."""
    names = [field.encode_name for field in msgspec.structs.fields(row.arguments)]
    sent: dict[str, object] = {}
    for name in [*names, "unknown"]:
        kind = chance.random()
        if kind < 0.4 and name in row.example:
            sent[name] = row.example[name]
        elif kind < 0.9:
            sent[name] = chance.choice(VALUES)
    return sent


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number:02}-{row.name}")
async def test_whatever_is_sent_is_answered_in_form(played: League, row: Row) -> None:
    chance = random.Random(row.number)
    player: Player = await played.player()
    slug = await played.match()
    await played.join(slug, player)
    for _ in range(ROUNDS):
        sent = drawn(chance, row)
        if "match" in sent and chance.random() < 0.5:
            sent["match"] = slug
        if row.auth is not Auth.OPEN:
            token = await played.login(player.username) if row.name in ENDING else player.token
            sent["token"] = await played.admin() if row.auth is Auth.ADMIN else token
        way = chance.choice(row.ways)
        reply = await played.ask(way.method, way.path, sent)
        shown = (way, sent, reply.status, reply.json)
        assert reply.status in {*row.codes, 400, 401, 413} - {500}, shown
        success = reply.status < 400
        assert reply.json["status"] in (("success",) if success else ("fail", "error")), shown
        assert ("message" in reply.json) == (reply.json["status"] == "error"), shown
