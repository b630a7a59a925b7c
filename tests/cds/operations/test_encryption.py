"""TLS: what is refused and with which words, the server's own certificate, and serving over it."""

import asyncio
import datetime as dt
import socket
import ssl
import stat
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from cds.encryption import Encryption, EncryptionRefused, TlsFiles
from cds.own_certificate import FILE_NAME, RENEWED_BEFORE_END, VALID_FOR, own_certificate
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Running, append, opened, running
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.operations.certificates import NAME, certificate_pem, key_pem, new_key, written

FEED = "contests/small/event-feed"


def broken(change: Callable[[TlsFiles], object], directory: Path) -> TlsFiles:
    """Files that were right before this change."""
    files = written(directory, new_key())
    change(files)
    return files


def break_the_key(certificate: Path) -> None:
    """Put a point that is not on its curve into the place of the public key; all else stays as it is."""
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    point = read.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    changed = read.public_bytes(Encoding.DER).replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    certificate.write_text(ssl.DER_cert_to_PEM_cert(changed))


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        (lambda files: files.certificate.unlink(), "certificate.pem", "No such file"),
        (lambda files: files.key.unlink(), "key.pem", "No such file"),
        (lambda files: files.certificate.write_text("hello"), "certificate.pem", "no certificate in PEM"),
        (lambda files: files.certificate.write_bytes(b""), "certificate.pem", "no certificate in PEM"),
        (lambda files: files.certificate.write_bytes(files.key.read_bytes()), "certificate.pem", "no certificate"),
        (lambda files: break_the_key(files.certificate), "certificate.pem", "no certificate in PEM"),
        (lambda files: files.key.write_text("hello"), "key.pem", "no private key in PEM"),
        (lambda files: files.key.write_bytes(files.certificate.read_bytes()), "key.pem", "no private key"),
        (lambda files: files.key.write_bytes(key_pem(new_key())), "key.pem", "not the key of the certificate"),
        (lambda files: files.key.write_bytes(key_pem(new_key(), "secret")), "key.pem", "openssl pkey"),
        (lambda files: files.certificate.write_bytes(bytes(1024 * 1024 + 1)), "certificate.pem", "larger"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[TlsFiles], object], file: str, words: str
) -> None:
    files = broken(change, tmp_path)
    with pytest.raises(EncryptionRefused) as refused:
        Encryption(lambda: files)
    assert str(tmp_path / file) in str(refused.value)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("since_days", "until_days", "warning"),
    [
        (-10, -1, ["certificate_expired"]),
        (-10, 3, ["certificate_expires_soon"]),
        (1, 100, ["certificate_not_valid_yet"]),
        (-1, 100, []),
    ],
)
def test_a_certificate_that_clients_refuse_is_warned_of(
    tmp_path: Path, since_days: float, until_days: float, warning: list[str]
) -> None:
    files = written(tmp_path, new_key(), since_days=since_days, until_days=until_days)
    with capture_logs() as logged:
        Encryption(lambda: files)
    assert [line["event"] for line in logged] == ["certificate_loaded", *warning]
    told_s = REGISTRY.get_sample_value("cds_certificate_ends_seconds")
    assert told_s == pytest.approx(time.time() + until_days * 86_400, abs=DEADLINE_S)


def test_a_key_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    files = written(tmp_path, new_key())
    files.key.chmod(0o644)
    with capture_logs() as logged:
        Encryption(lambda: files)
    assert "key_is_open_to_others" in [line["event"] for line in logged]


def test_key_and_certificate_may_be_in_one_file(tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "both.pem").write_bytes(key_pem(key) + certificate_pem(key))
    files = TlsFiles(tmp_path / "both.pem", tmp_path / "both.pem")
    assert Encryption(lambda: files).fingerprint.count(":") == 31


def test_reading_again_takes_what_is_good_and_leaves_the_rest(tmp_path: Path) -> None:
    files = written(tmp_path, new_key())
    encryption = Encryption(lambda: files)
    before = encryption.fingerprint
    files.key.write_bytes(key_pem(new_key()))
    with capture_logs() as logged:
        encryption.reload()
    assert [line["event"] for line in logged] == ["certificate_refused"]
    assert encryption.fingerprint == before
    written(tmp_path, new_key())
    encryption.reload()
    assert encryption.fingerprint != before


