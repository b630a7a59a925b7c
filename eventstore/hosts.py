"""Addresses of a database that name several machines, as replication has them: one of them at a time is written to.

The driver would try them in a row within one limit of time, and a machine that is lost without a word would use up all
of it. So each is an address of its own here. This module must not connect.
"""

from urllib.parse import urlsplit


def addresses_of(dsn: str) -> tuple[str, ...]:
    """An address for each machine that a connection URI names, in their order; the very same where it names one."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        # Whoever connects says what is wrong with it.
        return (dsn,)
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (dsn,)
    return tuple(parts._replace(netloc=f"{login}{at}{host}").geturl() for host in hosts.split(","))
