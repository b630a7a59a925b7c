"""The shared servers of the wire tests, for the tests of the finished product."""

from tests.cds.conftest import fresh, fresh_dsn, served, served_real, small_template

__all__ = ["fresh", "fresh_dsn", "served", "served_real", "small_template"]
