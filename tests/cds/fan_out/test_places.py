"""Places for clients who stay: in all, in a contest, for those who have logged in; and who finds none."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from cds.fan_out import places as places_module
from cds.fan_out.places import NoPlace, Places
from cds.live_contest import LiveContest
from eventstore.memory import MemoryStore
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.viewers import PUBLIC, Viewer

JUDGE = Viewer(role="judge", account_id="judge")


def contest(name: str) -> LiveContest:
    """A contest of that id."""
    return LiveContest(name, MemoryStore(), TokenMaker(bytes(KEY_BYTES)))


def places(places_max: int, of_contest_max: int, places_for_logins: int) -> Places:
    """Places of somebody."""
    return Places(
        "somebody_refused",
        places_max=places_max,
        of_contest_max=of_contest_max,
        places_for_logins=places_for_logins,
    )


async def taken_until_refused(take: Callable[[], None]) -> int:
    """How many find a place."""
    count = 0
    while True:
        try:
            take()
        except NoPlace:
            return count
        count += 1


@pytest.mark.parametrize(("places_max", "for_logins", "anonymous"), [(4, 1, 3), (4, 500, 2), (1, 500, 1), (5, 0, 5)])
async def test_at_most_half_of_all_places_are_kept_from_the_anonymous(
    places_max: int, for_logins: int, anonymous: int
) -> None:
    """However few places there are, somebody anonymous gets one."""
    one, all_places = contest("one"), places(places_max, 100, for_logins)
    with ExitStack() as stack:
        assert await taken_until_refused(lambda: stack.enter_context(all_places.taken(one, PUBLIC))) == anonymous
        with_login = await taken_until_refused(lambda: stack.enter_context(all_places.taken(one, JUDGE)))
        assert with_login == places_max - anonymous
    with all_places.taken(one, PUBLIC):
        pass


async def test_a_contest_has_its_own_places_among_all() -> None:
    one, other, all_places = contest("one"), contest("other"), places(5, 3, 0)
    with ExitStack() as stack:
        assert await taken_until_refused(lambda: stack.enter_context(all_places.taken(one, PUBLIC))) == 3
        assert await taken_until_refused(lambda: stack.enter_context(all_places.taken(other, PUBLIC))) == 2


async def test_many_refusals_are_one_line_that_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can ask as often as they like; the log must not grow with it."""
    one, all_places = contest("one"), places(1, 1, 0)
    with capture_logs() as logs, all_places.taken(one, PUBLIC):
        for _ in range(50):
            with pytest.raises(NoPlace), all_places.taken(one, PUBLIC):
                pass
        assert [(each["event"], each["clients"], each["refused"]) for each in logs] == [("somebody_refused", 1, 1)]
        monkeypatch.setattr(places_module, "REFUSALS_LOGGED_S", 0.0)
        with pytest.raises(NoPlace), all_places.taken(one, PUBLIC):
            pass
    assert [each["refused"] for each in logs] == [1, 50]
