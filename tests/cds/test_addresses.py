"""Whose address a request comes from: proxies that are trusted, and headers that anybody can write."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.addresses import NOWHERE, Client, client_of, neighbourhood

TRUSTED = (ip_network("10.0.0.0/24"), ip_network("2001:db8:1::/48"))
PROXY = "10.0.0.1"
STRANGER = "192.0.2.66"
SEAT = "172.16.5.4"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        (STRANGER, [], Client(STRANGER, certain=True)),
        (STRANGER, [SEAT], Client(STRANGER, certain=True)),
        (STRANGER, [PROXY, SEAT], Client(STRANGER, certain=True)),
        (PROXY, [SEAT], Client(SEAT, certain=True)),
        (PROXY, [f"{SEAT}, {STRANGER}"], Client(STRANGER, certain=True)),
        (PROXY, [SEAT, STRANGER], Client(STRANGER, certain=True)),
        (PROXY, [f"{SEAT}, 10.0.0.9"], Client(SEAT, certain=True)),
        (PROXY, [f"{SEAT},10.0.0.9", "10.0.0.8"], Client(SEAT, certain=True)),
        (PROXY, [f"garbage, {SEAT}"], Client(SEAT, certain=True)),
        (PROXY, [f"{SEAT}:50123"], Client(SEAT, certain=True)),
        (PROXY, ["[2001:db8:2::5]:443"], Client("2001:db8:2::5", certain=True)),
        (PROXY, ["2001:db8:2::5"], Client("2001:db8:2::5", certain=True)),
        ("2001:db8:1::7", [SEAT], Client(SEAT, certain=True)),
        ("::ffff:10.0.0.1", [SEAT], Client(SEAT, certain=True)),
        ("::ffff:172.16.5.4", [], Client(SEAT, certain=True)),
        ("fe80::1%eth0", [], Client("fe80::1", certain=True)),
        (PROXY, [], Client(PROXY, certain=False)),
        (PROXY, [""], Client(PROXY, certain=False)),
        (PROXY, ["garbage"], Client(PROXY, certain=False)),
        (PROXY, [f"{SEAT}, garbage"], Client(PROXY, certain=False)),
        (PROXY, [f"{SEAT},"], Client(PROXY, certain=False)),
        (PROXY, ["unknown"], Client(PROXY, certain=False)),
        (PROXY, ["10.0.0.7, 10.0.0.8"], Client(PROXY, certain=False)),
        (None, [SEAT], Client(NOWHERE, certain=False)),
        ("", [SEAT], Client(NOWHERE, certain=False)),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_made_up(
    peer: str | None, forwarded_for: list[str], client: Client
) -> None:
    assert client_of(peer, forwarded_for, TRUSTED) == client


@given(st.lists(st.text()))
def test_without_trusted_proxies_nothing_that_is_said_counts(forwarded_for: list[str]) -> None:
    assert client_of(PROXY, forwarded_for, ()) == Client(PROXY, certain=True)


@given(st.lists(st.text() | st.ip_addresses().map(str)))
def test_whatever_a_client_writes_before_its_proxy_does_not_count(written: list[str]) -> None:
    """A proxy adds the address that it was called from at the end, as a value of its own or to the last one."""
    assert client_of(PROXY, [*written, STRANGER], TRUSTED) == Client(STRANGER, certain=True)
    assert client_of(PROXY, [", ".join([*written, STRANGER])], TRUSTED) == Client(STRANGER, certain=True)


def test_a_customer_has_a_whole_network_of_ipv6() -> None:
    assert neighbourhood(SEAT) == SEAT
    assert neighbourhood(NOWHERE) == NOWHERE
    assert neighbourhood("2001:db8:2::5") == neighbourhood("2001:db8:2::ffff:1") == "2001:db8:2::/64"
    assert neighbourhood("2001:db8:2:1::5") != neighbourhood("2001:db8:2::5")
