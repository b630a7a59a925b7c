"""On how many random examples the dearest laws are tried, and whether what takes long is broken too.

A law is dear when one example of it takes tens of milliseconds. By default it is tried on half as many as others are;
with HYPOTHESIS_PROFILE=thorough (`make laws`) on all of them. This module must not know any law.
"""

import os

import pytest
from hypothesis import settings

PROFILE_EXAMPLES_MAX = 50
"""A profile with more examples than this is chosen to try hard."""

CHOSEN_EXAMPLES = settings().max_examples
"""What the profile says that tests/conftest.py has loaded."""


def examples(default: int) -> int:
    """So many examples by default; where the profile says more than it does by default, those of the profile."""
    return max(default, CHOSEN_EXAMPLES) if CHOSEN_EXAMPLES > PROFILE_EXAMPLES_MAX else default


DEAR = settings(max_examples=examples(CHOSEN_EXAMPLES // 2))
"""How hard a dear law is tried."""

BREAKING_LONG = os.environ.get("BREAKING") == "long"
"""Whether everything is broken that can be, however long that takes (`make faults`)."""

takes_long = pytest.mark.skipif(not BREAKING_LONG, reason="takes long: `make faults` does it")
"""Of a test that starts many processes, or waits for long, of which a shorter form is always done."""
