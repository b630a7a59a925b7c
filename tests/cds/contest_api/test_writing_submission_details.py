"""Submissions at the edges: what is null, ids that are used up, entry points that nobody needs."""

import pytest

from tests.cds.contest_api.live_contest_setup import Play, moment, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_account_that_is_null_is_as_one_that_is_absent(live: Play) -> None:
    """Null equals absent (requirement 39)."""
    body = {**submission(), "account_id": None}
    assert (await live.post("team-one", "submissions", body))["team_id"] == "t1"


async def test_the_highest_number_there_can_be_overwrites_nothing(live: Play) -> None:
    """Ids that count up end somewhere; what comes then gets an id that nothing has."""
    highest = {**submission(team_id="t2", time=moment(30)), "id": "9" * 12}
    await live.put("root", f"submissions/{'9' * 12}", highest, 201)
    made = [await live.submitted() for _ in range(3)]
    assert len({*made, "9" * 12}) == 4
    assert await live.ids("judge", "submissions") == ["9" * 12, *made]


async def test_an_entry_point_that_the_language_has_no_use_for_is_refused(live: Play) -> None:
    """Requirement 65; clients take an entry point of C++ for an error."""
    await live.refused("team-one", "POST", "submissions", submission(entry_point="main"), 400, names="entry_point")
