"""Good answers of every platform, in the order in which they are asked for, taken from the stand-ins.

This module must not know what is done with them.
"""

from cds.platforms.questions import PLATFORMS, Platform, Reply
from tests.cds.platforms.adapters.conversations import CONVERSATIONS, NOW_MS
from tests.platform_servers.atcoder import AtCoderServer, KenkooooServer
from tests.platform_servers.codechef import CodeChefServer
from tests.platform_servers.codeforces import CodeforcesServer
from tests.platform_servers.generated import (
    atcoder_tables,
    codechef_contests,
    codeforces_contests,
    kenkoooo_contests,
    leetcode_contests,
)
from tests.platform_servers.leetcode import LeetCodeServer
from tests.platform_servers.server import Asked


def good_answers(platform: Platform) -> list[bytes]:
    """What a good server would answer to the questions of a conversation."""
    servers = {
        "codeforces": CodeforcesServer(codeforces_contests(4)),
        "leetcode": LeetCodeServer(leetcode_contests(4)),
        "codechef": CodeChefServer(past=codechef_contests(3, 9, 1_790_000_000)),
        "atcoder": AtCoderServer(atcoder_tables()),
        "kenkoooo": KenkooooServer(kenkoooo_contests(3)),
    }
    asking, bodies = CONVERSATIONS[platform](NOW_MS), []
    try:
        question = next(asking)
        while True:
            asked = Asked(
                method=question.method,
                path=question.path,
                query=dict(question.query),
                headers={name.lower(): value for name, value in question.headers},
                body=question.body or b"",
                time_s=0.0,
            )
            bodies.append(servers[question.host].answer(asked).body)
            question = asking.send(Reply(status=200, headers={}, body=bodies[-1]))
    except StopIteration:
        return bodies


GOOD = {platform: good_answers(platform) for platform in PLATFORMS}
