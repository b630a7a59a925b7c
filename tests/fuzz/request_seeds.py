"""What inputs of requests begin with: tokens, forms, bodies and answers that are right, or nearly so.

This module must not know what reads them.
"""

import json

import jwt
import msgspec

from cds.bearer_tokens import KEY_BYTES, BearerTokens
from projections.tokens import TokenMaker, block
from schemas.object_types import OBJECT_TYPES
from tests.builders import KEY, small_contest
from tests.command_stage import ACCOUNTS

NOW_MS = 1_800_000_000_000
NOW_S = NOW_MS // 1_000
VIEW = "1/contest:finals/public/"
ALL_TYPES = (1 << 24) - 1


def feed_tokens() -> list[bytes]:
    maker = TokenMaker(KEY)
    place = maker.places(block(7, 1, b"chainvalue"))[0]
    return [place + maker.tag(VIEW, ALL_TYPES), place + maker.tag("1/contest:finals/judge/", ALL_TYPES)]


def forged_tokens() -> list[bytes]:
    """Tokens under the wrong key, without one, and with a header that names another way."""
    claims = {
        "iss": "loc",
        "aud": "admin",
        "sub": "admin",
        "role": "admin",
        "iat": 1,
        "exp": 2**33,
        "jti": "1",
        "ver": "1",
    }
    return [
        jwt.encode(claims, "x" * 64, algorithm="HS512").encode(),
        jwt.encode(claims, "", algorithm="none").encode(),
        BearerTokens(bytes(KEY_BYTES))
        .token(subject="a", role="admin", password_hash="h", now_s=NOW_S, lifetime_s=9)
        .encode(),
        b"eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.e30.AAAA",
    ]


PART = b'--limit\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FORMS = (
    PART % (b"problem_id", b"", b"a") + PART % (b"files", b'; filename="a.py"', b"print(1)") + b"--limit--\r\n",
    PART % (b"submission", b"; filename*=utf-8''%e2%82%ac.zip", b"PK\x05\x06" + b"\0" * 18) + b"--limit--\r\n",
)
BODIES = tuple(
    msgspec.json.encode(change.instance) for change in (*small_contest(), *ACCOUNTS) if change.instance is not None
)
WORDS = (
    *(b'"%s":' % name.encode() for row in OBJECT_TYPES.values() for name in row.properties),
    *(b'"%s":' % name for name in (b"data", b"href", b"password", b"disabled", b"medals", b"clock", b"url", b"token")),
    b"null", b"true", b"1e999", b"-0", b"[[[[[[[[", b'"\\u0000"', b'"\\ud800"', b'"now"', b'"0:00:00"', b"9" * 30,
)  # fmt: skip

PLATFORM_ANSWERS = tuple(
    json.dumps(each).encode()
    for each in (
        {
            "status": "OK",
            "result": [
                {
                    "id": 1,
                    "name": "R",
                    "type": "CF",
                    "phase": "FINISHED",
                    "frozen": False,
                    "durationSeconds": 7200,
                    "startTimeSeconds": 1_700_000_000,
                }
            ],
        },
        {
            "data": {
                "allContests": [{"title": "W", "titleSlug": "w", "startTime": 1_700_000_000, "duration": 5400}],
            }
        },
        {
            "status": "success",
            "future_contests": [],
            "present_contests": [],
            "past_contests": [
                {
                    "contest_code": "S1",
                    "contest_name": "S",
                    "contest_duration": "120",
                    "contest_start_date_iso": "2031-05-17T08:00:00+05:30",
                    "contest_end_date_iso": "2031-05-17T10:00:00+05:30",
                }
            ],
        },
        [
            {
                "id": "abc001",
                "title": "A",
                "rate_change": " ~ 1999",
                "start_epoch_second": 1_700_000_000,
                "duration_second": 6000,
            }
        ],
    )
)
ATCODER_PAGE = (
    b'<div id="contest-table-upcoming"><table><tbody><tr><td><time>2031-05-17 21:00:00+0900</time></td>'
    b'<td><a href="/contests/abc1">A</a></td><td>01:40</td><td> - 1999</td></tr></tbody></table></div>'
)
