"""Generated contests and handles, in the forms in which the platforms write them. The same seed gives the same.

All names are made up. This module must not know any server.
"""

import random
from datetime import UTC, datetime, timedelta, timezone

from tests.platform_servers.atcoder import AtCoderContest
from tests.platform_servers.codeforces import Handle
from tests.platform_servers.server import JsonValue, Row

NOW_S = 1_790_500_000
"""The moment around which contests are generated: 2026-09-27T09:06:40Z."""

DAY_S = 86_400
INDIA = timezone(timedelta(hours=5, minutes=30))
PRACTICE_RELATIVE_S = 2_147_483_647
"""What the platform writes for the relative time of a submission outside any contest."""

VERDICTS = ("OK", "WRONG_ANSWER", "TIME_LIMIT_EXCEEDED", "RUNTIME_ERROR", "COMPILATION_ERROR", "CHALLENGED")


def codeforces_contests(count: int, seed: int = 1, now_s: int = NOW_S) -> list[Row]:
    """Contest objects of contest.list, newest first: two in a hundred are to come, one is running, the rest is over."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for number in range(count):
        type_name = chance.choices(("CF", "ICPC", "IOI"), (60, 35, 5))[0]
        duration_s = 14 * DAY_S if type_name == "IOI" and chance.random() < 0.2 else chance.choice((7200, 9000, 18_000))
        start_s = now_s - 1000 + (count // 50 - number) * 3 * DAY_S
        relative_s = now_s - start_s
        row: Row = {
            "id": 2 * count - number,
            "name": f"Sample Round {count - number}" + (" (Rated for Div. 2)" if type_name == "ICPC" else " (Div. 1)"),
            "type": type_name,
            "phase": "BEFORE" if relative_s < 0 else "CODING" if relative_s < duration_s else "FINISHED",
            "frozen": False,
            "durationSeconds": duration_s,
        }
        if number:  # Of the newest nobody knows yet when it will be.
            row |= {"startTimeSeconds": start_s, "relativeTimeSeconds": relative_s}
        if type_name == "ICPC" and number % 7 == 0:
            row["freezeDurationSeconds"] = 3600
        if number % 11 == 0:
            row |= {"preparedBy": f"writer{number}", "difficulty": 3, "season": "2026-2027"}
        rows.append(row)
    return rows


def leetcode_contests(count: int, now_s: int = NOW_S) -> list[Row]:
    """ContestNode objects, newest first; every third is a biweekly one."""
    rows: list[Row] = []
    for number in range(count):
        kind, left = ("Biweekly", count - number) if number % 3 == 2 else ("Weekly", count - number)
        start_s = now_s + 5 * DAY_S - number * 4 * DAY_S
        rows.append(
            {
                "title": f"{kind} Contest {left}",
                "titleSlug": f"{kind.lower()}-contest-{left}",
                "startTime": start_s + (DAY_S if number % 10 == 9 else 0),
                "duration": 5400,
                "originStartTime": start_s,
                "isVirtual": number % 10 == 9,
                "cardImg": None,
                "description": None,
            }
        )
    return rows


def codechef_contests(count: int, newest: int, newest_start_s: int) -> list[Row]:
    """Rows of a list, newest first, numbered down from `newest`, one for each week."""
    return [codechef_contest(newest - number, newest_start_s - number * 7 * DAY_S) for number in range(count)]


def codechef_contest(number: int, start_s: int) -> Row:
    """One row of a list. The dates without a zone are those of India."""
    start = datetime.fromtimestamp(start_s, UTC).astimezone(INDIA)
    end = start + timedelta(hours=2)
    return {
        "contest_code": f"START{number}",
        "contest_name": f"Starters {number} (Rated till 5 Stars)" if number % 2 else f"Starters {number}",
        "contest_start_date": f"{start:%d %b %Y  %H:%M:%S}",
        "contest_end_date": f"{end:%d %b %Y  %H:%M:%S}",
        "contest_start_date_iso": start.isoformat(),
        "contest_end_date_iso": end.isoformat(),
        "contest_duration": "120",
        "distinct_users": number * 7 % 20_000,
    }


def atcoder_tables(now_s: int = NOW_S) -> dict[str, list[AtCoderContest]]:
    """Tables of the page: one contest is running, two are to come, three have just been."""
    hour_s = now_s - now_s % 3600
    return {
        "action": [
            AtCoderContest(
                id="ahc900",
                name="Sample Programming Contest（AtCoder Heuristic Contest 900）",
                start_s=hour_s - 2 * DAY_S,
                duration_minutes=240 * 60,
                heuristic=True,
                rated="All",
            )
        ],
        "upcoming": [
            AtCoderContest(id="abc903", name="AtCoder Beginner Contest 903", start_s=hour_s + 6 * DAY_S),
            AtCoderContest(id="sample2026", name="Let's Sample & Test 2026", start_s=hour_s + 9 * DAY_S, rated="-"),
        ],
        "recent": [
            AtCoderContest(
                id=f"abc{902 - number}",
                name=f"AtCoder Beginner Contest {902 - number}",
                start_s=hour_s - (1 + 7 * number) * DAY_S,
            )
            for number in range(3)
        ],
    }


def kenkoooo_contests(count: int, now_s: int = NOW_S) -> list[Row]:
    """Past contests of the collection, the newest of which is on the page too, and one that is permanent."""
    rows: list[Row] = [
        {
            "id": f"abc{901 - number}",
            "start_epoch_second": now_s - now_s % 3600 - (8 + 7 * number) * DAY_S,
            "duration_second": 6000,
            "title": f"AtCoder Beginner Contest {901 - number}",
            "rate_change": " ~ 1999",
        }
        for number in range(count)
    ]
    permanent: Row = {
        "id": "practice",
        "start_epoch_second": 0,
        "duration_second": 3_153_600_000,
        "title": "practice contest",
        "rate_change": "-",
    }
    return [*rows, permanent]


def codeforces_handle(
    name: str, *, rating: int | None = 1500, submissions: int = 20, accepted: bool = True, now_s: int = NOW_S
) -> Handle:
    """What there is of a handle: five rating changes (none without a rating), and submissions of every kind.

    The newest submission with the verdict OK is the second newest of all, an hour older than `now_s`; there is none
    unless `accepted`.
    """
    user: Row = {
        "handle": name,
        "contribution": 3,
        "friendOfCount": 12,
        "lastOnlineTimeSeconds": now_s - 60,
        "registrationTimeSeconds": now_s - 900 * DAY_S,
        "avatar": "https://userpic.example.org/no-avatar.jpg",
        "titlePhoto": "https://userpic.example.org/no-title.jpg",
    }
    changes: list[Row] = []
    if rating is not None:
        user |= {"rating": rating, "rank": "specialist", "maxRating": rating + 50, "maxRank": "specialist"}
        changes = [_rating_change(name, number, rating, now_s) for number in range(5)]
    chance = random.Random(name)
    rows = [_submission(name, number, submissions, chance.choice(VERDICTS), now_s) for number in range(submissions)]
    for number, row in enumerate(rows):
        if number == 0 or (row["verdict"] == "OK" and not accepted):
            row["verdict"] = "WRONG_ANSWER"
        elif number == 1 and accepted:
            row["verdict"] = "OK"
    return Handle(user=user, rating_changes=changes, submissions=rows)


def _rating_change(name: str, number: int, rating: int, now_s: int) -> Row:
    return {
        "contestId": 9000 + number,
        "contestName": f"Sample Round {number}",
        "handle": name,
        "rank": 100 - number,
        "ratingUpdateTimeSeconds": now_s - (5 - number) * 30 * DAY_S,
        "oldRating": rating - (5 - number) * 10,
        "newRating": rating - (4 - number) * 10,
    }


def _submission(name: str, number: int, count: int, verdict: str, now_s: int) -> Row:
    members: list[JsonValue] = [{"handle": name}]
    practice = number % 3 == 1
    author: Row = {
        "contestId": 9001,
        "members": members,
        "participantType": "PRACTICE" if practice else "CONTESTANT",
        "ghost": False,
    }
    return {
        "id": 300_000_000 + count - number,
        "contestId": 9001,
        "creationTimeSeconds": now_s - number * 3600,
        "relativeTimeSeconds": PRACTICE_RELATIVE_S if practice else 1000,
        "problem": {"contestId": 9001, "index": "A", "name": "Sum", "type": "PROGRAMMING", "tags": ["math"]},
        "author": author,
        "programmingLanguage": "C++20 (GCC 13-64)",
        "verdict": verdict,
        "testset": "TESTS",
        "passedTestCount": 17,
        "timeConsumedMillis": 93,
        "memoryConsumedBytes": 102_400,
    }
