"""What was official is what we answer, over HTTP, for contests that were really held."""

import pytest

from cds.dialects.json_values import decode_json
from tests.cds.contest_api.feeds import fold
from tests.cds.contest_api.real_contests import DATA, needs_shared_data, real_contest
from tests.cds.contest_api.serving import Json, Running
from tests.independent_fold import Collections, fold_one, notifications

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_shared_data]


def official(contest: str) -> Json:
    """The official final board."""
    return decode_json((DATA / contest / "scoreboard-final.json").read_bytes())


def minutes(relative_time: str) -> int:
    """Whole minutes of a RELTIME that has no seconds."""
    hours, minute, second = relative_time.split(":")
    assert float(second) == 0
    return int(hours) * 60 + int(minute)


async def test_the_admins_board_of_the_world_finals_is_the_official_one(served_real: Running) -> None:
    """Every cell, rank and total of 117 teams and 15 problems."""
    rows = (await served_real.of_role("admin").json("contests/wf44/scoreboard"))["rows"]
    expected = official("wf44-2020")["rows"]
    assert len(rows) == len(expected) == 117
    ours = {row["team_id"]: row for row in rows}
    for row in expected:
        mine = ours[row["team_id"]]
        assert mine["rank"] == row["rank"]
        assert mine["score"]["num_solved"] == row["score"]["num_solved"]
        assert minutes(mine["score"]["total_time"]) == row["score"]["total_time"]
        cells = [cell | ({"time": minutes(cell["time"])} if "time" in cell else {}) for cell in mine["problems"]]
        assert cells == [{name: value for name, value in cell.items() if name != "label"} for cell in row["problems"]]
    ranked = [row["team_id"] for row in expected if row["score"]["num_solved"] > 0]
    assert [row["team_id"] for row in rows if row["score"]["num_solved"] > 0] == ranked


async def test_the_board_of_a_score_contest_has_the_official_scores(served_real: Running) -> None:
    rows = (await served_real.of_role("admin").json("contests/roi/scoreboard"))["rows"]
    expected = official("roi-2021-mini")["rows"]
    assert len(rows) == len(expected) == 20
    ours = {row["team_id"]: row for row in rows}
    for row in expected:
        mine = ours[row["team_id"]]
        assert (mine["rank"], mine["score"]["score"]) == (row["rank"], row["score"]["score"])
        scores = {cell["problem_id"]: cell["score"] for cell in row["problems"]}
        assert {cell["problem_id"]: cell["score"] for cell in mine["problems"]} == scores


async def test_the_recorded_feed_of_a_regional_contest_is_there_in_full(served_real: Running) -> None:
    """6,409 lines, 254 of which repeat others word for word and one is of a type outside the specification."""
    admin = served_real.of_role("admin")
    for name, count in (("submissions", 1322), ("judgements", 1007), ("teams", 120)):
        assert len(await admin.json(f"contests/swerc/{name}")) == count
    assert real_contest("swerc").repeated_lines == 254


async def test_the_final_state_of_a_recorded_feed_is_the_fold_of_the_file(served_real: Running) -> None:
    """For everything that both say, word for word; what we filled in or spell otherwise is left out."""
    recorded = fold_of_file("swerc-2022/event-feed.ndjson")
    caller = served_real.of_role("admin")
    ours = fold(await caller.lines("contests/swerc/event-feed"))
    compared = 0
    for name, properties in UNCHANGED.items():
        assert ours[name].keys() == recorded[name].keys(), name
        for identifier, instance in ours[name].items():
            theirs = recorded[name][identifier]
            for property in properties:
                assert instance.get(property) == theirs.get(property), (name, identifier, property)
                compared += 1
    assert compared > 6_000


UNCHANGED = {
    "teams": ("name", "organization_id", "group_ids", "icpc_id", "display_name"),
    "organizations": ("name", "formal_name", "icpc_id"),
    "groups": ("name",),
    "problems": ("label", "name", "ordinal", "rgb", "color", "time_limit", "test_data_count"),
    "languages": ("name",),
    "submissions": ("language_id", "problem_id", "team_id"),
    "judgements": ("submission_id", "judgement_type_id"),
    "clarifications": ("from_team_id", "problem_id", "text"),
}
"""Properties whose spelling is the same in the recorded version and in ours."""


def fold_of_file(path: str) -> Collections:
    """The collections at the end of a recorded feed, by the independent fold."""
    collections: Collections = {}
    for notification in notifications((DATA / path).read_bytes()):
        fold_one(collections, {"id": None} | notification)
    return collections
