"""Which certificate a configuration means.

This module must not know how connections are made.
"""

from functools import partial

from cds.configuration import Configuration
from cds.encryption import Encryption, TlsFiles


def encryption_of(configuration: Configuration) -> Encryption | None:
    """What a server of this configuration encrypts with, None for one in plain text. Raises EncryptionRefused."""
    if configuration.tls_self_signed:
        from cds.own_certificate import own_certificate  # with what it takes to make one

        return Encryption(partial(own_certificate, configuration.data_dir, configuration.own_hosts))
    certificate = configuration.tls_certificate
    if certificate is None:
        return None
    files = TlsFiles(certificate, configuration.tls_key or certificate)
    return Encryption(lambda: files)
