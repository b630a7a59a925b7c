"""How failed logins are slowed, with a clock that the tests turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.throttling import (
    ADDRESS_FREE_FAILURES,
    ADDRESS_WAIT_S_MAX,
    ENTRIES_MAX,
    FORGOTTEN_AFTER_S,
    FREE_FAILURES,
    WAIT_S_MAX,
    Throttle,
)

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"


def failed(throttle: Throttle, times: int, account: str = "team1", address: str = HERE, now_s: float = 0.0) -> float:
    """Fail so often, each time as soon as possible; returns when the last attempt was made."""
    for _ in range(times):
        wait_s = throttle.attempt(account, address, now_s)
        if wait_s > 0:
            now_s += wait_s
            assert throttle.attempt(account, address, now_s) == 0
    return now_s


def test_the_first_failures_cost_no_wait() -> None:
    throttle = Throttle()
    for _ in range(FREE_FAILURES):
        assert throttle.attempt("team1", HERE, 0.0) == 0
    assert throttle.attempt("team1", HERE, 0.0) > 0


def test_waits_double_up_to_a_longest_one() -> None:
    throttle = Throttle()
    now_s = 0.0
    waits = []
    for _ in range(FREE_FAILURES + 12):
        wait_s = throttle.attempt("team1", HERE, now_s)
        if wait_s > 0:
            now_s += wait_s
            assert throttle.attempt("team1", HERE, now_s) == 0
        waits.append(wait_s)
    assert waits == [0.0] * FREE_FAILURES + [1.0, 2.0, 4.0, 8.0, 16.0] + [WAIT_S_MAX] * 7


def test_trying_while_waiting_makes_the_wait_no_longer() -> None:
    throttle = Throttle()
    now_s = failed(throttle, FREE_FAILURES + 3)
    wait_s = throttle.attempt("team1", HERE, now_s)
    for part in range(10):
        left_s = throttle.attempt("team1", HERE, now_s + wait_s * part / 10)
        assert left_s == pytest.approx(wait_s * (10 - part) / 10)
    assert throttle.attempt("team1", HERE, now_s + wait_s) == 0


def test_nobody_is_locked_out_from_another_address() -> None:
    throttle = Throttle()
    now_s = failed(throttle, 50)
    assert throttle.attempt("team1", HERE, now_s) > 0
    assert throttle.attempt("team1", ELSEWHERE, now_s) == 0
    assert throttle.attempt("team2", HERE, now_s) == 0


def test_a_login_forgives_the_failures_before_it_but_not_those_of_the_address() -> None:
    throttle = Throttle()
    now_s = failed(throttle, FREE_FAILURES + 4)
    throttle.forgive("team1", HERE)
    for _ in range(FREE_FAILURES):
        assert throttle.attempt("team1", HERE, now_s) == 0
    for number in range(ADDRESS_FREE_FAILURES):
        throttle.attempt(f"guess{number}", HERE, now_s)
    throttle.forgive("guess0", HERE)
    assert throttle.attempt("mine", HERE, now_s) > 0


def test_an_address_that_guesses_many_names_is_slowed_shortly() -> None:
    throttle = Throttle()
    for number in range(ADDRESS_FREE_FAILURES):
        assert throttle.attempt(f"team{number}", HERE, 0.0) == 0
    now_s = 0.0
    for number in range(20):
        wait_s = throttle.attempt(f"other{number}", HERE, now_s)
        assert 0 < wait_s <= ADDRESS_WAIT_S_MAX
        now_s += wait_s
        assert throttle.attempt(f"other{number}", HERE, now_s) == 0
    assert throttle.attempt("team0", ELSEWHERE, now_s) == 0


def test_a_whole_contest_may_log_in_at_once_from_one_address() -> None:
    throttle = Throttle()
    for number in range(ADDRESS_FREE_FAILURES):
        assert throttle.attempt(f"team{number}", HERE, 0.0) == 0
    for number in range(ADDRESS_FREE_FAILURES):
        throttle.withdraw(f"team{number}", HERE)
    assert len(throttle) == 0


def test_all_is_forgotten_after_a_while() -> None:
    throttle = Throttle()
    now_s = failed(throttle, FREE_FAILURES + 8)
    assert throttle.attempt("team1", HERE, now_s) > 0
    later_s = now_s + FORGOTTEN_AFTER_S
    for _ in range(FREE_FAILURES):
        assert throttle.attempt("team1", HERE, later_s) == 0


def test_the_table_is_bounded() -> None:
    throttle = Throttle(entries_max=10)
    for number in range(100):
        throttle.attempt(f"team{number}", f"10.0.0.{number}", 0.0)
    assert len(throttle) == 10
    assert ENTRIES_MAX >= 10_000


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["attempt", "withdraw", "forgive"]),
        st.sampled_from(["team1", "team2"]),
        st.sampled_from([HERE, ELSEWHERE]),
        st.floats(0, 100),
    )
)


@given(STEPS)
def test_a_wait_is_never_longer_than_the_longest_and_always_ends(steps: list[tuple[str, str, str, float]]) -> None:
    throttle, now_s = Throttle(), 0.0
    for what, account, address, pause_s in steps:
        now_s += pause_s
        if what == "withdraw":
            throttle.withdraw(account, address)
        elif what == "forgive":
            throttle.forgive(account, address)
        else:
            wait_s = throttle.attempt(account, address, now_s)
            assert 0 <= wait_s <= WAIT_S_MAX
            if wait_s > 0:
                assert throttle.attempt(account, address, now_s + wait_s + 1e-6) == 0
                now_s += wait_s + 1e-6
    for account in ("team1", "team2"):
        assert throttle.attempt(account, HERE, now_s + FORGOTTEN_AFTER_S) == 0
