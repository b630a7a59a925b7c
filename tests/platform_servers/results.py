"""Generated results of one Codeforces contest of the type ICPC: standings that follow from the submissions.

The rule is the platform's: what fails on the first test costs nothing, all else that is rejected ten minutes.
All names are made up; the same seed gives the same. This module must not know any server.
"""

import random
from typing import NamedTuple, cast

from tests.platform_servers.codeforces import Results
from tests.platform_servers.generated import DAY_S, NOW_S, PRACTICE_RELATIVE_S
from tests.platform_servers.server import JsonValue, Row

DURATION_S = 18_000
LANGUAGES = ("C++20 (GCC 13-64)", "Python 3", "Java 21", "PyPy 3-64")
WRONG = ("WRONG_ANSWER", "TIME_LIMIT_EXCEEDED", "RUNTIME_ERROR")


class Rule(NamedTuple):
    """What a rejected attempt costs, in minutes, and whether one that failed on the first test is one."""

    penalty_minutes: int = 10
    first_test_costs: bool = False


ROUND = Rule()
"""The rule of the platform's own rounds."""


def codeforces_results(
    contest_id: int,
    *,
    parties: int = 20,
    problems: int = 6,
    submissions: int = 200,
    seed: int = 1,
    now_s: int = NOW_S,
    rule: Rule = ROUND,
) -> Results:
    """A contest that is over. Every fourth party is a team of three, every tenth is out of competition.

    To the submissions within the contest come as many as a tenth of them in practice, which do not count.
    """
    chance = random.Random(f"{seed} {contest_id}")
    start_s = now_s - now_s % 60 - 30 * DAY_S
    tasks: list[Row] = [
        {
            "contestId": contest_id,
            "index": chr(ord("A") + number),
            "name": f"Task {number + 1}",
            "type": "PROGRAMMING",
            "tags": ["implementation"],
        }
        for number in range(problems)
    ]
    authors = [_party(contest_id, number, start_s) for number in range(parties)]
    within = sorted(
        (
            _submission(0, chance.choice(tasks), chance.choice(authors), chance.randrange(DURATION_S), start_s, chance)
            for _ in range(submissions)
        ),
        key=lambda row: cast("int", row["relativeTimeSeconds"]),
    )
    for number, row in enumerate(within):
        row["id"] = 400_000_000 + number
    after: list[Row] = []
    for number in range(submissions // 10):
        row = _submission(0, chance.choice(tasks), chance.choice(authors), DURATION_S + number * 60, start_s, chance)
        row |= {"id": 500_000_000 + number, "relativeTimeSeconds": PRACTICE_RELATIVE_S}
        row["author"] = {**cast("Row", row["author"]), "participantType": "PRACTICE"}
        after.append(row)
    return Results(
        standings={
            "contest": {
                "id": contest_id,
                "name": f"Sample ICPC Mirror {contest_id}",
                "type": "ICPC",
                "phase": "FINISHED",
                "frozen": False,
                "durationSeconds": DURATION_S,
                "startTimeSeconds": start_s,
                "relativeTimeSeconds": now_s - start_s,
            },
            "problems": [*tasks],
            "rows": [*_rows(tasks, authors, within, rule)],
        },
        submissions=list(reversed([*within, *after])),
    )


def _party(contest_id: int, number: int, start_s: int) -> Row:
    is_team = number % 4 == 3
    members: list[JsonValue] = [{"handle": f"sample_{number}_{member}"} for member in range(3 if is_team else 1)]
    party: Row = {
        "contestId": contest_id,
        "participantId": 7_000_000 + number,
        "members": members,
        "participantType": "OUT_OF_COMPETITION" if number % 10 == 9 else "CONTESTANT",
        "ghost": False,
        "startTimeSeconds": start_s,
    }
    return party | ({"teamId": 60_000 + number, "teamName": f"Team {number}"} if is_team else {})


def _submission(identifier: int, task: Row, author: Row, relative_s: int, start_s: int, chance: random.Random) -> Row:
    verdict = "OK" if chance.random() < 0.45 else chance.choice((*WRONG, "COMPILATION_ERROR"))
    return {
        "id": identifier,
        "contestId": author["contestId"],
        "creationTimeSeconds": start_s + relative_s,
        "relativeTimeSeconds": relative_s,
        "problem": task,
        "author": author,
        "programmingLanguage": chance.choice(LANGUAGES),
        "verdict": verdict,
        "testset": "TESTS",
        "passedTestCount": _passed(verdict, chance),
        "timeConsumedMillis": chance.randrange(2000),
        "memoryConsumedBytes": 1024 * chance.randrange(65_536),
    }


def _passed(verdict: str, chance: random.Random) -> int:
    """How many tests were passed; the first one, mostly the sample, is where many fail."""
    if verdict == "OK":
        return 30
    return 0 if verdict == "COMPILATION_ERROR" or chance.random() < 0.3 else chance.randrange(30)


def _rows(tasks: list[Row], authors: list[Row], within: list[Row], rule: Rule) -> list[Row]:
    """The rows of the table, best first: more problems, then less penalty; equal ones have the same rank."""
    own: dict[int, list[Row]] = {id(author): [] for author in authors}
    for row in within:
        own[id(row["author"])].append(row)
    rows = [_row(tasks, author, own[id(author)], rule) for author in authors]
    rows.sort(key=_order)
    rank = 0
    for number, row in enumerate(rows, 1):
        if number == 1 or _order(row) != _order(rows[number - 2]):
            rank = number
        row["rank"] = rank
    return rows


def _order(row: Row) -> tuple[float, int]:
    return -cast("float", row["points"]), cast("int", row["penalty"])


def _is_counted(row: Row, rule: Rule) -> bool:
    """Whether an attempt is one that may cost penalty, or the solution."""
    if row["verdict"] == "COMPILATION_ERROR":
        return False
    return row["verdict"] == "OK" or row["passedTestCount"] != 0 or rule.first_test_costs


def _row(tasks: list[Row], author: Row, own: list[Row], rule: Rule) -> Row:
    results: list[JsonValue] = []
    points, penalty = 0, 0
    for task in tasks:
        tries = [row for row in own if row["problem"] is task and _is_counted(row, rule)]
        first = next((number for number, row in enumerate(tries) if row["verdict"] == "OK"), None)
        rejected = len(tries) if first is None else first
        result: Row = {"points": 0.0, "rejectedAttemptCount": rejected, "type": "FINAL"}
        if first is not None:
            solved_s = cast("int", tries[first]["relativeTimeSeconds"])
            points += 1
            penalty += solved_s // 60 + rule.penalty_minutes * rejected
            result |= {"points": 1.0, "bestSubmissionTimeSeconds": solved_s}
        results.append(result)
    return {
        "party": author,
        "rank": 0,
        "points": float(points),
        "penalty": penalty,
        "successfulHackCount": 0,
        "unsuccessfulHackCount": 0,
        "problemResults": results,
    }