def names_in(path: Path) -> set[str]:
    """The names and addresses that a certificate is for."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return {
        str(name.value) for name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    }


def test_the_own_certificate_is_for_every_name_of_this_server_and_for_its_eyes_only(tmp_path: Path) -> None:
    files = own_certificate(tmp_path / "data", ("::", "contest.example.org", "10.1.2.3"))
    assert files.certificate == files.key == tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    expected = {"contest.example.org", "10.1.2.3", "localhost", "127.0.0.1", "::1", socket.gethostname()}
    assert names_in(files.certificate) == expected


def test_the_own_certificate_is_kept_until_it_will_not_do_any_more(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)

    def content(*hosts: str, at: dt.datetime = now) -> bytes:
        return own_certificate(tmp_path, hosts, at).certificate.read_bytes()

    first = content("contest.example.org")
    assert content("contest.example.org") == first
    assert content() == first
    assert content(at=now + VALID_FOR - RENEWED_BEFORE_END - dt.timedelta(days=1)) == first
    renewed = content(at=now + VALID_FOR - RENEWED_BEFORE_END + dt.timedelta(days=1))
    assert renewed != first
    assert content("another.example.org", at=now) != renewed
    (tmp_path / FILE_NAME).write_text("broken")
    assert b"BEGIN CERTIFICATE" in content()
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, "tls.lock"}


def test_a_directory_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EncryptionRefused, match="data"):
        own_certificate(tmp_path / "data", ())


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts this certificate alone."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


async def handshake(server: Running, context: ssl.SSLContext) -> ssl.SSLObject:
    """A connection that is agreed on and then closed; returns what was agreed."""
    async with asyncio.timeout(DEADLINE_S):
        _, writer = await asyncio.open_connection("127.0.0.1", server.server.port, ssl=context, server_hostname=NAME)
        agreed: ssl.SSLObject = writer.get_extra_info("ssl_object")
        writer.close()
        await writer.wait_closed()
        return agreed


def session_over_tls(context: ssl.SSLContext) -> aiohttp.ClientSession:
    """A client of a server with this certificate."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0))


async def test_a_server_with_its_own_certificate_serves_as_ever(fresh_dsn: str, tmp_path: Path) -> None:
    async with running(fresh_dsn, tls_self_signed=True, data_dir=tmp_path, keep_alive_s=0.2) as server:
        encryption = server.server.encryption
        assert encryption is not None
        context = trusting(tmp_path / FILE_NAME)
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with session_over_tls(context) as session:
            base = f"https://{NAME}:{server.server.port}/api/"
            caller = Caller(session, base, login("small", "team-one"))
            assert (await caller.json("contests/small/account"))["id"] == "team-one"
            assert (await caller.get(f"https://{NAME}:{server.server.port}/readyz")).status == 200
            async with caller.stream(FEED) as stream:
                count = len(await caller.lines(FEED))
                await stream.until(count)
                async with opened(fresh_dsn) as store:
                    await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed"))
                assert (await stream.notification())["data"]["name"] == "Renamed"
                assert await stream.line() == b""
        agreed = await handshake(server, context)
        assert agreed.selected_alpn_protocol() == "http/1.1"
        presented = agreed.getpeercert(binary_form=True)
        assert presented is not None
        assert x509.load_der_x509_certificate(presented).fingerprint(hashes.SHA256()) == (
            encryption.certificate.fingerprint(hashes.SHA256())
        )


async def test_old_versions_and_plain_text_are_refused(fresh_dsn: str, tmp_path: Path) -> None:
    async with running(fresh_dsn, tls_self_signed=True, data_dir=tmp_path) as server:
        encryption = server.server.encryption
        assert encryption is not None
        assert encryption.context.minimum_version == ssl.TLSVersion.TLSv1_2
        with pytest.raises(aiohttp.ClientError):
            await server.caller().get("contests")
        assert (await handshake(server, trusting(tmp_path / FILE_NAME))).version() == "TLSv1.3"


async def test_a_certificate_is_renewed_without_dropping_a_connection(fresh_dsn: str, tmp_path: Path) -> None:
    files = written(tmp_path, new_key())
    old = trusting_any_version(files.certificate)
    async with (
        running(fresh_dsn, tls_certificate=files.certificate, tls_key=files.key, keep_alive_s=0.2) as server,
        session_over_tls(old) as session,
    ):
        caller = Caller(session, f"https://{NAME}:{server.server.port}/api/", None)
        async with caller.stream(FEED) as stream:
            await stream.notification()
            written(tmp_path, new_key())
            server.server.reload_certificate()
            with pytest.raises(ssl.SSLError):
                await handshake(server, old)
            await handshake(server, trusting_any_version(files.certificate))
            async with opened(fresh_dsn) as store:
                await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed"))
            async with asyncio.timeout(DEADLINE_S):
                while (await stream.notification())["data"].get("name") != "Renamed":
                    continue


def trusting_any_version(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts this certificate alone, also where it lacks what newer ones have."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


async def test_a_client_that_never_agrees_on_a_key_holds_nobody_up(
    fresh_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.encryption.HANDSHAKE_S_MAX", 0.2)
    async with running(fresh_dsn, tls_self_signed=True, data_dir=tmp_path) as server:
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(b"\x16")
            await handshake(server, trusting(tmp_path / FILE_NAME))
            assert await reader.read() == b""
            writer.close()
