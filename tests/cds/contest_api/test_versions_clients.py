"""What programs that speak 2023-06 need of us: DOMjudge as a shadow, and the overlay live-v3.

Each test does what the client's own source does with the feed. Nothing of the program under test is used to look.
"""

import json

import pytest

from tests.cds.contest_api.feeds import fold, token_of
from tests.cds.contest_api.serving import Json, Running
from tests.cds.contest_api.small_contest import login
from tests.cds.contest_api.test_http import expect_error
from tests.cds.contest_api.test_versions import speaking
from tests.independent_fold import Collections

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEED = "contests/late/event-feed"
CHIEF_LATE = login("late", "chief")
MINUTE_MS = 60_000


async def lines_of(server: Running) -> list[bytes]:
    """The whole feed of a contest that is over, as an administrator reads it."""
    return await speaking(server, "2023-06", CHIEF_LATE).lines(FEED)


async def told(server: Running) -> Collections:
    """What the feed leads to."""
    return fold(await lines_of(server))


def milliseconds(relative_time: str) -> int:
    """A RELTIME in milliseconds."""
    sign = -1 if relative_time.startswith("-") else 1
    hours, minutes, seconds = relative_time.lstrip("-").split(":")
    return sign * ((int(hours) * 60 + int(minutes)) * MINUTE_MS + round(float(seconds) * 1000))


class TestDomjudgeAsAShadow:
    """Imports our feed, line by line, and stops at what it does not know."""

    async def test_every_type_is_one_that_its_importer_knows(self, served: Running) -> None:
        known = {
            *("contest", "judgement-types", "languages", "groups", "organizations", "problems", "teams", "persons"),
            *("accounts", "state", "submissions", "judgements", "runs", "clarifications", "awards"),
        }
        assert {json.loads(line)["type"] for line in await lines_of(served)} <= known

    async def test_the_penalty_is_an_integer_of_minutes(self, served: Running) -> None:
        contest = (await told(served))["contest"][None]
        assert type(contest["penalty_time"]) is int
        assert contest.keys() >= {"id", "name", "duration", "penalty_time"}

    async def test_judgements_and_runs_have_contest_times(self, served: Running) -> None:
        contest = await told(served)
        assert len(contest["judgements"]) == 5
        for judgement in contest["judgements"].values():
            assert milliseconds(judgement["start_contest_time"]) > 0
            assert ("end_contest_time" in judgement) == ("end_time" in judgement) == ("judgement_type_id" in judgement)
        assert len(contest["runs"]) == 10
        for run in contest["runs"].values():
            assert milliseconds(run["contest_time"]) > 0
            assert run.keys() >= {"id", "judgement_id", "ordinal", "judgement_type_id"}

    async def test_sources_are_relative_to_the_address_it_was_given(self, served: Running) -> None:
        caller = speaking(served, "2023-06", CHIEF_LATE)
        for submission in (await told(served))["submissions"].values():
            assert submission.keys() >= {"id", "language_id", "problem_id", "team_id", "time"}
            (archive,) = submission["files"]
            assert not archive["href"].startswith("/")
            assert archive["mime"] == "application/zip"
            assert (await caller.get(archive["href"])).body.startswith(b"PK")

    async def test_it_sends_both_names_of_the_token(self, served: Running) -> None:
        lines = await lines_of(served)
        token = token_of(lines[-3])
        caller = speaking(served, "2023-06", CHIEF_LATE)
        assert await caller.lines(f"{FEED}?since_id={token}&since_token={token}") == lines[-2:]

    async def test_an_object_of_a_line_is_what_its_address_answers(self, served: Running) -> None:
        caller = speaking(served, "2023-06", CHIEF_LATE)
        contest = await told(served)
        for name in ("judgements", "runs", "teams", "submissions"):
            for identifier, each in contest[name].items():
                assert await caller.json(f"contests/late/{name}/{identifier}") == each


class TestLiveV3:
    """The overlay; 2023-06 is the version of feeds that it expects unless it is told otherwise."""

    async def test_every_line_has_a_token_of_its_own(self, served: Running) -> None:
        tokens = [token_of(line) for line in await lines_of(served)]
        assert len(tokens) == len(set(tokens))

    async def test_objects_have_what_it_reads(self, served: Running) -> None:
        contest = await told(served)
        needed = {
            "contest": {"duration"},
            "submissions": {"problem_id", "contest_time"},
            "judgements": {"start_time", "start_contest_time"},
            "runs": {"time", "contest_time"},
            "problems": {"ordinal", "label", "name"},
            "teams": {"name"},
            "languages": {"extensions"},
        }
        for name, properties in needed.items():
            assert contest[name]
            assert all(properties <= each.keys() for each in contest[name].values()), name

    async def test_the_state_is_started_and_ended_once_updates_have_ended(self, served: Running) -> None:
        state = (await told(served))["state"][None]
        assert state["end_of_updates"]
        assert state["started"]
        assert state["ended"]
        assert "removed_intervals" not in state

    async def test_it_reads_everything_again_without_a_token(self, served: Running) -> None:
        """On an end of the stream it begins anew, and what it drops as seen is what it has seen."""
        assert await lines_of(served) == await lines_of(served)

    async def test_the_scoreboard_that_it_compares_with_counts_minutes(self, served: Running) -> None:
        board: Json = await speaking(served, "2023-06", CHIEF_LATE).json("contests/late/scoreboard")
        ours: Json = await speaking(served, "draft", CHIEF_LATE).json("contests/late/scoreboard")
        for row, our_row in zip(board["rows"], ours["rows"], strict=True):
            assert row["score"]["total_time"] == milliseconds(our_row["score"]["total_time"]) // MINUTE_MS


async def test_an_address_of_2023_06_leads_to_nothing_newer(served: Running) -> None:
    """Whoever follows only relative addresses stays in the version."""
    for path in ("contests/late/commentary", "contests/late/x-settings", "webhooks"):
        await expect_error(speaking(served, "2023-06", CHIEF_LATE), "GET", path, 404)
