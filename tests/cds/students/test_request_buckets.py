"""The bucket of requests of an address."""

import pytest

from cds.student_api import request_buckets
from cds.student_api.request_buckets import RequestBuckets


def test_a_full_bucket_is_used_up_and_fills_one_by_one() -> None:
    buckets = RequestBuckets(requests_max=3, refill_s=2.0)
    assert [buckets.take("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert buckets.take("a", 101.5) == 0.5
    assert buckets.take("a", 102.0) == 0.0
    assert buckets.take("a", 102.0) == 2.0


def test_it_never_holds_more_than_it_holds() -> None:
    buckets = RequestBuckets(requests_max=3, refill_s=2.0)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 1e6) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]


def test_each_address_has_its_own() -> None:
    buckets = RequestBuckets(requests_max=1, refill_s=2.0)
    assert [buckets.take(address, 0.0) for address in ("a", "b", "a", "b")] == [0.0, 0.0, 2.0, 2.0]


def test_without_a_limit_nobody_is_counted() -> None:
    buckets = RequestBuckets(requests_max=0)
    assert [buckets.take("a", 0.0) for _ in range(1_000)] == [0.0] * 1_000
    assert len(buckets) == 0


def test_not_more_addresses_are_counted_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_buckets, "ADDRESSES_MAX", 5)
    buckets = RequestBuckets(requests_max=1)
    for number in range(50):
        assert buckets.take(f"192.0.2.{number}", 0.0) == 0.0
    assert len(buckets) == 5
    assert buckets.take("192.0.2.49", 0.0) > 0
    assert buckets.take("192.0.2.1", 0.0) == 0
