"""Certificates and keys for tests: right ones, and each way in which they can be wrong."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds.encryption import TlsFiles

NAME = "localhost"


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: str | None = None) -> bytes:
    """A key in PEM, encrypted with a passphrase where there is one."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def certificate_pem(key: ec.EllipticCurvePrivateKey, *, since_days: float = -1, until_days: float = 100) -> bytes:
    """A certificate for `localhost`, signed by itself, valid between two moments counted in days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=since_days))
        .not_valid_after(now + dt.timedelta(days=until_days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def written(
    directory: Path, key: ec.EllipticCurvePrivateKey, *, since_days: float = -1, until_days: float = 100
) -> TlsFiles:
    """A certificate and its key as files."""
    files = TlsFiles(directory / "certificate.pem", directory / "key.pem")
    files.certificate.write_bytes(certificate_pem(key, since_days=since_days, until_days=until_days))
    files.key.touch(mode=0o600)
    files.key.write_bytes(key_pem(key))
    return files
