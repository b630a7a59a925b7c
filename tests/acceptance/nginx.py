"""The sample configuration of nginx on ports and in a directory of a test, and nginx itself for a while.

This module must not know what is asked through it.
"""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.command_line import until
from tests.cds.operations.certificates import certificate_pem, key_pem, new_key

SAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx")
NGINX_ABSENT = "nginx is not installed"


def free_port() -> int:
    """A port of the loopback on which nobody listens now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def adapted_sample(directory: Path, server_port: int, tls_port: int) -> Path:
    """The sample with its files in a directory, a certificate there, and ports that anybody may listen on."""
    key = new_key()
    (directory / "fullchain.pem").write_bytes(certificate_pem(key))
    (directory / "privkey.pem").write_bytes(key_pem(key))
    text = SAMPLE.read_text()
    for there, here in (
        ("/etc/ssl/contest/", f"{directory}/"),
        ("/var/log/nginx/", f"{directory}/"),
        ("/run/nginx.pid", f"{directory}/nginx.pid"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;"),
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{server_port};"),
        # A test that is killed leaves files of no more than what it needs.
        ("worker_processes auto;", "worker_processes 1;"),
    ):
        assert there in text, there
        text = text.replace(there, here)
    text = re.sub(r"^ *listen \[::\].*$", "", text, flags=re.MULTILINE)
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        text = text.replace("http {\n", f"http {{\n    {kind}_temp_path {directory}/{kind};\n", 1)
    path = directory / "nginx.conf"
    path.write_text(text)
    return path


@asynccontextmanager
async def nginx_before(server_port: int, directory: Path) -> AsyncIterator[int]:
    """nginx with the sample in front of a server, for the length of the block; gives the port with TLS."""
    assert NGINX is not None, NGINX_ABSENT
    tls_port = free_port()
    sample = adapted_sample(directory, server_port, tls_port)
    process = await asyncio.create_subprocess_exec(
        *(NGINX, "-c", sample, "-p", directory, "-e", directory / "error.log", "-g", "daemon off;"),
    )
    try:
        await until(lambda: process.returncode is not None or _listens(tls_port))
        assert process.returncode is None, (directory / "error.log").read_text()
        yield tls_port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0
