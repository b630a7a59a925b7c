"""The sample files in `deploy/` and those of Docker: they parse, and they fit the program."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import crossplane  # type: ignore[import-untyped]  # it says nothing of its types
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

import cds.metrics
from cds.cms_options import ADMIN_TOKEN_VARIABLE
from cds.serve_command import serve
from tests.acceptance.nginx import NGINX, NGINX_ABSENT, adapted_sample, free_port

ROOT = Path(cds.metrics.__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMMAND_S_MAX = 60.0


def parsed(path: Path) -> list[dict[str, object]]:
    """The directives of an nginx file at its top. Fails for what nginx would not know."""
    found = crossplane.parse(str(path), strict=True, check_ctx=True, check_args=True)
    assert found["status"] == "ok", found["errors"]
    return list(found["config"][0]["parsed"])


def directives(block: list[dict[str, object]], name: str) -> list[list[str]]:
    """The arguments of every directive of that name, at any depth."""
    found: list[list[str]] = []
    for each in block:
        if each["directive"] == name:
            found.append([str(argument) for argument in each["args"]])  # type: ignore[attr-defined]  # crossplane has no types
        inner = each.get("block")
        found += directives(inner, name) if isinstance(inner, list) else []
    return found


def test_the_nginx_file_parses_and_holds_nothing_up() -> None:
    block = parsed(DEPLOY / "nginx.conf")
    for name in ("proxy_buffering", "proxy_request_buffering", "proxy_cache", "proxy_next_upstream"):
        assert directives(block, name) == [["off"]]
    forwarded = dict(directives(block, "proxy_set_header"))
    assert forwarded["X-Forwarded-For"] == "$remote_addr"
    assert forwarded["Connection"] == ""
    assert directives(block, "proxy_http_version") == [["1.1"]]
    assert directives(block, "keepalive")
    (usual,), (of_syncs,) = directives(block, "proxy_read_timeout")
    assert int(of_syncs.removesuffix("s")) > int(usual.removesuffix("s")) > 2 * 30
    assert "since_token" not in str(directives(block, "log_format"))
    assert "$request_uri" not in str(directives(block, "log_format"))


@pytest.mark.skipif(NGINX is None, reason=NGINX_ABSENT)
def test_nginx_itself_takes_the_file(tmp_path: Path) -> None:
    sample = adapted_sample(tmp_path, free_port(), free_port())
    tested = subprocess.run(
        ["nginx", "-t", "-c", sample, "-p", tmp_path, "-e", tmp_path / "error.log"],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr


def option_names() -> set[str]:
    """Every option of `cds serve`, as it is written."""
    return {name for parameter in serve.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = shutil.which("true")
    assert program is not None
    text = (DEPLOY / "cds.service").read_text().replace("/opt/cds/bin/cds", program)
    (tmp_path / "cds.service").write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", tmp_path / "cds.service"],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    about_this = [line for line in verified.stderr.splitlines() if "cds.service" in line]
    assert (verified.returncode, about_this) == (0, [])


def test_the_unit_starts_the_program_with_options_that_it_has() -> None:
    text = (DEPLOY / "cds.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", text, flags=re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", start)) <= option_names()
    for variable in re.findall(r"CDS_[A-Z_]+", text):
        assert variable in environment_names()
    assert "LimitNOFILE=" in text
    assert "NoNewPrivileges=yes" in text
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)
    assert int(patience) > 10


def environment_names() -> set[str]:
    """Every variable that `cds serve` reads."""
    named = {parameter.envvar for parameter in serve.params if isinstance(parameter, click.Option)}
    return {str(name) for name in named} | {"CDS_ADMIN_PASSWORD", ADMIN_TOKEN_VARIABLE}


@pytest.mark.parametrize("name", ["alerts.yml", "prometheus.yml"])
def test_what_prometheus_is_told_names_what_there_is(name: str) -> None:
    text = (DEPLOY / name).read_text()
    assert isinstance(yaml.safe_load(text), dict)
    metrics = [metric for metric in vars(cds.metrics).values() if isinstance(metric, MetricWrapperBase)]
    table = {family.name for metric in metrics for family in metric.describe()}
    for mentioned in re.findall(r"\b(?:cds|process)_[a-z_]+", text):
        base = re.sub(r"_(total|bucket|count|sum)$", "", mentioned)
        assert base in table, mentioned
    if name == "alerts.yml":
        (group,) = yaml.safe_load(text)["groups"]
        assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in group["rules"])


def test_the_image_serves_behind_a_proxy_and_looks_after_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    commands = [json.loads(words) for words in re.findall(r"^\s*CMD (\[.*\])$", text, flags=re.MULTILINE)]
    health, start = commands
    assert start[:2] == ["cds", "serve"]
    assert "--behind-proxy" in start
    assert {word for word in start if word.startswith("--")} <= option_names()
    compile(health[-1], "HEALTHCHECK", "exec")
    assert "/readyz" in health[-1]
    for variable in re.findall(r"CDS_[A-Z_]+", text):
        assert variable in environment_names()


def test_the_composed_server_gets_variables_that_it_reads() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(composed["services"]["server"]["environment"]) <= environment_names()
