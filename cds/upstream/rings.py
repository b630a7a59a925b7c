"""Whom a followed server follows itself: so that servers that follow each other in a ring are found out.

In a ring every change would come back as news, for ever. So whoever follows says so in its question, and the head of
the answer names the contest asked for and, behind it, those that it is made of. A contest that finds itself among
these is in a ring; of all that are in it, the one whose name comes first ceases to follow. Names are of contests on
databases, and tell nothing of either. This module must not know how anything is asked.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence

from cds.upstream.options import source_stream
from cds.upstream.status import all_statuses
from eventstore.store import EventStore

SOURCES_HEADER = "Contest-Sources"
"""In a question: whoever asks wants to be told. In its answer: the names, separated by commas."""

SERVERS_MAX = 32
"""Names that are passed on; a chain of servers is shorter than that."""

SECRET = "servers"  # noqa: S105 - the name of a secret, not one
SECRET_BYTES = 32
NAME_BYTES = 16
NAME = re.compile(f"[0-9a-f]{{{2 * NAME_BYTES}}}")
CONNECTED = ("following", "reading anew")


async def name_here(store: EventStore, contest_id: str) -> str:
    """The name of a contest on this database, the same for as long as that is kept. Raises what the store raises."""
    secret = await store.secret(SECRET, lambda: secrets.token_bytes(SECRET_BYTES))
    return hashlib.blake2b(contest_id.encode(), key=secret, digest_size=NAME_BYTES).hexdigest()


async def names_told(store: EventStore, contest_id: str, now_us: int) -> str:
    """What the head of an answer says: this contest, and those that it follows now. Raises what the store raises."""
    stream = source_stream(contest_id, None)
    status = (await all_statuses(store, now_us)).get(stream)
    followed = status.servers if status is not None and status.state in CONNECTED else ()
    return ", ".join((await name_here(store, contest_id), *followed))


def names_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The names that the head of an answer tells, none where it tells none of use."""
    names = [each.strip() for each in headers.get(SOURCES_HEADER, "").split(",", SERVERS_MAX)][:SERVERS_MAX]
    return tuple(names) if all(NAME.fullmatch(each) for each in names) else ()


def passed_on(own: str, told: Sequence[str]) -> tuple[str, ...]:
    """The names of a followed contest that are told to those who follow us: none behind our own."""
    return tuple(told[: told.index(own) + 1] if own in told else told)[: SERVERS_MAX - 1]


def ceases(own: str, told: Sequence[str]) -> bool:
    """Whether we are in a ring and the one that is to leave it.

    The first name is that of the contest which is followed. One that has our name is a copy of our database.
    """
    followed = told[1:]
    return own in followed and own == min(told[: followed.index(own) + 2])
