"""A server of matches for each test."""

import pytest

from tests.cds.matches.stage import Stage, stage


@pytest.fixture
async def match_stage() -> Stage:
    """A server of matches on a store in memory, with four users."""
    return await stage()
