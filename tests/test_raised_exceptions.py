"""Exceptions are made where they are raised: one that is raised again and again keeps all that it was ever raised in.

Python hangs every frame that such an exception passes on to those of before, and nothing takes them off.
"""

import re

from tests.test_architecture import ROOMS, sources


def raised_again(module: str, source: str) -> list[str]:
    """Constants that are raised."""
    return [
        f"{module}: raises {name}" for name in re.findall(r"^\s+raise ([A-Z][A-Z\d_]+)\b(?!\()", source, re.MULTILINE)
    ]


def test_no_exception_is_raised_twice() -> None:
    found = [problem for module, source in sources(*ROOMS).items() for problem in raised_again(module, source)]
    assert found == []


def test_a_planted_one_is_found() -> None:
    source = "def f():\n    raise BUSY from None\n    raise Busy\n    raise MAKE()"
    assert raised_again("cds.cli", source) == ["cds.cli: raises BUSY"]
