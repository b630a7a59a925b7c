"""Records: what the log of a contest keeps beside the objects of the JSON format.

How this server runs the contest, which accounts may log in, which requests were answered, what is a platform's, who
acted for whom. Records stand in the same stream as the objects, so that they hold at every position and every worker
sees them; they are never sent by the Contest API, and no role sees them in a collection or a feed. This module knows
shapes; it must not know who writes them.
"""

from collections.abc import Mapping
from typing import Literal

from schemas.objects import ContestObject
from schemas.properties import NonNegativeInteger, PositiveInteger, RelativeTimeText, TimeText

AwardKind = Literal["winner", "medals", "first-to-solve", "group-winner", "organization-winner", "rank", "honours"]
"""Kinds of awards that the server can keep; `rank` and `honours` exist under the World Finals rule alone."""

AWARD_KINDS: tuple[AwardKind, ...] = (
    "winner",
    "medals",
    "first-to-solve",
    "group-winner",
    "organization-winner",
    "rank",
    "honours",
)

EXCLUSIVE_KINDS: tuple[AwardKind, ...] = ("winner", "first-to-solve", "group-winner", "organization-winner")
"""Kinds that, unless told otherwise, no client may change; the others are the server's until a client takes over."""


class Record(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What all records have in common: they belong to a contest as its objects do, but table one does not know them."""


class AwardSettings(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which awards this server keeps, and how.

    `computed` false: none, the source of the contest owns its awards. `gold`, `silver` and `bronze` are numbers of
    places; `extra_bronzes` is B of the World Finals rule, given at finalization. `taken_over` are the ids of awards
    that a client has changed, and for which it is responsible since.
    """

    computed: bool = False
    kinds: tuple[AwardKind, ...] = AWARD_KINDS
    exclusive: tuple[AwardKind, ...] = EXCLUSIVE_KINDS
    rule: Literal["places", "world-finals"] = "places"
    gold: NonNegativeInteger = 4
    silver: NonNegativeInteger = 4
    bronze: NonNegativeInteger = 4
    extra_bronzes: NonNegativeInteger = 0
    taken_over: tuple[str, ...] = ()


class WebhookSettings(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How long calls of a webhook about this contest may fail, as a RELTIME, before it is deactivated."""

    deactivate_after: RelativeTimeText = "1:00:00.000"


class Playback(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a contest that is played again is a replay of, and how it is played.

    `pace_permille`: how many milliseconds of contest time pass in a second. `source` names what is played, `digest` is
    the SHA-256 of its first `changes` changes in hex, of which `steps` changes are made. `start_time` is the moment at
    which its start comes again, `begins` the contest time from which it is played. Past the end nothing is waited for
    longer than `pause_ms_max`.
    """

    pace_permille: PositiveInteger
    source: str
    digest: str
    changes: NonNegativeInteger
    steps: NonNegativeInteger
    start_time: TimeText
    begins: RelativeTimeText | None = None
    pause_ms_max: NonNegativeInteger


ORDINARY_PACE_PERMILLE = 1000
"""Of a contest that really takes place: contest time passes as time does."""


class Settings(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How this server runs the contest.

    `clock`: whether it starts, freezes, ends and thaws the contest at its times. Off, with the awards, for contests
    that another system owns: those that were imported or are followed. `follows_times`: it starts, freezes and ends it
    all the same, while times and state are the source's to change: so it is for contests that are synced with a
    platform, which tells of them every few hours. `playback` is there for a contest that is played again, and for no
    other. `source_pace_permille` is the pace of the contest that is followed, where that is a replay: how many
    milliseconds of contest time pass in a second there. `match` is the id of the match of the League of Code whose
    contest this is, and by which alone it is changed; nobody else's settings have it, and no package carries it.
    """

    clock: bool = False
    follows_times: bool = False
    awards: AwardSettings = AwardSettings()
    webhooks: WebhookSettings = WebhookSettings()
    playback: Playback | None = None
    source_pace_permille: PositiveInteger = ORDINARY_PACE_PERMILLE
    match: str | None = None

    @property
    def pace_permille(self) -> int:
        """How many milliseconds of contest time pass in a second."""
        return self.source_pace_permille if self.playback is None else self.playback.pace_permille


class Login(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whether an account of the contest may log in; `generation` counts the passwords that it has had.

    An account without such a record may log in. The password itself is nowhere in the log.
    """

    disabled: bool = False
    generation: NonNegativeInteger = 0


class Request(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A request with an Idempotency-Key that was carried out: what it made.

    `fingerprint` is a keyed hash over what was asked.
    """

    fingerprint: str
    type: str
    id: str


class PlatformObjects(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which objects of the contest a platform has given it, by type: the ids that came, and those that went again.

    The records of a contest are numbered, 1, 2, 3 …, and what is the platform's follows from all of them in that order:
    an id alone does not say whether people here have made the object, for they may choose any.
    """

    came: Mapping[str, tuple[str, ...]] = {}
    went: Mapping[str, tuple[str, ...]] = {}


PLATFORM_OBJECTS = "x-platform-objects"


class Audit(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """That somebody acted for a participant, or set a rule aside in doing so (CMS ContestWebServer API, 3 and 4.5).

    `by` is who did, `address` where they asked from, `account_id` whose account it was. `what` was done, in words;
    `submission_id` is what it made. When it was is the moment of the event.
    """

    kind: Literal["impersonation", "override"]
    account_id: str
    by: str
    address: str | None = None
    what: str | None = None
    submission_id: str | None = None


RECORD_TYPES: dict[str, type[Record]] = {
    "x-settings": Settings,
    "x-logins": Login,
    "x-requests": Request,
    PLATFORM_OBJECTS: PlatformObjects,
    "x-audit": Audit,
}
"""The structure of every type of record, by the type under which it stands in the log."""
