"""The parts that the ContestWebServer API needs beside those of the Contest API.

This module must not know any endpoint.
"""

import hmac

import msgspec
import structlog

from cds.cms_api.settings import ADMIN_TOKEN_CHARACTERS_MIN, CmsSettings
from cds.cms_api.tokens import CmsTokens, cms_tokens
from cds.throttling import Throttle
from eventstore.store import EventStore

log = structlog.get_logger(__name__)


class CmsParts(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, the tokens of participants, and the count of wrong admin tokens by address."""

    settings: CmsSettings
    tokens: CmsTokens
    guesses: Throttle

    def is_admin_token(self, given: str) -> bool:
        """Whether this is the token that lets its holder act for others; never where none is set (4.5)."""
        expected = self.settings.admin_token
        return bool(expected) and hmac.compare_digest(given.encode(), (expected or "").encode())


async def opened_cms(store: EventStore, settings: CmsSettings) -> CmsParts:
    """The parts over a store; what is doubtful about the settings is said in the log."""
    if settings.guessable:
        log.warning("cms_admin_token_short", characters_min=ADMIN_TOKEN_CHARACTERS_MIN)
    return CmsParts(settings=settings, tokens=await cms_tokens(store, settings.admin_token), guesses=Throttle())
