"""The pages of submissions of one contest, and answers that make no sense: what is asked, counted and refused."""

import json

import pytest

from cds.platforms.adapters import codeforces_result_pages
from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.adapters.codeforces_results import ContestResults
from tests.cds.platforms.adapters.contest_answers import (
    CONTEST,
    NUMBER,
    PROBLEM,
    START_S,
    pages,
    party,
    results,
    row,
    standings,
    submission,
)
from tests.cds.platforms.adapters.conversations import NOW_MS, carried_out, failure, ok, reply, shared
from tests.cds.platforms.adapters.test_codeforces import envelope
from tests.platform_servers.server import Row

# --- What is broken.


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"creationTimeSeconds": -1},
        {"relativeTimeSeconds": 1e300},
        {"problem": {"index": "Z"}},
        {"author": None},
        {"verdict": "SPLENDID"},
        {"programmingLanguage": "\x00"},
        {"timeConsumedMillis": -5},
        {"author": {"participantType": "CONTESTANT", "members": [{"handle": " "}]}},
    ],
)
def test_a_submission_that_makes_no_sense_fails_alone(changes: Row) -> None:
    found = results(submission(1), {**submission(2), **changes})
    assert [*found.objects()["submissions"]] == ["1"]
    assert len(found.failed) == 1
    assert found.failed[0].reason


def test_when_no_row_makes_sense_the_platform_has_failed() -> None:
    answers = (standings(), *pages(submission(verdict="SPLENDID"), submission(2, verdict="SPLENDID")))
    assert failure(contest_results(NUMBER, NOW_MS), *answers).kind == "untranslatable"


@pytest.mark.parametrize(
    "body",
    [
        envelope([]),
        envelope({"contest": CONTEST, "problems": []}),
        standings(contest={"id": 17}),
        standings(contest={"durationSeconds": -1}),
        standings(problems=({"name": "No index"},)),
        standings(problems=({**PROBLEM, "index": "x" * 30},)),
        standings(problems=(PROBLEM,) * 201),
    ],
)
def test_standings_that_make_no_sense_are_a_failure_of_the_platform(body: bytes) -> None:
    assert failure(contest_results(NUMBER, NOW_MS), body).kind == "malformed"


def test_a_contest_that_has_not_started_is_a_failure_of_the_platform() -> None:
    refused = failure(
        contest_results(NUMBER, NOW_MS),
        reply(400, shared("spec/upstream-samples/codeforces_error_not_started_400.json")),
    )
    assert (refused.kind, refused.permanent) == ("refused", True)


# --- Pages.


def asked_for(
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    *,
    at_once: int = 100,
    given_at_once: int | None = None,
    deleted_behind: int | None = None,
) -> tuple[list[str], list[tuple[int, int]]]:
    """Ids of the submissions that are found, and the questions (from, count), where these are all there are.

    `made`: for each, newest first, how long after the start it was made. The platform gives `given_at_once` at most,
    and deletes its newest submission behind so many questions.
    """
    monkeypatch.setattr(codeforces_result_pages, "PAGE_SUBMISSIONS", at_once)
    there = [
        submission(
            len(made) - number,
            party(participantType="CONTESTANT" if after_s <= 18_000 else "PRACTICE"),
            creationTimeSeconds=START_S + after_s,
            relativeTimeSeconds=after_s if after_s <= 18_000 else 2_147_483_647,
        )
        for number, after_s in enumerate(made)
    ]
    asking = contest_results(NUMBER, NOW_MS)
    next(asking)
    asked: list[tuple[int, int]] = []
    try:
        question = asking.send(ok(standings()))
        while True:
            query = dict(question.query)
            first, count = int(query["from"]), int(query["count"])
            asked.append((first, count))
            shown = there[first - 1 : first - 1 + min(count, given_at_once or count)]
            if len(asked) == deleted_behind:
                del there[0]
            question = asking.send(ok(json_envelope(shown)))
    except StopIteration as ended:
        found: ContestResults = ended.value
        return [*found.objects()["submissions"]], asked


def json_envelope(result: object) -> bytes:
    """An answer that is well, quickly."""
    return json.dumps({"status": "OK", "result": result}).encode()


