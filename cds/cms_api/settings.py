"""How the ContestWebServer API is told to be served.

This module must not know where the settings come from.
"""

import msgspec

ADMIN_TOKEN_CHARACTERS_MIN = 32
"""A shorter token can be guessed by whoever is patient."""


class CmsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`contest_id`: the contest that is served at the root too, beside its place below `/cms`; None: none is.

    `admin_token` lets who has it act for any participant (CMS ContestWebServer API, 3); None: nobody may.
    """

    contest_id: str | None = None
    admin_token: str | None = None

    @property
    def guessable(self) -> bool:
        """Whether there is a token that is shorter than it should be."""
        return self.admin_token is not None and len(self.admin_token) < ADMIN_TOKEN_CHARACTERS_MIN
