"""Who NATS lets in: encrypted and with keys at both ends, and both come back when they are let in again."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from cds import metrics
from cds.edge import application
from cds.jetstream.connecting import INBOX_OF_CORE, INBOX_OF_EDGES, connected
from cds.jetstream.settings import NatsServers
from schemas.objects import Clarification
from tests.cds.contest_api.serving import Running, append, running
from tests.cds.contest_api.small_contest import moment
from tests.cds.edge.edges import RunningEdge, Spread, edging, published_to, until
from tests.cds.operations.certificates import new_key, written
from tests.nats_credentials import Accounts
from tests.nats_servers import NatsNode, free_ports, nats_server

CONTEST = "small"
ANSWERS = f'"{INBOX_OF_CORE}.>", "{INBOX_OF_EDGES}.>"'

HUNG_UP = ""
"""What is told of a server that hangs up: it says why, but that may be lost when we go on speaking."""


def users(password: str) -> str:
    """Settings by which we have a password, and get the answers to ourselves alone; they know another user besides."""
    ours = f"user: ours, password: {password}, permissions: {{subscribe: [{ANSWERS}]}}"
    return f"authorization {{ users: [{{{ours}}}, {{user: other, password: known}}] }}"


def is_publishing() -> bool:
    """Whether the publisher of this process is connected."""
    return bool(metrics.PUBLISHER_CONNECTED._value.get())  # there is no public way to read a gauge


async def shows(nats: NatsNode, core: Running, edge: RunningEdge, number: int) -> None:
    """Come back when the edge shows an announcement that is made now."""
    said = Clarification(id=f"c{number}", text="now", time=moment(250), contest_time="4:10:00.000")
    await core.level_with(CONTEST, await append(core.store, CONTEST, said))
    await Spread(nats, core, (edge, edge)).level(CONTEST, "public")
    assert (await edge.caller().get(f"contests/{CONTEST}/clarifications/{said.id}")).status == HTTPStatus.OK


async def test_both_ends_speak_encrypted_and_are_known_by_certificate_and_key(fresh_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files, other, accounts = written(tmp_path, new_key()), written(tmp_path / "other", new_key()), Accounts()
    known = NatsServers(
        urls=(),
        ca=files.certificate,
        certificate=files.certificate,
        key=files.key,
        credentials=accounts.credentials(tmp_path / "user.creds"),
    )
    shown = f'cert_file: "{files.certificate}", key_file: "{files.key}"'
    settings = f'tls {{ {shown}, ca_file: "{files.certificate}", verify: true }}\n{accounts.settings}'
    async with nats_server(tmp_path / "nats", settings, access=known) as nats:
        stranger = Accounts().credentials(tmp_path / "stranger.creds")
        for wrong, reason in (
            ({"ca": other.certificate}, "CERTIFICATE_VERIFY_FAILED"),
            ({"certificate": None, "key": None}, HUNG_UP),
            ({"certificate": other.certificate, "key": other.key}, HUNG_UP),
            ({"credentials": stranger}, "Authorization Violation"),
            ({"credentials": None}, "Authorization Violation"),
        ):
            await refused(msgspec.structs.replace(nats.servers, **wrong), reason)
        core_and_edge = running(fresh_dsn, **published_to(nats, contest_ids={CONTEST}))
        async with core_and_edge as core, edging(core.root, nats, tmp_path) as edge:
            await shows(nats, core, edge, 1)


async def refused(servers: NatsServers, reason: str) -> None:
    """Somebody whom a server does not let in, or who does not believe it, is told so and goes on trying."""
    with capture_logs() as logs:
        coming = asyncio.create_task(connected(servers, "test"))
        await until(lambda: any(reason in each["reason"] for each in logs if each["event"] == "nats_unreachable"))
        assert not coming.done()
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    assert coming.cancelled()


async def test_a_password_that_was_changed_and_put_back(fresh_dsn: str, tmp_path: Path) -> None:
    async with nats_server(tmp_path / "nats", users("right"), "other:known@") as nats:
        nats.login = "ours:right@"
        core_and_edge = running(fresh_dsn, **published_to(nats, contest_ids={CONTEST}))
        async with core_and_edge as core, edging(core.root, nats, tmp_path) as edge:
            await shows(nats, core, edge, 1)
            with capture_logs() as logs:
                nats.reload(users("changed"))
                await until(lambda: not is_publishing() and not edge.contests.connected)
                await until(lambda: any("Authorization Violation" in str(each.get("reason")) for each in logs))
            assert "right" not in str(logs)
            nats.reload(users("right"))
            await shows(nats, core, edge, 2)


async def test_an_edge_that_is_there_before_nats_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "MEASURED_EVERY_S", 0.01)
    core_port, nats_port = free_ports(2)
    nats = NatsNode(tmp_path / "nats", "late", nats_port)
    with capture_logs() as logs:
        async with edging(f"http://127.0.0.1:{core_port}", nats, tmp_path) as edge:
            await until(lambda: metrics.EDGE_LAG_S._value.get() > 0 and logs)
            assert not edge.contests.connected
            assert edge.server.readiness().status == "not ready"
            await nats.start()
            try:
                await until(lambda: edge.contests.ready)
                await until(lambda: metrics.EDGE_LAG_S._value.get() == 0)
            finally:
                await nats.kill()
    assert {"nats_unreachable", "nats_reached"} <= {each["event"] for each in logs}
