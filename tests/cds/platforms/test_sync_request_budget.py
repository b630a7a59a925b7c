"""How many requests an account has in an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.platform_api import request_budget
from cds.platform_api.request_budget import REQUESTS_MAX, WINDOW_S, RequestBudget


@given(waits_s=st.lists(st.floats(0, 600), max_size=200))
def test_no_hour_has_more_than_it_may_and_waiting_as_told_is_enough(waits_s: list[float]) -> None:
    budget, now_s, allowed = RequestBudget(), 0.0, list[float]()
    for wait_s in waits_s:
        now_s += wait_s
        told_s = budget.take("admin", now_s)
        recent = [each for each in allowed if each > now_s - WINDOW_S]
        assert (told_s == 0) == (len(recent) < REQUESTS_MAX)
        if told_s == 0:
            allowed.append(now_s)
        else:
            assert 0 < told_s <= WINDOW_S


def test_each_account_has_its_own() -> None:
    budget = RequestBudget(requests_max=1)
    assert budget.take("a", 0.0) == 0
    assert budget.take("a", 1.0) == WINDOW_S - 1
    assert budget.take("b", 1.0) == 0
    assert budget.take("a", WINDOW_S) == 0


def test_accounts_that_are_counted_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_budget, "ACCOUNTS_MAX", 3)
    budget = RequestBudget()
    for number in range(10):
        budget.take(f"account{number}", 0.0)
    assert len(budget) == 3


def test_what_is_given_back_does_not_count() -> None:
    budget = RequestBudget(requests_max=1)
    budget.give_back("a")
    for _ in range(3):
        assert budget.take("a", 0.0) == 0
        budget.give_back("a")
    assert budget.take("a", 0.0) == 0
    assert budget.take("a", 0.0) == WINDOW_S
