"""The sample files in `deploy/` and those of Docker: they parse, and they fit the program."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import crossplane  # type: ignore[import-untyped]  # it says nothing of its types
import nats
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

import cds.metrics
from cds.backup_command import backup
from cds.cms_options import ADMIN_TOKEN_VARIABLE
from cds.contest_api.edge_word import CLIENT_HEADER, PAGE_HEADER, SECRET_HEADER
from cds.edge_command import edge
from cds.jetstream.connecting import INBOX_OF_CORE, INBOX_OF_EDGES, Connection
from cds.secret_options import ADMIN_PASSWORD_VARIABLE, FILE_SUFFIX, SecretOption
from cds.serve_command import serve
from tests.acceptance.command_line import until
from tests.acceptance.nginx import NGINX, NGINX_ABSENT, adapted_sample, free_port
from tests.cds.operations.certificates import certificate_pem, key_pem, new_key
from tests.nats_servers import nats_server, nats_server_program

ROOT = Path(cds.metrics.__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMMAND_S_MAX = 60.0
ANSWERED_S_MAX = 30
REFUSED_S = 0.2
"""So long nothing is answered to what one may not ask."""


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


def option_names(command: click.Command = serve) -> set[str]:
    """Every option of a command, as it is written."""
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["cds.service", "cds-backup.timer"])
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    """A timer together with the unit that it starts."""
    program = shutil.which("true")
    assert program is not None
    units = sorted({name, name.replace(".timer", ".service")})
    for each in units:
        (tmp_path / each).write_text((DEPLOY / each).read_text().replace("/opt/cds/bin/cds", program))
    verified = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--man=no",
            "--generators=no",
            *(tmp_path / each for each in dict.fromkeys(units)),
        ],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    about_these = [line for line in verified.stderr.splitlines() if any(each in line for each in units)]
    assert (verified.returncode, about_these) == (0, [])


def test_backups_are_taken_by_a_command_that_there_is_of_what_the_unit_serves() -> None:
    serves, backs_up = ((DEPLOY / each).read_text() for each in ("cds.service", "cds-backup.service"))
    (words,) = re.findall(r"^ExecStart=\S+/cds backup (.*)$", backs_up, flags=re.MULTILINE)
    directory, *options = words.split()
    parsed_by_it = backup.make_context("backup", [directory, *options])
    assert str(parsed_by_it.params["directory"]) == directory
    for line in ("User=cds", "DynamicUser=yes", "Environment=CDS_DATA_DIR=/var/lib/cds"):
        assert f"\n{line}\n" in serves
        assert f"\n{line}\n" in backs_up
    assert Path(directory).name in re.findall(r"^StateDirectory=(.*)$", backs_up, flags=re.MULTILINE)[0].split()


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


def environment_names(command: click.Command = serve) -> set[str]:
    """Every variable that a command reads, `cds serve` unless another is named."""
    named = {parameter.envvar for parameter in command.params if isinstance(parameter, click.Option)}
    secret = {each.envvar for each in command.params if isinstance(each, SecretOption)} | {ADMIN_PASSWORD_VARIABLE}
    in_files = {f"{name}{FILE_SUFFIX}" for name in secret}
    return {str(name) for name in named} | in_files | {ADMIN_PASSWORD_VARIABLE, ADMIN_TOKEN_VARIABLE}


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


def test_the_composed_servers_get_variables_that_they_read() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(services["server"]["environment"]) <= environment_names()
    for name in ("edge-1", "edge-2"):
        assert services[name]["profiles"] == ["scale"]
        assert services[name]["command"][:2] == ["cds", "edge"]
        assert set(services[name]["environment"]) <= environment_names(edge)


def test_the_settings_of_the_scale_profile_are_those_that_are_composed() -> None:
    settings = dict(
        line.split("=", 1)
        for line in (DEPLOY / "scale" / "scale.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    composed = (ROOT / "docker-compose.yml").read_text()
    assert {name for name in settings if name not in composed} == set()
    assert len(settings["CDS_EDGE_SECRET"]) >= 32
    for name, user in (("CDS_NATS_URL", "core"), ("CDS_EDGE_NATS_URL", "edge")):
        urls = settings[name].split(",")
        password = settings[f"CDS_NATS_{user.upper()}_PASSWORD"]
        assert urls == [f"nats://{user}:{password}@nats-{number}:4222" for number in (1, 2, 3)]


def test_the_nginx_file_of_the_edges_parses_and_holds_nothing_up() -> None:
    block = parsed(DEPLOY / "scale" / "nginx.conf")
    for name in ("proxy_buffering", "proxy_request_buffering", "proxy_cache"):
        assert directives(block, name) == [["off"]]
    forwarded = dict(directives(block, "proxy_set_header"))
    assert forwarded["X-Forwarded-For"] == "$remote_addr"
    assert {forwarded[name] for name in (SECRET_HEADER, CLIENT_HEADER, PAGE_HEADER)} == {""}


def test_edges_that_are_not_ready_are_passed_over_and_nothing_is_written_twice() -> None:
    block = parsed(DEPLOY / "scale" / "nginx.conf")
    (conditions,) = directives(block, "proxy_next_upstream")
    assert {"error", "timeout", "http_503"} == set(conditions)
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    edges = {f"{name}:8080" for name in composed if name.startswith("edge-")}
    groups = _upstreams(block)
    assert {target for (target,) in directives(block, "proxy_pass")} == {"http://$edges"}
    for servers in groups.values():
        assert {server for server, *_ in servers} == edges
        # Where all are passed over there is still somebody to ask.
        assert {server for server, *parameters in servers if "max_fails=0" in parameters} == edges
    assert directives(block, "hash") == [["$http_authorization$http_x_cms_authorization", "consistent"]]
    assert {group for _, group in directives(block, "set")} == set(groups)
    assert directives(block, "if") == [["$http_authorization"], ["$http_x_cms_authorization"]]


@pytest.mark.parametrize("encryption", ["plain", "tls"])
def test_nodes_of_nats_start_with_passwords_and_not_without(encryption: str, tmp_path: Path) -> None:
    """The command that is composed, as far as looking at the file that it is given; a real server looks."""
    (_, _, words), environment = _composed_node()
    shutil.copytree(DEPLOY / "scale" / encryption, tmp_path / "encryption")
    shutil.copy(DEPLOY / "scale" / "nats.conf", tmp_path)
    key = new_key()
    for name, content in (("ca", certificate_pem(key)), ("nats", certificate_pem(key)), ("nats-key", key_pem(key))):
        (tmp_path / f"{name}.pem").write_bytes(content)
    for path in (tmp_path / "encryption").iterdir():
        path.write_text(path.read_text().replace("/certificates/", f"{tmp_path}/"))
    command = words.replace("$$", "$").replace("/etc/nats/nats.conf", f"{tmp_path}/nats.conf -t")
    environment |= {"PATH": f"{nats_server_program().parent}:{os.environ['PATH']}"}
    started, refused = (
        subprocess.run(
            ["sh", "-c", command],
            env=environment | {"NATS_CORE_PASSWORD": "for-the-core", "NATS_EDGE_PASSWORD": password},
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        for password in ("for-edges", "")
    )
    assert started.returncode == 0, started.stderr
    assert (refused.returncode != 0, "CDS_NATS_EDGE_PASSWORD" in refused.stderr) == (True, True), refused.stderr


def _composed_node() -> tuple[list[str], dict[str, str]]:
    """The command and the variables of a node of NATS."""
    node = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["nats-1"]
    return node["command"], dict(node["environment"])


def _upstreams(block: list[dict[str, object]]) -> dict[str, list[list[str]]]:
    """The servers of each group, with their parameters."""
    (http,) = (each["block"] for each in block if each["directive"] == "http")
    groups = [each for each in http if each["directive"] == "upstream"]  # type: ignore[attr-defined]  # no types
    return {group["args"][0]: directives(group["block"], "server") for group in groups}


async def test_edges_can_read_streams_and_change_nothing(tmp_path: Path) -> None:
    """The file that the nodes are started with, by a real one: what its users may do."""
    text = (DEPLOY / "scale" / "nats.conf").read_text()
    names = {"$NATS_CORE_PASSWORD": "for-core", "$NATS_EDGE_PASSWORD": "for-edge"}
    users = re.search(r"^authorization \{.*?^\}", text, flags=re.MULTILINE | re.DOTALL)
    assert users is not None
    settings = users[0]
    for name, password in names.items():
        settings = settings.replace(name, password)
    settings = settings.replace("users: [", "users: [ { user: tests, password: for-tests }", 1)
    async with nats_server(tmp_path, settings, "tests:for-tests@") as node:
        refused: list[str] = []
        core = await _connected(node.port, "core", INBOX_OF_CORE, [])
        reading = await _connected(node.port, "edge", INBOX_OF_EDGES, refused)
        try:
            stream = core.jetstream(timeout=2)
            await stream.add_stream(name="cds-small", subjects=["cds.small.>"])
            await stream.publish("cds.small.public", b"said")
            edge_stream = reading.jetstream(timeout=ANSWERED_S_MAX)
            assert (await edge_stream.stream_info("cds-small")).state.messages == 1
            inbox = reading.new_inbox()
            subscription = await reading.subscribe(inbox)
            await edge_stream.add_consumer("cds-small", deliver_subject=inbox, filter_subjects=["cds.small.public"])
            assert (await subscription.next_msg(timeout=5)).data == b"said"
            assert not refused
            await reading.subscribe(f"{INBOX_OF_CORE}.>")
            await until(lambda: bool(refused))
            assert INBOX_OF_CORE.lower() in refused.pop()
            unanswered = reading.jetstream(timeout=REFUSED_S)
            for forbidden in (
                unanswered.publish("cds.small.public", b"made up"),
                unanswered.delete_stream("cds-small"),
                unanswered.purge_stream("cds-small"),
                unanswered.add_stream(name="cds-other", subjects=["cds.other.>"]),
            ):
                with pytest.raises((nats.errors.Error, TimeoutError)):
                    await forbidden
            await until(lambda: len(refused) == 4)
            assert (await stream.stream_info("cds-small")).state.messages == 1
        finally:
            await core.close()
            await reading.close()


async def _connected(port: int, user: str, inbox: str, refused: list[str]) -> Connection:
    """A connection of a user; what he is refused is noted."""

    async def note(failure: Exception) -> None:
        refused.append(str(failure))

    connection = Connection()
    await connection.connect(
        f"nats://127.0.0.1:{port}", user=user, password=f"for-{user}", inbox_prefix=inbox, error_cb=note
    )
    return connection
