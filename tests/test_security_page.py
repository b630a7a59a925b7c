"""SECURITY.md: every test that it names is there, its table is whole, and the defaults are what it says."""

import re
from pathlib import Path

import pytest
import yaml

from cds.cms_options import ADMIN_TOKEN_VARIABLE
from cds.secret_options import ADMIN_PASSWORD_VARIABLE, SecretOption
from cds.serve_command import serve
from tests.acceptance.test_requirements_table import defined_tests

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", TEXT)))
COLUMNS = 4


def rows() -> list[list[str]]:
    """The cells of the table, without its head."""
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


@pytest.mark.parametrize("name", NAMED)
def test_every_named_test_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert test in defined_tests(path.removesuffix(".py").replace("/", "."))


def test_every_threat_has_a_test() -> None:
    assert len(rows()) > 20
    for row in rows():
        assert len(row) == COLUMNS, row
        assert re.findall(r"`tests/[\w/]+\.py::\w+`", row[3]), row


def test_every_variable_that_may_be_a_file_is_told() -> None:
    secrets = {str(each.envvar) for each in serve.params if isinstance(each, SecretOption)}
    for variable in (*secrets, ADMIN_PASSWORD_VARIABLE, ADMIN_TOKEN_VARIABLE):
        assert f"`{variable}`" in TEXT


def test_nobody_is_root_in_the_container() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last_user = re.findall(r"^USER (\S+)$", text, flags=re.MULTILINE)[-1]
    assert last_user == "cds"
    assert f"--uid 10001 --gid {last_user}" in text
    server = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["server"]
    assert server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
