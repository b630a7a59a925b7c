"""The same answers say the same at any time at which nothing happens, so that another run writes nothing."""

import msgspec
import pytest

from cds.platforms.questions import PLATFORMS, FetchedContests, Platform, PlatformContest
from schemas.extensions import ContestExtension
from schemas.objects import State
from tests.cds.platforms.adapters.conversations import CONVERSATIONS, NOW_MS, carried_out
from tests.cds.platforms.adapters.good_answers import GOOD

DAY_MS = 86_400_000
YEAR_MS = 366 * DAY_MS


def fetched(platform: Platform, now_ms: int) -> FetchedContests:
    """What the good answers come to at a moment."""
    return carried_out(CONVERSATIONS[platform](now_ms), *GOOD[platform])


def without_time(row: PlatformContest) -> PlatformContest:
    """A row without its phase and its state."""
    extension = row.contest.ext
    assert extension is not None
    assert extension.sync is not None
    timeless = ContestExtension(sync=msgspec.structs.replace(extension.sync, phase=None))
    return msgspec.structs.replace(row, contest=msgspec.structs.replace(row.contest, ext=timeless), state=None)


def moments(state: State | None) -> list[str]:
    """What has happened in a contest, with its time."""
    values: dict[str, str | None] = {} if state is None else msgspec.to_builtins(state)
    return [f"{name} {value}" for name, value in values.items() if value is not None]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_minute_later_everything_is_as_before(platform: Platform) -> None:
    assert fetched(platform, NOW_MS + 60_000) == fetched(platform, NOW_MS)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_time_changes_nothing_but_the_phase_and_the_state(platform: Platform) -> None:
    early, late = fetched(platform, NOW_MS - YEAR_MS), fetched(platform, NOW_MS + YEAR_MS)
    assert [without_time(row) for row in early.rows] == [without_time(row) for row in late.rows]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_has_happened_stays_as_it_was_said_first(platform: Platform) -> None:
    """Asked ever later, a contest has ever more behind it, and never another time of what had happened."""
    known: dict[str, list[str]] = {}
    for now_ms in range(NOW_MS - 30 * DAY_MS, NOW_MS + 30 * DAY_MS, DAY_MS // 3):
        for row in fetched(platform, now_ms).rows:
            before, after = known.get(row.platform_id, []), moments(row.state)
            assert set(before) <= set(after)
            known[row.platform_id] = after
    assert any(known.values())
