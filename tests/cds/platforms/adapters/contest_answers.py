"""Answers of Codeforces about one contest, made up: parties, submissions, standings, and what they come to.

This module must not know what should come of them.
"""

from collections.abc import Mapping
from typing import cast

from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.adapters.codeforces_results import ContestResults
from schemas.objects import Judgement, Team
from tests.cds.platforms.adapters.conversations import NOW_MS, carried_out
from tests.cds.platforms.adapters.test_codeforces import envelope
from tests.platform_servers.server import JsonValue, Row

NUMBER = 9003
START_S = 1_790_000_100
CONTEST: Row = {
    "id": NUMBER,
    "name": "Sample ICPC Contest",
    "type": "ICPC",
    "phase": "FINISHED",
    "frozen": False,
    "durationSeconds": 18_000,
    "startTimeSeconds": START_S,
}
PROBLEM: Row = {"contestId": NUMBER, "index": "A", "name": "Sample Sum", "type": "PROGRAMMING", "tags": []}
ANNA: Row = {"contestId": NUMBER, "members": [{"handle": "anna"}], "participantType": "CONTESTANT", "ghost": False}


def party(**changes: JsonValue) -> Row:
    """A party that is not anna in everything."""
    return {**ANNA, **changes}


def row(author: Row = ANNA, **changes: JsonValue) -> Row:
    """A row of the standings."""
    result: Row = {"points": 1.0, "rejectedAttemptCount": 0, "type": "FINAL", "bestSubmissionTimeSeconds": 100}
    return {"party": author, "rank": 1, "points": 1.0, "penalty": 5, "problemResults": [result], **changes}


def submission(number: int = 1, author: Row = ANNA, **changes: JsonValue) -> Row:
    """A submission that is accepted after a hundred seconds."""
    return {
        "id": number,
        "contestId": NUMBER,
        "creationTimeSeconds": START_S + 100,
        "relativeTimeSeconds": 100,
        "problem": PROBLEM,
        "author": author,
        "programmingLanguage": "Python 3",
        "verdict": "OK",
        "testset": "TESTS",
        "passedTestCount": 3,
        "timeConsumedMillis": 46,
        "memoryConsumedBytes": 0,
        **changes,
    }


def standings(*rows: Row, contest: Row | None = None, problems: tuple[Row, ...] = (PROBLEM,)) -> bytes:
    """The answer with the table."""
    shown: Row = CONTEST | (contest or {})
    return envelope({"contest": shown, "problems": problems, "rows": rows})


def results(
    *submissions: Row, rows: tuple[Row, ...] = (), contest: Row | None = None, now_ms: int = NOW_MS
) -> ContestResults:
    """What a contest with these submissions comes to."""
    asking = contest_results(NUMBER, now_ms)
    return carried_out(asking, standings(*rows, contest=contest), *pages(*submissions))


def pages(*submissions: Row) -> tuple[bytes, ...]:
    """The answers with some submissions: all at once, and then no more."""
    return (envelope([*submissions]), envelope([])) if submissions else (envelope([]),)


def objects_of(found: ContestResults) -> Mapping[str, Mapping[str, object]]:
    """All objects by type and id."""
    return found.objects()


def teams(found: ContestResults) -> Mapping[str, Team]:
    """The teams by id."""
    return cast("Mapping[str, Team]", found.objects()["teams"])


def judgements(found: ContestResults) -> Mapping[str, Judgement]:
    """The judgements by id."""
    return cast("Mapping[str, Judgement]", found.objects()["judgements"])
