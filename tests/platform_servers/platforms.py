"""All platforms at once, with something generated on each, and the settings with which they are asked in tests.

This module must not know who asks.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import get_args

from cds.platforms.questions import HostName
from cds.platforms.settings import PlatformSettings
from tests.platform_servers.atcoder import AtCoderServer, KenkooooServer
from tests.platform_servers.codechef import CodeChefServer
from tests.platform_servers.codeforces import CodeforcesServer
from tests.platform_servers.generated import (
    DAY_S,
    NOW_S,
    atcoder_tables,
    codechef_contests,
    codeforces_contests,
    kenkoooo_contests,
    leetcode_contests,
)
from tests.platform_servers.leetcode import LeetCodeServer
from tests.platform_servers.server import PlatformServer

TIMEOUT_S = 5.0
ATTEMPTS = 2
BACKOFF_S = 0.01


class PlatformServers:
    """The stand-ins. `contests`: how many of Codeforces, and fewer of the others in proportion, 47 of CodeChef."""

    def __init__(self, contests: int = 60, now_s: int = NOW_S) -> None:
        """They do not listen yet."""
        self.codeforces = CodeforcesServer(codeforces_contests(contests, now_s=now_s))
        self.leetcode = LeetCodeServer(leetcode_contests(contests // 3, now_s))
        self.codechef = CodeChefServer(
            past=codechef_contests(45, 244, now_s - 4 * DAY_S),
            present=codechef_contests(1, 245, now_s - 3600),
            future=codechef_contests(1, 246, now_s + 3 * DAY_S),
        )
        self.atcoder = AtCoderServer(atcoder_tables(now_s))
        self.kenkoooo = KenkooooServer(kenkoooo_contests(contests // 2, now_s))

    @property
    def by_host(self) -> dict[HostName, PlatformServer]:
        """Each of them, by the name under which it is asked."""
        return {name: getattr(self, name) for name in get_args(HostName)}

    @property
    def requests(self) -> int:
        """How many requests have come to all of them."""
        return sum(len(server.asked) for server in self.by_host.values())

    def settings(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        backoff_s: float = BACKOFF_S,
        interval_s: float | None = 0.0,
        every_s: float = 0.0,
        rate_limits: bool = False,
    ) -> PlatformSettings:
        """Settings that lead to them, without waiting, schedule and limits unless these are given."""
        return PlatformSettings(
            base_urls={name: server.url for name, server in self.by_host.items()},
            timeout_s=timeout_s,
            attempts=attempts,
            backoff_s=backoff_s,
            interval_s=interval_s,
            every_s=every_s,
            rate_limits=rate_limits,
        )

    def environment(self) -> dict[str, str]:
        """The same for a server in another process."""
        urls = {f"CDS_{name.upper()}_URL": server.url for name, server in self.by_host.items()}
        return urls | {
            "CDS_SYNC_EVERY_S": "0",
            "CDS_UPSTREAM_TIMEOUT_S": str(TIMEOUT_S),
            "CDS_UPSTREAM_ATTEMPTS": str(ATTEMPTS),
            "CDS_UPSTREAM_BACKOFF_S": str(BACKOFF_S),
            "CDS_UPSTREAM_INTERVAL_S": "0",
            "CDS_RATE_LIMITS": "off",
        }


@asynccontextmanager
async def platform_servers(contests: int = 60, now_s: int = NOW_S) -> AsyncIterator[PlatformServers]:
    """All platforms, listening for the length of the block."""
    servers = PlatformServers(contests, now_s)
    async with AsyncExitStack() as stack:
        for server in servers.by_host.values():
            await server.rise()
            stack.push_async_callback(server.die)
        yield servers
