"""`cds serve` as somebody operates it: refused in plain text, over TLS, told to reload, watched, and stopped."""

import asyncio
import json
import signal
import ssl
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.command_line import ServerProcess, cds, serving, until
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Json
from tests.cds.operations.certificates import certificate_pem, key_pem, new_key, written

STOP_S_MAX = 5.0


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_other_machines_are_not_served_in_plain_text(tmp_path: Path, command: str) -> None:
    outcome = cds(command, "--host", "0.0.0.0", "--port", "0", cwd=tmp_path)  # noqa: S104 - it is refused
    assert outcome.code == 2
    assert "--behind-proxy" in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_certificate_that_is_of_no_use_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_bytes(certificate_pem(new_key()))
    (tmp_path / "key.pem").write_bytes(key_pem(new_key()))
    files = ("--tls-cert", "certificate.pem", "--tls-key", "key.pem")
    outcome = cds("serve", "--port", "0", *files, cwd=tmp_path)
    assert (outcome.code, len(outcome.reasons)) == (1, 1)
    assert "key.pem" in outcome.reasons[0]
    assert "Traceback" not in outcome.err
    missing = cds("serve", "--tls-cert", "nowhere.pem", cwd=tmp_path)
    assert (missing.code, "nowhere.pem" in missing.err) == (2, True)


def logged(directory: Path) -> list[Json]:
    """What the server has logged so far."""
    return [json.loads(line) for line in (directory / "serve.err").read_text().splitlines()]


async def presented(server: ServerProcess) -> str:
    """The certificate that a new connection gets, in PEM."""
    port = int(server.base.split(":")[2].split("/")[0])
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))


async def test_a_server_over_tls_from_its_start_to_its_end(tmp_path: Path) -> None:
    """It prints https, takes a renewed certificate on SIGHUP, drains on SIGTERM, and logs all of it as JSON."""
    files = written(tmp_path, new_key())
    arguments = ("--tls-cert", files.certificate, "--tls-key", files.key, "--drain", "1")
    connector = aiohttp.TCPConnector(ssl=False)
    async with (
        serving(tmp_path, *arguments, "--data-dir", "data") as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        assert server.base.startswith("https://127.0.0.1:")
        assert await presented(server) == files.certificate.read_text()
        caller = Caller(session, server.base, ("admin", "secret"))
        root = server.base.removesuffix("api/")
        assert (await caller.get(root + "readyz")).status == 200
        assert b"cds_requests_total" in (await caller.get(root + "metrics")).body
        written(tmp_path, new_key())
        server.process.send_signal(signal.SIGHUP)
        renewed = files.certificate.read_text()
        async with asyncio.timeout(DEADLINE_S):
            while await presented(server) != renewed:
                await asyncio.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            while (await caller.get(root + "readyz")).status != 503:
                await asyncio.sleep(0.02)
        assert (await caller.get("contests")).status == 200
        await until(lambda: server.process.poll() is not None, STOP_S_MAX)
        assert server.process.returncode == 0
    events = [line["event"] for line in logged(tmp_path)]
    for event in ("open_files_limit", "starting", "certificate_loaded", "ready", "request", "stopping", "stopped"):
        assert event in events
    assert events.count("certificate_loaded") == 2
    assert all(list(line)[:3] == ["timestamp", "level", "event"] for line in logged(tmp_path))
    assert "secret" not in (tmp_path / "serve.err").read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_without_a_certificate_a_hangup_stops_it_in_order(tmp_path: Path, workers: str) -> None:
    """The terminal has gone, whether one process serves or several."""
    async with serving(tmp_path, "--workers", workers, "--data-dir", "data") as server:
        assert await server.stopped(signal.SIGHUP) == 0
    assert {"stopped", "group_stopped"} & {line["event"] for line in logged(tmp_path)}


async def test_a_self_signed_server_prints_by_what_it_is_known(tmp_path: Path) -> None:
    arguments = ("--tls", "self-signed", "--no-access-log", "--log-level", "warning", "--data-dir", "data")
    async with serving(tmp_path, *arguments) as server:
        (line,) = [line for line in server.output.splitlines() if "SHA-256" in line]
        fingerprint = bytes.fromhex(line.split()[-1].replace(":", ""))
        connector = aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(fingerprint))
        async with aiohttp.ClientSession(connector=connector) as session:
            assert (await Caller(session, server.base, None).get("contests")).status == 200
        assert await server.stopped() == 0
    assert (tmp_path / "serve.err").read_text() == ""
