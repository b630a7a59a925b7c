"""Tokens that somebody made up: they are refused, and take nothing from those who write."""

import asyncio
import random
import string

import pytest

from cds.live_contest import LiveContest
from projections.tokens import TAG_CHARACTERS, TOKEN_CHARACTERS
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.raw_feeds import FEED
from tests.cds.contest_api.serving import Running
from tests.cds.contest_api.test_http import check_error

MANY = 40


async def test_made_up_places_are_refused_without_reading_the_log_for_each(
    fresh: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the log holds the lock that writers need; anybody may send such a token as often as they like."""
    token, dice = token_of((await fresh.caller().lines(FEED))[-1]), random.Random(1)
    assert len(token) == TOKEN_CHARACTERS
    tag = token[-TAG_CHARACTERS:]
    read: list[str] = []

    async def note(contest: LiveContest) -> None:
        read.append(contest.contest_id)

    monkeypatch.setattr(LiveContest, "catch_up", note)
    places = ["".join(dice.choices(string.ascii_letters, k=TOKEN_CHARACTERS - TAG_CHARACTERS - 1)) for _ in range(MANY)]
    answers = await asyncio.gather(
        *(fresh.caller().get(f"{FEED}?stream=false&since_token={place}A{tag}") for place in places)
    )
    for answer in answers:
        check_error(answer.status, answer.body, answer.headers["Content-Type"], 400)
    assert {"since_token is not of this log"} == {answer.json["message"] for answer in answers}
    assert len(read) < MANY, "the server itself may look now and then, but not for each of them"
