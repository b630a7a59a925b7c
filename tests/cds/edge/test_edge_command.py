"""`cds edge` says what is missing or wrong, and never repeats a secret or a login."""

import pytest
from click.testing import CliRunner

from cds.cli import main

SECRET = "s" * 32
NEEDED = {"CDS_NATS_URL": "nats://user:hidden@nats:4222", "CDS_CORE": "http://core:8080/api", "CDS_EDGE_SECRET": SECRET}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CDS_NATS_URL": None}, "--nats is needed"),
        ({"CDS_NATS_URL": "http://user:hidden@nats"}, "a URL is like nats://host:4222"),
        ({"CDS_CORE": None}, "--core"),
        ({"CDS_CORE": "core:8080"}, "is not like http://"),
        ({"CDS_EDGE_SECRET": None}, "--edge-secret"),
        ({"CDS_EDGE_SECRET": "hidden"}, "at least 32 characters"),
        ({"CDS_EDGE_LIMITS": "contests_max=0"}, "contests_max"),
        ({"CDS_EDGE_WRITES": "forget"}, "forget"),
    ],
)
def test_what_is_missing_or_wrong_is_said(changed: dict[str, str | None], said: str) -> None:
    result = CliRunner(env={**NEEDED, **changed}).invoke(main, ["edge"])
    assert result.exit_code == 2
    assert said in result.output
    assert "hidden" not in result.output
