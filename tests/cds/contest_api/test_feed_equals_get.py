"""Law 1 on the wire: whoever folds the feed knows what GET says, from the start and from every token."""

import random

import pytest

from tests.cds.contest_api.feeds import dangling, everything, fold, pointless_deletions, token_of
from tests.cds.contest_api.real_contests import (
    REAL_CONTESTS,
    needs_shared_data,
    real_contest,
    team_login,
    teams_with_account,
)
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Running, server_login
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS_TRIED = 100
SMALL_CONTESTS = ("small", "early", "late")


def callers_of_real(server: Running, contest_id: str) -> dict[str, Caller]:
    """The public, a server account of every role, and some teams."""
    by_role = {role: server.caller(server_login(role)) for role in ("public", "proxy", "analyst", "judge", "staff")}
    teams = {
        f"team {team_id}": server.caller(team_login(contest_id, team_id))
        for team_id in teams_with_account(real_contest(contest_id))
    }
    return by_role | teams | {"admin": server.caller(SERVER_ADMIN)}


def callers_of_small(server: Running, contest_id: str) -> dict[str, Caller]:
    """The public, and every account of the contest."""
    accounts = {username: server.caller(login(contest_id, username)) for username in ROLE_OF_ACCOUNT}
    return {"public": server.caller()} | accounts | {"server admin": server.caller(SERVER_ADMIN)}


@pytest.mark.parametrize("contest_id", SMALL_CONTESTS)
async def test_the_feed_of_every_account_folds_to_what_get_says(served: Running, contest_id: str) -> None:
    for name, caller in callers_of_small(served, contest_id).items():
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        assert fold(lines) == await everything(caller, contest_id), name


@pytest.mark.parametrize("contest_id", SMALL_CONTESTS)
async def test_every_single_token_resumes_exactly_behind_its_line(served: Running, contest_id: str) -> None:
    for name, caller in callers_of_small(served, contest_id).items():
        path = f"contests/{contest_id}/event-feed"
        lines = await caller.lines(path)
        for number, line in enumerate(lines, start=1):
            rest = await caller.lines(f"{path}?since_token={token_of(line)}")
            assert rest == lines[number:], (name, number)


@pytest.mark.parametrize("contest_id", SMALL_CONTESTS)
async def test_no_prefix_of_any_feed_names_what_it_does_not_hold(served: Running, contest_id: str) -> None:
    for name, caller in callers_of_small(served, contest_id).items():
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        for length in range(len(lines) + 1):
            assert not dangling(fold(lines[:length])), (name, length)


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
async def test_the_feeds_of_recorded_contests_fold_to_what_get_says(served_real: Running, contest_id: str) -> None:
    for name, caller in callers_of_real(served_real, contest_id).items():
        path = f"contests/{contest_id}/event-feed"
        lines = await caller.lines(path)
        expected = await everything(caller, contest_id)
        assert fold(lines) == expected, name
        assert not dangling(expected), name


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
async def test_a_hundred_random_tokens_lead_to_what_get_says(served_real: Running, contest_id: str) -> None:
    callers = callers_of_real(served_real, contest_id)
    chance = random.Random(contest_id)
    for number, (name, caller) in enumerate(callers.items()):
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        expected = await everything(caller, contest_id)
        tried = len(range(number, TOKENS_TRIED, len(callers)))
        # Most places are near the end, where a client that reconnects is.
        places = sorted(max(len(lines) - 1 - int(chance.expovariate(1 / 200)), 0) for _ in range(tried))
        known, past = fold(()), 0
        for place in places:
            known, past = fold(lines[past : place + 1], known), place + 1
            rest = await caller.lines(f"contests/{contest_id}/event-feed?since_token={token_of(lines[place])}")
            assert fold(rest, known) == expected, (name, place)


async def test_the_types_of_a_limited_feed_fold_to_the_same_objects(served: Running) -> None:
    for name, caller in callers_of_small(served, "small").items():
        whole = fold(await caller.lines("contests/small/event-feed"))
        chosen = fold(await caller.lines("contests/small/event-feed?types=teams,judgements,state"))
        assert set(chosen) <= {"teams", "judgements", "state"}, name
        for type_name, members in chosen.items():
            assert members == whole[type_name], name


@needs_shared_data
@pytest.mark.parametrize("contest_id", REAL_CONTESTS)
async def test_no_feed_deletes_what_it_has_not_shown(served_real: Running, contest_id: str) -> None:
    for name, caller in callers_of_real(served_real, contest_id).items():
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        assert not pointless_deletions(lines), name
    assert pointless_deletions([b'{"type":"teams","id":"nobody","data":null}']) == ["teams nobody"]
