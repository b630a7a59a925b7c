"""What there is to say of a source: where it is, who we are there, and what becomes of it here.

This module must not know how that is spelled on the command line or in a file.
"""

from pathlib import Path

import msgspec

from cds.upstream.addresses import UpstreamAddress
from cds.upstream.patience import Patience

SOURCE_PREFIX = "source:"


class UpstreamLogin(msgspec.Struct, frozen=True):
    """User name and password at the upstream."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Without the password: this may end in a log."""
        return f"UpstreamLogin({self.username!r})"


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One source.

    `contest_id` is the id of the contest here. `shadow`: the name of the second system whose judging it is, None where
    it is the source of the contest itself. `certificates`: a PEM file with what is trusted besides the system's.
    `files_from`: hosts (in comparable form) that files may be fetched from although they are not public.
    """

    contest_id: str
    address: UpstreamAddress
    login: UpstreamLogin | None = None
    shadow: str | None = None
    certificates: Path | None = None
    files_from: frozenset[str] = frozenset()
    patience: Patience = Patience()

    @property
    def stream(self) -> str:
        """The stream in which is kept what it says; also the name of the duty of following it."""
        return source_stream(self.contest_id, self.shadow)


def source_stream(contest_id: str, shadow: str | None) -> str:
    """The stream of the source of a contest, or of one of its shadows."""
    return SOURCE_PREFIX + contest_id + ("" if shadow is None else f"/{shadow}")
