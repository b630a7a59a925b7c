"""TLS: the certificate and key of the server, checked before they are used, and read again while it runs.

This module must not know what is sent over the connections.
"""

import datetime as dt
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import msgspec
import structlog

from cds.metrics import CERTIFICATE_ENDS_S

# A server in plain text does not wait for the library of certificates at its start.
if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
        PublicKeyTypes,
    )

ALPN_PROTOCOLS = ["http/1.1"]
EXPIRES_SOON = dt.timedelta(days=14)
PEM_BYTES_MAX = 1024 * 1024

HANDSHAKE_S_MAX = 10.0
"""How long a client may take to agree on a key."""

GOODBYE_S_MAX = 3.0
"""How long the end of a connection may take; a server that stops waits for it."""

log = structlog.get_logger(__name__)


class EncryptionRefused(Exception):
    """A certificate or key that the server cannot use. The text names the file and says what is wrong with it."""


class TlsFiles(msgspec.Struct, frozen=True):
    """Where a certificate (with those that lead to its issuer behind it) and its key are, in PEM; maybe in one file."""

    certificate: Path
    key: Path


class TlsOptions(TypedDict, total=False):
    """What asyncio is told about TLS when it listens; nothing for plain text. Times are in seconds."""

    ssl: ssl.SSLContext
    ssl_handshake_timeout: float
    ssl_shutdown_timeout: float


class Encryption:
    """What connections are encrypted with. Connections that stand keep what they began with when it is read again."""

    def __init__(self, files: Callable[[], TlsFiles]) -> None:
        """`files` says where certificate and key are, each time they are read; it may make them first.

        Raises EncryptionRefused.
        """
        self._files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(ALPN_PROTOCOLS)
        self.certificate = self._load()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as browsers and openssl show it."""
        return _sha256(self.certificate).hex(":").upper()

    def reload(self) -> None:
        """Read certificate and key again, for connections from now on; what cannot be used leaves the old ones."""
        try:
            self.certificate = self._load()
        except EncryptionRefused as refused:
            log.error("certificate_refused", reason=str(refused))  # noqa: TRY400 - the reason says it all

    def _load(self) -> "x509.Certificate":
        files = self._files()
        certificate = checked_certificate(files)
        # First into a context of no consequence: one that fails half-way would be of no more use.
        for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
            try:
                context.load_cert_chain(files.certificate, files.key, password=_no_password)
            except (ssl.SSLError, OSError) as error:
                raise EncryptionRefused(f"{files.certificate}: {error}") from None
        CERTIFICATE_ENDS_S.set(certificate.not_valid_after_utc.timestamp())
        log.info(
            "certificate_loaded",
            file=str(files.certificate),
            subject=certificate.subject.rfc4514_string(),
            valid_until=certificate.not_valid_after_utc.isoformat(),
            sha256=_sha256(certificate).hex(),
        )
        _warn(files, certificate, dt.datetime.now(dt.UTC))
        return certificate


def tls_options(encryption: Encryption | None) -> TlsOptions:
    """How to listen with this encryption, or (None) in plain text."""
    if encryption is None:
        return {}
    return {
        "ssl": encryption.context,
        "ssl_handshake_timeout": HANDSHAKE_S_MAX,
        "ssl_shutdown_timeout": GOODBYE_S_MAX,
    }


def checked_certificate(files: TlsFiles) -> "x509.Certificate":
    """The certificate of the server itself, the first of its file. Raises EncryptionRefused for a key of another."""
    certificate = _certificate(files.certificate)
    key = _key(files.key)
    if _public_bytes(certificate.public_key()) != _public_bytes(key.public_key()):
        raise EncryptionRefused(f"{files.key}: this is not the key of the certificate in {files.certificate}")
    return certificate


def _certificate(path: Path) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        certificate = x509.load_pem_x509_certificates(_content(path))[0]
        certificate.public_key()  # It is read when it is asked for, and may be none.
    except (ValueError, UnsupportedAlgorithm):
        raise EncryptionRefused(f"{path}: there is no certificate in PEM in this file") from None
    return certificate


def _key(path: Path) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(_content(path), password=None)
    except TypeError:
        raise EncryptionRefused(
            f"{path}: the key is encrypted, and nobody could be asked for its passphrase at a restart; "
            "write it without one: openssl pkey -in OLD -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise EncryptionRefused(f"{path}: there is no private key in PEM in this file") from None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(PEM_BYTES_MAX + 1)
    except OSError as error:
        raise EncryptionRefused(f"{path}: {error.strerror}") from None
    if len(content) > PEM_BYTES_MAX:
        raise EncryptionRefused(f"{path}: this is larger than any certificate")
    return content


def _public_bytes(key: "CertificatePublicKeyTypes | PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _sha256(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256())


def _warn(files: TlsFiles, certificate: "x509.Certificate", now: dt.datetime) -> None:
    """Say what clients will refuse, or soon will; the server starts all the same: a contest is better than none."""
    until, file = certificate.not_valid_after_utc, str(files.certificate)
    if until <= now:
        log.warning("certificate_expired", file=file, valid_until=until.isoformat())
    elif until - now < EXPIRES_SOON:
        log.warning("certificate_expires_soon", file=file, valid_until=until.isoformat())
    if certificate.not_valid_before_utc > now:
        log.warning("certificate_not_valid_yet", file=file, valid_from=certificate.not_valid_before_utc.isoformat())
    if files.key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IRGRP:
        log.warning("key_is_open_to_others", file=str(files.key))


def _no_password() -> str:
    """OpenSSL would ask on the terminal."""
    return ""
