"""Addresses that name several machines are as many addresses, and all others stay as they are."""

import pytest

from eventstore.hosts import addresses_of


@pytest.mark.parametrize(
    ("dsn", "addresses"),
    [
        ("postgresql://u@h/d", ("postgresql://u@h/d",)),
        ("postgresql://u:p,q@h/d", ("postgresql://u:p,q@h/d",)),
        ("postgresql://u@/d?host=/a,/b", ("postgresql://u@/d?host=/a,/b",)),
        ("postgresql://[::1/d", ("postgresql://[::1/d",)),
        (
            "postgresql://u:p%40@one:1,[::1]:2/d?target_session_attrs=read-write",
            (
                "postgresql://u:p%40@one:1/d?target_session_attrs=read-write",
                "postgresql://u:p%40@[::1]:2/d?target_session_attrs=read-write",
            ),
        ),
        ("postgres://a,b", ("postgres://a", "postgres://b")),
    ],
)
def test_each_machine_is_an_address(dsn: str, addresses: tuple[str, ...]) -> None:
    assert addresses_of(dsn) == addresses
