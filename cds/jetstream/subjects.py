"""How contests, audiences and places are spelled in JetStream: streams, subjects and headers.

This module must not know a connection: publisher and edges read the same words here.
"""

import re
from urllib.parse import quote

import msgspec

from schemas.viewers import Role

DEFAULT_PREFIX = "cds"
ROLE_WITH_OWN: Role = "team"

MESSAGE_ID = "Nats-Msg-Id"
"""The token of the last line of a message, for a feed of all types (see `token_of`)."""

REPETITION = "~"
"""What stands between a token that had been told before and digits that make the id another: JetStream takes an id once
in two minutes, and remembers those of messages that it has dropped."""

EXPECTED_LAST_SEQUENCE = "Nats-Expected-Last-Sequence"
EXPECTED_STREAM = "Nats-Expected-Stream"

GENERATION = "Cds-Generation"
"""Random hexadecimal digits: which publishing from the start a message belongs to. The stream is marked with them."""

PREVIOUS = "Cds-Previous"
"""The token of the last line that was told before this message under the same subject; empty where there was none."""

FETCH = "Cds-Fetch"
"""Set to 1 where there are no lines in a message: up to its token they are with the core.

They are too large for a message, or retention has dropped what was told last, and nobody can see any more how far that
was.
"""

FETCH_YES = "1"

PREFIX_FORM = re.compile(r"[A-Za-z0-9_]{1,32}")
"""What a prefix may be: one token of a subject, and the name of a stream up to its first `-`, so it has none itself.

Otherwise the contest `test-small` under `cds` and the contest `small` under `cds-test` would have the same stream.
"""

_ESCAPED = re.compile(r"=([0-9A-F]{2})")


class Subject(msgspec.Struct, frozen=True):
    """What a subject speaks of. `team_id`: a team's own lines; None: the common ones of the role."""

    contest_id: str
    role: str
    team_id: str | None = None


def spelled(identifier: str) -> str:
    """An id as one token of a subject: letters, digits, `_` and `-` stay, every other byte of UTF-8 is `=XX`."""
    return quote(identifier, safe="").replace(".", "%2E").replace("~", "%7E").replace("%", "=")


def read_spelled(token: str) -> str:
    """The id that a token spells. Raises ValueError for what `spelled` never makes."""
    data = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), token).encode("latin-1")
    identifier = data.decode()
    if not identifier or spelled(identifier) != token:
        raise ValueError(f"{token!r} spells no id")
    return identifier


def stream_name(prefix: str, contest_id: str) -> str:
    """The stream of a contest."""
    return f"{prefix}-{spelled(contest_id)}"


def contest_of_stream(prefix: str, stream: str) -> str | None:
    """The contest of a stream, None for streams that are none of this prefix."""
    if not stream.startswith(f"{prefix}-"):
        return None
    try:
        return read_spelled(stream.removeprefix(f"{prefix}-"))
    except ValueError:
        return None


def repeated_id(token: str, digits: str) -> str:
    """A MESSAGE_ID of a token that may have been one already."""
    return f"{token}{REPETITION}{digits}"


def token_of(message_id: str) -> str:
    """The token that a MESSAGE_ID names."""
    return message_id.partition(REPETITION)[0]


def all_subjects(prefix: str, contest_id: str) -> str:
    """What matches every subject of a contest's stream, and no other."""
    return f"{prefix}.{spelled(contest_id)}.>"


def subject_of(prefix: str, contest_id: str, role: str, team_id: str | None = None) -> str:
    """Under which subject an audience's common lines, or those of one team alone, are told."""
    common = f"{prefix}.{spelled(contest_id)}.{role}"
    return common if team_id is None else f"{common}.{spelled(team_id)}"


def subjects_of_role(prefix: str, contest_id: str, role: str) -> tuple[str, ...]:
    """What matches every subject of an audience: the common one and, where teams have lines of their own, those."""
    common = subject_of(prefix, contest_id, role)
    return (common, f"{common}.*") if role == ROLE_WITH_OWN else (common,)


def read_subject(prefix: str, subject: str) -> Subject:
    """What a subject speaks of. Raises ValueError for those that are none of this prefix."""
    first, *rest = subject.split(".")
    if first != prefix or len(rest) not in (2, 3):
        raise ValueError(f"{subject!r} is no subject of {prefix}")
    contest, role, *team = rest
    return Subject(read_spelled(contest), role, read_spelled(team[0]) if team else None)
