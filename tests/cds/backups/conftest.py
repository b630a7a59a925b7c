"""What tests of backups ask for."""

from collections.abc import Iterator

import pytest

from tests.cds.backups.databases import small_parts


@pytest.fixture
def many_files() -> Iterator[None]:
    """A few rows make more than one file."""
    with small_parts():
        yield
