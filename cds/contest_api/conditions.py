"""Preconditions and repetitions of writes: `If-Match`, `If-None-Match: *`, `Idempotency-Key`.

Both are checked where the decision is taken, so that nothing can come between. This module must not know what is
written.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256

import msgspec
from aiohttp import hdrs, web

from cds.commands.decision import ObjectChange, Refused
from cds.contest_api.answers import GZIP_SUFFIX, AnswerCache
from cds.contest_api.errors import bad_request
from cds.live_contest import LiveContest
from projections.contest import ContestState
from projections.integrity import Key
from projections.served_versions import ServedVersion
from schemas.records import Request
from schemas.viewers import Viewer

IDEMPOTENCY_KEY = "Idempotency-Key"
KEY_CHARACTERS_MAX = 255
ANY_TAG = "*"
RECORD_ID_CHARACTERS = 32


class ShownTo(msgspec.Struct, frozen=True, eq=False):
    """What a viewer is shown of a contest in a version of the API."""

    contest: LiveContest
    viewer: Viewer
    version: ServedVersion

    def object(self, key: Key) -> bytes | None:
        """One object as encoded JSON, None when it is not shown."""
        return self.contest.audience(self.viewer.role, self.version).object(key, self.viewer.team_id)


class Precondition(msgspec.Struct, frozen=True, kw_only=True):
    """What the client takes the object to be. `entity_tags` None: it says nothing; `*` stands for any."""

    entity_tags: tuple[str, ...] | None
    absent: bool

    def check(self, shown_to: ShownTo, answers: AnswerCache, state: ContestState, key: Key) -> None:
        """Raise Refused unless the object is what the client says, to this viewer, in this state."""
        if self.absent and key[1] in state.objects[key[0]]:
            raise Refused("the object exists already (If-None-Match)", ground="precondition")
        if self.entity_tags is None:
            return
        contest, shown = shown_to.contest, shown_to.object(key)
        # Another command of the same batch may have changed it since it was shown.
        changed = state.versions.get(key) != contest.state.versions.get(key)
        if shown is None or changed or not self._names(answers.passing(shown).entity_tag):
            raise Refused("the object is not as If-Match says", ground="precondition")

    def _names(self, entity_tag: str) -> bool:
        return self.entity_tags is not None and (ANY_TAG in self.entity_tags or entity_tag in self.entity_tags)


NO_PRECONDITION = Precondition(entity_tags=None, absent=False)


def precondition_of(request: web.Request) -> Precondition:
    """The precondition in the headers. Raises Failure (400)."""
    if hdrs.IF_MATCH not in request.headers and hdrs.IF_NONE_MATCH not in request.headers:
        return NO_PRECONDITION
    try:
        match, none_match = request.if_match, request.if_none_match
    except ValueError:
        raise bad_request("If-Match and If-None-Match must be entity tags in quotes") from None
    for header, read in ((hdrs.IF_MATCH, match), (hdrs.IF_NONE_MATCH, none_match)):
        if header in request.headers and not read:
            raise bad_request(f"{header} must be entity tags in quotes")
    tags = None if not match else tuple(tag.value.removesuffix(GZIP_SUFFIX) for tag in match if not tag.is_weak)
    # A star in quotes is an entity tag like any other, and none of ours; both are read alike.
    if tags and ANY_TAG in tags and request.headers[hdrs.IF_MATCH].strip() != ANY_TAG:
        tags = tuple(tag for tag in tags if tag != ANY_TAG)
    return Precondition(entity_tags=tags, absent=any(tag.value == ANY_TAG for tag in none_match or ()))


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may come again: the record under which it is noted, and what was asked."""

    record_id: str
    fingerprint: str

    @property
    def key(self) -> Key:
        """The record."""
        return "x-requests", self.record_id

    def note(self, made: Key) -> ObjectChange:
        """The change that notes what the request made."""
        return ObjectChange(*self.key, Request(fingerprint=self.fingerprint, type=made[0], id=made[1]))


class CarriedOutBefore(Exception):
    """The request was carried out already."""

    def __init__(self, repetition: Repetition) -> None:
        super().__init__(repetition.record_id)
        self.repetition = repetition


def repetition_of(request: web.Request, actor: str, secret: bytes, parts: Iterable[bytes]) -> Repetition | None:
    """The repetition that the header speaks of, None without it; `parts` are the body. Raises Failure (400)."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not 0 < len(key) <= KEY_CHARACTERS_MAX or not key.isascii() or not key.isprintable():
        raise bad_request(f"{IDEMPOTENCY_KEY} must be 1 to {KEY_CHARACTERS_MAX} printable ASCII characters")
    fingerprint = hmac.new(secret, digestmod=sha256)
    for part in (request.method.encode(), request.path.rstrip("/").encode(), *parts):
        fingerprint.update(len(part).to_bytes(8, "big") + part)
    record = hmac.new(secret, f"{actor}\0{key}".encode(), sha256).hexdigest()[:RECORD_ID_CHARACTERS]
    return Repetition(record_id=record, fingerprint=fingerprint.hexdigest())


async def made_before(contest: LiveContest, repetition: Repetition) -> Key:
    """What the request made when it came before. Raises Refused (422) for another request under the same key."""
    record = await contest.record(repetition.key, Request)
    if record is None or record.fingerprint != repetition.fingerprint:
        raise Refused(f"{IDEMPOTENCY_KEY} was used before, for another request", ground="reused-key")
    return record.type, record.id
