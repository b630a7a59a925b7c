"""How platforms are asked: where they are, which are enabled, how patient and how polite we are.

This module must not know how options are spelled, nor the network.
"""

from collections.abc import Mapping

import msgspec

from cds.platforms.questions import PLATFORMS, USUAL_TOTAL_S, HostName, Platform

BASE_URLS: Mapping[HostName, str] = {
    "codeforces": "https://codeforces.com",
    "leetcode": "https://leetcode.com",
    "codechef": "https://www.codechef.com",
    "atcoder": "https://atcoder.jp",
    "kenkoooo": "https://kenkoooo.com",
}
"""Where the platforms are. Another base URL takes the place of scheme and host; paths stay as they are."""

INTERVALS_S: Mapping[HostName, float] = {
    "codeforces": 2.0,
    "leetcode": 2.0,
    "codechef": 1.0,
    "atcoder": 1.0,
    "kenkoooo": 1.5,
}
"""Seconds between the beginnings of two requests: what each asks for or is known to bear (upstream-formats.md)."""

ATTEMPTS = 3
BACKOFF_S = 1.0
EVERY_S = 6 * 3_600.0
COOL_DOWN_S = 600.0


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How platforms are asked. Times are in seconds.

    `base_urls`: of those hosts that are not where they usually are. `enabled`: platforms that are synced.
    `timeout_s`: for the whole answer to a usual question; questions with larger answers get as many times as much as
    they ask for. `attempts`: how often a question is asked at most; `backoff_s`: waited after the first failure, twice
    as much after the second, and so on. `interval_s`: between requests to one host, of all processes on the database
    together; None: what suits the host, 0: no limiter. `every_s`: between scheduled syncs, 0: none, and no refresh in
    the background. `cool_down_s`: after a successful sync, in which another is skipped unless it is forced.
    `rate_limits`: whether callers of our own endpoints are limited. `contact`: where those who run the platforms reach
    us, told in the User-Agent.
    """

    base_urls: Mapping[HostName, str] = {}
    enabled: tuple[Platform, ...] = PLATFORMS
    timeout_s: float = USUAL_TOTAL_S
    attempts: int = ATTEMPTS
    backoff_s: float = BACKOFF_S
    interval_s: float | None = None
    every_s: float = EVERY_S
    cool_down_s: float = COOL_DOWN_S
    rate_limits: bool = True
    contact: str | None = None

    def base_url(self, host: HostName) -> str:
        """The URL before the path, without a slash at its end."""
        return (self.base_urls.get(host) or BASE_URLS[host]).rstrip("/")

    def host_interval_s(self, host: HostName) -> float:
        """Seconds between the beginnings of two requests to a host."""
        return INTERVALS_S[host] if self.interval_s is None else self.interval_s

    def total_s(self, usual_total_s: float) -> float:
        """How long an answer may take that would take so long under usual settings."""
        return self.timeout_s * usual_total_s / USUAL_TOTAL_S
