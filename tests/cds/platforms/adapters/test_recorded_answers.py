"""Every recorded or format-true answer of a platform that is beside this checkout goes through its translation.

Recorded lists come in other envelopes than the live ones; they are put into those first.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from cds.platforms.adapters import atcoder, codechef, codeforces, leetcode
from cds.platforms.questions import FetchedContests, Platform, PlatformFailed
from schemas.identifiers import is_identifier
from tests.cds.platforms.adapters.conversations import (
    CONVERSATIONS,
    NOW_MS,
    SHARED,
    by_key,
    carried_out,
    failure,
    ok,
    reply,
    shared,
)

SAMPLES = "spec/upstream-samples"
RECORDED = "data/platforms"

LISTS: dict[str, tuple[Platform, tuple[str, ...], int]] = {
    "codeforces sample": ("codeforces", (f"{SAMPLES}/codeforces_contest_list.json",), 5),
    "codeforces recorded": ("codeforces", (f"{RECORDED}/codeforces/contest.list.json",), 120),
    "leetcode sample": ("leetcode", (f"{SAMPLES}/leetcode_all_contests.json",), 3),
    "codechef sample": (
        "codechef",
        (f"{SAMPLES}/codechef_list_all.json", f"{SAMPLES}/codechef_list_past_page.json"),
        2,
    ),
    "atcoder sample": (
        "atcoder",
        (f"{SAMPLES}/atcoder_contests_page.html", f"{SAMPLES}/atcoder_kenkoooo_contests.json"),
        5,
    ),
    "atcoder recorded": (
        "atcoder",
        (f"{SAMPLES}/atcoder_contests_page.html", f"{RECORDED}/atcoder/contests.json"),
        4 + 99,
    ),
}
"""What is recorded → platform, bodies in the order in which they are asked for, and how many contests they are."""

NO_ANSWERS: dict[str, tuple[Platform, int, str]] = {
    "codeforces limit": ("codeforces", 200, f"{SAMPLES}/codeforces_error_limit.json"),
    "codeforces handle": ("codeforces", 400, f"{SAMPLES}/codeforces_error_handle_400.json"),
    "codeforces not started": ("codeforces", 400, f"{SAMPLES}/codeforces_error_not_started_400.json"),
    "codeforces parameters": ("codeforces", 400, f"{SAMPLES}/codeforces_error_standings_params_400.json"),
    "leetcode cloudflare": ("leetcode", 403, f"{SAMPLES}/leetcode_error_403_cloudflare.html"),
    "leetcode graphql": ("leetcode", 200, f"{SAMPLES}/leetcode_error_graphql.json"),
    "leetcode past": ("leetcode", 200, f"{SAMPLES}/leetcode_past_contests.json"),
    "leetcode upcoming": ("leetcode", 200, f"{SAMPLES}/leetcode_upcoming_contests.json"),
    "leetcode problems": ("leetcode", 200, f"{RECORDED}/leetcode/contests.json"),
    "codechef error": ("codechef", 200, f"{SAMPLES}/codechef_error.json"),
    "codechef of 2020": ("codechef", 200, f"{RECORDED}/codechef/contests-2020.json"),
    "atcoder archive": ("atcoder", 200, f"{SAMPLES}/atcoder_contests_archive_page.html"),
    "of another judge": ("codeforces", 200, f"{RECORDED}/aoj/icpc_prelim.json"),
}
"""Answers that are refusals, or to other questions: each is a failure of the platform."""


def fetched(name: str) -> FetchedContests:
    """What a recorded list comes to."""
    platform, bodies, _ = LISTS[name]
    return carried_out(CONVERSATIONS[platform](NOW_MS), *(shared(body) for body in bodies))


@pytest.mark.parametrize("name", LISTS)
def test_every_row_of_a_recorded_list_is_a_contest(name: str) -> None:
    found = fetched(name)
    assert (len(found.rows), found.failed) == (LISTS[name][2], ())
    assert all(is_identifier(row.contest.id) for row in found.rows)
    assert len({row.contest.id for row in found.rows}) == len(found.rows)


@pytest.mark.parametrize("name", LISTS)
def test_contests_and_states_are_valid_by_the_official_schemas(name: str) -> None:
    """Without `ext`, as `?strict=1` shows them, and with the null properties that are always written out."""
    schemas = {path.stem: json.loads(path.read_text()) for path in (SHARED / "json-schema").glob("*.json")}
    if not schemas:
        pytest.skip("../shared/json-schema is not beside this checkout")
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    validators = {
        kind: Draft202012Validator(schemas[kind], registry=registry) for kind in ("contest", "state") if schemas[kind]
    }
    for row in fetched(name).rows:
        contest = msgspec.to_builtins(msgspec.structs.replace(row.contest, ext=None))
        validators["contest"].validate({"start_time": None, **contest})
        if row.state is not None:
            validators["state"].validate(msgspec.to_builtins(row.state))


@pytest.mark.parametrize("name", LISTS)
def test_a_contest_survives_its_json(name: str) -> None:
    for row in fetched(name).rows:
        assert msgspec.json.decode(msgspec.json.encode(row.contest), type=type(row.contest)) == row.contest


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_recorded_refusals_are_failures(name: str) -> None:
    platform, status, path = NO_ANSWERS[name]
    failure(CONVERSATIONS[platform](NOW_MS), reply(status, shared(path)))


def test_the_samples_of_codeforces_in_golden_form() -> None:
    rows = by_key(fetched("codeforces sample"))
    assert {key: row.contest.start_time for key, row in rows.items()} == {
        "9004": None,
        "9003": "2026-10-02T00:15:00.000Z",
        "9002": "2026-09-27T08:51:40.000Z",
        "9001": "2026-09-21T14:15:00.000Z",
        "8999": "2026-09-06T13:08:20.000Z",
    }
    assert [row.contest.scoreboard_type for row in rows.values()] == [
        "score",
        "pass-fail",
        "pass-fail",
        "score",
        "score",
    ]
    assert rows["9002"].contest.scoreboard_freeze_duration == "1:00:00.000"
    assert rows["8999"].contest.duration == "336:00:00.000"
    assert rows["9004"].state is None


def test_phases_of_the_recorded_list_of_codeforces() -> None:
    states = [row.state for row in fetched("codeforces recorded").rows]
    assert Counter("final" if state and state.finalized else "to come" for state in states) == {
        "final": 113,
        "to come": 7,
    }


def test_contests_of_two_other_recordings_of_codeforces() -> None:
    """Optional properties may be written out as null, and relative times may be unbounded."""
    contests = json.loads(shared(f"{RECORDED}/codeforces/tle-contest_list.json"))
    body = json.dumps({"status": "OK", "result": contests}).encode()
    rows = by_key(carried_out(codeforces.contests(NOW_MS), body))
    assert rows["566"].contest.name == "VK Cup 2015 - Round 1"
    standings = json.loads(shared(f"{RECORDED}/codeforces/tle-contest_standings.json"))
    assert codeforces.contest_from(json.dumps(standings["contest"]).encode(), NOW_MS) == rows["1"]
    sample = json.loads(shared(f"{SAMPLES}/codeforces_contest_standings.json"))["result"]["contest"]
    assert codeforces.contest_from(json.dumps(sample).encode(), NOW_MS).contest.name == sample["name"]


def test_recorded_answers_about_handles() -> None:
    user = carried_out(codeforces.user_info("sample_anna"), shared(f"{SAMPLES}/codeforces_user_info.json"))
    assert (user.rating is None, user.max_rating is None) == (False, False)
    unrated = carried_out(codeforces.user_info("sample_new"), shared(f"{SAMPLES}/codeforces_user_info_unrated.json"))
    assert (unrated.rank, unrated.rating, unrated.max_rating) == (None, None, None)
    assert carried_out(codeforces.user_rating("x"), shared(f"{SAMPLES}/codeforces_user_rating.json")).count > 0
    sample = carried_out(codeforces.user_status("x"), shared(f"{SAMPLES}/codeforces_user_status.json"))
    assert sample.count == len(json.loads(sample.raw)) > 1
    one = carried_out(codeforces.user_status("x"), shared(f"{RECORDED}/codeforces/user.status-1.json"))
    assert (one.count, one.last_accepted_s) == (1, 1685029343)


def test_answers_about_handles_that_another_client_recorded() -> None:
    """They come without their envelopes."""

    def recorded(name: str) -> bytes:
        result = json.loads(shared(f"{RECORDED}/codeforces/{name}"))
        return json.dumps({"status": "OK", "result": result}).encode()

    assert carried_out(codeforces.user_info("tourist"), recorded("tle-user_info.json")).rating == 3825
    assert carried_out(codeforces.user_rating("tourist"), recorded("tle-rating_changes.json")).count == 1
    submissions = carried_out(codeforces.user_status("tourist"), recorded("tle-user_status.json"))
    assert submissions.last_accepted_s == 1700000000


def test_recorded_results_of_contests_come_as_they_are() -> None:
    for name in (f"{SAMPLES}/codeforces_contest_standings.json", f"{RECORDED}/codeforces/contest.standings-1474.json"):
        assert json.loads(carried_out(codeforces.standings(1), shared(name)))["rows"]
    assert json.loads(carried_out(codeforces.status(1, 1, 10), shared(f"{SAMPLES}/codeforces_contest_status.json")))


def test_the_list_of_leetcode_as_another_client_recorded_it() -> None:
    """Problems by contest, under other names: put into the form of the live answer."""
    recorded = json.loads(shared(f"{RECORDED}/leetcode/contests.json"))
    nodes = [
        {
            "title": each["contest"]["title"],
            "titleSlug": each["contest"]["title_slug"],
            "startTime": each["contest"]["start_time"],
            "duration": 5400,
        }
        for each in recorded
    ]
    body = json.dumps({"data": {"allContests": nodes}}).encode()
    found = carried_out(leetcode.contests(NOW_MS), body)
    assert (len(found.rows), found.failed) == (60, ())


def test_contests_of_codechef_of_2020_fail_for_lack_of_dates_with_a_zone() -> None:
    recorded = json.loads(shared(f"{RECORDED}/codechef/contests-2020.json"))
    rows = [
        {"contest_code": each["code"], "contest_name": each["name"], "contest_start_date": each["startDate"]}
        for each in recorded["Future_Contests"]
    ]
    lists = {"present_contests": [], "future_contests": rows, "past_contests": []}
    first = json.dumps({"status": "success", **lists}).encode()
    last = json.dumps({"status": "success", "contests": []}).encode()
    assert failure(codechef.contests(NOW_MS), first, last).kind == "untranslatable"


@pytest.mark.parametrize(
    "path",
    [
        f"{RECORDED}/atcoder/problems.json",
        f"{RECORDED}/atcoder/results-user.json",
        f"{SAMPLES}/atcoder_kenkoooo_user_submissions.json",
        f"{SAMPLES}/leetcode_request.json",
    ],
)
def test_other_collections_are_not_taken_for_contests(path: str) -> None:
    """Each of their rows fails, and with a page of permanent contests alone there is none left."""
    page = b'<html><div id="contest-table-permanent"></div></html>'
    with pytest.raises(PlatformFailed):
        carried_out(atcoder.contests(NOW_MS), page, ok(shared(path)))


def test_every_file_that_is_there_has_been_thought_of() -> None:
    """A recording that is added beside this checkout is added here too."""
    files = [path for place in (SAMPLES, RECORDED) for path in (SHARED / place).rglob("*.*")]
    if not files:
        pytest.skip("../shared is not beside this checkout")
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in files if path.name not in text] == []
