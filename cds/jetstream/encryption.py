"""Encryption of connections to NATS: whether it is asked for, whom we believe, and what we show.

One URL with tls://, an authority or a certificate asks for it, and then for every server. This module must not know a
connection.
"""

import ssl

from cds.encryption import EncryptionRefused, TlsFiles, checked_certificate
from cds.jetstream.server_urls import address_of
from cds.jetstream.settings import NatsServers


def is_encrypted(servers: NatsServers) -> bool:
    """Whether nothing may be said to these servers in plain text."""
    named = servers.ca is not None or servers.certificate is not None
    return named or any(address_of(url).encrypted for url in servers.urls)


def context_of(servers: NatsServers) -> ssl.SSLContext:
    """What is believed and shown, as the files say at this moment. Raises EncryptionRefused."""
    try:
        context = ssl.create_default_context(cafile=servers.ca)
    except (ssl.SSLError, OSError):
        raise EncryptionRefused(f"{servers.ca}: there is no certificate in PEM in this file") from None
    if servers.certificate is None:
        return context
    files = TlsFiles(servers.certificate, servers.key or servers.certificate)
    checked_certificate(files)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, OSError) as error:
        raise EncryptionRefused(f"{files.certificate}: {error}") from None
    return context
