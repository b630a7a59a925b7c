"""What keeps an answer of another server away, and how that is told to people.

This module must not know who asks, nor what for.
"""

from http import HTTPStatus

import aiohttp

Reasons = tuple[tuple[type[Exception], str], ...]
"""Failures and the words for them, the more particular first."""

REDIRECTS = frozenset(
    (
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    )
)

REASONS: Reasons = (
    (aiohttp.ClientConnectorDNSError, "the name of the host is not known"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not one to be trusted"),
    (aiohttp.ClientSSLError, "TLS could not be agreed upon"),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientOSError, "the connection broke"),
)
"""What these failures mean whoever asks."""


def words_for(error: Exception, reasons: Reasons) -> str:
    """Why asking came to nothing; what the table does not know is told by its name."""
    return next((words for kind, words in reasons if isinstance(error, kind)), type(error).__name__)