def test_pages_are_read_until_one_has_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = asked_for([*range(1_049, -1, -1)], monkeypatch)
    assert len(found) == 1_050
    assert asked == [(90 * page + 1, 100) for page in range(12)] + [(1_045, 100)]


@pytest.mark.parametrize("given_at_once", [1, 7, 50, 99, 100])
def test_a_platform_that_gives_less_than_is_asked_for_is_read_to_its_end(
    given_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is shorter than wanted is not the last one."""
    found, _ = asked_for([*range(300, 0, -1)], monkeypatch, given_at_once=given_at_once)
    assert len(found) == 300


@pytest.mark.parametrize("deleted_behind", [1, 2, 3, 4])
def test_a_submission_that_goes_while_pages_are_read_hides_no_other(
    deleted_behind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others move forward, the first of the next page onto the page that has been read."""
    found, _ = asked_for([*range(350, 0, -1)], monkeypatch, deleted_behind=deleted_behind)
    assert found == [str(number) for number in range(1, 351)]


def test_submissions_that_are_not_there_any_more_are_a_failure_of_the_platform(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page begins with what was the end of the last one; an empty one is no end of the list."""
    monkeypatch.setattr(codeforces_result_pages, "PAGE_SUBMISSIONS", 10)
    answers = (standings(), envelope([submission(number) for number in range(20, 10, -1)]), envelope([]))
    assert failure(contest_results(NUMBER, NOW_MS), *answers).kind == "malformed"


def test_what_was_made_in_practice_since_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old contests have millions of these, and they come first."""
    practice, within = 20_000, 350
    late = [30_000 + number for number in range(practice, 0, -1)]
    found, asked = asked_for([*late, *range(within, 0, -1)], monkeypatch)
    assert len(found) == within
    assert len([count for _, count in asked if count == 1]) <= 17
    assert len([count for _, count in asked if count == 100]) <= 1 + 1 + 4 + 1


@pytest.mark.parametrize("practice", [0, 1, 99, 100, 101, 199, 200, 201, 299, 300, 450])
@pytest.mark.parametrize("given_at_once", [30, 100])
def test_passing_over_loses_nothing(practice: int, given_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    late = [30_000 + number for number in range(practice, 0, -1)]
    found, _ = asked_for([*late, *range(250, 0, -1)], monkeypatch, given_at_once=given_at_once)
    assert len(found) == 250


def test_pages_that_move_while_they_are_read_lose_and_repeat_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codeforces_result_pages, "PAGE_SUBMISSIONS", 2)
    there = [submission(number) for number in (5, 4, 3, 2, 1)]
    found = carried_out(
        contest_results(NUMBER, NOW_MS),
        standings(),
        envelope(there[0:2]),
        envelope(there[1:3]),
        envelope(there[3:5]),
        envelope([]),
    )
    assert [*found.objects()["submissions"]] == ["1", "2", "3", "4", "5"]


def test_a_platform_that_never_comes_to_an_end_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codeforces_result_pages, "PAGE_SUBMISSIONS", 1)
    monkeypatch.setattr(codeforces_result_pages, "PAGES_MAX", 3)
    answers = (standings(), *(envelope([submission(number)]) for number in (3, 2, 1)))
    assert failure(contest_results(NUMBER, NOW_MS), *answers).kind == "too_large"


def test_when_no_party_makes_sense_the_platform_has_failed() -> None:
    answers = (standings(row(party(members="anna"))), envelope([]))
    assert failure(contest_results(NUMBER, NOW_MS), *answers).kind == "untranslatable"


def test_rows_that_do_not_count_are_no_sign_that_the_others_make_sense() -> None:
    """Of a table of managers, and one party that cannot be read, nothing is known of who takes part."""
    manager = row(party(participantType="MANAGER"))
    managers = (standings(manager, row(rank="first")), envelope([]))
    assert failure(contest_results(NUMBER, NOW_MS), *managers).kind == "untranslatable"
    practice = submission(2, party(participantType="PRACTICE"))
    answers = (standings(), *pages(practice, submission(verdict="SPLENDID")))
    assert failure(contest_results(NUMBER, NOW_MS), *answers).kind == "untranslatable"
