"""`cds edge` says what is missing or wrong, and never repeats a secret or a login."""

from pathlib import Path

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
        ({"CDS_CORE_PUBLIC": "core"}, "is not like http://"),
    ],
)
def test_what_is_missing_or_wrong_is_said(changed: dict[str, str | None], said: str) -> None:
    result = CliRunner(env={**NEEDED, **changed}).invoke(main, ["edge"])
    assert result.exit_code == 2
    assert said in result.output
    assert "hidden" not in result.output


def test_what_no_connection_could_be_made_with_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hidden")
    for changed, said in (
        ({"CDS_NATS_CA": str(tmp_path / "ca.pem")}, "there is no certificate in PEM in this file"),
        ({"CDS_NATS_CREDENTIALS": str(tmp_path / "ca.pem")}, "there are no JWT and seed"),
        ({"CDS_EDGE_SECRET": " " + SECRET}, "no blank at either end"),
    ):
        result = CliRunner(env={**NEEDED, **changed}).invoke(main, ["edge"])
        assert result.exit_code == 2
        assert said in " ".join(result.output.split())
        assert "hidden" not in result.output
