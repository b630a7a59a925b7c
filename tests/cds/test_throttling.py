"""How failed logins are slowed, with a clock that the tests turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.throttling import (
    ACCOUNT_FREE_FAILURES,
    ACCOUNT_WAIT_S_MAX,
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


def test_many_addresses_have_few_guesses_at_a_user() -> None:
    """Each has its first for free; from then on those that have failed take turns, one every few seconds."""
    throttle = Throttle()
    addresses = [f"10.0.1.{number}" for number in range(200)]
    assert not any(throttle.attempt("ada", address, 0.0, anywhere=True) for address in addresses)
    assert all(throttle.attempt("ada", address, 0.5, anywhere=True) > 0 for address in addresses)
    guesses, seconds = 0, 400
    for now_s in range(1, 1 + seconds):
        guesses += sum(throttle.attempt("ada", address, now_s, anywhere=True) == 0 for address in addresses)
    assert seconds / ACCOUNT_WAIT_S_MAX <= guesses + 1 < 2 * seconds / ACCOUNT_WAIT_S_MAX
    assert len(addresses) > ACCOUNT_FREE_FAILURES


def test_who_comes_from_a_new_address_is_not_kept_out() -> None:
    throttle = Throttle()
    for round_s in range(100):
        for number in range(16):
            throttle.attempt("ada", f"10.0.1.{number}", round_s, anywhere=True)
    assert throttle.attempt("ada", ELSEWHERE, 100.0, anywhere=True) == 0


def test_addresses_are_not_counted_together_where_nobody_says_so() -> None:
    """Nobody can keep a team out of a contest from elsewhere."""
    throttle = Throttle()
    waits = [throttle.attempt("team1", f"10.0.1.{number}", 0.0) for number in range(4 * ACCOUNT_FREE_FAILURES)]
    assert not any(waits)


def test_a_login_of_a_user_is_no_failure_anywhere() -> None:
    throttle = Throttle()
    for number in range(4 * ACCOUNT_FREE_FAILURES):
        assert throttle.attempt("ada", f"10.0.{number}.1", 0.0, anywhere=True) == 0
        throttle.withdraw("ada", f"10.0.{number}.1", anywhere=True)
    assert len(throttle) == 0
