"""Requests at random, nearly right: never the server's fault, always in the error form, and nothing half done."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cds.contest_api.attacked_contests import CONTEST, ROLES, TYPES, Attacked, attacked_contests, check_error
from tests.cds.contest_api.feeds import dangling, everything, fold
from tests.cds.contest_api.random_attacks import BASE, LIVE_TYPES, Attack, attacks, live
from tests.cds.contest_api.serving import Caller, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

ATTACKS_AT_ONCE = 25

TAKEN_PERCENT_MIN = 2
"""So many of a hundred attacks are near enough to what is accepted to be accepted; else they are shots in the dark."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(postgres_dsn_template: str) -> AsyncIterator[Attacked]:
    """Both contests, which change under the attacks."""
    async with attacked_contests(postgres_dsn_template) as contests:
        yield contests


@pytest.fixture(scope="module")
def taken() -> list[bool]:
    """Whether each attack was carried out."""
    return []


def filled_in(attacked: Attacked, attack: Attack) -> tuple[str, bytes]:
    """Path and body, with ids that there are in the places that are left for them."""
    contest = attacked.server.server.service.contests.find(CONTEST)
    assert contest is not None
    path, body = attack.path, attack.body
    for type_name in LIVE_TYPES:
        ids = list(contest.state.objects[type_name]) or ["none"]
        chosen = ids[attack.choice % len(ids)]
        path = path.replace(live(type_name), chosen)
        body = body.replace(live(type_name).encode(), chosen.encode())
    return path, body


async def carry_out(attacked: Attacked, attack: Attack) -> bool:
    """Send a request, whose answer must be as it should be; whether it was carried out."""
    path, body = filled_in(attacked, attack)
    before = attacked.positions()
    # A body that is not coded as it says may end the connection, which must not be under the next request then.
    headers = attack.headers | ({"Connection": "close"} if "Content-Encoding" in attack.headers else {})
    answer = await attacked.everybody[attack.name].ask(attack.method, path, data=body, headers=headers)
    if answer.status < 400:
        assert answer.status in (200, 201, 204), (attack, answer)
        return True
    check_error(answer, f"{attack} with {body[:1000]!r}")
    assert attacked.positions() == before, (attack, answer)
    return False


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(several=st.lists(attacks(), min_size=ATTACKS_AT_ONCE, max_size=ATTACKS_AT_ONCE))
async def test_whatever_is_sent_is_answered_or_refused(
    attacked: Attacked, taken: list[bool], several: list[Attack]
) -> None:
    taken.extend([await carry_out(attacked, attack) for attack in several])


async def test_the_attacks_were_no_shots_in_the_dark(taken: list[bool]) -> None:
    """Run after them."""
    assert 100 * sum(taken) >= TAKEN_PERCENT_MIN * len(taken)


async def test_afterwards_every_feed_leads_to_what_get_says(attacked: Attacked) -> None:
    """Law 1, and nothing dangles in any view."""
    for name in ROLES:
        caller = attacked.everybody[name]
        seen = await everything(caller, CONTEST)
        lines = await caller.lines(f"{BASE}/event-feed")
        assert fold(lines) == seen, name
        assert not dangling(seen), name


async def test_afterwards_a_server_that_reads_the_log_says_the_same(attacked: Attacked) -> None:
    """Law 2: nothing is in memory that is not in the log, and everything in the log can be read."""
    async with running(attacked.dsn) as second:
        for name in ("public", "team-one", "judge", "chief"):
            caller = attacked.everybody[name]
            again = Caller(second.session, second.base, caller.login)
            for path in ("", *(f"/{type_name}" for type_name in TYPES), "/state", "/scoreboard", "/access"):
                here, there = await caller.get(BASE + path), await again.get(BASE + path)
                assert (here.status, here.body) == (there.status, there.body), (name, path)
