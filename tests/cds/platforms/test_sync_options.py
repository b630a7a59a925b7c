"""Every option of platforms, by the name that it has in the environment, and what is refused."""

from typing import Unpack

import click
import pytest
from click.testing import CliRunner

from cds.platform_options import PlatformOptions, chosen_platforms, platform_options, schedule_option
from cds.platforms.questions import PLATFORMS
from cds.platforms.settings import BASE_URLS, PlatformSettings


def settings_of(environment: dict[str, str], *arguments: str) -> PlatformSettings | str:
    """The settings that come of an environment and a command line, or what is said of them."""
    found: list[PlatformSettings] = []

    @click.command()
    @platform_options
    @schedule_option
    def command(**options: Unpack[PlatformOptions]) -> None:
        found.append(chosen_platforms(options, rate_limits=True))

    outcome = CliRunner().invoke(command, arguments, env=environment)
    return found[0] if found else outcome.output


def test_without_options_all_are_asked_where_they_are_every_six_hours() -> None:
    settings = settings_of({})
    assert isinstance(settings, PlatformSettings)
    assert settings == PlatformSettings()
    assert (settings.enabled, settings.every_s, settings.attempts, settings.cool_down_s) == (PLATFORMS, 21_600, 3, 600)
    assert [settings.base_url(host) for host in BASE_URLS] == list(BASE_URLS.values())


def test_every_name_of_the_environment_counts() -> None:
    settings = settings_of(
        {
            "CDS_CODEFORCES_URL": "http://127.0.0.1:1",
            "CDS_LEETCODE_URL": "http://127.0.0.1:2/",
            "CDS_CODECHEF_URL": "http://127.0.0.1:3",
            "CDS_ATCODER_URL": "http://127.0.0.1:4",
            "CDS_KENKOOOO_URL": "http://127.0.0.1:5",
            "CDS_SYNC_PLATFORMS": "atcoder, codeforces,atcoder",
            "CDS_SYNC_EVERY_S": "0",
            "CDS_SYNC_COOL_DOWN_S": "1.5",
            "CDS_UPSTREAM_TIMEOUT_S": "2",
            "CDS_UPSTREAM_ATTEMPTS": "1",
            "CDS_UPSTREAM_BACKOFF_S": "0",
            "CDS_UPSTREAM_INTERVAL_S": "0",
            "CDS_UPSTREAM_CONTACT": "https://contest.example/about",
        }
    )
    assert isinstance(settings, PlatformSettings)
    assert [settings.base_url(host) for host in BASE_URLS] == [f"http://127.0.0.1:{number}" for number in range(1, 6)]
    assert settings.enabled == ("codeforces", "atcoder")
    assert (settings.every_s, settings.cool_down_s, settings.timeout_s) == (0, 1.5, 2)
    assert (settings.attempts, settings.backoff_s, settings.interval_s) == (1, 0, 0)
    assert settings.host_interval_s("codeforces") == 0
    assert settings.contact == "https://contest.example/about"


def test_no_platform_may_be_enabled() -> None:
    settings = settings_of({"CDS_SYNC_PLATFORMS": "none"})
    assert isinstance(settings, PlatformSettings)
    assert settings.enabled == ()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("--codeforces-url", "codeforces.com"),
        ("--codeforces-url", "ftp://codeforces.com"),
        ("--codeforces-url", "https://user:password@codeforces.com"),
        ("--codeforces-url", "https://codeforces.com/?x=1"),
        ("--codeforces-url", "https://codeforces.com/api"),
        ("--leetcode-url", "https://mirror.example//"),
        ("--codeforces-url", "http://[::1"),
        ("--sync-platforms", "topcoder"),
        ("--sync-every-s", "-1"),
        ("--upstream-timeout-s", "0"),
        ("--upstream-attempts", "0"),
        ("--upstream-interval-s", "61"),
        ("--upstream-contact", "a) b"),
        ("--upstream-contact", "a\r\nX: y"),
        ("--upstream-contact", "é@example.org"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(argument: str, value: str) -> None:
    said = settings_of({}, argument, value)
    assert isinstance(said, str)
    assert argument in said
