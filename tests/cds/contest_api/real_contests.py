"""The recorded contests, read as `cds import` reads them, with accounts for some of their teams.

This module knows where they are. It must not know what is in them.
"""

from functools import cache
from pathlib import Path

import msgspec
import pytest

from cds.packages.contents import Change, ContestContents
from cds.packages.reading import read_contest
from schemas.objects import Account
from tests.cds.contest_api.serving import Login, quick_hash

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
DATA = SHARED / "data"
SCHEMAS = SHARED / "json-schema"

needs_shared_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded contests in ../shared/data")
needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="needs the JSON schemas in ../shared/json-schema")

REAL_CONTESTS = {
    "wf44": "wf44-2020/package",
    "swerc": "swerc-2022/event-feed.ndjson",
    "roi": "roi-2021-mini/package",
    "csus": "csus-f2019/eventfeed.ndjson",
    "csus-merged": "csus-f2019/clicsMergedEventFeed.ndjson",
    "pc2": "pc2-example/event-feed.ndjson",
    "mini": "spec-2026-01-mini/event-feed.ndjson",
}
"""Contest id → where the contest is below ../shared/data."""

TEAMS_WITH_ACCOUNT_MAX = 3


@cache
def real_contest(contest_id: str) -> ContestContents:
    """A recorded contest under this id, the first teams given accounts."""
    return with_team_accounts(read_contest(DATA / REAL_CONTESTS[contest_id], contest_id=contest_id))


def team_login(contest_id: str, team_id: str) -> Login:
    """How a team of a recorded contest logs in."""
    return f"{team_id}@{contest_id}", f"password of {team_id}"


def teams_with_account(contents: ContestContents) -> list[str]:
    """The ids of the teams that have been given an account: the first ones that submitted anything."""
    submissions = msgspec.to_builtins(list(contents.final["submissions"].values()))
    busy = dict.fromkeys(submission["team_id"] for submission in submissions if submission.get("team_id"))
    return list(busy)[:TEAMS_WITH_ACCOUNT_MAX]


def with_team_accounts(contents: ContestContents) -> ContestContents:
    """The same contest with accounts for some teams, told just before its last change."""
    accounts = [
        Account(
            id=f"account-{team_id}"[:36],
            username=team_login(contents.contest_id, team_id)[0],
            type="team",
            team_id=team_id,
        )
        for team_id in teams_with_account(contents)
    ]
    told = [Change("accounts", account.id, account) for account in accounts]
    assert not contents.final["accounts"]
    return msgspec.structs.replace(
        contents,
        changes=[*contents.changes[:-1], *told, contents.changes[-1]],
        final=contents.final | {"accounts": {account.id: account for account in accounts}},
        spoken_of=contents.spoken_of | {"accounts"},
        passwords={
            account.id: quick_hash(team_login(contents.contest_id, account.team_id or "")[1]) for account in accounts
        },
    )
