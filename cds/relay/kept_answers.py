"""Answers of the upstream that are kept, bounded by bytes, and how long each of them is good.

This module must not know what they are answers to.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Mapping
from http import HTTPStatus
from typing import Literal

import msgspec
from aiohttp import hdrs
from multidict import CIMultiDict

from cds import metrics
from cds.contest_api.answers import GZIP_SUFFIX
from cds.contest_api.away import WARNING
from cds.contest_api.negotiation import GZIP
from cds.contest_api.ready_response import ready_head

VARIED_BY = frozenset({"authorization", "accept", "accept-encoding", "origin"})
"""What an answer may depend on (Vary) and still be kept: the first three make it another one here, and the upstream
is always asked with the same origin."""

OF_A_BODY = frozenset({"content-type", "content-encoding", "content-length"})
"""Headers that say something of a body, and do not stand where none is sent."""

IDENTITY = "identity"

OVERHEAD_BYTES = 2_048
"""What an answer takes besides its body, about."""

OF_FRESHNESS = "1"
"""Warnings that begin so say that an answer may be old (RFC 7234, section 5.5): of this answer, not of the next."""

Worth = Literal["good", "old", "nothing"]
"""What an answer is worth that is kept: it is so; it was so when the upstream was asked last; it may be otherwise."""


class Freshness(msgspec.Struct, frozen=True):
    """When something was so: how far the login's feeds and boards had got, and the loop's clock."""

    stamp: tuple[Hashable, ...]
    at_s: float


class Asked(msgspec.Struct, frozen=True):
    """What makes an answer another one: the address, the login (empty: none), and the forms that are accepted."""

    url: str
    login: bytes
    accept: str
    compressed: bool

    def headers(self) -> dict[str, str]:
        """How the upstream is asked for just that form."""
        headers: dict[str, str] = {hdrs.ACCEPT_ENCODING: GZIP if self.compressed else IDENTITY}
        return headers | {hdrs.ACCEPT: self.accept} if self.accept else headers


class WhileAway(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of what is kept while the upstream does not answer, and nothing has been told since.

    `kept_s`: for so long it is told after it was good, and to who brings no login for as long as the upstream is known
    to be away. `wait_s`: so long the upstream is waited for where there is something to be told in its place.
    """

    kept_s: float
    wait_s: float

    def tells(self, asked: Asked, age_s: float, *, away: bool) -> bool:
        """Whether an answer that was good so long ago is told; `away`: it is known that the upstream cannot answer."""
        return age_s < self.kept_s or (away and not asked.login)


class KeptAnswer(msgspec.Struct):
    """A body with everything that stands around it. `entity_tag` is without the mark of a coding and quotes.

    `said_old`: the upstream could not say either whether this is still so.
    """

    headers: Mapping[str, str]
    entity_tag: str
    body: bytes
    since: Freshness
    head: bytes
    not_modified_head: bytes
    said_old: bool


def kept_answer(headers: CIMultiDict[str], body: bytes, since: Freshness) -> KeptAnswer:
    """An answer as it is kept; `headers` are those that are passed on."""
    said_old, lasting = says_old(headers), CIMultiDict(headers)
    if said_old:
        del lasting[WARNING]
    return KeptAnswer(
        headers=lasting,
        entity_tag=bare_entity_tag(lasting[hdrs.ETAG]),
        body=body,
        since=since,
        head=ready_head(HTTPStatus.OK, lasting, len(body)),
        not_modified_head=ready_head(HTTPStatus.NOT_MODIFIED, without_body(lasting), None),
        said_old=said_old,
    )


class Whole(msgspec.Struct, frozen=True):
    """An answer that is all there, and is not kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeptAnswers:
    """What was answered, by what was asked; what nobody has asked for the longest goes first."""

    def __init__(self, bytes_max: int) -> None:
        """None yet."""
        self._answers: OrderedDict[Asked, KeptAnswer] = OrderedDict()
        self._of_login: defaultdict[bytes, set[Asked]] = defaultdict(set)
        self._bytes_max = bytes_max
        self._bytes = 0

    def get(self, asked: Asked) -> KeptAnswer | None:
        """What was answered to that, good or not."""
        kept = self._answers.get(asked)
        if kept is not None:
            self._answers.move_to_end(asked)
        return kept

    def keep(self, asked: Asked, answer: KeptAnswer) -> None:
        """Keep an answer in the place of an older one."""
        self.forget(asked)
        self._answers[asked] = answer
        self._of_login[asked.login].add(asked)
        self._bytes += _size_bytes(answer)
        while self._bytes > self._bytes_max:
            self.forget(next(iter(self._answers)))
        metrics.RELAY_ANSWERS_BYTES.set(self._bytes)

    def forget(self, asked: Asked) -> None:
        """Keep no answer to that."""
        answer = self._answers.pop(asked, None)
        if answer is None:
            return
        self._bytes -= _size_bytes(answer)
        of_login = self._of_login[asked.login]
        of_login.discard(asked)
        if not of_login:
            del self._of_login[asked.login]

    def forget_all_of(self, login: bytes) -> None:
        """Keep nothing that was answered to a login."""
        for asked in list(self._of_login.get(login, ())):
            self.forget(asked)


def may_be_kept(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer can be recognized later, and depends on nothing but what was asked."""
    varied = {name.strip().lower() for name in headers.get(hdrs.VARY, "").split(",") if name.strip()}
    return (
        status == HTTPStatus.OK
        and hdrs.ETAG in headers
        and "no-store" not in headers.get(hdrs.CACHE_CONTROL, "").lower()
        and varied <= VARIED_BY
    )


def says_old(headers: Mapping[str, str]) -> bool:
    """Whether whoever answered could not tell that it is still so."""
    return headers.get(WARNING, "").startswith(OF_FRESHNESS)


def without_body(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that stand where the body is not sent, because the client has it."""
    return {name: value for name, value in headers.items() if name.lower() not in OF_A_BODY}


def bare_entity_tag(header: str) -> str:
    """The text of an entity tag, without the mark of a coding."""
    return header.removeprefix("W/").strip('"').removesuffix(GZIP_SUFFIX)


def _size_bytes(answer: KeptAnswer) -> int:
    return len(answer.body) + OVERHEAD_BYTES
