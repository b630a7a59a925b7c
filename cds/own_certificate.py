"""A certificate that the server signs itself (`--tls self-signed`), kept in the data directory and renewed in time.

Clients cannot know it from another's but by its fingerprint, which is printed. This module must not know who uses it.
"""

import datetime as dt
import fcntl
import ipaddress
import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cds.encryption import EncryptionRefused, TlsFiles, checked_certificate

FILE_NAME = "tls.pem"
"""Key and certificate are one file, so that they can only be replaced together."""

LOCK_NAME = "tls.lock"

VALID_FOR = dt.timedelta(days=365)
VALID_SINCE = dt.timedelta(hours=1)
"""Clocks of clients may be slow."""

RENEWED_BEFORE_END = dt.timedelta(days=90)
COMMON_NAME = "contest data server"
NAMES_ALWAYS = ("localhost", "127.0.0.1", "::1")
NAME_CHARACTERS_MAX = 253
"""The longest name that there is (RFC 1035)."""

log = structlog.get_logger(__name__)


def own_certificate(directory: Path, hosts: Sequence[str], now: dt.datetime | None = None) -> TlsFiles:
    """The server's own certificate for the names and addresses it has, made when there is none that will do.

    `hosts`: besides those that every machine has, and its own name. Raises EncryptionRefused.
    """
    path = directory / FILE_NAME
    files = TlsFiles(path, path)
    now = now or dt.datetime.now(dt.UTC)
    names = certificate_names(hosts)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / LOCK_NAME).open("w") as lock:
            # Workers start together, and all of them must come to have the same certificate.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _will_do(files, names, now):
                _replace(path, _signed_by_itself(names, now))
                log.info("certificate_made", file=str(path), names=[str(name.value) for name in names])
    except OSError as error:
        raise EncryptionRefused(f"{path}: {error.strerror}") from None
    return files


def certificate_names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """The names and addresses that a certificate is for, each once; addresses that mean "any" are none."""
    texts = dict.fromkeys([*hosts, *NAMES_ALWAYS, socket.gethostname()])
    return [name for name in map(_general_name, texts) if name is not None]


def _general_name(text: str) -> x509.GeneralName | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        named = text.isascii() and 0 < len(text) <= NAME_CHARACTERS_MAX
        return x509.DNSName(text) if named else None
    return None if address.is_unspecified else x509.IPAddress(address)


def _will_do(files: TlsFiles, names: Sequence[x509.GeneralName], now: dt.datetime) -> bool:
    """Whether what is there can go on being used: whole, for all names, and for a good while yet."""
    if not files.certificate.exists():
        return False
    try:
        certificate = checked_certificate(files)
        present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (EncryptionRefused, x509.ExtensionNotFound) as refused:
        log.warning("certificate_made_anew", reason=str(refused))
        return False
    return set(names) <= set(present) and certificate.not_valid_after_utc - now > RENEWED_BEFORE_END


def _signed_by_itself(names: Sequence[x509.GeneralName], now: dt.datetime) -> bytes:
    """A new key and its certificate, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID_SINCE)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
